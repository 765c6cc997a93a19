// RUN: trtc-opt %s --split-input-file --verify-diagnostics | filecheck %s

// Operands have rank 4.
// CHECK: nn.attention: expected q [B, H, S, D], k [B, G, T, D] and v [B, G, T, E], got tensor<8x16x64xf32>, tensor<2x2x12x64xf32> and tensor<2x2x12x64xf32>
func.func @f(%q: tensor<8x16x64xf32>, %k: tensor<2x2x12x64xf32>, %v: tensor<2x2x12x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64} : tensor<8x16x64xf32>, tensor<2x2x12x64xf32>, tensor<2x2x12x64xf32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// Operands have one type.
// CHECK: nn.attention: expected q, k and v of one of f16, bf16, f32 and f64, got tensor<2x4x16x64xf32>, tensor<2x2x12x64xf16> and tensor<2x2x12x64xf32>
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x2x12x64xf16>, %v: tensor<2x2x12x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64} : tensor<2x4x16x64xf32>, tensor<2x2x12x64xf16>, tensor<2x2x12x64xf32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// There is a value for each key.
// CHECK: nn.attention: expected q and k of one head size, and k and v of one number of heads and keys, got tensor<2x4x16x64xf32>, tensor<2x2x12x64xf32> and tensor<2x2x11x64xf32>
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x2x12x64xf32>, %v: tensor<2x2x11x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64} : tensor<2x4x16x64xf32>, tensor<2x2x12x64xf32>, tensor<2x2x11x64xf32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// Keys are of the batch of the queries, or serve all.
// CHECK: nn.attention: expected k and v of the batch of q, or of 1, got tensor<2x4x16x64xf32>, tensor<3x2x12x64xf32> and tensor<2x2x12x64xf32>
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<3x2x12x64xf32>, %v: tensor<2x2x12x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64} : tensor<2x4x16x64xf32>, tensor<3x2x12x64xf32>, tensor<2x2x12x64xf32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// Each head of keys serves as many query heads.
// CHECK: nn.attention: expected a number of heads that is a multiple of that of k and v, got 4 and 3
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x3x12x64xf32>, %v: tensor<2x3x12x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64} : tensor<2x4x16x64xf32>, tensor<2x3x12x64xf32>, tensor<2x3x12x64xf32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// The result has the head size of the values.
// CHECK: nn.attention: expected result 0 of type tensor<2x4x16x64xf32>, got tensor<2x4x16x32xf32>
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x2x12x64xf32>, %v: tensor<2x2x12x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64} : tensor<2x4x16x64xf32>, tensor<2x2x12x64xf32>, tensor<2x2x12x64xf32> -> tensor<2x4x16x32xf32>
  func.return
}

// -----

// Sums are not narrower than the operands.
// CHECK: nn.attention: expected a result of f32 for operands of f32, got f16
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x2x12x64xf32>, %v: tensor<2x2x12x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64} : tensor<2x4x16x64xf32>, tensor<2x2x12x64xf32>, tensor<2x2x12x64xf32> -> tensor<2x4x16x64xf16>
  func.return
}

// -----

// A mask has rank 4 and broadcasts to the scores.
// CHECK: nn.attention: expected a mask that broadcasts to [2, 4, 16, 12], got tensor<16x12xf32>
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x2x12x64xf32>, %v: tensor<2x2x12x64xf32>, %m: tensor<16x12xf32>) {
  %0 = nn.attention %q, %k, %v mask %m {scale = 1.0 : f64} : tensor<2x4x16x64xf32>, tensor<2x2x12x64xf32>, tensor<2x2x12x64xf32> mask tensor<16x12xf32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// A mask that repeats has a divisor of the batches.
// CHECK: nn.attention: expected a mask that broadcasts to [4, 4, 16, 12], got tensor<3x1x16x12xf32>
func.func @f(%q: tensor<4x4x16x64xf32>, %k: tensor<4x2x12x64xf32>, %v: tensor<4x2x12x64xf32>, %m: tensor<3x1x16x12xf32>) {
  %0 = nn.attention %q, %k, %v mask %m {scale = 1.0 : f64} : tensor<4x4x16x64xf32>, tensor<4x2x12x64xf32>, tensor<4x2x12x64xf32> mask tensor<3x1x16x12xf32> -> tensor<4x4x16x64xf32>
  func.return
}

// -----

// A mask has numbers or truth values.
// CHECK: nn.attention: expected a mask of i1 or f16, bf16, f32, got tensor<2x1x1x12xi32>
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x2x12x64xf32>, %v: tensor<2x2x12x64xf32>, %m: tensor<2x1x1x12xi32>) {
  %0 = nn.attention %q, %k, %v mask %m {scale = 1.0 : f64} : tensor<2x4x16x64xf32>, tensor<2x2x12x64xf32>, tensor<2x2x12x64xf32> mask tensor<2x1x1x12xi32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// A window has a key.
// CHECK: nn.attention: expected a window of 1 key or more, got 0 : i64
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x2x12x64xf32>, %v: tensor<2x2x12x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64, window = 0 : i64} : tensor<2x4x16x64xf32>, tensor<2x2x12x64xf32>, tensor<2x2x12x64xf32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// A cap is positive.
// CHECK: nn.attention: expected a softcap > 0, got 0.000000e+00 : f64
func.func @f(%q: tensor<2x4x16x64xf32>, %k: tensor<2x2x12x64xf32>, %v: tensor<2x2x12x64xf32>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64, softcap = 0.0 : f64} : tensor<2x4x16x64xf32>, tensor<2x2x12x64xf32>, tensor<2x2x12x64xf32> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// Only f32 operands are rounded when they are multiplied.
// CHECK: nn.attention: expected math on f32 operands only, got tensor<2x4x16x64xf16>
func.func @f(%q: tensor<2x4x16x64xf16>, %k: tensor<2x2x12x64xf16>, %v: tensor<2x2x12x64xf16>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64, math = #nn.math<f16>} : tensor<2x4x16x64xf16>, tensor<2x2x12x64xf16>, tensor<2x2x12x64xf16> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// Scores in f64 are not rounded.
// CHECK: nn.attention: expected scores that are rounded with operands of up to f32 only, got tensor<2x4x16x64xf64>
func.func @f(%q: tensor<2x4x16x64xf64>, %k: tensor<2x2x12x64xf64>, %v: tensor<2x2x12x64xf64>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64, scores = f16} : tensor<2x4x16x64xf64>, tensor<2x2x12x64xf64>, tensor<2x2x12x64xf64> -> tensor<2x4x16x64xf64>
  func.return
}
