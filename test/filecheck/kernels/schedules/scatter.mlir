// RUN: trtc-opt %s -p 'select-schedule{allowed="scatter"},lower-groups' --split-input-file | filecheck %s

// A copy in vectors, then one store or atomic for each element of the updates.
// CHECK-LABEL: kernel.func @rows(
// CHECK: %[[A:.*]] = kernel.load %x_view{{.*}}#kernel.blocked<1, 256, 1, 4>>
// CHECK: kernel.store %[[A]], %y_view
// CHECK-LABEL: kernel.func @rows_stage1(
// CHECK: %[[U:.*]] = kernel.load %u_view
// CHECK: %[[AT:.*]], %{{.*}} = kernel.map
// CHECK: kernel.fetch %i_view
// CHECK: kernel.scatter "add" %[[U]], %y_view{{.*}}[%[[AT]], %{{.*}}]
func.func private @rows(%x: tensor<40x8xf32>, %i: tensor<5xi64>, %u: tensor<5x8xf32>) -> tensor<40x8xf32> attributes {fusion.anchor = "positions"} {
  %0 = nn.scatter add %x, %i, %u : (tensor<40x8xf32>, tensor<5xi64>, tensor<5x8xf32>) -> tensor<40x8xf32>
  func.return %0 : tensor<40x8xf32>
}

// -----

// Elements, of a dynamic number.
// CHECK-LABEL: kernel.func @elements(
// CHECK-LABEL: kernel.func @elements_stage1(
// CHECK-SAME: grid <(M + 255) floordiv 256, 1, 1>
// CHECK: kernel.scatter "set"
func.func private @elements(%x: tensor<40xi64>, %i: tensor<?xi32, #nn.dims<M>>, %u: tensor<?xi64, #nn.dims<M>>) -> tensor<40xi64> attributes {fusion.anchor = "positions"} {
  %0 = nn.scatter set %x, %i, %u : (tensor<40xi64>, tensor<?xi32, #nn.dims<M>>, tensor<?xi64, #nn.dims<M>>) -> tensor<40xi64>
  func.return %0 : tensor<40xi64>
}
