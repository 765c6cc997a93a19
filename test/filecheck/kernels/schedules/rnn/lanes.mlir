// RUN: trtc-opt %s -p 'select-schedule{allowed="rnn_lanes"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// The weights of each gate are loaded once; in a step a block reads h from one slot, sums its products over the lanes, and writes the other
// slot before the cluster meets.
// CHECK-LABEL: kernel.func @lstm(
// CHECK-SAME: grid <8, 1, 1> warps 16 cluster 8
// CHECK-COUNT-4: kernel.load %{{.*}} -> !kernel.frag<16x128xf32, #kernel.blocked<16, 32, 1, 4>>
// CHECK: kernel.cluster_barrier
// CHECK: scf.for %step =
// CHECK: arith.remsi %step, %{{.*}} : index
// CHECK: kernel.load %{{.*}} -> !kernel.frag<16x128xf32, #kernel.blocked<16, 32, 1, 4>>
// CHECK-COUNT-4: kernel.reduce "sum"
// CHECK-COUNT-2: math.tanh
// CHECK: kernel.cluster_barrier
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @lstm(%x: tensor<100x1x1x512xf32>, %w: tensor<1x512x128xf32>) -> tensor<102x1x1x128xf32> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn lstm forward %x, %w {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<100x1x1x512xf32>, tensor<1x512x128xf32> -> tensor<102x1x1x128xf32>
    func.return %0 : tensor<102x1x1x128xf32>
  }
}

// -----

// More units take more blocks, which meet at a counter that the first launch sets to zero. Steps are dynamic.
// CHECK-LABEL: kernel.func @gru(
// CHECK-SAME: grid <1, 1, 1> warps 1
// CHECK: kernel.store %{{.*}} : !kernel.frag<1x32xi32
// CHECK-LABEL: kernel.func @gru_stage1(
// CHECK: kernel.grid_barrier %workspace{{.*}} blocks 128
// CHECK: scf.for
// CHECK: kernel.grid_barrier %workspace{{.*}} blocks 128
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {T = array<i64: 1, 100, 200>}} {
  func.func private @gru(%x: tensor<?x1x1x3072xf32, #nn.dims<T, 1, 1, 3072>>, %w: tensor<1x3072x1024xf32>, %b: tensor<1x1024xf32>) -> tensor<?x1x1x1024xf32, #nn.dims<T + 1, 1, 1, 1024>> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn gru forward %x, %w bias %b {activations = ["sigmoid", "tanh"], alphas = array<f64: 0.0, 0.0>, betas = array<f64: 0.0, 0.0>, reset_after} : tensor<?x1x1x3072xf32, #nn.dims<T, 1, 1, 3072>>, tensor<1x3072x1024xf32> bias tensor<1x1024xf32> -> tensor<?x1x1x1024xf32, #nn.dims<T + 1, 1, 1, 1024>>
    func.return %0 : tensor<?x1x1x1024xf32, #nn.dims<T + 1, 1, 1, 1024>>
  }
}

// -----

// Weights that no registers hold are refused.
// CHECK: rnn_lanes: expected recurrent weights that fit the registers of 8 SMs, got 1024 units
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 8, smem = 232448>} {
  func.func private @large(%x: tensor<3x1x1x1024xf32>, %w: tensor<1x1024x1024xf32>) -> tensor<4x1x1x1024xf32> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x1x1x1024xf32>, tensor<1x1024x1024xf32> -> tensor<4x1x1x1024xf32>
    func.return %0 : tensor<4x1x1x1024xf32>
  }
}

// -----

// h is exchanged in f32; each warp finds its range, rounds it to integers, and scales their sums.
// CHECK-LABEL: kernel.func @quantized(
// CHECK-SAME: %workspace: !kernel.global<dims <2, 1, 1, 128> x f32
// CHECK: scf.for %step =
// CHECK: kernel.load %{{.*}} -> !kernel.frag<[[H:.*]]xf32, #kernel.blocked<{{.*}}>>
// CHECK: kernel.reduce "min"
// CHECK: kernel.reduce "max"
// CHECK: arith.divf
// CHECK: math.roundeven
// CHECK-COUNT-4: kernel.reduce "sum"
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @quantized(%x: tensor<9x1x1x512xf32>, %w: tensor<1x512x128xf16>, %s: tensor<1x512xf32>) -> tensor<11x1x1x128xf32> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn lstm forward %x, %w scales %s {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<9x1x1x512xf32>, tensor<1x512x128xf16> scales tensor<1x512xf32> -> tensor<11x1x1x128xf32>
    func.return %0 : tensor<11x1x1x128xf32>
  }
}
