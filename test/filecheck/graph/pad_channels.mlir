// RUN: trtc-opt %s -p 'pad-channels{least_pixels=100},dce' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'pad-channels{least_pixels=100},dce' --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// An even stride: a fourth channel, and pairs of pixels side by side. The window starts one column earlier, so that it starts with a pair.
// CHECK-LABEL: @pairs
// CHECK: %[[T:.*]] = nn.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x32x32xf32>) -> tensor<1x32x32x3xf32>
// CHECK: %[[P:.*]] = nn.pad %[[T]] {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 0, 1>, value = 0.000000e+00 : f64}
// CHECK: %[[C:.*]] = nn.cast %[[P]] : (tensor<1x32x32x4xf32>) -> tensor<1x32x32x4xf16>
// CHECK: %[[X:.*]] = nn.reshape %[[C]] : (tensor<1x32x32x4xf16>) -> tensor<1x32x16x8xf16>
// CHECK: %[[F:.*]] = nn.pad %{{.*}} {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 0, 1>, value = 0.000000e+00 : f64} : (tensor<8x7x7x3xf16>) -> tensor<8x7x8x4xf16>
// CHECK: %[[W:.*]] = nn.reshape %[[F]] : (tensor<8x7x8x4xf16>) -> tensor<8x7x4x8xf16>
// CHECK: nn.conv %[[X]], %[[W]] {nn.names = ["y"], strides = array<i64: 2, 1>, pads = array<i64: 3, 2, 3, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x32x16x8xf16>, tensor<8x7x4x8xf16>) -> tensor<1x16x16x8xf16>
// REMARK: applied: pad-channels: nn.conv{{.*}}: 3 channels read as 8 in groups of 2 pixels
func.func @pairs(%x: tensor<1x3x32x32xf32>) -> tensor<1x16x16x8xf16> {
  %w = nn.constant dense<1.0> : tensor<8x7x7x3xf16>
  %0 = nn.cast %x : (tensor<1x3x32x32xf32>) -> tensor<1x3x32x32xf16>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x32x32xf16>) -> tensor<1x32x32x3xf16>
  %2 = nn.conv %1, %w {nn.names = ["y"], strides = array<i64: 2, 2>, pads = array<i64: 3, 3, 3, 3>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x32x32x3xf16>, tensor<8x7x7x3xf16>) -> tensor<1x16x16x8xf16>
  func.return %2 : tensor<1x16x16x8xf16>
}

// -----

// An odd width gets one more column of zeros.
// CHECK-LABEL: @odd_width
// CHECK: nn.pad %x {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 1, 1>
// CHECK: nn.reshape {{.*}} -> tensor<1x31x16x8xf16>
// CHECK: nn.conv {{.*}} {strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 0>
func.func @odd_width(%x: tensor<1x31x31x3xf16>) -> tensor<1x15x15x8xf16> {
  %w = nn.constant dense<1.0> : tensor<8x3x3x3xf16>
  %0 = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x31x31x3xf16>, tensor<8x3x3x3xf16>) -> tensor<1x15x15x8xf16>
  func.return %0 : tensor<1x15x15x8xf16>
}

// -----

// Stride 1: four channels, no pairs. The usual batch decides: 4 * 8 * 8 output pixels.
// CHECK-LABEL: @dynamic_batch
// CHECK: nn.pad %x {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 0, 1>
// CHECK-NOT: nn.reshape
// CHECK: nn.conv {{.*}} {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>{{.*}} : (tensor<?x8x8x4xf16, #nn.dims<N, 8, 8, 4>>, tensor<8x3x3x4xf16>)
// REMARK: applied: pad-channels: nn.conv{{.*}}: 3 channels read as 4 in groups of 1 pixels
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @dynamic_batch(%x: tensor<?x8x8x3xf16, #nn.dims<N, 8, 8, 3>>) -> tensor<?x8x8x8xf16, #nn.dims<N, 8, 8, 8>> {
    %w = nn.constant dense<1.0> : tensor<8x3x3x3xf16>
    %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf16, #nn.dims<N, 8, 8, 3>>, tensor<8x3x3x3xf16>) -> tensor<?x8x8x8xf16, #nn.dims<N, 8, 8, 8>>
    func.return %0 : tensor<?x8x8x8xf16, #nn.dims<N, 8, 8, 8>>
  }
}

// -----

// Refused: too small an image to repay a launch. The cast moves next to the conv.
// CHECK-LABEL: @small
// CHECK: %[[T:.*]] = nn.transpose %x
// CHECK: %[[C:.*]] = nn.cast %[[T]] : (tensor<1x8x8x3xf32>) -> tensor<1x8x8x3xf16>
// CHECK: nn.conv %[[C]], %{{.*}} {strides = array<i64: 1, 1>
// REMARK: missed: pad-channels: nn.conv{{.*}}: 64 output pixels: expected at least 100, which repay a launch
func.func @small(%x: tensor<1x3x8x8xf32>) -> tensor<1x8x8x8xf16> {
  %w = nn.constant dense<1.0> : tensor<8x3x3x3xf16>
  %0 = nn.cast %x : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf16>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf16>) -> tensor<1x8x8x3xf16>
  %2 = nn.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x3x3x3xf16>) -> tensor<1x8x8x8xf16>
  func.return %2 : tensor<1x8x8x8xf16>
}

// -----

// Refused: weights computed at run time, and f32.
// CHECK-LABEL: @refused
// CHECK-NOT: nn.pad
// CHECK: func.return
// REMARK: missed: pad-channels: nn.conv{{.*}}: the weights are computed at run time
func.func @refused(%x: tensor<1x32x32x3xf16>, %v: tensor<8x3x3x3xf16>, %z: tensor<1x32x32x3xf32>) -> (tensor<1x32x32x8xf16>, tensor<1x32x32x8xf32>) {
  %w = nn.constant dense<1.0> : tensor<8x3x3x3xf32>
  %0 = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x32x32x3xf16>, tensor<8x3x3x3xf16>) -> tensor<1x32x32x8xf16>
  %1 = nn.conv %z, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x32x32x3xf32>, tensor<8x3x3x3xf32>) -> tensor<1x32x32x8xf32>
  func.return %0, %1 : tensor<1x32x32x8xf16>, tensor<1x32x32x8xf32>
}

// -----

// Refused: a quantized image, which the conv takes together with its dequantize.
// CHECK-LABEL: @quantized
// CHECK-NOT: nn.pad
// CHECK: func.return
// REMARK: missed: pad-channels: nn.conv{{.*}}: its image is quantized
func.func @quantized(%x: tensor<1x32x32x3xi8>) -> tensor<1x32x32x8xf16> {
  %s = nn.constant dense<0.5> : tensor<f16>
  %w = nn.constant dense<1.0> : tensor<8x3x3x3xf16>
  %0 = quant.dequantize %x, %s : (tensor<1x32x32x3xi8>, tensor<f16>) -> tensor<1x32x32x3xf16>
  %1 = nn.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x32x32x3xf16>, tensor<8x3x3x3xf16>) -> tensor<1x32x32x8xf16>
  func.return %1 : tensor<1x32x32x8xf16>
}

// -----

// Invalid: a weight without the input's channels.
// CHECK: nn.conv: expected w with C / groups input channels
func.func @invalid(%x: tensor<1x32x32x3xf16>) -> tensor<1x32x32x8xf16> {
  %w = nn.constant dense<1.0> : tensor<8x3x3x4xf16>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x32x32x3xf16>, tensor<8x3x3x4xf16>) -> tensor<1x32x32x8xf16>
  func.return %0 : tensor<1x32x32x8xf16>
}
