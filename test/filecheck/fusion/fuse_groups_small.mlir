// RUN: trtc-opt %s -p fuse-groups --split-input-file --remarks=missed:fuse-groups 2>&1 | filecheck %s

// What a mask adds to a bias is computed where it is added: no launch writes it.
// CHECK-LABEL: @mask(
// CHECK: fusion.group "pointwise"
// CHECK: nn.cast
// CHECK: nn.mul
// CHECK: nn.add
// CHECK-NOT: fusion.group
// CHECK: func.return
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @mask(%m: tensor<?x1x16xi64, #nn.dims<N, 1, 16>>, %b: tensor<?x16x16xf32, #nn.dims<N, 16, 16>>) -> tensor<?x16x16xf32, #nn.dims<N, 16, 16>> {
    %low = nn.constant dense<-3.0e+38> : tensor<f32>
    %0 = nn.cast %m : (tensor<?x1x16xi64, #nn.dims<N, 1, 16>>) -> tensor<?x1x16xf32, #nn.dims<N, 1, 16>>
    %1 = nn.mul %0, %low : (tensor<?x1x16xf32, #nn.dims<N, 1, 16>>, tensor<f32>) -> tensor<?x1x16xf32, #nn.dims<N, 1, 16>>
    %2 = nn.add %b, %1 : (tensor<?x16x16xf32, #nn.dims<N, 16, 16>>, tensor<?x1x16xf32, #nn.dims<N, 1, 16>>) -> tensor<?x16x16xf32, #nn.dims<N, 16, 16>>
    func.return %2 : tensor<?x16x16xf32, #nn.dims<N, 16, 16>>
  }
}

// -----

// The mean of what a mask shows is one group, whichever sum stands first.
// CHECK-LABEL: @mean(
// CHECK: fusion.group "row"
// CHECK: nn.reduce
// CHECK: nn.clip
// CHECK: nn.mul
// CHECK: nn.reduce
// CHECK: nn.div
// CHECK-NOT: fusion.group
// CHECK: func.return
func.func @mean(%x: tensor<2x16x8xf32>, %m: tensor<2x16x1xf32>) -> tensor<2x1x8xf32> {
  %0 = nn.reduce sum %m {axes = array<i64: 1>, keepdims = true} : (tensor<2x16x1xf32>) -> tensor<2x1x1xf32>
  %1 = nn.clip %0 {min = 1.0e-09 : f64, max = 0x7FF0000000000000 : f64} : tensor<2x1x1xf32>
  %2 = nn.mul %x, %m : (tensor<2x16x8xf32>, tensor<2x16x1xf32>) -> tensor<2x16x8xf32>
  %3 = nn.reduce sum %2 {axes = array<i64: 1>, keepdims = true} : (tensor<2x16x8xf32>) -> tensor<2x1x8xf32>
  %4 = nn.div %3, %1 : (tensor<2x1x8xf32>, tensor<2x1x1xf32>) -> tensor<2x1x8xf32>
  func.return %4 : tensor<2x1x8xf32>
}

// -----

// Refused: sums over other dims.
// CHECK: missed: fuse-groups: nn.div: not fused with nn.reduce: its result has another shape
// CHECK-LABEL: @other_dims(
// CHECK: fusion.group "row"
// CHECK: fusion.group "row"
func.func @other_dims(%x: tensor<2x16x8xf32>, %m: tensor<2x1x8xf32>) -> tensor<2x1x8xf32> {
  %0 = nn.reduce sum %m {axes = array<i64: 2>, keepdims = true} : (tensor<2x1x8xf32>) -> tensor<2x1x1xf32>
  %3 = nn.reduce sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<2x16x8xf32>) -> tensor<2x1x8xf32>
  %4 = nn.div %3, %0 : (tensor<2x1x8xf32>, tensor<2x1x1xf32>) -> tensor<2x1x8xf32>
  func.return %4 : tensor<2x1x8xf32>
}

// -----

// A price decides: a long polynomial of a vector is not worth computing for each of a million rows.
// CHECK: missed: fuse-groups: nn.tanh: not fused with nn.{{.*}}: small operand of a pointwise: a launch of its own
// CHECK-LABEL: @costly(
// CHECK: fusion.group "pointwise"
// CHECK: fusion.group "pointwise"
// CHECK: nn.add
func.func @costly(%x: tensor<262144x512xf16>, %v: tensor<512xf16>) -> tensor<262144x512xf16> {
  %0 = nn.tanh %v : tensor<512xf16>
  %1 = nn.pow %0, %v : (tensor<512xf16>, tensor<512xf16>) -> tensor<512xf16>
  %2 = nn.erf %1 : tensor<512xf16>
  %3 = nn.pow %2, %v : (tensor<512xf16>, tensor<512xf16>) -> tensor<512xf16>
  %4 = nn.asinh %3 : tensor<512xf16>
  %5 = nn.pow %4, %v : (tensor<512xf16>, tensor<512xf16>) -> tensor<512xf16>
  %6 = nn.acosh %5 : tensor<512xf16>
  %7 = nn.pow %6, %v : (tensor<512xf16>, tensor<512xf16>) -> tensor<512xf16>
  %8 = nn.add %x, %7 : (tensor<262144x512xf16>, tensor<512xf16>) -> tensor<262144x512xf16>
  func.return %8 : tensor<262144x512xf16>
}

// -----

// Refused: an op that two larger ops read has a group of its own.
// CHECK-LABEL: @read_twice(
// CHECK: %[[S:.*]] = fusion.group "pointwise" (%{{.*}} = %v
// CHECK-NEXT: nn.relu
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "pointwise" ({{.*}} = %[[S]]
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.mul
func.func @read_twice(%x: tensor<4x8xf32>, %v: tensor<1x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.relu %v : tensor<1x8xf32>
  %1 = nn.add %x, %0 : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  %2 = nn.mul %1, %0 : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  func.return %2 : tensor<4x8xf32>
}
