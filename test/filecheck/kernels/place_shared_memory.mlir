// RUN: trtc-opt %s -p place-shared-memory --split-input-file | filecheck %s

// The barriers of mbarrier rings lie first, 16 bytes per slot; a tile that TMA or wgmma touches starts at a multiple of 1024 bytes, another at
// one of 16; `over` takes the bytes of another tile, and the larger of both counts.
// CHECK-LABEL: kernel.func @tiles
// CHECK-SAME: smem 18432 coords
// CHECK: kernel.ring at 0 -> !kernel.ring<4, mbarrier>
// CHECK: kernel.ring at 64 -> !kernel.ring<2, mbarrier>
// CHECK: kernel.alloc {offset = 96 : i64} -> !kernel.shared<8x16xf32>
// CHECK: kernel.alloc {offset = 1024 : i64} -> !kernel.shared<2x64x64xf16, swizzle 128>
// CHECK: kernel.alloc over %{{.*}} : {{.*}} {offset = 1024 : i64} -> !kernel.shared<64x68xf32>
kernel.func @tiles() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %r = kernel.ring -> !kernel.ring<4, mbarrier>
  %q = kernel.ring -> !kernel.ring<2, mbarrier>
  %a = kernel.alloc -> !kernel.shared<8x16xf32>
  %b = kernel.alloc -> !kernel.shared<2x64x64xf16, swizzle 128>
  %c = kernel.alloc over %b : !kernel.shared<2x64x64xf16, swizzle 128> -> !kernel.shared<64x68xf32>
  kernel.return
}

// -----

// A cp.async ring has no barriers, and needs no bytes. Sizes of tensors that are not known change nothing.
// CHECK-LABEL: kernel.func @dynamic
// CHECK-SAME: smem 2048 coords
// CHECK: kernel.ring -> !kernel.ring<3, cp_async>
// CHECK: kernel.alloc {offset = 0 : i64} -> !kernel.shared<8x64xf32>
kernel.func @dynamic(%x: !kernel.global<dims <N, 64> x f32, strides <64, 1>, align 16>) grid <(N + 7) floordiv 8, 1, 1> warps 4 coords(%i, %j, %k) {
  %r = kernel.ring -> !kernel.ring<3, cp_async>
  %a = kernel.alloc -> !kernel.shared<8x64xf32>
  kernel.return
}

// -----

// A kernel of thread ops is left alone.
// CHECK-LABEL: kernel.func @lowered
// CHECK-SAME: smem 512 coords
kernel.func @lowered() grid <1, 1, 1> warps 4 smem 512 coords(%i, %j, %k) {
  %t = kernel.thread_id
  kernel.return
}
