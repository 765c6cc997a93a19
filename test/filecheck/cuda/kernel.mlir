// RUN: trtc-opt -t cuda --split-input-file %s | filecheck %s

// Only the wrappers that the kernel uses stand in the prelude; constants are literals; comments name the ONNX nodes where they change.
// CHECK:       typedef unsigned short f16;
// CHECK-NOT:   bf16
// CHECK-LABEL: extern "C" __global__ void __launch_bounds__(128, 2) scale(const f16* __restrict__ x, f16* __restrict__ y, int N) {
// CHECK-NEXT:    extern __shared__ __align__(1024) unsigned char smem[];
// CHECK-NEXT:    const int i = blockIdx.x;
// CHECK-NEXT:    // Mul scale (Mul#3)
// CHECK-NEXT:    const int t = threadIdx.x;
// CHECK-NEXT:    const int at = i * t;
// CHECK-NEXT:    const bool in_ = at < N;
// CHECK-NEXT:    __align__(16) f16 a[8];
// CHECK-NEXT:    if (in_) *reinterpret_cast<vec16*>(&a[0]) = *reinterpret_cast<const vec16*>(&x[at]);
// CHECK-NEXT:    #pragma unroll
// CHECK-NEXT:    for (int r = 0; r < 8; r++) {
// CHECK-NEXT:      const f16 v = a[r];
// CHECK-NEXT:      const float w = f16_to_f32(v);
// CHECK-NEXT:      // Mul scale (Mul#3), Exp exp (Exp#4)
// CHECK-NEXT:      const float e = expf(w);
// CHECK-NEXT:      const f16 q = f32_to_f16(e);
// CHECK-NEXT:      a[r] = q;
// CHECK-NEXT:    }
// CHECK-NEXT:    f16* const s = reinterpret_cast<f16*>(smem + 1024);
// CHECK-NEXT:    s[t] = a[0];
// CHECK-NEXT:    bar_sync<0, 128>();
// CHECK-NEXT:    if (in_) *reinterpret_cast<vec16*>(&y[at]) = *reinterpret_cast<const vec16*>(&a[0]);
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
// CHECK-LABEL: void __launch_bounds__(32) swap(
// CHECK-SAME:  float* __restrict__ t0
// CHECK:         float a = 0.0f;
// CHECK-NEXT:    float b = 1e-05f;
// CHECK-NEXT:    for (int i = 0; i < 8; i += 4) {
// CHECK-NEXT:      const auto a_next = b;
// CHECK-NEXT:      const auto b_next = a;
// CHECK-NEXT:      a = a_next;
// CHECK-NEXT:      b = b_next;
// CHECK-NEXT:    }
// CHECK-NEXT:    const float float_ = a - b;
// CHECK-NEXT:    const bool v0 = float_ < -__int_as_float(0x7f800000);
// CHECK-NEXT:    float v1;
// CHECK-NEXT:    if (v0) {
// CHECK-NEXT:      v1 = a;
// CHECK-NEXT:    } else {
// CHECK-NEXT:      const float n = -b;
// CHECK-NEXT:      v1 = n;
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
