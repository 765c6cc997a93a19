// RUN: trtc-opt %s -p place-shared-memory,expand-rings,lower-fragments --split-input-file --verify-diagnostics | filecheck %s

// Warps that share a row exchange their parts through scratch.
// CHECK: lower-fragments: kernel.reduce: expected scratch of rows x 4, since 4 warps share a row, got none
kernel.func @no_scratch(%x: !kernel.global<dims <7, 512> x f32, strides <512, 1>, align 16>) grid <7, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<1x512xf32, #kernel.blocked<1, 128, 1, 4>>
  %m = kernel.reduce "max" %a : !kernel.frag<1x512xf32, #kernel.blocked<1, 128, 1, 4>> -> !kernel.frag<1xf32, #kernel.blocked<1, 128, 1, 4>, rows of 512>
  kernel.return
}

// -----

// Rows must be shared by a power of two of lanes, or by whole warps.
// CHECK: lower-fragments: kernel.reduce: expected rows shared by a power of two of lanes or by whole warps, got
kernel.func @odd_lanes() grid <1, 1, 1> warps 3 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<2x48xf32, #kernel.blocked<2, 48, 1, 1>>
  %m = kernel.reduce "max" %a : !kernel.frag<2x48xf32, #kernel.blocked<2, 48, 1, 1>> -> !kernel.frag<2xf32, #kernel.blocked<2, 48, 1, 1>, rows of 48>
  kernel.return
}

// -----

// Threads that exchange elements need scratch.
// CHECK: lower-fragments: kernel.convert_layout: expected scratch to go from {{.*}}, since threads exchange elements, got none
kernel.func @no_way() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<64x32xf32, #kernel.mma_acc<2, 2>>
  %b = kernel.convert_layout %a : !kernel.frag<64x32xf32, #kernel.mma_acc<2, 2>> -> !kernel.frag<64x32xf32, #kernel.blocked<4, 32, 1, 1>>
  kernel.return
}

// -----

// Roles that need more warps than the block has.
// CHECK: lower-fragments: kernel.roles: expected roles of at most 4 warps, got 8
kernel.func @too_many() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  kernel.roles ["a", "b"] warps [4, 4] registers [0, 0] {
    kernel.barrier
  } {
    kernel.barrier
  }
  kernel.return
}

// -----

// A wait for a barrier that no kernel.slot_barrier names.
// CHECK: lower-fragments: kernel.mbar_wait: expected a barrier named by kernel.slot_barrier, got
kernel.func @unnamed() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  kernel.mbar_wait %i parity %j
  kernel.return
}
