// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// Of two axes one is reduced: a branch for each, the dims beside its elements. The host refuses an axis that is neither.
// onnx: <ir_version: 8, opset_import: ["" : 18]>
// onnx: g (float[5, 3] x, int64[1] axes) => (float[A, B] y) {
// onnx:   [sums] y = ReduceSum(x, axes)
// onnx: }

// CHECK: nn.symbols = {sums_0_0 = array<i64: 0, 2, 5>, sums_0_1 = array<i64: 0, 1, 3>, sums_axes_are_valid = array<i64: 1, 1, 1>}
// CHECK-LABEL: func.func @main
// CHECK: [[SET:%[0-9]+]] = nn.reduce sum
// CHECK: nn.read "sums_axes_are_valid"
// CHECK: [[FIRST:%[0-9]+]] = nn.compare eq [[SET]]
// CHECK: nn.if [[FIRST]] then @sums_axes_1 else @sums_axes_2([[SET]], %0)
// CHECK: nn.read "sums_0_0"
// CHECK: nn.read "sums_0_1"
// CHECK-LABEL: func.func @sums_axes_1
// CHECK: nn.reduce sum %1 {axes = array<i64: 0>, keepdims = true}
// CHECK-LABEL: func.func @sums_axes_2
// CHECK: nn.reduce sum %1 {axes = array<i64: 1>, keepdims = true}
