// RUN: trtc-opt %s -p place-shared-memory,expand-rings,lower-fragments --split-input-file | filecheck %s

// A cp.async ring: the wait's barrier orders the slot's reuse, so `acquire` makes none; ldmatrix loads four matrices at a time; the accumulator
// stays in one array across the loop, which carries nothing.
// CHECK-LABEL: kernel.func @gemm
// CHECK-SAME: smem 16384 coords
// CHECK: [[A:%.*]] = kernel.smem 0 : memref<4096xf16, "shared">
// CHECK: [[B:%.*]] = kernel.smem 8192 : memref<4096xf16, "shared">
// CHECK: [[ACC:%.*]] = kernel.local : memref<16xf32, "local">
// CHECK-NOT: kernel.bar_sync
// CHECK: kernel.cp_async %a[{{.*}}] to [[A]][{{.*}}] count 8 :
// CHECK: kernel.cp_async %b[{{.*}}] to [[B]][{{.*}}] count 8 :
// CHECK: kernel.cp_async_commit
// CHECK: scf.for {{%.*}} = {{%.*}} to {{%.*}} step {{%.*}} {
// CHECK-NEXT: kernel.cp_async_wait 0
// CHECK-NEXT: kernel.bar_sync 0 threads 64
// CHECK-NOT: kernel.bar_sync
// CHECK: kernel.cp_async %a[{{.*}}] to [[A]][{{.*}}] count 8 if
// CHECK: kernel.cp_async_commit
// CHECK: kernel.ldmatrix [[A]][{{.*}}] to [[FA:%.*]][{{.*}}] count 4 :
// CHECK: kernel.ldmatrix [[B]][{{.*}}] to [[FB:%.*]][{{.*}}] count 4 :
// CHECK: kernel.mma_sync "f16" [[ACC]][{{.*}}], [[FA]][{{.*}}], [[FB]][
// CHECK-NOT: kernel.bar_sync
// CHECK: kernel.st_global [[ACC]][{{.*}}] to %c[{{.*}}] count 2 :
kernel.func @gemm(%a: !kernel.global<dims <32, 256> x f16, strides <256, 1>, align 16>, %b: !kernel.global<dims <32, 256> x f16, strides <256, 1>, align 16>, %c: !kernel.global<dims <32, 32> x f32, strides <32, 1>, align 16>) grid <1, 1, 1> warps 2 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %four = arith.constant 4 : index
  %bk = arith.constant 64 : index
  %av = kernel.view %a dims <32, 256> strides <256, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <32, 256> x f16, strides <256, 1>, align 16> -> !kernel.view<2 x f16>
  %bv = kernel.view %b dims <32, 256> strides <256, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <32, 256> x f16, strides <256, 1>, align 16> -> !kernel.view<2 x f16>
  %cv = kernel.view %c dims <32, 32> strides <32, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <32, 32> x f32, strides <32, 1>, align 16> -> !kernel.view<2 x f32>
  %as = kernel.alloc -> !kernel.shared<2x32x64xf16, swizzle 128>
  %bs = kernel.alloc -> !kernel.shared<2x32x64xf16, swizzle 128>
  %ring = kernel.ring -> !kernel.ring<2, cp_async>
  %start = kernel.fill 0.0 : !kernel.frag<32x32xf32, #kernel.mma_acc<2, 1>>
  kernel.acquire %ring[%zero] : !kernel.ring<2, cp_async>
  %as0 = kernel.slot %as[%zero] : !kernel.shared<2x32x64xf16, swizzle 128> -> !kernel.shared<32x64xf16, swizzle 128>
  %bs0 = kernel.slot %bs[%zero] : !kernel.shared<2x32x64xf16, swizzle 128> -> !kernel.shared<32x64xf16, swizzle 128>
  kernel.load_async %av[%zero, %zero] to %as0 : !kernel.view<2 x f16>, !kernel.shared<32x64xf16, swizzle 128>
  kernel.load_async %bv[%zero, %zero] to %bs0 : !kernel.view<2 x f16>, !kernel.shared<32x64xf16, swizzle 128>
  kernel.commit %ring[%zero] bytes 0 : !kernel.ring<2, cp_async>
  %acc = scf.for %t = %zero to %four step %one iter_args(%old = %start) -> (!kernel.frag<32x32xf32, #kernel.mma_acc<2, 1>>) {
    kernel.wait %ring[%t] later 0 : !kernel.ring<2, cp_async>
    %next = arith.addi %t, %one : index
    %column = arith.muli %next, %bk : index
    kernel.acquire %ring[%next] : !kernel.ring<2, cp_async>
    %as1 = kernel.slot %as[%next] : !kernel.shared<2x32x64xf16, swizzle 128> -> !kernel.shared<32x64xf16, swizzle 128>
    %bs1 = kernel.slot %bs[%next] : !kernel.shared<2x32x64xf16, swizzle 128> -> !kernel.shared<32x64xf16, swizzle 128>
    kernel.load_async %av[%zero, %column] to %as1 : !kernel.view<2 x f16>, !kernel.shared<32x64xf16, swizzle 128>
    kernel.load_async %bv[%zero, %column] to %bs1 : !kernel.view<2 x f16>, !kernel.shared<32x64xf16, swizzle 128>
    kernel.commit %ring[%next] bytes 0 : !kernel.ring<2, cp_async>
    %at = kernel.slot %as[%t] : !kernel.shared<2x32x64xf16, swizzle 128> -> !kernel.shared<32x64xf16, swizzle 128>
    %bt = kernel.slot %bs[%t] : !kernel.shared<2x32x64xf16, swizzle 128> -> !kernel.shared<32x64xf16, swizzle 128>
    %fa = kernel.load_shared %at[%zero, %zero] : !kernel.shared<32x64xf16, swizzle 128> -> !kernel.frag<32x64xf16, #kernel.mma_a<2, 1, 2>>
    %fb = kernel.load_shared %bt[%zero, %zero] : !kernel.shared<32x64xf16, swizzle 128> -> !kernel.frag<32x64xf16, #kernel.mma_b<2, 1, 2>>
    %new = kernel.mma %fa, %fb, %old : !kernel.frag<32x64xf16, #kernel.mma_a<2, 1, 2>>, !kernel.frag<32x64xf16, #kernel.mma_b<2, 1, 2>>, !kernel.frag<32x32xf32, #kernel.mma_acc<2, 1>> -> !kernel.frag<32x32xf32, #kernel.mma_acc<2, 1>>
    kernel.release %ring[%t] : !kernel.ring<2, cp_async>
    scf.yield %new : !kernel.frag<32x32xf32, #kernel.mma_acc<2, 1>>
  }
  kernel.store %acc, %cv[%zero, %zero] : !kernel.frag<32x32xf32, #kernel.mma_acc<2, 1>>, !kernel.view<2 x f32>
  kernel.return
}

// -----

// An im2col view in a loop over the window: (n, p, q) of each row and its address are computed once, before the loop.
// CHECK-LABEL: kernel.func @gather
// CHECK-DAG: [[OFFSET:%row_offset]] = kernel.local : memref<8xindex, "local">
// CHECK-DAG: [[H:%row_h]] = kernel.local : memref<8xindex, "local">
// CHECK-DAG: [[W:%row_w]] = kernel.local : memref<8xindex, "local">
// CHECK: arith.remui
// CHECK: memref.store {{.*}}, [[OFFSET]]
// CHECK: memref.store {{.*}}, [[H]]
// CHECK: memref.store {{.*}}, [[W]]
// CHECK: scf.for [[K:%.*]] = {{.*}} {
// CHECK: scf.for
// CHECK-NOT: arith.divui
// CHECK: memref.load [[OFFSET]]
// CHECK: arith.cmpi ult
// CHECK: arith.cmpi ult
// CHECK: kernel.cp_async %x[{{.*}}] to {{.*}} count 8 if
kernel.func @gather(%x: !kernel.global<dims <1, 8, 8, 64> x f16, strides <4096, 512, 64, 1>, align 16>) grid <1, 1, 1> warps 2 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %step = arith.constant 64 : index
  %end = arith.constant 576 : index
  %v = kernel.im2col %x out <8, 8> kernel [3, 3] strides [1, 1] pads [1, 1] dilations [1, 1] groups 1 : !kernel.global<dims <1, 8, 8, 64> x f16, strides <4096, 512, 64, 1>, align 16> -> !kernel.view<3 x f16>
  %s = kernel.alloc -> !kernel.shared<64x64xf16, swizzle 128>
  scf.for %c = %zero to %end step %step {
    kernel.load_async %v[%zero, %zero, %c] to %s : !kernel.view<3 x f16>, !kernel.shared<64x64xf16, swizzle 128>
    kernel.barrier
  }
  kernel.return
}
