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
  // CHECK-NEXT: %17 = nn.asin %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %17 = nn.asin %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %18 = nn.acos %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %18 = nn.acos %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %19 = nn.atan %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %19 = nn.atan %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %20 = nn.asinh %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %20 = nn.asinh %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %21 = nn.acosh %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %21 = nn.acosh %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %22 = nn.atanh %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %22 = nn.atanh %x : tensor<?x8xf32, #nn.dims<N, 8>>
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

// Activations; results may be off by one unit in the last place of f16 or bf16 where an op says so.
// CHECK-LABEL: @activations(
func.func @activations(%x: tensor<?x8xf32, #nn.dims<N, 8>>, %h: tensor<4xf16>) {
  // CHECK-NEXT: %0 = nn.gelu %x {approximate = #nn.gelu_form<none>} : tensor<?x8xf32, #nn.dims<N, 8>>
  %0 = nn.gelu %x {approximate = #nn.gelu_form<none>} : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %1 = nn.gelu %x {approximate = #nn.gelu_form<tanh>, fast = bf16} : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.gelu %x {approximate = #nn.gelu_form<tanh>, fast = bf16} : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %2 = nn.silu %h {alpha = 1.702000e+00 : f64, fast = f16} : tensor<4xf16>
  %2 = nn.silu %h {alpha = 1.702000e+00 : f64, fast = f16} : tensor<4xf16>
  // CHECK-NEXT: %3 = nn.softplus %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.softplus %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %4 = nn.mish %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.mish %x : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %5 = nn.hard_sigmoid %x {alpha = 2.000000e-01 : f64, beta = 5.000000e-01 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  %5 = nn.hard_sigmoid %x {alpha = 2.000000e-01 : f64, beta = 5.000000e-01 : f64} : tensor<?x8xf32, #nn.dims<N, 8>>
  // CHECK-NEXT: %6 = nn.hard_swish %h : tensor<4xf16>
  %6 = nn.hard_swish %h : tensor<4xf16>
  // CHECK-NEXT: %7 = nn.div %x, %x {fast = f16} : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %7 = nn.div %x, %x {fast = f16} : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return
}

// Ops on bits are on integers of any width, with or without a sign.
// CHECK-LABEL: @bits(
func.func @bits(%x: tensor<4xui32>, %y: tensor<2x4xui32>) {
  // CHECK-NEXT: %0 = nn.bit_not %x : tensor<4xui32>
  %0 = nn.bit_not %x : tensor<4xui32>
  // CHECK-NEXT: %1 = nn.bit_and %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  %1 = nn.bit_and %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  // CHECK-NEXT: %2 = nn.bit_or %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  %2 = nn.bit_or %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  // CHECK-NEXT: %3 = nn.bit_xor %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  %3 = nn.bit_xor %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  // CHECK-NEXT: %4 = nn.shift_left %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  %4 = nn.shift_left %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  // CHECK-NEXT: %5 = nn.shift_right %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  %5 = nn.shift_right %x, %y : (tensor<4xui32>, tensor<2x4xui32>) -> tensor<2x4xui32>
  // CHECK-NEXT: %6 = nn.bitcast %x : (tensor<4xui32>) -> tensor<4xf32>
  %6 = nn.bitcast %x : (tensor<4xui32>) -> tensor<4xf32>
  func.return
}
