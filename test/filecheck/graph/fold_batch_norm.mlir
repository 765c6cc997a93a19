// RUN: trtc-opt %s -p fold-batch-norm,fold-constants,dce --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fold-batch-norm --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// scale 2, bias 5, mean 1, variance 3, epsilon 1: the weights double by 2 / sqrt(3 + 1) = 1 and the shift is 5 - 1 * 1 = 4.
// CHECK-LABEL: @batch_norm
// CHECK-DAG: %[[W:.*]] = nn.constant dense<3.000000e+00> : tensor<1x1x1x2xf32>
// CHECK-DAG: %[[B:.*]] = nn.constant dense<4.000000e+00> : tensor<1xf32>
// CHECK: %[[C:.*]] = nn.conv %x, %[[W]]
// CHECK-NEXT: %[[R:.*]] = nn.add %[[C]], %[[B]] {nn.names = ["bn"]}
// CHECK-NEXT: func.return %[[R]]
func.func @batch_norm(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x1xf32> {
  %w = nn.constant dense<3.0> : tensor<1x1x1x2xf32>
  %s = nn.constant dense<2.0> : tensor<1xf32>
  %b = nn.constant dense<5.0> : tensor<1xf32>
  %m = nn.constant dense<1.0> : tensor<1xf32>
  %v = nn.constant dense<3.0> : tensor<1xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x4x4x1xf32>
  %1 = nn.batch_norm %0, %s, %b, %m, %v {nn.names = ["bn"], epsilon = 1.0 : f64} : (tensor<1x4x4x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x1xf32>
  func.return %1 : tensor<1x4x4x1xf32>
}

// -----

// (x * 2) w, (...+ 3) * 10, - 1: one matmul and one addition of 3 * 10 - 1.
// CHECK-LABEL: @affine
// CHECK: %[[W:.*]] = nn.constant dense<2.000000e+01> : tensor<2x1xf32>
// CHECK: %[[C:.*]] = nn.matmul %x, %[[W]]
// CHECK: %[[B:.*]] = nn.constant dense<2.900000e+01> : tensor<f32>
// CHECK-NEXT: %[[R:.*]] = nn.add %[[C]], %[[B]]
// CHECK-NEXT: func.return %[[R]]
func.func @affine(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %w = nn.constant dense<1.0> : tensor<2x1xf32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %two = nn.constant dense<2.0> : tensor<f32>
  %three = nn.constant dense<3.0> : tensor<f32>
  %ten = nn.constant dense<10.0> : tensor<f32>
  %0 = nn.mul %x, %two : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
  %1 = nn.matmul %0, %w : (tensor<4x2xf32>, tensor<2x1xf32>) -> tensor<4x1xf32>
  %2 = nn.add %1, %three : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  %3 = nn.mul %2, %ten : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  %4 = nn.sub %3, %one : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  func.return %4 : tensor<4x1xf32>
}

// -----

// Refused: the unscaled product has another user, and a factor per row is not one per channel. Dynamic rows do not matter.
// CHECK-LABEL: @refused
// CHECK: %[[C:.*]] = nn.matmul
// CHECK: %[[S:.*]] = nn.mul %[[C]]
// CHECK: nn.mul %[[S]], %f
// REMARK: missed: fold-batch-norm: nn.mul: factor not folded into nn.matmul: its unscaled result has other users
func.func @refused(%x: tensor<?x2xf32, #nn.dims<N, 2>>, %f: tensor<?x1xf32, #nn.dims<N, 1>>) -> (tensor<?x2xf32, #nn.dims<N, 2>>, tensor<?x2xf32, #nn.dims<N, 2>>) {
  %w = nn.constant dense<1.0> : tensor<2x2xf32>
  %two = nn.constant dense<2.0> : tensor<f32>
  %0 = nn.matmul %x, %w : (tensor<?x2xf32, #nn.dims<N, 2>>, tensor<2x2xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
  %1 = nn.mul %0, %two : (tensor<?x2xf32, #nn.dims<N, 2>>, tensor<f32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
  %2 = nn.mul %1, %f : (tensor<?x2xf32, #nn.dims<N, 2>>, tensor<?x1xf32, #nn.dims<N, 1>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
  func.return %0, %2 : tensor<?x2xf32, #nn.dims<N, 2>>, tensor<?x2xf32, #nn.dims<N, 2>>
}

// -----

// Invalid: one scale too many.
// CHECK: nn.batch_norm: expected scale, bias, mean and variance of shape [1], got tensor<2xf32>
func.func @invalid(%x: tensor<4x1xf32>, %s: tensor<2xf32>, %b: tensor<1xf32>) -> tensor<4x1xf32> {
  %1 = nn.batch_norm %x, %s, %b, %b, %b {epsilon = 0.0 : f64} : (tensor<4x1xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<4x1xf32>
  func.return %1 : tensor<4x1xf32>
}

// -----

// A factor that widens the product has more channels than the weights: it stays outside.
// CHECK-LABEL: @widening
// CHECK: %[[P:.*]] = nn.matmul %x, %{{.*}} : (tensor<4x2xf32>, tensor<2x1xf32>) -> tensor<4x1xf32>
// CHECK-NEXT: nn.mul %[[P]], %{{.*}} : (tensor<4x1xf32>, tensor<3xf32>) -> tensor<4x3xf32>
func.func @widening(%x: tensor<4x2xf32>) -> tensor<4x3xf32> {
  %w = nn.constant dense<1.0> : tensor<2x1xf32>
  %f = nn.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %0 = nn.matmul %x, %w : (tensor<4x2xf32>, tensor<2x1xf32>) -> tensor<4x1xf32>
  %1 = nn.mul %0, %f : (tensor<4x1xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  func.return %1 : tensor<4x3xf32>
}
