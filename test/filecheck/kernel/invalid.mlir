// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A view must give each dimension to exactly one coordinate.
// CHECK: kernel.view: expected groups that use dimensions 0 to 1 once, got [0]
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <8, 1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<2 x f32>
  kernel.return
}

// -----

// A load has one coordinate per group of its view.
// CHECK: kernel.load: expected 2 coordinates, got 1
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <8, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.load %v[%i] fill 0.0 : !kernel.view<2 x f32> -> !kernel.frag<4x32xf32, #kernel.blocked<4, 32, 1, 1>>
  kernel.return
}

// -----

// A tile must be divisible by what its layout repeats.
// CHECK: expected a shape divisible by 32x16 for #kernel.mma_acc<2, 2>, got 32x24
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<32x24xf32, #kernel.mma_acc<2, 2>>
  kernel.return
}

// -----

// The operands of a product agree on K.
// CHECK: kernel.mma: expected A 32xK and B 16xK, got 32x16 and 16x32
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<32x16xf16, #kernel.mma_a<2, 2, 2>>
  %b = kernel.fill 0.0 : !kernel.frag<16x32xf16, #kernel.mma_b<2, 2, 2>>
  %c = kernel.fill 0.0 : !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>>
  %d = kernel.mma %a, %b, %c : !kernel.frag<32x16xf16, #kernel.mma_a<2, 2, 2>>, !kernel.frag<16x32xf16, #kernel.mma_b<2, 2, 2>>, !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>> -> !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>>
  kernel.return
}

// -----

// A swizzled tile has rows of whole swizzle lines.
// CHECK: expected unpadded rows of a multiple of 128 bytes for this swizzle, got 64
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.alloc -> !kernel.shared<64x32xf16, swizzle 128>
  kernel.return
}

// -----

// Roles come with one number of warps each.
// CHECK: kernel.roles: expected 1 entries, one per region, got 2
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  kernel.roles ["producer"] warps [4, 8] registers [0] {
    kernel.barrier
  }
  kernel.return
}

// -----

// An asynchronous copy may round to narrower floats, nothing else.
// CHECK: kernel.load_async: expected a tile of f16 or of narrower floats, got f32
kernel.func @f(%x: !kernel.global<dims <4, 8> x f16, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <8, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4, 8> x f16, strides <8, 1>, align 16> -> !kernel.view<2 x f16>
  %s = kernel.alloc -> !kernel.shared<4x8xf32>
  kernel.load_async %v[%i, %j] to %s : !kernel.view<2 x f16>, !kernel.shared<4x8xf32>
  kernel.return
}

// -----

// TMA walks tensors that start at multiples of 16 bytes.
// CHECK: kernel.tensor_map: expected a tensor aligned to 16 bytes, got one aligned to 8
kernel.func @f(%x: !kernel.global<dims <64, 64> x f16, strides <64, 1>, align 8>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <64, 64> strides <64, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <64, 64> x f16, strides <64, 1>, align 8> -> !kernel.view<2 x f16>
  %m = kernel.tensor_map %v : !kernel.view<2 x f16> -> !kernel.tensor_map<64x64xf16, swizzle 128>
  kernel.return
}

// -----

// TMA walks views that start at multiples of 16 bytes.
// CHECK: kernel.tensor_map: expected an offset of a multiple of 16 bytes, got 8
kernel.func @f(%x: !kernel.global<dims <64, 64> x f16, strides <64, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <64, 32> strides <64, 1> offset <4> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <64, 64> x f16, strides <64, 1>, align 16> -> !kernel.view<2 x f16>
  %m = kernel.tensor_map %v : !kernel.view<2 x f16> -> !kernel.tensor_map<64x32xf16, swizzle 64>
  kernel.return
}

// -----

// f16 exists in memory only, and integers have a remainder of their own.
// CHECK: Unexpected attribute f16
func.func @scalars(%x: f16) {
  %0 = kernel.fmod %x, %x : f16
  func.return
}

// -----

// Only mbarriers have a place in memory and a parity.
// CHECK: kernel.slot_barrier: ring: expected one of mbarriers, got
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %r = kernel.ring -> !kernel.ring<4, cp_async>
  %b = kernel.slot_barrier %r[%i] : !kernel.ring<4, cp_async>
  kernel.return
}
