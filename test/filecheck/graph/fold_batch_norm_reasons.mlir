// RUN: trtc-opt %s -p fold-batch-norm --split-input-file --remarks=missed:fold-batch-norm 2>&1 >/dev/null | filecheck %s

// A batch_norm behind a conv whose statistics are computed at run time is an affine map of its own.
// CHECK: missed: fold-batch-norm: nn.batch_norm [bn]: not folded into nn.conv: its scale or statistics are computed at run time
// CHECK-NOT: [bn]
func.func @statistics(%x: tensor<1x4x4x2xf32>, %m: tensor<1xf32>) -> tensor<1x4x4x1xf32> {
  %w = nn.constant dense<3.0> : tensor<1x1x1x2xf32>
  %s = nn.constant dense<2.0> : tensor<1xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x4x4x1xf32>
  %1 = nn.batch_norm %0, %s, %s, %m, %s {nn.names = ["bn"], epsilon = 1.0 : f64} : (tensor<1x4x4x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x1xf32>
  func.return %1 : tensor<1x4x4x1xf32>
}

// -----

// Factors behind products: of two tensors, by a stack of weights, one per row, and a product that others read.
// CHECK-DAG: nn.mul [two]: factor not folded into nn.matmul: its second operand is computed at run time
// CHECK-DAG: nn.mul [stack]: factor not folded into nn.matmul: its weights are not one matrix
// CHECK-DAG: nn.mul [row]: factor not folded into nn.matmul: it is not one number per channel
// CHECK-DAG: nn.div [others]: divisor not folded into nn.matmul: what it multiplies has other users
func.func @outputs(%y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %v = nn.constant dense<1.0> : tensor<2x2xf32>
  %b = nn.constant dense<1.0> : tensor<2x2x2xf32>
  %f = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %c = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.matmul %y, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.mul %0, %f {nn.names = ["two"]} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = nn.matmul %y, %b : (tensor<2x2xf32>, tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %3 = nn.mul %2, %f {nn.names = ["stack"]} : (tensor<2x2x2xf32>, tensor<2xf32>) -> tensor<2x2x2xf32>
  %4 = nn.matmul %y, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = nn.mul %4, %c {nn.names = ["row"]} : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %6 = nn.matmul %y, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %7 = nn.div %6, %f {nn.names = ["others"]} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  func.return %1, %3, %5, %6, %7 : tensor<2x2xf32>, tensor<2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// A factor behind a residual; a sum of constants that others read, past which no factor and no constant moves.
// CHECK-DAG: nn.mul [residual]: factor not folded into nn.matmul: an operand of the nn.add between them is computed at run time
// CHECK-DAG: nn.mul [rows]: factor not folded into nn.matmul: an operand of the nn.add between them is not one per channel
// CHECK-DAG: nn.mul [shared]: factor not folded into nn.matmul: what it multiplies has other users
// CHECK-DAG: nn.add [again]: constants not merged: the nn.add before it has other users
func.func @sums(%y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %v = nn.constant dense<1.0> : tensor<2x2xf32>
  %f = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %c = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.matmul %y, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.add %0, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.mul %1, %f {nn.names = ["residual"]} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %3 = nn.matmul %y, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = nn.add %3, %f : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %5 = nn.mul %4, %f {nn.names = ["shared"]} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %6 = nn.add %4, %f {nn.names = ["again"]} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %7 = nn.matmul %y, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %8 = nn.add %7, %c : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %9 = nn.mul %8, %f {nn.names = ["rows"]} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  func.return %2, %5, %6, %9 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Factors on the input: one that others read, one of a conv with groups, one per row, one of a product of two tensors.
// CHECK-DAG: nn.matmul [others]: factor on the input not folded into nn.matmul: the scaled input has other users
// CHECK-DAG: nn.conv [groups]: factor on the input not folded into nn.conv: it has groups
// CHECK-DAG: nn.matmul [row]: factor on the input not folded into nn.matmul: it is not one number per channel
// CHECK-DAG: nn.matmul [two]: factor on the input not folded into nn.matmul: its second operand is computed at run time
func.func @inputs(%x: tensor<1x2x2x2xf32>, %y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<1x2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x1x1x1xf32>
  %v = nn.constant dense<1.0> : tensor<2x2xf32>
  %f = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %c = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.mul %y, %f : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %1 = nn.matmul %0, %v {nn.names = ["others"]} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.mul %x, %f : (tensor<1x2x2x2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %3 = nn.conv %2, %w {nn.names = ["groups"], strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x2x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x2x2xf32>
  %4 = nn.mul %y, %c : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %5 = nn.matmul %4, %v {nn.names = ["row"]} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %6 = nn.mul %y, %f : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %7 = nn.matmul %6, %y {nn.names = ["two"]} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %0, %1, %3, %5, %7 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<1x2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}
