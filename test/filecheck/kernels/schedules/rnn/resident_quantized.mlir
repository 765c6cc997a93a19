// RUN: trtc-opt %s -p 'select-schedule{allowed="rnn_resident"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// The blocks of a cluster write h to one another in f32. Each finds the range of all units of a sequence, and multiplies the integers
// that lie in its shared memory, with the step of each sequence.
// CHECK-LABEL: kernel.func @quantized(
// CHECK: %[[H:.*]] = kernel.alloc -> !kernel.shared<2x16x64xf32, pad 4>
// CHECK: %[[INTEGERS:.*]] = kernel.alloc -> !kernel.shared<16x64xf16, pad 8>
// CHECK: %[[STEPS:.*]] = kernel.alloc -> !kernel.shared<16x1xf32>
// CHECK: scf.for %step
// CHECK: %[[SLOT:.*]] = kernel.slot %[[H]]
// CHECK-NEXT: kernel.load_shared %[[SLOT]]
// CHECK-NEXT: kernel.reduce "min"
// CHECK-NEXT: kernel.reduce "max"
// CHECK: math.roundeven
// CHECK: kernel.store_shared %{{.*}}, %[[INTEGERS]]
// CHECK-NEXT: kernel.store_shared %{{.*}}, %[[STEPS]]
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.load_shared %[[INTEGERS]]
// CHECK: kernel.mma
// CHECK: kernel.load_shared %[[STEPS]]
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 8, smem = 232448>} {
  func.func private @quantized(%x: tensor<9x16x1x256xf32>, %w: tensor<1x256x64xf16>, %s: tensor<1x256xf32>) -> tensor<11x16x1x64xf32> attributes {fusion.anchor = "rnn"} {
    %0 = nn.rnn lstm forward %x, %w scales %s {activations = ["sigmoid", "tanh", "tanh"], alphas = array<f64: 0.0, 0.0, 0.0>, betas = array<f64: 0.0, 0.0, 0.0>} : tensor<9x16x1x256xf32>, tensor<1x256x64xf16> scales tensor<1x256xf32> -> tensor<11x16x1x64xf32>
    func.return %0 : tensor<11x16x1x64xf32>
  }
}
