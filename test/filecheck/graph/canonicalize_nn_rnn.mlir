// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s

// Only the states of the steps are read, twice: the last ones are not written, and the slices are gone.
// CHECK-LABEL: @states_of_steps
// CHECK: %0 = nn.rnn gru forward %x, %w {{.*}}without_last} : tensor<?x2x1x24xf32, #nn.dims<T, 2, 1, 24>>, tensor<1x24x8xf32> -> tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>
// CHECK-NEXT: %1 = nn.relu %0
// CHECK-NEXT: func.return %0, %1
func.func @states_of_steps(%x: tensor<?x2x1x24xf32, #nn.dims<T, 2, 1, 24>>, %w: tensor<1x24x8xf32>) -> (tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>, tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>) {
  %0 = nn.rnn gru forward %x, %w {activations = ["sigmoid", "tanh"], alphas = array<f64: 0.0, 0.0>, betas = array<f64: 0.0, 0.0>} : tensor<?x2x1x24xf32, #nn.dims<T, 2, 1, 24>>, tensor<1x24x8xf32> -> tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>
  %1 = nn.slice %0 {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>) -> tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>
  %2 = nn.slice %0 {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>) -> tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>
  %3 = nn.relu %2 : tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>
  func.return %1, %3 : tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>, tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>
}

// -----

// The last state is read too, alone or by a slice that starts later.
// CHECK-LABEL: @last_state
// CHECK-NOT: without_last
// CHECK: func.return
func.func @last_state(%x: tensor<3x2x1x8xf32>, %w: tensor<1x8x8xf32>) -> (tensor<3x2x1x8xf32>, tensor<3x2x1x8xf32>) {
  %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x8xf32>, tensor<1x8x8xf32> -> tensor<4x2x1x8xf32>
  %1 = nn.slice %0 {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<4x2x1x8xf32>) -> tensor<3x2x1x8xf32>
  %2 = nn.slice %0 {starts = #nn.dims<1, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<4x2x1x8xf32>) -> tensor<3x2x1x8xf32>
  func.return %1, %2 : tensor<3x2x1x8xf32>, tensor<3x2x1x8xf32>
}
