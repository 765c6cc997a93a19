// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Columns that do not divide the rows.
// CHECK: nn.row_moments: expected f16, bf16 or f32 [..., K] with K a multiple of 64 columns, got tensor<4x100xf32>
func.func @f(%x : tensor<4x100xf32>) {
  %0 = nn.row_moments %x {columns = 64 : i64} : (tensor<4x100xf32>) -> tensor<2x4x1xf32>
  func.return
}

// -----

// Moments are f32.
// CHECK: nn.row_moments: expected result 0 of type tensor<2x4x1xf32>, got tensor<2x4x1xf16>
func.func @f(%x : tensor<4x64xf16>) {
  %0 = nn.row_moments %x {columns = 64 : i64} : (tensor<4x64xf16>) -> tensor<2x4x1xf16>
  func.return
}

// -----

// Moments of f64.
// CHECK: nn.row_moments: expected f16, bf16 or f32 [..., K] with K a multiple of 64 columns, got tensor<4x64xf64>
func.func @f(%x : tensor<4x64xf64>) {
  %0 = nn.row_moments %x {columns = 64 : i64} : (tensor<4x64xf64>) -> tensor<2x4x1xf32>
  func.return
}

// -----

// Moments of other rows.
// CHECK: nn.apply_moments: expected f16, bf16 or f32 [..., N] and moments [2, ..., P] of as many rows, got tensor<4x64xf32> and tensor<2x5x1xf32>
func.func @f(%x : tensor<4x64xf32>, %m: tensor<2x5x1xf32>) {
  %0 = nn.apply_moments %x, %m {columns = 64 : i64, epsilon = 0.0 : f64, centred = true} : tensor<4x64xf32>, tensor<2x5x1xf32> -> tensor<4x64xf32>
  func.return
}

// -----

// Moments of no columns.
// CHECK: nn.apply_moments: expected f32 moments of 1 or more columns, got tensor<2x4x1xf32> of 0
func.func @f(%x : tensor<4x64xf32>, %m: tensor<2x4x1xf32>) {
  %0 = nn.apply_moments %x, %m {columns = 0 : i64, epsilon = 0.0 : f64, centred = true} : tensor<4x64xf32>, tensor<2x4x1xf32> -> tensor<4x64xf32>
  func.return
}

// -----

// A shift of the mean, which is not taken off.
// CHECK: nn.apply_moments: expected no shift without centred
func.func @f(%x : tensor<4x64xf32>, %m: tensor<2x4x1xf32>, %u: tensor<64xf32>) {
  %0 = nn.apply_moments %x, %m shift %u {columns = 64 : i64, epsilon = 0.0 : f64, centred = false} : tensor<4x64xf32>, tensor<2x4x1xf32> shift tensor<64xf32> -> tensor<4x64xf32>
  func.return
}

// -----

// A shift for each row.
// CHECK: nn.apply_moments: expected an f32 shift that broadcasts to the last dim of tensor<4x64xf32>
func.func @f(%x : tensor<4x64xf32>, %m: tensor<2x4x1xf32>, %u: tensor<4x64xf32>) {
  %0 = nn.apply_moments %x, %m shift %u {columns = 64 : i64, epsilon = 0.0 : f64, centred = true} : tensor<4x64xf32>, tensor<2x4x1xf32> shift tensor<4x64xf32> -> tensor<4x64xf32>
  func.return
}
