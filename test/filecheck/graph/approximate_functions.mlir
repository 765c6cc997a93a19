// RUN: trtc-opt %s -p approximate-functions --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p approximate-functions --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// What is stored as f16 may be off by a unit of f16; dims are dynamic.
// CHECK-LABEL: @stored(
// CHECK-NEXT: nn.gelu %x {nn.stored = f16, approximate = #nn.gelu_form<none>, fast = f16}
// CHECK-NEXT: nn.sigmoid %{{.*}} {nn.stored = bf16, fast = bf16}
// REMARK: applied: approximate-functions: nn.gelu: nn.gelu may be off by one unit in the last place of f16
func.func @stored(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %0 = nn.gelu %x {approximate = #nn.gelu_form<none>, nn.stored = f16} : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.sigmoid %0 {nn.stored = bf16} : tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %1 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// So may a model's own bf16, and a quotient by a number.
// CHECK-LABEL: @own(
// CHECK: nn.div %x, %c {fast = bf16}
// CHECK-NEXT: nn.tanh %{{.*}} {fast = bf16}
func.func @own(%x: tensor<8xbf16>) -> tensor<8xbf16> {
  %c = nn.constant dense<6.0> : tensor<bf16>
  %0 = nn.div %x, %c : (tensor<8xbf16>, tensor<bf16>) -> tensor<8xbf16>
  %1 = nn.tanh %0 : tensor<8xbf16>
  func.return %1 : tensor<8xbf16>
}

// -----

// Refused: f32 that is stored as such, a quotient of two tensors, and one of integers.
// CHECK-LABEL: @refused(
// CHECK: nn.exp %x : tensor
// CHECK: nn.div %x, %{{.*}} {nn.stored = f16} :
// CHECK: nn.div %i, %c : (tensor
// REMARK: missed: approximate-functions: nn.exp: nn.exp is computed as it is defined: its result is stored as f32
func.func @refused(%x: tensor<8xf32>, %i: tensor<8xi32>) -> (tensor<8xf32>, tensor<8xi32>) {
  %c = nn.constant dense<6> : tensor<i32>
  %0 = nn.exp %x : tensor<8xf32>
  %1 = nn.div %x, %0 {nn.stored = f16} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = nn.div %i, %c : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
  func.return %1, %2 : tensor<8xf32>, tensor<8xi32>
}

// -----

// Invalid input is refused as it is read.
// CHECK: nn.exp: expected fast to be f16 or bf16, got f64
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.exp %x {fast = f64} : tensor<4xf32>
  func.return
}
