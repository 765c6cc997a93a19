// RUN: trtc-opt %s | trtc-opt | filecheck %s

// Elements are read and written at computed places, and combined with what is there.
// CHECK-LABEL: kernel.func @places(
// CHECK: %e = kernel.fetch %v[%r, %c] fill -1.000000e+00 : !kernel.view<2 x f32> -> f32
// CHECK: kernel.scatter "set" %b, %v[%a, %a] : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>, !kernel.view<2 x f32>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
// CHECK: kernel.scatter "max" %b, %v[%a, %a] : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>, !kernel.view<2 x f32>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
// CHECK: kernel.atomic "add" %l[%i] to %x[%n] count 1 if %p : memref<8xf32, "local">, !kernel.global<dims <N> x f32, strides <1>, align 16>
kernel.func @places(%x: !kernel.global<dims <N> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %v = kernel.view %x dims <N> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <N> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.coord %i axis 1 : !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  %b = kernel.map(%a) : (!kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>) -> !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>> {
  ^bb0(%c: i32):
    %r = arith.constant 0 : i32
    %e = kernel.fetch %v[%r, %c] fill -1.0 : !kernel.view<2 x f32> -> f32
    kernel.yield %e : f32
  }
  kernel.scatter "set" %b, %v[%a, %a] : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>, !kernel.view<2 x f32>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  kernel.scatter "max" %b, %v[%a, %a] : !kernel.frag<1x128xf32, #kernel.blocked<1, 128, 1, 1>>, !kernel.view<2 x f32>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>, !kernel.frag<1x128xi32, #kernel.blocked<1, 128, 1, 1>>
  %n = kernel.thread_id
  %p = arith.cmpi ult, %n, %i : index
  %l = kernel.local : memref<8xf32, "local">
  kernel.atomic "add" %l[%i] to %x[%n] count 1 if %p : memref<8xf32, "local">, !kernel.global<dims <N> x f32, strides <1>, align 16>
  kernel.return
}
