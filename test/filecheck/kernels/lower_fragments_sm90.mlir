// RUN: trtc-opt %s -p place-shared-memory,expand-rings,lower-fragments | filecheck %s

// Roles: one thread of the producer fills the ring by TMA; a warpgroup multiplies by wgmma, and one lane of each of its warps releases.
// The barriers lie first, tiles at multiples of 1024 bytes. 160 registers are less than the 248 that 256 threads get, 240 too.
// CHECK-LABEL: kernel.func @gemm
// CHECK-SAME: smem 66560 coords
// CHECK: [[T:%.*]] = kernel.thread_id
// CHECK: [[AM:%.*]] = kernel.tensor_map
// CHECK: [[BM:%.*]] = kernel.tensor_map
// CHECK: kernel.smem 1024 : memref<16384xf16, "shared">
// CHECK: kernel.smem 33792 : memref<16384xf16, "shared">
// CHECK: scf.if
// CHECK: kernel.mbar_init {{.*}} count 1
// CHECK: kernel.mbar_init {{.*}} count 4
// CHECK: kernel.mbar_init_fence
// CHECK-NEXT: }
// CHECK-NEXT: kernel.bar_sync 0 threads 256
// CHECK: scf.if
// CHECK-NEXT: kernel.setmaxnreg 40 increase 0
// CHECK: scf.if
// CHECK-NEXT: scf.for
// CHECK: kernel.mbar_wait {{%.*}} parity
// CHECK: kernel.tma_load [[AM]][{{%.*}}, {{%.*}}] to {{%.*}} barrier [[FULL:%.*]] :
// CHECK: kernel.tma_load [[BM]][{{%.*}}, {{%.*}}] to {{%.*}} barrier [[FULL]] :
// CHECK: kernel.mbar_expect [[FULL]] bytes 16384
// CHECK: } else {
// CHECK-NEXT: kernel.setmaxnreg 240 increase 0
// CHECK: [[ACC:%.*]] = kernel.local : memref<32xf32, "local">
// CHECK: kernel.mbar_wait {{%.*}} parity
// CHECK: kernel.wgmma_fence
// CHECK: scf.for
// CHECK: kernel.wgmma "f16" n 64 swizzle 128 [[ACC]][{{.*}}], {{%.*}}, {{%.*}} : memref<32xf32, "local">
// CHECK: kernel.wgmma_commit
// CHECK-NEXT: kernel.wgmma_wait 0, [[ACC]]
// CHECK-NOT: kernel.bar_sync
// CHECK: scf.if
// CHECK: kernel.mbar_arrive
// CHECK: kernel.st_global [[ACC]][{{.*}}] to %c[{{.*}}] count 2 :
kernel.func @gemm(%a: !kernel.global<dims <64, 512> x f16, strides <512, 1>, align 16>, %b: !kernel.global<dims <64, 512> x f16, strides <512, 1>, align 16>, %c: !kernel.global<dims <64, 64> x f32, strides <64, 1>, align 16>) grid <1, 1, 1> warps 8 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %eight = arith.constant 8 : index
  %bk = arith.constant 64 : index
  %av = kernel.view %a dims <64, 512> strides <512, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <64, 512> x f16, strides <512, 1>, align 16> -> !kernel.view<2 x f16>
  %bv = kernel.view %b dims <64, 512> strides <512, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <64, 512> x f16, strides <512, 1>, align 16> -> !kernel.view<2 x f16>
  %cv = kernel.view %c dims <64, 64> strides <64, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <64, 64> x f32, strides <64, 1>, align 16> -> !kernel.view<2 x f32>
  %am = kernel.tensor_map %av : !kernel.view<2 x f16> -> !kernel.tensor_map<64x64xf16, swizzle 128>
  %bm = kernel.tensor_map %bv : !kernel.view<2 x f16> -> !kernel.tensor_map<64x64xf16, swizzle 128>
  %as = kernel.alloc -> !kernel.shared<4x64x64xf16, swizzle 128>
  %bs = kernel.alloc -> !kernel.shared<4x64x64xf16, swizzle 128>
  %ring = kernel.ring -> !kernel.ring<4, mbarrier>
  kernel.roles ["producer", "consumer"] warps [4, 4] registers [40, 240] {
    scf.for %t = %zero to %eight step %one {
      %column = arith.muli %t, %bk : index
      kernel.acquire %ring[%t] : !kernel.ring<4, mbarrier>
      %at = kernel.slot %as[%t] : !kernel.shared<4x64x64xf16, swizzle 128> -> !kernel.shared<64x64xf16, swizzle 128>
      %bt = kernel.slot %bs[%t] : !kernel.shared<4x64x64xf16, swizzle 128> -> !kernel.shared<64x64xf16, swizzle 128>
      kernel.load_tma %am[%zero, %column] to %at ring %ring[%t] : !kernel.tensor_map<64x64xf16, swizzle 128>, !kernel.shared<64x64xf16, swizzle 128>, !kernel.ring<4, mbarrier>
      kernel.load_tma %bm[%zero, %column] to %bt ring %ring[%t] : !kernel.tensor_map<64x64xf16, swizzle 128>, !kernel.shared<64x64xf16, swizzle 128>, !kernel.ring<4, mbarrier>
      kernel.commit %ring[%t] bytes 16384 : !kernel.ring<4, mbarrier>
    }
  } {
    %start = kernel.fill 0.0 : !kernel.frag<64x64xf32, #kernel.wgmma_acc<1>>
    %acc = scf.for %t = %zero to %eight step %one iter_args(%old = %start) -> (!kernel.frag<64x64xf32, #kernel.wgmma_acc<1>>) {
      kernel.wait %ring[%t] later 0 : !kernel.ring<4, mbarrier>
      %at = kernel.slot %as[%t] : !kernel.shared<4x64x64xf16, swizzle 128> -> !kernel.shared<64x64xf16, swizzle 128>
      %bt = kernel.slot %bs[%t] : !kernel.shared<4x64x64xf16, swizzle 128> -> !kernel.shared<64x64xf16, swizzle 128>
      %new = kernel.mma %at, %bt, %old : !kernel.shared<64x64xf16, swizzle 128>, !kernel.shared<64x64xf16, swizzle 128>, !kernel.frag<64x64xf32, #kernel.wgmma_acc<1>> -> !kernel.frag<64x64xf32, #kernel.wgmma_acc<1>>
      %done = kernel.mma_wait %new pending 0 : !kernel.frag<64x64xf32, #kernel.wgmma_acc<1>> -> !kernel.frag<64x64xf32, #kernel.wgmma_acc<1>>
      kernel.release %ring[%t] : !kernel.ring<4, mbarrier>
      scf.yield %done : !kernel.frag<64x64xf32, #kernel.wgmma_acc<1>>
    }
    kernel.store %acc, %cv[%zero, %zero] : !kernel.frag<64x64xf32, #kernel.wgmma_acc<1>>, !kernel.view<2 x f32>
  }
  kernel.return
}
