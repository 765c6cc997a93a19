// RUN: trtc-opt %s -p fold-batch-norm,fold-constants,dce --split-input-file | filecheck %s

// A factor per channel scales the rows of a conv's and of a transposed matmul's weights; those of a plain matmul by columns.
// CHECK-LABEL: @outputs
// CHECK: %[[U:.*]] = nn.constant dense<{{\[\[\[\[}}1.000000e+00, 1.000000e+00]]], {{\[\[\[}}2.000000e+00, 2.000000e+00]]]]>
// CHECK: nn.conv %x, %[[U]]
// CHECK: %[[V:.*]] = nn.constant dense<{{\[\[}}1.000000e+00, 1.000000e+00], [2.000000e+00, 2.000000e+00]]>
// CHECK: nn.matmul %y, %[[V]] {transpose_b}
// CHECK: %[[W:.*]] = nn.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00], [1.000000e+00, 2.000000e+00]]>
// CHECK: nn.matmul %y, %[[W]] : (
// CHECK-NOT: nn.mul
func.func @outputs(%x: tensor<1x2x2x2xf32>, %y: tensor<2x2xf32>) -> (tensor<1x2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x1x1x2xf32>
  %v = nn.constant dense<1.0> : tensor<2x2xf32>
  %f = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x2x2xf32>, tensor<2x1x1x2xf32>) -> tensor<1x2x2x2xf32>
  %1 = nn.mul %0, %f : (tensor<1x2x2x2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %2 = nn.matmul %y, %v {transpose_b} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.mul %2, %f : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %4 = nn.matmul %y, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = nn.mul %f, %4 : (tensor<2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %1, %3, %5 : tensor<1x2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// A factor on the input does the opposite, also as [1, C]; a quotient by constants is a product.
// CHECK-LABEL: @inputs
// CHECK: %[[U:.*]] = nn.constant dense<{{\[\[\[\[}}1.000000e+00, 2.000000e+00]]], {{\[\[\[}}1.000000e+00, 2.000000e+00]]]]>
// CHECK: nn.conv %x, %[[U]]
// CHECK: %[[V:.*]] = nn.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00], [1.000000e+00, 2.000000e+00]]>
// CHECK: nn.matmul %y, %[[V]] {transpose_b}
// CHECK: %[[W:.*]] = nn.constant dense<{{\[\[}}1.000000e+00, 5.000000e-01], [2.000000e+00, 1.000000e+00]]>
// CHECK: nn.matmul %y, %[[W]] : (
// CHECK-NOT: nn.{{mul|div}}
func.func @inputs(%x: tensor<1x2x2x2xf32>, %y: tensor<2x2xf32>) -> (tensor<1x2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x1x1x2xf32>
  %v = nn.constant dense<1.0> : tensor<2x2xf32>
  %f = nn.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %g = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = nn.mul %x, %f : (tensor<1x2x2x2xf32>, tensor<1x2xf32>) -> tensor<1x2x2x2xf32>
  %1 = nn.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x2x2xf32>, tensor<2x1x1x2xf32>) -> tensor<1x2x2x2xf32>
  %2 = nn.mul %g, %y : (tensor<2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.matmul %2, %v {transpose_b} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = nn.mul %y, %g : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %5 = nn.matmul %4, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %6 = nn.div %5, %g : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  func.return %1, %3, %6 : tensor<1x2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Refused: weights that are computed or batched, a factor that is computed or per row, a scaled input with another reader.
// CHECK-LABEL: @products_refused
// CHECK: nn.mul %{{.*}}, %{{.*}} : (tensor<2x2xf32>, tensor<2xf32>)
// CHECK: nn.mul %{{.*}}, %{{.*}} : (tensor<2x2x2xf32>, tensor<2xf32>)
// CHECK: nn.mul %{{.*}}, %r : (tensor<2x2xf32>, tensor<2xf32>)
// CHECK: nn.mul %{{.*}}, %{{.*}} : (tensor<2x2xf32>, tensor<2x1xf32>)
// CHECK: nn.mul %y, %{{.*}} : (tensor<2x2xf32>, tensor<2xf32>)
func.func @products_refused(%y: tensor<2x2xf32>, %r: tensor<2xf32>) -> (tensor<2x2xf32>, tensor<2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %v = nn.constant dense<1.0> : tensor<2x2xf32>
  %b = nn.constant dense<1.0> : tensor<2x2x2xf32>
  %f = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %c = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.matmul %y, %y : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.mul %0, %f : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = nn.matmul %y, %b : (tensor<2x2xf32>, tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %3 = nn.mul %2, %f : (tensor<2x2x2xf32>, tensor<2xf32>) -> tensor<2x2x2xf32>
  %4 = nn.matmul %y, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = nn.mul %4, %r : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %6 = nn.matmul %y, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %7 = nn.mul %6, %c : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %8 = nn.mul %y, %f : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %9 = nn.matmul %8, %v : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %1, %3, %5, %7, %8, %9 : tensor<2x2xf32>, tensor<2x2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Refused: a factor on the input of a grouped conv, of which each filter reads one part.
// CHECK-LABEL: @grouped
// CHECK: %[[M:.*]] = nn.mul %x
// CHECK: nn.conv %[[M]]
func.func @grouped(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %w = nn.constant dense<1.0> : tensor<2x1x1x1xf32>
  %f = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = nn.mul %x, %f : (tensor<1x2x2x2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %1 = nn.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x2x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x2x2xf32>
  func.return %1 : tensor<1x2x2x2xf32>
}
