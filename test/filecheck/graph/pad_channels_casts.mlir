// RUN: trtc-opt %s -p 'pad-channels{least_pixels=1000},dce' --split-input-file | filecheck %s

// Refused: a cast stays before its transpose where others read the cast image, or the transposed one.
// CHECK-LABEL: @shared
// CHECK: %[[C:.*]] = nn.cast %x
// CHECK-NEXT: nn.transpose %[[C]]
// CHECK: %[[D:.*]] = nn.cast %y
// CHECK-NEXT: nn.transpose %[[D]]
func.func @shared(%x: tensor<1x3x8x8xf32>, %y: tensor<1x3x8x8xf32>) -> (tensor<1x3x8x8xf16>, tensor<1x7x7x8xf16>, tensor<1x8x8x3xf16>, tensor<1x7x7x8xf16>) {
  %w = nn.constant dense<1.0> : tensor<8x2x2x3xf16>
  %0 = nn.cast %x : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf16>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf16>) -> tensor<1x8x8x3xf16>
  %2 = nn.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x2x2x3xf16>) -> tensor<1x7x7x8xf16>
  %3 = nn.cast %y : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf16>
  %4 = nn.transpose %3 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf16>) -> tensor<1x8x8x3xf16>
  %5 = nn.conv %4, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x2x2x3xf16>) -> tensor<1x7x7x8xf16>
  func.return %0, %2, %4, %5 : tensor<1x3x8x8xf16>, tensor<1x7x7x8xf16>, tensor<1x8x8x3xf16>, tensor<1x7x7x8xf16>
}

// -----

// Refused: a cast from f64 is no narrowing of an image, a transpose alone has no cast to move, a cast alone no transpose to pass.
// CHECK-LABEL: @others
// CHECK: %[[C:.*]] = nn.cast %x : (tensor<1x3x8x8xf64>) -> tensor<1x3x8x8xf16>
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[C]]
// CHECK-NEXT: nn.conv %[[T]]
// CHECK-NEXT: %[[U:.*]] = nn.transpose %y
// CHECK-NEXT: nn.conv %[[U]]
// CHECK-NEXT: %[[V:.*]] = nn.cast %z
// CHECK-NEXT: nn.conv %[[V]]
func.func @others(%x: tensor<1x3x8x8xf64>, %y: tensor<1x3x8x8xf16>, %z: tensor<1x8x8x3xf32>) -> (tensor<1x7x7x8xf16>, tensor<1x7x7x8xf16>, tensor<1x7x7x8xf16>) {
  %w = nn.constant dense<1.0> : tensor<8x2x2x3xf16>
  %0 = nn.cast %x : (tensor<1x3x8x8xf64>) -> tensor<1x3x8x8xf16>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf16>) -> tensor<1x8x8x3xf16>
  %2 = nn.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x2x2x3xf16>) -> tensor<1x7x7x8xf16>
  %3 = nn.transpose %y {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf16>) -> tensor<1x8x8x3xf16>
  %4 = nn.conv %3, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x2x2x3xf16>) -> tensor<1x7x7x8xf16>
  %5 = nn.cast %z : (tensor<1x8x8x3xf32>) -> tensor<1x8x8x3xf16>
  %6 = nn.conv %5, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x2x2x3xf16>) -> tensor<1x7x7x8xf16>
  func.return %2, %4, %6 : tensor<1x7x7x8xf16>, tensor<1x7x7x8xf16>, tensor<1x7x7x8xf16>
}

// -----

// The batch counts at its usual size, 2 of 49 pixels each: too few, though the largest would be enough.
// CHECK-LABEL: @usual
// CHECK-NOT: nn.pad
// CHECK: func.return
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 100>}} {
  func.func @usual(%x: tensor<?x8x8x3xf16, #nn.dims<N, 8, 8, 3>>) -> tensor<?x7x7x8xf16, #nn.dims<N, 7, 7, 8>> {
    %w = nn.constant dense<1.0> : tensor<8x2x2x3xf16>
    %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf16, #nn.dims<N, 8, 8, 3>>, tensor<8x2x2x3xf16>) -> tensor<?x7x7x8xf16, #nn.dims<N, 7, 7, 8>>
    func.return %0 : tensor<?x7x7x8xf16, #nn.dims<N, 7, 7, 8>>
  }
}

// -----

// A symbol without a range counts as 64: 64 of 49 pixels are enough.
// CHECK-LABEL: @unknown
// CHECK: nn.pad
func.func @unknown(%x: tensor<?x8x8x3xf16, #nn.dims<N, 8, 8, 3>>) -> tensor<?x7x7x8xf16, #nn.dims<N, 7, 7, 8>> {
  %w = nn.constant dense<1.0> : tensor<8x2x2x3xf16>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf16, #nn.dims<N, 8, 8, 3>>, tensor<8x2x2x3xf16>) -> tensor<?x7x7x8xf16, #nn.dims<N, 7, 7, 8>>
  func.return %0 : tensor<?x7x7x8xf16, #nn.dims<N, 7, 7, 8>>
}

// -----

// An image of f32 that a conv multiplies in f16: its padding is stored as f16, and the conv keeps what it multiplies in and stores.
// CHECK-LABEL: @stored
// CHECK: nn.pad %x {nn.stored = f16, low
// CHECK: nn.conv %{{.*}} {nn.stored = f16, {{.*}}math = #nn.math<f16>} : (tensor<64x8x8x4xf32>
func.func @stored(%x: tensor<64x8x8x3xf32>) -> tensor<64x7x7x8xf32> {
  %w = nn.constant dense<1.0> : tensor<8x2x2x3xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, math = #nn.math<f16>, nn.stored = f16} : (tensor<64x8x8x3xf32>, tensor<8x2x2x3xf32>) -> tensor<64x7x7x8xf32>
  func.return %0 : tensor<64x7x7x8xf32>
}
