// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// Grouped queries share keys by broadcasting; f16 scores are f32 up to the softmax; a causal mask hides no query's every key.
// onnx: <ir_version: 10, opset_import: ["" : 24]>
// onnx: g (float16[N, 8, 16, 64] q, float16[N, 2, 16, 64] k, float16[N, 2, 16, 64] v) => (float16[N, 8, 16, 64] y) {
// onnx:   y = Attention<is_causal = 1>(q, k, v)
// onnx: }

// CHECK-DAG: [[Q:%[0-9]+]] = nn.reshape %0 {{.*}} -> tensor<?x2x4x16x64xf16
// CHECK-DAG: [[K:%[0-9]+]] = nn.reshape %1 {{.*}} -> tensor<?x2x1x16x64xf16
// CHECK: [[S:%[0-9]+]] = nn.matmul [[Q]], [[K]] {transpose_b} : {{.*}} -> tensor<?x2x4x16x16xf32
// CHECK: [[M:%[0-9]+]] = nn.mul [[S]]
// CHECK: [[W:%[0-9]+]] = nn.where %{{[0-9]+}}, [[M]]
// CHECK: [[H:%[0-9]+]] = nn.cast [[W]] : {{.*}} -> tensor<?x2x4x16x16xf16
// CHECK-NEXT: [[P:%[0-9]+]] = nn.softmax [[H]]
// CHECK-NOT: nn.where
// CHECK: nn.matmul [[P]]
