// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt --refit | filecheck %s

// Weights are initializers by name, put into the order of nn by ops. What decides a shape, an attribute or a kind of op is a constant, and
// pinned; a number of a Constant node is a constant as it is.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[N, 1, 8, 8] x) => (float[N, 2, 4, 4] y)
// onnx:   <float[2, 1, 1, 2] w = {1, 2, 3, 4}, float[2] b = {0.5, 0.25}, float high = {6}, float two = {2}> {
// onnx:   half = Constant<value_float = 0.5>()
// onnx:   a = Conv<strides = [2, 2], pads = [0, 0, 0, 1]>(x, w, b)
// onnx:   [clip] c = Clip(a, , high)
// onnx:   [pow] d = Pow(c, two)
// onnx:   y = Mul(d, half)
// onnx: }

// CHECK: builtin.module attributes {nn.pins = {high = "the bounds of Clip clip", two = "the exponent of Pow pow"}
// CHECK-LABEL: func.func @main
// CHECK: [[W:%[0-9]+]] = nn.initializer "w" {nn.names = ["w"]} : tensor<2x1x1x2xf32> = dense
// CHECK: [[B:%[0-9]+]] = nn.initializer "b"
// CHECK: [[T:%[0-9]+]] = nn.transpose [[W]] {permutation = array<i64: 0, 2, 3, 1>}
// CHECK: nn.conv %{{.*}}, [[T]]
// CHECK: nn.initializer "high"
// CHECK: nn.clip %{{.*}}min = 0x{{[0-9a-f]*}} : f64, max = 6.000000e+00 : f64}
// CHECK: nn.initializer "two"
// CHECK: [[E:%[0-9]+]] = nn.constant {nn.names = ["two"]} dense<2.000000e+00> : tensor<f32>
// CHECK: nn.pow %{{.*}}, [[E]]
// CHECK: nn.constant {nn.names = ["half"]} dense<5.000000e-01> : tensor<f32>
