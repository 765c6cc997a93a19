// RUN: trtc-opt %s -p 'merge-siblings,dce' --split-input-file | filecheck %s

// An activation of all parts is one op of the stacked product.
// CHECK-LABEL: @alike
// CHECK: %[[M:.*]] = nn.matmul %x, %{{.*}} {transpose_b} : {{.*}} -> tensor<4x16xf16>
// CHECK-NEXT: %[[A:.*]] = nn.leaky_relu %[[M]] {alpha = 1.000000e-01 : f64} : tensor<4x16xf16>
// CHECK-NEXT: nn.slice %[[A]]
// CHECK-NOT: nn.leaky_relu
// CHECK: func.return
func.func @alike(%x: tensor<4x32xf16>) -> tensor<8x8xf16> {
  %w = nn.constant dense<1.0> : tensor<8x32xf16>
  %v = nn.constant dense<2.0> : tensor<8x32xf16>
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<4x32xf16>, tensor<8x32xf16>) -> tensor<4x8xf16>
  %1 = nn.leaky_relu %0 {alpha = 0.1 : f64} : tensor<4x8xf16>
  %2 = nn.matmul %x, %v {transpose_b} : (tensor<4x32xf16>, tensor<8x32xf16>) -> tensor<4x8xf16>
  %3 = nn.leaky_relu %2 {alpha = 0.1 : f64} : tensor<4x8xf16>
  %4 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<4x8xf16>) -> tensor<8x4xf16>
  %5 = nn.matmul %4, %3 : (tensor<8x4xf16>, tensor<4x8xf16>) -> tensor<8x8xf16>
  func.return %5 : tensor<8x8xf16>
}

// -----

// Refused: activations that differ in a property are no one op, and two launches after one product cost more than two products.
// CHECK-LABEL: @slopes
// CHECK: %[[A:.*]] = nn.matmul %x, %w
// CHECK-NEXT: nn.leaky_relu %[[A]] {alpha = 1.000000e-01 : f64} : tensor<4x8xf16>
// CHECK-NEXT: %[[B:.*]] = nn.matmul %x, %v
// CHECK-NEXT: nn.leaky_relu %[[B]] {alpha = 2.000000e-01 : f64} : tensor<4x8xf16>
func.func @slopes(%x: tensor<4x32xf16>) -> tensor<8x8xf16> {
  %w = nn.constant dense<1.0> : tensor<8x32xf16>
  %v = nn.constant dense<2.0> : tensor<8x32xf16>
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<4x32xf16>, tensor<8x32xf16>) -> tensor<4x8xf16>
  %1 = nn.leaky_relu %0 {alpha = 0.1 : f64} : tensor<4x8xf16>
  %2 = nn.matmul %x, %v {transpose_b} : (tensor<4x32xf16>, tensor<8x32xf16>) -> tensor<4x8xf16>
  %3 = nn.leaky_relu %2 {alpha = 0.2 : f64} : tensor<4x8xf16>
  %4 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<4x8xf16>) -> tensor<8x4xf16>
  %5 = nn.matmul %4, %3 : (tensor<8x4xf16>, tensor<4x8xf16>) -> tensor<8x8xf16>
  func.return %5 : tensor<8x8xf16>
}
