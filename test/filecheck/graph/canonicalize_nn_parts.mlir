// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s
// RUN: trtc-opt %s -p canonicalize-nn --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Patch merging: the four strided parts of an image, rows faster than columns, and a norm over their channels; the batch is dynamic.
// CHECK-LABEL: @patches
// CHECK-DAG: %[[V:.*]] = nn.reshape %x : {{.*}} -> tensor<?x2x2x3x2x8xf32, #nn.dims<N, 2, 2, 3, 2, 8>>
// CHECK-DAG: %[[T:.*]] = nn.transpose %[[V]] {permutation = array<i64: 0, 1, 3, 4, 2, 5>}
// CHECK-DAG: %[[S:.*]] = nn.reshape %s : (tensor<32xf32>) -> tensor<2x2x8xf32>
// CHECK-DAG: %[[B:.*]] = nn.reshape %b : (tensor<32xf32>) -> tensor<2x2x8xf32>
// CHECK: %[[N:.*]] = nn.layer_norm %[[T]], %[[S]], %[[B]] {axis = 3 : i64
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[N]] : {{.*}} -> tensor<?x2x3x32xf32, #nn.dims<N, 2, 3, 32>>
// CHECK-NEXT: func.return %[[R]]
func.func @patches(%x: tensor<?x4x6x8xf32, #nn.dims<N, 4, 6, 8>>, %s: tensor<32xf32>, %b: tensor<32xf32>) -> tensor<?x2x3x32xf32, #nn.dims<N, 2, 3, 32>> {
  %0 = nn.slice %x {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 2, 1, 1>} : (tensor<?x4x6x8xf32, #nn.dims<N, 4, 6, 8>>) -> tensor<?x2x6x8xf32, #nn.dims<N, 2, 6, 8>>
  %1 = nn.slice %x {starts = #nn.dims<0, 1, 0, 0>, steps = array<i64: 1, 2, 1, 1>} : (tensor<?x4x6x8xf32, #nn.dims<N, 4, 6, 8>>) -> tensor<?x2x6x8xf32, #nn.dims<N, 2, 6, 8>>
  %2 = nn.slice %0 {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 2, 1>} : (tensor<?x2x6x8xf32, #nn.dims<N, 2, 6, 8>>) -> tensor<?x2x3x8xf32, #nn.dims<N, 2, 3, 8>>
  %3 = nn.slice %1 {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 2, 1>} : (tensor<?x2x6x8xf32, #nn.dims<N, 2, 6, 8>>) -> tensor<?x2x3x8xf32, #nn.dims<N, 2, 3, 8>>
  %4 = nn.slice %0 {starts = #nn.dims<0, 0, 1, 0>, steps = array<i64: 1, 1, 2, 1>} : (tensor<?x2x6x8xf32, #nn.dims<N, 2, 6, 8>>) -> tensor<?x2x3x8xf32, #nn.dims<N, 2, 3, 8>>
  %5 = nn.slice %1 {starts = #nn.dims<0, 0, 1, 0>, steps = array<i64: 1, 1, 2, 1>} : (tensor<?x2x6x8xf32, #nn.dims<N, 2, 6, 8>>) -> tensor<?x2x3x8xf32, #nn.dims<N, 2, 3, 8>>
  %6 = nn.concat %2, %3, %4, %5 {axis = 3 : i64} : (tensor<?x2x3x8xf32, #nn.dims<N, 2, 3, 8>>, tensor<?x2x3x8xf32, #nn.dims<N, 2, 3, 8>>, tensor<?x2x3x8xf32, #nn.dims<N, 2, 3, 8>>, tensor<?x2x3x8xf32, #nn.dims<N, 2, 3, 8>>) -> tensor<?x2x3x32xf32, #nn.dims<N, 2, 3, 32>>
  %7 = nn.layer_norm %6, %s, %b {axis = 3 : i64, epsilon = 1.0e-05 : f64} : (tensor<?x2x3x32xf32, #nn.dims<N, 2, 3, 32>>, tensor<32xf32>, tensor<32xf32>) -> tensor<?x2x3x32xf32, #nn.dims<N, 2, 3, 32>>
  func.return %7 : tensor<?x2x3x32xf32, #nn.dims<N, 2, 3, 32>>
}

// -----

// Refused: the odd rows twice, and five rows by two.
// CHECK-LABEL: @refused
// CHECK-NOT: nn.transpose
// CHECK: func.return
// REMARK: missed: canonicalize-nn: nn.concat: not a transpose of the tensor whose strided slices it joins: some elements are in none, or in several
// REMARK: missed: canonicalize-nn: nn.concat: not a transpose of the tensor whose strided slices it joins: a dim is no multiple of the steps
func.func @refused(%x: tensor<4x8xf32>, %y: tensor<5x8xf32>) -> (tensor<2x16xf32>, tensor<2x16xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<1, 0>, steps = array<i64: 2, 1>} : (tensor<4x8xf32>) -> tensor<2x8xf32>
  %1 = nn.concat %0, %0 {axis = 1 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x16xf32>
  %2 = nn.slice %y {starts = #nn.dims<0, 0>, steps = array<i64: 2, 1>} : (tensor<5x8xf32>) -> tensor<2x8xf32>
  %3 = nn.slice %y {starts = #nn.dims<1, 0>, steps = array<i64: 2, 1>} : (tensor<5x8xf32>) -> tensor<2x8xf32>
  %4 = nn.concat %2, %3 {axis = 1 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x16xf32>
  func.return %1, %4 : tensor<2x16xf32>, tensor<2x16xf32>
}

// -----

// Refused: both parts end before the last rows, along the dim with steps and along the other one.
// CHECK-LABEL: @some_rows
// CHECK-NOT: nn.transpose
// CHECK: func.return
// REMARK: missed: canonicalize-nn: nn.concat: not a transpose of the tensor whose strided slices it joins: some elements are in none, or in several
// REMARK: missed: canonicalize-nn: nn.concat: not a transpose of the tensor whose strided slices it joins: some elements are in none, or in several
func.func @some_rows(%x: tensor<8x3xf32>) -> (tensor<4x3xf32>, tensor<8x2xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 2, 1>} : (tensor<8x3xf32>) -> tensor<2x3xf32>
  %1 = nn.slice %x {starts = #nn.dims<1, 0>, steps = array<i64: 2, 1>} : (tensor<8x3xf32>) -> tensor<2x3xf32>
  %2 = nn.concat %0, %1 {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  %3 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 2, 1>} : (tensor<8x3xf32>) -> tensor<4x2xf32>
  %4 = nn.slice %x {starts = #nn.dims<1, 0>, steps = array<i64: 2, 1>} : (tensor<8x3xf32>) -> tensor<4x2xf32>
  %5 = nn.concat %3, %4 {axis = 0 : i64} : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
  func.return %2, %5 : tensor<4x3xf32>, tensor<8x2xf32>
}

// -----

// Refused: without a batch, rows of 24 elements may be read as rows of 7, and their norm is not one of three dims.
// CHECK-LABEL: @no_batch
// CHECK: nn.layer_norm %{{.*}} -> tensor<0x7xf32>
// CHECK-NEXT: func.return
func.func @no_batch(%x: tensor<0x3x2x4xf32>, %s: tensor<7xf32>) -> tensor<0x7xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<0x3x2x4xf32>) -> tensor<0x2x3x4xf32>
  %1 = nn.reshape %0 : (tensor<0x2x3x4xf32>) -> tensor<0x7xf32>
  %2 = nn.layer_norm %1, %s, %s {axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<0x7xf32>, tensor<7xf32>, tensor<7xf32>) -> tensor<0x7xf32>
  func.return %2 : tensor<0x7xf32>
}
