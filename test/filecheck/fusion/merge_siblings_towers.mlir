// RUN: trtc-opt %s -p 'merge-siblings,dce' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'merge-siblings' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Two towers of a detector over one value. Their first convs are one, their second ones groups of one that reads the result as it lies.
// CHECK-LABEL: @towers
// CHECK: %[[C:.*]] = nn.conv %x, %{{.*}} {{{.*}}groups = 1 : i64} : {{.*}} -> tensor<1x8x8x32xf16>
// CHECK: %[[R:.*]] = nn.relu %[[C]]
// CHECK: %[[W:.*]] = nn.concat %v2, %w2 {axis = 0
// CHECK: %[[D:.*]] = nn.conv %[[R]], %[[W]] {{{.*}}groups = 2 : i64} : (tensor<1x8x8x32xf16>, tensor<32x3x3x16xf16>) -> tensor<1x8x8x32xf16>
// CHECK: %[[P:.*]] = nn.slice %[[D]] {starts = #nn.dims<0, 0, 0, 0>
// CHECK: %[[Q:.*]] = nn.slice %[[D]] {starts = #nn.dims<0, 0, 0, 16>
// CHECK: nn.sigmoid %[[P]]
// CHECK: nn.tanh %[[Q]]
// REMARK: applied: merge-siblings: nn.conv{{.*}}: 2 nn.conv over one value as one
// REMARK: applied: merge-siblings: nn.conv{{.*}}: 2 nn.conv over parts of one value as groups of one
func.func @towers(%x: tensor<1x8x8x32xf16>) -> (tensor<1x8x8x16xf16>, tensor<1x8x8x16xf16>) {
  %v1 = nn.constant dense<1.0> : tensor<16x3x3x32xf16>
  %w1 = nn.constant dense<2.0> : tensor<16x3x3x32xf16>
  %v2 = nn.constant dense<3.0> : tensor<16x3x3x16xf16>
  %w2 = nn.constant dense<4.0> : tensor<16x3x3x16xf16>
  %0 = nn.conv %x, %v1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<16x3x3x32xf16>) -> tensor<1x8x8x16xf16>
  %1 = nn.relu %0 : tensor<1x8x8x16xf16>
  %2 = nn.conv %1, %v2 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x16xf16>, tensor<16x3x3x16xf16>) -> tensor<1x8x8x16xf16>
  %3 = nn.conv %x, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<16x3x3x32xf16>) -> tensor<1x8x8x16xf16>
  %4 = nn.relu %3 : tensor<1x8x8x16xf16>
  %5 = nn.conv %4, %w2 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x16xf16>, tensor<16x3x3x16xf16>) -> tensor<1x8x8x16xf16>
  %6 = nn.exp %2 : tensor<1x8x8x16xf16>
  %7 = nn.exp %5 : tensor<1x8x8x16xf16>
  func.return %6, %7 : tensor<1x8x8x16xf16>, tensor<1x8x8x16xf16>
}
