// RUN: trtc-opt %s -p realize-integer --split-input-file | filecheck %s
// RUN: trtc-opt %s -p realize-integer --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Refused: only the first operand is quantized. Where only the second is, there is no remark.
// CHECK-LABEL: @one_operand
// CHECK-NOT: i32
// CHECK: func.return
// REMARK: stays in floating point: only one operand is quantized
// REMARK-NOT: stays in floating point
// REMARK: @one_operand
func.func @one_operand(%x: tensor<16x16xi8>, %w: tensor<16x16xf32>, %t: tensor<f32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %0 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xf32>, %u = %t : tensor<f32>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = nn.matmul %2, %b : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %3 : tensor<16x16xf32>
  }
  %1 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xf32>, %u = %t : tensor<f32>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = nn.matmul %b, %2 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %3 : tensor<16x16xf32>
  }
  func.return %0, %1 : tensor<16x16xf32>, tensor<16x16xf32>
}

// -----

// Refused: an i32 operand, first or second.
// CHECK-LABEL: @wide
// CHECK-COUNT-2: nn.matmul %{{.*}}, %{{.*}} : (tensor<16x16xf32>, tensor<16x16xf32>)
// REMARK-COUNT-2: stays in floating point: its operands are not both i8
func.func @wide(%x: tensor<16x16xi8>, %w: tensor<16x16xi32>, %t: tensor<f32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %0 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xi32>, %u = %t : tensor<f32>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = quant.dequantize %b, %u : (tensor<16x16xi32>, tensor<f32>) -> tensor<16x16xf32>
    %4 = nn.matmul %2, %3 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %4 : tensor<16x16xf32>
  }
  %1 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xi32>, %u = %t : tensor<f32>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = quant.dequantize %b, %u : (tensor<16x16xi32>, tensor<f32>) -> tensor<16x16xf32>
    %4 = nn.matmul %3, %2 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %4 : tensor<16x16xf32>
  }
  func.return %0, %1 : tensor<16x16xf32>, tensor<16x16xf32>
}

// -----

// Refused: scales of two element types have no product. A matmul of floats gets no remark.
// CHECK-LABEL: @types
// CHECK-NOT: i32
// CHECK: func.return
// REMARK: stays in floating point: its scales are of different element types
// REMARK-NOT: stays in floating point
// REMARK: @types
func.func @types(%x: tensor<16x16xi8>, %t: tensor<f32>, %h: tensor<f16>, %f: tensor<16x16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>) {
  %0 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %u = %t : tensor<f32>, %v = %h : tensor<f16>) -> (tensor<16x16xf32>) {
    %2 = quant.dequantize %a, %u : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = quant.dequantize %a, %v : (tensor<16x16xi8>, tensor<f16>) -> tensor<16x16xf32>
    %4 = nn.matmul %2, %3 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %4 : tensor<16x16xf32>
  }
  %1 = fusion.group "matmul" (%a = %f : tensor<16x16xf32>) -> (tensor<16x16xf32>) {
    %2 = nn.matmul %a, %a : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %2 : tensor<16x16xf32>
  }
  func.return %0, %1 : tensor<16x16xf32>, tensor<16x16xf32>
}

// -----

// A dequantized value that the epilogue reads too stays, as do the constants that other ops of the group read.
// CHECK-LABEL: @shared
// CHECK: nn.constant dense<5.000000e-01>
// CHECK: %[[D:.*]] = quant.dequantize %{{.*}} : (tensor<16x16xi8>, tensor<f32>)
// CHECK: %[[P:.*]] = quant.dequantize %{{.*}} : (tensor<16x16xi32>, tensor<f32>)
// CHECK: nn.add %[[P]], %[[D]]
func.func @shared(%x: tensor<16x16xi8>, %w: tensor<16x16xi8>) -> tensor<16x16xf32> {
  %0 = fusion.group "matmul" (%a = %x : tensor<16x16xi8>, %b = %w : tensor<16x16xi8>) -> (tensor<16x16xf32>) {
    %s = nn.constant dense<0.5> : tensor<f32>
    %1 = quant.dequantize %a, %s : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %2 = quant.dequantize %b, %s : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
    %3 = nn.matmul %1, %2 {transpose_b} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    %4 = nn.add %3, %1 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    fusion.yield %4 : tensor<16x16xf32>
  }
  func.return %0 : tensor<16x16xf32>
}
