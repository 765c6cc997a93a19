// RUN: trtc-opt %s -p decompose-attention --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p decompose-attention --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// No schedule multiplies in f64, or takes heads of 320. Keys that were transposed for the op are read as they lie.
// CHECK-LABEL: @plain
// CHECK-NEXT: %[[S:.*]] = nn.matmul %q, %kt : (tensor<2x4x16x64xf64>, tensor<2x4x64x16xf64>) -> tensor<2x4x16x16xf64>
// CHECK-NEXT: %[[C:.*]] = nn.constant dense<1.250000e-01> : tensor<f64>
// CHECK-NEXT: %[[T:.*]] = nn.mul %[[S]], %[[C]]
// CHECK-NEXT: %[[P:.*]] = nn.softmax %[[T]] {axis = 3 : i64}
// CHECK-NEXT: %[[R:.*]] = nn.matmul %[[P]], %v
// CHECK-NEXT: return %[[R]]
// REMARK: missed: decompose-attention: nn.attention: decomposed: no schedule takes it
func.func @plain(%q: tensor<2x4x16x64xf64>, %kt: tensor<2x4x64x16xf64>, %v: tensor<2x4x16x64xf64>) -> tensor<2x4x16x64xf64> {
  %k = nn.transpose %kt {permutation = array<i64: 0, 1, 3, 2>} : (tensor<2x4x64x16xf64>) -> tensor<2x4x16x64xf64>
  %0 = nn.attention %q, %k, %v {scale = 0.125 : f64} : tensor<2x4x16x64xf64>, tensor<2x4x16x64xf64>, tensor<2x4x16x64xf64> -> tensor<2x4x16x64xf64>
  func.return %0 : tensor<2x4x16x64xf64>
}

// -----

// Query heads that share keys get a dim of their own; a mask of truth values joins the bounds, and a query without a key gives zeros.
// CHECK-LABEL: @grouped
// CHECK: nn.reshape %q {{.*}} -> tensor<2x2x2x3x64xf64>
// CHECK: nn.reshape %k {{.*}} -> tensor<2x2x1x5x64xf64>
// CHECK: nn.matmul {{.*}} {transpose_b} {{.*}} -> tensor<2x2x2x3x5xf64>
// CHECK: nn.div
// CHECK-NEXT: nn.tanh
// CHECK-NEXT: nn.mul
// CHECK: nn.reshape %m {{.*}} -> tensor<2x1x1x1x5xi1>
// CHECK: nn.constant dense<{{.*}}> : tensor<3x5xi1>
// CHECK: nn.logical_and
// CHECK: nn.where
// CHECK: nn.softmax {{.*}} {axis = 4 : i64}
// CHECK-NEXT: nn.isnan
// CHECK: nn.where
// CHECK: nn.matmul
// CHECK: nn.reshape {{.*}} -> tensor<2x4x3x64xf64>
func.func @grouped(%q: tensor<2x4x3x64xf64>, %k: tensor<2x2x5x64xf64>, %v: tensor<2x2x5x64xf64>, %m: tensor<2x1x1x5xi1>) -> tensor<2x4x3x64xf64> {
  %0 = nn.attention %q, %k, %v mask %m {scale = 0.125 : f64, causal = #nn.causal<end>, window = 3 : i64, softcap = 2.0 : f64, zero_masked} : tensor<2x4x3x64xf64>, tensor<2x2x5x64xf64>, tensor<2x2x5x64xf64> mask tensor<2x1x1x5xi1> -> tensor<2x4x3x64xf64>
  func.return %0 : tensor<2x4x3x64xf64>
}

// -----

// What is multiplied in f16 crosses memory in f16, but for what a mask of any size is added to. Dims are dynamic, and so are bounds.
// CHECK-LABEL: @narrow
// CHECK: nn.matmul %q, %k {nn.stored = f16, transpose_b, math = #nn.math<f16>}
// CHECK: nn.mul {{.*}} {nn.stored = f16}
// CHECK: nn.iota {{.*}} tensor<?x1xi32, #nn.dims<S, 1>>
// CHECK: nn.size #nn.dims<P>
// CHECK: nn.compare le
// CHECK: nn.add %{{.*}}, %m : (tensor<?x4x?x?xf32, #nn.dims<B, 4, S, P + S>>, tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, P + S>>)
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.where {{.*}} -> tensor<?x4x?x?xf32
// CHECK-NEXT: nn.softmax {{.*}} {nn.stored = f16
// CHECK-NEXT: nn.matmul %{{.*}}, %v {nn.stored = f16, math = #nn.math<f16>}
func.func @narrow(%q: tensor<?x4x?x320xf32, #nn.dims<B, 4, S, 320>>, %k: tensor<?x4x?x320xf32, #nn.dims<B, 4, P + S, 320>>, %v: tensor<?x4x?x320xf32, #nn.dims<B, 4, P + S, 320>>, %m: tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, P + S>>) -> tensor<?x4x?x320xf32, #nn.dims<B, 4, S, 320>> {
  %0 = nn.attention %q, %k, %v mask %m {scale = 0.125 : f64, causal = #nn.causal<end>, math = #nn.math<f16>, nn.stored = f16} : tensor<?x4x?x320xf32, #nn.dims<B, 4, S, 320>>, tensor<?x4x?x320xf32, #nn.dims<B, 4, P + S, 320>>, tensor<?x4x?x320xf32, #nn.dims<B, 4, P + S, 320>> mask tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, P + S>> -> tensor<?x4x?x320xf32, #nn.dims<B, 4, S, 320>>
  func.return %0 : tensor<?x4x?x320xf32, #nn.dims<B, 4, S, 320>>
}

// -----

// A sum with a mask that may hide all keys of a row by a finite number does not; one with a bias does.
// CHECK-LABEL: @hides
// CHECK: nn.add %{{.*}}, %m : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>)
// CHECK: nn.add %{{.*}}, %bias {nn.stored = f16} : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>)
func.func @hides(%x: tensor<1x1x2x320xf32>, %c: tensor<1x1x2x2xi1>) -> tensor<1x1x2x320xf32> {
  %zero = nn.constant dense<0.0> : tensor<f32>
  %low = nn.constant dense<-1000.0> : tensor<f32>
  %m = nn.where %c, %zero, %low {nn.stored = f16} : (tensor<1x1x2x2xi1>, tensor<f32>, tensor<f32>) -> tensor<1x1x2x2xf32>
  %0 = nn.attention %x, %x, %x mask %m {scale = 1.0 : f64, math = #nn.math<f16>, nn.stored = f16} : tensor<1x1x2x320xf32>, tensor<1x1x2x320xf32>, tensor<1x1x2x320xf32> mask tensor<1x1x2x2xf32> -> tensor<1x1x2x320xf32>
  %bias = nn.constant {nn.stored = f16} dense<[[[[0.5, -1000.0], [2.0, -1.0]]]]> : tensor<1x1x2x2xf32>
  %1 = nn.attention %0, %x, %x mask %bias {scale = 1.0 : f64, math = #nn.math<f16>, nn.stored = f16} : tensor<1x1x2x320xf32>, tensor<1x1x2x320xf32>, tensor<1x1x2x320xf32> mask tensor<1x1x2x2xf32> -> tensor<1x1x2x320xf32>
  func.return %1 : tensor<1x1x2x320xf32>
}

// -----

// Invalid: keys of another head size.
// CHECK: nn.attention: expected q and k of one head size
func.func @invalid(%q: tensor<2x4x16x64xf64>, %k: tensor<2x4x16x32xf64>) {
  %0 = nn.attention %q, %k, %k {scale = 0.125 : f64} : tensor<2x4x16x64xf64>, tensor<2x4x16x32xf64>, tensor<2x4x16x32xf64> -> tensor<2x4x16x32xf64>
  func.return
}
