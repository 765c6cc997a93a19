// RUN: trtc-opt %s -p fuse-groups --split-input-file | filecheck %s
// RUN: trtc-opt %s -p fuse-groups --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// The moments of rows are a result of the product that computes these; what they normalise is part of the next product, its own accumulator and
// what it adds.
// CHECK-LABEL: @folded
// CHECK: %[[X:.*]], %[[M:.*]] = fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: %[[S:.*]] = nn.add
// CHECK-NEXT: %[[R:.*]] = nn.row_moments %[[S]]
// CHECK-NEXT: fusion.yield %[[S]], %[[R]]
// CHECK: fusion.group "matmul" ({{.*}}%[[X]] : {{.*}}%[[M]] : {{.*}})
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.apply_moments
// CHECK-NEXT: nn.apply_moments
// CHECK-NEXT: nn.add
// CHECK-NEXT: fusion.yield
// CHECK-NOT: fusion.group
// REMARK-NOT: missed: fuse-groups: nn.row_moments
// REMARK: applied: fuse-groups: fusion.group: matmul group of nn.matmul, nn.add, nn.row_moments, 2 results
func.func @folded(%i: tensor<?x64xf32, #nn.dims<N, 64>>, %r: tensor<?x64xf32, #nn.dims<N, 64>>, %w: tensor<64x64xf32>, %u: tensor<64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>> {
  %0 = nn.matmul %i, %w {nn.stored = f16, transpose_b, math = #nn.math<f16>} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<64x64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %1 = nn.add %0, %r {nn.stored = f16} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %2 = nn.row_moments %1 {columns = 64 : i64} : (tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<2x?x1xf32, #nn.dims<2, N, 1>>
  %3 = nn.matmul %1, %w {transpose_b, math = #nn.math<f16>} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<64x64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %4 = nn.apply_moments %3, %2 shift %u {columns = 64 : i64, epsilon = 1.0e-05 : f64, centred = true} : tensor<?x64xf32, #nn.dims<N, 64>>, tensor<2x?x1xf32, #nn.dims<2, N, 1>> shift tensor<64xf32> -> tensor<?x64xf32, #nn.dims<N, 64>>
  %5 = nn.apply_moments %1, %2 {columns = 64 : i64, epsilon = 1.0e-05 : f64, centred = true} : tensor<?x64xf32, #nn.dims<N, 64>>, tensor<2x?x1xf32, #nn.dims<2, N, 1>> -> tensor<?x64xf32, #nn.dims<N, 64>>
  %6 = nn.add %4, %5 : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  func.return %6 : tensor<?x64xf32, #nn.dims<N, 64>>
}

// -----

// Rows that are stored as f32: a launch of its own each.
// CHECK-LABEL: @apart
// CHECK: fusion.group "matmul"
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.row_moments
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.apply_moments
// REMARK: missed: fuse-groups: nn.row_moments: nn.matmul with 0 ops before and 1 after: no schedule accepts it: gemm_mma: expected moments of an f16 or bf16 result of the product's shape, got tensor<40x64xf32>
func.func @apart(%x: tensor<40x64xf16>, %w: tensor<64x64xf16>) -> tensor<40x64xf32> {
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf32>
  %1 = nn.row_moments %0 {columns = 64 : i64} : (tensor<40x64xf32>) -> tensor<2x40x1xf32>
  %2 = nn.apply_moments %0, %1 {columns = 64 : i64, epsilon = 1.0e-05 : f64, centred = true} : tensor<40x64xf32>, tensor<2x40x1xf32> -> tensor<40x64xf32>
  func.return %2 : tensor<40x64xf32>
}
