// RUN: trtc-opt %s -p recognise-attention,dce --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-attention --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A constant triangle of the lowest float is a causal bound: each query keeps a key, beside which the others weigh nothing.
// CHECK-LABEL: @triangle
// CHECK-NEXT: nn.attention %q, %k, %v {scale = 1.000000e+00 : f64, causal = #nn.causal<start>}
// REMARK: applied: recognise-attention: nn.attention: an attention of 2 heads, causal from the start
func.func @triangle(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c1 = nn.constant dense<[[[0.0, -3.40282347e+38, -3.40282347e+38, -3.40282347e+38], [0.0, 0.0, -3.40282347e+38, -3.40282347e+38], [0.0, 0.0, 0.0, -3.40282347e+38], [0.0, 0.0, 0.0, 0.0]]]> : tensor<1x4x4xf32>
  %2 = nn.add %0, %c1 : (tensor<1x2x4x4xf32>, tensor<1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = nn.softmax %2 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = nn.matmul %3, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %4 : tensor<1x2x4x8xf32>
}

// -----

// Beside a mask that may hide that key, numbers stay numbers: a query without a key attends to all alike.
// CHECK-LABEL: @padded
// CHECK: %[[M:.*]] = nn.add %{{.*}}, %m
// CHECK-NEXT: nn.attention %q, %k, %v mask %[[M]] {scale = 1.000000e+00 : f64}
// REMARK: applied: recognise-attention: nn.attention: an attention of 2 heads, a mask of f32
func.func @padded(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %m: tensor<1x1x1x4xf32>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c1 = nn.constant dense<[[[0.0, -3.40282347e+38, -3.40282347e+38, -3.40282347e+38], [0.0, 0.0, -3.40282347e+38, -3.40282347e+38], [0.0, 0.0, 0.0, -3.40282347e+38], [0.0, 0.0, 0.0, 0.0]]]> : tensor<1x4x4xf32>
  %2 = nn.add %0, %c1 : (tensor<1x2x4x4xf32>, tensor<1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = nn.add %2, %m : (tensor<1x2x4x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = nn.softmax %3 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %5 = nn.matmul %4, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %5 : tensor<1x2x4x8xf32>
}

// -----

// Positions that are compared: causal behind the keys of a cache, with a window of 5 keys.
// CHECK-LABEL: @cache
// CHECK: nn.attention %q, %k, %v {scale = 1.000000e+00 : f64, causal = #nn.causal<end>, window = 5 : i64}
// REMARK: applied: recognise-attention: nn.attention: an attention of 2 heads, causal from the end, a window of 5
builtin.module attributes {nn.symbols = {B = array<i64: 1, 1, 8>, P = array<i64: 0, 8, 64>, S = array<i64: 1, 1, 16>}} {
func.func @cache(%q: tensor<?x2x?x8xf32, #nn.dims<B, 2, S, 8>>, %k: tensor<?x2x?x8xf32, #nn.dims<B, 2, P + S, 8>>, %v: tensor<?x2x?x8xf32, #nn.dims<B, 2, P + S, 8>>) -> tensor<?x2x?x8xf32, #nn.dims<B, 2, S, 8>> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<?x2x?x8xf32, #nn.dims<B, 2, S, 8>>, tensor<?x2x?x8xf32, #nn.dims<B, 2, P + S, 8>>) -> tensor<?x2x?x?xf32, #nn.dims<B, 2, S, P + S>>
  %i = nn.iota {axis = 0 : i64} : tensor<?x1xi64, #nn.dims<S, 1>>
  %n = nn.size #nn.dims<P> : tensor<i64>
  %1 = nn.add %i, %n : (tensor<?x1xi64, #nn.dims<S, 1>>, tensor<i64>) -> tensor<?x1xi64, #nn.dims<S, 1>>
  %j = nn.iota {axis = 0 : i64} : tensor<?xi64, #nn.dims<P + S>>
  %2 = nn.compare le %j, %1 : (tensor<?xi64, #nn.dims<P + S>>, tensor<?x1xi64, #nn.dims<S, 1>>) -> tensor<?x?xi1, #nn.dims<S, P + S>>
  %c3 = nn.constant dense<-5> : tensor<i64>
  %4 = nn.add %1, %c3 : (tensor<?x1xi64, #nn.dims<S, 1>>, tensor<i64>) -> tensor<?x1xi64, #nn.dims<S, 1>>
  %5 = nn.compare gt %j, %4 : (tensor<?xi64, #nn.dims<P + S>>, tensor<?x1xi64, #nn.dims<S, 1>>) -> tensor<?x?xi1, #nn.dims<S, P + S>>
  %6 = nn.logical_and %2, %5 : (tensor<?x?xi1, #nn.dims<S, P + S>>, tensor<?x?xi1, #nn.dims<S, P + S>>) -> tensor<?x?xi1, #nn.dims<S, P + S>>
  %c7 = nn.constant dense<0.0> : tensor<f32>
  %c8 = nn.constant dense<-3.40282347e+38> : tensor<f32>
  %9 = nn.where %6, %c7, %c8 : (tensor<?x?xi1, #nn.dims<S, P + S>>, tensor<f32>, tensor<f32>) -> tensor<?x?xf32, #nn.dims<S, P + S>>
  %10 = nn.add %0, %9 : (tensor<?x2x?x?xf32, #nn.dims<B, 2, S, P + S>>, tensor<?x?xf32, #nn.dims<S, P + S>>) -> tensor<?x2x?x?xf32, #nn.dims<B, 2, S, P + S>>
  %11 = nn.softmax %10 {axis = 3 : i64} : (tensor<?x2x?x?xf32, #nn.dims<B, 2, S, P + S>>) -> tensor<?x2x?x?xf32, #nn.dims<B, 2, S, P + S>>
  %12 = nn.matmul %11, %v : (tensor<?x2x?x?xf32, #nn.dims<B, 2, S, P + S>>, tensor<?x2x?x8xf32, #nn.dims<B, 2, P + S, 8>>) -> tensor<?x2x?x8xf32, #nn.dims<B, 2, S, 8>>
  func.return %12 : tensor<?x2x?x8xf32, #nn.dims<B, 2, S, 8>>
}
}

// -----

// Scores that become the lowest float (masked_fill): next to it a score is nothing, so it is added.
// CHECK-LABEL: @filled
// CHECK: %[[M:.*]] = nn.where %c, %{{.*}}, %{{.*}} -> tensor<1x1x1x4xf32>
// CHECK-NEXT: nn.attention %q, %k, %v mask %[[M]] {scale = 1.000000e+00 : f64}
func.func @filled(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %c: tensor<1x1x1x4xi1>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c1 = nn.constant dense<-3.40282347e+38> : tensor<f32>
  %2 = nn.where %c, %c1, %0 : (tensor<1x1x1x4xi1>, tensor<f32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = nn.softmax %2 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = nn.matmul %3, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %4 : tensor<1x2x4x8xf32>
}

// -----

// Masks of the windows of an image, and a bias of each head, for the windows of several images: the sum repeats.
// CHECK-LABEL: @windows
// CHECK: %[[M:.*]] = nn.add %{{.*}}, %{{.*}} -> tensor<4x2x5x5xf32>
// CHECK-NOT: nn.broadcast_to
// CHECK: nn.attention %q, %k, %v mask %[[M]] {scale = 1.000000e+00 : f64}
func.func @windows(%q: tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>>, %k: tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>>, %v: tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>>, %h: tensor<1x2x5x5xf32>, %m: tensor<1x4x1x5x5xf32>) -> tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>>, tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>>) -> tensor<?x2x5x5xf32, #nn.dims<4*N, 2, 5, 5>>
  %1 = nn.add %0, %h : (tensor<?x2x5x5xf32, #nn.dims<4*N, 2, 5, 5>>, tensor<1x2x5x5xf32>) -> tensor<?x2x5x5xf32, #nn.dims<4*N, 2, 5, 5>>
  %2 = nn.reshape %1 : (tensor<?x2x5x5xf32, #nn.dims<4*N, 2, 5, 5>>) -> tensor<?x4x2x5x5xf32, #nn.dims<N, 4, 2, 5, 5>>
  %3 = nn.add %2, %m : (tensor<?x4x2x5x5xf32, #nn.dims<N, 4, 2, 5, 5>>, tensor<1x4x1x5x5xf32>) -> tensor<?x4x2x5x5xf32, #nn.dims<N, 4, 2, 5, 5>>
  %4 = nn.reshape %3 : (tensor<?x4x2x5x5xf32, #nn.dims<N, 4, 2, 5, 5>>) -> tensor<?x2x5x5xf32, #nn.dims<4*N, 2, 5, 5>>
  %5 = nn.softmax %4 {axis = 3 : i64} : (tensor<?x2x5x5xf32, #nn.dims<4*N, 2, 5, 5>>) -> tensor<?x2x5x5xf32, #nn.dims<4*N, 2, 5, 5>>
  %6 = nn.matmul %5, %v : (tensor<?x2x5x5xf32, #nn.dims<4*N, 2, 5, 5>>, tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>>) -> tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>>
  func.return %6 : tensor<?x2x5x8xf32, #nn.dims<4*N, 2, 5, 8>>
}

// -----

// Minus infinity is what a mask of truth values gives, here one where neither of two holds.
// CHECK-LABEL: @hidden
// CHECK: %[[C:.*]] = nn.logical_not %c
// CHECK: %[[D:.*]] = nn.logical_not %d
// CHECK: %[[A:.*]] = nn.logical_and
// CHECK: nn.attention %q, %k, %v mask %[[A]]
func.func @hidden(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %c: tensor<1x1x1x4xi1>, %d: tensor<1x1x4x4xi1>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.logical_or %c, %d : (tensor<1x1x1x4xi1>, tensor<1x1x4x4xi1>) -> tensor<1x1x4x4xi1>
  %c2 = nn.constant dense<"0x000080FF"> : tensor<f32>
  %3 = nn.where %1, %c2, %0 : (tensor<1x1x4x4xi1>, tensor<f32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = nn.softmax %3 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %5 = nn.matmul %4, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %5 : tensor<1x2x4x8xf32>
}

// -----

// A cap whose division is one with the scale: 0.5 x / 4, and one that is no division at all.
// CHECK-LABEL: @capped
// CHECK-NEXT: %[[A:.*]] = nn.attention %q, %k, %v {scale = 5.000000e-01 : f64, softcap = 4.000000e+00 : f64}
// CHECK-NEXT: %[[B:.*]] = nn.attention %q, %k, %v {scale = 4.000000e+00 : f64, softcap = 4.000000e+00 : f64}
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @capped(%q: tensor<2x4x6x8xf32>, %k: tensor<2x4x5x8xf32>, %v: tensor<2x4x5x8xf32>) -> (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>) {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<2x4x6x8xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x6x5xf32>
  %c1 = nn.constant dense<0.125> : tensor<f32>
  %c2 = nn.constant dense<4.0> : tensor<f32>
  %3 = nn.mul %0, %c1 : (tensor<2x4x6x5xf32>, tensor<f32>) -> tensor<2x4x6x5xf32>
  %4 = nn.tanh %3 : tensor<2x4x6x5xf32>
  %5 = nn.mul %4, %c2 : (tensor<2x4x6x5xf32>, tensor<f32>) -> tensor<2x4x6x5xf32>
  %6 = nn.softmax %5 {axis = 3 : i64} : (tensor<2x4x6x5xf32>) -> tensor<2x4x6x5xf32>
  %7 = nn.matmul %6, %v : (tensor<2x4x6x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x6x8xf32>
  %8 = nn.matmul %q, %k {transpose_b} : (tensor<2x4x6x8xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x6x5xf32>
  %9 = nn.tanh %8 : tensor<2x4x6x5xf32>
  %10 = nn.mul %9, %c2 : (tensor<2x4x6x5xf32>, tensor<f32>) -> tensor<2x4x6x5xf32>
  %11 = nn.softmax %10 {axis = 3 : i64} : (tensor<2x4x6x5xf32>) -> tensor<2x4x6x5xf32>
  %12 = nn.matmul %11, %v : (tensor<2x4x6x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x6x8xf32>
  func.return %7, %12 : tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>
}

// -----

// A triangle that leaves the first queries no key: there the lowest number is no minus infinity, and stays one that is added.
// CHECK-LABEL: @no_key
// CHECK: nn.attention %q, %k, %v mask %{{.*}} {scale = 1.000000e+00 : f64} :
func.func @no_key(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x2x8xf32>, %v: tensor<1x2x2x8xf32>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x2x8xf32>) -> tensor<1x2x4x2xf32>
  %c1 = nn.constant dense<[[-3.40282347e+38, -3.40282347e+38], [-3.40282347e+38, -3.40282347e+38], [0.0, -3.40282347e+38], [0.0, 0.0]]> : tensor<4x2xf32>
  %2 = nn.add %0, %c1 : (tensor<1x2x4x2xf32>, tensor<4x2xf32>) -> tensor<1x2x4x2xf32>
  %3 = nn.softmax %2 {axis = 3 : i64} : (tensor<1x2x4x2xf32>) -> tensor<1x2x4x2xf32>
  %4 = nn.matmul %3, %v : (tensor<1x2x4x2xf32>, tensor<1x2x2x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %4 : tensor<1x2x4x8xf32>
}

// -----

// A mask that replaces scores after another one was added: it replaces what that one adds, since the lowest number absorbs any score.
// CHECK-LABEL: @replaced
// CHECK: %[[LOW:.*]] = nn.constant dense<-3.40282347e+38>
// CHECK: %[[M:.*]] = nn.where %{{.*}}, %{{.*}}, %[[LOW]]
// CHECK-NEXT: nn.attention %q, %k, %v mask %[[M]]
func.func @replaced(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %b: tensor<2x4x4xf32>, %m: tensor<1x1x1x4xi1>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %low = nn.constant dense<-3.40282347e+38> : tensor<f32>
  %1 = nn.add %0, %b : (tensor<1x2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.where %m, %1, %low : (tensor<1x1x1x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = nn.softmax %2 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %y : tensor<1x2x4x8xf32>
}

// -----

// A mask that is taken from the scores is added negated.
// CHECK-LABEL: @subtracted
// CHECK: %[[N:.*]] = nn.neg %m
// CHECK: nn.attention %q, %k, %v mask %[[N]]
func.func @subtracted(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %m: tensor<1x1x4x4xf32>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.sub %0, %m : (tensor<1x2x4x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %p = nn.softmax %1 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %y : tensor<1x2x4x8xf32>
}
