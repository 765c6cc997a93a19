// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// Q/DQ pairs become quant ops; a scale of one element is a scalar, a scale per channel keeps its axis.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[N, 4] x) => (float[N, 2] y)
// onnx:   <float s = {0.5}, int8 z = {0}, int8[4, 2] w = {1, 2, 3, 4, 5, 6, 7, 8}, float[2] sw = {0.1, 0.2}, int8[2] zw = {0, 0}> {
// onnx:   q = QuantizeLinear(x, s, z)
// onnx:   a = DequantizeLinear(q, s, z)
// onnx:   b = DequantizeLinear<axis = 1>(w, sw, zw)
// onnx:   y = MatMul(a, b)
// onnx: }

// CHECK: [[Q:%[0-9]+]] = quant.quantize %{{[0-9]+}}, [[S:%[0-9]+]] {nn.names = ["q"]} : {{.*}} -> tensor<?x4xi8
// CHECK: quant.dequantize [[Q]], [[S]] {nn.names = ["a"]}
// CHECK: quant.dequantize {{.*}} {nn.names = ["b"], axis = 1 : i64} : (tensor<4x2xi8>, tensor<2xf32>) -> tensor<4x2xf32>
// CHECK: nn.matmul
