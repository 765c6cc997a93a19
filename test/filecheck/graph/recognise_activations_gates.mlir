// RUN: trtc-opt %s -p recognise-activations --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-activations --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// SiLU.
// CHECK-LABEL: @silu(
// CHECK-NEXT: %[[Y:.*]] = nn.silu %x {alpha = 1.000000e+00 : f64}
// CHECK-NEXT: func.return %[[Y]]
func.func @silu(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %0 = nn.sigmoid %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.mul %x, %0 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %1 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// QuickGELU.
// CHECK-LABEL: @quick_gelu(
// CHECK: %[[Y:.*]] = nn.silu %x {alpha = 1.702{{.*}} : f64}
// CHECK-NEXT: func.return %[[Y]]
func.func @quick_gelu(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %k = nn.constant dense<1.702> : tensor<f32>
  %0 = nn.mul %x, %k : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.sigmoid %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.mul %x, %1 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %2 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// SiLU by the exponential.
// CHECK-LABEL: @silu_of_exp(
// CHECK: %[[Y:.*]] = nn.silu %x {alpha = 1.000000e+00 : f64}
// CHECK-NEXT: func.return %[[Y]]
func.func @silu_of_exp(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.neg %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.exp %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.add %1, %one : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.div %x, %2 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %3 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Hard-swish; the product is divided.
// CHECK-LABEL: @hard_swish(
// CHECK: %[[Y:.*]] = nn.hard_swish %x
// CHECK-NEXT: func.return %[[Y]]
func.func @hard_swish(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %three = nn.constant dense<3.0> : tensor<f32>
  %six = nn.constant dense<6.0> : tensor<f32>
  %0 = nn.add %x, %three : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.clip %0 {min = 0.0 : f64, max = 6.0 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.mul %x, %1 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.div %2, %six : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %3 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Hard-swish by hard-sigmoid.
// CHECK-LABEL: @hard_swish_of_sigmoid(
// CHECK: %[[Y:.*]] = nn.hard_swish %x
// CHECK-NEXT: func.return %[[Y]]
func.func @hard_swish_of_sigmoid(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %three = nn.constant dense<3.0> : tensor<f32>
  %six = nn.constant dense<6.0> : tensor<f32>
  %0 = nn.add %x, %three : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.clip %0 {min = 0.0 : f64, max = 6.0 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.div %1, %six : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.mul %2, %x : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %3 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Hard-sigmoid.
// CHECK-LABEL: @hard_sigmoid(
// CHECK: %[[Y:.*]] = nn.hard_sigmoid %x {alpha = 0.16666667
// CHECK-NEXT: func.return %[[Y]]
func.func @hard_sigmoid(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %three = nn.constant dense<3.0> : tensor<f32>
  %sixth = nn.constant dense<0.166666672> : tensor<f32>
  %0 = nn.add %x, %three : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.clip %0 {min = 0.0 : f64, max = 6.0 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.mul %1, %sixth : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %2 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Mish, and its softplus on the way.
// CHECK-LABEL: @mish(
// CHECK: %[[Y:.*]] = nn.mish %x
// CHECK-NEXT: func.return %[[Y]]
// REMARK: applied: recognise-activations: nn.log: 3 ops become nn.softplus
func.func @mish(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.exp %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.add %one, %0 : (tensor<f32>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.log %1 : tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.tanh %2 : tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.mul %x, %3 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %4 : tensor<?x8xf32, #nn.dims<N, 8>>
}
