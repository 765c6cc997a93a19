// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt --print-debuginfo | filecheck %s
// RUN: sed -n 's,^// layouts: ,,p' %s > %t.layouts.onnxtxt
// RUN: trtc-opt %t.layouts.onnxtxt --print-debuginfo | filecheck %s --check-prefix=LAYOUT

// Every op of a decomposition leads to its ONNX node, named or not, and only the last one carries the tensor's name.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[N, 4] x) => (float[N, 4] y) {
// onnx:   [elu1] t = Elu(x)
// onnx:   y = Softsign(t)
// onnx: }

// CHECK: nn.exp {{.*}} loc("elu1"("Elu#0"))
// CHECK: nn.where {{.*}} {nn.names = ["t"]} {{.*}} loc("elu1"("Elu#0"))
// CHECK: nn.abs {{.*}} loc("Softsign#1:y"("Softsign#1"))
// CHECK: nn.div {{.*}} {nn.names = ["y"]} {{.*}} loc("Softsign#1:y"("Softsign#1"))

// The transposes to channels last and back are helpers of the Conv; those of a Transpose node are the node itself.
// layouts: <ir_version: 8, opset_import: ["" : 17]>
// layouts: g (float[1, 2, 4, 4] x, float[3, 2, 1, 1] w) => (float[4, 4, 3, 1] y) {
// layouts:   [conv1] t = Conv(x, w)
// layouts:   [flip] y = Transpose(t)
// layouts: }

// LAYOUT: nn.transpose {{.*}} loc(callsite("transpose" at "conv1"("Conv#0")))
// LAYOUT: nn.conv {{.*}} loc("conv1"("Conv#0"))
// LAYOUT: nn.transpose {{.*}} loc(callsite("transpose" at "conv1"("Conv#0")))
// LAYOUT: nn.transpose {{.*}} {{.*}} loc("flip"("Transpose#1"))
