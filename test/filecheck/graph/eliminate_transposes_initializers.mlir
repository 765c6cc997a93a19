// RUN: trtc-opt %s -p eliminate-transposes --split-input-file | filecheck %s

// An initializer is put into another order by ops, without leading dims of size 1, as a constant is at once.
// CHECK-LABEL: @main
// CHECK: %[[B:.*]] = nn.initializer "b" : tensor<3x1x1xf32>
// CHECK: %[[M:.*]] = nn.initializer "m" : tensor<3x2x2xf32>
// CHECK: %[[R:.*]] = nn.reshape %[[B]] : (tensor<3x1x1xf32>) -> tensor<3xf32>
// CHECK: %[[A:.*]] = nn.add %x, %[[R]]
// CHECK: %[[W:.*]] = nn.reshape %[[M]] : (tensor<3x2x2xf32>) -> tensor<1x3x2x2xf32>
// CHECK: %[[T:.*]] = nn.transpose %[[W]] {permutation = array<i64: 0, 2, 3, 1>}
// CHECK: %[[S:.*]] = nn.reshape %[[T]] : (tensor<1x2x2x3xf32>) -> tensor<2x2x3xf32>
// CHECK: nn.mul %[[A]], %[[S]]
func.func @main(%x: tensor<?x2x2x3xf32, #nn.dims<N, 2, 2, 3>>) -> tensor<?x2x2x3xf32, #nn.dims<N, 2, 2, 3>> {
  %b = nn.initializer "b" : tensor<3x1x1xf32> = dense<1.0> : tensor<3x1x1xf32>
  %m = nn.initializer "m" : tensor<3x2x2xf32> = dense<1.0> : tensor<3x2x2xf32>
  %0 = nn.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x2x2x3xf32, #nn.dims<N, 2, 2, 3>>) -> tensor<?x3x2x2xf32, #nn.dims<N, 3, 2, 2>>
  %1 = nn.add %0, %b : (tensor<?x3x2x2xf32, #nn.dims<N, 3, 2, 2>>, tensor<3x1x1xf32>) -> tensor<?x3x2x2xf32, #nn.dims<N, 3, 2, 2>>
  %2 = nn.mul %1, %m : (tensor<?x3x2x2xf32, #nn.dims<N, 3, 2, 2>>, tensor<3x2x2xf32>) -> tensor<?x3x2x2xf32, #nn.dims<N, 3, 2, 2>>
  %3 = nn.transpose %2 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x3x2x2xf32, #nn.dims<N, 3, 2, 2>>) -> tensor<?x2x2x3xf32, #nn.dims<N, 2, 2, 3>>
  func.return %3 : tensor<?x2x2x3xf32, #nn.dims<N, 2, 2, 3>>
}
