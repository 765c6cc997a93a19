// RUN: trtc-opt -t cuda --split-input-file %s | filecheck %s

// A value that one op reads stands where it is read, with all ONNX nodes of its parts in the comment; one that has a name keeps it.
// CHECK-LABEL: once_kernel(
// CHECK:         // Mul scale (Mul#3), Exp exp (Exp#4)
// CHECK-NEXT:    a_[0] = f32_to_f16(expf((f16_to_f32(a_[0]) + 1.0f) * 2.0f));
// CHECK-NEXT:    const float named_ = f16_to_f32(a_[1]) * 2.0f;
// CHECK-NEXT:    a_[1] = f32_to_f16(named_);
kernel.func @once() grid <1, 1, 1> warps 1 smem 0 min_blocks 0 params() coords(%i, %j, %k) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %a = kernel.local : memref<8xf16, "local">
  %0 = memref.load %a[%c0] : memref<8xf16, "local">
  %1 = arith.extf %0 : f16 to f32
  %2 = arith.addf %1, %one : f32
  %3 = arith.mulf %2, %two : f32 loc("scale"("Mul#3"))
  %4 = math.exp %3 : f32 loc("exp"("Exp#4"))
  %5 = arith.truncf %4 : f32 to f16 loc("exp"("Exp#4"))
  memref.store %5, %a[%c0] : memref<8xf16, "local"> loc("exp"("Exp#4"))
  %6 = memref.load %a[%c1] : memref<8xf16, "local">
  %7 = arith.extf %6 : f16 to f32
  %named = arith.mulf %7, %two : f32
  %8 = arith.truncf %named : f32 to f16
  memref.store %8, %a[%c1] : memref<8xf16, "local">
  kernel.return
}

// -----

// Refused: an element that a store changes before it is used; what two ops read; an unsigned quotient, which would make the difference
// unsigned; a narrow sum, which would not wrap; what is read in another block, or in each turn of a loop; what the text has twice.
// CHECK-LABEL: kept_kernel(
// CHECK:         const int v0 = a_[0];
// CHECK-NEXT:    a_[0] = i_;
// CHECK-NEXT:    a_[1] = v0;
// CHECK-NEXT:    const int v1 = i_ * 3;
// CHECK-NEXT:    a_[v1] = v1;
// CHECK-NEXT:    const int v2 = (unsigned)i_ / 4u;
// CHECK-NEXT:    a_[2] = v2 - 5;
// CHECK-NEXT:    const signed char v3 = b_[0] + b_[1];
// CHECK-NEXT:    a_[3] = (int)v3;
// CHECK-NEXT:    const int v4 = i_ + 1;
// CHECK-NEXT:    const int v5 = i_ + 2;
// CHECK-NEXT:    for (int n_ = i_ + 3; n_ < v5; n_++) {
// CHECK-NEXT:      a_[n_] = v4;
// CHECK-NEXT:    }
// CHECK-NEXT:    const float v6 = f_[0] - f_[1];
// CHECK-NEXT:    const float v7 = f_[2];
// CHECK-NEXT:    c_[0] = v6 == v6 && v7 == v7;
kernel.func @kept() grid <1, 1, 1> warps 1 smem 0 min_blocks 0 params() coords(%i, %j, %k) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c5 = arith.constant 5 : index
  %a = kernel.local : memref<8xindex, "local">
  %b = kernel.local : memref<8xi8, "local">
  %c = kernel.local : memref<8xi1, "local">
  %d = kernel.local : memref<8xi32, "local">
  %f = kernel.local : memref<8xf32, "local">
  %0 = memref.load %a[%c0] : memref<8xindex, "local">
  memref.store %i, %a[%c0] : memref<8xindex, "local">
  memref.store %0, %a[%c1] : memref<8xindex, "local">
  %1 = arith.muli %i, %c3 : index
  memref.store %1, %a[%1] : memref<8xindex, "local">
  %2 = arith.divui %i, %c4 : index
  %3 = arith.subi %2, %c5 : index
  memref.store %3, %a[%c2] : memref<8xindex, "local">
  %4 = memref.load %b[%c0] : memref<8xi8, "local">
  %5 = memref.load %b[%c1] : memref<8xi8, "local">
  %6 = arith.addi %4, %5 : i8
  %7 = arith.index_cast %6 : i8 to index
  memref.store %7, %a[%c3] : memref<8xindex, "local">
  %8 = arith.addi %i, %c1 : index
  %9 = arith.addi %i, %c2 : index
  %10 = arith.addi %i, %c3 : index
  scf.for %n = %10 to %9 step %c1 {
    memref.store %8, %a[%n] : memref<8xindex, "local">
  }
  %11 = memref.load %f[%c0] : memref<8xf32, "local">
  %12 = memref.load %f[%c1] : memref<8xf32, "local">
  %13 = arith.subf %11, %12 : f32
  %14 = memref.load %f[%c2] : memref<8xf32, "local">
  %15 = arith.cmpf ord, %13, %14 : f32
  memref.store %15, %c[%c0] : memref<8xi1, "local">
  kernel.return
}

// -----

// What a loop carries may stand in what it carries next: through temporaries where one reads what another has overwritten. Long
// expressions are statements.
// CHECK-LABEL: carried_kernel(
// CHECK:         for (int i_1_ = 0; i_1_ < 8; i_1_++) {
// CHECK-NEXT:      const auto a_next_ = a_ + b_;
// CHECK-NEXT:      const auto b_next_ = a_ - b_;
// CHECK-NEXT:      a_ = a_next_;
// CHECK-NEXT:      b_ = b_next_;
// CHECK-NEXT:    }
// CHECK-NEXT:    const float v0 = ((
// CHECK-NEXT:    r_[0] = (v0 + {{.*}}) * a_;
kernel.func @carried() grid <1, 1, 1> warps 1 smem 0 min_blocks 0 params() coords(%i, %j, %k) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %long = arith.constant 1.2345678 : f32
  %r = kernel.local : memref<8xf32, "local">
  %x, %y = scf.for %i_1 = %c0 to %c8 step %c1 iter_args(%a = %zero, %b = %zero) -> (f32, f32) {
    %0 = arith.addf %a, %b : f32
    %1 = arith.subf %a, %b : f32
    scf.yield %0, %1 : f32, f32
  }
  %2 = arith.mulf %x, %long : f32
  %3 = arith.addf %2, %long : f32
  %4 = arith.mulf %3, %long : f32
  %5 = arith.addf %4, %long : f32
  %6 = arith.mulf %5, %long : f32
  %7 = arith.addf %6, %long : f32
  %8 = arith.mulf %7, %long : f32
  %9 = arith.addf %8, %long : f32
  %10 = arith.mulf %9, %x : f32
  memref.store %10, %r[%c0] : memref<8xf32, "local">
  kernel.return
}
