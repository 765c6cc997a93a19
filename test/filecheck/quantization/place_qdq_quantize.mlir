// RUN: trtc-opt %s -p place-qdq --split-input-file | filecheck %s
// RUN: trtc-opt %s -p place-qdq --split-input-file --remarks=missed:place-qdq 2>&1 >/dev/null | filecheck %s --check-prefix=REASON

// A quantize moves up past a reshape by one scale, and past a pool, which keeps the axis of several.
// CHECK-LABEL: @up
// CHECK: %[[Q:.*]] = quant.quantize %x, %t : (tensor<4xf32>, tensor<f32>)
// CHECK: nn.reshape %[[Q]] : (tensor<4xi8>) -> tensor<2x2xi8>
// CHECK: %[[R:.*]] = quant.quantize %y, %{{.*}} {axis = 3 : i64} : (tensor<1x2x2x2xf32>, tensor<2xf32>)
// CHECK: nn.max_pool %[[R]]
func.func @up(%x: tensor<4xf32>, %t: tensor<f32>, %y: tensor<1x2x2x2xf32>) -> (tensor<2x2xi8>, tensor<1x1x2x2xi8>) {
  %s = nn.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %0 = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %1 = quant.quantize %0, %t : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xi8>
  %2 = nn.max_pool %y {kernel = array<i64: 2, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x1x2x2xf32>
  %3 = quant.quantize %2, %s {axis = 3 : i64} : (tensor<1x1x2x2xf32>, tensor<2xf32>) -> tensor<1x1x2x2xi8>
  func.return %1, %3 : tensor<2x2xi8>, tensor<1x1x2x2xi8>
}

// -----

// Refused: a reshape of a tensor with a scale per channel, one with another reader, and a pool by a scale that may be negative.
// REASON: quant.quantize: quantize stays behind nn.reshape: its scale is per channel
// REASON-NEXT: quant.quantize: quantize stays behind nn.reshape: its result has other readers
// REASON-NEXT: quant.quantize: quantize stays behind nn.max_pool: its scale lies along a window or is not known to be positive
// CHECK-LABEL: @up_refused
// CHECK: nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
// CHECK-NEXT: quant.quantize
// CHECK-NEXT: nn.reshape %x : (tensor<4xf32>) -> tensor<1x4xf32>
// CHECK-NEXT: quant.quantize
// CHECK-NEXT: nn.max_pool %y
// CHECK-NEXT: quant.quantize
func.func @up_refused(%x: tensor<4xf32>, %t: tensor<f32>, %s: tensor<2xf32>, %y: tensor<1x2x2x2xf32>) -> (tensor<2x2xi8>, tensor<1x4xf32>, tensor<1x4xi8>, tensor<1x1x2x2xi8>) {
  %0 = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %1 = quant.quantize %0, %s {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xi8>
  %2 = nn.reshape %x : (tensor<4xf32>) -> tensor<1x4xf32>
  %3 = quant.quantize %2, %t : (tensor<1x4xf32>, tensor<f32>) -> tensor<1x4xi8>
  %4 = nn.max_pool %y {kernel = array<i64: 2, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x1x2x2xf32>
  %5 = quant.quantize %4, %t : (tensor<1x1x2x2xf32>, tensor<f32>) -> tensor<1x1x2x2xi8>
  func.return %1, %2, %3, %5 : tensor<2x2xi8>, tensor<1x4xf32>, tensor<1x4xi8>, tensor<1x1x2x2xi8>
}

// -----

// Refused: a pair of two scales rounds, scales along two dims of a square are two, and an i32 accumulator is not i8.
// REASON-NEXT: quant.quantize: a dequantize and a quantize stay: their scales differ
// REASON-NEXT: quant.quantize: a dequantize and a quantize stay: their scales differ
// REASON-NEXT: quant.quantize: a dequantize and a quantize stay: i32 becomes i8
// CHECK-LABEL: @pairs_refused
// CHECK-COUNT-3: quant.quantize
func.func @pairs_refused(%q: tensor<2x2xi8>, %acc: tensor<2x2xi32>) -> (tensor<2x2xi8>, tensor<2x2xi8>, tensor<2x2xi8>) {
  %s = nn.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %half = nn.constant dense<0.5> : tensor<f32>
  %other = nn.constant dense<0.25> : tensor<f32>
  %0 = quant.dequantize %q, %half : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %1 = quant.quantize %0, %other : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xi8>
  %2 = quant.dequantize %q, %s {axis = 0 : i64} : (tensor<2x2xi8>, tensor<2xf32>) -> tensor<2x2xf32>
  %3 = quant.quantize %2, %s {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xi8>
  %4 = quant.dequantize %acc, %half : (tensor<2x2xi32>, tensor<f32>) -> tensor<2x2xf32>
  %5 = quant.quantize %4, %half : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xi8>
  func.return %1, %3, %5 : tensor<2x2xi8>, tensor<2x2xi8>, tensor<2x2xi8>
}

// -----

// Refused: two readers of dequantized weights share it; what is computed at build time costs no launch.
// CHECK-LABEL: @weights
// CHECK-COUNT-1: quant.dequantize
// CHECK-NOT: quant.dequantize
func.func @weights(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = nn.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %w, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %1 = nn.matmul %x, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.mul %x, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %1, %2 : tensor<2x2xf32>, tensor<2x2xf32>
}
