// RUN: trtc-opt %s -p 'fuse-groups,materialise-storage' --split-input-file | filecheck %s

// A recurrence reads its inputs as they are stored and narrow weights, and stores its states itself: no cast stands beside it.
// CHECK-LABEL: @chain
// CHECK: %[[W:.*]] = nn.cast %w : (tensor<1x8x8xf32>) -> tensor<1x8x8xf16>
// CHECK: fusion.group "rnn" (%[[X:.*]] = %{{.*}} : tensor<?x2x1x8xf16, #nn.dims<T, 2, 1, 8>>, %[[R:.*]] = %[[W]] : tensor<1x8x8xf16>, %[[H:.*]] = %h : tensor<1x2x8xf32>)
// CHECK-NEXT: %[[Y:.*]] = nn.rnn rnn forward %[[X]], %[[R]] hidden %[[H]] {activations = ["tanh"], alphas = {{.*}}, betas = {{.*}}} : {{.*}} -> tensor<?x2x1x8xf16, #nn.dims<T + 1, 2, 1, 8>>
// CHECK-NEXT: fusion.yield %[[Y]]
func.func @chain(%x: tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>, %h: tensor<1x2x8xf32>) -> tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>> {
  %w = nn.constant {nn.stored = f16} dense<0.5> : tensor<1x8x8xf32>
  %0 = nn.abs %x {nn.stored = f16} : tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>
  %1 = nn.rnn rnn forward %0, %w hidden %h {nn.stored = f16, activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>, math = #nn.math<f16>} : tensor<?x2x1x8xf32, #nn.dims<T, 2, 1, 8>>, tensor<1x8x8xf32> hidden tensor<1x2x8xf32> -> tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>
  %2 = nn.neg %1 : tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>
  func.return %2 : tensor<?x2x1x8xf32, #nn.dims<T + 1, 2, 1, 8>>
}
