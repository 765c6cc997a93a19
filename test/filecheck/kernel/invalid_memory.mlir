// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A view has a stride per dimension.
// CHECK: kernel.view: expected 2 strides, got 1
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<2 x f32>
  kernel.return
}

// -----

// A view has a coordinate per group.
// CHECK: kernel.view: expected one group per coordinate, got 2
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <8, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<3 x f32>
  kernel.return
}

// -----

// An image has a batch, spatial dims and channels.
// CHECK: kernel.im2col: expected a tensor N, H, W, C, got 2 dimensions
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.im2col %x out <4, 4> kernel [1, 1] strides [1, 1] pads [0, 0] dilations [1, 1] groups 1 : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<3 x f32>
  kernel.return
}

// -----

// Its windows give rows and columns.
// CHECK: kernel.im2col: expected 2 output extents, got 1
kernel.func @f(%x: !kernel.global<dims <1, 4, 4, 8> x f32, strides <128, 32, 8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.im2col %x out <4> kernel [1, 1] strides [1, 1] pads [0, 0] dilations [1, 1] groups 1 : !kernel.global<dims <1, 4, 4, 8> x f32, strides <128, 32, 8, 1>, align 16> -> !kernel.view<3 x f32>
  kernel.return
}

// -----

// A window has a size in each spatial dim.
// CHECK: kernel.im2col: expected 2 values (one per spatial dim) per attribute, got 1
kernel.func @f(%x: !kernel.global<dims <1, 4, 4, 8> x f32, strides <128, 32, 8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.im2col %x out <4, 4> kernel [1] strides [1, 1] pads [0, 0] dilations [1, 1] groups 1 : !kernel.global<dims <1, 4, 4, 8> x f32, strides <128, 32, 8, 1>, align 16> -> !kernel.view<3 x f32>
  kernel.return
}

// -----

// A load keeps the element type.
// CHECK: kernel.load: expected elements of f32, got f16
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <8, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.load %v[%i, %j] fill 0.0 : !kernel.view<2 x f32> -> !kernel.frag<4x64xf16, #kernel.blocked<4, 32, 1, 2>>
  kernel.return
}

// -----

// An asynchronous load has a coordinate per group.
// CHECK: kernel.load_async: expected 2 coordinates, got 1
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <8, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<2 x f32>
  %s = kernel.alloc -> !kernel.shared<4x8xf32>
  kernel.load_async %v[%i] to %s : !kernel.view<2 x f32>, !kernel.shared<4x8xf32>
  kernel.return
}

// -----

// A view is made by an op, whose strides an access needs.
// CHECK: kernel.load: expected a view made by kernel.view or kernel.im2col, got
kernel.func @f(%x: !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <4, 8> strides <8, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4, 8> x f32, strides <8, 1>, align 16> -> !kernel.view<2 x f32>
  %r = scf.for %n = %i to %j step %k iter_args(%w = %v) -> (!kernel.view<2 x f32>) {
    %a = kernel.load %w[%i, %j] fill 0.0 : !kernel.view<2 x f32> -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
    scf.yield %w : !kernel.view<2 x f32>
  }
  kernel.return
}

// -----

// A fetch has a coordinate per group of the view.
// CHECK: kernel.fetch: expected 2 coordinates, got 1
kernel.func @f(%x: !kernel.global<dims <8> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <8> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <8> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.coord %i axis 1 : !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  %b = kernel.map(%a) : (!kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>) -> !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>> {
  ^bb0(%c: i32):
    %e = kernel.fetch %v[%c] fill 0.0 : !kernel.view<2 x f32> -> f32
    kernel.yield %e : f32
  }
  kernel.return
}

// -----

// A scatter says what becomes of an element that is there.
// CHECK: kernel.scatter: expected a kind among set, add, mul, max, min, got sub
kernel.func @f(%x: !kernel.global<dims <8> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <8> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <8> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.coord %i axis 1 : !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  %b = kernel.fill 0.0 : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>
  kernel.scatter "sub" %b, %v[%a, %a] : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>, !kernel.view<2 x f32>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  kernel.return
}

// -----

// Places are i32, one for each element.
// CHECK: kernel.scatter: expected !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>, got !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>
kernel.func @f(%x: !kernel.global<dims <8> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <8> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <8> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.coord %i axis 1 : !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  %b = kernel.fill 0.0 : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>
  kernel.scatter "set" %b, %v[%a, %b] : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>, !kernel.view<2 x f32>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>, !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>
  kernel.return
}

// -----

// A fetch keeps the element type.
// CHECK: kernel.fetch: expected a result of f32, got f16
kernel.func @f(%x: !kernel.global<dims <8> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <8> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <8> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.coord %i axis 1 : !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  %b = kernel.map(%a) : (!kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>) -> !kernel.frag<1x128xf16, #kernel.blocked<1, 128, 1, 1>> {
  ^bb0(%c: i32):
    %e = kernel.fetch %v[%c, %c] fill 0.0 : !kernel.view<2 x f32> -> f16
    kernel.yield %e : f16
  }
  kernel.return
}

// -----

// A scatter has a place per group of the view.
// CHECK: kernel.scatter: expected 2 places, got 1
kernel.func @f(%x: !kernel.global<dims <8> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <8> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <8> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.coord %i axis 1 : !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  %b = kernel.fill 0.0 : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>
  kernel.scatter "set" %b, %v[%a] : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>, !kernel.view<2 x f32>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  kernel.return
}

// -----

// A scatter keeps the element type.
// CHECK: kernel.scatter: expected elements of f32, got f16
kernel.func @f(%x: !kernel.global<dims <8> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <8> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <8> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.coord %i axis 1 : !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  %b = kernel.fill 0.0 : !kernel.frag<1x128xf16, #kernel.blocked<1, 128, 1, 1>>
  kernel.scatter "set" %b, %v[%a, %a] : !kernel.frag<1x128xf16, #kernel.blocked<1, 128, 1, 1>>, !kernel.view<2 x f32>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  kernel.return
}
