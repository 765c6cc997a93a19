// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt --profile A=1,2,8 --profile B=1,2,8 --profile C=2,3,9 | filecheck %s

// Concat needs A and B to be equal, which become one symbol, and C to be one more, which the runtime checks.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[A, 4] x, float[B, 3] z, float[C, 2] w) => (float[A, 9] y)
// onnx:     <int64[1] one = {1}, int64[1] end = {1000}, int64[1] zero = {0}> {
// onnx:   v = Slice(w, one, end, zero)
// onnx:   y = Concat<axis = 1>(x, z, v)
// onnx: }

// CHECK: nn.symbols = {A = array<i64: 1, 2, 8>, C = array<i64: 2, 3, 9>}, nn.equal = [#nn.dims<A, C - 1>]
// CHECK-LABEL: func.func @main(
// CHECK-SAME: tensor<?x4xf32, #nn.dims<A, 4>>, %1: tensor<?x3xf32, #nn.dims<A, 3>>, %2: tensor<?x2xf32, #nn.dims<C, 2>>
