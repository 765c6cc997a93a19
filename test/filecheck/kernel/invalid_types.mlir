// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A grid has three extents.
// CHECK: kernel.func @f: expected a grid of three extents, got 2
kernel.func @f() grid <1, 1> warps 4 coords(%i, %j, %k) {
  kernel.return
}

// -----

// A block has 32 warps at most.
// CHECK: kernel.func @f: expected 1 to 32 warps, got 33
kernel.func @f() grid <1, 1, 1> warps 33 coords(%i, %j, %k) {
  kernel.return
}

// -----

// A kernel takes global tensors.
// CHECK: kernel.func @f: expected a !kernel.global argument, got f32
kernel.func @f(%x: f32) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  kernel.return
}

// -----

// A tensor has a stride per extent.
// CHECK: expected one stride per extent, got 1 strides for 2 extents
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  kernel.return
}

// -----

// A view has rows and columns.
// CHECK: expected at least two coordinates (row, column), got 1
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <8, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<1 x f32>
  kernel.return
}

// -----

// A shared tile has rows and columns, and stages at most.
// CHECK: expected rows x columns or stages x rows x columns, got 1 extents
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %s = kernel.alloc -> !kernel.shared<32xf16>
  kernel.return
}

// -----

// A swizzle that TMA knows.
// CHECK: expected a swizzle of {{.*}} bytes, got 48
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %s = kernel.alloc -> !kernel.shared<4x24xf16, swizzle 48>
  kernel.return
}

// -----

// A fragment is rows, or rows and columns.
// CHECK: expected one or two extents, got 3
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<1x4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  kernel.return
}

// -----

// A ring of a known kind.
// CHECK: expected a ring of kind cp_async or mbarrier, got 'event'
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %r = kernel.ring -> !kernel.ring<4, event>
  kernel.return
}

// -----

// A ring without stages.
// CHECK: kernel.ring: expected at least one stage and one consumer, got
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %r = kernel.ring -> !kernel.ring<0, mbarrier>
  kernel.return
}

// -----

// A kernel has three coordinates, which only the generic form can leave out.
// CHECK: kernel.func @f: expected three coordinates as its last arguments, got 1
"kernel.func"() <{sym_name = "f", grid = #nn.dims<1, 1, 1>, warps = 4 : i64, cluster = 1 : i64, smem = 0 : i64, min_blocks = 0 : i64}> ({
^bb0(%i: index):
  "kernel.return"() : () -> ()
}) : () -> ()

// -----

// They are indices.
// CHECK: kernel.func @f: expected coordinates of type index, got i64
"kernel.func"() <{sym_name = "f", grid = #nn.dims<1, 1, 1>, warps = 4 : i64, cluster = 1 : i64, smem = 0 : i64, min_blocks = 0 : i64}> ({
^bb0(%i: index, %j: index, %k: i64):
  "kernel.return"() : () -> ()
}) : () -> ()

// -----

// A layout repeats at least once.
// CHECK: kernel.blocked: expected {{.*}} of 1 or more, got [4, 32, 0, 2]
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 0, 2>>
  kernel.return
}
