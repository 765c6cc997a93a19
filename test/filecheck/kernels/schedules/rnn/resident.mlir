// RUN: trtc-opt %s -p 'select-schedule{allowed="rnn_resident"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// The block's rows of all gates stay in shared memory; a step copies h, multiplies with four accumulators apart, and passes the sums through
// shared memory to the cells, whose states are carried. The batch is dynamic: a cluster for each of its tiles.
// CHECK-LABEL: kernel.func @lstm(
// CHECK-SAME: grid <8, (N + 15) floordiv 16, 1> warps 8 cluster 8
// CHECK: %[[H:.*]] = kernel.alloc -> !kernel.shared<1x16x256xf16, swizzle 128>
// CHECK: %[[SUMS:.*]] = kernel.alloc -> !kernel.shared<16x128xf32, pad 4>
// CHECK: %[[R:.*]] = kernel.alloc -> !kernel.shared<1x128x256xf16, swizzle 128>
// CHECK: kernel.load_async %w_view
// CHECK: kernel.cluster_barrier
// CHECK: scf.for %step = {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}})
// CHECK: kernel.load_async %workspace_view
// CHECK: kernel.wait
// CHECK-COUNT-4: kernel.mma
// CHECK: kernel.store_shared %{{.*}}, %[[SUMS]]
// CHECK-NEXT: kernel.barrier
// CHECK-COUNT-4: kernel.load_shared %[[SUMS]]
// CHECK: kernel.cluster_barrier
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
