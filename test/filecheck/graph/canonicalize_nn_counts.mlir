// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s
// RUN: trtc-opt %s -p canonicalize-nn --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A mask read at n * L + l for all n and l is a view of it, whatever the sizes.
// CHECK-LABEL: @mask
// CHECK: %[[R:.*]] = nn.reshape %mask : {{.*}} -> tensor<?x1x?xi1, #nn.dims<N, 1, L>>
// CHECK-NEXT: func.return %[[R]]
func.func @mask(%mask: tensor<?x?xi1, #nn.dims<N, L>>) -> tensor<?x1x?xi1, #nn.dims<N, 1, L>> {
  %length = nn.shape_value #nn.dims<L> : tensor<1xi64>
  %0 = nn.reshape %mask : (tensor<?x?xi1, #nn.dims<N, L>>) -> tensor<?xi1, #nn.dims<L*N>>
  %1 = nn.iota {axis = 0 : i64} : tensor<?xi64, #nn.dims<N>>
  %2 = nn.iota {axis = 0 : i64} : tensor<?xi64, #nn.dims<L>>
  %3 = nn.reshape %1 : (tensor<?xi64, #nn.dims<N>>) -> tensor<?x1x1xi64, #nn.dims<N, 1, 1>>
  %4 = nn.mul %3, %length : (tensor<?x1x1xi64, #nn.dims<N, 1, 1>>, tensor<1xi64>) -> tensor<?x1x1xi64, #nn.dims<N, 1, 1>>
  %5 = nn.add %2, %4 : (tensor<?xi64, #nn.dims<L>>, tensor<?x1x1xi64, #nn.dims<N, 1, 1>>) -> tensor<?x1x?xi64, #nn.dims<N, 1, L>>
  %6 = nn.gather %0, %5 {axis = 0 : i64} : (tensor<?xi1, #nn.dims<L*N>>, tensor<?x1x?xi64, #nn.dims<N, 1, L>>) -> tensor<?x1x?xi1, #nn.dims<N, 1, L>>
  func.return %6 : tensor<?x1x?xi1, #nn.dims<N, 1, L>>
}

// -----

// Along another dim than the first, with the numbers of a broadcast.
// CHECK-LABEL: @inner
// CHECK-NEXT: %[[R:.*]] = nn.reshape %x : (tensor<5x6xf32>) -> tensor<5x2x3xf32>
// CHECK-NEXT: func.return %[[R]]
func.func @inner(%x: tensor<5x6xf32>) -> tensor<5x2x3xf32> {
  %three = nn.constant dense<3> : tensor<i32>
  %0 = nn.iota {axis = 0 : i64} : tensor<2x1xi32>
  %1 = nn.broadcast_to %0 : (tensor<2x1xi32>) -> tensor<2x3xi32>
  %2 = nn.mul %three, %1 : (tensor<i32>, tensor<2x3xi32>) -> tensor<2x3xi32>
  %3 = nn.iota {axis = 1 : i64} : tensor<2x3xi32>
  %4 = nn.add %2, %3 : (tensor<2x3xi32>, tensor<2x3xi32>) -> tensor<2x3xi32>
  %5 = nn.gather %x, %4 {axis = 1 : i64} : (tensor<5x6xf32>, tensor<2x3xi32>) -> tensor<5x2x3xf32>
  func.return %5 : tensor<5x2x3xf32>
}

// -----

// Refused: the rows of a table that has more, from the second one on, columns first, and squares.
// CHECK-LABEL: @refused
// CHECK-COUNT-4: nn.gather
// REMARK: missed: canonicalize-nn: nn.gather: not a view: its indices do not count all rows in their order
func.func @refused(%x: tensor<6xf32>, %long: tensor<7xf32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<2x3xf32>, tensor<6xf32>) {
  %one = nn.constant dense<1> : tensor<i64>
  %two = nn.constant dense<2> : tensor<i64>
  %0 = nn.iota {axis = 0 : i64} : tensor<6xi64>
  %1 = nn.gather %long, %0 {axis = 0 : i64} : (tensor<7xf32>, tensor<6xi64>) -> tensor<6xf32>
  %2 = nn.add %0, %one : (tensor<6xi64>, tensor<i64>) -> tensor<6xi64>
  %3 = nn.gather %x, %2 {axis = 0 : i64} : (tensor<6xf32>, tensor<6xi64>) -> tensor<6xf32>
  %4 = nn.iota {axis = 0 : i64} : tensor<2x3xi64>
  %5 = nn.iota {axis = 1 : i64} : tensor<2x3xi64>
  %6 = nn.mul %5, %two : (tensor<2x3xi64>, tensor<i64>) -> tensor<2x3xi64>
  %7 = nn.add %4, %6 : (tensor<2x3xi64>, tensor<2x3xi64>) -> tensor<2x3xi64>
  %8 = nn.gather %x, %7 {axis = 0 : i64} : (tensor<6xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  %9 = nn.mul %0, %0 : (tensor<6xi64>, tensor<6xi64>) -> tensor<6xi64>
  %10 = nn.gather %x, %9 {axis = 0 : i64} : (tensor<6xf32>, tensor<6xi64>) -> tensor<6xf32>
  func.return %1, %3, %8, %10 : tensor<6xf32>, tensor<6xf32>, tensor<2x3xf32>, tensor<6xf32>
}
