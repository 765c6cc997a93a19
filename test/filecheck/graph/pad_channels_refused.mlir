// RUN: trtc-opt %s -p 'pad-channels{always=true},dce' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'pad-channels{always=true},dce' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Refused: 5 and 2 channels, groups, and 4 channels without pairs.
// CHECK-LABEL: @channels
// CHECK-NOT: nn.pad
// CHECK: func.return
func.func @channels(%x: tensor<1x8x8x5xf16>, %y: tensor<1x8x8x2xf16>, %z: tensor<1x8x8x3xf16>, %u: tensor<1x8x8x4xf16>) -> (tensor<1x7x7x8xf16>, tensor<1x7x7x8xf16>, tensor<1x7x7x3xf16>, tensor<1x7x7x8xf16>) {
  %v = nn.constant dense<1.0> : tensor<8x2x2x5xf16>
  %w = nn.constant dense<1.0> : tensor<8x2x2x2xf16>
  %g = nn.constant dense<1.0> : tensor<3x2x2x1xf16>
  %h = nn.constant dense<1.0> : tensor<8x2x2x4xf16>
  %0 = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x5xf16>, tensor<8x2x2x5xf16>) -> tensor<1x7x7x8xf16>
  %1 = nn.conv %y, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x2xf16>, tensor<8x2x2x2xf16>) -> tensor<1x7x7x8xf16>
  %2 = nn.conv %z, %g {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 3 : i64} : (tensor<1x8x8x3xf16>, tensor<3x2x2x1xf16>) -> tensor<1x7x7x3xf16>
  %3 = nn.conv %u, %h {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x4xf16>, tensor<8x2x2x4xf16>) -> tensor<1x7x7x8xf16>
  func.return %0, %1, %2, %3 : tensor<1x7x7x8xf16>, tensor<1x7x7x8xf16>, tensor<1x7x7x3xf16>, tensor<1x7x7x8xf16>
}

// -----

// Four channels are paired where the stride is even; no channel is added.
// CHECK-LABEL: @four
// CHECK: nn.reshape %x : (tensor<1x8x8x4xf16>) -> tensor<1x8x4x8xf16>
// CHECK: nn.conv {{.*}} {strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 0>
func.func @four(%x: tensor<1x8x8x4xf16>) -> tensor<1x4x4x8xf16> {
  %w = nn.constant dense<1.0> : tensor<8x2x2x4xf16>
  %0 = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x4xf16>, tensor<8x2x2x4xf16>) -> tensor<1x4x4x8xf16>
  func.return %0 : tensor<1x4x4x8xf16>
}

// -----

// No pairs: a stride of 3, a dilated row, a width that may be odd or even, and windows that end before the last pair.
// CHECK-LABEL: @pairs_refused
// CHECK-NOT: nn.reshape
// CHECK: func.return
// REMARK-COUNT-4: 3 channels read as 4 in groups of 1 pixels
func.func @pairs_refused(%x: tensor<1x8x8x3xf16>, %y: tensor<1x8x?x3xf16, #nn.dims<1, 8, W, 3>>) -> (tensor<1x7x3x8xf16>, tensor<1x7x3x8xf16>, tensor<1x7x?x8xf16, #nn.dims<1, 7, (W - 2) floordiv 2 + 1, 8>>, tensor<1x7x1x8xf16>) {
  %w = nn.constant dense<1.0> : tensor<8x2x2x3xf16>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 3>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x2x2x3xf16>) -> tensor<1x7x3x8xf16>
  %1 = nn.conv %x, %w {strides = array<i64: 1, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 2>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x2x2x3xf16>) -> tensor<1x7x3x8xf16>
  %2 = nn.conv %y, %w {strides = array<i64: 1, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x?x3xf16, #nn.dims<1, 8, W, 3>>, tensor<8x2x2x3xf16>) -> tensor<1x7x?x8xf16, #nn.dims<1, 7, (W - 2) floordiv 2 + 1, 8>>
  %3 = nn.conv %x, %w {strides = array<i64: 1, 8>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x2x2x3xf16>) -> tensor<1x7x1x8xf16>
  func.return %0, %1, %2, %3 : tensor<1x7x3x8xf16>, tensor<1x7x3x8xf16>, tensor<1x7x?x8xf16, #nn.dims<1, 7, (W - 2) floordiv 2 + 1, 8>>, tensor<1x7x1x8xf16>
}
