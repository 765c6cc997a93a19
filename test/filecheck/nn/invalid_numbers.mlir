// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A layer_norm of integers.
// CHECK: nn.layer_norm: expected a floating-point tensor, got tensor<4xi32>
func.func @f(%x: tensor<4xi32>) {
  %0 = nn.layer_norm %x, %x, %x {axis = 0 : i64, epsilon = 0.0 : f64} : (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  func.return
}

// -----

// A layer_norm along no dim.
// CHECK: nn.layer_norm: expected an axis in [0, 1), got -1
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.layer_norm %x, %x, %x {axis = -1 : i64, epsilon = 0.0 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A scale of another type.
// CHECK: nn.layer_norm: expected scale to broadcast to dims 0.. of tensor<4xf32> with its element type, got tensor<4xf64>
func.func @f(%x: tensor<4xf32>, %s: tensor<4xf64>) {
  %0 = nn.layer_norm %x, %s, %x {axis = 0 : i64, epsilon = 0.0 : f64} : (tensor<4xf32>, tensor<4xf64>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A bias of more dims than are normalised.
// CHECK: nn.layer_norm: expected bias to broadcast to dims 0.. of tensor<4xf32> with its element type, got tensor<2x4xf32>
func.func @f(%x: tensor<4xf32>, %s: tensor<2x4xf32>) {
  %0 = nn.layer_norm %x, %x, %s {axis = 0 : i64, epsilon = 0.0 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<2x4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A batch_norm without channels.
// CHECK: nn.batch_norm: expected a floating-point tensor [..., C], got tensor<f32>
func.func @f(%x: tensor<f32>, %s: tensor<1xf32>) {
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f64} : (tensor<f32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<f32>
  func.return
}

// -----

// A variance of integers.
// CHECK: nn.batch_norm: expected scale, bias, mean and variance of shape [4], got tensor<4xi32>
func.func @f(%x: tensor<4xf32>, %i: tensor<4xi32>) {
  %0 = nn.batch_norm %x, %x, %x, %x, %i {epsilon = 0.0 : f64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  func.return
}

// -----

// A window of no channels.
// CHECK: nn.lrn: expected a floating-point tensor [..., C] and size > 0, got tensor<4xf32> and 0
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.lrn %x {size = 0 : i64, alpha = 1.0 : f64, beta = 1.0 : f64, bias = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// The negation of a number.
// CHECK: nn.logical_not: expected an i1 tensor, got tensor<4xf32>
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.logical_not %x : tensor<4xf32>
  func.return
}

// -----

// The test of integers for NaN.
// CHECK: nn.isnan: expected a floating-point tensor, got tensor<4xi32>; insert an nn.cast
func.func @f(%x: tensor<4xi32>) {
  %0 = nn.isnan %x : (tensor<4xi32>) -> tensor<4xi1>
  func.return
}

// -----

// The conjunction of numbers.
// CHECK: nn.logical_and: expected i1 tensors, got tensor<4xi32>
func.func @f(%x: tensor<4xi32>) {
  %0 = nn.logical_and %x, %x : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  func.return
}

// -----

// A dequantized float.
// CHECK: quant.dequantize: expected an i8 or i32 operand and a float result, got tensor<4xf32> and tensor<4xf32>
func.func @f(%x: tensor<4xf32>, %s: tensor<f32>) {
  %0 = quant.dequantize %x, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return
}

// -----

// The sum of truth values.
// CHECK: nn.add: expected a tensor of numbers, got tensor<4xi1>; use a logical op, or insert an nn.cast
func.func @f(%x: tensor<4xi1>) {
  %0 = nn.add %x, %x : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  func.return
}

// -----

// The bits of a float.
// CHECK: nn.bit_and: expected a tensor of integers, got tensor<4xf32>; insert an nn.cast
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.bit_and %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// The inverse of a truth value.
// CHECK: nn.bit_not: expected a tensor of integers, got tensor<4xi1>; insert an nn.cast
func.func @f(%x: tensor<4xi1>) {
  %0 = nn.bit_not %x : tensor<4xi1>
  func.return
}

// -----

// The same bits in fewer.
// CHECK: nn.bitcast: expected types of one size, got f32 and i16
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.bitcast %x : (tensor<4xf32>) -> tensor<4xi16>
  func.return
}

// -----

// Maxima of numbers that i64 does not order.
// CHECK: nn.reduce: expected numbers that i64 orders, got tensor<4xui64>; bitcast them, with the sign bit inverted
func.func @f(%x: tensor<4xui64>) {
  %0 = nn.reduce max %x {axes = array<i64: 0>, keepdims = false} : (tensor<4xui64>) -> tensor<ui64>
  func.return
}

// -----

// Positions of numbers that i64 does not order.
// CHECK: nn.argsort: expected numbers that i64 orders, got tensor<4xui64>; bitcast them, with the sign bit inverted
func.func @f(%x: tensor<4xui64>) {
  %0 = nn.argsort %x {axis = 0 : i64} : (tensor<4xui64>) -> tensor<4xi32>
  func.return
}

// -----

// Sums of numbers that no atomic operation adds.
// CHECK: nn.scatter: expected numbers that atomics combine, got tensor<4xui32>; bitcast them to a type with a sign
func.func @f(%x: tensor<4xui32>, %i: tensor<2xi64>, %u: tensor<2xui32>) {
  %0 = nn.scatter add %x, %i, %u : (tensor<4xui32>, tensor<2xi64>, tensor<2xui32>) -> tensor<4xui32>
  func.return
}
