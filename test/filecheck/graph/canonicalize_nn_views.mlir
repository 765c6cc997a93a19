// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s

// Weights are transposed below their dequantize; scales along dim 2 lie along dim 0 after a rotation, on a cube as well.
// CHECK-LABEL: @weights
// CHECK: %[[T:.*]] = nn.transpose %{{.*}} {permutation = array<i64: 2, 0, 1>} : (tensor<2x2x2xi8>)
// CHECK-NEXT: %[[A:.*]] = quant.dequantize %[[T]], %s {axis = 0 : i64}
// CHECK: %[[U:.*]] = nn.transpose
// CHECK-NEXT: %[[B:.*]] = quant.dequantize %[[U]], %{{[^ ]*}} : (tensor<2x2x2xi8>, tensor<f32>)
// CHECK-NEXT: func.return %[[A]], %[[B]]
func.func @weights(%s: tensor<2xf32>, %t: tensor<f32>) -> (tensor<2x2x2xf32>, tensor<2x2x2xf32>) {
  %w = nn.constant dense<[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]> : tensor<2x2x2xi8>
  %0 = quant.dequantize %w, %s {axis = 2 : i64} : (tensor<2x2x2xi8>, tensor<2xf32>) -> tensor<2x2x2xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %2 = quant.dequantize %w, %t : (tensor<2x2x2xi8>, tensor<f32>) -> tensor<2x2x2xf32>
  %3 = nn.transpose %2 {permutation = array<i64: 2, 0, 1>} : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  func.return %1, %3 : tensor<2x2x2xf32>, tensor<2x2x2xf32>
}

// -----

// Refused: what is dequantized is computed at run time; place-qdq decides about it.
// CHECK-LABEL: @computed
// CHECK-NEXT: %[[D:.*]] = quant.dequantize %q
// CHECK-NEXT: nn.transpose %[[D]]
func.func @computed(%q: tensor<2x3xi8>, %s: tensor<f32>) -> tensor<3x2xf32> {
  %0 = quant.dequantize %q, %s : (tensor<2x3xi8>, tensor<f32>) -> tensor<2x3xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  func.return %1 : tensor<3x2xf32>
}

// -----

// A pointwise op by a number moves before the transpose, which then has the element type of a comparison's result.
// CHECK-LABEL: @above_view
// CHECK: %[[P:.*]] = nn.compare lt %{{.*}}, %x : (tensor<f32>, tensor<2x3x4xf32>) -> tensor<2x3x4xi1>
// CHECK-NEXT: nn.transpose %[[P]] {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xi1>) -> tensor<4x2x3xi1>
func.func @above_view(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xi1> {
  %c = nn.constant dense<3.0> : tensor<f32>
  %0 = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = nn.compare lt %c, %0 : (tensor<f32>, tensor<4x2x3xf32>) -> tensor<4x2x3xi1>
  func.return %1 : tensor<4x2x3xi1>
}

// -----

// Refused: an operand that is not a number or has dims of its own, two views, a second user, a view of a constant.
// CHECK-LABEL: @above_view_refused
// CHECK: %[[R:.*]] = nn.reshape %x
// CHECK-NEXT: %[[A:.*]] = nn.mul %[[R]], %n
// CHECK: %[[B:.*]] = nn.mul %[[S:.*]], %{{.*}} : (tensor<2x2xf32>, tensor<2xf32>)
// CHECK: %[[C:.*]] = nn.mul %[[T:.*]], %{{.*}} : (tensor<2x2xf32>, tensor<1x1xf32>)
// CHECK: %[[U:.*]] = nn.reshape %x
// CHECK-NEXT: %[[D:.*]] = nn.mul %[[U]], %[[U]]
// CHECK: %[[V:.*]] = nn.reshape %x
// CHECK-NEXT: %[[E:.*]] = nn.exp %[[V]]
// CHECK: %[[W:.*]] = nn.reshape
// CHECK-NEXT: %[[F:.*]] = nn.exp %[[W]]
// CHECK-NEXT: func.return %[[A]], %[[B]], %[[C]], %[[D]], %[[E]], %[[V]], %[[F]]
func.func @above_view_refused(%x: tensor<4xf32>, %n: tensor<f32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %row = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %one = nn.constant dense<3.0> : tensor<1x1xf32>
  %four = nn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %r = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %0 = nn.mul %r, %n : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %s = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %1 = nn.mul %s, %row : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %t = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %2 = nn.mul %t, %one : (tensor<2x2xf32>, tensor<1x1xf32>) -> tensor<2x2xf32>
  %u = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %3 = nn.mul %u, %u : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %v = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %4 = nn.exp %v : tensor<2x2xf32>
  %w = nn.reshape %four : (tensor<4xf32>) -> tensor<2x2xf32>
  %5 = nn.exp %w : tensor<2x2xf32>
  func.return %0, %1, %2, %3, %4, %v, %5 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Refused: quantize and dequantize ops, which other passes look for where they are.
// CHECK-LABEL: @marks
// CHECK: nn.reshape %x
// CHECK-NEXT: quant.quantize
func.func @marks(%x: tensor<4xf32>) -> tensor<2x2xi8> {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %1 = quant.quantize %0, %s : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xi8>
  func.return %1 : tensor<2x2xi8>
}

// -----

// Images and heads that are merged only to move past the tokens move apart, of a dynamic number of images too.
// CHECK-LABEL: @merged_to_move
// CHECK-NEXT: %[[R:.*]] = nn.reshape %x : {{.*}} -> tensor<5x?x2x3xf32, #nn.dims<5, N, 2, 3>>
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[R]] {permutation = array<i64: 1, 2, 0, 3>}
// CHECK-NEXT: func.return %[[T]]
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @merged_to_move(%x: tensor<5x?x6xf32, #nn.dims<5, N, 6>>) -> tensor<?x2x5x3xf32, #nn.dims<N, 2, 5, 3>> {
    %0 = nn.reshape %x : (tensor<5x?x6xf32, #nn.dims<5, N, 6>>) -> tensor<5x?x3xf32, #nn.dims<5, 2*N, 3>>
    %1 = nn.transpose %0 {permutation = array<i64: 1, 0, 2>} : (tensor<5x?x3xf32, #nn.dims<5, 2*N, 3>>) -> tensor<?x5x3xf32, #nn.dims<2*N, 5, 3>>
    %2 = nn.reshape %1 : (tensor<?x5x3xf32, #nn.dims<2*N, 5, 3>>) -> tensor<?x2x5x3xf32, #nn.dims<N, 2, 5, 3>>
    func.return %2 : tensor<?x2x5x3xf32, #nn.dims<N, 2, 5, 3>>
  }
}

// -----

// Refused: the result keeps two dims merged.
// CHECK-LABEL: @stay_merged
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.reshape
func.func @stay_merged(%x: tensor<5x4x6xf32>) -> tensor<8x15xf32> {
  %0 = nn.reshape %x : (tensor<5x4x6xf32>) -> tensor<5x8x3xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0, 2>} : (tensor<5x8x3xf32>) -> tensor<8x5x3xf32>
  %2 = nn.reshape %1 : (tensor<8x5x3xf32>) -> tensor<8x15xf32>
  func.return %2 : tensor<8x15xf32>
}
