// RUN: trtc-opt %s -p transpose-weights --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A constant B is transposed, and the product reads it [N, K].
// CHECK-LABEL: @constant
// CHECK: %[[W:.*]] = nn.constant
// CHECK: %[[T:.*]] = nn.transpose %[[W]] {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
// CHECK: nn.matmul %{{.*}}, %[[T]] {transpose_b
func.func @constant(%a: tensor<4x2xf32>) -> tensor<4x3xf32> {
  %w = nn.constant dense<1.0> : tensor<2x3xf32>
  %0 = nn.matmul %a, %w : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  func.return %0 : tensor<4x3xf32>
}

// -----

// Refused: B comes from an argument.
// CHECK-LABEL: @computed
// CHECK-NOT: nn.transpose
// CHECK: nn.matmul %a, %b : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
func.func @computed(%a: tensor<4x2xf32>, %b: tensor<2x3xf32>) -> tensor<4x3xf32> {
  %0 = nn.matmul %a, %b : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  func.return %0 : tensor<4x3xf32>
}

// -----

// Dynamic rows do not matter.
// CHECK-LABEL: @dynamic
// CHECK: nn.matmul %a, %{{.*}} {transpose_b
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @dynamic(%a: tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x3xf32, #nn.dims<N, 3>> {
    %w = nn.constant dense<1.0> : tensor<2x3xf32>
    %0 = nn.matmul %a, %w : (tensor<?x2xf32, #nn.dims<N, 2>>, tensor<2x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>>
    func.return %0 : tensor<?x3xf32, #nn.dims<N, 3>>
  }
}

// -----

// Invalid: inner dims that differ.
// CHECK: nn.matmul: expected equal inner dims, got 2 and 5
func.func @invalid(%a: tensor<4x2xf32>, %w: tensor<5x3xf32>) -> tensor<4x3xf32> {
  %0 = nn.matmul %a, %w : (tensor<4x2xf32>, tensor<5x3xf32>) -> tensor<4x3xf32>
  func.return %0 : tensor<4x3xf32>
}

// -----

// A batch of matrices is transposed in its last two dims only, and the math stays. Refused: a B that is stored [N, K] already.
// CHECK-LABEL: @batches
// CHECK: %[[T:.*]] = nn.transpose %{{.*}} {permutation = array<i64: 0, 2, 1>} : (tensor<2x4x4xf32>)
// CHECK-NEXT: nn.matmul %a, %[[T]] {transpose_b, math = #nn.math<tf32>}
// CHECK-NEXT: nn.matmul %a, %{{[^ ]*}} {transpose_b} : (tensor<2x4x4xf32>, tensor<2x4x4xf32>)
func.func @batches(%a: tensor<2x4x4xf32>) -> (tensor<2x4x4xf32>, tensor<2x4x4xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x4x4xf32>
  %0 = nn.matmul %a, %w {math = #nn.math<tf32>} : (tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %1 = nn.matmul %a, %w {transpose_b} : (tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  func.return %0, %1 : tensor<2x4x4xf32>, tensor<2x4x4xf32>
}
