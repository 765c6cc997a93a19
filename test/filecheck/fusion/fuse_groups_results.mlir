// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A sum that is normalised and added to later: one launch stores both.
// CHECK-LABEL: @residual
// CHECK: %[[G:.*]], %[[S:.*]] = fusion.group "row"
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.layer_norm
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "matmul" (%{{.*}} = %[[G]] : {{.*}}, %{{.*}} = %w : {{.*}}, %{{.*}} = %[[S]]
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.add
// REMARK: applied: fuse-groups: fusion.group: row group of nn.add, nn.layer_norm, 2 results
func.func @residual(%x: tensor<?x64xf32, #nn.dims<N, 64>>, %y: tensor<?x64xf32, #nn.dims<N, 64>>, %w: tensor<64x64xf32>, %s: tensor<64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>> {
  %0 = nn.add %x, %y : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %1 = nn.layer_norm %0, %s, %s {axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %2 = nn.matmul %1, %w {transpose_b} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<64x64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %3 = nn.add %0, %2 : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  func.return %3 : tensor<?x64xf32, #nn.dims<N, 64>>
}

// -----

// What a matmul gives before its activation is read elsewhere, too.
// CHECK-LABEL: @activation
// CHECK: %[[R:.*]], %[[M:.*]] = fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.relu
// CHECK: func.return %[[R]], %[[M]]
func.func @activation(%x: tensor<16x64xf32>, %w: tensor<64x64xf32>) -> (tensor<16x64xf32>, tensor<16x64xf32>) {
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %1 = nn.relu %0 : tensor<16x64xf32>
  func.return %1, %0 : tensor<16x64xf32>, tensor<16x64xf32>
}

// -----

// Refused: the second matmul reads the first and feeds the sum, so the sum cannot be part of the first one's group.
// CHECK-LABEL: @cycle
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.add
func.func @cycle(%x: tensor<16x64xf32>, %w: tensor<64x64xf32>) -> tensor<16x64xf32> {
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %1 = nn.matmul %0, %w {transpose_b} : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %2 = nn.add %0, %1 : (tensor<16x64xf32>, tensor<16x64xf32>) -> tensor<16x64xf32>
  func.return %2 : tensor<16x64xf32>
}

// -----

// Refused: only a row op reads the square, and computes it as it loads; what a gather makes is fused with it.
// CHECK-LABEL: @left_to_rows
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.reduce
// REMARK: missed: fuse-groups: nn.mul: not fused with nn.matmul: nn.reduce alone reads what follows, and fuses it
func.func @left_to_rows(%x: tensor<16x64xf32>, %w: tensor<64x64xf32>) -> (tensor<16xf32>, tensor<16x64xf32>) {
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %1 = nn.mul %0, %0 : (tensor<16x64xf32>, tensor<16x64xf32>) -> tensor<16x64xf32>
  %2 = nn.reduce sum %1 {axes = array<i64: 1>, keepdims = false} : (tensor<16x64xf32>) -> tensor<16xf32>
  func.return %2, %0 : tensor<16xf32>, tensor<16x64xf32>
}

// -----

// Each result is stored in a type of its own.
// CHECK-LABEL: @types
// CHECK: fusion.group "matmul" {{.*}} attributes {nn.stored = [f16, f32]} {
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.relu
// CHECK-NEXT: fusion.yield
func.func @types(%x: tensor<16x64xf32>, %w: tensor<64x64xf32>) -> (tensor<16x64xf32>, tensor<16x64xf32>) {
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %1 = nn.relu %0 {nn.stored = f16} : tensor<16x64xf32>
  func.return %1, %0 : tensor<16x64xf32>, tensor<16x64xf32>
}

// -----

// Invalid: an op that no group holds.
// CHECK: error: fuse-groups: nn.batch_norm: expected an op that can stand in a group
func.func @invalid(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
