// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: not trtc-opt %t.onnxtxt 2>&1 | filecheck %s

// Asymmetric quantization and uint8 are refused, with what to ask the quantizer for.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[N, 4] x) => (float[N, 4] y)
// onnx:   <float s = {0.5}, uint8 z = {128}, uint8 u = {0}> {
// onnx:   q = QuantizeLinear(x, s, z)
// onnx:   a = DequantizeLinear(q, s, z)
// onnx:   p = QuantizeLinear(x, s, u)
// onnx:   b = DequantizeLinear(p, s, u)
// onnx:   y = Add(a, b)
// onnx: }

// CHECK: 2 of 5 nodes are not supported:
// CHECK-NEXT: #0:q (QuantizeLinear, opset 17): its zero point is not 0 (got [128] in uint8); quantize symmetrically to int8
// CHECK-NEXT: #2:p (QuantizeLinear, opset 17): it quantizes to uint8; quantize symmetrically to int8
