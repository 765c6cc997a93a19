// RUN: trtc-opt %s -p realize-integer --split-input-file | filecheck %s
// RUN: trtc-opt %s -p realize-integer --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Scales per output channel lie along dim 0 of a transposed b. Refused: along dim 1 of a plain b, whose bytes no schedule reads.
// CHECK-LABEL: @outputs
// CHECK: nn.matmul %{{.*}}, %{{.*}} : (tensor<16x16xf32>, tensor<16x16xf32>)
// CHECK: %[[B:.*]] = nn.matmul %{{.*}}, %{{.*}} {transpose_b} : (tensor<16x16xi8>, tensor<16x16xi8>) -> tensor<16x16xi32>
// CHECK-NEXT: quant.dequantize %[[B]], %{{.*}} {axis = 1 : i64}
// REMARK: stays in floating point: {{.*}}ldmatrix does not transpose bytes
// REMARK: applied: realize-integer: fusion.group: computes on integers
func.func @outputs(%x: tensor<16x16xi8>, %w: tensor<16x16xi8>, %t: tensor<f32>, %s: tensor<16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %0 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xi8>, %u = %t : tensor<f32>, %v = %s : tensor<16xf32>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = quant.dequantize %b, %v {axis = 1 : i64} : (tensor<16x16xi8>, tensor<16xf32>) -> tensor<16x16xf32>
    %4 = nn.matmul %2, %3 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %4 : tensor<16x16xf32>
  }
  %1 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xi8>, %u = %t : tensor<f32>, %v = %s : tensor<16xf32>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = quant.dequantize %b, %v {axis = 0 : i64} : (tensor<16x16xi8>, tensor<16xf32>) -> tensor<16x16xf32>
    %4 = nn.matmul %2, %3 {transpose_b} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %4 : tensor<16x16xf32>
  }
  func.return %0, %1 : tensor<16x16xf32>, tensor<16x16xf32>
}

// -----

// A conv keeps its pads, strides, dilations and groups; one scale for all needs no axis, and a constant scale goes outside.
// CHECK-LABEL: @windows
// CHECK: nn.conv %{{.*}}, %{{.*}} {strides = array<i64: 1, 2>, pads = array<i64: 1, 2, 3, 4>, dilations = array<i64: 2, 1>, groups = 1 : i64} : (tensor<1x8x8x16xi8>, tensor<16x3x3x16xi8>) -> tensor<1x8x6x16xi32>
// CHECK-NEXT: quant.dequantize %{{[^ ]*}}, %{{[^ ]*}} : (tensor<1x8x6x16xi32>, tensor<f32>)
func.func @windows(%x: tensor<1x8x8x16xi8>, %w: tensor<16x3x3x16xi8>, %t: tensor<f32>) -> tensor<1x8x6x16xf32> {
  %0 = fusion.group "conv" (%a = %x : tensor<1x8x8x16xi8>, %b = %w : tensor<16x3x3x16xi8>, %u = %t : tensor<f32>) -> (tensor<1x8x6x16xf32>) {
    %s = nn.constant dense<0.5> : tensor<f32>
    %1 = quant.dequantize %a, %u : (tensor<1x8x8x16xi8>, tensor<f32>) -> tensor<1x8x8x16xf32>
    %2 = quant.dequantize %b, %s : (tensor<16x3x3x16xi8>, tensor<f32>) -> tensor<16x3x3x16xf32>
    %3 = nn.conv %1, %2 {strides = array<i64: 1, 2>, pads = array<i64: 1, 2, 3, 4>, dilations = array<i64: 2, 1>, groups = 1 : i64} : (tensor<1x8x8x16xf32>, tensor<16x3x3x16xf32>) -> tensor<1x8x6x16xf32>
    fusion.yield %3 : tensor<1x8x6x16xf32>
  }
  func.return %0 : tensor<1x8x6x16xf32>
}

// -----

// Refused: scales of square weights along the sum, in both orders of b.
// CHECK-LABEL: @axes
// CHECK-NOT: i32
// CHECK: func.return
// REMARK-COUNT-2: stays in floating point: the scales of its weights do not lie along the output channels
func.func @axes(%x: tensor<16x16xi8>, %w: tensor<16x16xi8>, %t: tensor<f32>, %s: tensor<16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %0 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xi8>, %u = %t : tensor<f32>, %v = %s : tensor<16xf32>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = quant.dequantize %b, %v {axis = 0 : i64} : (tensor<16x16xi8>, tensor<16xf32>) -> tensor<16x16xf32>
    %4 = nn.matmul %2, %3 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %4 : tensor<16x16xf32>
  }
  %1 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xi8>, %u = %t : tensor<f32>, %v = %s : tensor<16xf32>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = quant.dequantize %b, %v {axis = 1 : i64} : (tensor<16x16xi8>, tensor<16xf32>) -> tensor<16x16xf32>
    %4 = nn.matmul %2, %3 {transpose_b} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %4 : tensor<16x16xf32>
  }
  func.return %0, %1 : tensor<16x16xf32>, tensor<16x16xf32>
}
