// RUN: trtc-opt %s -p 'merge-siblings,dce' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'merge-siblings' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// The shortcut of a residual block and its first conv: only that has a relu, which is a maximum with 0 or -inf. The sum, which would be
// fused with the shortcut's conv, is fused with the last one instead: no launch more.
// CHECK-LABEL: @residual
// CHECK: %[[W:.*]] = nn.concat %w, %s {axis = 0
// CHECK: %[[L:.*]] = nn.constant {{.*}}tensor<24xf16>
// CHECK: %[[C:.*]] = nn.conv %x, %[[W]]
// CHECK: %[[M:.*]] = nn.max %[[C]], %[[L]]
// CHECK: %[[A:.*]] = nn.slice %[[M]] {starts = #nn.dims<0, 0, 0, 0>{{.*}} -> tensor<1x8x8x8xf16>
// CHECK: %[[S:.*]] = nn.slice %[[M]] {starts = #nn.dims<0, 0, 0, 8>{{.*}} -> tensor<1x8x8x16xf16>
// CHECK: %[[D:.*]] = nn.conv %[[A]]
// CHECK: nn.add %[[D]], %[[S]]
// REMARK: analysis: merge-siblings: nn.conv: 2 siblings: as one (as one {{.*}} us, apart {{.*}} us)
func.func @residual(%x: tensor<1x8x8x16xf16>) -> tensor<1x8x8x16xf16> {
  %w = nn.constant dense<1.0> : tensor<8x1x1x16xf16>
  %s = nn.constant dense<2.0> : tensor<16x1x1x16xf16>
  %v = nn.constant dense<3.0> : tensor<16x3x3x8xf16>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x16xf16>, tensor<8x1x1x16xf16>) -> tensor<1x8x8x8xf16>
  %1 = nn.relu %0 : tensor<1x8x8x8xf16>
  %2 = nn.conv %x, %s {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x16xf16>, tensor<16x1x1x16xf16>) -> tensor<1x8x8x16xf16>
  %3 = nn.conv %1, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x8xf16>, tensor<16x3x3x8xf16>) -> tensor<1x8x8x16xf16>
  %4 = nn.add %3, %2 : (tensor<1x8x8x16xf16>, tensor<1x8x8x16xf16>) -> tensor<1x8x8x16xf16>
  %5 = nn.relu %4 : tensor<1x8x8x16xf16>
  func.return %5 : tensor<1x8x8x16xf16>
}
