// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// X is rounded to uint8 by its range over the steps that some sequence takes, and multiplied as integers; the recurrent weights are integers
// in f16 with their scales beside, so that the recurrence rounds its states.
// onnx: <ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
// onnx: g (float[T, N, 3] x, int32[N] n) => (float[T, 1, N, 1] y)
// onnx:   <uint8[1, 3, 4] w = {1,2,3,4, 5,6,7,8, 9,10,11,12}, uint8[1, 1, 4] r = {1,2,3,4}, float[1] ws = {0.1}, uint8[1] wz = {3},
// onnx:    float[1, 4] rs = {0.1, 0.2, 0.3, 0.4}, uint8[1, 4] rz = {5, 5, 5, 5}> {
// onnx:   [lstm] y = com.microsoft.DynamicQuantizeLSTM<hidden_size = 1>(x, w, r, , n, , , , ws, wz, rs, rz)
// onnx: }

// CHECK-LABEL: func.func @main
// CHECK: [[LAST:%[0-9]+]] = nn.reduce max
// CHECK: [[TAKEN:%[0-9]+]] = nn.compare lt %{{.*}}, [[LAST]]
// CHECK: [[X:%[0-9]+]] = nn.where [[TAKEN]], %0,
// CHECK: nn.reduce min [[X]]
// CHECK: nn.matmul %{{.*}} : (tensor<?x?x3xi8, {{.*}}>, tensor<4x3xi8>) -> tensor<?x?x4xi32
// CHECK: nn.rnn lstm forward %{{.*}}, %{{.*}} lengths %1 scales %{{.*}}, tensor<1x4x1xf16> lengths tensor<?xi32, #nn.dims<N>> scales tensor<1x4xf32>
