// RUN: trtc-opt %s -p fold-batch-norm,fold-constants,dce --split-input-file --verify-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fold-batch-norm --split-input-file --verify-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Initializers fold whatever their numbers, which become infinite here: the ops that compute them are marked to stay finite.
// CHECK-LABEL: @folded
// CHECK-SAME: (%x: tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>)
// CHECK: %[[W:.*]] = nn.initializer "w" : tensor<2x1x1x2xf32> = dense
// CHECK: %[[F:.*]] = nn.mul %{{.*}}, %{{.*}} {nn.keeps_finite = "fold-batch-norm"} : (tensor<2x1x1x2xf32>, tensor<2x1x1x1xf32>)
// CHECK: nn.conv %x, %[[F]]
// CHECK-NOT: nn.batch_norm
// REMARK: applied: fold-batch-norm: nn.mul: factor folded into the weights of nn.conv
func.func @folded(%x: tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>) -> tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>> {
  %w = nn.initializer "w" : tensor<2x1x1x2xf32> = dense<1.0e+30> : tensor<2x1x1x2xf32>
  %s = nn.initializer "scale" : tensor<2xf32> = dense<1.0e+30> : tensor<2xf32>
  %b = nn.initializer "bias" : tensor<2xf32> = dense<1.0> : tensor<2xf32>
  %m = nn.initializer "mean" : tensor<2xf32> = dense<1.0> : tensor<2xf32>
  %v = nn.initializer "variance" : tensor<2xf32> = dense<1.0> : tensor<2xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>, tensor<2x1x1x2xf32>) -> tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>
  %1 = nn.batch_norm %0, %s, %b, %m, %v {epsilon = 1.0e-05 : f64} : (tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>
  func.return %1 : tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>
}

// -----

// Refused: a weight that was hoisted before is not known here, initializer or not.
// CHECK-LABEL: @refused
// CHECK: nn.add
// CHECK: nn.add
// REMARK: missed: fold-batch-norm: nn.add: constants not merged: its numbers are not known at build time
func.func @refused(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %a = nn.initializer "a" : tensor<2xf32> = dense<1.0> : tensor<2xf32>
  %b = nn.weight "b" : tensor<2xf32>
  %0 = nn.add %x, %a : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  %1 = nn.add %0, %b : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  func.return %1 : tensor<4x2xf32>
}

// -----

// Invalid: numbers of another type than the initializer's.
func.func @invalid() {
  // expected-error@+1 {{nn.initializer: expected numbers of type tensor<2xf32>, got dense<1.000000e+00> : tensor<3xf32>}}
  %a = nn.initializer "a" : tensor<2xf32> = dense<1.0> : tensor<3xf32>
  func.return
}
