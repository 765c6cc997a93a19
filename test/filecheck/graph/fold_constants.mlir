// RUN: trtc-opt %s -p fold-constants --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fold-constants --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A chain on constants becomes one constant, which keeps the ONNX name of its last link.
// CHECK-LABEL: @chain
// CHECK-NEXT: %[[C:.*]] = nn.constant {nn.names = ["c"]} dense<[2.000000e+00, 5.000000e+00]> : tensor<2xf32>
// CHECK-NEXT: %[[R:.*]] = nn.mul %x, %[[C]]
func.func @chain(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = nn.constant dense<1.0> : tensor<f32>
  %2 = nn.mul %0, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = nn.add %2, %1 {nn.names = ["c"]} : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %4 = nn.mul %x, %3 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %4 : tensor<2xf32>
}

// -----

// Refused: a broadcast that would be much larger than what it repeats, and a dequantize.
// CHECK-LABEL: @refused
// CHECK: nn.broadcast_to
// CHECK: quant.dequantize
// REMARK: missed: fold-constants: nn.broadcast_to: not folded: its result of 4194304 bytes is larger than its operands of 4 bytes
// REMARK: missed: fold-constants: quant.dequantize: not folded: realize-integer needs it
func.func @refused() -> (tensor<1024x1024xf32>, tensor<2xf32>) {
  %0 = nn.constant dense<1.0> : tensor<f32>
  %1 = nn.broadcast_to %0 : (tensor<f32>) -> tensor<1024x1024xf32>
  %2 = nn.constant dense<[1, 2]> : tensor<2xi8>
  %3 = quant.dequantize %2, %0 : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  func.return %1, %3 : tensor<1024x1024xf32>, tensor<2xf32>
}

// -----

// Dynamic: the number of elements is not known, so nothing can be evaluated.
// CHECK-LABEL: @dynamic
// CHECK: nn.broadcast_to
// REMARK: missed: fold-constants: nn.broadcast_to: not folded: its result has dynamic dims
func.func @dynamic(%x: tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<N>> {
  %0 = nn.constant dense<1.0> : tensor<f32>
  %1 = nn.broadcast_to %0 : (tensor<f32>) -> tensor<?xf32, #nn.dims<N>>
  func.return %1 : tensor<?xf32, #nn.dims<N>>
}

// -----

// An index beyond the constant that it reads takes 0, as it does at run time.
// CHECK-LABEL: @beyond
// CHECK-NEXT: nn.constant dense<[2.000000e+00, 0.000000e+00]> : tensor<2xf32>
func.func @beyond() -> tensor<2xf32> {
  %0 = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = nn.constant dense<[-1, 7]> : tensor<2xi64>
  %2 = nn.gather %0, %1 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xi64>) -> tensor<2xf32>
  func.return %2 : tensor<2xf32>
}

// -----

// A broadcast of 16384 bytes is folded, one of 4 bytes more is not; nor is what is no constant: a weight, an export, a computed operand.
// CHECK-LABEL: @refused
// CHECK: nn.weight "w"
// CHECK-NEXT: nn.neg
// CHECK: nn.add %x
// CHECK: nn.export
// CHECK: nn.broadcast_to %{{.*}} -> tensor<4097xf32>
// CHECK-NOT: nn.broadcast_to
func.func @refused(%x: tensor<f32>) -> (tensor<2xf32>, tensor<f32>, tensor<4097xf32>, tensor<4096xf32>) {
  %c = nn.constant dense<1.0> : tensor<f32>
  %w = nn.weight "w" : tensor<2xf32>
  %0 = nn.neg %w : tensor<2xf32>
  %1 = nn.add %x, %c : (tensor<f32>, tensor<f32>) -> tensor<f32>
  nn.export "c" %c : tensor<f32>
  %2 = nn.broadcast_to %c : (tensor<f32>) -> tensor<4097xf32>
  %3 = nn.broadcast_to %c : (tensor<f32>) -> tensor<4096xf32>
  func.return %0, %1, %2, %3 : tensor<2xf32>, tensor<f32>, tensor<4097xf32>, tensor<4096xf32>
}

// -----

// Refused: an op of another package that does not say what it computes.
// CHECK-LABEL: @without_semantics
// CHECK: "test.pureop"
// REMARK: missed: fold-constants: test.pureop [odd]: not folded: it has no reference semantics to compute it by
func.func @without_semantics() -> tensor<2xf32> {
  %0 = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %1 = "test.pureop"(%0) {nn.names = ["odd"]} : (tensor<2xf32>) -> tensor<2xf32>
  func.return %1 : tensor<2xf32>
}
