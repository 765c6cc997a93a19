// RUN: trtc-opt %s -p cse --split-input-file | filecheck %s

// Where the order of operands does not matter, each op is computed once.
// CHECK-LABEL: @commutes
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.min
// CHECK-NEXT: nn.max
// CHECK-NEXT: nn.logical_and
// CHECK-NEXT: nn.logical_or
// CHECK-NEXT: nn.logical_xor
// CHECK-NEXT: func.return
func.func @commutes(%x: tensor<4xf32>, %y: tensor<4xf32>, %p: tensor<4xi1>, %q: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
  %0 = nn.mul %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.mul %y, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.min %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = nn.min %y, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = nn.max %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %5 = nn.max %y, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %6 = nn.logical_and %p, %q : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %7 = nn.logical_and %q, %p : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %8 = nn.logical_or %p, %q : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %9 = nn.logical_or %q, %p : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %10 = nn.logical_xor %p, %q : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %11 = nn.logical_xor %q, %p : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  func.return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
}

// -----

// Refused: everywhere else the order matters, on square operands too, which have one type in both orders.
// CHECK-LABEL: @ordered
// CHECK-COUNT-2: nn.pow
// CHECK-COUNT-2: nn.div
// CHECK-COUNT-2: nn.mod
// CHECK-COUNT-2: nn.compare
// CHECK-COUNT-2: nn.matmul
// CHECK-COUNT-2: nn.concat
func.func @ordered(%x: tensor<2x2xf32>, %y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xi1>, tensor<2x2xi1>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %0 = nn.pow %x, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.pow %y, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.div %x, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.div %y, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = nn.mod %x, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = nn.mod %y, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %6 = nn.compare lt %x, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xi1>
  %7 = nn.compare lt %y, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xi1>
  %8 = nn.matmul %x, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %9 = nn.matmul %y, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %10 = nn.concat %x, %y {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %11 = nn.concat %y, %x {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  func.return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xi1>, tensor<2x2xi1>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// Refused: another op, another result type, another attribute, another number.
// CHECK-LABEL: @different
// CHECK: nn.floor
// CHECK: nn.ceil
// CHECK-COUNT-2: nn.reshape
// CHECK-COUNT-2: nn.exp
// CHECK-COUNT-2: nn.constant
func.func @different(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<2x2xf32>, tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0 = nn.floor %x : tensor<4xf32>
  %1 = nn.ceil %x : tensor<4xf32>
  %2 = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %3 = nn.reshape %x : (tensor<4xf32>) -> tensor<1x4xf32>
  %4 = nn.exp %x {mark = 1 : i64} : tensor<4xf32>
  %5 = nn.exp %x {mark = 2 : i64} : tensor<4xf32>
  %6 = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %7 = nn.constant dense<[2.0, 1.0]> : tensor<2xf32>
  func.return %0, %1, %2, %3, %4, %5, %6, %7 : tensor<4xf32>, tensor<4xf32>, tensor<2x2xf32>, tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// The first name stays; groups are not merged; each of their bodies is searched on its own.
// CHECK-LABEL: @groups
// CHECK-NEXT: nn.abs %x {nn.names = ["first"]}
// CHECK-COUNT-2: fusion.group
// CHECK-NOT: fusion.group
func.func @groups(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.abs %x {nn.names = ["first"]} : tensor<4xf32>
  %1 = nn.abs %x {nn.names = ["second"]} : tensor<4xf32>
  %2 = fusion.group "pointwise" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) {
    %4 = nn.relu %a : tensor<4xf32>
    fusion.yield %4 : tensor<4xf32>
  }
  %3 = fusion.group "pointwise" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) {
    %4 = nn.relu %a : tensor<4xf32>
    fusion.yield %4 : tensor<4xf32>
  }
  func.return %0, %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
