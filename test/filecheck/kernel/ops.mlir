// RUN: trtc-opt %s | trtc-opt | filecheck %s

// Every form of the tile and thread ops prints back as it was read.
// CHECK-LABEL: kernel.func @relu(
// CHECK: %xv = kernel.view %x dims <N, 7> strides <7, 1> offset <0> groups [array<i64>, array<i64: 0, 1>] : !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16> -> !kernel.view<2 x f32>
// CHECK: %yv = kernel.view %y dims <N, 7> strides <7, 1> offset <0> groups [array<i64>, array<i64: 0, 1>] : !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16> -> !kernel.view<2 x f32>
// CHECK: %a = kernel.load %xv[%zero, %first] fill 0.000000e+00 : !kernel.view<2 x f32> -> !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>>
// CHECK: %b = kernel.map (%a) : (!kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>>) -> !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>> {
// CHECK: kernel.yield %t : f32
// CHECK: %m = kernel.reduce "max" %b : !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>> -> !kernel.frag<1xf32, #kernel.blocked<1, 128, 1, 8>, rows of 1024>
// CHECK: kernel.store %b, %yv[%zero, %first] : !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>>, !kernel.view<2 x f32>
// CHECK: %sm = kernel.alloc -> !kernel.shared<3x128x32xf16, swizzle 64>
// CHECK: %sm2 = kernel.alloc over %sm : !kernel.shared<3x128x32xf16, swizzle 64> -> !kernel.shared<3x128x32xf16, swizzle 64>
// CHECK: %r = kernel.ring -> !kernel.ring<4, mbarrier, 2>
// CHECK: kernel.wait %r[%i] later 2 : !kernel.ring<4, mbarrier, 2>
// CHECK: %placed = kernel.ring at 64 -> !kernel.ring<4, mbarrier, 2>
// CHECK: kernel.elect {
// CHECK-NEXT: %full = kernel.slot_barrier %placed[%i] : !kernel.ring<4, mbarrier, 2>
// CHECK-NEXT: kernel.elect per_warp {
// CHECK-NEXT: %empty = kernel.slot_barrier %placed[%i] empty : !kernel.ring<4, mbarrier, 2>
// CHECK-NEXT: %parity = kernel.slot_parity %placed[%i] ahead 1 : !kernel.ring<4, mbarrier, 2>
// CHECK: %e = kernel.expr <2*N>
// CHECK: kernel.roles ["producer", "consumer"] warps [4, 8] registers [40, 232] {
// CHECK: kernel.acquire %r[%i] : !kernel.ring<4, mbarrier, 2>
// CHECK: %n = kernel.thread_id
// CHECK: %l = kernel.local : memref<8xf32, "local">
// CHECK: %s{{[_0-9]*}} = kernel.smem 16 : memref<64xf32, "shared">
// CHECK: kernel.ld_global %x[%n] to %l[%i] count 4 if %p : !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16>, memref<8xf32, "local">
// CHECK: kernel.cp_async %x[%n] to %s{{[_0-9]*}}[%i] count 4 if %p : !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16>, memref<64xf32, "shared">
// CHECK: kernel.ldmatrix %s{{[_0-9]*}}[%n] to %l[%i] count 4 transposed : memref<64xf32, "shared">, memref<8xf32, "local">
// CHECK: kernel.mma_sync "f16" %l[%i], %l[%i], %l[%i] : memref<8xf32, "local">, memref<8xf32, "local">, memref<8xf32, "local">
// CHECK: kernel.mbar_wait %i parity %j
// CHECK: kernel.mbar_arrive %i rank %j
// CHECK: kernel.wgmma "f16" n 128 swizzle 128 %l[%i], %i, %j : memref<8xf32, "local">
// CHECK: kernel.wgmma "f16" n 128 swizzle 128 %l[%i], registers %l : memref<8xf32, "local"> at %i, %j : memref<8xf32, "local">
// CHECK: kernel.wgmma_wait 0, %l : memref<8xf32, "local">
// CHECK: kernel.return

kernel.func @relu(%x: !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16>, %y: !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16>) grid <(N + 1023) floordiv 1024, 1, 1> warps 4 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %tile = arith.constant 1024 : index
  %first = arith.muli %i, %tile : index
  %xv = kernel.view %x dims <N, 7> strides <7, 1> offset <0> groups [array<i64>, array<i64: 0, 1>] : !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16> -> !kernel.view<2 x f32>
  %yv = kernel.view %y dims <N, 7> strides <7, 1> offset <0> groups [array<i64>, array<i64: 0, 1>] : !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.load %xv[%zero, %first] fill 0.0 : !kernel.view<2 x f32> -> !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>>
  %b = kernel.map(%a) : (!kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>>) -> !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>> {
  ^bb0(%s: f32):
    %c = arith.constant 0.0 : f32
    %t = arith.maximumf %s, %c : f32
    kernel.yield %t : f32
  }
  %m = kernel.reduce "max" %b : !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>> -> !kernel.frag<1xf32, #kernel.blocked<1, 128, 1, 8>, rows of 1024>
  kernel.store %b, %yv[%zero, %first] : !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>>, !kernel.view<2 x f32>
  %sm = kernel.alloc -> !kernel.shared<3x128x32xf16, swizzle 64>
  %sm2 = kernel.alloc over %sm : !kernel.shared<3x128x32xf16, swizzle 64> -> !kernel.shared<3x128x32xf16, swizzle 64>
  %r = kernel.ring -> !kernel.ring<4, mbarrier, 2>
  kernel.wait %r[%i] later 2 : !kernel.ring<4, mbarrier, 2>
  %placed = kernel.ring at 64 -> !kernel.ring<4, mbarrier, 2>
  kernel.elect {
    %full = kernel.slot_barrier %placed[%i] : !kernel.ring<4, mbarrier, 2>
    kernel.elect per_warp {
      %empty = kernel.slot_barrier %placed[%i] empty : !kernel.ring<4, mbarrier, 2>
      %parity = kernel.slot_parity %placed[%i] ahead 1 : !kernel.ring<4, mbarrier, 2>
    }
  }
  %e = kernel.expr <N * 2>
  kernel.roles ["producer", "consumer"] warps [4, 8] registers [40, 232] {
    kernel.acquire %r[%i] : !kernel.ring<4, mbarrier, 2>
  } {
    %n = kernel.thread_id
    %l = kernel.local : memref<8xf32, "local">
    %s = kernel.smem 16 : memref<64xf32, "shared">
    %p = arith.cmpi slt, %n, %i : index
    kernel.ld_global %x[%n] to %l[%i] count 4 if %p : !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16>, memref<8xf32, "local">
    kernel.cp_async %x[%n] to %s[%i] count 4 if %p : !kernel.global<dims <N, 7> x f32, strides <7, 1>, align 16>, memref<64xf32, "shared">
    kernel.ldmatrix %s[%n] to %l[%i] count 4 transposed : memref<64xf32, "shared">, memref<8xf32, "local">
    kernel.mma_sync "f16" %l[%i], %l[%i], %l[%i] : memref<8xf32, "local">, memref<8xf32, "local">, memref<8xf32, "local">
    kernel.mbar_wait %i parity %j
    kernel.mbar_arrive %i rank %j
    kernel.wgmma "f16" n 128 swizzle 128 %l[%i], %i, %j : memref<8xf32, "local">
    kernel.wgmma "f16" n 128 swizzle 128 %l[%i], registers %l : memref<8xf32, "local"> at %i, %j : memref<8xf32, "local">
    kernel.wgmma_wait 0, %l : memref<8xf32, "local">
  }
  kernel.return
}

// Floats that MLIR's bare literals cannot say are words.
// CHECK-LABEL: builtin.module
// CHECK-NEXT: kernel.fill -inf :
// CHECK-NEXT: kernel.fill inf :
// CHECK-NEXT: kernel.fill nan :
// CHECK-NEXT: kernel.fill -1.500000e+00 :
builtin.module {
  %0 = kernel.fill -inf : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %1 = kernel.fill inf : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %2 = kernel.fill nan : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %3 = kernel.fill -1.5 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
}

// -----

// The remainder of floats, in f32 and f64.
// CHECK: kernel.fmod %x, %y : f32
// CHECK-NEXT: kernel.fmod %z, %z : f64
func.func @scalars(%x: f32, %y: f32, %z: f64) {
  %0 = kernel.fmod %x, %y : f32
  %1 = kernel.fmod %z, %z : f64
  func.return
}
