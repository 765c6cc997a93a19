// RUN: trtc-opt %s -p recognise-norms --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// As TensorFlow distributes the product.
// CHECK-LABEL: @distributed(
// CHECK: nn.layer_norm %x, %s, %b {axis = 2 : i64
// CHECK-NEXT: func.return
func.func @distributed(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<1.0e-05> : tensor<f32>
  %s = nn.constant dense<2.0> : tensor<8xf32>
  %b = nn.constant dense<0.5> : tensor<8xf32>
  %m = nn.reduce mean %x {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %q = nn.mul %d, %d : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %w = nn.add %v, %e : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<f32>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %r = nn.rsqrt %w : tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %f = nn.mul %r, %s : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %t = nn.mul %x, %f : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %u = nn.mul %m, %f : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %z = nn.sub %b, %u : (tensor<8xf32>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %y = nn.add %t, %z : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %y : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}
