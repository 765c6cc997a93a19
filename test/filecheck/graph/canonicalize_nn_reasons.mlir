// RUN: trtc-opt %s -p canonicalize-nn --split-input-file --remarks=missed:canonicalize-nn 2>&1 >/dev/null | filecheck %s

// Numbers that nearly change nothing: zeros of the other sign, which turn -0 into +0 or do not.
// CHECK-DAG: nn.add [plus]: kept: nn.add of 0.0 makes another zero of -0
// CHECK-DAG: nn.sub [minus]: kept: nn.sub of -0.0 makes another zero of -0
func.func @zeros(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %p = nn.constant dense<0.0> : tensor<f32>
  %m = nn.constant dense<-0.0> : tensor<f32>
  %0 = nn.add %x, %p {nn.names = ["plus"]} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = nn.sub %x, %m {nn.names = ["minus"]} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Powers and quotients that stay, and bounds that do not meet.
// CHECK-DAG: nn.pow [root]: a power of 0.5 stays: a square root is another number for -0 and -inf
// CHECK-DAG: nn.pow [cube]: a power of 3.0 stays: only 2 and -1 are made a product and a reciprocal
// CHECK-DAG: nn.div [third]: a quotient by 3.0 stays: its reciprocal is not a power of two, and would round
// CHECK-DAG: nn.div [far]: a quotient by 32768.0 stays: its reciprocal is beyond 2**14, and may not fit
// CHECK-DAG: nn.clip [apart]: bounds not merged: no number is in [5.0, 6.0] and [0.0, 1.0]
func.func @numbers(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %half = nn.constant dense<0.5> : tensor<f32>
  %three = nn.constant dense<3.0> : tensor<f32>
  %far = nn.constant dense<32768.0> : tensor<f32>
  %0 = nn.pow %x, %half {nn.names = ["root"]} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = nn.pow %x, %three {nn.names = ["cube"]} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = nn.div %x, %three {nn.names = ["third"]} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = nn.div %x, %far {nn.names = ["far"]} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %4 = nn.clip %x {min = 0.0 : f64, max = 1.0 : f64} : tensor<4xf32>
  %5 = nn.clip %4 {nn.names = ["apart"], min = 5.0 : f64, max = 6.0 : f64} : tensor<4xf32>
  func.return %0, %1, %2, %3, %5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// A cast through a type that holds less, said once though the op is looked at again; a broadcast that gives the result its shape.
// CHECK: nn.cast [back]: two casts are not one: f16 does not hold each number of f32
// CHECK-NOT: [back]
// CHECK: nn.mul [outer]: its broadcast stays: no other operand has the shape of the result
func.func @shapes(%x: tensor<4xf32>, %c: tensor<2x1xf32>) -> (tensor<4xf32>, tensor<2x4xf32>) {
  %0 = nn.cast %x : (tensor<4xf32>) -> tensor<4xf16>
  %1 = nn.cast %0 {nn.names = ["back"]} : (tensor<4xf16>) -> tensor<4xf32>
  %2 = nn.broadcast_to %c : (tensor<2x1xf32>) -> tensor<2x4xf32>
  %3 = nn.mul %2, %x {nn.names = ["outer"]} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  func.return %1, %3 : tensor<4xf32>, tensor<2x4xf32>
}

// -----

// Transposes and views that stay where they are: behind a reshape that splits a dim or has other users, and before products.
// CHECK-DAG: nn.transpose [splits]: not moved above the nn.reshape, where it would merge with a transpose: it splits dims
// CHECK-DAG: nn.transpose [shared]: not moved above the nn.reshape, where it would merge with a transpose: its result has other users
// CHECK-DAG: nn.matmul [again]: the transpose of B is not taken in: B is read transposed already
// CHECK-DAG: nn.matmul [rotated]: the transpose of B is not taken in: it moves more than two dims
// CHECK-DAG: nn.relu [view]: not moved above the nn.reshape that it reads, whose result has other users
func.func @views(%x: tensor<2x4xf32>, %y: tensor<2x2xf32>, %z: tensor<2x2x2xf32>) -> (tensor<4x2x1xf32>, tensor<8x1xf32>, tensor<1x8xf32>, tensor<2x2xf32>, tensor<2x2x2xf32>, tensor<8xf32>, tensor<8xf32>) {
  %0 = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %1 = nn.reshape %0 : (tensor<4x2xf32>) -> tensor<2x1x4xf32>
  %2 = nn.transpose %1 {nn.names = ["splits"], permutation = array<i64: 2, 0, 1>} : (tensor<2x1x4xf32>) -> tensor<4x2x1xf32>
  %3 = nn.reshape %0 : (tensor<4x2xf32>) -> tensor<1x8xf32>
  %4 = nn.transpose %3 {nn.names = ["shared"], permutation = array<i64: 1, 0>} : (tensor<1x8xf32>) -> tensor<8x1xf32>
  %5 = nn.transpose %y {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %6 = nn.matmul %y, %5 {nn.names = ["again"], transpose_b} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %7 = nn.transpose %z {permutation = array<i64: 2, 0, 1>} : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %8 = nn.matmul %z, %7 {nn.names = ["rotated"]} : (tensor<2x2x2xf32>, tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %9 = nn.reshape %x : (tensor<2x4xf32>) -> tensor<8xf32>
  %10 = nn.relu %9 {nn.names = ["view"]} : tensor<8xf32>
  func.return %2, %4, %3, %6, %8, %9, %10 : tensor<4x2x1xf32>, tensor<8x1xf32>, tensor<1x8xf32>, tensor<2x2xf32>, tensor<2x2x2xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// Gathers by constants that are no slice.
// CHECK-DAG: nn.gather [table]: not a slice: its indices are not consecutive, in a table of rank 2
// CHECK-DAG: nn.gather [second]: not a slice: its indices are not consecutive
// CHECK-DAG: nn.gather [outside]: not a slice: an index may be out of range
func.func @gathers(%x: tensor<4xf32>) -> (tensor<2x1xf32>, tensor<2xf32>, tensor<2xf32>) {
  %t = nn.constant dense<[[1], [0]]> : tensor<2x1xi64>
  %s = nn.constant dense<[0, 2]> : tensor<2xi64>
  %o = nn.constant dense<[3, 4]> : tensor<2xi64>
  %0 = nn.gather %x, %t {nn.names = ["table"], axis = 0 : i64} : (tensor<4xf32>, tensor<2x1xi64>) -> tensor<2x1xf32>
  %1 = nn.gather %x, %s {nn.names = ["second"], axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  %2 = nn.gather %x, %o {nn.names = ["outside"], axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  func.return %0, %1, %2 : tensor<2x1xf32>, tensor<2xf32>, tensor<2xf32>
}
