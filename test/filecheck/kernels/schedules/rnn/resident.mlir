// RUN: trtc-opt %s -p 'select-schedule{allowed="rnn_resident"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// Each thread keeps its part of the block's rows of all gates in registers. Blocks of a cluster write h to one another's shared memory, two
// parts of the columns have sums of their own, and the result's row is written after the meeting. The batch is dynamic: a cluster for each
// of its tiles.
// CHECK-LABEL: kernel.func @lstm(
// CHECK-SAME: grid <8, (N + 15) floordiv 16, 1> warps 8 cluster 8
// CHECK: %[[H:.*]] = kernel.alloc -> !kernel.shared<2x16x256xf16, pad 8>
// CHECK: %[[SUMS:.*]] = kernel.alloc -> !kernel.shared<32x128xf32, pad 4>
// CHECK-COUNT-8: kernel.load %w_view
// CHECK: kernel.store_shared %{{.*}} everywhere
// CHECK-NEXT: kernel.cluster_barrier
// CHECK: scf.for %step = {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}})
// CHECK: %[[SLOT:.*]] = kernel.slot %[[H]]
// CHECK: kernel.load_shared %[[SLOT]]
// CHECK-COUNT-8: kernel.mma
// CHECK: kernel.store_shared %{{.*}}, %[[SUMS]]
// CHECK-NEXT: kernel.barrier
// CHECK-COUNT-8: kernel.load_shared %[[SUMS]]
// CHECK: kernel.store_shared %{{.*}} everywhere
// CHECK-NEXT: kernel.cluster_barrier
// CHECK: kernel.store %{{.*}}, %y_view[%step
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {N = array<i64: 1, 16, 512>}} {
  func.func private @lstm(%x: tensor<100x?x1x1024xf16, #nn.dims<100, N, 1, 1024>>, %w: tensor<1x1024x256xf16>) -> tensor<102x?x1x256xf16, #nn.dims<102, N, 1, 256>> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn lstm forward %x, %w {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<100x?x1x1024xf16, #nn.dims<100, N, 1, 1024>>, tensor<1x1024x256xf16> -> tensor<102x?x1x256xf16, #nn.dims<102, N, 1, 256>>
    func.return %0 : tensor<102x?x1x256xf16, #nn.dims<102, N, 1, 256>>
  }
}

// -----

// Units that a team cannot share evenly are refused.
// CHECK: rnn_resident: expected a number of units that a team of blocks shares evenly, and blocks that run at once on 132 SMs, got 18 units and a batch of 4
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @uneven(%x: tensor<3x4x1x18xf32>, %w: tensor<1x18x18xf32>) -> tensor<4x4x1x18xf32> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn rnn forward %x, %w {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<3x4x1x18xf32>, tensor<1x18x18xf32> -> tensor<4x4x1x18xf32>
    func.return %0 : tensor<4x4x1x18xf32>
  }
}
