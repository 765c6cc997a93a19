// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// Grouped queries: a causal bound is a property, behind the keys of the past where there are any. A mask that is added in f16 rounds the
// scores, and may hide all keys of a query, which then gives zeros. The scores of the last one are an
// output: it becomes a plain graph, in which f16 scores are f32 up to the softmax.
// onnx: <ir_version: 10, opset_import: ["" : 24]>
// onnx: g (float16[N, 8, 16, 64] q, float16[N, 2, 16, 64] k, float16[N, 2, P, 64] past, float16[N, 1, 16, 16] bias, bool[16, 16] seen)
// onnx: => (float16[N, 8, 16, 64] y0, float16[N, 8, 16, 64] y1, float16[N, 8, 16, 64] y2, float16[N, 8, 16, 64] y3, float16[N, 8, 16, 64] y4, float16[N, 8, 16, 16] s4) {
// onnx:   y0 = Attention<is_causal = 1>(q, k, k)
// onnx:   y1, pk, pv = Attention<is_causal = 1>(q, k, k, , past, past)
// onnx:   y2 = Attention<softcap = 30.0>(q, k, k, bias)
// onnx:   y3 = Attention<is_causal = 1>(q, k, k, seen)
// onnx:   y4, k4, v4, s4 = Attention<is_causal = 1, qk_matmul_output_mode = 3>(q, k, k)
// onnx: }

// CHECK: nn.attention %0, %1, %1 {nn.names = ["y0"], scale = 1.250000e-01 : f64, causal = #nn.causal<start>} :
// CHECK: [[K:%[0-9]+]] = nn.concat %2, %1 {nn.names = ["pk"]
// CHECK: [[V:%[0-9]+]] = nn.concat %2, %1 {nn.names = ["pv"]
// CHECK: nn.attention %0, [[K]], [[V]] {nn.names = ["y1"], scale = 1.250000e-01 : f64, causal = #nn.causal<end>} :
// CHECK: nn.attention %0, %1, %1 mask %3 {nn.names = ["y2"], scale = 1.250000e-01 : f64, softcap = 3.000000e+01 : f64, zero_masked, scores = f16} :
// CHECK: [[M:%[0-9]+]] = nn.reshape %4 {{.*}} -> tensor<1x1x16x16xi1>
// CHECK: nn.attention %0, %1, %1 mask [[M]] {nn.names = ["y3"], scale = 1.250000e-01 : f64, causal = #nn.causal<start>, zero_masked} :
// CHECK-DAG: [[Q:%[0-9]+]] = nn.reshape %0 {{.*}} -> tensor<?x2x4x16x64xf16
// CHECK-DAG: [[K:%[0-9]+]] = nn.reshape %1 {{.*}} -> tensor<?x2x1x16x64xf16
// CHECK: [[S:%[0-9]+]] = nn.matmul [[Q]], [[K]] {transpose_b} : {{.*}} -> tensor<?x2x4x16x16xf32
// CHECK: [[M:%[0-9]+]] = nn.mul [[S]]
// CHECK: [[W:%[0-9]+]] = nn.where %{{[0-9]+}}, [[M]]
// CHECK: [[H:%[0-9]+]] = nn.cast [[W]] : {{.*}} -> tensor<?x2x4x16x16xf16
// CHECK-NEXT: [[P:%[0-9]+]] = nn.softmax [[H]]
// CHECK-NOT: nn.where
// CHECK: nn.matmul [[P]]
