// RUN: trtc-opt %s -p widen-sums --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p widen-sums --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A sum stays f32, what a constant makes of it too, and a quotient of it is rounded once; dims are dynamic.
// CHECK-LABEL: @quotient
// CHECK: %[[S:.*]] = nn.reduce sum %x {{.*}} : (tensor<?x64xf16, #nn.dims<N, 64>>) -> tensor<?x1xf32, #nn.dims<N, 1>>
// CHECK: %[[C:.*]] = nn.cast %c : (tensor<f16>) -> tensor<f32>
// CHECK-NEXT: %[[M:.*]] = nn.mul %[[S]], %[[C]] : (tensor<?x1xf32, #nn.dims<N, 1>>, tensor<f32>) -> tensor<?x1xf32, #nn.dims<N, 1>>
// CHECK: %[[X:.*]] = nn.cast %x
// CHECK-NEXT: %[[D:.*]] = nn.div %[[X]], %[[M]] : {{.*}} -> tensor<?x64xf32, #nn.dims<N, 64>>
// CHECK-NEXT: %[[Y:.*]] = nn.cast %[[D]] : {{.*}} -> tensor<?x64xf16, #nn.dims<N, 64>>
// CHECK-NEXT: func.return %[[Y]]
// REMARK: applied: widen-sums: nn.reduce: a sum of f16 stays f32
func.func @quotient(%x: tensor<?x64xf16, #nn.dims<N, 64>>) -> tensor<?x64xf16, #nn.dims<N, 64>> {
  %c = nn.constant dense<0.25> : tensor<f16>
  %0 = nn.reduce sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<?x64xf16, #nn.dims<N, 64>>) -> tensor<?x1xf16, #nn.dims<N, 1>>
  %1 = nn.mul %0, %c : (tensor<?x1xf16, #nn.dims<N, 1>>, tensor<f16>) -> tensor<?x1xf16, #nn.dims<N, 1>>
  %2 = nn.div %x, %1 : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<?x1xf16, #nn.dims<N, 1>>) -> tensor<?x64xf16, #nn.dims<N, 64>>
  func.return %2 : tensor<?x64xf16, #nn.dims<N, 64>>
}

// -----

// Refused: means and maxima fit, sums of f32 stay as they are, and an op that is not pointwise reads the type that it did.
// CHECK-LABEL: @others
// CHECK: nn.reduce mean %x {{.*}} -> tensor<2x1xbf16>
// CHECK: nn.reduce max %x {{.*}} -> tensor<2x1xbf16>
// CHECK: nn.reduce sum %f {{.*}} -> tensor<2x1xf32>
// CHECK: %[[S:.*]] = nn.reduce sum %x {{.*}} -> tensor<2x1xf32>
// CHECK-NEXT: %[[N:.*]] = nn.cast %[[S]] : (tensor<2x1xf32>) -> tensor<2x1xbf16>
// CHECK-NEXT: nn.softmax %[[N]] {{.*}} -> tensor<2x1xbf16>
// REMARK: missed: widen-sums: nn.softmax: reads a sum as bf16: it is not arithmetic of that type
func.func @others(%x: tensor<2x4xbf16>, %f: tensor<2x4xf32>) -> (tensor<2x1xbf16>, tensor<2x1xbf16>, tensor<2x1xf32>, tensor<2x1xbf16>) {
  %0 = nn.reduce mean %x {axes = array<i64: 1>, keepdims = true} : (tensor<2x4xbf16>) -> tensor<2x1xbf16>
  %1 = nn.reduce max %x {axes = array<i64: 1>, keepdims = true} : (tensor<2x4xbf16>) -> tensor<2x1xbf16>
  %2 = nn.reduce sum %f {axes = array<i64: 1>, keepdims = true} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  %3 = nn.reduce sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<2x4xbf16>) -> tensor<2x1xbf16>
  %4 = nn.softmax %3 {axis = 0 : i64} : (tensor<2x1xbf16>) -> tensor<2x1xbf16>
  func.return %0, %1, %2, %4 : tensor<2x1xbf16>, tensor<2x1xbf16>, tensor<2x1xf32>, tensor<2x1xbf16>
}
