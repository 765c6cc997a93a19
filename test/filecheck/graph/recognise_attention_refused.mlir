// RUN: trtc-opt %s -p recognise-attention,dce --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-attention --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// The probabilities are an output too.
// CHECK-LABEL: @weights_too
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: other ops read the probabilities
func.func @weights_too(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>) {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.softmax %0 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.matmul %1, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %2, %1 : tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>
}

// -----

// So are the scores.
// CHECK-LABEL: @scores_too
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: other ops read the scores after nn.matmul
func.func @scores_too(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>) {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.softmax %0 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.matmul %1, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %2, %0 : tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>
}

// -----

// What scales scores is not one number of a query.
// CHECK-LABEL: @scaled_by_a_tensor
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: nn.mul scales scores by what is not one number of a query
func.func @scaled_by_a_tensor(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %m: tensor<2x1x4xf32>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.mul %0, %m : (tensor<1x2x4x4xf32>, tensor<2x1x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.softmax %1 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = nn.matmul %2, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %3 : tensor<1x2x4x8xf32>
}

// -----

// A mask that does not hide.
// CHECK-LABEL: @weak
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: scores that a mask hides become -10, not the lowest number
func.func @weak(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %c: tensor<1x1x1x4xi1>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %c1 = nn.constant dense<-10.0> : tensor<f32>
  %2 = nn.where %c, %0, %c1 : (tensor<1x1x1x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %3 = nn.softmax %2 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = nn.matmul %3, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %4 : tensor<1x2x4x8xf32>
}

// -----

// A mask is scaled with the scores.
// CHECK-LABEL: @late_scale
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: a mask is applied before the scores are scaled
func.func @late_scale(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %m: tensor<1x1x1x4xf32>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.add %0, %m : (tensor<1x2x4x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x2x4x4xf32>
  %c2 = nn.constant dense<0.5> : tensor<f32>
  %3 = nn.mul %1, %c2 : (tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %4 = nn.softmax %3 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %5 = nn.matmul %4, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %5 : tensor<1x2x4x8xf32>
}

// -----

// A softmax over the queries.
// CHECK-LABEL: @over_queries
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: the softmax is not over the last dim
func.func @over_queries(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.softmax %0 {axis = 2 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.matmul %1, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %2 : tensor<1x2x4x8xf32>
}

// -----

// Values as [size, keys], from the left.
// CHECK-LABEL: @values_first
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: the values are the first factor
func.func @values_first(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %w: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.softmax %0 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.matmul %w, %1 {transpose_b} : (tensor<1x2x8x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x8x4xf32>
  func.return %2 : tensor<1x2x8x4xf32>
}

// -----

// Factors that are dequantized: the product may be one of integers.
// CHECK-LABEL: @dequantized
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: its queries are dequantized
func.func @dequantized(%q: tensor<1x2x4x8xi8>, %k: tensor<1x2x4x8xi8>, %v: tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
  %c0 = nn.constant dense<0.5> : tensor<f32>
  %a = quant.dequantize %q, %c0 : (tensor<1x2x4x8xi8>, tensor<f32>) -> tensor<1x2x4x8xf32>
  %b = quant.dequantize %k, %c0 : (tensor<1x2x4x8xi8>, tensor<f32>) -> tensor<1x2x4x8xf32>
  %1 = nn.matmul %a, %b {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.softmax %1 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = nn.matmul %2, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %3 : tensor<1x2x4x8xf32>
}

// -----

// A product with weights gives no scores of keys: nothing to say.
// CHECK-LABEL: @classifier
// CHECK-NOT: nn.attention
func.func @classifier(%x: tensor<2x4x8xf32>, %v: tensor<2x6x8xf32>) -> tensor<2x4x8xf32> {
  %c0 = nn.constant dense<0.5> : tensor<8x6xf32>
  %1 = nn.matmul %x, %c0 : (tensor<2x4x8xf32>, tensor<8x6xf32>) -> tensor<2x4x6xf32>
  %2 = nn.softmax %1 {axis = 2 : i64} : (tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %3 = nn.matmul %2, %v : (tensor<2x4x6xf32>, tensor<2x6x8xf32>) -> tensor<2x4x8xf32>
  func.return %3 : tensor<2x4x8xf32>
}

// -----

// A number of more dims than what it scales: the product before which it would be moved has another rank.
// CHECK-LABEL: @scale_of_more_dims
// CHECK: nn.mul %x, %{{.*}} -> tensor<1x4x8xf32>
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.matmul
func.func @scale_of_more_dims(%x: tensor<4x8xf32>, %b: tensor<1x4x5xf32>) -> tensor<1x8x5xf32> {
  %k = nn.constant dense<0.5> : tensor<1x1x1xf32>
  %0 = nn.mul %x, %k : (tensor<4x8xf32>, tensor<1x1x1xf32>) -> tensor<1x4x8xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 1>} : (tensor<1x4x8xf32>) -> tensor<1x8x4xf32>
  %2 = nn.matmul %1, %b : (tensor<1x8x4xf32>, tensor<1x4x5xf32>) -> tensor<1x8x5xf32>
  func.return %2 : tensor<1x8x5xf32>
}

// -----

// Where a query has no key left, those that both masks hide would weigh nothing, and in the model as much as the others.
// CHECK-LABEL: @replaced
// CHECK-NOT: nn.attention
// REMARK: missed: recognise-attention: nn.softmax: not an attention: a mask replaces scores that another one made minus infinity
func.func @replaced(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x8xf32>, %a: tensor<1x1x4x4xi1>, %m: tensor<1x1x1x4xi1>) -> tensor<1x2x4x8xf32> {
  %0 = nn.matmul %q, %k {transpose_b} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x4xf32>
  %low = nn.constant dense<-3.40282347e+38> : tensor<f32>
  %none = nn.constant dense<"0x000080FF"> : tensor<f32>
  %1 = nn.where %a, %0, %none : (tensor<1x1x4x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %2 = nn.where %m, %1, %low : (tensor<1x1x1x4xi1>, tensor<1x2x4x4xf32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %p = nn.softmax %2 {axis = 3 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %y = nn.matmul %p, %v : (tensor<1x2x4x4xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  func.return %y : tensor<1x2x4x8xf32>
}
