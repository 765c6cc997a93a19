// RUN: sed -n 's,^// onnx: ,,p' %s > %t.onnxtxt
// RUN: trtc-opt %t.onnxtxt --bound nonzero=100 | filecheck %s

// The elements that are not 0 are counted, numbered and scattered to a buffer of the bound; the host reads the count.
// onnx: <ir_version: 8, opset_import: ["" : 17]>
// onnx: g (float[200] x) => (int64[A, B] y) {
// onnx:   [found] y = NonZero(x)
// onnx: }

// CHECK: nn.symbols = {found_NonZero = array<i64: 0, 50, 100>}
// CHECK-LABEL: func.func @main
// CHECK: [[M:%[0-9]+]] = nn.compare ne %0
// CHECK: nn.cumulative sum
// CHECK: [[N:%[0-9]+]] = nn.reduce sum
// CHECK: nn.read "found_NonZero" from [[N]] : tensor<1xi32>
// CHECK: [[P:%[0-9]+]] = nn.scatter set {{.*}} -> tensor<100xi32>
// CHECK: nn.slice [[P]] {{.*}} -> tensor<?xi32, #nn.dims<found_NonZero>>
