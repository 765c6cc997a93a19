// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Two groups or more, of rows or columns.
// CHECK: kernel.grouped: expected 2 or more groups and axis 0 or 1, got 1 and axis 2
kernel.func @f() grid <1, 1, 1> warps 1 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<16x16xf16, #kernel.grouped<1, 2, #kernel.mma_a<1, 1, 2>>>
  kernel.return
}

// -----

// Groups are of whole warps.
// CHECK: kernel.grouped: expected a layout of whole warps, itself not grouped, got #kernel.blocked<1, 8, 1, 2>
kernel.func @f() grid <1, 1, 1> warps 1 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.grouped<4, 0, #kernel.blocked<1, 8, 1, 2>>>
  kernel.return
}

// -----

// CHECK: kernel.grouped expects a layout of the parts, got 3 : i64
kernel.func @f() grid <1, 1, 1> warps 1 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.grouped<4, 0, 3>>
  kernel.return
}

// -----

// Groups share the columns of both operands; the accumulator has a sum for each.
// CHECK: kernel.mma: expected operands grouped by columns and an accumulator by rows, all in as many groups, or none, got
kernel.func @f() grid <1, 1, 1> warps 2 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<16x32xf16, #kernel.grouped<2, 1, #kernel.mma_a<1, 1, 2>>>
  %b = kernel.fill 0.0 : !kernel.frag<16x32xf16, #kernel.mma_b<1, 2, 2>>
  %c = kernel.fill 0.0 : !kernel.frag<32x8xf32, #kernel.grouped<2, 0, #kernel.mma_acc<1, 1>>>
  %d = kernel.mma %a, %b, %c : !kernel.frag<16x32xf16, #kernel.grouped<2, 1, #kernel.mma_a<1, 1, 2>>>, !kernel.frag<16x32xf16, #kernel.mma_b<1, 2, 2>>, !kernel.frag<32x8xf32, #kernel.grouped<2, 0, #kernel.mma_acc<1, 1>>> -> !kernel.frag<32x8xf32, #kernel.grouped<2, 0, #kernel.mma_acc<1, 1>>>
  kernel.return
}
