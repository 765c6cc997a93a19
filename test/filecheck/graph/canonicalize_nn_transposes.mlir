// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s

// Two rotations compose: dims a, b, c become c, a, b and then, by swapping the first two, a, c, b.
// CHECK-LABEL: @compose
// CHECK-NEXT: %[[T:.*]] = nn.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
// CHECK-NEXT: func.return %[[T]]
func.func @compose(%x: tensor<2x3x4xf32>) -> tensor<2x4x3xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0, 2>} : (tensor<4x2x3xf32>) -> tensor<2x4x3xf32>
  func.return %1 : tensor<2x4x3xf32>
}

// -----

// Refused: a rotation twice is no identity, also on a cube, whose type stays.
// CHECK-LABEL: @rotation
// CHECK-NEXT: nn.transpose %x {permutation = array<i64: 2, 0, 1>}
func.func @rotation(%x: tensor<3x3x3xf32>) -> tensor<3x3x3xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  func.return %1 : tensor<3x3x3xf32>
}

// -----

// A transpose moves above a reshape that merges the dims which it moves whole, and trailing dims of size 1 go with the last.
// CHECK-LABEL: @above_merge
// CHECK-NEXT: %[[T:.*]] = nn.transpose %x {permutation = array<i64: 1, 3, 2, 0>} : (tensor<2x3x1x4xf32>) -> tensor<3x4x1x2xf32>
// CHECK-NEXT: nn.reshape %[[T]] : (tensor<3x4x1x2xf32>) -> tensor<12x2xf32>
func.func @above_merge(%x: tensor<2x3x1x4xf32>) -> tensor<12x2xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 0, 1, 3, 2>} : (tensor<2x3x1x4xf32>) -> tensor<2x3x4x1xf32>
  %1 = nn.reshape %0 : (tensor<2x3x4x1xf32>) -> tensor<2x12xf32>
  %2 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<2x12xf32>) -> tensor<12x2xf32>
  func.return %2 : tensor<12x2xf32>
}

// -----

// Refused: the reshape splits a dim; it has another user; no transpose feeds it.
// CHECK-LABEL: @above_merge_refused
// CHECK: nn.transpose
// CHECK-NEXT: nn.reshape %{{.*}} : (tensor<6x4xf32>) -> tensor<2x12xf32>
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: %[[R:.*]] = nn.reshape %{{.*}} : (tensor<4x2x3xf32>) -> tensor<4x6xf32>
// CHECK-NEXT: %[[U:.*]] = nn.transpose %[[R]]
// CHECK-NEXT: nn.reshape %z
// CHECK-NEXT: %[[V:.*]] = nn.transpose
// CHECK-NEXT: func.return %{{.*}}, %[[R]], %[[U]], %[[V]]
func.func @above_merge_refused(%x: tensor<4x6xf32>, %y: tensor<2x3x4xf32>, %z: tensor<2x3x4xf32>) -> (tensor<12x2xf32>, tensor<4x6xf32>, tensor<6x4xf32>, tensor<4x6xf32>) {
  %0 = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<6x4xf32>
  %1 = nn.reshape %0 : (tensor<6x4xf32>) -> tensor<2x12xf32>
  %2 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<2x12xf32>) -> tensor<12x2xf32>
  %3 = nn.transpose %y {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %4 = nn.reshape %3 : (tensor<4x2x3xf32>) -> tensor<4x6xf32>
  %5 = nn.transpose %4 {permutation = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<6x4xf32>
  %6 = nn.reshape %z : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  %7 = nn.transpose %6 {permutation = array<i64: 1, 0>} : (tensor<6x4xf32>) -> tensor<4x6xf32>
  func.return %2, %4, %5, %7 : tensor<12x2xf32>, tensor<4x6xf32>, tensor<6x4xf32>, tensor<4x6xf32>
}

// -----

// What moves the batch dims of b too leaves a transpose that keeps the innermost dim, and the math stays.
// CHECK-LABEL: @into_matmul
// CHECK-NEXT: %[[T:.*]] = nn.transpose %b {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: nn.matmul %a, %[[T]] {transpose_b, math = #nn.math<tf32>}
func.func @into_matmul(%a: tensor<2x5x4xf32>, %b: tensor<3x2x4xf32>) -> tensor<2x5x3xf32> {
  %0 = nn.transpose %b {permutation = array<i64: 1, 2, 0>} : (tensor<3x2x4xf32>) -> tensor<2x4x3xf32>
  %1 = nn.matmul %a, %0 {math = #nn.math<tf32>} : (tensor<2x5x4xf32>, tensor<2x4x3xf32>) -> tensor<2x5x3xf32>
  func.return %1 : tensor<2x5x3xf32>
}

// -----

// Refused: the innermost dim stays, goes to the front, or the matmul has transpose_b already; a plain b.
// CHECK-LABEL: @into_matmul_refused
// CHECK-NEXT: %[[T:.*]] = nn.transpose %b {permutation = array<i64: 1, 0, 2>}
// CHECK-NEXT: nn.matmul %a, %[[T]] : (
// CHECK-NEXT: %[[U:.*]] = nn.transpose %b {permutation = array<i64: 2, 0, 1>}
// CHECK-NEXT: nn.matmul %a, %[[U]] : (
// CHECK-NEXT: %[[V:.*]] = nn.transpose %b {permutation = array<i64: 0, 2, 1>}
// CHECK-NEXT: nn.matmul %a, %[[V]] {transpose_b} : (
// CHECK-NEXT: nn.matmul %a, %b : (
func.func @into_matmul_refused(%a: tensor<3x3x3xf32>, %b: tensor<3x3x3xf32>) -> (tensor<3x3x3xf32>, tensor<3x3x3xf32>, tensor<3x3x3xf32>, tensor<3x3x3xf32>) {
  %0 = nn.transpose %b {permutation = array<i64: 1, 0, 2>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %1 = nn.matmul %a, %0 : (tensor<3x3x3xf32>, tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %2 = nn.transpose %b {permutation = array<i64: 2, 0, 1>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %3 = nn.matmul %a, %2 : (tensor<3x3x3xf32>, tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %4 = nn.transpose %b {permutation = array<i64: 0, 2, 1>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %5 = nn.matmul %a, %4 {transpose_b} : (tensor<3x3x3xf32>, tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %6 = nn.matmul %a, %b : (tensor<3x3x3xf32>, tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  func.return %1, %3, %5, %6 : tensor<3x3x3xf32>, tensor<3x3x3xf32>, tensor<3x3x3xf32>, tensor<3x3x3xf32>
}

// -----

// The tensor between two transposes is named where it still stands, in another order: by the inverse of the rotation that is removed.
// CHECK-LABEL: @names
// CHECK: nn.exp %x {nn.names = ["t@2,0,1"]}
// CHECK-NEXT: nn.transpose {{.*}}nn.names = ["u"], permutation = array<i64: 2, 0, 1>
// CHECK: nn.abs %x {nn.names = ["kept"]}
func.func @names(%x: tensor<2x3x4xf32>) -> (tensor<4x2x3xf32>, tensor<4x2x3xf32>) {
  %0 = nn.exp %x : tensor<2x3x4xf32>
  %1 = nn.transpose %0 {nn.names = ["t"], permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %2 = nn.transpose %1 {nn.names = ["u"], permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  %3 = nn.abs %x {nn.names = ["kept"]} : tensor<2x3x4xf32>
  %4 = nn.transpose %3 {nn.names = ["v"], permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %5 = nn.transpose %4 {permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  func.return %2, %5 : tensor<4x2x3xf32>, tensor<4x2x3xf32>
}
