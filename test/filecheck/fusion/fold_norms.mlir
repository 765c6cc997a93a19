// RUN: trtc-opt %s -p fold-norms --split-input-file --verify-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fold-norms --split-input-file --verify-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Pre-norm, with a dynamic number of rows: the scale goes into the weights, the bias of the norm into the bias after the product.
// CHECK-LABEL: @pre
// CHECK: %[[X:.*]] = nn.add %{{.*}}, %r
// CHECK-NEXT: %[[M:.*]] = nn.row_moments %[[X]] {columns = 64 : i64} : {{.*}} -> tensor<2x?x1xf32, #nn.dims<2, N, 1>>
// CHECK: %[[S:.*]] = nn.mul %w1, %scale
// CHECK-NEXT: %[[C:.*]] = nn.cast %[[S]] : (tensor<128x64xf32>) -> tensor<128x64xf16>
// CHECK-NEXT: %[[W:.*]] = nn.cast %[[C]] : (tensor<128x64xf16>) -> tensor<128x64xf32>
// CHECK-NEXT: %[[U:.*]] = nn.reduce sum %[[W]] {axes = array<i64: 1>
// CHECK-NEXT: %[[B:.*]] = nn.mul %w1, %bias
// CHECK-NEXT: %[[R:.*]] = nn.reduce sum %[[B]] {axes = array<i64: 1>
// CHECK-NEXT: %[[V:.*]] = nn.add %b1, %[[R]]
// CHECK-NEXT: %[[Q:.*]] = nn.matmul %[[X]], %[[W]] {transpose_b, math = #nn.math<f16>}
// CHECK-NEXT: %[[A:.*]] = nn.apply_moments %[[Q]], %[[M]] shift %[[U]] {columns = 64 : i64, epsilon = 1.000000e-05 : f64, centred = true}
// CHECK-NEXT: %[[Y:.*]] = nn.add %[[A]], %[[V]] {nn.stored = f16, nn.names = ["u"]}
// CHECK-NEXT: nn.relu %[[Y]]
// CHECK-NOT: nn.layer_norm
// REMARK: analysis: fold-norms: nn.layer_norm [n]: layer_norm: in the products, by 64 columns (in the products, by 64 columns {{.*}} us, a launch of its own {{.*}} us)
// REMARK: applied: fold-norms: nn.row_moments: nn.layer_norm folded into 1 nn.matmul after it
func.func @pre(%i: tensor<?x64xf32, #nn.dims<N, 64>>, %r: tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x128xf32, #nn.dims<N, 128>> {
  %w0 = nn.constant dense<1.0> : tensor<64x64xf32>
  %w1 = nn.constant dense<1.0> : tensor<128x64xf32>
  %b1 = nn.constant dense<1.0> : tensor<128xf32>
  %scale = nn.constant dense<2.0> : tensor<64xf32>
  %bias = nn.constant dense<3.0> : tensor<64xf32>
  %0 = nn.matmul %i, %w0 {nn.stored = f16, transpose_b, math = #nn.math<f16>} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<64x64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %1 = nn.add %0, %r {nn.stored = f16} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %2 = nn.layer_norm %1, %scale, %bias {nn.stored = f16, nn.names = ["n"], axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  %3 = nn.matmul %2, %w1 {nn.stored = f16, transpose_b, math = #nn.math<f16>} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<128x64xf32>) -> tensor<?x128xf32, #nn.dims<N, 128>>
  %4 = nn.add %3, %b1 {nn.stored = f16, nn.names = ["u"]} : (tensor<?x128xf32, #nn.dims<N, 128>>, tensor<128xf32>) -> tensor<?x128xf32, #nn.dims<N, 128>>
  %5 = nn.relu %4 : tensor<?x128xf32, #nn.dims<N, 128>>
  func.return %5 : tensor<?x128xf32, #nn.dims<N, 128>>
}

// -----

// Post-norm: what a product's epilogue adds is normalised there. B is stored [K, N].
// CHECK-LABEL: @post
// CHECK: %[[M:.*]] = nn.row_moments %[[X:.*]] {columns = 64 : i64}
// CHECK: %[[G:.*]] = nn.reshape %scale : (tensor<64xf32>) -> tensor<64x1xf32>
// CHECK-NEXT: nn.mul %w1, %[[G]]
// CHECK: nn.reduce sum %{{.*}} {axes = array<i64: 0>
// CHECK: nn.matmul %[[X]]
// CHECK-NEXT: nn.apply_moments
// CHECK: nn.matmul
// CHECK-NEXT: %[[A:.*]] = nn.apply_moments %[[X]], %[[M]] {nn.stored = f16, columns = 64 : i64
// CHECK-NEXT: %[[S:.*]] = nn.mul %[[A]], %scale
// CHECK-NEXT: %[[N:.*]] = nn.add %[[S]], %bias
// CHECK-NEXT: nn.add %{{.*}}, %[[N]]
// REMARK: applied: fold-norms: nn.row_moments: nn.layer_norm folded into 1 nn.matmul after it, and normalised where it is added
func.func @post(%i: tensor<40x64xf32>) -> tensor<40x64xf32> {
  %w0 = nn.constant dense<1.0> : tensor<64x64xf32>
  %w1 = nn.constant dense<1.0> : tensor<64x128xf32>
  %w2 = nn.constant dense<1.0> : tensor<128x64xf32>
  %scale = nn.constant dense<2.0> : tensor<64xf32>
  %bias = nn.constant dense<3.0> : tensor<64xf32>
  %0 = nn.matmul %i, %w0 {nn.stored = f16, math = #nn.math<f16>} : (tensor<40x64xf32>, tensor<64x64xf32>) -> tensor<40x64xf32>
  %1 = nn.layer_norm %0, %scale, %bias {nn.stored = f16, axis = 1 : i64, epsilon = 1.0e-05 : f64} : (tensor<40x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<40x64xf32>
  %2 = nn.matmul %1, %w1 {nn.stored = f16, math = #nn.math<f16>} : (tensor<40x64xf32>, tensor<64x128xf32>) -> tensor<40x128xf32>
  %3 = nn.matmul %2, %w2 {nn.stored = f16, math = #nn.math<f16>} : (tensor<40x128xf32>, tensor<128x64xf32>) -> tensor<40x64xf32>
  %4 = nn.add %3, %1 : (tensor<40x64xf32>, tensor<40x64xf32>) -> tensor<40x64xf32>
  func.return %4 : tensor<40x64xf32>
}

// -----

// RMS normalisation of f16: products of f32 results, no shift.
// CHECK-LABEL: @rms
// CHECK: %[[M:.*]] = nn.row_moments %[[X:.*]] {columns = 64 : i64} : (tensor<40x64xf16>) -> tensor<2x40x1xf32>
// CHECK: %[[W:.*]] = nn.cast %{{.*}} : (tensor<128x64xf32>) -> tensor<128x64xf16>
// CHECK-NEXT: %[[Q:.*]] = nn.matmul %[[X]], %[[W]] {transpose_b} : (tensor<40x64xf16>, tensor<128x64xf16>) -> tensor<40x128xf32>
// CHECK-NEXT: %[[A:.*]] = nn.apply_moments %[[Q]], %[[M]] {columns = 64 : i64, epsilon = 1.000000e-05 : f64, centred = false}
// CHECK-NEXT: nn.cast %[[A]] : (tensor<40x128xf32>) -> tensor<40x128xf16>
// REMARK: applied: fold-norms: nn.row_moments: nn.normalize folded into 1 nn.matmul after it
func.func @rms(%i: tensor<40x64xf16>) -> tensor<40x128xf16> {
  %w0 = nn.constant dense<1.0> : tensor<64x64xf16>
  %w1 = nn.constant dense<1.0> : tensor<128x64xf16>
  %scale = nn.constant dense<2.0> : tensor<64xf16>
  %0 = nn.matmul %i, %w0 {transpose_b} : (tensor<40x64xf16>, tensor<64x64xf16>) -> tensor<40x64xf16>
  %1 = nn.normalize %0 {axes = array<i64: 1>, epsilon = 1.0e-05 : f64, centred = false} : (tensor<40x64xf16>) -> tensor<40x64xf16>
  %2 = nn.mul %1, %scale : (tensor<40x64xf16>, tensor<64xf16>) -> tensor<40x64xf16>
  %3 = nn.matmul %2, %w1 {transpose_b} : (tensor<40x64xf16>, tensor<128x64xf16>) -> tensor<40x128xf16>
  func.return %3 : tensor<40x128xf16>
}
