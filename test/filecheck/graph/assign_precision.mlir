// RUN: trtc-opt %s -p 'assign-precision{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'assign-precision{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: trtc-opt %s -p 'assign-precision{mode=tf32}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s --check-prefix=TF32
// RUN: not trtc-opt %s -p 'assign-precision{mode=fp7}' --split-input-file 2>&1 | filecheck %s --check-prefix=MODE

// Inputs and outputs keep their types; products are f16, but for the last, whose sums the softmax reads unrounded; dims stay dynamic.
// CHECK-LABEL: @main
// CHECK-SAME: (%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
// CHECK: %[[X:.*]] = nn.cast %x : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf16, #nn.dims<N, 4>>
// CHECK: %[[W:.*]] = nn.cast %w : (tensor<4x4xf32>) -> tensor<4x4xf16>
// CHECK: %[[M:.*]] = nn.matmul %[[X]], %[[W]] : {{.*}} -> tensor<?x4xf16, #nn.dims<N, 4>>
// CHECK: %[[R:.*]] = nn.relu %[[M]] : tensor<?x4xf16, #nn.dims<N, 4>>
// CHECK: %[[L:.*]] = nn.matmul %[[R]], %{{.*}} : {{.*}} -> tensor<?x2xf32, #nn.dims<N, 2>>
// CHECK: %[[S:.*]] = nn.softmax %[[L]] {nn.names = ["y"], axis = 1 : i64}
// CHECK: func.return %[[S]]
// REMARK: applied: assign-precision: nn.cast: downcast: a graph input from f32 to f16
// TF32-LABEL: @main
// TF32: nn.matmul %x, %w {math = #nn.math<tf32>} : (tensor<?x4xf32
// MODE: error: assign-precision: expected mode to be one of fp32, tf32, fp16, bf16, got 'fp7'
func.func @main(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x2xf32, #nn.dims<N, 2>> {
  %w = nn.constant dense<0.5> : tensor<4x4xf32>
  %v = nn.constant dense<0.5> : tensor<4x2xf32>
  %0 = nn.matmul %x, %w : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  %1 = nn.relu %0 : tensor<?x4xf32, #nn.dims<N, 4>>
  %2 = nn.matmul %1, %v : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x2xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
  %3 = nn.softmax %2 {nn.names = ["y"], axis = 1 : i64} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
  func.return %3 : tensor<?x2xf32, #nn.dims<N, 2>>
}

// -----

// Numbers that f16 cannot hold are clamped to half of its range, so that a sum with them stays in it; integers are not touched.
// CHECK-LABEL: @mask
// CHECK: nn.constant dense<[-3.275200e+04, 1.000000e+00]> : tensor<2xf32>
// CHECK: nn.add %i, %i : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
// REMARK: applied: assign-precision: nn.constant: clamped: 1 of 2 numbers beyond fp16's range to +-32752.0
func.func @mask(%x: tensor<2x2xf32>, %i: tensor<2xi64>) -> (tensor<2x2xf32>, tensor<2xi64>) {
  %0 = nn.constant dense<[-3.4e38, 1.0]> : tensor<2xf32>
  %1 = nn.add %x, %0 : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = nn.matmul %1, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.add %i, %i : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  func.return %2, %3 : tensor<2x2xf32>, tensor<2xi64>
}

// -----

// A number in range is never overtaken by one beyond it.
// CHECK-LABEL: @large
// CHECK: nn.constant dense<[-6.000000e+04, 6.000000e+04, 5.000000e+04]> : tensor<3xf32>
// REMARK: applied: assign-precision: nn.constant: clamped: 1 of 3 numbers beyond fp16's range to +-60000.0
func.func @large(%x: tensor<3xf32>) -> tensor<3x3xf32> {
  %0 = nn.constant dense<[-3.4e38, 6.0e4, 5.0e4]> : tensor<3xf32>
  %1 = nn.add %x, %0 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %2 = nn.reshape %1 : (tensor<3xf32>) -> tensor<1x3xf32>
  %3 = nn.reshape %1 : (tensor<3xf32>) -> tensor<3x1xf32>
  %4 = nn.matmul %3, %2 : (tensor<3x1xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>
  func.return %4 : tensor<3x3xf32>
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
