// RUN: trtc-opt %s -p fold-batch-norm,fold-constants,dce --split-input-file | filecheck %s
// RUN: trtc-opt %s -p fold-batch-norm --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Refused: 1 / c is infinite where c is denormal, and denormal where c is huge; a quotient whose inverse is neither becomes a product.
// CHECK-LABEL: @quotients
// CHECK-COUNT-2: nn.div
// CHECK-NOT: nn.div
// REMARK-DAG: missed: fold-batch-norm: nn.div: quotient not made a product: a number would not be finite
// REMARK-DAG: missed: fold-batch-norm: nn.div: quotient not made a product: a number would be too small for its type
func.func @quotients(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x2xf32>
  %denormal = nn.constant dense<[1.0, 1.0e-39]> : tensor<2xf32>
  %huge = nn.constant dense<[1.0, 3.0e+38]> : tensor<2xf32>
  %large = nn.constant dense<[1.0, 3.0e+37]> : tensor<2xf32>
  %0 = nn.matmul %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %1 = nn.div %0, %denormal : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  %2 = nn.matmul %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %3 = nn.div %2, %huge : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  %4 = nn.matmul %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %5 = nn.div %4, %large : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  func.return %1, %3, %5 : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// Refused: the moved addend b * c is infinite. One that underflows is as precise in the sum as before, and moves.
// CHECK-LABEL: @moved
// CHECK: %[[A:.*]] = nn.add
// CHECK-NEXT: nn.mul %[[A]]
// CHECK-NOT: nn.mul
// REMARK: missed: fold-batch-norm: nn.mul: factor not moved before the addition: a number would not be finite
func.func @moved(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x2xf32>
  %large = nn.constant dense<1.0e+20> : tensor<f32>
  %small = nn.constant dense<1.0e-30> : tensor<f32>
  %0 = nn.matmul %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %1 = nn.add %0, %large : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %2 = nn.mul %1, %large : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %3 = nn.matmul %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %4 = nn.add %3, %small : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %5 = nn.mul %4, %small : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  func.return %2, %5 : tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// Refused: a sum and a product that are infinite, and a product that is zero; one of a zero is zero in two steps too.
// CHECK-LABEL: @merged
// CHECK-COUNT-2: nn.add
// CHECK-COUNT-5: nn.mul
// CHECK-NOT: nn.mul
// REMARK-DAG: missed: fold-batch-norm: nn.add: constants not merged: a number would not be finite
// REMARK-DAG: missed: fold-batch-norm: nn.mul: constants not merged: a number would not be finite
// REMARK-DAG: missed: fold-batch-norm: nn.mul: constants not merged: a number would be too small for its type
func.func @merged(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %huge = nn.constant dense<[1.0, 3.0e+38]> : tensor<2xf32>
  %small = nn.constant dense<[1.0, 1.0e-30]> : tensor<2xf32>
  %none = nn.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %0 = nn.add %x, %huge : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = nn.add %0, %huge : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = nn.mul %x, %huge : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = nn.mul %2, %huge : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %4 = nn.mul %x, %small : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %5 = nn.mul %4, %small : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %6 = nn.mul %x, %small : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %7 = nn.mul %6, %none : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %1, %3, %5, %7 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}
