// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A map has one block argument per operand.
// CHECK: kernel.map: expected 1 block arguments, got 2
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %b = kernel.map(%a) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
  ^bb0(%s: f32, %t: f32):
    kernel.yield %s : f32
  }
  kernel.return
}

// -----

// Its block arguments are elements of the operands.
// CHECK: kernel.map: expected a block argument of f32, got f16
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %b = kernel.map(%a) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
  ^bb0(%s: f16):
    %t = arith.constant 0.0 : f32
    kernel.yield %t : f32
  }
  kernel.return
}

// -----

// It yields one value per result.
// CHECK: kernel.map: expected 1 yielded values, got 2
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %b = kernel.map(%a) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
  ^bb0(%s: f32):
    kernel.yield %s, %s : f32, f32
  }
  kernel.return
}

// -----

// It yields elements of the results.
// CHECK: kernel.map: expected a yielded f16, got f32
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
  %b = kernel.map(%a) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>) -> !kernel.frag<4x64xf16, #kernel.blocked<4, 32, 1, 2>> {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  }
  kernel.return
}

// -----

// One layout for all.
// CHECK: kernel.map: expected fragments laid out as !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>, got !kernel.frag<4x64xf32, #kernel.blocked<2, 64, 2, 1>>
kernel.func @f() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %a = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<2, 64, 2, 1>>
  %b = kernel.map(%a) : (!kernel.frag<4x64xf32, #kernel.blocked<2, 64, 2, 1>>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  }
  kernel.return
}
