// RUN: trtc-opt %s -p 'merge-siblings{always=true},dce' --split-input-file | filecheck %s

// Results that stand side by side in a concat are written there as one: no channels lie beside it.
// CHECK-LABEL: @side_by_side
// CHECK: %[[W:.*]] = nn.concat %v, %w {axis = 0
// CHECK: %[[C:.*]] = nn.conv %x, %[[W]]
// CHECK-NOT: nn.slice
// CHECK: nn.concat %x, %[[C]], %x
func.func @side_by_side(%x: tensor<1x8x8x32xf16>) -> tensor<1x8x8x80xf16> {
  %w = nn.constant dense<1.0> : tensor<8x1x1x32xf16>
  %v = nn.constant dense<2.0> : tensor<8x1x1x32xf16>
  %c = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %d = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %y = nn.concat %x, %d, %c, %x {axis = 3 : i64} : (tensor<1x8x8x32xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x32xf16>) -> tensor<1x8x8x80xf16>
  func.return %y : tensor<1x8x8x80xf16>
}

// -----

// A result at the end of a concat: the other channels lie after the concat's own, in which weights [K, N] are stacked along N.
// CHECK-LABEL: @at_the_end
// CHECK: %[[W:.*]] = nn.concat %w, %v {axis = 1
// CHECK: %[[C:.*]] = nn.matmul %x, %[[W]] :
// CHECK: %[[P:.*]] = nn.slice %[[C]] {starts = #nn.dims<0, 8>
// CHECK: %[[T:.*]] = nn.tanh %[[P]]
// CHECK: %[[G:.*]] = nn.concat %[[T]], %[[C]]
// CHECK: nn.slice %[[G]] {starts = #nn.dims<0, 0>{{.*}} -> tensor<4x16xf16>
func.func @at_the_end(%x: tensor<4x32xf16>) -> tensor<4x16xf16> {
  %w = nn.constant dense<1.0> : tensor<32x8xf16>
  %v = nn.constant dense<2.0> : tensor<32x8xf16>
  %c = nn.matmul %x, %w : (tensor<4x32xf16>, tensor<32x8xf16>) -> tensor<4x8xf16>
  %d = nn.matmul %x, %v : (tensor<4x32xf16>, tensor<32x8xf16>) -> tensor<4x8xf16>
  %e = nn.tanh %d : tensor<4x8xf16>
  %g = nn.concat %e, %c {axis = 1 : i64} : (tensor<4x8xf16>, tensor<4x8xf16>) -> tensor<4x16xf16>
  %y = nn.tanh %g : tensor<4x16xf16>
  func.return %y : tensor<4x16xf16>
}

// -----

// Numbers per row are not stacked: what adds them reads parts. A shared number stays one.
// CHECK-LABEL: @rows
// CHECK: %[[C:.*]] = nn.matmul %x
// CHECK: %[[M:.*]] = nn.mul %[[C]], %half : (tensor<4x16xf16>, tensor<f16>)
// CHECK: %[[P:.*]] = nn.slice %[[M]]
// CHECK: %[[Q:.*]] = nn.slice %[[M]]
// CHECK: nn.add %[[P]], %r
// CHECK: nn.add %[[Q]], %r
func.func @rows(%x: tensor<4x32xf16>) -> (tensor<4x8xf16>, tensor<4x8xf16>) {
  %w = nn.constant dense<1.0> : tensor<8x32xf16>
  %v = nn.constant dense<2.0> : tensor<8x32xf16>
  %r = nn.constant dense<3.0> : tensor<4x8xf16>
  %half = nn.constant dense<0.5> : tensor<f16>
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<4x32xf16>, tensor<8x32xf16>) -> tensor<4x8xf16>
  %1 = nn.mul %0, %half : (tensor<4x8xf16>, tensor<f16>) -> tensor<4x8xf16>
  %2 = nn.add %1, %r : (tensor<4x8xf16>, tensor<4x8xf16>) -> tensor<4x8xf16>
  %3 = nn.matmul %x, %v {transpose_b} : (tensor<4x32xf16>, tensor<8x32xf16>) -> tensor<4x8xf16>
  %4 = nn.mul %3, %half : (tensor<4x8xf16>, tensor<f16>) -> tensor<4x8xf16>
  %5 = nn.add %4, %r : (tensor<4x8xf16>, tensor<4x8xf16>) -> tensor<4x8xf16>
  func.return %2, %5 : tensor<4x8xf16>, tensor<4x8xf16>
}
