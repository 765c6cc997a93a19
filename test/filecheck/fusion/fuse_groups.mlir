// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A conv takes its bias, a residual and a detour that comes together again (hard swish); numbers become immediates of the group.
// CHECK-LABEL: @conv
// CHECK: fusion.group "conv" (%[[X:.*]] = %x : tensor<1x4x4x8xf32>, %[[W:.*]] = %w : tensor<8x1x1x8xf32>, %[[B:.*]] = %b : tensor<8xf32>, %[[R:.*]] = %r : tensor<1x4x4x8xf32>) -> (tensor<1x4x4x8xf32>) {
// CHECK: %[[THREE:.*]] = nn.constant dense<3.000000e+00> : tensor<f32>
// CHECK: nn.conv %[[X]], %[[W]]
// CHECK: nn.add %{{.*}}, %[[B]]
// CHECK: nn.add %{{.*}}, %[[R]]
// CHECK: nn.add %{{.*}}, %[[THREE]]
// CHECK: nn.clip
// CHECK: nn.mul
// CHECK: fusion.yield
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// REMARK: applied: fuse-groups: fusion.group: conv group of nn.constant, nn.conv, nn.add, nn.add, nn.add, nn.clip, nn.mul
func.func @conv(%x: tensor<1x4x4x8xf32>, %w: tensor<8x1x1x8xf32>, %b: tensor<8xf32>, %r: tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32> {
  %three = nn.constant dense<3.0> : tensor<f32>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x8xf32>, tensor<8x1x1x8xf32>) -> tensor<1x4x4x8xf32>
  %1 = nn.add %0, %b : (tensor<1x4x4x8xf32>, tensor<8xf32>) -> tensor<1x4x4x8xf32>
  %2 = nn.add %1, %r : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  %3 = nn.add %2, %three : (tensor<1x4x4x8xf32>, tensor<f32>) -> tensor<1x4x4x8xf32>
  %4 = nn.clip %3 {min = 0.0 : f64, max = 6.0 : f64} : tensor<1x4x4x8xf32>
  %5 = nn.mul %2, %4 : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  func.return %5 : tensor<1x4x4x8xf32>
}

// -----

// A row op takes pointwise ops before and after it; dims are dynamic.
// CHECK-LABEL: @row
// CHECK-COUNT-1: fusion.group "row"
// CHECK: nn.mul
// CHECK: nn.softmax
// CHECK: nn.relu
// CHECK: fusion.yield
// CHECK-NOT: fusion.group
func.func @row(%x: tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>> {
  %two = nn.constant dense<2.0> : tensor<f32>
  %0 = nn.mul %x, %two : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<f32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %1 = nn.softmax %0 {axis = 1 : i64} : (tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %2 = nn.relu %1 : tensor<?x64xf32, #nn.dims<N, 64>>
  func.return %2 : tensor<?x64xf32, #nn.dims<N, 64>>
}

// -----

// Refused: a value that a view reads before the next op ends its group, so that no cycle can arise; views and ops on constants stay
// outside.
// CHECK-LABEL: @refused
// CHECK: nn.transpose %w
// CHECK: %[[G:.*]] = fusion.group "matmul"
// CHECK-NOT: nn.exp
// CHECK: fusion.yield
// CHECK: nn.reshape %[[G]]
// CHECK: fusion.group "pointwise" (%{{.*}} = %[[G]]
// CHECK: nn.exp
func.func @refused(%x: tensor<16x64xf32>) -> (tensor<16x64xf32>, tensor<1024xf32>) {
  %w = nn.constant dense<1.0> : tensor<64x64xf32>
  %t = nn.transpose %w {permutation = array<i64: 1, 0>} : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %0 = nn.matmul %x, %t : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %1 = nn.reshape %0 : (tensor<16x64xf32>) -> tensor<1024xf32>
  %2 = nn.exp %0 : tensor<16x64xf32>
  func.return %2, %1 : tensor<16x64xf32>, tensor<1024xf32>
}

// -----

// A conv casts its image too where that costs no more than a launch of its own, as with small images.
// CHECK-LABEL: @image
// CHECK-NOT: fusion.group "pointwise"
// CHECK: fusion.group "conv" (%[[A:.*]] = %x : tensor<1x8x8x3xf32>, %[[W:.*]] = %w : tensor<8x3x3x3xf16>) -> (tensor<1x6x6x8xf16>) {
// CHECK-NEXT: %[[C:.*]] = nn.cast %[[A]]
// CHECK-NEXT: nn.conv %[[C]], %[[W]]
// REMARK: analysis: fuse-groups: nn.cast: cast of the image: in the conv (in the conv {{.*}} us, a launch of its own {{.*}} us)
func.func @image(%x: tensor<1x8x8x3xf32>, %w: tensor<8x3x3x3xf16>) -> tensor<1x6x6x8xf16> {
  %0 = nn.cast %x : (tensor<1x8x8x3xf32>) -> tensor<1x8x8x3xf16>
  %1 = nn.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x3x3x3xf16>) -> tensor<1x6x6x8xf16>
  func.return %1 : tensor<1x6x6x8xf16>
}

// -----

// On Hopper a conv of many channels is left to TMA, which casts nothing: the price of the cast in its way is too high.
// CHECK-LABEL: @many_channels
// CHECK: fusion.group "pointwise" (%{{.*}} = %x : tensor<32x56x56x64xf32>) -> (tensor<32x56x56x64xf16>) {
// CHECK: fusion.group "conv"
// CHECK-NEXT: nn.conv
// REMARK: missed: fuse-groups: nn.cast: not fused with nn.conv: cast of the image: a launch of its own (in the conv
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @many_channels(%x: tensor<32x56x56x64xf32>, %w: tensor<64x3x3x64xf16>) -> tensor<32x54x54x64xf16> {
    %0 = nn.cast %x : (tensor<32x56x56x64xf32>) -> tensor<32x56x56x64xf16>
    %1 = nn.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<32x56x56x64xf16>, tensor<64x3x3x64xf16>) -> tensor<32x54x54x64xf16>
    func.return %1 : tensor<32x54x54x64xf16>
  }
}

// -----

// Invalid: an op that no group holds.
// CHECK: error: fuse-groups: nn.batch_norm: expected an op that can stand in a group, got nn.batch_norm; run fold-batch-norm before
func.func @invalid(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}

// -----

// A slice that runs backwards is not a view: kernels take addresses that grow. It is a copy, with the pointwise ops after it.
// CHECK-LABEL: @backwards
// CHECK: fusion.group "pointwise" (%[[A:.*]] = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
// CHECK-NEXT: nn.slice %[[A]] {starts = #nn.dims<0, 7>, steps = array<i64: 1, -1>}
// CHECK-NEXT: nn.relu
func.func @backwards(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.slice %x {starts = #nn.dims<0, 7>, steps = array<i64: 1, -1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.relu %0 : tensor<4x8xf32>
  func.return %1 : tensor<4x8xf32>
}

// -----

// What others read too is a second result of a row group. An op of fewer elements is computed where it is read.
// CHECK-LABEL: @shared
// CHECK: [[S:%.*]], [[M:%.*]] = fusion.group "row" (%{{.*}} = %x
// CHECK-NEXT: nn.exp
// CHECK-NEXT: nn.softmax
// CHECK: [[T:%.*]] = fusion.group "pointwise" (%{{.*}} = %y : tensor<1x8xf32>
// CHECK-NEXT: nn.relu
// CHECK-NEXT: nn.add
// CHECK: func.return [[S]], [[M]], [[T]]
func.func @shared(%x: tensor<4x8xf32>, %y: tensor<1x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = nn.exp %x : tensor<4x8xf32>
  %1 = nn.softmax %0 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = nn.relu %y : tensor<1x8xf32>
  %3 = nn.add %2, %x : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %1, %0, %3 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}
