// RUN: trtc-opt %s -p fold-batch-norm,fold-constants,dce --split-input-file | filecheck %s
// RUN: trtc-opt %s -p fold-batch-norm --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Refused: a factor that makes weights infinite, or a whole filter too small: a column here. Two small numbers in a column of larger
// ones are lost in the sum.
// CHECK-LABEL: @outputs
// CHECK: %[[A:.*]] = nn.mul
// CHECK: %[[B:.*]] = nn.mul
// CHECK: %[[C:.*]] = nn.matmul
// CHECK-NEXT: func.return %[[A]], %[[B]], %[[C]]
// REMARK-DAG: missed: fold-batch-norm: nn.mul: factor not folded into nn.matmul: a number would not be finite
// REMARK-DAG: missed: fold-batch-norm: nn.mul: factor not folded into nn.matmul: a number would be too small for its type
func.func @outputs(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %v = nn.constant dense<[[1.0, 1.0e+30], [1.0, 1.0]]> : tensor<2x2xf32>
  %columns = nn.constant dense<[[1.0, 1.0e-30], [1.0, 1.0e-20]]> : tensor<2x2xf32>
  %rows = nn.constant dense<[[1.0, 1.0], [1.0e-30, 1.0e-20]]> : tensor<2x2xf32>
  %large = nn.constant dense<1.0e+10> : tensor<f32>
  %small = nn.constant dense<1.0e-25> : tensor<f32>
  %0 = nn.matmul %x, %v : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %1 = nn.mul %0, %large : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %2 = nn.matmul %x, %columns : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %3 = nn.mul %2, %small : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %4 = nn.matmul %x, %rows : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %5 = nn.mul %4, %small : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  func.return %1, %3, %5 : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// Refused: an infinite factor on the input makes NaN of weights of zero, and a filter, here a row, that gets too small.
// CHECK-LABEL: @inputs
// CHECK: %[[A:.*]] = nn.mul %x
// CHECK-NEXT: nn.conv %[[A]]
// CHECK: %[[B:.*]] = nn.mul %y
// CHECK-NEXT: nn.matmul %[[B]]
// CHECK: nn.matmul %y
// REMARK-DAG: missed: fold-batch-norm: nn.conv: factor on the input not folded into nn.conv: a number would not be finite
// REMARK-DAG: missed: fold-batch-norm: nn.matmul: factor on the input not folded into nn.matmul: a number would be too small for its type
func.func @inputs(%x: tensor<1x2x2x1xf32>, %y: tensor<4x2xf32>) -> (tensor<1x2x2x1xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %u = nn.constant dense<0.0> : tensor<1x1x1x1xf32>
  %infinite = nn.constant dense<"0x0000807F"> : tensor<1xf32>
  %rows = nn.constant dense<[[1.0, 1.0], [1.0e-30, 1.0e-20]]> : tensor<2x2xf32>
  %columns = nn.constant dense<[[1.0, 1.0e-30], [1.0, 1.0e-20]]> : tensor<2x2xf32>
  %small = nn.constant dense<1.0e-25> : tensor<f32>
  %0 = nn.mul %x, %infinite : (tensor<1x2x2x1xf32>, tensor<1xf32>) -> tensor<1x2x2x1xf32>
  %1 = nn.conv %0, %u {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x2x2x1xf32>
  %2 = nn.mul %y, %small : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %3 = nn.matmul %2, %rows {transpose_b} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %4 = nn.mul %y, %small : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %5 = nn.matmul %4, %columns {transpose_b} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  func.return %1, %3, %5 : tensor<1x2x2x1xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// A filter that was too small already does not keep the factor out. Refused: weights that are not known here.
// CHECK-LABEL: @before
// CHECK-COUNT-1: nn.mul
// CHECK-NOT: nn.mul
// REMARK: missed: fold-batch-norm: nn.mul: factor not folded into nn.matmul: its numbers are not known at build time
func.func @before(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %v = nn.constant dense<[[1.0, 1.0e-40], [1.0, 0.0]]> : tensor<2x2xf32>
  %w = nn.weight "w" : tensor<2x2xf32>
  %half = nn.constant dense<0.5> : tensor<f32>
  %0 = nn.matmul %x, %v : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %1 = nn.mul %0, %half : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %2 = nn.matmul %x, %w : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %3 = nn.mul %2, %half : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  func.return %1, %3 : tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// As defined, (x - mean) * factor + bias: mean * factor is infinite.
// CHECK-LABEL: @far_mean
// CHECK: %[[C:.*]] = nn.add %x
// CHECK: %[[P:.*]] = nn.mul %[[C]]
// CHECK: nn.add %[[P]]
// REMARK: missed: fold-batch-norm: nn.batch_norm: factor and shift not merged: a number would not be finite
func.func @far_mean(%x: tensor<2x1xf32>) -> tensor<2x1xf32> {
  %s = nn.constant dense<1.0e+10> : tensor<1xf32>
  %m = nn.constant dense<1.0e+30> : tensor<1xf32>
  %v = nn.constant dense<1.0> : tensor<1xf32>
  %0 = nn.batch_norm %x, %s, %s, %m, %v {epsilon = 0.0 : f64} : (tensor<2x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x1xf32>
  func.return %0 : tensor<2x1xf32>
}

// -----

// As defined, in f32, where the shift is infinite in f16, or the factor denormal, and so would not fit the weights.
// CHECK-LABEL: @narrow
// CHECK: %[[P:.*]] = nn.matmul %x
// CHECK-NEXT: %[[Q:.*]] = nn.matmul %x
// CHECK: nn.cast %[[P]] : (tensor<2x1xf16>) -> tensor<2x1xf32>
// CHECK: nn.add
// CHECK: nn.cast %{{.*}} : (tensor<2x1xf32>) -> tensor<2x1xf16>
// CHECK: nn.cast %[[Q]] : (tensor<2x1xf16>) -> tensor<2x1xf32>
// CHECK: nn.cast %{{.*}} : (tensor<2x1xf32>) -> tensor<2x1xf16>
// REMARK-DAG: missed: fold-batch-norm: nn.batch_norm: factor and shift not merged: a number would not be finite
// REMARK-DAG: missed: fold-batch-norm: nn.batch_norm: factor and shift not merged: a number would be too small for its type
func.func @narrow(%x: tensor<2x1xf16>) -> (tensor<2x1xf16>, tensor<2x1xf16>) {
  %w = nn.constant dense<1.0> : tensor<1x1xf16>
  %one = nn.constant dense<1.0> : tensor<1xf32>
  %large = nn.constant dense<1.0e+5> : tensor<1xf32>
  %small = nn.constant dense<1.0e-6> : tensor<1xf32>
  %p = nn.matmul %x, %w : (tensor<2x1xf16>, tensor<1x1xf16>) -> tensor<2x1xf16>
  %q = nn.matmul %x, %w : (tensor<2x1xf16>, tensor<1x1xf16>) -> tensor<2x1xf16>
  %0 = nn.batch_norm %p, %one, %large, %one, %one {epsilon = 0.0 : f64} : (tensor<2x1xf16>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x1xf16>
  %1 = nn.batch_norm %q, %small, %one, %one, %one {epsilon = 0.0 : f64} : (tensor<2x1xf16>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x1xf16>
  func.return %0, %1 : tensor<2x1xf16>, tensor<2x1xf16>
}
