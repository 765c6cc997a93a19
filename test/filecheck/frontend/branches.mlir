// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt --profile n=1,2,4 | filecheck %s

// Branches of different ranks take the Expand after them in. A branch for which the condition says n = 1 reads a slice of that size; the
// product of the other one is of any size, and that of the last If is valid in one branch alone, which the host checks.
// onnx: <ir_version: 8, opset_import: ["" : 18]>
// onnx: g (float[2, n] x, bool c) => (float[2] s, float[2, 2] z, float[2, 2] t) <int64[1] one = {1}, int64[2] four = {2, 2}> {
// onnx:   h = Shape<start = 1>(x)
// onnx:   d = Equal(h, one)
// onnx:   [unit] s = If(d) <then_branch = a () => (float[2] p) { p = Squeeze(x, one) },
// onnx:                     else_branch = b () => (float[2] q) { q = ReduceSum<keepdims = 0>(x, one) }>
// onnx:   e = Exp(s)
// onnx:   [only] u = If(c) <then_branch = i () => (float[2, 1] k) { k = Unsqueeze(e, one) }, else_branch = j () => (l) { l = Gemm(e, e) }>
// onnx:   v = Sin(u)
// onnx:   t = Expand(v, four)
// onnx:   [fork] y = If(c) <then_branch = f () => (float[2, 1] m) { m = Unsqueeze(e, one) }, else_branch = o () => (w) { w = Neg(e) }>
// onnx:   z = Expand(y, four)
// onnx: }

// CHECK-LABEL: func.func @main(
// CHECK: nn.if %{{.*}} then @unit_then else @unit_else(%0)
// CHECK: [[E:%[0-9]+]] = nn.exp
// CHECK: nn.read "only_condition" from
// CHECK: nn.sin
// CHECK: [[Z:%[0-9]+]] = nn.if %1 then @fork_then else @fork_else([[E]])
// CHECK: func.return %{{.*}}, [[Z]], %{{.*}}
// CHECK-LABEL: func.func @unit_then(
// CHECK: nn.slice %0 {{.*}} -> tensor<2x1xf32>
// CHECK-LABEL: func.func @fork_then(
// CHECK: nn.reshape
// CHECK: nn.broadcast_to
// CHECK-LABEL: func.func @fork_else(
// CHECK: nn.neg
// CHECK: nn.broadcast_to
