// RUN: trtc-opt %s -p place-shared-memory,expand-rings --split-input-file | filecheck %s

// A meeting of the block at the end of a turn orders the slot's reuse: the acquire of the next turn makes no barrier of its own.
// CHECK-LABEL: kernel.func @meets
// CHECK: scf.for
// CHECK-NEXT: kernel.cp_async_commit
// CHECK-NEXT: kernel.cp_async_wait 0
// CHECK-NEXT: kernel.bar_sync 0 threads 128
// CHECK-NEXT: kernel.grid_barrier
// CHECK-NEXT: }
kernel.func @meets(%c: !kernel.global<dims <32> x i32, strides <1>, align 16>) grid <4, 1, 1> warps 4 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %steps = kernel.expr <T>
  scf.for %t = %zero to %steps step %one {
    %ring = kernel.ring -> !kernel.ring<1, cp_async>
    kernel.acquire %ring[%zero] : !kernel.ring<1, cp_async>
    kernel.commit %ring[%zero] bytes 0 : !kernel.ring<1, cp_async>
    kernel.wait %ring[%zero] later 0 : !kernel.ring<1, cp_async>
    kernel.release %ring[%zero] : !kernel.ring<1, cp_async>
    kernel.grid_barrier %c[%zero] turn %t blocks 4 : !kernel.global<dims <32> x i32, strides <1>, align 16>
  }
  kernel.return
}

// -----

// Without one it does.
// CHECK-LABEL: kernel.func @turns
// CHECK: scf.for
// CHECK-NEXT: kernel.bar_sync 0 threads 128
// CHECK-NEXT: kernel.cp_async_commit
kernel.func @turns() grid <4, 1, 1> warps 4 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %steps = kernel.expr <T>
  scf.for %t = %zero to %steps step %one {
    %ring = kernel.ring -> !kernel.ring<1, cp_async>
    kernel.acquire %ring[%zero] : !kernel.ring<1, cp_async>
    kernel.commit %ring[%zero] bytes 0 : !kernel.ring<1, cp_async>
    kernel.wait %ring[%zero] later 0 : !kernel.ring<1, cp_async>
    kernel.release %ring[%zero] : !kernel.ring<1, cp_async>
  }
  kernel.return
}
