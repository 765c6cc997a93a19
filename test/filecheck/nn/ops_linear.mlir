// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// Convolution says strides, pads, dilations, groups, and TF32 where it is allowed.
// CHECK-LABEL: @conv(
func.func @conv(%x: tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, %y: tensor<16x3x3x8xf32>, %z: tensor<8x3x3x1xf32>) {
  // CHECK-NEXT: %0 = nn.conv %x, %y {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, tensor<16x3x3x8xf32>) -> tensor<?x?x?x16xf32, #nn.dims<N, (H + 1) floordiv 2, (W + 1) floordiv 2, 16>>
  %0 = nn.conv %x, %y {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, tensor<16x3x3x8xf32>) -> tensor<?x?x?x16xf32, #nn.dims<N, (H + 1) floordiv 2, (W + 1) floordiv 2, 16>>
  // CHECK-NEXT: %1 = nn.conv %x, %z {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 8 : i64, math = #nn.math<tf32>} : (tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, tensor<8x3x3x1xf32>) -> tensor<?x?x?x8xf32, #nn.dims<N, H - 2, W - 2, 8>>
  %1 = nn.conv %x, %z {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 8 : i64, math = #nn.math<tf32>} : (tensor<?x?x?x8xf32, #nn.dims<N, H, W, 8>>, tensor<8x3x3x1xf32>) -> tensor<?x?x?x8xf32, #nn.dims<N, H - 2, W - 2, 8>>
  func.return
}

// Three spatial dims, and one.
// CHECK-LABEL: @spatial(
func.func @spatial(%x: tensor<1x?x8x8x4xf32, #nn.dims<1, D, 8, 8, 4>>, %w: tensor<6x3x3x3x4xf32>, %y: tensor<2x9x4xf32>) {
  // CHECK-NEXT: %0 = nn.conv %x, %w {strides = array<i64: 1, 2, 1>, pads = array<i64: 1, 1, 1, 1, 1, 1>, dilations = array<i64: 1, 1, 1>, groups = 1 : i64} : (tensor<1x?x8x8x4xf32, #nn.dims<1, D, 8, 8, 4>>, tensor<6x3x3x3x4xf32>) -> tensor<1x?x4x8x6xf32, #nn.dims<1, D, 4, 8, 6>>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 2, 1>, pads = array<i64: 1, 1, 1, 1, 1, 1>, dilations = array<i64: 1, 1, 1>, groups = 1 : i64} : (tensor<1x?x8x8x4xf32, #nn.dims<1, D, 8, 8, 4>>, tensor<6x3x3x3x4xf32>) -> tensor<1x?x4x8x6xf32, #nn.dims<1, D, 4, 8, 6>>
  // CHECK-NEXT: %1 = nn.max_pool %y {kernel = array<i64: 3>, strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x9x4xf32>) -> tensor<2x4x4xf32>
  %1 = nn.max_pool %y {kernel = array<i64: 3>, strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x9x4xf32>) -> tensor<2x4x4xf32>
  func.return
}

// A window of n places with dilation d spans (n - 1) * d + 1.
// CHECK-LABEL: @dilated(
func.func @dilated(%x: tensor<1x9x10x4xf32>, %w: tensor<8x3x2x4xf32>) -> tensor<1x5x7x8xf32> {
  // CHECK-NEXT: nn.conv {{.*}} -> tensor<1x5x7x8xf32>
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 2, 3>, groups = 1 : i64} : (tensor<1x9x10x4xf32>, tensor<8x3x2x4xf32>) -> tensor<1x5x7x8xf32>
  func.return %0 : tensor<1x5x7x8xf32>
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
  // CHECK-NEXT: %6 = nn.normalize %x {axes = array<i64: 1, 2>, epsilon = 1.000000e-05 : f64, centred = false} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %6 = nn.normalize %x {axes = array<i64: 1, 2>, epsilon = 1.000000e-05 : f64, centred = false} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  // CHECK-NEXT: %7 = nn.log_softmax %x {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %7 = nn.log_softmax %x {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  // CHECK-NEXT: %8 = nn.l2_normalize %x {axes = array<i64: 1, 2>, epsilon = {{[0-9.e-]+}} : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %8 = nn.l2_normalize %x {axes = array<i64: 1, 2>, epsilon = 9.9999999999999998E-13 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  func.return
}

// Where the maxima are, as i64.
// CHECK-LABEL: @places(
func.func @places(%x: tensor<?x8x8x4xf16, #nn.dims<N, 8, 8, 4>>) {
  // CHECK-NEXT: %0 = nn.arg_max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x8x8x4xf16, #nn.dims<N, 8, 8, 4>>) -> tensor<?x4x4x4xi64, #nn.dims<N, 4, 4, 4>>
  %0 = nn.arg_max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x8x8x4xf16, #nn.dims<N, 8, 8, 4>>) -> tensor<?x4x4x4xi64, #nn.dims<N, 4, 4, 4>>
  func.return
}
