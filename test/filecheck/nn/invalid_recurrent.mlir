// RUN: trtc-opt %s --split-input-file --verify-diagnostics | filecheck %s

// Inputs have all gates of each unit.
// CHECK: nn.rnn: expected inputs [3, 2, 1, 32], got tensor<3x2x1x24xf32>
func.func @f(%x: tensor<3x2x1x24xf32>, %w: tensor<1x32x8xf32>) {
  %0 = nn.rnn lstm forward %x, %w {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<3x2x1x24xf32>, tensor<1x32x8xf32> -> tensor<5x2x1x8xf32>
  func.return
}

// -----

// The result has the last states after the steps.
// CHECK: nn.rnn: expected result 0 of type tensor<5x2x1x8xf32>, got tensor<4x2x1x8xf32>
func.func @f(%x: tensor<3x2x1x32xf32>, %w: tensor<1x32x8xf32>) {
  %0 = nn.rnn lstm forward %x, %w {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<3x2x1x32xf32>, tensor<1x32x8xf32> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// Only an LSTM has a cell state.
// CHECK: nn.rnn: expected no cell for this kind of cell, got one
func.func @f(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf32>, %c: tensor<1x2x8xf32>) {
  %0 = nn.rnn rnn forward %x, %w cell %c {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> cell tensor<1x2x8xf32> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// Both directions have weights of their own.
// CHECK: nn.rnn: expected inputs [3, 2, 2, 8], got tensor<3x2x1x8xf32>
func.func @f(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf32>) {
  %0 = nn.rnn rnn bidirectional %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// Lengths are integers, one for each sequence.
// CHECK: nn.rnn: expected lengths [2] of i32 or i64, got tensor<3xi32>
func.func @f(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf32>, %n: tensor<3xi32>) {
  %0 = nn.rnn rnn forward %x, %w lengths %n {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> lengths tensor<3xi32> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// Each activation is known, and has an alpha and a beta.
// CHECK: nn.rnn: expected 1 activations of affine, elu, {{.*}} with an alpha and a beta each, got gelu with 1 and 1
func.func @f(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf32>) {
  %0 = nn.rnn rnn forward %x, %w {activations = ["gelu"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// What resets after the product is a GRU.
// CHECK: nn.rnn: expected coupled gates of an LSTM only and reset_after of a GRU only
func.func @f(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf32>) {
  %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>, reset_after} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// f64 mixes with nothing else.
// CHECK: nn.rnn: expected operands and a result all of f64 or each of f16, bf16 or f32, got tensor<1x8x8xf64> with f32
func.func @f(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf64>) {
  %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf64> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// Products in f16 need weights that are rounded.
// CHECK: nn.rnn: expected math with weights of f32 only, got tensor<1x8x8xf16>
func.func @f(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf16>) {
  %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>, math = #nn.math<f16>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf16> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// Only an LSTM is quantized.
// CHECK: nn.rnn: expected no scales for this kind of cell, got one
func.func @f(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf16>, %s: tensor<1x8xf32>) {
  %0 = nn.rnn rnn forward %x, %w scales %s {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf16> scales tensor<1x8xf32> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// Integer weights are in f16, which holds them.
// CHECK: nn.rnn: expected scales with weights of f16 only, got tensor<1x32x8xf32>
func.func @f(%x: tensor<3x2x1x32xf32>, %w: tensor<1x32x8xf32>, %s: tensor<1x32xf32>) {
  %0 = nn.rnn lstm forward %x, %w scales %s {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<3x2x1x32xf32>, tensor<1x32x8xf32> scales tensor<1x32xf32> -> tensor<5x2x1x8xf32>
  func.return
}
