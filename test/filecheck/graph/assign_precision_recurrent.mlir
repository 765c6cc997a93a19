// RUN: trtc-opt %s -p 'assign-precision{mode=fp16}' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'assign-precision{mode=tf32}' --split-input-file | filecheck %s --check-prefix=TENSOR

// Constant weights multiply in f16 whatever the inputs are; the states are stored as f16 where something reads them.
// CHECK-LABEL: @constant
// CHECK: nn.rnn rnn forward %x, %{{.*}} {nn.stored = f16, {{.*}}math = #nn.math<f16>}
// TENSOR-LABEL: @constant
// TENSOR: nn.rnn rnn forward %x, %{{.*}}math = #nn.math<tf32>}
func.func @constant(%x: tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>) -> tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>> {
  %w = nn.constant dense<0.5> : tensor<1x8x8xf32>
  %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>, tensor<1x8x8xf32> -> tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>
  %v = nn.constant dense<0.5> : tensor<8x8xf32>
  %1 = nn.matmul %0, %v : (tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>, tensor<8x8xf32>) -> tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>
  func.return %1 : tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>
}

// -----

// Weights that stay wide multiply in TF32; what only outputs read stays f32.
// CHECK-LABEL: @given
// CHECK: nn.rnn rnn forward %x, %w {activations = {{.*}}math = #nn.math<tf32>}
// CHECK-NOT: nn.stored
func.func @given(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf32>) -> tensor<4x2x1x8xf32> {
  %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> -> tensor<4x2x1x8xf32>
  func.return %0 : tensor<4x2x1x8xf32>
}

// -----

// Scales of integer weights stay f32, and integers need no rounding; states are stored narrow.
// CHECK-LABEL: @quantized
// CHECK: nn.initializer "s" : tensor<1x32xf32>
// CHECK: nn.rnn lstm forward %x, %w scales %s {nn.stored = f16,
// CHECK-NOT: math
// CHECK: nn.initializer "v" {nn.stored = f16}
func.func @quantized(%x: tensor<3x2x1x32xf32>, %w: tensor<1x32x8xf16>) -> tensor<5x2x1x8xf32> {
  %s = nn.initializer "s" : tensor<1x32xf32>
  %0 = nn.rnn lstm forward %x, %w scales %s {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<3x2x1x32xf32>, tensor<1x32x8xf16> scales tensor<1x32xf32> -> tensor<5x2x1x8xf32>
  %v = nn.initializer "v" : tensor<8x8xf32>
  %1 = nn.matmul %0, %v : (tensor<5x2x1x8xf32>, tensor<8x8xf32>) -> tensor<5x2x1x8xf32>
  func.return %1 : tensor<5x2x1x8xf32>
}
