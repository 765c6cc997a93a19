// RUN: trtc-opt %s --split-input-file | filecheck %s
// RUN: trtc-opt %s --split-input-file | trtc-opt --split-input-file | filecheck %s
// RUN: trtc-opt %s --split-input-file --print-op-generic | trtc-opt --split-input-file | filecheck %s

// Positions in order, along any axis, also a dynamic one.
// CHECK-LABEL: @sorts(
func.func @sorts(%x : tensor<?x8xf16, #nn.dims<N, 8>>) {
  // CHECK-NEXT: %0 = nn.argsort %x {axis = 1 : i64} : (tensor<?x8xf16, #nn.dims<N, 8>>) -> tensor<?x8xi32, #nn.dims<N, 8>>
  %0 = nn.argsort %x {axis = 1 : i64} : (tensor<?x8xf16, #nn.dims<N, 8>>) -> tensor<?x8xi32, #nn.dims<N, 8>>
  // CHECK-NEXT: %1 = nn.argsort %x {axis = 0 : i64, descending} : (tensor<?x8xf16, #nn.dims<N, 8>>) -> tensor<?x8xi32, #nn.dims<N, 8>>
  %1 = nn.argsort %x {axis = 0 : i64, descending} : (tensor<?x8xf16, #nn.dims<N, 8>>) -> tensor<?x8xi32, #nn.dims<N, 8>>
  func.return
}

// -----

// A scan keeps the type, or widens narrow floats.
// CHECK-LABEL: @scans(
func.func @scans(%x : tensor<4x8xf16>, %i : tensor<4xi64>) {
  // CHECK-NEXT: %0 = nn.cumulative sum %x {axis = 1 : i64} : (tensor<4x8xf16>) -> tensor<4x8xf32>
  %0 = nn.cumulative sum %x {axis = 1 : i64} : (tensor<4x8xf16>) -> tensor<4x8xf32>
  // CHECK-NEXT: %1 = nn.cumulative prod %i {axis = 0 : i64, exclusive, reverse} : (tensor<4xi64>) -> tensor<4xi64>
  %1 = nn.cumulative prod %i {axis = 0 : i64, exclusive, reverse} : (tensor<4xi64>) -> tensor<4xi64>
  func.return
}

// -----

// Rows of updates go to rows of x; indices have any rank.
// CHECK-LABEL: @scatters(
func.func @scatters(%x : tensor<?x3xf32, #nn.dims<N, 3>>, %i : tensor<2x5xi64>, %u : tensor<2x5x3xf32>) {
  // CHECK-NEXT: %0 = nn.scatter set %x, %i, %u : (tensor<?x3xf32, #nn.dims<N, 3>>, tensor<2x5xi64>, tensor<2x5x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>>
  %0 = nn.scatter set %x, %i, %u : (tensor<?x3xf32, #nn.dims<N, 3>>, tensor<2x5xi64>, tensor<2x5x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>>
  // CHECK-NEXT: %1 = nn.scatter add %x, %i, %u : (tensor<?x3xf32, #nn.dims<N, 3>>, tensor<2x5xi64>, tensor<2x5x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>>
  %1 = nn.scatter add %x, %i, %u : (tensor<?x3xf32, #nn.dims<N, 3>>, tensor<2x5xi64>, tensor<2x5x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>>
  func.return
}
