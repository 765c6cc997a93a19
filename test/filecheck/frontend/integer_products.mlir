// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// uint8 takes part as int8, less 128: the zero point 128 is then 0, and that of the other side is a sum over the weights.
// onnx: <ir_version: 10, opset_import: ["" : 21]>
// onnx: g (uint8[N, 4] a, uint8[4, 2] b) => (int32[N, 2] y)
// onnx:   <uint8 za = {3}, uint8 zb = {128}> {
// onnx:   y = MatMulInteger(a, b, za, zb)
// onnx: }

// CHECK-DAG: [[Z:%[0-9]+]] = nn.constant dense<-125> : tensor<i32>
// CHECK-DAG: [[A:%[0-9]+]] = nn.cast %{{[0-9]+}} : {{.*}} -> tensor<?x4xi8
// CHECK-DAG: [[B:%[0-9]+]] = nn.cast %{{[0-9]+}} : {{.*}} -> tensor<4x2xi8>
// CHECK: [[T:%[0-9]+]] = nn.transpose [[B]]
// CHECK: [[P:%[0-9]+]] = nn.matmul [[A]], [[T]] {transpose_b} : {{.*}} -> tensor<?x2xi32
// CHECK: [[S:%[0-9]+]] = nn.reduce sum
// CHECK: [[M:%[0-9]+]] = nn.mul [[Z]], [[S]]
// CHECK: nn.sub [[P]], [[M]] {nn.names = ["y"]}
