// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// A zero point, or a type other than int8, becomes arithmetic in f32; blocks cut the dim that they share.
// onnx: <ir_version: 10, opset_import: ["" : 21]>
// onnx: g (float[N, 6] x) => (uint8[N, 6] q, float[N, 6] a, int16[N, 6] b)
// onnx:   <float s = {0.5}, uint8 z = {7}, float[6] t = {1, 2, 4, 8, 16, 32}, int16[6] n = {0, 0, 1, 0, 0, 0}> {
// onnx:   q = QuantizeLinear(x, s, z)
// onnx:   a = DequantizeLinear(q, s, z)
// onnx:   b = QuantizeLinear(x, t, n)
// onnx: }

// CHECK: [[D:%[0-9]+]] = nn.div %{{[0-9]+}}, [[S:%[0-9]+]]
// CHECK: [[R:%[0-9]+]] = nn.round [[D]]
// CHECK: [[O:%[0-9]+]] = nn.add [[R]]
// CHECK: [[C:%[0-9]+]] = nn.clip [[O]] {min = 0.000000e+00 : f64, max = 2.550000e+02 : f64}
// CHECK: [[Q:%[0-9]+]] = nn.cast [[C]] {nn.names = ["q"]} : {{.*}} -> tensor<?x6xui8
// CHECK: [[F:%[0-9]+]] = nn.cast [[Q]] : {{.*}} -> tensor<?x6xf32
// CHECK: [[L:%[0-9]+]] = nn.sub [[F]]
// CHECK: nn.mul [[L]], [[S]] {nn.names = ["a"]}
// CHECK: nn.clip {{.*}} {min = -3.276800e+04 : f64, max = 3.276700e+04 : f64}
// CHECK: nn.cast {{.*}} {nn.names = ["b"]} : {{.*}} -> tensor<?x6xi16
// CHECK-NOT: quant.
