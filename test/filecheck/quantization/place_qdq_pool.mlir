// RUN: trtc-opt %s -p place-qdq --split-input-file | filecheck %s

// Scales of images or of channels pass a pool, downwards and upwards: its windows do not reach across them.
// CHECK-LABEL: @passes
// CHECK: %[[D:.*]] = nn.max_pool %q
// CHECK-NEXT: quant.dequantize %[[D]], %{{.*}} {axis = 3 : i64}
// CHECK-NEXT: %[[U:.*]] = quant.quantize %x, %{{.*}} {axis = 0 : i64}
// CHECK-NEXT: nn.max_pool %[[U]]
func.func @passes(%q: tensor<2x2x2x2xi8>, %x: tensor<2x2x2x2xf32>) -> (tensor<2x2x2x2xf32>, tensor<2x2x2x2xi8>) {
  %s = nn.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %0 = quant.dequantize %q, %s {axis = 3 : i64} : (tensor<2x2x2x2xi8>, tensor<2xf32>) -> tensor<2x2x2x2xf32>
  %1 = nn.max_pool %0 {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<2x2x2x2xf32>) -> tensor<2x2x2x2xf32>
  %2 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<2x2x2x2xf32>) -> tensor<2x2x2x2xf32>
  %3 = quant.quantize %2, %s {axis = 0 : i64} : (tensor<2x2x2x2xf32>, tensor<2xf32>) -> tensor<2x2x2x2xi8>
  func.return %1, %3 : tensor<2x2x2x2xf32>, tensor<2x2x2x2xi8>
}

// -----

// Refused: a window compares rows, or columns, of several scales.
// CHECK-LABEL: @refused
// CHECK: %[[D:.*]] = quant.dequantize %q, %{{.*}} {axis = 1 : i64}
// CHECK-NEXT: nn.max_pool %[[D]]
// CHECK-NEXT: %[[P:.*]] = nn.max_pool %x
// CHECK-NEXT: quant.quantize %[[P]], %{{.*}} {axis = 2 : i64}
func.func @refused(%q: tensor<2x2x2x2xi8>, %x: tensor<2x2x2x2xf32>) -> (tensor<2x2x2x2xf32>, tensor<2x2x2x2xi8>) {
  %s = nn.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %0 = quant.dequantize %q, %s {axis = 1 : i64} : (tensor<2x2x2x2xi8>, tensor<2xf32>) -> tensor<2x2x2x2xf32>
  %1 = nn.max_pool %0 {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<2x2x2x2xf32>) -> tensor<2x2x2x2xf32>
  %2 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 0, 1>, dilations = array<i64: 1, 1>} : (tensor<2x2x2x2xf32>) -> tensor<2x2x2x2xf32>
  %3 = quant.quantize %2, %s {axis = 2 : i64} : (tensor<2x2x2x2xf32>, tensor<2xf32>) -> tensor<2x2x2x2xi8>
  func.return %1, %3 : tensor<2x2x2x2xf32>, tensor<2x2x2x2xi8>
}

// -----

// Refused: windows that hold padding alone, whose maximum is -inf and no integer. A quantize makes the least integer of both.
// CHECK-LABEL: @all_padding
// CHECK: %[[D:.*]] = quant.dequantize %q
// CHECK-NEXT: %[[E:.*]] = quant.dequantize %q
// CHECK-NEXT: nn.max_pool %[[E]]
// CHECK-NEXT: nn.max_pool %[[D]]
// CHECK-NEXT: %[[U:.*]] = quant.quantize %x
// CHECK-NEXT: nn.max_pool %[[U]]
func.func @all_padding(%q: tensor<2x2x2x2xi8>, %x: tensor<2x2x2x2xf32>) -> (tensor<2x3x1x2xf32>, tensor<2x1x2x2xf32>, tensor<2x3x1x2xi8>) {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<2x2x2x2xi8>, tensor<f32>) -> tensor<2x2x2x2xf32>
  %1 = nn.max_pool %0 {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 2, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<2x2x2x2xf32>) -> tensor<2x3x1x2xf32>
  %2 = nn.max_pool %0 {kernel = array<i64: 2, 1>, strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 1, 0>, dilations = array<i64: 3, 1>} : (tensor<2x2x2x2xf32>) -> tensor<2x1x2x2xf32>
  %3 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 2, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<2x2x2x2xf32>) -> tensor<2x3x1x2xf32>
  %4 = quant.quantize %3, %s : (tensor<2x3x1x2xf32>, tensor<f32>) -> tensor<2x3x1x2xi8>
  func.return %1, %2, %4 : tensor<2x3x1x2xf32>, tensor<2x1x2x2xf32>, tensor<2x3x1x2xi8>
}
