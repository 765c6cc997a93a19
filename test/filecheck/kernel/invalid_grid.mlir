// RUN: trtc-opt %s --split-input-file --verify-diagnostics | filecheck %s

// Counters are i32.
// CHECK: kernel.grid_barrier: expected counters of i32, got !kernel.global<dims <32> x f32
kernel.func @f(%c: !kernel.global<dims <32> x f32, strides <1>, align 16>) grid <4, 1, 1> warps 1 coords(%i, %j, %k) {
  kernel.grid_barrier %c[%i] turn %j blocks 4 : !kernel.global<dims <32> x f32, strides <1>, align 16>
  kernel.return
}

// -----

// Some block meets.
// CHECK: kernel.grid_barrier: expected 1 block or more, got 0
kernel.func @f(%c: !kernel.global<dims <32> x i32, strides <1>, align 16>) grid <4, 1, 1> warps 1 coords(%i, %j, %k) {
  kernel.grid_barrier %c[%i] turn %j blocks 0 : !kernel.global<dims <32> x i32, strides <1>, align 16>
  kernel.return
}
