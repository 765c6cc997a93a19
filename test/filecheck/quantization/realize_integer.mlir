// RUN: trtc-opt %s -p realize-integer --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p realize-integer --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A conv of dequantized tensors becomes one on i8 with an i32 result; the product of the scales is computed outside.
// CHECK-LABEL: @conv
// CHECK: %[[S:.*]] = nn.mul %sx, %sw : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
// CHECK: fusion.group "conv" (%[[X:.*]] = %x : {{.*}}, %[[W:.*]] = %w : {{.*}}, %[[B:.*]] = %b : {{.*}}, %[[SI:.*]] = %[[S]] : tensor<8xf32>)
// CHECK-NEXT: %[[A:.*]] = nn.conv %[[X]], %[[W]] {{.*}} : (tensor<?x4x4x16xi8, #nn.dims<N, 4, 4, 16>>, tensor<8x1x1x16xi8>) -> tensor<?x4x4x8xi32, #nn.dims<N, 4, 4, 8>>
// CHECK-NEXT: %[[D:.*]] = quant.dequantize %[[A]], %[[SI]] {axis = 3 : i64}
// CHECK-NEXT: nn.add %[[D]], %[[B]]
// REMARK: applied: realize-integer: fusion.group: computes on integers
func.func @conv(%x: tensor<?x4x4x16xi8, #nn.dims<N, 4, 4, 16>>, %w: tensor<8x1x1x16xi8>, %b: tensor<8xf32>) -> tensor<?x4x4x8xf32, #nn.dims<N, 4, 4, 8>> {
  %sx = nn.constant dense<0.5> : tensor<f32>
  %sw = nn.constant dense<0.25> : tensor<8xf32>
  %0 = fusion.group "conv" (%xi = %x : tensor<?x4x4x16xi8, #nn.dims<N, 4, 4, 16>>, %s0 = %sx : tensor<f32>, %wi = %w : tensor<8x1x1x16xi8>, %s1 = %sw : tensor<8xf32>, %bi = %b : tensor<8xf32>) -> (tensor<?x4x4x8xf32, #nn.dims<N, 4, 4, 8>>) {
    %1 = quant.dequantize %xi, %s0 : (tensor<?x4x4x16xi8, #nn.dims<N, 4, 4, 16>>, tensor<f32>) -> tensor<?x4x4x16xf32, #nn.dims<N, 4, 4, 16>>
    %2 = quant.dequantize %wi, %s1 {axis = 0 : i64} : (tensor<8x1x1x16xi8>, tensor<8xf32>) -> tensor<8x1x1x16xf32>
    %3 = nn.conv %1, %2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x4x4x16xf32, #nn.dims<N, 4, 4, 16>>, tensor<8x1x1x16xf32>) -> tensor<?x4x4x8xf32, #nn.dims<N, 4, 4, 8>>
    %4 = nn.add %3, %bi : (tensor<?x4x4x8xf32, #nn.dims<N, 4, 4, 8>>, tensor<8xf32>) -> tensor<?x4x4x8xf32, #nn.dims<N, 4, 4, 8>>
    fusion.yield %4 : tensor<?x4x4x8xf32, #nn.dims<N, 4, 4, 8>>
  }
  func.return %0 : tensor<?x4x4x8xf32, #nn.dims<N, 4, 4, 8>>
}

// -----

// Refused: a scale per channel of the first operand lies along the sum, so that it cannot be taken out.
// CHECK-LABEL: @refused
// CHECK: nn.matmul %{{.*}}, %{{.*}} : (tensor<16x32xf32>, tensor<32x8xf32>) -> tensor<16x8xf32>
// REMARK: missed: realize-integer: fusion.group: stays in floating point: its first operand has a scale per channel
func.func @refused(%x: tensor<16x32xi8>, %s: tensor<32xf32>, %w: tensor<32x8xi8>, %t: tensor<f32>) -> tensor<16x8xf32> {
  %0 = fusion.group "matmul" (%xi = %x : tensor<16x32xi8>, %si = %s : tensor<32xf32>, %wi = %w : tensor<32x8xi8>, %ti = %t : tensor<f32>) -> (tensor<16x8xf32>) {
    %1 = quant.dequantize %xi, %si {axis = 1 : i64} : (tensor<16x32xi8>, tensor<32xf32>) -> tensor<16x32xf32>
    %2 = quant.dequantize %wi, %ti : (tensor<32x8xi8>, tensor<f32>) -> tensor<32x8xf32>
    %3 = nn.matmul %1, %2 : (tensor<16x32xf32>, tensor<32x8xf32>) -> tensor<16x8xf32>
    fusion.yield %3 : tensor<16x8xf32>
  }
  func.return %0 : tensor<16x8xf32>
}

// -----

// Invalid: i8 times f32.
// CHECK: nn.matmul: expected two operands of one float type or of i8, got i8 and f32
func.func @invalid(%x: tensor<16x32xi8>, %w: tensor<32x8xf32>) -> tensor<16x8xf32> {
  %0 = nn.matmul %x, %w : (tensor<16x32xi8>, tensor<32x8xf32>) -> tensor<16x8xf32>
  func.return %0 : tensor<16x8xf32>
}
