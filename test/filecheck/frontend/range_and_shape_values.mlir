// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt | filecheck %s

// Range over a dynamic extent is an iota; shape arithmetic that is used as data becomes an nn.shape_value, made where it is
// first used.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[N, S] x) => (int64[S] positions, float sum)
// onnx:   <int64 zero = {0}, int64 one = {1}, int64[1] at = {1}> {
// onnx:   shape = Shape(x)
// onnx:   extent = Gather(shape, one)
// onnx:   positions = Range(zero, extent, one)
// onnx:   count = Cast<to = 1>(extent)
// onnx:   total = ReduceSum<keepdims = 0>(x)
// onnx:   sum = Div(total, count)
// onnx: }

// CHECK-LABEL: func.func @main
// CHECK: [[I:%[0-9]+]] = nn.iota {nn.names = ["positions"], axis = 0 : i64} : tensor<?xi64, #nn.dims<S>>
// CHECK: [[R:%[0-9]+]] = nn.reduce sum
// CHECK: [[V:%[0-9]+]] = nn.shape_value #nn.dims<S> : tensor<1xi64>
// CHECK: [[C:%[0-9]+]] = nn.reshape [[V]] {{.*}} -> tensor<i64>
// CHECK: [[F:%[0-9]+]] = nn.cast [[C]] {{.*}} -> tensor<f32>
// CHECK: nn.div [[R]], [[F]] {nn.names = ["sum"]}
