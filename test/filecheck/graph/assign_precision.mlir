// RUN: trtc-opt %s -p 'assign-precision{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'assign-precision{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: trtc-opt %s -p 'assign-precision{mode=tf32}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s --check-prefix=TENSOR
// RUN: not trtc-opt %s -p 'assign-precision{mode=fp7}' --split-input-file 2>&1 | filecheck %s --check-prefix=MODE

// No type changes. Products of what is stored as f16 multiply in f16; the last gives its sums unrounded to the softmax, which an output
// reads; dims stay dynamic.
// CHECK-LABEL: @main
// CHECK: %[[W:.*]] = nn.constant {nn.stored = f16} dense
// CHECK: %[[E:.*]] = nn.exp %x {nn.stored = f16} : tensor<?x4xf32, #nn.dims<N, 4>>
// CHECK: %[[M:.*]] = nn.matmul %[[E]], %[[W]] {nn.stored = f16, math = #nn.math<f16>} : {{.*}} -> tensor<?x4xf32, #nn.dims<N, 4>>
// CHECK: %[[R:.*]] = nn.relu %[[M]] {nn.stored = f16} : tensor<?x4xf32, #nn.dims<N, 4>>
// CHECK: %[[L:.*]] = nn.matmul %[[R]], %{{.*}} {math = #nn.math<f16>} : {{.*}} -> tensor<?x2xf32, #nn.dims<N, 2>>
// CHECK: %[[S:.*]] = nn.softmax %[[L]] {nn.names = ["y"], axis = 1 : i64}
// CHECK: func.return %[[S]]
// REMARK: analysis: assign-precision: func.func: 5 values are stored as f16; 1 ops stay wide
// TENSOR-LABEL: @main
// TENSOR: nn.matmul %{{.*}}, %w {math = #nn.math<tf32>} : (tensor<?x4xf32
// MODE: error: assign-precision: expected mode to be one of fp32, tf32, fp16, bf16, got 'fp7'
func.func @main(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x2xf32, #nn.dims<N, 2>> {
  %w = nn.constant dense<0.5> : tensor<4x4xf32>
  %v = nn.constant dense<0.5> : tensor<4x2xf32>
  %e = nn.exp %x : tensor<?x4xf32, #nn.dims<N, 4>>
  %0 = nn.matmul %e, %w : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  %1 = nn.relu %0 : tensor<?x4xf32, #nn.dims<N, 4>>
  %2 = nn.matmul %1, %v : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x2xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
  %3 = nn.softmax %2 {nn.names = ["y"], axis = 1 : i64} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
  func.return %3 : tensor<?x2xf32, #nn.dims<N, 2>>
}

// -----

// Refused: what is marked stays wide, and so does an input; a product of it multiplies in TF32, one of integers in f32.
// CHECK-LABEL: @wide
// CHECK: nn.matmul %x, %x {nn.stored = f16, math = #nn.math<tf32>}
// CHECK: nn.reduce sum %{{.*}} {axes
// CHECK: nn.matmul %{{.*}}, %{{.*}} {nn.stored = f16, math = #nn.math<tf32>}
// CHECK: nn.matmul %{{.*}}, %{{.*}} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
// CHECK-NOT: nn.wide
// REMARK: missed: assign-precision: nn.matmul: nn.matmul multiplies in TF32: its first operand stays wide
// REMARK: missed: assign-precision: nn.matmul: nn.matmul multiplies in f32: integers
func.func @wide(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = nn.matmul %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.reduce sum %0 {axes = array<i64: 1>, keepdims = true, nn.wide = "a sum"} : (tensor<2x2xf32>) -> tensor<2x1xf32>
  %2 = nn.broadcast_to %1 : (tensor<2x1xf32>) -> tensor<2x2xf32>
  %3 = nn.matmul %2, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = nn.floor %3 {nn.wide = "integers"} : tensor<2x2xf32>
  %5 = nn.matmul %4, %4 {nn.wide = "integers"} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %6 = nn.matmul %5, %3 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %6 : tensor<2x2xf32>
}

// -----

// An image, what a conv of few channels reads, is assumed to fit.
// CHECK-LABEL: @image
// CHECK: nn.conv {{.*}}math = #nn.math<f16>
// REMARK: applied: assign-precision: nn.conv: downcast: an image from f32 to f16, whose range it is assumed to fit
func.func @image(%x: tensor<1x4x4x3xf32>) -> tensor<1x4x4x8xf32> {
  %w = nn.constant dense<0.5> : tensor<8x1x1x3xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x3xf32>, tensor<8x1x1x3xf32>) -> tensor<1x4x4x8xf32>
  func.return %0 : tensor<1x4x4x8xf32>
}

// -----

// Between a dequantize and a quantize all stays f32, whatever the mode: those values live in registers.
// CHECK-LABEL: @quantized
// CHECK-NOT: f16
// CHECK: func.return
func.func @quantized(%q: tensor<2x2xi8>, %r: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %1 = quant.dequantize %r, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %2 = nn.matmul %0, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.relu %2 : tensor<2x2xf32>
  %4 = quant.quantize %3, %s : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xi8>
  func.return %4 : tensor<2x2xi8>
}
