// RUN: trtc-opt %s -p place-shared-memory,expand-rings,lower-fragments --split-input-file | filecheck %s

// A static size: vectors of four without predicates, one loop over registers for the map, in place.
// CHECK-LABEL: kernel.func @relu
// CHECK-NEXT: [[T:%.*]] = kernel.thread_id
// CHECK-NEXT: [[A:%.*]] = kernel.local : memref<8xf32, "local">
// CHECK: [[FOUR:%.*]] = arith.constant 4 : index
// CHECK: scf.for [[R:%.*]] = {{.*}} {
// CHECK: [[P:%.*]] = arith.muli [[R]], [[FOUR]] : index
// CHECK-NEXT: kernel.ld_global %x[{{.*}}] to [[A]][[[P]]] count 4 : {{.*}}
// CHECK-NEXT: } {unroll}
// CHECK: scf.for
// CHECK-NEXT: [[V:%.*]] = memref.load [[A]]
// CHECK: [[M:%.*]] = arith.maximumf [[V]]
// CHECK-NEXT: memref.store [[M]], [[A]]
// CHECK-NEXT: } {unroll}
// CHECK: kernel.st_global [[A]][{{.*}}] to %y[{{.*}}] count 4 : {{.*}}
// CHECK-NOT: kernel.view
// CHECK: kernel.return
kernel.func @relu(%x: !kernel.global<dims <4096> x f32, strides <1>, align 16>, %y: !kernel.global<dims <4096> x f32, strides <1>, align 16>) grid <4, 1, 1> warps 4 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %tile = arith.constant 1024 : index
  %first = arith.muli %i, %tile : index
  %xv = kernel.view %x dims <4096> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <4096> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %yv = kernel.view %y dims <4096> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <4096> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %a = kernel.load %xv[%zero, %first] fill 0.0 : !kernel.view<2 x f32> -> !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 4>>
  %b = kernel.map(%a) : (!kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 4>>) -> !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 4>> {
  ^bb0(%s: f32):
    %c = arith.constant 0.0 : f32
    %t = arith.maximumf %s, %c : f32
    kernel.yield %t : f32
  }
  kernel.store %b, %yv[%zero, %first] : !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 4>>, !kernel.view<2 x f32>
  kernel.return
}

// -----

// A dynamic size becomes a parameter. A transposed view is divided up only at its strides' border (columns of 5 * 4, not of 1 * 4): one
// predicate for each vector of four, the fill before it.
// CHECK-LABEL: kernel.func @copy
// CHECK-SAME: params(N) coords
// CHECK-DAG: [[N:%.*]] = kernel.param "N"
// CHECK-DAG: [[FILL:%.*]] = arith.truncf {{.*}} : f32 to f16
// CHECK: scf.for
// CHECK: [[INSIDE:%.*]] = arith.cmpi ult
// CHECK: arith.remui
// CHECK: arith.divui
// CHECK-NOT: arith.divui
// CHECK: scf.for
// CHECK: memref.store [[FILL]]
// CHECK: kernel.ld_global %x[{{.*}}] to {{.*}} count 4 if [[INSIDE]] :
// CHECK: kernel.st_global {{.*}} to %y[{{.*}}] count 4 if {{.*}}
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 64>}} {
  kernel.func @copy(%x: !kernel.global<dims <5, 4*N> x f16, strides <4*N, 1>, align 16>, %y: !kernel.global<dims <N, 5, 4> x f16, strides <20, 4, 1>, align 16>) grid <(20*N + 1023) floordiv 1024, 1, 1> warps 4 coords(%i, %j, %k) {
    %zero = arith.constant 0 : index
    %tile = arith.constant 1024 : index
    %first = arith.muli %i, %tile : index
    %xv = kernel.view %x dims <N, 5, 4> strides <4, 4*N, 1> offset <0> groups [array<i64>, array<i64: 0, 1, 2>] : !kernel.global<dims <5, 4*N> x f16, strides <4*N, 1>, align 16> -> !kernel.view<2 x f16>
    %yv = kernel.view %y dims <N, 5, 4> strides <20, 4, 1> offset <0> groups [array<i64>, array<i64: 0, 1, 2>] : !kernel.global<dims <N, 5, 4> x f16, strides <20, 4, 1>, align 16> -> !kernel.view<2 x f16>
    %a = kernel.load %xv[%zero, %first] fill 1.0 : !kernel.view<2 x f16> -> !kernel.frag<1x1024xf16, #kernel.blocked<1, 128, 1, 8>>
    kernel.store %a, %yv[%zero, %first] : !kernel.frag<1x1024xf16, #kernel.blocked<1, 128, 1, 8>>, !kernel.view<2 x f16>
    kernel.return
  }
}

// -----

// Four warps share a row: registers, then lanes, then a column of scratch for each warp and a barrier. One thread stores the row's value.
// CHECK-LABEL: kernel.func @row_max
// CHECK-SAME: smem 16 coords
// CHECK: [[S:%.*]] = kernel.smem 0 : memref<4xf32, "shared">
// CHECK: arith.maximumf
// CHECK: kernel.shuffle_xor {{.*}} mask 1
// CHECK: kernel.shuffle_xor {{.*}} mask 16
// CHECK-NOT: kernel.bar_sync
// CHECK: kernel.st_shared {{.*}} to [[S]][{{.*}}] count 1 if
// CHECK: kernel.bar_sync 0 threads 128
// CHECK: kernel.ld_shared [[S]][{{.*}}] to {{.*}} count 4 :
// CHECK: arith.maximumf
// CHECK: kernel.st_global {{.*}} to %y[{{.*}}] count 1 if
kernel.func @row_max(%x: !kernel.global<dims <7, 512> x f32, strides <512, 1>, align 16>, %y: !kernel.global<dims <7, 1> x f32, strides <1, 1>, align 4>) grid <7, 1, 1> warps 4 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %xv = kernel.view %x dims <7, 512> strides <512, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <7, 512> x f32, strides <512, 1>, align 16> -> !kernel.view<2 x f32>
  %yv = kernel.view %y dims <7, 1> strides <1, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <7, 1> x f32, strides <1, 1>, align 4> -> !kernel.view<2 x f32>
  %scratch = kernel.alloc -> !kernel.shared<1x4xf32>
  %a = kernel.load %xv[%i, %zero] fill 0.0 : !kernel.view<2 x f32> -> !kernel.frag<1x512xf32, #kernel.blocked<1, 128, 1, 4>>
  %m = kernel.reduce "max" %a through %scratch : !kernel.shared<1x4xf32> : !kernel.frag<1x512xf32, #kernel.blocked<1, 128, 1, 4>> -> !kernel.frag<1xf32, #kernel.blocked<1, 128, 1, 4>, rows of 512>
  kernel.store %m, %yv[%i, %zero] : !kernel.frag<1xf32, #kernel.blocked<1, 128, 1, 4>, rows of 512>, !kernel.view<2 x f32>
  kernel.return
}

// -----

// Names for readers: a tile keeps its own; places in memory, what lies inside, and a warp's lanes get one from their use.
// CHECK-LABEL: kernel.func @named
// CHECK: %warp = arith.divui %thread
// CHECK: %lane = arith.remui %thread
// CHECK: %inside = arith.andi
// CHECK: kernel.ld_global %x[%x_at{{(_[0-9]+)?}}] to %x_tile[{{.*}}] count 1 if %inside
kernel.func @named(%x: !kernel.global<dims <3, N> x f32, strides <N, 1>, align 16>, %y: !kernel.global<dims <3> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %xv = kernel.view %x dims <3, N> strides <N, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <3, N> x f32, strides <N, 1>, align 16> -> !kernel.view<2 x f32>
  %yv = kernel.view %y dims <3> strides <1> offset <0> groups [array<i64: 0>, array<i64>] : !kernel.global<dims <3> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %x_tile = kernel.load %xv[%zero, %zero] fill 0.0 : !kernel.view<2 x f32> -> !kernel.frag<4x32xf32, #kernel.blocked<4, 32, 1, 1>>
  %r = kernel.reduce "sum" %x_tile : !kernel.frag<4x32xf32, #kernel.blocked<4, 32, 1, 1>> -> !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 1>, rows of 32>
  kernel.store %r, %yv[%zero, %zero] : !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 1>, rows of 32>, !kernel.view<2 x f32>
  kernel.return
}
