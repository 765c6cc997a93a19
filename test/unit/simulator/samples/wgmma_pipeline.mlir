// y [64, 64] = a [64, 256] b [64, 256]^T in f16: a producer warp fills a ring of two stages by TMA, a warpgroup multiplies by wgmma and
// stores its tile through shared memory by TMA. Lines that end in a tag keep one rule each; tests remove them.
// Shared memory: stage s of A at 16384 s, of B at 16384 s + 8192; full barriers at 32768 + 8 s, empty ones at 32784 + 8 s.
!g = !kernel.global<dims <64, 256> x f16, strides <256, 1>, align 16>
!out = !kernel.global<dims <64, 64> x f16, strides <64, 1>, align 16>
!map = !kernel.tensor_map<64x64xf16, swizzle 128>
kernel.func @pipeline(%a: !g, %b: !g, %y: !out) grid <1, 1, 1> warps 5 smem 33024 coords(%i, %j, %k) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %stage_bytes = arith.constant 16384 : index
  %b_tile = arith.constant 8192 : index
  %full0 = arith.constant 32768 : index
  %full1 = arith.constant 32776 : index
  %empty0 = arith.constant 32784 : index
  %empty1 = arith.constant 32792 : index
  %zero = arith.constant 0.0 : f32
  %a_view = kernel.view %a dims <64, 256> strides <256, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !g -> !kernel.view<2 x f16>
  %b_view = kernel.view %b dims <64, 256> strides <256, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !g -> !kernel.view<2 x f16>
  %y_view = kernel.view %y dims <64, 64> strides <64, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !out -> !kernel.view<2 x f16>
  %a_map = kernel.tensor_map %a_view : !kernel.view<2 x f16> -> !map
  %b_map = kernel.tensor_map %b_view : !kernel.view<2 x f16> -> !map
  %y_map = kernel.tensor_map %y_view : !kernel.view<2 x f16> -> !map
  %t = kernel.thread_id
  %first = arith.cmpi eq, %t, %c0 : index
  scf.if %first {
    kernel.mbar_init %full0 count 1
    kernel.mbar_init %full1 count 1
    kernel.mbar_init %empty0 count 1
    kernel.mbar_init %empty1 count 1
    kernel.mbar_init_fence // @init_fence
  }
  kernel.bar_sync 0 threads 160 // @init_barrier
  %is_consumer = arith.cmpi slt, %t, %c128 : index
  scf.if %is_consumer {
    %acc = kernel.local : memref<32xf32, "local">
    scf.for %r = %c0 to %c32 step %c1 {
      memref.store %zero, %acc[%r] : memref<32xf32, "local">
    } {unroll}
    scf.for %p = %c0 to %c4 step %c1 {
      %slot = arith.remui %p, %c2 : index
      %turn = arith.divui %p, %c2 : index
      %parity = arith.remui %turn, %c2 : index
      %eight = arith.muli %slot, %c8 : index
      %full = arith.addi %full0, %eight : index
      %empty = arith.addi %empty0, %eight : index
      %a_at = arith.muli %slot, %stage_bytes : index
      %b_at = arith.addi %a_at, %b_tile : index
      kernel.mbar_wait %full parity %parity // @full_wait
      kernel.wgmma_fence // @wgmma_fence
      scf.for %step = %c0 to %c128 step %c32 {
        %a_step = arith.addi %a_at, %step : index
        %b_step = arith.addi %b_at, %step : index
        kernel.wgmma "f16" n 64 swizzle 128 %acc[%c0], %a_step, %b_step : memref<32xf32, "local">
      } {unroll}
      kernel.wgmma_commit
      kernel.wgmma_wait 0, %acc : memref<32xf32, "local"> // @wgmma_wait
      kernel.bar_sync 1 threads 128 // @role_barrier
      scf.if %first {
        kernel.mbar_arrive %empty
      }
    }
    %tile = kernel.smem 0 : memref<4096xf16, "shared">
    %pair = kernel.local : memref<2xf16, "local">
    %warp = arith.divui %t, %c32 : index
    %lane = arith.remui %t, %c32 : index
    %lane_row = arith.divui %lane, %c4 : index
    %lane_column = arith.remui %lane, %c4 : index
    %column0 = arith.muli %lane_column, %c2 : index
    %row0 = arith.muli %warp, %c16 : index
    %row1 = arith.addi %row0, %lane_row : index
    scf.for %r = %c0 to %c32 step %c2 {
      scf.for %e = %c0 to %c2 step %c1 {
        %at = arith.addi %r, %e : index
        %v = memref.load %acc[%at] : memref<32xf32, "local">
        %h = arith.truncf %v : f32 to f16
        memref.store %h, %pair[%e] : memref<2xf16, "local">
      } {unroll}
      %half = arith.divui %r, %c2 : index
      %low = arith.remui %half, %c2 : index
      %eighth = arith.muli %low, %c8 : index
      %row = arith.addi %row1, %eighth : index
      %n_tile = arith.divui %r, %c4 : index
      %n0 = arith.muli %n_tile, %c8 : index
      %column = arith.addi %n0, %column0 : index
      %row_start = arith.muli %row, %c64 : index
      %plain = arith.addi %row_start, %column : index
      %line = arith.remui %row, %c8 : index
      %flip = arith.muli %line, %c8 : index
      %swizzled = arith.xori %plain, %flip : index
      kernel.st_shared %pair[%c0] to %tile[%swizzled] count 2 : memref<2xf16, "local">, memref<4096xf16, "shared">
    } {unroll}
    kernel.fence_proxy_async // @store_fence
    kernel.bar_sync 1 threads 128 // @store_barrier
    scf.if %first {
      kernel.tma_store %c0 to %y_map[%c0, %c0] : !map
      kernel.bulk_commit
      kernel.bulk_wait 0 // @bulk_wait
    }
  } else {
    %leader = arith.cmpi eq, %t, %c128 : index
    scf.if %leader {
      scf.for %p = %c0 to %c4 step %c1 {
        %slot = arith.remui %p, %c2 : index
        %turn = arith.divui %p, %c2 : index
        %next = arith.addi %turn, %c1 : index
        %parity = arith.remui %next, %c2 : index
        %eight = arith.muli %slot, %c8 : index
        %full = arith.addi %full0, %eight : index
        %empty = arith.addi %empty0, %eight : index
        %a_at = arith.muli %slot, %stage_bytes : index
        %b_at = arith.addi %a_at, %b_tile : index
        %column = arith.muli %p, %c64 : index
        kernel.mbar_wait %empty parity %parity // @empty_wait
        kernel.mbar_expect %full bytes 16384
        kernel.tma_load %a_map[%column, %c0] to %a_at barrier %full : !map
        kernel.tma_load %b_map[%column, %c0] to %b_at barrier %full : !map
      }
    }
  }
  kernel.return
}
