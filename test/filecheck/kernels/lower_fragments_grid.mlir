// RUN: trtc-opt %s -p place-shared-memory,expand-rings,lower-fragments --split-input-file | filecheck %s
// RUN: trtc-opt %s -p place-shared-memory,expand-rings,lower-fragments --split-input-file -t cuda | filecheck %s --check-prefix=CUDA

// Meeting number t of four blocks has taken place when they have arrived 4 (t + 1) times.
// CHECK-LABEL: kernel.func @meet
// CHECK: scf.for %[[T:.*]] =
// CHECK: %[[M:.*]] = arith.muli %[[T]], %{{.*}} : index
// CHECK: %[[N:.*]] = arith.addi %[[M]], %{{.*}} : index
// CHECK: kernel.grid_sync %c[%{{.*}}] target %[[N]]
// CUDA: red.release.gpu.global.add.s32
// CUDA: ld.acquire.gpu.global.s32
// CUDA: void __launch_bounds__(32) meet_kernel(int* __restrict__ c_
// CUDA: grid_sync(&c_[
kernel.func @meet(%c: !kernel.global<dims <32> x i32, strides <1>, align 16>) grid <4, 1, 1> warps 1 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %steps = kernel.expr <T>
  scf.for %t = %zero to %steps step %one {
    kernel.grid_barrier %c[%zero] turn %t blocks 4 : !kernel.global<dims <32> x i32, strides <1>, align 16>
  }
  kernel.return
}
