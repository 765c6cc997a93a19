// RUN: trtc-opt %s --split-input-file | trtc-opt --split-input-file | filecheck %s
// RUN: trtc-opt %s --split-input-file --print-op-generic | trtc-opt --split-input-file | filecheck %s

// Heads of one number, and no mask.
// CHECK-LABEL: @plain(
// CHECK: nn.attention %q, %k, %v {scale = 1.250000e-01 : f64} : tensor<2x4x16x64xf16>, tensor<2x4x16x64xf16>, tensor<2x4x16x64xf16> -> tensor<2x4x16x64xf16>
func.func @plain(%q: tensor<2x4x16x64xf16>, %k: tensor<2x4x16x64xf16>, %v: tensor<2x4x16x64xf16>) {
  %0 = nn.attention %q, %k, %v {scale = 0.125 : f64} : tensor<2x4x16x64xf16>, tensor<2x4x16x64xf16>, tensor<2x4x16x64xf16> -> tensor<2x4x16x64xf16>
  func.return
}

// -----

// Grouped heads with a cache: keys of the past come first, and the last ones only are seen.
// CHECK-LABEL: @grouped(
// CHECK: nn.attention %q, %k, %v {scale = 1.000000e+00 : f64, causal = #nn.causal<end>, window = 128 : i64, softcap = 5.000000e+01 : f64, math = #nn.math<f16>} : tensor<?x8x?x64xf32, #nn.dims<B, 8, S, 64>>, tensor<?x2x?x64xf32, #nn.dims<B, 2, P + S, 64>>, tensor<?x2x?x80xf32, #nn.dims<B, 2, P + S, 80>> -> tensor<?x8x?x80xf32, #nn.dims<B, 8, S, 80>>
func.func @grouped(%q: tensor<?x8x?x64xf32, #nn.dims<B, 8, S, 64>>, %k: tensor<?x2x?x64xf32, #nn.dims<B, 2, P + S, 64>>, %v: tensor<?x2x?x80xf32, #nn.dims<B, 2, P + S, 80>>) {
  %0 = nn.attention %q, %k, %v {scale = 1.0 : f64, causal = #nn.causal<end>, window = 128 : i64, softcap = 50.0 : f64, math = #nn.math<f16>} : tensor<?x8x?x64xf32, #nn.dims<B, 8, S, 64>>, tensor<?x2x?x64xf32, #nn.dims<B, 2, P + S, 64>>, tensor<?x2x?x80xf32, #nn.dims<B, 2, P + S, 80>> -> tensor<?x8x?x80xf32, #nn.dims<B, 8, S, 80>>
  func.return
}

// -----

// A mask of booleans that broadcasts; a query that it leaves no key gives zeros. Keys and values of one batch serve all.
// CHECK-LABEL: @allowed(
// CHECK: nn.attention %q, %k, %v mask %m {scale = 1.250000e-01 : f64, causal = #nn.causal<start>, zero_masked} : tensor<2x4x16x64xbf16>, tensor<1x4x12x64xbf16>, tensor<1x4x12x64xbf16> mask tensor<2x1x1x12xi1> -> tensor<2x4x16x64xf32>
func.func @allowed(%q: tensor<2x4x16x64xbf16>, %k: tensor<1x4x12x64xbf16>, %v: tensor<1x4x12x64xbf16>, %m: tensor<2x1x1x12xi1>) {
  %0 = nn.attention %q, %k, %v mask %m {scale = 0.125 : f64, causal = #nn.causal<start>, zero_masked} : tensor<2x4x16x64xbf16>, tensor<1x4x12x64xbf16>, tensor<1x4x12x64xbf16> mask tensor<2x1x1x12xi1> -> tensor<2x4x16x64xf32>
  func.return
}

// -----

// A mask that is added to the scores, which are then rounded.
// CHECK-LABEL: @added(
// CHECK: nn.attention %q, %k, %v mask %m {scale = 1.250000e-01 : f64, scores = f16} : tensor<2x4x16x64xf16>, tensor<2x4x16x64xf16>, tensor<2x4x16x64xf16> mask tensor<2x1x16x16xf16> -> tensor<2x4x16x64xf16>
func.func @added(%q: tensor<2x4x16x64xf16>, %k: tensor<2x4x16x64xf16>, %v: tensor<2x4x16x64xf16>, %m: tensor<2x1x16x16xf16>) {
  %0 = nn.attention %q, %k, %v mask %m {scale = 0.125 : f64, scores = f16} : tensor<2x4x16x64xf16>, tensor<2x4x16x64xf16>, tensor<2x4x16x64xf16> mask tensor<2x1x16x16xf16> -> tensor<2x4x16x64xf16>
  func.return
}

// A mask of the four windows of an image, for the windows of N images.
// CHECK-LABEL: @repeated(
// CHECK: nn.attention %q, %q, %q mask %m {scale = 1.250000e-01 : f64} : {{.*}} mask tensor<4x1x16x16xf16> -> tensor<?x2x16x64xf16, #nn.dims<4*N, 2, 16, 64>>
func.func @repeated(%q: tensor<?x2x16x64xf16, #nn.dims<4*N, 2, 16, 64>>, %m: tensor<4x1x16x16xf16>) {
  %0 = nn.attention %q, %q, %q mask %m {scale = 0.125 : f64} : tensor<?x2x16x64xf16, #nn.dims<4*N, 2, 16, 64>>, tensor<?x2x16x64xf16, #nn.dims<4*N, 2, 16, 64>>, tensor<?x2x16x64xf16, #nn.dims<4*N, 2, 16, 64>> mask tensor<4x1x16x16xf16> -> tensor<?x2x16x64xf16, #nn.dims<4*N, 2, 16, 64>>
  func.return
}
