// RUN: trtc-opt %s --split-input-file --start-after=expand-rings --stop-after=threads --allow-unregistered-dialect --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s --split-input-file -p lower-fragments --allow-unregistered-dialect --verify-diagnostics --parsing-diagnostics | filecheck %s --check-prefix=PASS

// A step of a ring that expand-rings has left.
// CHECK: after pass 'expand-rings': kernel.barrier may not appear in a kernel function, kernel.func @step: {{.*}}, but not kernel.barrier
// PASS: lower-fragments: kernel.barrier: expected an op that kernels support outside kernel.map
kernel.func @step() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  kernel.barrier
  kernel.return
}

// -----

// An instruction that lower-fragments makes, in a kernel of tiles.
// CHECK: after pass 'expand-rings': kernel.local may not appear in a kernel function, kernel.func @instruction
kernel.func @instruction() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.local : memref<8xf32, "local">
  kernel.return
}

// -----

// A tile and a ring of mbarriers that nobody has placed.
// CHECK: after pass 'expand-rings': kernel.alloc of kernel.func @unplaced has no offset in shared memory: expected that place-shared-memory has given it one
// PASS: kernel.alloc: expected a byte offset in shared memory, got none; run place-shared-memory first
kernel.func @unplaced() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %s = kernel.alloc -> !kernel.shared<4x128x64xf16, swizzle 128>
  kernel.return
}

// -----

// CHECK: after pass 'expand-rings': kernel.ring of kernel.func @ring has no offset in shared memory
kernel.func @ring() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %ring = kernel.ring -> !kernel.ring<4, mbarrier, 1>
  kernel.return
}

// -----

// An op of another package on fragments; without the pipeline the pass itself refuses it.
// CHECK: after pass 'expand-rings': acme.swish may not appear in a kernel function, kernel.func @foreign: {{.*}}; expand an op of another package in the schedule that builds the kernel
// PASS: lower-fragments: acme.swish: expected scalars of arith or math that kernels compute with, scf.for or scf.if, got acme.swish; expand it in the schedule that builds the kernel
kernel.func @foreign() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %b = "acme.swish"(%a) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  kernel.return
}
