// RUN: trtc-opt -t cuda --split-input-file %s | filecheck %s

// Only the wrappers that the kernel uses stand in the prelude; constants are literals; comments name the ONNX nodes where they change.
// CHECK:       typedef unsigned short f16;
// CHECK-NOT:   bf16
// CHECK-LABEL: extern "C" __global__ void __launch_bounds__(128, 2) scale_kernel(const f16* __restrict__ x_, f16* __restrict__ y_, int N_) {
// CHECK-NEXT:    extern __shared__ __align__(1024) unsigned char smem[];
// CHECK-NEXT:    const int i_ = blockIdx.x;
// CHECK-NEXT:    // Mul scale (Mul#3)
// CHECK-NEXT:    const int t_ = threadIdx.x;
// CHECK-NEXT:    const int at_ = i_ * t_;
// CHECK-NEXT:    const bool in_ = at_ < N_;
// CHECK-NEXT:    __align__(16) f16 a_[8];
// CHECK-NEXT:    if (in_) *reinterpret_cast<vec16*>(&a_[0]) = *reinterpret_cast<const vec16*>(&x_[at_]);
// CHECK-NEXT:    #pragma unroll
// CHECK-NEXT:    for (int r_ = 0; r_ < 8; r_++) {
// CHECK-NEXT:      const f16 v_ = a_[r_];
// CHECK-NEXT:      const float w_ = f16_to_f32(v_);
// CHECK-NEXT:      // Mul scale (Mul#3), Exp exp (Exp#4)
// CHECK-NEXT:      const float e_ = expf(w_);
// CHECK-NEXT:      const f16 q_ = f32_to_f16(e_);
// CHECK-NEXT:      a_[r_] = q_;
// CHECK-NEXT:    }
// CHECK-NEXT:    f16* const s_ = reinterpret_cast<f16*>(smem + 1024);
// CHECK-NEXT:    s_[t_] = a_[0];
// CHECK-NEXT:    bar_sync<0, 128>();
// CHECK-NEXT:    if (in_) *reinterpret_cast<vec16*>(&y_[at_]) = *reinterpret_cast<const vec16*>(&a_[0]);
// CHECK-NEXT:  }
!g = !kernel.global<dims <N> x f16, strides <1>, align 16>
kernel.func @scale(%x: !g, %y: !g) grid <N, 1, 1> warps 4 smem 2048 min_blocks 2 params(N) coords(%i, %j, %k) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %t = kernel.thread_id loc("scale"("Mul#3"))
  %n = kernel.param "N"
  %at = arith.muli %i, %t : index loc("scale"("Mul#3"))
  %in_ = arith.cmpi slt, %at, %n : index
  %a = kernel.local : memref<8xf16, "local">
  kernel.ld_global %x[%at] to %a[%c0] count 8 if %in_ : !g, memref<8xf16, "local">
  scf.for %r = %c0 to %c8 step %c1 {
    %v = memref.load %a[%r] : memref<8xf16, "local">
    %w = arith.extf %v : f16 to f32
    %e = math.exp %w : f32 loc(fused["scale"("Mul#3"), "exp"("Exp#4")])
    %q = arith.truncf %e : f32 to f16
    memref.store %q, %a[%r] : memref<8xf16, "local">
  } {unroll}
  %s = kernel.smem 1024 : memref<512xf16, "shared">
  kernel.st_shared %a[%c0] to %s[%t] count 1 : memref<8xf16, "local">, memref<512xf16, "shared">
  kernel.bar_sync 0 threads 128
  kernel.st_global %a[%c0] to %y[%at] count 8 if %in_ : memref<8xf16, "local">, !g
  kernel.return
}

// -----

// Values carried by a loop are variables; yielded values that depend on each other go through temporaries; names are made unique.
// CHECK-LABEL: void __launch_bounds__(32) swap_kernel(
// CHECK-SAME:  float* __restrict__ t0
// CHECK:         float a_ = 0.0f;
// CHECK-NEXT:    float b_ = 1e-05f;
// CHECK-NEXT:    for (int i_ = 0; i_ < 8; i_ += 4) {
// CHECK-NEXT:      const auto a_next_ = b_;
// CHECK-NEXT:      const auto b_next_ = a_;
// CHECK-NEXT:      a_ = a_next_;
// CHECK-NEXT:      b_ = b_next_;
// CHECK-NEXT:    }
// CHECK-NEXT:    const float float_ = a_ - b_;
// CHECK-NEXT:    float v0;
// CHECK-NEXT:    if (float_ < -__int_as_float(0x7f800000)) {
// CHECK-NEXT:      v0 = a_;
// CHECK-NEXT:    } else {
// CHECK-NEXT:      const float n_ = -b_;
// CHECK-NEXT:      v0 = n_;
// CHECK-NEXT:    }
!g = !kernel.global<dims <64> x f32, strides <1>, align 16>
kernel.func @swap(%0: !g) grid <1, 1, 1> warps 1 coords(%1, %2, %3) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %small = arith.constant 1.0e-05 : f32
  %low = arith.constant 0xFF800000 : f32
  %x, %y = scf.for %i = %c0 to %c8 step %c4 iter_args(%a = %zero, %b = %small) -> (f32, f32) {
    scf.yield %b, %a : f32, f32
  }
  %float = arith.subf %x, %y : f32
  %4 = arith.cmpf olt, %float, %low : f32
  %5 = scf.if %4 -> (f32) {
    scf.yield %x : f32
  } else {
    %n = arith.negf %y : f32
    scf.yield %n : f32
  }
  %r = kernel.local : memref<1xf32, "local">
  memref.store %5, %r[%c0] : memref<1xf32, "local">
  kernel.st_global %r[%c0] to %0[%c0] count 1 : memref<1xf32, "local">, !g
  kernel.return
}

// -----

// No text of a model becomes code: a name that ends in a backslash, holds a newline or is a word of C stays a comment or an identifier.
// CHECK-LABEL: void __launch_bounds__(32) main_evil_kernel(float* __restrict__ int_, int batch_size_, int nullptr_, int expf_) {
// CHECK-NEXT:    // Relu a\u000aif (threadIdx.x) return; \u005c (Relu#0)
// CHECK-NEXT:    const int global_ = threadIdx.x;
// CHECK-NOT:     {{^ *if}}
!g = !kernel.global<dims <"batch size"> x f32, strides <1>, align 16>
kernel.func @"main\0A#evil"(%int: !g) grid <"batch size", 1, 1> warps 1 params("batch size", nullptr, expf) coords(%1, %2, %3) {
  %__global__ = kernel.thread_id loc("a\0Aif (threadIdx.x) return; \\"("Relu#0"))
  %r = kernel.local : memref<1xf32, "local">
  kernel.st_global %r[%__global__] to %int[%__global__] count 1 : memref<1xf32, "local">, !g
  kernel.return
}

// -----

// A kernel that waits for the launch before it reads what that one wrote: nothing of it may be loaded earlier, so nothing is restrict but
// weights.
// CHECK-LABEL: late_kernel(const float* x_, const float* __restrict__ w_, float* y_) {
// CHECK:         grid_wait();
!g = !kernel.global<dims <64> x f32, strides <1>, align 16>
kernel.func @late(%x: !g, %w: !g, %y: !g) grid <1, 1, 1> warps 1 coords(%1, %2, %3) attributes {kernel.early = array<i64: 1>} {
  %c0 = arith.constant 0 : index
  %a = kernel.local : memref<1xf32, "local">
  kernel.grid_wait
  kernel.ld_global %x[%c0] to %a[%c0] count 1 : !g, memref<1xf32, "local">
  kernel.st_global %a[%c0] to %y[%c0] count 1 : memref<1xf32, "local">, !g
  kernel.return
}

// -----

// Three values that move on by one: each is read before it is overwritten, whichever way they turn.
// CHECK-LABEL: turn_kernel(
// CHECK:           const auto a_next_ = b_;
// CHECK-NEXT:      const auto b_next_ = c_;
// CHECK-NEXT:      const auto c_next_ = a_;
// CHECK-NEXT:      a_ = a_next_;
// CHECK-NEXT:      b_ = b_next_;
// CHECK-NEXT:      c_ = c_next_;
// CHECK:           const auto d_next_ = e_;
// CHECK-NEXT:      const auto e_next_ = d_ + e_;
// CHECK-NEXT:      d_ = d_next_;
// CHECK-NEXT:      e_ = e_next_;
kernel.func @turn() grid <1, 1, 1> warps 1 coords(%1, %2, %3) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %x, %y, %z = scf.for %i = %c0 to %c8 step %c1 iter_args(%a = %c0, %b = %c1, %c = %c8) -> (index, index, index) {
    scf.yield %b, %c, %a : index, index, index
  }
  %u, %v = scf.for %i = %c0 to %c8 step %c1 iter_args(%d = %x, %e = %y) -> (index, index) {
    %4 = arith.addi %d, %e : index
    scf.yield %e, %4 : index, index
  }
  kernel.return
}

// -----

// The accumulators of wgmma are pinned on both sides of it: reads and writes of them stay where they stand.
// CHECK-LABEL: products_kernel(
// CHECK:         keep(acc_);
// CHECK-NEXT:    wgmma_fence();
// CHECK-NEXT:    wgmma_f16_n8_sw128(&acc_[0], shared_base + 0, shared_base + 1024);
// CHECK-NEXT:    wgmma_commit();
// CHECK-NEXT:    wgmma_wait<0>();
// CHECK-NEXT:    keep(acc_);
kernel.func @products() grid <1, 1, 1> warps 4 smem 4096 coords(%1, %2, %3) {
  %c0 = arith.constant 0 : index
  %c1024 = arith.constant 1024 : index
  %acc = kernel.local : memref<4xf32, "local">
  kernel.wgmma_fence
  kernel.wgmma "f16" n 8 swizzle 128 %acc[%c0], %c0, %c1024 : memref<4xf32, "local">
  kernel.wgmma_commit
  kernel.wgmma_wait 0, %acc : memref<4xf32, "local">
  kernel.return
}
