// RUN: trtc-opt %s -p 'select-schedule{allowed="rnn_streamed"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// One block for each batch tile and direction walks the units in every step; h and the weights come straight into fragments.
// CHECK-LABEL: kernel.func @rnn(
// CHECK-SAME: %workspace: !kernel.global<dims <2, 2, N, 20> x f32, {{.*}}, %workspace_1: !kernel.global<dims <1, 2, N, 20> x f32
// CHECK-SAME: grid <1, (N + 7) floordiv 8, 2>
// CHECK: scf.for %unit
// CHECK: kernel.barrier
// CHECK: scf.for %step
// CHECK-NEXT: scf.for %unit
// CHECK: scf.for %k
// CHECK: kernel.load %{{.*}} -> !kernel.frag<8x4xf32, #kernel.outer_a
// CHECK: kernel.load %{{.*}} -> !kernel.frag<32x4xf32, #kernel.outer_b
// CHECK: kernel.mma
// CHECK: kernel.barrier
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 512>}} {
  func.func private @rnn(%x: tensor<3x?x2x20xf32, #nn.dims<3, N, 2, 20>>, %w: tensor<2x20x20xf32>) -> tensor<4x?x2x20xf32, #nn.dims<4, N, 2, 20>> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn rnn bidirectional %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x?x2x20xf32, #nn.dims<3, N, 2, 20>>, tensor<2x20x20xf32> -> tensor<4x?x2x20xf32, #nn.dims<4, N, 2, 20>>
    func.return %0 : tensor<4x?x2x20xf32, #nn.dims<4, N, 2, 20>>
  }
}

// -----

// A number of units that only a run knows is refused.
// CHECK: rnn_streamed: expected hidden units that are known when the engine is built, got H
builtin.module attributes {nn.symbols = {H = array<i64: 1, 4, 512>}} {
  func.func private @unknown(%x: tensor<3x2x1x?xf32, #nn.dims<3, 2, 1, H>>, %w: tensor<1x?x?xf32, #nn.dims<1, H, H>>) -> tensor<4x2x1x?xf32, #nn.dims<4, 2, 1, H>> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x2x1x?xf32, #nn.dims<3, 2, 1, H>>, tensor<1x?x?xf32, #nn.dims<1, H, H>> -> tensor<4x2x1x?xf32, #nn.dims<4, 2, 1, H>>
    func.return %0 : tensor<4x2x1x?xf32, #nn.dims<4, 2, 1, H>>
  }
}

// -----

// In each step a block finds the range of each sequence first, in tiles, then rounds what it multiplies.
// CHECK-LABEL: kernel.func @quantized(
// CHECK: %[[RANGES:.*]] = kernel.alloc -> !kernel.shared<16x2xf32>
// CHECK: scf.for %step
// CHECK: scf.for %unit
// CHECK: kernel.reduce "min"
// CHECK: kernel.reduce "max"
// CHECK-COUNT-2: kernel.store_shared %{{.*}}, %[[RANGES]]
// CHECK-NEXT: kernel.barrier
// CHECK: scf.for %unit
// CHECK-COUNT-2: kernel.load_shared %[[RANGES]]
// CHECK: scf.for %k
// CHECK: math.roundeven
// CHECK-COUNT-4: kernel.mma
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @quantized(%x: tensor<9x16x1x256xf32>, %w: tensor<1x256x64xf16>, %s: tensor<1x256xf32>) -> tensor<11x16x1x64xf32> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn lstm forward %x, %w scales %s {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<9x16x1x256xf32>, tensor<1x256x64xf16> scales tensor<1x256xf32> -> tensor<11x16x1x64xf32>
    func.return %0 : tensor<11x16x1x64xf32>
  }
}
