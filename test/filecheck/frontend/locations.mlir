// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt --print-debuginfo | filecheck %s

// Every op of a decomposition leads to its ONNX node, named or not, and only the last one carries the tensor's name.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[N, 4] x) => (float[N, 4] y) {
// onnx:   [swish1] t = HardSwish(x)
// onnx:   y = Softsign(t)
// onnx: }

// CHECK: nn.clip {{.*}} loc("swish1"("HardSwish#0"))
// CHECK: nn.mul {{.*}} {nn.names = ["t"]} {{.*}} loc("swish1"("HardSwish#0"))
// CHECK: nn.abs {{.*}} loc("Softsign#1:y"("Softsign#1"))
// CHECK: nn.div {{.*}} {nn.names = ["y"]} {{.*}} loc("Softsign#1:y"("Softsign#1"))
