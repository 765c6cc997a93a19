// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// A meeting of four blocks at a counter, and the instruction that it becomes.
// CHECK: kernel.grid_barrier %c[%i] turn %j blocks 4 : !kernel.global<dims <32> x i32, strides <1>, align 16>
// CHECK-NEXT: kernel.grid_sync %c[%i] target %j : !kernel.global<dims <32> x i32, strides <1>, align 16>
kernel.func @f(%c: !kernel.global<dims <32> x i32, strides <1>, align 16>) grid <4, 1, 1> warps 1 coords(%i, %j, %k) {
  kernel.grid_barrier %c[%i] turn %j blocks 4 : !kernel.global<dims <32> x i32, strides <1>, align 16>
  kernel.grid_sync %c[%i] target %j : !kernel.global<dims <32> x i32, strides <1>, align 16>
  kernel.return
}
