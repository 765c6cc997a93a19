// RUN: trtc-opt %s -p recognise-activations --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-activations --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// GELU as torch writes it, dims are dynamic.
// CHECK-LABEL: @gelu_of_torch(
// CHECK-NEXT: %[[Y:.*]] = nn.gelu %x {approximate = #nn.gelu_form<none>}
// CHECK-NEXT: func.return %[[Y]]
// REMARK: applied: recognise-activations: nn.mul: 5 ops become nn.gelu
func.func @gelu_of_torch(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %half = nn.constant dense<0.5> : tensor<f32>
  %root = nn.constant dense<1.41421354> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.div %x, %root : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.erf %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.add %1, %one : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.mul %x, %2 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.mul %3, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %4 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Another order: the half inside of the sum, the root as a factor.
// CHECK-LABEL: @gelu_of_others(
// CHECK: %[[Y:.*]] = nn.gelu %x {approximate = #nn.gelu_form<none>}
// CHECK-NEXT: func.return %[[Y]]
func.func @gelu_of_others(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %half = nn.constant dense<0.5> : tensor<f32>
  %root = nn.constant dense<0.707106769> : tensor<f32>
  %0 = nn.mul %x, %root : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.erf %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.mul %half, %1 : (tensor<f32>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.add %2, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.mul %3, %x : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %4 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Of f16 the root of two is rounded; the result is so once.
// CHECK-LABEL: @gelu_of_f16(
// CHECK: %[[Y:.*]] = nn.gelu %x {approximate = #nn.gelu_form<none>} : tensor<8xf16>
// CHECK-NEXT: func.return %[[Y]]
func.func @gelu_of_f16(%x: tensor<8xf16>) -> tensor<8xf16> {
  %half = nn.constant dense<0.5> : tensor<f16>
  %root = nn.constant dense<1.4140625> : tensor<f16>
  %one = nn.constant dense<1.0> : tensor<f16>
  %0 = nn.div %x, %root : (tensor<8xf16>, tensor<f16>) -> tensor<8xf16>
  %1 = nn.erf %0 : tensor<8xf16>
  %2 = nn.add %1, %one : (tensor<8xf16>, tensor<f16>) -> tensor<8xf16>
  %3 = nn.mul %x, %half : (tensor<8xf16>, tensor<f16>) -> tensor<8xf16>
  %4 = nn.mul %3, %2 : (tensor<8xf16>, tensor<8xf16>) -> tensor<8xf16>
  func.return %4 : tensor<8xf16>
}

// -----

// By tanh, with a power.
// CHECK-LABEL: @gelu_by_tanh(
// CHECK: %[[Y:.*]] = nn.gelu %x {approximate = #nn.gelu_form<tanh>}
// CHECK-NEXT: func.return %[[Y]]
func.func @gelu_by_tanh(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %half = nn.constant dense<0.5> : tensor<f32>
  %c = nn.constant dense<0.044715> : tensor<f32>
  %k = nn.constant dense<0.797884583> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %three = nn.constant dense<3.0> : tensor<f32>
  %0 = nn.pow %x, %three : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.mul %0, %c : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.add %x, %1 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.mul %2, %k : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.tanh %3 : tensor<?x8xf32, #nn.dims<N, 8>>
  %5 = nn.add %one, %4 : (tensor<f32>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %6 = nn.mul %x, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %7 = nn.mul %6, %5 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %7 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// By tanh, with products.
// CHECK-LABEL: @gelu_by_tanh_of_products(
// CHECK: %[[Y:.*]] = nn.gelu %x {approximate = #nn.gelu_form<tanh>}
// CHECK-NEXT: func.return %[[Y]]
func.func @gelu_by_tanh_of_products(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %half = nn.constant dense<0.5> : tensor<f32>
  %c = nn.constant dense<0.0356774069> : tensor<f32>
  %k = nn.constant dense<0.797884583> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.mul %x, %x : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.mul %0, %c : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.add %1, %k : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.mul %x, %2 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.tanh %3 : tensor<?x8xf32, #nn.dims<N, 8>>
  %5 = nn.mul %4, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %6 = nn.add %5, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %7 = nn.mul %x, %6 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %7 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// What others read stays.
// CHECK-LABEL: @shared(
// CHECK: %[[E:.*]] = nn.erf
// CHECK-NEXT: %[[Y:.*]] = nn.gelu %x
// CHECK-NEXT: nn.add %[[Y]], %[[E]]
func.func @shared(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %half = nn.constant dense<0.5> : tensor<f32>
  %root = nn.constant dense<1.41421354> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.div %x, %root : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.erf %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.add %1, %one : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.mul %x, %2 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.mul %3, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %5 = nn.add %4, %1 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %5 : tensor<?x8xf32, #nn.dims<N, 8>>
}
