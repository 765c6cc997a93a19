// RUN: trtc-opt %s -p 'select-schedule{allowed="rnn_resident"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// Registers hold the block's rows of all gates; two groups of warps share their columns. A step multiplies the h that every block of the
// cluster has in its shared memory, and passes the sums through shared memory to the cells, whose states are carried, with the inputs of
// the next step. The new h goes to every block, and the result's row is written once they have met. The batch is dynamic: a cluster for
// each of its tiles.
// CHECK-LABEL: kernel.func @lstm(
// CHECK-SAME: grid <8, (N + 15) floordiv 16, 1> warps 8 cluster 8
// CHECK: %[[H:.*]] = kernel.alloc -> !kernel.shared<2x16x256xf16, pad 8>
// CHECK: %[[SUMS:.*]] = kernel.alloc -> !kernel.shared<32x128xf32, pad 4>
// CHECK-COUNT-8: kernel.load %w_view{{.*}} -> !kernel.frag<128x32xf16, #kernel.grouped<2, 1, #kernel.mma_b<1, 4, 2>>>
// CHECK: kernel.cluster_barrier
// CHECK: kernel.store_shared %{{.*}}, %{{.*}}[%{{.*}}, %unit] everywhere
// CHECK-NEXT: kernel.cluster_barrier
// CHECK-COUNT-4: kernel.load %x_view
// CHECK: scf.for %step = {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %x_tile,
// CHECK-COUNT-4: kernel.load %x_view
// CHECK: kernel.slot %[[H]]
// CHECK-COUNT-8: kernel.mma
// CHECK: kernel.store_shared %{{.*}}, %[[SUMS]]
// CHECK-NEXT: kernel.barrier
// CHECK-COUNT-8: kernel.load_shared %[[SUMS]]
// CHECK: kernel.store_shared %{{.*}}, %{{.*}}[%{{.*}}, %unit] everywhere
// CHECK-NEXT: kernel.cluster_barrier
// CHECK: kernel.store %{{.*}}, %y_view[%step,
// CHECK-NEXT: scf.yield
// CHECK-COUNT-2: kernel.store %{{.*}}, %y_view
// CHECK: kernel.return
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {N = array<i64: 1, 16, 512>}} {
  func.func private @lstm(%x: tensor<100x?x1x1024xf16, #nn.dims<100, N, 1, 1024>>, %w: tensor<1x1024x256xf16>) -> tensor<102x?x1x256xf16, #nn.dims<102, N, 1, 256>> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn lstm forward %x, %w {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<100x?x1x1024xf16, #nn.dims<100, N, 1, 1024>>, tensor<1x1024x256xf16> -> tensor<102x?x1x256xf16, #nn.dims<102, N, 1, 256>>
    func.return %0 : tensor<102x?x1x256xf16, #nn.dims<102, N, 1, 256>>
  }
}

// -----

// 128 blocks meet across the grid. Their weights are in shared memory; h comes from L2, in pieces of which two are under way. Nobody reads
// the last state.
// CHECK-LABEL: kernel.func @gru(
// CHECK: kernel.store %{{.*}}, %workspace_view
// CHECK-LABEL: kernel.func @gru_stage1(
// CHECK-SAME: grid <128, 1, 1> warps 8
// CHECK: kernel.alloc -> !kernel.shared<2x32x256xf32, pad 4>
// CHECK: %[[R:.*]] = kernel.alloc -> !kernel.shared<1x24x1024xf32, pad 4>
// CHECK: kernel.load_async %w_view
// CHECK: kernel.grid_barrier
// CHECK: scf.for %step
// CHECK-COUNT-2: kernel.load_async %workspace_view
// CHECK: kernel.wait %{{.*}} later 1
// CHECK: kernel.mma {{.*}}#kernel.grouped<8, 1, #kernel.outer_a<8, 4, 1>>
// CHECK-COUNT-2: kernel.load_async %workspace_view
// CHECK: kernel.grid_barrier
// CHECK: kernel.store %{{.*}}, %y_view[%step,
// CHECK-NOT: kernel.store
// CHECK: kernel.return
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @gru(%x: tensor<100x32x1x3072xf32>, %w: tensor<1x3072x1024xf32>) -> tensor<100x32x1x1024xf32> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn gru forward %x, %w {activations = ["sigmoid", "tanh"], alphas = array<f64: 0.0, 0.0>, betas = array<f64: 0.0, 0.0>, reset_after, without_last} : tensor<100x32x1x3072xf32>, tensor<1x3072x1024xf32> -> tensor<100x32x1x1024xf32>
    func.return %0 : tensor<100x32x1x1024xf32>
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
