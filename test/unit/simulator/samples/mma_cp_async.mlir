// y [M, 8] = a [M, 64] b [8, 64]^T, M up to 32, f16 in, f32 out: two warps, cp.async, ldmatrix, mma.sync, one stage.
// Shared memory: A [32, 16] at 0, B [8, 16] at 1024. Rows of A from M on are zero-filled. Tagged lines keep one rule each.
!a = !kernel.global<dims <M, 64> x f16, strides <64, 1>, align 16>
!b = !kernel.global<dims <8, 64> x f16, strides <64, 1>, align 16>
!y = !kernel.global<dims <M, 8> x f32, strides <8, 1>, align 16>
kernel.func @mma(%a: !a, %b: !b, %y: !y) grid <1, 1, 1> warps 2 smem 1280 params(M) coords(%i, %j, %k) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %m = kernel.param "M"
  %t = kernel.thread_id
  %sa = kernel.smem 0 : memref<512xf16, "shared">
  %sb = kernel.smem 1024 : memref<128xf16, "shared">
  %fa = kernel.local : memref<8xf16, "local">
  %fb = kernel.local : memref<4xf16, "local">
  %acc = kernel.local : memref<4xf32, "local">
  scf.for %r = %c0 to %c4 step %c1 {
    memref.store %zero, %acc[%r] : memref<4xf32, "local">
  } {unroll}
  %load_row = arith.divui %t, %c2 : index
  %load_half = arith.remui %t, %c2 : index
  %load_column = arith.muli %load_half, %c8 : index
  %row_start = arith.muli %load_row, %c64 : index
  %global_row = arith.addi %row_start, %load_column : index
  %shared_start = arith.muli %load_row, %c16 : index
  %shared_at = arith.addi %shared_start, %load_column : index
  %in_a = arith.cmpi slt, %load_row, %m : index
  %loads_b = arith.cmpi slt, %t, %c16 : index
  %warp = arith.divui %t, %c32 : index
  %lane = arith.remui %t, %c32 : index
  %matrix = arith.divui %lane, %c8 : index
  %matrix_row = arith.remui %lane, %c8 : index
  %row_half = arith.remui %matrix, %c2 : index
  %column_half = arith.divui %matrix, %c2 : index
  %warp_row = arith.muli %warp, %c16 : index
  %half_row = arith.muli %row_half, %c8 : index
  %row0 = arith.addi %warp_row, %half_row : index
  %row1 = arith.addi %row0, %matrix_row : index
  %a_row = arith.muli %row1, %c16 : index
  %a_column = arith.muli %column_half, %c8 : index
  %a_at = arith.addi %a_row, %a_column : index
  %b_row = arith.muli %matrix_row, %c16 : index
  %b_at = arith.addi %b_row, %half_row : index
  scf.for %p = %c0 to %c64 step %c16 {
    %from = arith.addi %global_row, %p : index
    kernel.cp_async %a[%from] to %sa[%shared_at] count 8 if %in_a : !a, memref<512xf16, "shared">
    scf.if %loads_b {
      kernel.cp_async %b[%from] to %sb[%shared_at] count 8 : !b, memref<128xf16, "shared">
    }
    kernel.cp_async_commit // @commit
    kernel.cp_async_wait 0 // @wait
    kernel.bar_sync 0 threads 64 // @landed
    kernel.ldmatrix %sa[%a_at] to %fa[%c0] count 4 : memref<512xf16, "shared">, memref<8xf16, "local">
    kernel.ldmatrix %sb[%b_at] to %fb[%c0] count 2 : memref<128xf16, "shared">, memref<4xf16, "local">
    kernel.mma_sync "f16" %acc[%c0], %fa[%c0], %fb[%c0] : memref<4xf32, "local">, memref<8xf16, "local">, memref<4xf16, "local">
    kernel.bar_sync 0 threads 64 // @reuse
  }
  %lane_row = arith.divui %lane, %c4 : index
  %lane_column = arith.remui %lane, %c4 : index
  %out_column = arith.muli %lane_column, %c2 : index
  scf.for %r = %c0 to %c4 step %c2 {
    %down = arith.muli %r, %c4 : index
    %row2 = arith.addi %warp_row, %lane_row : index
    %row3 = arith.addi %row2, %down : index
    %in_y = arith.cmpi slt, %row3, %m : index
    %start = arith.muli %row3, %c8 : index
    %at = arith.addi %start, %out_column : index
    kernel.st_global %acc[%r] to %y[%at] count 2 if %in_y : memref<4xf32, "local">, !y
  } {unroll}
  kernel.return
}
