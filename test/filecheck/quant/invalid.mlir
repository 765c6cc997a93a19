// RUN: trtc-opt %s --split-input-file --verify-diagnostics

// A scale without an axis is a scalar.
func.func @f(%x : tensor<4x8xf32>, %s : tensor<8xf32>) {
  // expected-error@+1 {{quant.quantize: expected a scalar scale without an axis, got tensor<8xf32>}}
  %0 = quant.quantize %x, %s : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi8>
  func.return
}

// -----

// A scale with an axis has one value per index.
func.func @f(%x : tensor<4x8xf32>, %s : tensor<8xf32>) {
  // expected-error@+1 {{quant.quantize: expected a scale of shape [4] for axis 0, got tensor<8xf32>}}
  %0 = quant.quantize %x, %s {axis = 0 : i64} : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi8>
  func.return
}

// -----

// The axis is in range.
func.func @f(%x : tensor<4x8xi8>, %s : tensor<8xf32>) {
  // expected-error@+1 {{quant.dequantize: expected an axis in [0, 2), got 2}}
  %0 = quant.dequantize %x, %s {axis = 2 : i64} : (tensor<4x8xi8>, tensor<8xf32>) -> tensor<4x8xf32>
  func.return
}

// -----

// Quantizing gives i8.
func.func @f(%x : tensor<4xf32>, %s : tensor<f32>) {
  // expected-error@+1 {{quant.quantize: expected a float operand and an i8 result, got tensor<4xf32> and tensor<4xi32>}}
  %0 = quant.quantize %x, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xi32>
  func.return
}

// -----

// Requantizing takes an accumulator.
func.func @f(%x : tensor<4xf32>, %s : tensor<f32>) {
  // expected-error@+1 {{quant.requantize: expected an i32 operand and an i8 result, got tensor<4xf32> and tensor<4xi8>}}
  %0 = quant.requantize %x, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xi8>
  func.return
}

// -----

// A scale is a float.
func.func @f(%x : tensor<4xi8>, %s : tensor<i8>) {
  // expected-error@+1 {{quant.dequantize: expected a floating-point scale, got tensor<i8>}}
  %0 = quant.dequantize %x, %s : (tensor<4xi8>, tensor<i8>) -> tensor<4xf32>
  func.return
}

// -----

// Shapes stay.
func.func @f(%x : tensor<4xi8>, %s : tensor<f32>) {
  // expected-error@+1 {{quant.dequantize: expected result 0 of type tensor<4xf32>, got tensor<8xf32>}}
  %0 = quant.dequantize %x, %s : (tensor<4xi8>, tensor<f32>) -> tensor<8xf32>
  func.return
}

// -----

// Observed values are floats.
func.func @f(%x : tensor<4xi8>) {
  // expected-error@+1 {{quant.observe: expected a floating-point tensor, got tensor<4xi8>}}
  %0 = quant.observe "x" %x : (tensor<4xi8>) -> tensor<4xi8>
  func.return
}
