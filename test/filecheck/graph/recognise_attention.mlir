// RUN: trtc-opt %s -p recognise-attention,dce --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-attention --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Scores that are divided, and a mask that is added; dims are dynamic.
// CHECK-LABEL: @bert
// CHECK: %[[R:.*]] = nn.attention %q, %k, %v mask %m {scale = 1.250000e-01 : f64}
// CHECK-NEXT: return %[[R]]
// REMARK: applied: recognise-attention: nn.attention: an attention of 12 heads, a mask of f32
func.func @bert(%q: tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, %k: tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, %v: tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, %m: tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, S>>) -> tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>) -> tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>
  %c1 = nn.constant dense<8.0> : tensor<f32>
  %2 = nn.div %0, %c1 : (tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>, tensor<f32>) -> tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>
  %3 = nn.add %2, %m : (tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>, tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, S>>) -> tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>
  %4 = nn.softmax %3 {axis = 3 : i64} : (tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>) -> tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>
  %5 = nn.matmul %4, %v : (tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>, tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>) -> tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>
  func.return %5 : tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>
}

// -----

// Batch and heads in one dim, a scale on both factors, a cap, keys as [size, keys], and minus infinity where a mask says no.
// CHECK-LABEL: @folded
// CHECK-NEXT: %[[K:.*]] = nn.transpose %y {permutation = array<i64: 0, 1, 3, 2>}
// CHECK-NEXT: %[[R:.*]] = nn.attention %x, %[[K]], %z mask %m {scale = 2.500000e-01 : f64, softcap = 3.000000e+01 : f64}
// CHECK-NEXT: return %[[R]]
// REMARK: applied: recognise-attention: nn.attention: an attention of
func.func @folded(%x: tensor<2x4x6x8xf32>, %y: tensor<2x4x8x5xf32>, %z: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xi1>) -> tensor<2x4x6x8xf32> {
  %0 = nn.reshape %x : (tensor<2x4x6x8xf32>) -> tensor<8x6x8xf32>
  %1 = nn.reshape %y : (tensor<2x4x8x5xf32>) -> tensor<8x8x5xf32>
  %2 = nn.reshape %z : (tensor<2x4x5x8xf32>) -> tensor<8x5x8xf32>
  %c3 = nn.constant dense<0.5> : tensor<f32>
  %4 = nn.mul %0, %c3 : (tensor<8x6x8xf32>, tensor<f32>) -> tensor<8x6x8xf32>
  %5 = nn.mul %1, %c3 : (tensor<8x8x5xf32>, tensor<f32>) -> tensor<8x8x5xf32>
  %6 = nn.matmul %4, %5 : (tensor<8x6x8xf32>, tensor<8x8x5xf32>) -> tensor<8x6x5xf32>
  %c7 = nn.constant dense<30.0> : tensor<f32>
  %8 = nn.div %6, %c7 : (tensor<8x6x5xf32>, tensor<f32>) -> tensor<8x6x5xf32>
  %9 = nn.tanh %8 : tensor<8x6x5xf32>
  %10 = nn.mul %9, %c7 : (tensor<8x6x5xf32>, tensor<f32>) -> tensor<8x6x5xf32>
  %11 = nn.reshape %10 : (tensor<8x6x5xf32>) -> tensor<2x4x6x5xf32>
  %c12 = nn.constant dense<"0x000080FF"> : tensor<f32>
  %13 = nn.where %m, %11, %c12 : (tensor<2x1x1x5xi1>, tensor<2x4x6x5xf32>, tensor<f32>) -> tensor<2x4x6x5xf32>
  %14 = nn.softmax %13 {axis = 3 : i64} : (tensor<2x4x6x5xf32>) -> tensor<2x4x6x5xf32>
  %15 = nn.reshape %14 : (tensor<2x4x6x5xf32>) -> tensor<8x6x5xf32>
  %16 = nn.matmul %15, %2 : (tensor<8x6x5xf32>, tensor<8x5x8xf32>) -> tensor<8x6x8xf32>
  %17 = nn.reshape %16 : (tensor<8x6x8xf32>) -> tensor<2x4x6x8xf32>
  func.return %17 : tensor<2x4x6x8xf32>
}

// -----

// Heads of keys and values that were repeated for the queries that share them are read as they were.
// CHECK-LABEL: @grouped
// CHECK-NEXT: nn.attention %q, %k, %v {scale = 1.000000e+00 : f64} : tensor<2x4x3x8xf32>, tensor<2x2x7x8xf32>, tensor<2x2x7x8xf32> -> tensor<2x4x3x8xf32>
// REMARK: applied: recognise-attention: nn.attention: an attention of 4 heads, 2 of keys
func.func @grouped(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x7x8xf32>, %v: tensor<2x2x7x8xf32>) -> tensor<2x4x3x8xf32> {
  %0 = nn.reshape %k : (tensor<2x2x7x8xf32>) -> tensor<2x2x1x7x8xf32>
  %1 = nn.broadcast_to %0 : (tensor<2x2x1x7x8xf32>) -> tensor<2x2x2x7x8xf32>
  %2 = nn.reshape %1 : (tensor<2x2x2x7x8xf32>) -> tensor<2x4x7x8xf32>
  %3 = nn.reshape %v : (tensor<2x2x7x8xf32>) -> tensor<2x2x1x7x8xf32>
  %4 = nn.broadcast_to %3 : (tensor<2x2x1x7x8xf32>) -> tensor<2x2x2x7x8xf32>
  %5 = nn.reshape %4 : (tensor<2x2x2x7x8xf32>) -> tensor<2x4x7x8xf32>
  %6 = nn.matmul %q, %2 {transpose_b} : (tensor<2x4x3x8xf32>, tensor<2x4x7x8xf32>) -> tensor<2x4x3x7xf32>
  %7 = nn.softmax %6 {axis = 3 : i64} : (tensor<2x4x3x7xf32>) -> tensor<2x4x3x7xf32>
  %8 = nn.matmul %7, %5 : (tensor<2x4x3x7xf32>, tensor<2x4x7x8xf32>) -> tensor<2x4x3x8xf32>
  func.return %8 : tensor<2x4x3x8xf32>
}

// -----

// A scale of each head (Swin v2) goes to the queries.
// CHECK-LABEL: @cosine
// CHECK: %[[H:.*]] = nn.reshape %h {{.*}} -> tensor<1x4x1x1xf32>
// CHECK-NEXT: %[[Q:.*]] = nn.mul %q, %[[H]]
// CHECK-NEXT: nn.attention %[[Q]], %k, %v {scale = 1.000000e+00 : f64}
func.func @cosine(%q: tensor<2x4x3x8xf32>, %k: tensor<2x4x7x8xf32>, %v: tensor<2x4x7x8xf32>, %h: tensor<4x1x1xf32>) -> tensor<2x4x3x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<2x4x3x8xf32>, tensor<2x4x7x8xf32>) -> tensor<2x4x3x7xf32>
  %1 = nn.mul %0, %h : (tensor<2x4x3x7xf32>, tensor<4x1x1xf32>) -> tensor<2x4x3x7xf32>
  %2 = nn.softmax %1 {axis = 3 : i64} : (tensor<2x4x3x7xf32>) -> tensor<2x4x3x7xf32>
  %3 = nn.matmul %2, %v : (tensor<2x4x3x7xf32>, tensor<2x4x7x8xf32>) -> tensor<2x4x3x8xf32>
  func.return %3 : tensor<2x4x3x8xf32>
}

// -----

// Windows (Swin): a bias of the heads, then a mask of the windows, where images and windows are two dims; that of an image serves all.
// CHECK-LABEL: @windows
// CHECK: %[[W:.*]] = nn.reshape %m : (tensor<1x4x1x16x16xf32>) -> tensor<4x1x16x16xf32>
// CHECK: %[[M:.*]] = nn.add %b, %[[W]] : {{.*}} -> tensor<4x2x16x16xf32>
// CHECK: nn.attention %q, %k, %v mask %[[M]]
// REMARK: applied: recognise-attention
func.func @windows(%q: tensor<8x2x16x8xf32>, %k: tensor<8x2x16x8xf32>, %v: tensor<8x2x16x8xf32>, %b: tensor<1x2x16x16xf32>, %m: tensor<1x4x1x16x16xf32>) -> tensor<8x2x16x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<8x2x16x8xf32>, tensor<8x2x16x8xf32>) -> tensor<8x2x16x16xf32>
  %1 = nn.add %0, %b : (tensor<8x2x16x16xf32>, tensor<1x2x16x16xf32>) -> tensor<8x2x16x16xf32>
  %2 = nn.reshape %1 : (tensor<8x2x16x16xf32>) -> tensor<2x4x2x16x16xf32>
  %3 = nn.add %2, %m : (tensor<2x4x2x16x16xf32>, tensor<1x4x1x16x16xf32>) -> tensor<2x4x2x16x16xf32>
  %4 = nn.reshape %3 : (tensor<2x4x2x16x16xf32>) -> tensor<8x2x16x16xf32>
  %5 = nn.softmax %4 {axis = 3 : i64} : (tensor<8x2x16x16xf32>) -> tensor<8x2x16x16xf32>
  %6 = nn.matmul %5, %v : (tensor<8x2x16x16xf32>, tensor<8x2x16x8xf32>) -> tensor<8x2x16x8xf32>
  func.return %6 : tensor<8x2x16x8xf32>
}

// -----

// Casts around the softmax; a mask that is added in f16 rounds the scores, and probabilities that are NaN become 0.
// CHECK-LABEL: @narrow
// CHECK-NEXT: nn.attention %q, %k, %v mask %m {scale = 1.000000e+00 : f64, zero_masked, scores = f16} : tensor<1x2x6x8xf16>
func.func @narrow(%q: tensor<1x2x6x8xf16>, %k: tensor<1x2x6x8xf16>, %v: tensor<1x2x6x8xf16>, %m: tensor<1x1x6x6xf16>) -> tensor<1x2x6x8xf16> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x6x8xf16>, tensor<1x2x6x8xf16>) -> tensor<1x2x6x6xf16>
  %1 = nn.add %0, %m : (tensor<1x2x6x6xf16>, tensor<1x1x6x6xf16>) -> tensor<1x2x6x6xf16>
  %2 = nn.cast %1 : (tensor<1x2x6x6xf16>) -> tensor<1x2x6x6xf32>
  %3 = nn.softmax %2 {axis = 3 : i64} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %4 = nn.isnan %3 : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xi1>
  %c5 = nn.constant dense<0.0> : tensor<f32>
  %6 = nn.where %4, %c5, %3 : (tensor<1x2x6x6xi1>, tensor<f32>, tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %7 = nn.cast %6 : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf16>
  %8 = nn.matmul %7, %v : (tensor<1x2x6x6xf16>, tensor<1x2x6x8xf16>) -> tensor<1x2x6x8xf16>
  func.return %8 : tensor<1x2x6x8xf16>
}

// -----

// Invalid: a softmax over a dim that is not there.
// CHECK: nn.softmax: expected an axis in [0, 2), got 2
func.func @invalid(%x: tensor<2x3xf32>) {
  %0 = nn.softmax %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return
}
