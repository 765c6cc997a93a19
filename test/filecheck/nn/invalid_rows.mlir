// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A convolution of a matrix.
// CHECK: nn.conv: expected x [N, H, W, C] and w [O, R, S, C / groups], got tensor<4x4xf32> and tensor<1x1x1x4xf32>
func.func @f(%x: tensor<4x4xf32>, %w: tensor<1x1x1x4xf32>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<4x4xf32>, tensor<1x1x1x4xf32>) -> tensor<4x1xf32>
  func.return
}

// -----

// A convolution of two types.
// CHECK: nn.conv: expected two operands of one float type or of i8, got f32 and f16
func.func @f(%x: tensor<1x4x4x4xf32>, %w: tensor<1x1x1x4xf16>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x4xf32>, tensor<1x1x1x4xf16>) -> tensor<1x4x4x1xf32>
  func.return
}

// -----

// A product of a vector.
// CHECK: nn.matmul: expected operands of rank 2 or more, got tensor<4x4xf32> and tensor<4xf32>
func.func @f(%x: tensor<4x4xf32>, %v: tensor<4xf32>) {
  %0 = nn.matmul %x, %v : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A pool of a matrix.
// CHECK: nn.max_pool: expected x [N, H, W, C] and a kernel size per spatial dim, got tensor<4x4xf32> and [1, 1]
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.max_pool %x {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// A pool without a window.
// CHECK: nn.max_pool: expected positive kernel sizes, got [0, 1]
func.func @f(%x: tensor<1x4x4x1xf32>) {
  %0 = nn.max_pool %x {kernel = array<i64: 0, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x1xf32>) -> tensor<1x4x4x1xf32>
  func.return
}

// -----

// A mean of integers.
// CHECK: nn.avg_pool: expected a floating-point tensor, got tensor<1x4x4x1xi32>
func.func @f(%x: tensor<1x4x4x1xi32>) {
  %0 = nn.avg_pool %x {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, count_include_pad = false} : (tensor<1x4x4x1xi32>) -> tensor<1x4x4x1xi32>
  func.return
}

// -----

// The sum of truth values.
// CHECK: nn.reduce: expected numbers (floats for mean), got tensor<4xi1>
func.func @f(%x: tensor<4xi1>) {
  %0 = nn.reduce sum %x {axes = array<i64: 0>, keepdims = true} : (tensor<4xi1>) -> tensor<1xi1>
  func.return
}

// -----

// The mean of integers.
// CHECK: nn.reduce: expected numbers (floats for mean), got tensor<4xi32>
func.func @f(%x: tensor<4xi32>) {
  %0 = nn.reduce mean %x {axes = array<i64: 0>, keepdims = true} : (tensor<4xi32>) -> tensor<1xi32>
  func.return
}

// -----

// One axis twice.
// CHECK: nn.reduce: expected distinct axes in [0, 2), got [0, 0]
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.reduce sum %x {axes = array<i64: 0, 0>, keepdims = true} : (tensor<4x4xf32>) -> tensor<1x4xf32>
  func.return
}

// -----

// A softmax of integers.
// CHECK: nn.softmax: expected a floating-point tensor, got tensor<4xi32>
func.func @f(%x: tensor<4xi32>) {
  %0 = nn.softmax %x {axis = 0 : i64} : (tensor<4xi32>) -> tensor<4xi32>
  func.return
}

// -----

// A blob of unknown size.
// CHECK: blob 'w': expected a tensor type with static dims, got tensor<?xf32>
func.func @f() {
  %0 = nn.constant #nn.blob<"w", "0000000000000000000000000000000000000000000000000000000000000000", tensor<?xf32>>
  func.return
}

// -----

// A softmax along no dim.
// CHECK: nn.softmax: expected an axis in [0, 1), got 1
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A norm over no dim.
// CHECK: nn.normalize: expected distinct axes in [0, 1), one at least, got []
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.normalize %x {axes = array<i64>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A norm of integers.
// CHECK: nn.normalize: expected a floating-point tensor, got tensor<4xi32>
func.func @f(%x : tensor<4xi32>) {
  %0 = nn.normalize %x {axes = array<i64: 0>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<4xi32>) -> tensor<4xi32>
  func.return
}

// -----

// A length of no dim.
// CHECK: nn.l2_normalize: expected distinct axes in [0, 1), one at least, got []
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.l2_normalize %x {axes = array<i64>, epsilon = 1.0e-05 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A length of less than nothing.
// CHECK: nn.l2_normalize: expected a finite epsilon >= 0, got -1.0
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.l2_normalize %x {axes = array<i64: 0>, epsilon = -1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A log_softmax along no dim.
// CHECK: nn.log_softmax: expected an axis in [0, 1), got 1
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.log_softmax %x {axis = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}
