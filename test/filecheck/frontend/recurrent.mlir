// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// The inputs of all steps and gates are projected by one product with their biases; the recurrence gives the states of all steps and the
// last ones, which are slices. Steps and sequences are dynamic.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[T, N, 3] x) => (float[T, 1, N, 2] y, float[1, N, 2] h, float[1, N, 2] c)
// onnx:   <float[1, 8, 3] w = {1,1,1, 1,1,1, 1,1,1, 1,1,1, 1,1,1, 1,1,1, 1,1,1, 1,1,1}, float[1, 8, 2] r = {1,1, 1,1, 1,1, 1,1, 1,1, 1,1, 1,1, 1,1},
// onnx:    float[1, 16] b = {1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1}> {
// onnx:   [lstm] y, h, c = LSTM<hidden_size = 2>(x, w, r, b)
// onnx: }

// CHECK-LABEL: func.func @main
// CHECK: [[P:%[0-9]+]] = nn.matmul %{{.*}}, %{{.*}} {transpose_b} : {{.*}} -> tensor<?x?x8xf32, #nn.dims<T, N, 8>>
// CHECK: [[B:%[0-9]+]] = nn.add [[P]]
// CHECK: [[X:%[0-9]+]] = nn.reshape [[B]] : {{.*}} -> tensor<?x?x1x8xf32, #nn.dims<T, N, 1, 8>>
// CHECK: [[S:%[0-9]+]] = nn.rnn lstm forward [[X]], %{{.*}} {activations = ["sigmoid", "tanh", "tanh"]
// CHECK-SAME: -> tensor<?x?x1x2xf32, #nn.dims<T + 2, N, 1, 2>>
// CHECK: [[L:%[0-9]+]] = nn.slice [[S]] {starts = #nn.dims<T, 0, 0, 0>
// CHECK: [[Y:%[0-9]+]] = nn.slice [[S]] {starts = #nn.dims<0, 0, 0, 0>
// CHECK: nn.slice [[S]] {starts = #nn.dims<T + 1, 0, 0, 0>
// CHECK: nn.transpose [[Y]] {nn.names = ["y"], permutation = array<i64: 0, 2, 1, 3>}
