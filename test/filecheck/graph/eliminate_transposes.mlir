// RUN: trtc-opt %s -p eliminate-transposes --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// NCHW ops between NHWC ones: the bias turns into a vector, concat and reduce get other axes, and no transpose is left.
// CHECK-LABEL: @chain
// CHECK-NOT: nn.transpose
// CHECK: %[[P:.*]] = nn.max_pool %x
// CHECK: %[[R:.*]] = nn.relu %[[P]] {nn.names = ["r@0,2,3,1"]} : tensor<1x2x2x3xf32>
// CHECK: %[[B:.*]] = nn.constant dense<[1.000000e+00, 2.000000e+00, 3.000000e+00]> : tensor<3xf32>
// CHECK: %[[A:.*]] = nn.add %[[R]], %[[B]]
// CHECK: %[[M:.*]] = nn.reduce mean %[[A]] {axes = array<i64: 1, 2>, keepdims = true}
// CHECK: %[[S:.*]] = nn.mul %[[A]], %[[M]]
// CHECK: %[[C:.*]] = nn.concat %[[S]], %[[A]] {axis = 3 : i64}
// CHECK: nn.max_pool %[[C]]
func.func @chain(%x: tensor<1x4x4x3xf32>) -> tensor<1x1x1x6xf32> {
  %b = nn.constant dense<[[[1.0]], [[2.0]], [[3.0]]]> : tensor<3x1x1xf32>
  %0 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x3xf32>) -> tensor<1x2x2x3xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x3xf32>) -> tensor<1x3x2x2xf32>
  %2 = nn.relu %1 {nn.names = ["r"]} : tensor<1x3x2x2xf32>
  %3 = nn.add %2, %b : (tensor<1x3x2x2xf32>, tensor<3x1x1xf32>) -> tensor<1x3x2x2xf32>
  %4 = nn.reduce mean %3 {axes = array<i64: 2, 3>, keepdims = true} : (tensor<1x3x2x2xf32>) -> tensor<1x3x1x1xf32>
  %5 = nn.mul %3, %4 : (tensor<1x3x2x2xf32>, tensor<1x3x1x1xf32>) -> tensor<1x3x2x2xf32>
  %6 = nn.concat %5, %3 {axis = 1 : i64} : (tensor<1x3x2x2xf32>, tensor<1x3x2x2xf32>) -> tensor<1x6x2x2xf32>
  %7 = nn.transpose %6 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x6x2x2xf32>) -> tensor<1x2x2x6xf32>
  %8 = nn.max_pool %7 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x6xf32>) -> tensor<1x1x1x6xf32>
  func.return %8 : tensor<1x1x1x6xf32>
}

// -----

// Refused: both orders are needed of one square value, so that one transpose stays.
// CHECK-LABEL: @both_orders
// CHECK-COUNT-1: nn.transpose
// CHECK-NOT: nn.transpose
func.func @both_orders(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = nn.relu %x : tensor<4x4xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = nn.add %0, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return %2 : tensor<4x4xf32>
}

// -----

// Dynamic: slices, pads and softmax follow; what a matmul reads stays in its order, by one transpose of the smaller tensor.
// CHECK-LABEL: @dynamic
// CHECK: %[[S:.*]] = nn.slice %x {starts = #nn.dims<0, 1, 0>, steps = array<i64: 1, 1, 1>} : {{.*}} -> tensor<?x2x4xf32, #nn.dims<N, 2, 4>>
// CHECK: %[[M:.*]] = nn.softmax %[[S]] {axis = 1 : i64}
// CHECK: %[[T:.*]] = nn.transpose %[[M]] {permutation = array<i64: 0, 2, 1>}
// CHECK: nn.matmul %[[T]], %[[T]] {transpose_b}
func.func @dynamic(%x: tensor<?x4x4xf32, #nn.dims<N, 4, 4>>) -> tensor<?x4x4xf32, #nn.dims<N, 4, 4>> {
  %0 = nn.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<?x4x4xf32, #nn.dims<N, 4, 4>>) -> tensor<?x4x4xf32, #nn.dims<N, 4, 4>>
  %1 = nn.slice %0 {starts = #nn.dims<0, 0, 1>, steps = array<i64: 1, 1, 1>} : (tensor<?x4x4xf32, #nn.dims<N, 4, 4>>) -> tensor<?x4x2xf32, #nn.dims<N, 4, 2>>
  %2 = nn.softmax %1 {axis = 2 : i64} : (tensor<?x4x2xf32, #nn.dims<N, 4, 2>>) -> tensor<?x4x2xf32, #nn.dims<N, 4, 2>>
  %3 = nn.matmul %2, %2 {transpose_b} : (tensor<?x4x2xf32, #nn.dims<N, 4, 2>>, tensor<?x4x2xf32, #nn.dims<N, 4, 2>>) -> tensor<?x4x4xf32, #nn.dims<N, 4, 4>>
  func.return %3 : tensor<?x4x4xf32, #nn.dims<N, 4, 4>>
}

// -----

// A constant keeps its dim of size 1 where no other operand gives the result its rank.
// CHECK-LABEL: @narrow_operand
// CHECK: %[[C:.*]] = nn.constant dense<{{.*}}> : tensor<1x2xf32>
// CHECK: nn.mul %[[C]], %x : (tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x2xf32>
func.func @narrow_operand(%x: tensor<1xf32>) -> tensor<1x2xf32> {
  %c = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.mul %c, %x : (tensor<2x1xf32>, tensor<1xf32>) -> tensor<2x1xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x1xf32>) -> tensor<1x2xf32>
  func.return %1 : tensor<1x2xf32>
}

// -----

// Invalid: not a permutation.
// CHECK: nn.transpose: expected a permutation of 0..1, got [0, 0]
func.func @invalid(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 0, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return %0 : tensor<4x4xf32>
}

// -----

// Products with one matrix and layer-norms work on rows: what is added to them keeps the tokens before the images, as its reader wants.
// CHECK-LABEL: @rows
// CHECK-NEXT: %[[T:.*]] = nn.transpose %x {{{.*}}permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
// CHECK-NEXT: %[[N:.*]] = nn.layer_norm %[[T]], %s, %s
// CHECK-NEXT: %[[M:.*]] = nn.matmul %[[N]], %w : {{.*}} -> tensor<3x2x4xf32>
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[M]]
// CHECK-NEXT: %[[P:.*]] = nn.matmul %[[R]], %w
// CHECK-NEXT: %[[Q:.*]] = nn.reshape %[[P]]
// CHECK-NEXT: %[[A:.*]] = nn.add %[[Q]], %[[T]]
// CHECK-NEXT: %[[L:.*]] = nn.layer_norm %[[A]]
// CHECK-NEXT: %[[O:.*]] = nn.matmul %[[L]], %w
// CHECK-NEXT: nn.reshape %[[O]]
func.func @rows(%x: tensor<2x3x4xf32>, %w: tensor<4x4xf32>, %s: tensor<4xf32>) -> tensor<6x4xf32> {
  %0 = nn.layer_norm %x, %s, %s {axis = 2 : i64, epsilon = 0.01 : f64} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
  %2 = nn.matmul %1, %w : (tensor<3x2x4xf32>, tensor<4x4xf32>) -> tensor<3x2x4xf32>
  %3 = nn.reshape %2 : (tensor<3x2x4xf32>) -> tensor<6x4xf32>
  %4 = nn.matmul %3, %w : (tensor<6x4xf32>, tensor<4x4xf32>) -> tensor<6x4xf32>
  %5 = nn.reshape %4 : (tensor<6x4xf32>) -> tensor<3x2x4xf32>
  %6 = nn.transpose %5 {permutation = array<i64: 1, 0, 2>} : (tensor<3x2x4xf32>) -> tensor<2x3x4xf32>
  %7 = nn.add %6, %x : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %8 = nn.layer_norm %7, %s, %s {axis = 2 : i64, epsilon = 0.01 : f64} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %9 = nn.transpose %8 {permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
  %10 = nn.matmul %9, %w : (tensor<3x2x4xf32>, tensor<4x4xf32>) -> tensor<3x2x4xf32>
  %11 = nn.reshape %10 : (tensor<3x2x4xf32>) -> tensor<6x4xf32>
  func.return %11 : tensor<6x4xf32>
}

// -----

// Refused where it would cost as much: the one transpose before a product stays where it is.
// CHECK-LABEL: @one_side
// CHECK: nn.layer_norm %x
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.matmul
func.func @one_side(%x: tensor<2x3x4xf32>, %w: tensor<4x4xf32>, %s: tensor<4xf32>) -> tensor<3x2x4xf32> {
  %0 = nn.layer_norm %x, %s, %s {axis = 2 : i64, epsilon = 0.01 : f64} : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
  %2 = nn.matmul %1, %w : (tensor<3x2x4xf32>, tensor<4x4xf32>) -> tensor<3x2x4xf32>
  func.return %2 : tensor<3x2x4xf32>
}
