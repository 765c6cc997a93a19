// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: not trtc-opt %t.onnxtxt 2>&1 | filecheck %s

// One error names every node that cannot be imported, unnamed nodes by index and first output; what only depends on them
// (the Relu) is not blamed.
// onnx: <ir_version: 8, opset_import: ["" : 20, "com.example" : 3]>
// onnx: g (float[2, 8] x) => (float[N] y, float[M] z) {
// onnx:   [at] values = OptionalGetElement(x)
// onnx:   after = Relu(values)
// onnx:   found = RegexFullMatch(after)
// onnx:   y = Cast<to = 1>(found)
// onnx:   [own] z = com.example.Swirl(x)
// onnx: }

// CHECK: 3 of 5 nodes are not supported:
// CHECK-NEXT:   - at (OptionalGetElement, opset 20): trtc has no import of this operator (optionals are no tensors); use
// CHECK-NEXT:   - #2:found (RegexFullMatch, opset 20): trtc has no import of this operator (strings are no numbers); use
// CHECK-NEXT:   - own (com.example.Swirl, opset 3): trtc has no import of this operator (it is of no domain that trtc knows); use
// CHECK-NOT: Relu
