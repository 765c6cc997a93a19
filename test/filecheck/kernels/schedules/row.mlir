// RUN: trtc-opt %s -p 'select-schedule{allowed="row"},lower-groups' --split-input-file | filecheck %s

// One warp per row: what lies outside the row is -inf for the maximum; the mask is added before, in the same map.
// CHECK-LABEL: kernel.func @masked_softmax(
// CHECK-SAME: warps 4
// CHECK: %[[X:.*]] = kernel.map
// CHECK: arith.addf
// CHECK: %[[M:.*]] = kernel.map (%[[X]]
// CHECK: arith.constant 0xff800000 : f32
// CHECK: %[[ROW_MAX:.*]] = kernel.reduce "max" %[[M]] : !kernel.frag<4x128xf32, #kernel.blocked<4, 32, 1, 4>> -> !kernel.frag<4xf32
// CHECK: kernel.map (%[[M]], %[[ROW_MAX]])
// CHECK: math.exp
// CHECK: kernel.reduce "sum"
// CHECK: arith.divf
// CHECK: kernel.store
func.func private @masked_softmax(%x: tensor<600x100xf32>, %m: tensor<100xf32>) -> tensor<600x100xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.add %x, %m : (tensor<600x100xf32>, tensor<100xf32>) -> tensor<600x100xf32>
  %1 = nn.softmax %0 {axis = 1 : i64} : (tensor<600x100xf32>) -> tensor<600x100xf32>
  func.return %1 : tensor<600x100xf32>
}

// -----

// Rows over 1024 columns take a block each, whose warps meet in shared memory; the variance is that of differences from the mean.
// CHECK-LABEL: kernel.func @layer_norm(
// CHECK: %[[S:.*]] = kernel.alloc -> !kernel.shared<1x{{[0-9]+}}xf32>
// CHECK: kernel.reduce "sum" %{{.*}} through %[[S]]
// CHECK: arith.subf
// CHECK: arith.mulf
// CHECK: kernel.reduce "sum"
// CHECK: math.rsqrt
// CHECK: arith.truncf
func.func private @layer_norm(%x: tensor<600x2048xf16>, %s: tensor<2048xf16>, %b: tensor<2048xf16>) -> tensor<600x2048xf16> attributes {fusion.anchor = "row"} {
  %0 = nn.layer_norm %x, %s, %b {axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<600x2048xf16>, tensor<2048xf16>, tensor<2048xf16>) -> tensor<600x2048xf16>
  func.return %0 : tensor<600x2048xf16>
}

// -----

// Global pooling of NHWC: rows are (n, c), neighbouring threads take neighbouring channels and walk the 49 pixels in chunks.
// CHECK-LABEL: kernel.func @pool(
// CHECK: kernel.view %x dims <2, 512, 49> strides <25088, 1, 512> offset <0> groups [array<i64: 0, 1>, array<i64: 2>]
// CHECK: scf.for
// CHECK: kernel.load
// CHECK: kernel.reduce "sum"
// CHECK: arith.divf
// CHECK: kernel.store
func.func private @pool(%x: tensor<2x7x7x512xf32>) -> tensor<2x512xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.reduce mean %x {axes = array<i64: 1, 2>, keepdims = false} : (tensor<2x7x7x512xf32>) -> tensor<2x512xf32>
  func.return %0 : tensor<2x512xf32>
}

// -----

// Rows of unknown length (no profile) are walked in chunks: a running maximum and sum, then the quotients.
// CHECK-LABEL: kernel.func @long(
// CHECK: %[[MAXIMA:[0-9]+]], %[[SUMS:[0-9]+]] = scf.for
// CHECK: arith.maximumf
// CHECK: kernel.reduce "max" %[[MAXIMA]]
// CHECK: kernel.reduce "sum"
// CHECK: scf.for
// CHECK: kernel.store
func.func private @long(%x: tensor<4x?xf32, #nn.dims<4, S>>) -> tensor<4x?xf32, #nn.dims<4, S>> attributes {fusion.anchor = "row"} {
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<4x?xf32, #nn.dims<4, S>>) -> tensor<4x?xf32, #nn.dims<4, S>>
  func.return %0 : tensor<4x?xf32, #nn.dims<4, S>>
}
