// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: not trtc-opt %t.onnxtxt 2>&1 | filecheck %s

// A scale is one number, a vector, or has the operand's rank in blocks; an axis is one of the operand's.
// onnx: <ir_version: 10, opset_import: ["" : 21]>
// onnx: g (float[N, 4] x) => (uint8[N, 4] y, uint8[N, 4] q, float[N, 4] a)
// onnx:   <float[1, 4] s = {0.5, 1, 2, 4}, float[4] v = {0.5, 1, 2, 4}> {
// onnx:   p = QuantizeLinear(x, s)
// onnx:   q = QuantizeLinear<block_size = 2>(x, v)
// onnx:   r = QuantizeLinear<axis = 2>(x, v)
// onnx:   a = DequantizeLinear(p, s)
// onnx:   y = Identity(r)
// onnx: }

// CHECK: 3 of 5 nodes are not valid:
// CHECK-NEXT: #0:p (QuantizeLinear, opset 21): its scale has rank 2; expected one number, a vector, or attribute 'block_size'
// CHECK-NEXT: #1:q (QuantizeLinear, opset 21): its scale has rank 1, and its blocks need that of its operand, 2
// CHECK-NEXT: #2:r (QuantizeLinear, opset 21): axis 2 is out of range for rank 2
