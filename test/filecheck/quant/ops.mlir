// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// Scales are per tensor, or per index of an axis.
// CHECK-LABEL: @quantize(
func.func @quantize(%x: tensor<?x8xf32, #nn.dims<N, 8>>, %y: tensor<f32>, %z: tensor<8xf32>) {
  // CHECK-NEXT: %0 = quant.quantize %x, %y : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xi8, #nn.dims<N, 8>>
  %0 = quant.quantize %x, %y : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xi8, #nn.dims<N, 8>>
  // CHECK-NEXT: %1 = quant.dequantize %0, %y : (tensor<?x8xi8, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = quant.dequantize %0, %y : (tensor<?x8xi8, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %2 = quant.quantize %x, %z {axis = 1 : i64} : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xi8, #nn.dims<N, 8>>
  %2 = quant.quantize %x, %z {axis = 1 : i64} : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xi8, #nn.dims<N, 8>>
  // CHECK-NEXT: %3 = quant.dequantize %2, %z {axis = 1 : i64} : (tensor<?x8xi8, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xf16, #nn.dims<N, 8>>
  %3 = quant.dequantize %2, %z {axis = 1 : i64} : (tensor<?x8xi8, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xf16, #nn.dims<N, 8>>
  func.return
}

// An accumulator becomes i8 again, or a float.
// CHECK-LABEL: @requantize(
func.func @requantize(%x: tensor<?x8xi32, #nn.dims<N, 8>>, %y: tensor<8xf32>) {
  // CHECK-NEXT: %0 = quant.requantize %x, %y {axis = 1 : i64} : (tensor<?x8xi32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xi8, #nn.dims<N, 8>>
  %0 = quant.requantize %x, %y {axis = 1 : i64} : (tensor<?x8xi32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xi8, #nn.dims<N, 8>>
  // CHECK-NEXT: %1 = quant.dequantize %x, %y {axis = 1 : i64} : (tensor<?x8xi32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = quant.dequantize %x, %y {axis = 1 : i64} : (tensor<?x8xi32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return
}

// An observed value has a label.
// CHECK-LABEL: @observe(
func.func @observe(%x: tensor<?x8xf32, #nn.dims<N, 8>>) {
  // CHECK-NEXT: %0 = quant.observe "conv1:0" %x : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %0 = quant.observe "conv1:0" %x : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return
}
