// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// A convolution is wrapped in transposes; its constant weights are transposed at import; its bias is an add. The op that
// makes the ONNX tensor, the last one, carries its name.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[N, 1, 8, 8] x) => (float[N, 2, 4, 4] y)
// onnx:   <float[2, 1, 1, 2] w = {1, 2, 3, 4}, float[2] b = {0.5, 0.25}> {
// onnx:   [conv1] y = Conv<strides = [2, 2], pads = [0, 0, 0, 1]>(x, w, b)
// onnx: }

// CHECK-LABEL: func.func @main
// CHECK-SAME: -> tensor<?x2x4x4xf32, #nn.dims<N, 2, 4, 4>>
// CHECK-SAME: nn.inputs = ["x"], nn.outputs = ["y"]
// CHECK: [[B:%[0-9]+]] = nn.constant {nn.names = ["b"]} dense
// CHECK: [[W:%[0-9]+]] = nn.constant dense<{{.*}}> : tensor<2x1x2x1xf32>
// CHECK: [[X:%[0-9]+]] = nn.transpose {{.*}}permutation = array<i64: 0, 2, 3, 1>
// CHECK: [[C:%[0-9]+]] = nn.conv [[X]], [[W]] {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 1>
// CHECK: [[S:%[0-9]+]] = nn.add [[C]], [[B]] :
// CHECK: [[Y:%[0-9]+]] = nn.transpose [[S]] {nn.names = ["y"], permutation = array<i64: 0, 3, 1, 2>}
// CHECK: func.return [[Y]]
