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
// CHECK: nn.max_pool %[[P]]
// CHECK: nn.max_pool %[[Q]]
// REMARK: applied: merge-siblings: nn.conv{{.*}}: 2 nn.conv over one value as one
// REMARK: applied: merge-siblings: nn.conv{{.*}}: 2 nn.conv over parts of one value as groups of one
func.func @towers(%x: tensor<1x8x8x32xf16>) -> (tensor<1x4x4x16xf16>, tensor<1x4x4x16xf16>) {
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
  %6 = nn.max_pool %2 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf16>) -> tensor<1x4x4x16xf16>
  %7 = nn.max_pool %5 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf16>) -> tensor<1x4x4x16xf16>
  func.return %6, %7 : tensor<1x4x4x16xf16>, tensor<1x4x4x16xf16>
}

// -----

// Refused: parts with others between them, and products, whose results as a batch are no channels side by side.
// CHECK-LABEL: @apart
// CHECK-NOT: groups = 2
// CHECK: func.return
// REMARK: missed: merge-siblings: nn.conv [gap]: not merged with others that read parts of the same value: the parts that they read do not lie side by side, and would be copied
// REMARK: missed: merge-siblings: nn.matmul [batch]: not merged with others that read parts of the same value: as a batch of products, they would not write channels side by side
func.func @apart(%x: tensor<1x4x4x24xf16>, %y: tensor<4x16xf16>) -> (tensor<1x4x4x8xf16>, tensor<4x8xf16>) {
  %v = nn.constant dense<1.0> : tensor<8x1x1x8xf16>
  %w = nn.constant dense<2.0> : tensor<8x8xf16>
  %0 = nn.slice %x {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x4x24xf16>) -> tensor<1x4x4x8xf16>
  %1 = nn.slice %x {starts = #nn.dims<0, 0, 0, 16>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x4x24xf16>) -> tensor<1x4x4x8xf16>
  %2 = nn.conv %0, %v {nn.names = ["gap"], strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x8xf16>, tensor<8x1x1x8xf16>) -> tensor<1x4x4x8xf16>
  %3 = nn.conv %1, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x8xf16>, tensor<8x1x1x8xf16>) -> tensor<1x4x4x8xf16>
  %4 = nn.mul %2, %3 : (tensor<1x4x4x8xf16>, tensor<1x4x4x8xf16>) -> tensor<1x4x4x8xf16>
  %5 = nn.slice %y {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<4x16xf16>) -> tensor<4x8xf16>
  %6 = nn.slice %y {starts = #nn.dims<0, 8>, steps = array<i64: 1, 1>} : (tensor<4x16xf16>) -> tensor<4x8xf16>
  %7 = nn.matmul %5, %w {nn.names = ["batch"], transpose_b} : (tensor<4x8xf16>, tensor<8x8xf16>) -> tensor<4x8xf16>
  %8 = nn.matmul %6, %w {transpose_b} : (tensor<4x8xf16>, tensor<8x8xf16>) -> tensor<4x8xf16>
  %9 = nn.mul %7, %8 : (tensor<4x8xf16>, tensor<4x8xf16>) -> tensor<4x8xf16>
  func.return %4, %9 : tensor<1x4x4x8xf16>, tensor<4x8xf16>
}

// -----

// A run in the middle of the channels is a slice of its own, at a dynamic batch.
// CHECK-LABEL: @inside
// CHECK: %[[P:.*]] = nn.slice %x {starts = #nn.dims<0, 0, 0, 8>{{.*}} -> tensor<?x4x4x16xf16, #nn.dims<N, 4, 4, 16>>
// CHECK: nn.conv %[[P]], %{{.*}} {{{.*}}groups = 2 : i64}
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 4>}} {
  func.func @inside(%x: tensor<?x4x4x32xf16, #nn.dims<N, 4, 4, 32>>) -> tensor<?x2x2x8xf16, #nn.dims<N, 2, 2, 8>> {
    %v = nn.constant dense<1.0> : tensor<8x1x1x8xf16>
    %w = nn.constant dense<2.0> : tensor<8x1x1x8xf16>
    %0 = nn.slice %x {starts = #nn.dims<0, 0, 0, 8>, steps = array<i64: 1, 1, 1, 1>} : (tensor<?x4x4x32xf16, #nn.dims<N, 4, 4, 32>>) -> tensor<?x4x4x8xf16, #nn.dims<N, 4, 4, 8>>
    %1 = nn.slice %x {starts = #nn.dims<0, 0, 0, 16>, steps = array<i64: 1, 1, 1, 1>} : (tensor<?x4x4x32xf16, #nn.dims<N, 4, 4, 32>>) -> tensor<?x4x4x8xf16, #nn.dims<N, 4, 4, 8>>
    %2 = nn.conv %0, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x4x4x8xf16, #nn.dims<N, 4, 4, 8>>, tensor<8x1x1x8xf16>) -> tensor<?x4x4x8xf16, #nn.dims<N, 4, 4, 8>>
    %3 = nn.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x4x4x8xf16, #nn.dims<N, 4, 4, 8>>, tensor<8x1x1x8xf16>) -> tensor<?x4x4x8xf16, #nn.dims<N, 4, 4, 8>>
    %4 = nn.max_pool %2 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x8xf16, #nn.dims<N, 4, 4, 8>>) -> tensor<?x2x2x8xf16, #nn.dims<N, 2, 2, 8>>
    %5 = nn.max_pool %3 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x4x8xf16, #nn.dims<N, 4, 4, 8>>) -> tensor<?x2x2x8xf16, #nn.dims<N, 2, 2, 8>>
    %6 = nn.add %4, %5 : (tensor<?x2x2x8xf16, #nn.dims<N, 2, 2, 8>>, tensor<?x2x2x8xf16, #nn.dims<N, 2, 2, 8>>) -> tensor<?x2x2x8xf16, #nn.dims<N, 2, 2, 8>>
    func.return %6 : tensor<?x2x2x8xf16, #nn.dims<N, 2, 2, 8>>
  }
}
