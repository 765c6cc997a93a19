// RUN: trtc-opt %s --split-input-file --verify-diagnostics | filecheck %s

// Filters fit the channels.
// CHECK: nn.conv: expected w with C / groups input channels and O divisible by groups
func.func @f(%x : tensor<1x8x8x4xf32>, %w : tensor<8x3x3x3xf32>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x4xf32>, tensor<8x3x3x3xf32>) -> tensor<1x6x6x8xf32>
  func.return
}

// -----

// The output channels are as many for each group.
// CHECK: nn.conv: expected w with C / groups input channels and O divisible by groups
func.func @f(%x : tensor<1x8x8x6xf32>, %w : tensor<8x3x3x2xf32>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 3 : i64} : (tensor<1x8x8x6xf32>, tensor<8x3x3x2xf32>) -> tensor<1x6x6x8xf32>
  func.return
}

// -----

// Pads add to an image; what takes away from it is a slice.
// CHECK: nn.conv: expected 2 positive strides, 2 positive dilations and 4 pads (before each dim, then after) of 0 or more, got {{.*}} pads [0, 0, -1, 0]
func.func @f(%x : tensor<1x8x8x4xf32>, %w : tensor<8x3x3x4xf32>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, -1, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x4xf32>, tensor<8x3x3x4xf32>) -> tensor<1x5x6x8xf32>
  func.return
}

// -----

// A window fits into its image.
// CHECK: nn.conv: expected a window that fits into the padded input, got size 2 and kernel 3 in height
func.func @f(%x : tensor<1x2x8x4xf32>, %w : tensor<8x3x3x4xf32>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x8x4xf32>, tensor<8x3x3x4xf32>) -> tensor<1x1x6x8xf32>
  func.return
}

// -----

// Strides are positive, pads are four.
// CHECK: nn.max_pool: expected 2 positive strides, 2 positive dilations and 4 pads (before each dim, then after)
func.func @f(%x : tensor<1x8x8x4xf32>) {
  %0 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
  func.return
}

// -----

// Integer products accumulate in i32.
// CHECK: nn.matmul: expected a result of i32 for operands of i8, got i8
func.func @f(%x : tensor<4x4xi8>) {
  %0 = nn.matmul %x, %x : (tensor<4x4xi8>, tensor<4x4xi8>) -> tensor<4x4xi8>
  func.return
}

// -----

// Inner dims agree, with a transposed operand too.
// CHECK: nn.matmul: expected equal inner dims, got 4 and 8
func.func @f(%x : tensor<4x4xf32>, %y : tensor<4x8xf32>) {
  %0 = nn.matmul %x, %y {transpose_b} : (tensor<4x4xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// Axes are in range and distinct.
// CHECK: nn.reduce: expected distinct axes in [0, 2), got [1, 1]
func.func @f(%x : tensor<4x4xf32>) {
  %0 = nn.reduce sum %x {axes = array<i64: 1, 1>, keepdims = true} : (tensor<4x4xf32>) -> tensor<4x1xf32>
  func.return
}

// -----

// A normalisation's scale covers its axes.
// CHECK: nn.layer_norm scale: expected shapes that broadcast, got [4] and [3]
func.func @f(%x : tensor<2x4xf32>, %s : tensor<3xf32>) {
  %0 = nn.layer_norm %x, %s, %s {axis = 1 : i64, epsilon = 1.0e-5 : f64} : (tensor<2x4xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  func.return
}

// -----

// `math` says what f32 operands are rounded to; f16 operands are multiplied as they are.
// CHECK: nn.matmul: expected math on f32 operands only, got tensor<2x4xf16> and tensor<4x3xf16>
func.func @f(%x : tensor<2x4xf16>, %y : tensor<4x3xf16>) {
  %0 = nn.matmul %x, %y {math = #nn.math<tf32>} : (tensor<2x4xf16>, tensor<4x3xf16>) -> tensor<2x3xf16>
  func.return
}

// -----

// Three spatial dims have three strides and six pads.
// CHECK: nn.conv: expected 3 positive strides, 3 positive dilations and 6 pads (before each dim, then after) of 0 or more, got strides [1, 1],
func.func @f(%x : tensor<1x4x4x4x2xf32>, %w : tensor<8x1x1x1x2xf32>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x4x2xf32>, tensor<8x1x1x1x2xf32>) -> tensor<1x4x4x4x8xf32>
  func.return
}

// -----

// A window fits into the depth of its image.
// CHECK: nn.avg_pool: expected a window that fits into the padded input, got size 2 and kernel 3 in depth
func.func @f(%x : tensor<1x2x4x4x2xf32>) {
  %0 = nn.avg_pool %x {kernel = array<i64: 3, 1, 1>, strides = array<i64: 1, 1, 1>, pads = array<i64: 0, 0, 0, 0, 0, 0>, dilations = array<i64: 1, 1, 1>, count_include_pad = false} : (tensor<1x2x4x4x2xf32>) -> tensor<1x1x4x4x2xf32>
  func.return
}

// -----

// Places are i64.
// CHECK: nn.arg_max_pool: expected result 0 of type tensor<1x2x2x1xi64>, got tensor<1x2x2x1xf32>
func.func @f(%x : tensor<1x4x4x1xf32>) {
  %0 = nn.arg_max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x1xf32>) -> tensor<1x2x2x1xf32>
  func.return
}
