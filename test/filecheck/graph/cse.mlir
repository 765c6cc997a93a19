// RUN: trtc-opt %s -p cse --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Equal ops are computed once; operands of commutative ops may stand in any order, and constants of equal bytes are equal.
// CHECK-LABEL: @merged
// CHECK-NEXT: %[[E:.*]] = nn.exp %x {nn.names = ["e"]}
// CHECK-NEXT: %[[S:.*]] = nn.add %[[E]], %x
// CHECK-NEXT: %[[M:.*]] = nn.mul %[[S]], %[[S]]
// CHECK-NEXT: func.return %[[M]]
func.func @merged(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.exp %x : tensor<4xf32>
  %1 = nn.exp %x {nn.names = ["e"]} : tensor<4xf32>
  %2 = nn.add %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = nn.add %x, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = nn.mul %2, %3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %4 : tensor<4xf32>
}

// -----

// Refused: subtraction does not commute, other properties compute other things, and exports are not values.
// CHECK-LABEL: @different
// CHECK-COUNT-2: nn.sub
// CHECK-COUNT-2: nn.softmax
// CHECK-COUNT-2: nn.export
func.func @different(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = nn.sub %x, %y : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = nn.sub %y, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = nn.softmax %0 {axis = 0 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = nn.softmax %0 {axis = 1 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  nn.export "a" %2 : tensor<4x4xf32>
  nn.export "a" %3 : tensor<4x4xf32>
  func.return %1 : tensor<4x4xf32>
}

// -----

// Dynamic: equal dims merge.
// CHECK-LABEL: @dynamic
// CHECK-COUNT-1: nn.relu
// CHECK-NOT: nn.relu
func.func @dynamic(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
  %0 = nn.relu %x : tensor<?x4xf32, #nn.dims<N, 4>>
  %1 = nn.relu %x : tensor<?x4xf32, #nn.dims<N, 4>>
  %2 = nn.add %0, %1 : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  func.return %2 : tensor<?x4xf32, #nn.dims<N, 4>>
}

// -----

// Invalid input is reported before the pass runs.
// CHECK: nn.add: expected operands of one element type, got f32 and f16
func.func @invalid(%x: tensor<4xf32>, %y: tensor<4xf16>) -> tensor<4xf32> {
  %0 = nn.add %x, %y : (tensor<4xf32>, tensor<4xf16>) -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
