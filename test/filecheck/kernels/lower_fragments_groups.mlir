// RUN: trtc-opt %s -p place-shared-memory,expand-rings,lower-fragments | filecheck %s

// Products on shared tiles are one group up to the next wait; those right after one another share a fence. Waits that follow one another
// are one.
// CHECK-LABEL: kernel.func @pieces
// CHECK: kernel.wgmma_fence
// CHECK: kernel.wgmma "f16" n 32 swizzle 128 [[ACC:%.*]][
// CHECK: kernel.wgmma "f16" n 32 swizzle 32 [[ACC]][
// CHECK-NOT: kernel.wgmma_commit
// CHECK: kernel.wgmma_fence
// CHECK: kernel.wgmma "f16" n 32 swizzle 128 [[OTHER:%.*]][
// CHECK: kernel.wgmma_commit
// CHECK-NEXT: kernel.wgmma_wait 0, [[ACC]], [[OTHER]]
// CHECK-NOT: kernel.wgmma_wait
// CHECK: kernel.st_global
kernel.func @pieces(%y: !kernel.global<dims <64, 32> x f32, strides <32, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %l) {
  %zero = arith.constant 0 : index
  %yv = kernel.view %y dims <64, 32> strides <32, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <64, 32> x f32, strides <32, 1>, align 16> -> !kernel.view<2 x f32>
  %as = kernel.alloc -> !kernel.shared<1x64x64xf16, swizzle 128>
  %bs = kernel.alloc -> !kernel.shared<1x32x64xf16, swizzle 128>
  %cs = kernel.alloc -> !kernel.shared<1x64x16xf16, swizzle 32>
  %ds = kernel.alloc -> !kernel.shared<1x32x16xf16, swizzle 32>
  %start = kernel.fill 0.0 : !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>
  %a = kernel.slot %as[%zero] : !kernel.shared<1x64x64xf16, swizzle 128> -> !kernel.shared<64x64xf16, swizzle 128>
  %b = kernel.slot %bs[%zero] : !kernel.shared<1x32x64xf16, swizzle 128> -> !kernel.shared<32x64xf16, swizzle 128>
  %one = kernel.mma %a, %b, %start : !kernel.shared<64x64xf16, swizzle 128>, !kernel.shared<32x64xf16, swizzle 128>, !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>> -> !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>
  %c = kernel.slot %cs[%zero] : !kernel.shared<1x64x16xf16, swizzle 32> -> !kernel.shared<64x16xf16, swizzle 32>
  %d = kernel.slot %ds[%zero] : !kernel.shared<1x32x16xf16, swizzle 32> -> !kernel.shared<32x16xf16, swizzle 32>
  %two = kernel.mma %c, %d, %one : !kernel.shared<64x16xf16, swizzle 32>, !kernel.shared<32x16xf16, swizzle 32>, !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>> -> !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>
  %fresh = kernel.fill 0.0 : !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>
  %other = kernel.mma %a, %b, %fresh : !kernel.shared<64x64xf16, swizzle 128>, !kernel.shared<32x64xf16, swizzle 128>, !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>> -> !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>
  %done = kernel.mma_wait %two pending 0 : !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>> -> !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>
  %too = kernel.mma_wait %other pending 0 : !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>> -> !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>
  %sum = kernel.map (%done, %too) : (!kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>, !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>) -> !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>> {
  ^bb0(%x: f32, %z: f32):
    %s = arith.addf %x, %z : f32
    kernel.yield %s : f32
  }
  kernel.store %sum, %yv[%zero, %zero] : !kernel.frag<64x32xf32, #kernel.wgmma_acc<1>>, !kernel.view<2 x f32>
  kernel.return
}
