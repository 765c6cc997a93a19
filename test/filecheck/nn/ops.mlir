// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// Unary ops keep the type, dynamic dims with their expressions included.
// CHECK-LABEL: @unary(
func.func @unary(%x: tensor<?x8xf32, #nn.dims<N, 8>>) {
  // CHECK-NEXT: %0 = nn.neg %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %0 = nn.neg %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %1 = nn.abs %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.abs %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %2 = nn.exp %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.exp %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %3 = nn.log %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.log %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %4 = nn.sqrt %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.sqrt %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %5 = nn.rsqrt %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %5 = nn.rsqrt %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %6 = nn.reciprocal %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %6 = nn.reciprocal %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %7 = nn.erf %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %7 = nn.erf %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %8 = nn.tanh %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %8 = nn.tanh %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %9 = nn.sigmoid %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %9 = nn.sigmoid %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %10 = nn.relu %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %10 = nn.relu %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %11 = nn.floor %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %11 = nn.floor %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %12 = nn.ceil %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %12 = nn.ceil %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %13 = nn.round %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %13 = nn.round %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %14 = nn.sign %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %14 = nn.sign %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %15 = nn.sin %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %15 = nn.sin %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %16 = nn.cos %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %16 = nn.cos %x : tensor<?x8xf32, #nn.dims<N, 8>>
  func.return
}

// Ops on truth values are on i1.
// CHECK-LABEL: @truth(
func.func @truth(%x: tensor<4xi1>, %y: tensor<2x4xi1>) {
  // CHECK-NEXT: %0 = nn.logical_not %x : tensor<4xi1>
  %0 = nn.logical_not %x : tensor<4xi1>
  // CHECK-NEXT: %1 = nn.logical_and %x, %y : (tensor<4xi1>, tensor<2x4xi1>) -> tensor<2x4xi1>
  %1 = nn.logical_and %x, %y : (tensor<4xi1>, tensor<2x4xi1>) -> tensor<2x4xi1>
  // CHECK-NEXT: %2 = nn.logical_or %x, %y : (tensor<4xi1>, tensor<2x4xi1>) -> tensor<2x4xi1>
  %2 = nn.logical_or %x, %y : (tensor<4xi1>, tensor<2x4xi1>) -> tensor<2x4xi1>
  // CHECK-NEXT: %3 = nn.logical_xor %x, %y : (tensor<4xi1>, tensor<2x4xi1>) -> tensor<2x4xi1>
  %3 = nn.logical_xor %x, %y : (tensor<4xi1>, tensor<2x4xi1>) -> tensor<2x4xi1>
  func.return
}

// Binary ops broadcast as NumPy does.
// CHECK-LABEL: @binary(
func.func @binary(%x: tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, %y: tensor<4x8xf32>) {
  // CHECK-NEXT: %0 = nn.add %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %0 = nn.add %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  // CHECK-NEXT: %1 = nn.sub %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %1 = nn.sub %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  // CHECK-NEXT: %2 = nn.mul %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %2 = nn.mul %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  // CHECK-NEXT: %3 = nn.div %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %3 = nn.div %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  // CHECK-NEXT: %4 = nn.pow %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %4 = nn.pow %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  // CHECK-NEXT: %5 = nn.min %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %5 = nn.min %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  // CHECK-NEXT: %6 = nn.max %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %6 = nn.max %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  // CHECK-NEXT: %7 = nn.mod %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %7 = nn.mod %x, %y : (tensor<?x1x8xf32, #nn.dims<N, 1, 8>>, tensor<4x8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return
}

// The other pointwise ops.
// CHECK-LABEL: @pointwise(
func.func @pointwise(%x: tensor<?x8xf32, #nn.dims<N, 8>>, %y: tensor<8xf32>, %z: tensor<8xi1>) {
  // CHECK-NEXT: %0 = nn.compare lt %x, %y : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xi1, #nn.dims<N, 8>>
  %0 = nn.compare lt %x, %y : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xi1, #nn.dims<N, 8>>
  // CHECK-NEXT: %1 = nn.where %z, %x, %y : (tensor<8xi1>, tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.where %z, %x, %y : (tensor<8xi1>, tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %2 = nn.clip %x {min = 0.000000e+00 : f64, max = 6.000000e+00 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.clip %x {min = 0.000000e+00 : f64, max = 6.000000e+00 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %3 = nn.clip %x {min = 0.000000e+00 : f64, max = 0x7ff0000000000000 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.clip %x {min = 0.000000e+00 : f64, max = 0x7ff0000000000000 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %4 = nn.leaky_relu %x {alpha = 1.000000e-01 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.leaky_relu %x {alpha = 1.000000e-01 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %5 = nn.cast %x : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf16, #nn.dims<N, 8>>
  %5 = nn.cast %x : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf16, #nn.dims<N, 8>>
  // CHECK-NEXT: %6 = nn.isnan %x : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xi1, #nn.dims<N, 8>>
  %6 = nn.isnan %x : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xi1, #nn.dims<N, 8>>
  func.return
}

// Convolution says strides, pads, dilations, groups, and TF32 where it is allowed.
// CHECK-LABEL: @conv(
func.func @conv(%x: tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, %y: tensor<16x3x3x8xf32>, %z: tensor<8x3x3x1xf32>) {
  // CHECK-NEXT: %0 = nn.conv %x, %y {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, tensor<16x3x3x8xf32>) -> tensor<?x?x?x16xf32, #nn.dims<N, (H + 1) floordiv 2, (W + 1) floordiv 2, 16>>
  %0 = nn.conv %x, %y {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, tensor<16x3x3x8xf32>) -> tensor<?x?x?x16xf32, #nn.dims<N, (H + 1) floordiv 2, (W + 1) floordiv 2, 16>>
  // CHECK-NEXT: %1 = nn.conv %x, %z {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 8 : i64, math = #nn.math<tf32>} : (tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, tensor<8x3x3x1xf32>) -> tensor<?x?x?x8xf32, #nn.dims<N, H - 2, W - 2, 8>>
  %1 = nn.conv %x, %z {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 8 : i64, math = #nn.math<tf32>} : (tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, tensor<8x3x3x1xf32>) -> tensor<?x?x?x8xf32, #nn.dims<N, H - 2, W - 2, 8>>
  func.return
}

// Integer operands give i32, narrow floats their own type or f32.
// CHECK-LABEL: @accumulators(
func.func @accumulators(%x: tensor<1x4x4x8xi8>, %y: tensor<8x1x1x8xi8>, %z: tensor<2x4xf16>, %u: tensor<4x3xf16>) {
  // CHECK-NEXT: %0 = nn.conv %x, %y {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x8xi8>, tensor<8x1x1x8xi8>) -> tensor<1x4x4x8xi32>
  %0 = nn.conv %x, %y {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x8xi8>, tensor<8x1x1x8xi8>) -> tensor<1x4x4x8xi32>
  // CHECK-NEXT: %1 = nn.matmul %z, %u : (tensor<2x4xf16>, tensor<4x3xf16>) -> tensor<2x3xf16>
  %1 = nn.matmul %z, %u : (tensor<2x4xf16>, tensor<4x3xf16>) -> tensor<2x3xf16>
  // CHECK-NEXT: %2 = nn.matmul %z, %u : (tensor<2x4xf16>, tensor<4x3xf16>) -> tensor<2x3xf32>
  %2 = nn.matmul %z, %u : (tensor<2x4xf16>, tensor<4x3xf16>) -> tensor<2x3xf32>
  func.return
}

// Matrix products broadcast batch dims and may read the second operand transposed.
// CHECK-LABEL: @matmul(
func.func @matmul(%x: tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, %y: tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, %z: tensor<64x8xf32>) {
  // CHECK-NEXT: %0 = nn.matmul %x, %y {transpose_b} : (tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>) -> tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>
  %0 = nn.matmul %x, %y {transpose_b} : (tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>) -> tensor<?x12x?x?xf32, #nn.dims<B, 12, S, S>>
  // CHECK-NEXT: %1 = nn.matmul %x, %z {math = #nn.math<tf32>} : (tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, tensor<64x8xf32>) -> tensor<?x12x?x8xf32, #nn.dims<B, 12, S, 8>>
  %1 = nn.matmul %x, %z {math = #nn.math<tf32>} : (tensor<?x12x?x64xf32, #nn.dims<B, 12, S, 64>>, tensor<64x8xf32>) -> tensor<?x12x?x8xf32, #nn.dims<B, 12, S, 8>>
  func.return
}

// Pools.
// CHECK-LABEL: @pools(
func.func @pools(%x: tensor<1x9x9x4xf32>) {
  // CHECK-NEXT: %0 = nn.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x9x9x4xf32>) -> tensor<1x4x4x4xf32>
  %0 = nn.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x9x9x4xf32>) -> tensor<1x4x4x4xf32>
  // CHECK-NEXT: %1 = nn.avg_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, count_include_pad = true} : (tensor<1x9x9x4xf32>) -> tensor<1x5x5x4xf32>
  %1 = nn.avg_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, count_include_pad = true} : (tensor<1x9x9x4xf32>) -> tensor<1x5x5x4xf32>
  func.return
}

// Reductions and normalisations.
// CHECK-LABEL: @rows(
func.func @rows(%x: tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, %y: tensor<4xf32>) {
  // CHECK-NEXT: %0 = nn.reduce sum %x {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %0 = nn.reduce sum %x {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  // CHECK-NEXT: %1 = nn.reduce sumsq %x {axes = array<i64: 0>, keepdims = false} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<8x4xf32>
  %1 = nn.reduce sumsq %x {axes = array<i64: 0>, keepdims = false} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<8x4xf32>
  // CHECK-NEXT: %2 = nn.softmax %x {axis = 2 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %2 = nn.softmax %x {axis = 2 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  // CHECK-NEXT: %3 = nn.layer_norm %x, %y, %y {axis = 2 : i64, epsilon = 1.000000e-05 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %3 = nn.layer_norm %x, %y, %y {axis = 2 : i64, epsilon = 1.000000e-05 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  // CHECK-NEXT: %4 = nn.batch_norm %x, %y, %y, %y, %y {epsilon = 1.000000e-05 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %4 = nn.batch_norm %x, %y, %y, %y, %y {epsilon = 1.000000e-05 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  // CHECK-NEXT: %5 = nn.lrn %x {size = 5 : i64, alpha = 1.000000e-04 : f64, beta = 7.500000e-01 : f64, bias = 1.000000e+00 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %5 = nn.lrn %x {size = 5 : i64, alpha = 1.000000e-04 : f64, beta = 7.500000e-01 : f64, bias = 1.000000e+00 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  func.return
}

// Gathers and concatenation.
// CHECK-LABEL: @gathers(
func.func @gathers(%x: tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, %y: tensor<?x2xi64, #nn.dims<M, 2>>) {
  // CHECK-NEXT: %0 = nn.gather %x, %y {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x2xi64, #nn.dims<M, 2>>) -> tensor<?x?x2x4xf32, #nn.dims<N, M, 2, 4>>
  %0 = nn.gather %x, %y {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x2xi64, #nn.dims<M, 2>>) -> tensor<?x?x2x4xf32, #nn.dims<N, M, 2, 4>>
  // CHECK-NEXT: %1 = nn.gather_nd %x, %y {batch_dims = 0 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x2xi64, #nn.dims<M, 2>>) -> tensor<?x4xf32, #nn.dims<M, 4>>
  %1 = nn.gather_nd %x, %y {batch_dims = 0 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x2xi64, #nn.dims<M, 2>>) -> tensor<?x4xf32, #nn.dims<M, 4>>
  // CHECK-NEXT: %2 = nn.concat %x, %x {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x16x4xf32, #nn.dims<N, 16, 4>>
  %2 = nn.concat %x, %x {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x16x4xf32, #nn.dims<N, 16, 4>>
  // CHECK-NEXT: %3 = nn.concat %x, %x {axis = 0 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<2*N, 8, 4>>
  %3 = nn.concat %x, %x {axis = 0 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<2*N, 8, 4>>
  func.return
}

// Views and copies; starts are dim expressions.
// CHECK-LABEL: @views(
func.func @views(%x: tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) {
  // CHECK-NEXT: %0 = nn.slice %x {starts = #nn.dims<N - 1, 7, 0>, steps = array<i64: 1, -2, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<1x4x4xf32>
  %0 = nn.slice %x {starts = #nn.dims<N - 1, 7, 0>, steps = array<i64: 1, -2, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<1x4x4xf32>
  // CHECK-NEXT: %1 = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<4x?x8xf32, #nn.dims<4, N, 8>>
  %1 = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<4x?x8xf32, #nn.dims<4, N, 8>>
  // CHECK-NEXT: %2 = nn.reshape %x : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x4xf32, #nn.dims<8*N, 4>>
  %2 = nn.reshape %x : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x4xf32, #nn.dims<8*N, 4>>
  // CHECK-NEXT: %3 = nn.broadcast_to %x : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>>
  %3 = nn.broadcast_to %x : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>>
  // CHECK-NEXT: %4 = nn.pad %x {low = array<i64: 0, 1, 0>, high = array<i64: 1, 0, 0>, value = -1.000000e+00 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x9x4xf32, #nn.dims<N + 1, 9, 4>>
  %4 = nn.pad %x {low = array<i64: 0, 1, 0>, high = array<i64: 1, 0, 0>, value = -1.000000e+00 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x9x4xf32, #nn.dims<N + 1, 9, 4>>
  func.return
}

// Constants, shapes and counting.
// CHECK-LABEL: @values(
func.func @values() {
  // CHECK-NEXT: %0 = nn.constant dense<[1, 2]> : tensor<2xi64>
  %0 = nn.constant dense<[1, 2]> : tensor<2xi64>
  // CHECK-NEXT: %1 = nn.constant #nn.blob<"fc.weight", "e8f41b3baa7b95cfb55e51fdf1713bfcf5f976511c9dd8458abd78e549ba022c", tensor<20xf32>>
  %1 = nn.constant #nn.blob<"fc.weight", "e8f41b3baa7b95cfb55e51fdf1713bfcf5f976511c9dd8458abd78e549ba022c", tensor<20xf32>>
  // CHECK-NEXT: %2 = nn.shape_value #nn.dims<N, (H + 1) floordiv 2, 64> : tensor<3xi64>
  %2 = nn.shape_value #nn.dims<N, (H + 1) floordiv 2, 64> : tensor<3xi64>
  // CHECK-NEXT: %3 = nn.iota {axis = 1 : i64} : tensor<?x8xi64, #nn.dims<N, 8>>
  %3 = nn.iota {axis = 1 : i64} : tensor<?x8xi64, #nn.dims<N, 8>>
  func.return
}

// Weights are read and exported by name.
// CHECK-LABEL: @weights(
func.func @weights() {
  // CHECK-NEXT: %0 = nn.weight "fc.weight" : tensor<4xf32>
  %0 = nn.weight "fc.weight" : tensor<4xf32>
  // CHECK-NEXT: nn.export "fc.weight" %0 : tensor<4xf32>
  nn.export "fc.weight" %0 : tensor<4xf32>
  func.return
}

// The dim symbols of a module have ranges, and ops keep the ONNX names of their results.
// CHECK-LABEL: module @ranges attributes {nn.symbols = {N = array<i64: 1, 4, 8>}}
builtin.module @ranges attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @named(%x : tensor<?xf32, #nn.dims<N>>) {
    // CHECK: nn.relu %x {nn.names = ["y"]} : tensor<?xf32, #nn.dims<N>>
    %y = nn.relu %x {nn.names = ["y"]} : tensor<?xf32, #nn.dims<N>>
    func.return
  }
}

// Any expression parses and prints in canonical form.
// CHECK-LABEL: @canonical(
// CHECK-SAME: #nn.dims<(H + 1) floordiv 2, min(4, S), B*S - 1>
func.func @canonical(%x : tensor<?x?x?xf32, #nn.dims<(H + 2 - 3) floordiv 2 + 1, min(S, 4), 2*B*S floordiv 2 - 1>>) {
  func.return
}
