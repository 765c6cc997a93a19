// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// Moments of rows of any rank, of f16 too, and what is normalised by them: the rows themselves, or products of them, which have a shift.
// CHECK-LABEL: @moments(
func.func @moments(%x: tensor<?x8x128xf16, #nn.dims<N, 8, 128>>, %y: tensor<?x8x40xf32, #nn.dims<N, 8, 40>>, %u: tensor<40xf32>) {
  // CHECK-NEXT: %0 = nn.row_moments %x {columns = 32 : i64} : (tensor<?x8x128xf16, #nn.dims<N, 8, 128>>) -> tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>>
  %0 = nn.row_moments %x {columns = 32 : i64} : (tensor<?x8x128xf16, #nn.dims<N, 8, 128>>) -> tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>>
  // CHECK-NEXT: %1 = nn.apply_moments %x, %0 {columns = 32 : i64, epsilon = 1.000000e-05 : f64, centred = false} : tensor<?x8x128xf16, #nn.dims<N, 8, 128>>, tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>> -> tensor<?x8x128xf16, #nn.dims<N, 8, 128>>
  %1 = nn.apply_moments %x, %0 {columns = 32 : i64, epsilon = 1.000000e-05 : f64, centred = false} : tensor<?x8x128xf16, #nn.dims<N, 8, 128>>, tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>> -> tensor<?x8x128xf16, #nn.dims<N, 8, 128>>
  // CHECK-NEXT: %2 = nn.apply_moments %y, %0 shift %u {columns = 32 : i64, epsilon = 1.000000e-05 : f64, centred = true} : tensor<?x8x40xf32, #nn.dims<N, 8, 40>>, tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>> shift tensor<40xf32> -> tensor<?x8x40xf32, #nn.dims<N, 8, 40>>
  %2 = nn.apply_moments %y, %0 shift %u {columns = 32 : i64, epsilon = 1.000000e-05 : f64, centred = true} : tensor<?x8x40xf32, #nn.dims<N, 8, 40>>, tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>> shift tensor<40xf32> -> tensor<?x8x40xf32, #nn.dims<N, 8, 40>>
  func.return
}
