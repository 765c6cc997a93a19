// RUN: trtc-opt %s --split-input-file | trtc-opt --split-input-file | filecheck %s
// RUN: trtc-opt %s --split-input-file --print-op-generic | trtc-opt --split-input-file | filecheck %s

// An LSTM of both directions with all that it may read; dims are dynamic.
// CHECK-LABEL: @lstm(
// CHECK: nn.rnn lstm bidirectional %x, %w hidden %h cell %c lengths %n peepholes %p {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.000000e+00, 0.000000e+00, 0.000000e+00>, betas = array<f64: 0.000000e+00, 0.000000e+00, 0.000000e+00>, clip = 3.000000e+00 : f64, coupled} : tensor<?x?x2x32xf32, #nn.dims<T, N, 2, 32>>, tensor<2x32x8xf32> hidden tensor<2x?x8xf32, #nn.dims<2, N, 8>> cell tensor<2x?x8xf32, #nn.dims<2, N, 8>> lengths tensor<?xi32, #nn.dims<N>> peepholes tensor<2x24xf32> -> tensor<?x?x2x8xf32, #nn.dims<T + 2, N, 2, 8>>
func.func @lstm(%x: tensor<?x?x2x32xf32, #nn.dims<T, N, 2, 32>>, %w: tensor<2x32x8xf32>, %h: tensor<2x?x8xf32, #nn.dims<2, N, 8>>, %c: tensor<2x?x8xf32, #nn.dims<2, N, 8>>, %n: tensor<?xi32, #nn.dims<N>>, %p: tensor<2x24xf32>) {
  %0 = nn.rnn lstm bidirectional %x, %w hidden %h cell %c lengths %n peepholes %p {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>, clip = 3.0 : f64, coupled} : tensor<?x?x2x32xf32, #nn.dims<T, N, 2, 32>>, tensor<2x32x8xf32> hidden tensor<2x?x8xf32, #nn.dims<2, N, 8>> cell tensor<2x?x8xf32, #nn.dims<2, N, 8>> lengths tensor<?xi32, #nn.dims<N>> peepholes tensor<2x24xf32> -> tensor<?x?x2x8xf32, #nn.dims<T + 2, N, 2, 8>>
  func.return
}

// -----

// A GRU that resets after the product has a bias there; weights and result may be narrow.
// CHECK-LABEL: @gru(
// CHECK: nn.rnn gru reverse %x, %w bias %b {{.*}}reset_after} : tensor<3x2x1x24xf32>, tensor<1x24x8xf16> bias tensor<1x8xf32> -> tensor<4x2x1x8xbf16>
func.func @gru(%x: tensor<3x2x1x24xf32>, %w: tensor<1x24x8xf16>, %b: tensor<1x8xf32>) {
  %0 = nn.rnn gru reverse %x, %w bias %b {activations = ["hard_sigmoid", "tanh"], alphas = array<f64: 0.2, 0.0>, betas = array<f64: 0.5, 0.0>, reset_after} : tensor<3x2x1x24xf32>, tensor<1x24x8xf16> bias tensor<1x8xf32> -> tensor<4x2x1x8xbf16>
  func.return
}

// -----

// A plain recurrence, whose weights are rounded when they are multiplied.
// CHECK-LABEL: @rnn(
// CHECK: nn.rnn rnn forward %x, %w {{.*}}math = #nn.math<tf32>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> -> tensor<4x2x1x8xf32>
func.func @rnn(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf32>) {
  %0 = nn.rnn rnn forward %x, %w {activations = ["relu"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>, math = #nn.math<tf32>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> -> tensor<4x2x1x8xf32>
  func.return
}

// -----

// Weights that are integers have scales; states are quantized.
// CHECK-LABEL: @quantized(
// CHECK: nn.rnn lstm reverse %x, %w hidden %h scales %s {{.*}} : tensor<3x2x1x32xf32>, tensor<1x32x8xf16> hidden tensor<1x2x8xf32> scales tensor<1x32xf32> -> tensor<5x2x1x8xf32>
func.func @quantized(%x: tensor<3x2x1x32xf32>, %w: tensor<1x32x8xf16>, %h: tensor<1x2x8xf32>, %s: tensor<1x32xf32>) {
  %0 = nn.rnn lstm reverse %x, %w hidden %h scales %s {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<3x2x1x32xf32>, tensor<1x32x8xf16> hidden tensor<1x2x8xf32> scales tensor<1x32xf32> -> tensor<5x2x1x8xf32>
  func.return
}
