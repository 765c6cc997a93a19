// RUN: trtc-opt %s -p eliminate-transposes --split-input-file | filecheck %s
// RUN: trtc-opt %s -p eliminate-transposes --split-input-file --remarks=missed:eliminate-transposes 2>&1 >/dev/null | filecheck %s --check-prefix=REASON

// Refused: a gather by a table changes the rank, and a matmul, a layer_norm and a reshape fix the order that they read.
// CHECK-LABEL: @fixed
// CHECK: %[[R:.*]] = nn.transpose %{{.*}} {permutation = array<i64: 1, 2, 0>}
// CHECK-NEXT: nn.gather %[[R]], %i {axis = 1 : i64}
// CHECK-NEXT: nn.matmul %[[R]], %[[R]] {transpose_b}
// CHECK-NEXT: nn.layer_norm %[[R]]
// CHECK-NEXT: nn.reshape %[[R]]
// REASON: nn.transpose: kept: nn.gather, nn.layer_norm, nn.matmul, nn.reshape fix the order of dims
func.func @fixed(%x: tensor<3x3x3xf32>, %i: tensor<2x2xi64>, %s: tensor<3xf32>) -> (tensor<3x2x2x3xf32>, tensor<3x3x3xf32>, tensor<3x3x3xf32>, tensor<27xf32>) {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %1 = nn.relu %0 : tensor<3x3x3xf32>
  %2 = nn.gather %1, %i {axis = 1 : i64} : (tensor<3x3x3xf32>, tensor<2x2xi64>) -> tensor<3x2x2x3xf32>
  %3 = nn.matmul %1, %1 {transpose_b} : (tensor<3x3x3xf32>, tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %4 = nn.layer_norm %1, %s, %s {axis = 2 : i64, epsilon = 0.0 : f64} : (tensor<3x3x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3x3x3xf32>
  %5 = nn.reshape %1 : (tensor<3x3x3xf32>) -> tensor<27xf32>
  func.return %2, %3, %4, %5 : tensor<3x2x2x3xf32>, tensor<3x3x3xf32>, tensor<3x3x3xf32>, tensor<27xf32>
}

// -----

// Refused: a sum of a value and its own transpose needs both, whatever its order.
// CHECK-LABEL: @both
// CHECK: nn.transpose
// REASON: nn.add: fixes the order of its dims: it reads one value in two orders
// REASON: nn.transpose: kept: {{.*}} the order of dims
func.func @both(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = nn.relu %x : tensor<2x2xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.add %0, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %2 : tensor<2x2xf32>
}

// -----

// A reduction that drops its dims keeps them, to follow, and a reshape drops them in the value's own order.
// CHECK-LABEL: @dropped
// CHECK-NEXT: %[[M:.*]] = nn.reduce sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[M]] {permutation = array<i64: 1, 2, 0>} : (tensor<2x1x4xf32>) -> tensor<1x4x2xf32>
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[T]] {nn.names = ["sum"]} : (tensor<1x4x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT: func.return %[[R]]
func.func @dropped(%x: tensor<2x3x4xf32>) -> tensor<4x2xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = nn.reduce sum %0 {nn.names = ["sum"], axes = array<i64: 0>, keepdims = false} : (tensor<3x4x2xf32>) -> tensor<4x2xf32>
  func.return %1 : tensor<4x2xf32>
}

// -----

// A transpose that only moves dims of size 1 becomes a reshape; a reader in the value's own order gets that order.
// CHECK-LABEL: @units
// CHECK-NEXT: %[[R:.*]] = nn.relu %x
// CHECK-NEXT: %[[V:.*]] = nn.reshape %[[R]] : (tensor<1x3x4xf32>) -> tensor<3x4x1xf32>
// CHECK-NEXT: func.return %[[V]]
func.func @units(%x: tensor<1x3x4xf32>) -> tensor<3x4x1xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<1x3x4xf32>) -> tensor<3x4x1xf32>
  %1 = nn.relu %0 : tensor<3x4x1xf32>
  func.return %1 : tensor<3x4x1xf32>
}

// -----

// Where a transpose must be, it stands where fewer elements cross: after a slice of a dim that is usually 100.
// CHECK-LABEL: @cheapest
// CHECK: %[[S:.*]] = nn.slice %{{.*}} {starts = #nn.dims<0, 0, 0>
// CHECK-NEXT: nn.transpose %[[S]] {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x5xf32>
// REASON: nn.transpose: kept: func.return fixes the order of dims
builtin.module attributes {nn.symbols = {N = array<i64: 10, 100, 200>}} {
  func.func @cheapest(%x: tensor<2x3x?xf32, #nn.dims<2, 3, N>>) -> tensor<3x5x2xf32> {
    %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x?xf32, #nn.dims<2, 3, N>>) -> tensor<3x?x2xf32, #nn.dims<3, N, 2>>
    %1 = nn.slice %0 {starts = #nn.dims<0, 0, 0>, steps = array<i64: 1, 1, 1>} : (tensor<3x?x2xf32, #nn.dims<3, N, 2>>) -> tensor<3x5x2xf32>
    func.return %1 : tensor<3x5x2xf32>
  }
}

// -----

// A function without a transpose stays as it is.
// CHECK-LABEL: @nothing
// CHECK-NEXT: %[[M:.*]] = nn.reduce sum %x {axes = array<i64: 0>, keepdims = false}
// CHECK-NEXT: func.return %[[M]]
func.func @nothing(%x: tensor<2x3xf32>) -> tensor<3xf32> {
  %0 = nn.reduce sum %x {axes = array<i64: 0>, keepdims = false} : (tensor<2x3xf32>) -> tensor<3xf32>
  func.return %0 : tensor<3xf32>
}

// -----

// Components with and without ops on rows are compared: what is the same in both is said once.
// CHECK-LABEL: @once
// CHECK: nn.add %x
// CHECK: nn.matmul
// CHECK-NEXT: nn.relu
// CHECK-NEXT: func.return
// REASON: nn.add: fixes the order of its dims: it reads one value in two orders
// REASON-NEXT: nn.transpose: kept: an argument fixes the order of dims
func.func @once(%x: tensor<4x4x8xf32>, %w: tensor<8x8xf32>, %v: tensor<4x6x8xf32>) -> (tensor<4x4x8xf32>, tensor<6x4x8xf32>) {
  %0 = nn.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<4x4x8xf32>) -> tensor<4x4x8xf32>
  %1 = nn.add %x, %0 : (tensor<4x4x8xf32>, tensor<4x4x8xf32>) -> tensor<4x4x8xf32>
  %2 = nn.transpose %v {permutation = array<i64: 1, 0, 2>} : (tensor<4x6x8xf32>) -> tensor<6x4x8xf32>
  %3 = nn.matmul %2, %w : (tensor<6x4x8xf32>, tensor<8x8xf32>) -> tensor<6x4x8xf32>
  %4 = nn.transpose %3 {permutation = array<i64: 1, 0, 2>} : (tensor<6x4x8xf32>) -> tensor<4x6x8xf32>
  %5 = nn.relu %4 : tensor<4x6x8xf32>
  %6 = nn.transpose %5 {permutation = array<i64: 1, 0, 2>} : (tensor<4x6x8xf32>) -> tensor<6x4x8xf32>
  func.return %1, %6 : tensor<4x4x8xf32>, tensor<6x4x8xf32>
}
