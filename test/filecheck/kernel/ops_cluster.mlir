// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// A tile that goes to every block of a cluster, and the instruction that it becomes; a product whose groups of warps share the columns.
// CHECK: kernel.store_shared %x, %t[%i, %j] everywhere : !kernel.frag<16x32xf16, #kernel.blocked<4, 16, 1, 2>>, !kernel.shared<16x32xf16, pad 8>
// CHECK-NEXT: kernel.st_cluster %r[%i] to %s[%j] of %k count 4 : memref<8xf16, "local">, memref<256xf16, "shared">
// CHECK-NEXT: kernel.st_cluster %r[%i] to %s[%j] of %k count 4 if %p : memref<8xf16, "local">, memref<256xf16, "shared">
// CHECK: kernel.mma %a, %b, %c : !kernel.frag<16x32xf16, #kernel.grouped<2, 1, #kernel.mma_a<1, 1, 2>>>, {{.*}} -> !kernel.frag<32x8xf32, #kernel.grouped<2, 0, #kernel.mma_acc<1, 1>>>
kernel.func @f() grid <2, 1, 1> warps 2 cluster 2 coords(%i, %j, %k) {
  %p = arith.constant true
  %x = kernel.fill 0.0 : !kernel.frag<16x32xf16, #kernel.blocked<4, 16, 1, 2>>
  %t = kernel.alloc -> !kernel.shared<16x32xf16, pad 8>
  %r = kernel.local : memref<8xf16, "local">
  %s = kernel.smem 0 : memref<256xf16, "shared">
  kernel.store_shared %x, %t[%i, %j] everywhere : !kernel.frag<16x32xf16, #kernel.blocked<4, 16, 1, 2>>, !kernel.shared<16x32xf16, pad 8>
  kernel.st_cluster %r[%i] to %s[%j] of %k count 4 : memref<8xf16, "local">, memref<256xf16, "shared">
  kernel.st_cluster %r[%i] to %s[%j] of %k count 4 if %p : memref<8xf16, "local">, memref<256xf16, "shared">
  %a = kernel.fill 0.0 : !kernel.frag<16x32xf16, #kernel.grouped<2, 1, #kernel.mma_a<1, 1, 2>>>
  %b = kernel.fill 0.0 : !kernel.frag<8x32xf16, #kernel.grouped<2, 1, #kernel.mma_b<1, 1, 2>>>
  %c = kernel.fill 0.0 : !kernel.frag<32x8xf32, #kernel.grouped<2, 0, #kernel.mma_acc<1, 1>>>
  %d = kernel.mma %a, %b, %c : !kernel.frag<16x32xf16, #kernel.grouped<2, 1, #kernel.mma_a<1, 1, 2>>>, !kernel.frag<8x32xf16, #kernel.grouped<2, 1, #kernel.mma_b<1, 1, 2>>>, !kernel.frag<32x8xf32, #kernel.grouped<2, 0, #kernel.mma_acc<1, 1>>> -> !kernel.frag<32x8xf32, #kernel.grouped<2, 0, #kernel.mma_acc<1, 1>>>
  kernel.return
}
