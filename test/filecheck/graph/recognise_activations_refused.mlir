// RUN: trtc-opt %s -p recognise-activations --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-activations --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Refused: other numbers.
// CHECK-LABEL: @other_numbers(
// CHECK: nn.erf
// REMARK: missed: recognise-activations: nn.erf: nn.erf stays an op of its own: the numbers around it are of no activation: 0.6666667 x, 0.5 x e + 0.5 x
func.func @other_numbers(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %half = nn.constant dense<0.5> : tensor<f32>
  %root = nn.constant dense<1.5> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.div %x, %root : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.erf %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.add %1, %one : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.mul %x, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.mul %3, %2 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %4 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Refused: the product is with another value.
// CHECK-LABEL: @another_value(
// CHECK: nn.erf
// REMARK: missed: recognise-activations: nn.erf: nn.erf stays an op of its own: its result is not multiplied with its operand
func.func @another_value(%x: tensor<?x8xf32, #nn.dims<N, 8>>, %z: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %half = nn.constant dense<0.5> : tensor<f32>
  %root = nn.constant dense<1.41421354> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.div %x, %root : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.erf %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.add %1, %one : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.mul %z, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.mul %3, %2 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %4 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Refused: a number with dims makes a greater tensor of x.
// CHECK-LABEL: @broadcast(
// CHECK: nn.erf
// REMARK: missed: recognise-activations: nn.erf: nn.erf stays an op of its own: it broadcasts with another value
func.func @broadcast(%x: tensor<8xf32>) -> tensor<3x8xf32> {
  %half = nn.constant dense<5.0e-01> : tensor<3x8xf32>
  %root = nn.constant dense<1.41421354> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.div %x, %root : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = nn.erf %0 : tensor<8xf32>
  %2 = nn.add %1, %one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = nn.mul %x, %2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = nn.mul %3, %half : (tensor<8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  func.return %4 : tensor<3x8xf32>
}

// -----

// Refused: a gate of another value is no SiLU.
// CHECK-LABEL: @sigmoid_of_another(
// CHECK-NEXT: nn.sigmoid
func.func @sigmoid_of_another(%x: tensor<?x8xf32, #nn.dims<N, 8>>, %z: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %0 = nn.sigmoid %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.mul %z, %0 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %1 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Refused: a logarithm of another sum.
// CHECK-LABEL: @logarithm(
// CHECK: nn.log
// REMARK: missed: recognise-activations: nn.log: not a softplus: the logarithm is not of 1 + exp(x)
func.func @logarithm(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %two = nn.constant dense<2.0> : tensor<f32>
  %0 = nn.exp %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.add %two, %0 : (tensor<f32>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.log %1 : tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %2 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Invalid input is refused as it is read.
// CHECK: nn.gelu: expected a floating-point tensor, got tensor<4xi32>; insert an nn.cast
func.func @f(%x: tensor<4xi32>) {
  %0 = nn.gelu %x {approximate = #nn.gelu_form<none>} : tensor<4xi32>
  func.return
}
