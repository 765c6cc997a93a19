// RUN: trtc-opt %s -p fuse-groups --split-input-file --remarks=missed:fuse-groups 2>&1 | filecheck %s

// The embedding of a text is one group: rows of two tables and a sum, which the residual reads too, are loaded as the norm reads them.
// CHECK-LABEL: @embedding(
// CHECK: fusion.group "row"
// CHECK: nn.gather
// CHECK: nn.gather
// CHECK: nn.add
// CHECK: nn.layer_norm
// CHECK-NOT: fusion.group
// CHECK: func.return
func.func @embedding(%t: tensor<90x8xf32>, %u: tensor<2x8xf32>, %i: tensor<?x4xi64, #nn.dims<N, 4>>, %j: tensor<1x4xi32>, %s: tensor<8xf32>) -> (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) {
  %0 = nn.gather %t, %i {axis = 0 : i64} : (tensor<90x8xf32>, tensor<?x4xi64, #nn.dims<N, 4>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %1 = nn.gather %u, %j {axis = 0 : i64} : (tensor<2x8xf32>, tensor<1x4xi32>) -> tensor<1x4x8xf32>
  %2 = nn.add %0, %1 : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<1x4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %3 = nn.layer_norm %2, %s, %s {axis = 2 : i64, epsilon = 1.0e-05 : f64} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %3, %2 : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// Without a norm the first gather anchors the group.
// CHECK-LABEL: @sum(
// CHECK: fusion.group "gather"
// CHECK: nn.gather
// CHECK: nn.gather
// CHECK: nn.add
// CHECK-NOT: fusion.group
// CHECK: func.return
func.func @sum(%t: tensor<90x8xf32>, %u: tensor<2x8xf32>, %i: tensor<4xi64>) -> tensor<4x8xf32> {
  %0 = nn.gather %t, %i {axis = 0 : i64} : (tensor<90x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %1 = nn.gather %u, %i {axis = 0 : i64} : (tensor<2x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %2 = nn.add %0, %1 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %2 : tensor<4x8xf32>
}

// -----

// Refused: the rows of a table are the columns here, and the sum is over those of each bag.
// CHECK: missed: fuse-groups: nn.gather: not fused with nn.reduce: the rows that it gathers are not those of nn.reduce
// CHECK-LABEL: @bags(
// CHECK: fusion.group "gather"
// CHECK: fusion.group "row"
func.func @bags(%t: tensor<90x8xf32>, %i: tensor<4x3xi64>) -> tensor<4x8xf32> {
  %0 = nn.gather %t, %i {axis = 0 : i64} : (tensor<90x8xf32>, tensor<4x3xi64>) -> tensor<4x3x8xf32>
  %1 = nn.reduce sum %0 {axes = array<i64: 1>, keepdims = false} : (tensor<4x3x8xf32>) -> tensor<4x8xf32>
  func.return %1 : tensor<4x8xf32>
}

// -----

// Refused: a table that ops compute, even in the shape of the result, is in memory before its rows are gathered.
// CHECK-LABEL: @table(
// CHECK: %[[T:.*]] = fusion.group "pointwise"
// CHECK: nn.exp
// CHECK: fusion.group "row" (%{{.*}} = %[[T]]
// CHECK: nn.gather
// CHECK: nn.softmax
func.func @table(%t: tensor<4x8xf32>, %i: tensor<4xi64>) -> tensor<4x8xf32> {
  %0 = nn.exp %t : tensor<4x8xf32>
  %1 = nn.gather %0, %i {axis = 0 : i64} : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %2 = nn.softmax %1 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %2 : tensor<4x8xf32>
}

// -----

// The same where the norm reads that table itself, too.
// CHECK-LABEL: @table_and_rows(
// CHECK: %[[T:.*]] = fusion.group "pointwise"
// CHECK-NEXT: nn.exp
// CHECK: fusion.group "row" (%{{.*}} = %[[T]]
// CHECK-NEXT: nn.gather
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.softmax
func.func @table_and_rows(%t: tensor<4x8xf32>, %i: tensor<4xi64>) -> tensor<4x8xf32> {
  %0 = nn.exp %t : tensor<4x8xf32>
  %1 = nn.gather %0, %i {axis = 0 : i64} : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %2 = nn.add %1, %0 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = nn.softmax %2 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %3 : tensor<4x8xf32>
}
