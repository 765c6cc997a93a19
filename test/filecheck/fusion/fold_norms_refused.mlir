// RUN: trtc-opt %s -p fold-norms --split-input-file --verify-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fold-norms --split-input-file --verify-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Rows that no product computes, that are stored as f32, of an odd width; a value that an output or another row op reads, or that nothing
// multiplies; weights that the scale would take out of the range of f16.
// CHECK-LABEL: @rows
// CHECK-COUNT-7: nn.layer_norm
// CHECK-NOT: nn.row_moments
// REMARK: missed: fold-norms: nn.layer_norm [given]: not folded into the products after it: no product computes its rows
// REMARK: missed: fold-norms: nn.layer_norm [wide]: not folded into the products after it: its rows are stored as f32, whose last digits a product without the mean taken off would lose
// REMARK: missed: fold-norms: nn.layer_norm [odd]: not folded into the products after it: its rows have 40 columns, no multiple of 16
// REMARK: missed: fold-norms: nn.layer_norm [output]: not folded into the products after it: func.return reads it
// REMARK: missed: fold-norms: nn.layer_norm [softmax]: not folded into the products after it: nn.softmax reads it
// REMARK: missed: fold-norms: nn.layer_norm [unread]: not folded into the products after it: nn.relu would normalise it again, in the group of no product or of several
// REMARK: missed: fold-norms: nn.matmul [large]: nn.layer_norm not folded into the weights: a number would not be finite
// REMARK: missed: fold-norms: nn.layer_norm [range]: not folded into the products after it: its scale does not go into their weights
func.func @rows(%x: tensor<40x64xf16>) -> (tensor<40x64xf32>, tensor<40x64xf16>, tensor<40x64xf16>, tensor<40x64xf16>, tensor<40x64xf16>, tensor<40x64xf16>, tensor<40x64xf16>) {
  %w = nn.constant dense<1.0> : tensor<64x64xf16>
  %v = nn.constant dense<1.0> : tensor<40x64xf16>
  %f = nn.constant dense<1.0> : tensor<64x64xf32>
  %o = nn.constant dense<1.0> : tensor<64x40xf16>
  %scale = nn.constant dense<2.0> : tensor<64xf16>
  %l = nn.constant dense<6.0e+04> : tensor<64xf16>
  %sf = nn.constant dense<2.0> : tensor<64xf32>
  %so = nn.constant dense<2.0> : tensor<40xf16>
  %0 = nn.layer_norm %x, %scale, %scale {nn.names = ["given"], axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<40x64xf16>, tensor<64xf16>, tensor<64xf16>) -> tensor<40x64xf16>
  %1 = nn.matmul %0, %w {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf16>
  %2 = nn.matmul %x, %w {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf32>
  %3 = nn.layer_norm %2, %sf, %sf {nn.names = ["wide"], axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<40x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<40x64xf32>
  %4 = nn.matmul %3, %f {transpose_b} : (tensor<40x64xf32>, tensor<64x64xf32>) -> tensor<40x64xf32>
  %5 = nn.matmul %x, %v {transpose_b} : (tensor<40x64xf16>, tensor<40x64xf16>) -> tensor<40x40xf16>
  %6 = nn.layer_norm %5, %so, %so {nn.names = ["odd"], axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<40x40xf16>, tensor<40xf16>, tensor<40xf16>) -> tensor<40x40xf16>
  %7 = nn.matmul %6, %o {transpose_b} : (tensor<40x40xf16>, tensor<64x40xf16>) -> tensor<40x64xf16>
  %8 = nn.matmul %x, %w {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf16>
  %9 = nn.layer_norm %8, %scale, %scale {nn.names = ["output"], axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<40x64xf16>, tensor<64xf16>, tensor<64xf16>) -> tensor<40x64xf16>
  %10 = nn.matmul %7, %w {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf16>
  %11 = nn.layer_norm %10, %scale, %scale {nn.names = ["softmax"], axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<40x64xf16>, tensor<64xf16>, tensor<64xf16>) -> tensor<40x64xf16>
  %12 = nn.softmax %11 {axis = 1 : i64} : (tensor<40x64xf16>) -> tensor<40x64xf16>
  %13 = nn.matmul %12, %w {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf16>
  %14 = nn.layer_norm %13, %scale, %scale {nn.names = ["unread"], axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<40x64xf16>, tensor<64xf16>, tensor<64xf16>) -> tensor<40x64xf16>
  %15 = nn.relu %14 : tensor<40x64xf16>
  %16 = nn.matmul %14, %w {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf16>
  %17 = nn.matmul %16, %w {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf16>
  %18 = nn.layer_norm %17, %l, %scale {nn.names = ["range"], axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<40x64xf16>, tensor<64xf16>, tensor<64xf16>) -> tensor<40x64xf16>
  %h = nn.constant dense<2.0> : tensor<64x64xf16>
  %19 = nn.matmul %18, %h {nn.names = ["large"], transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf16>
  func.return %4, %1, %9, %13, %15, %16, %19 : tensor<40x64xf32>, tensor<40x64xf16>, tensor<40x64xf16>, tensor<40x64xf16>, tensor<40x64xf16>, tensor<40x64xf16>, tensor<40x64xf16>
}

// -----

// Invalid: rows of another width than a multiple of the columns.
func.func @invalid(%x: tensor<40x100xf16>) -> tensor<2x40x2xf32> {
  // expected-error@+1 {{nn.row_moments: expected f16, bf16 or f32 [..., K] with K a multiple of 64 columns, got tensor<40x100xf16>}}
  %0 = nn.row_moments %x {columns = 64 : i64} : (tensor<40x100xf16>) -> tensor<2x40x2xf32>
  func.return %0 : tensor<2x40x2xf32>
}
