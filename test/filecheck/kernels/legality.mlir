// RUN: trtc-opt %s --split-input-file --start-after=memory --stop-after=threads --allow-unregistered-dialect --verify-diagnostics --parsing-diagnostics | filecheck %s

// An op of another package, which no schedule has expanded: refused before phase threads, with its kernel.
// CHECK: after phase 'memory': acme.swish (from act) may not appear in a kernel function, kernel.func @foreign: allowed are kernel.*, and of arith, math and scf what kernels compute with (dialects/kernel/scalars/table.py); expand an op of another package in the schedule that builds the kernel
kernel.func @foreign() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %b = kernel.map (%a) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
  ^bb0(%s: f32):
    %t = "acme.swish"(%s) : (f32) -> f32 loc("act"("Swish#3"))
    kernel.yield %t : f32
  }
  kernel.return
}

// -----

// A tensor op is trtc's own, and no scalar; a math op that no kernel computes with is none either.
// CHECK: after phase 'memory': nn.constant may not appear in a kernel function, kernel.func @tensor: allowed are kernel.*, and of arith, math and scf what kernels compute with (dialects/kernel/scalars/table.py)
// CHECK-NOT: another package
kernel.func @tensor() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %0 = nn.constant dense<1.0> : tensor<f32>
  kernel.return
}

// -----

// CHECK: after phase 'memory': math.ctpop may not appear in a kernel function, kernel.func @scalar
kernel.func @scalar() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %0 = math.ctpop %i : index
  kernel.return
}

// -----

// A barrier of threads is made by expand-rings, and not before.
// CHECK: after phase 'memory': kernel.bar_sync may not appear in a kernel function, kernel.func @early: {{.*}}, but not kernel.bar_sync
kernel.func @early() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  kernel.bar_sync 0 threads 128
  kernel.return
}
