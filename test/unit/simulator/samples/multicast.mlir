// y [2, 4096] gets x [2, 4096] summed over its two rows by each block of a cluster: each row is a fill of two 4096-byte halves, each loaded
// by one block and multicast to both. Tagged lines keep one rule each.
// Shared memory: the tile [64, 64] f16 at 0, the full barrier at 8192, the empty one at 8200.
!x = !kernel.global<dims <128, 64> x f16, strides <64, 1>, align 16>
!y = !kernel.global<dims <2, 4096> x f16, strides <4096, 1>, align 16>
!map = !kernel.tensor_map<32x64xf16>
kernel.func @multicast(%x: !x, %y: !y) grid <2, 1, 1> warps 1 cluster 2 smem 8208 coords(%i, %j, %k) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c4096 = arith.constant 4096 : index
  %full = arith.constant 8192 : index
  %empty = arith.constant 8200 : index
  %zero = arith.constant 0.0 : f32
  %view = kernel.view %x dims <128, 64> strides <64, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !x -> !kernel.view<2 x f16>
  %map = kernel.tensor_map %view : !kernel.view<2 x f16> -> !map
  %t = kernel.thread_id
  %first = arith.cmpi eq, %t, %c0 : index
  scf.if %first {
    kernel.mbar_init %full count 1
    kernel.mbar_init %empty count 2
    kernel.mbar_init_fence // @init_fence
  }
  kernel.cluster_sync // @cluster_sync
  %rank = kernel.cluster_rank
  %tile = kernel.smem 0 : memref<4096xf16, "shared">
  %sum = kernel.local : memref<128xf32, "local">
  %v = kernel.local : memref<8xf16, "local">
  scf.for %r = %c0 to %c128 step %c1 {
    memref.store %zero, %sum[%r] : memref<128xf32, "local">
  } {unroll}
  %mine = arith.muli %t, %c8 : index
  %target = arith.muli %rank, %c4096 : index
  %half_row = arith.muli %rank, %c32 : index
  scf.for %p = %c0 to %c2 step %c1 {
    %parity = arith.remui %p, %c2 : index
    %other = arith.subi %c1, %parity : index
    %row = arith.muli %p, %c64 : index
    %from = arith.addi %row, %half_row : index
    scf.if %first {
      kernel.mbar_wait %empty parity %other // @empty_wait
      kernel.mbar_expect %full bytes 8192
      kernel.tma_load %map[%c0, %from] to %target barrier %full multicast 3 : !map
    }
    kernel.mbar_wait %full parity %parity // @full_wait
    scf.for %q = %c0 to %c128 step %c8 {
      %step = arith.muli %q, %c32 : index
      %at = arith.addi %step, %mine : index
      kernel.ld_shared %tile[%at] to %v[%c0] count 8 : memref<4096xf16, "shared">, memref<8xf16, "local">
      scf.for %e = %c0 to %c8 step %c1 {
        %n = arith.addi %q, %e : index
        %old = memref.load %sum[%n] : memref<128xf32, "local">
        %h = memref.load %v[%e] : memref<8xf16, "local">
        %wide = arith.extf %h : f16 to f32
        %new = arith.addf %old, %wide : f32
        memref.store %new, %sum[%n] : memref<128xf32, "local">
      } {unroll}
    } {unroll}
    kernel.bar_sync 0 threads 32
    scf.if %first {
      kernel.mbar_arrive %empty rank %c0 // @arrive_0
      kernel.mbar_arrive %empty rank %c1 // @arrive_1
    }
  }
  %block = arith.muli %i, %c4096 : index
  scf.for %q = %c0 to %c128 step %c8 {
    scf.for %e = %c0 to %c8 step %c1 {
      %n = arith.addi %q, %e : index
      %s = memref.load %sum[%n] : memref<128xf32, "local">
      %h = arith.truncf %s : f32 to f16
      memref.store %h, %v[%e] : memref<8xf16, "local">
    } {unroll}
    %step = arith.muli %q, %c32 : index
    %at = arith.addi %step, %mine : index
    %to = arith.addi %at, %block : index
    kernel.st_global %v[%c0] to %y[%to] count 8 : memref<8xf16, "local">, !y
  } {unroll}
  kernel.cluster_sync // @last_sync
  kernel.return
}
