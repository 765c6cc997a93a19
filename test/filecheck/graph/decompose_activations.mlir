// RUN: trtc-opt %s -p decompose-activations --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p decompose-activations --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: trtc-opt %s -p decompose-activations,recognise-activations --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s --check-prefix=AGAIN

// Each activation as its docstring has it; dims are dynamic. What is made is recognised again.
// CHECK-LABEL: @gelu(
// CHECK: nn.mul %x, %{{.*}} : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>)
// CHECK-NEXT: nn.erf
// CHECK: nn.tanh
// AGAIN-LABEL: @gelu(
// AGAIN-NEXT: nn.gelu %x {approximate = #nn.gelu_form<none>}
// AGAIN-NEXT: nn.gelu %{{.*}} {approximate = #nn.gelu_form<tanh>}
// REMARK: applied: decompose-activations: nn.gelu: nn.gelu becomes 8 ops
func.func @gelu(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %0 = nn.gelu %x {approximate = #nn.gelu_form<none>, fast = f16} : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.gelu %0 {approximate = #nn.gelu_form<tanh>} : tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %1 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// CHECK-LABEL: @gates(
// CHECK: nn.sigmoid
// CHECK: nn.clip
// CHECK: nn.clip
// CHECK: nn.log
// CHECK: nn.tanh
// AGAIN-LABEL: @gates(
// AGAIN: nn.silu
// AGAIN: nn.clip
func.func @gates(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = nn.silu %x {alpha = 1.702 : f64} : tensor<8xf32>
  %1 = nn.hard_swish %0 : tensor<8xf32>
  %2 = nn.hard_sigmoid %1 {alpha = 0.2 : f64, beta = 0.5 : f64} : tensor<8xf32>
  %3 = nn.mish %2 : tensor<8xf32>
  func.return %3 : tensor<8xf32>
}

// -----

// f16 is computed in f32 and rounded once.
// CHECK-LABEL: @narrow(
// CHECK-NEXT: %[[W:.*]] = nn.cast %x : (tensor<8xf16>) -> tensor<8xf32>
// CHECK-NEXT: %[[S:.*]] = nn.sigmoid %[[W]] : tensor<8xf32>
// CHECK-NEXT: %[[Y:.*]] = nn.mul %[[W]], %[[S]]
// CHECK-NEXT: nn.cast %[[Y]] : (tensor<8xf32>) -> tensor<8xf16>
func.func @narrow(%x: tensor<8xf16>) -> tensor<8xf16> {
  %0 = nn.silu %x {alpha = 1.0 : f64} : tensor<8xf16>
  func.return %0 : tensor<8xf16>
}

// -----

// Refused: functions that are no activation stay.
// CHECK-LABEL: @others(
// CHECK-NEXT: nn.tanh %x : tensor<8xf32>
func.func @others(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = nn.tanh %x : tensor<8xf32>
  func.return %0 : tensor<8xf32>
}

// -----

// Invalid input is refused as it is read.
// CHECK: nn.mish: expected a floating-point tensor, got tensor<4xi32>; insert an nn.cast
func.func @f(%x: tensor<4xi32>) {
  %0 = nn.mish %x : tensor<4xi32>
  func.return
}
