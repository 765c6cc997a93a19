// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A reduction of a known kind.
// CHECK: kernel.reduce: expected a kind among {{.*}}, got mean
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %m = kernel.reduce "mean" %a : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>
  kernel.return
}

// -----

// A reduction gives one value per row.
// CHECK: kernel.reduce: expected !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>, got !kernel.frag<4x64xf32
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %m = kernel.reduce "max" %a : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  kernel.return
}

// -----

// A product of fragments or shared tiles.
// CHECK: kernel.mma: expected fragments or shared tiles, got f32
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = arith.constant 0.0 : f32
  %c = kernel.fill 0.0 : !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>>
  %d = kernel.mma %a, %a, %c : f32, f32, !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>> -> !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>>
  kernel.return
}

// -----

// A product of one type.
// CHECK: kernel.mma: expected operands of one type, f16, got bf16
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<32x16xf16, #kernel.mma_a<2, 2, 2>>
  %b = kernel.fill 0.0 : !kernel.frag<16x16xbf16, #kernel.mma_b<2, 2, 2>>
  %c = kernel.fill 0.0 : !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>>
  %d = kernel.mma %a, %b, %c : !kernel.frag<32x16xf16, #kernel.mma_a<2, 2, 2>>, !kernel.frag<16x16xbf16, #kernel.mma_b<2, 2, 2>>, !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>> -> !kernel.frag<32x16xf32, #kernel.mma_acc<2, 2>>
  kernel.return
}

// -----

// Columns keep rows and layout.
// CHECK: kernel.columns: expected rows and layout of {{.*}}, got !kernel.frag<4x64xf32, #kernel.blocked<2, 64, 2, 1>>
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %c = kernel.columns %a from 0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4x64xf32, #kernel.blocked<2, 64, 2, 1>>
  kernel.return
}

// -----

// Columns start where a thread holds whole pieces.
// CHECK: kernel.columns: expected a first column divisible by 64, got 1
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %c = kernel.columns %a from 1 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  kernel.return
}

// -----

// Another layout of the same tile.
// CHECK: kernel.convert_layout: expected a tile like !kernel.frag<4x64xf32, {{.*}}>, got !kernel.frag<4x64xf16
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %c = kernel.convert_layout %a : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4x64xf16, #kernel.blocked<4, 32, 1, 2>>
  kernel.return
}
