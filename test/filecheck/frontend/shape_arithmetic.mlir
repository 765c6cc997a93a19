// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// Shape -> Cast -> Slice -> Concat -> Reshape leaves one reshape to dim expressions; -1 is divided out.
// onnx: <ir_version: 8, opset_import: ["" : 11]>
// onnx: g (float[N, 8, S] x) => (float[N, A] y, float[B, C] z)
// onnx:   <int64[1] zero = {0}, int64[1] one = {1}, int64[1] minus = {-1}, int64[2] keep = {-1, 4}> {
// onnx:   shape = Shape(x)
// onnx:   narrow = Cast<to = 6>(shape)
// onnx:   first = Slice(narrow, zero, one, zero)
// onnx:   wide = Cast<to = 7>(first)
// onnx:   target = Concat<axis = 0>(wide, minus)
// onnx:   y = Reshape(x, target)
// onnx:   z = Reshape(x, keep)
// onnx: }

// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[Y:%[0-9]+]] = nn.reshape {{.*}} -> tensor<?x?xf32, #nn.dims<N, 8*S>>
// CHECK-NEXT: [[Z:%[0-9]+]] = nn.reshape {{.*}} -> tensor<?x4xf32, #nn.dims<2*N*S, 4>>
// CHECK-NEXT: func.return [[Y]], [[Z]]
