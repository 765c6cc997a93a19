// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt --bound loop=16 | filecheck %s

// An If on data becomes a branch of two functions, which take what either of them reads from outside. A Loop of three iterations is
// unrolled; one whose count is data reads it.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[4] x, bool c, int64 n) => (float[4] y, float[4] z, float[M, 4] rows) {
// onnx:   e = Exp(x)
// onnx:   [pick] y = If(c) <then_branch = a () => (float[4] p) { p = Add(x, e) }, else_branch = b () => (float[4] q) { q = Neg(e) }>
// onnx:   three = Constant<value_int = 3>()
// onnx:   [short] t = Loop(three, , x) <body = s (int64 i, bool go, float[4] v) => (bool on, float[4] w) { on = Identity(go) w = Sin(v) }>
// onnx:   [long] z, rows = Loop(n, , t)
// onnx:     <body = l (int64 i, bool go, float[4] v) => (bool on, float[4] w, float[4] r) { on = Identity(go) w = Add(v, e) r = Neg(w) }>
// onnx: }

// CHECK: nn.symbols = {long_count = array<i64: 0, 8, 16>, long_i = array<i64: 0, 8, 15>
// CHECK-LABEL: func.func @main(%0: tensor<4xf32>, %1: tensor<i1>, %2: tensor<i64>)
// CHECK: [[E:%[0-9]+]] = nn.exp %0
// CHECK: nn.if %1 then @pick_then else @pick_else(%0, [[E]])
// CHECK: nn.sin %0
// CHECK: nn.sin
// CHECK: [[T:%[0-9]+]] = nn.sin
// CHECK: nn.read "long_count" from %2 : tensor<i64>
// CHECK: nn.loop @long_body index "long_i" count #nn.dims<long_count> carried([[T]]) captures([[E]])
// CHECK-SAME: -> (tensor<4xf32>, tensor<?x4xf32, #nn.dims<long_count, 4>>)
// CHECK-LABEL: func.func @pick_then(
// CHECK-SAME: attributes {nn.body}
// CHECK: nn.add
// CHECK-LABEL: func.func @pick_else(
// CHECK: nn.neg %1
// CHECK-LABEL: func.func @long_body(%0: tensor<4xf32>, %1: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
