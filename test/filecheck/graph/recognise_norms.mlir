// RUN: trtc-opt %s -p recognise-norms --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-norms --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Layer normalisation; dims are dynamic, the scale may be replaced.
// CHECK-LABEL: @layer_norm(
// CHECK: %[[Y:.*]] = nn.layer_norm %x, %s, %b {axis = 2 : i64, epsilon = 9.99999974{{.*}} : f64}
// CHECK-NEXT: func.return %[[Y]]
// REMARK: applied: recognise-norms: nn.div: 7 ops become nn.normalize
// REMARK: applied: recognise-norms: nn.add: 3 ops become nn.layer_norm
func.func @layer_norm(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<9.99999974E-6> : tensor<f32>
  %m = nn.reduce mean %x {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %q = nn.mul %d, %d : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %w = nn.add %v, %e : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<f32>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %r = nn.sqrt %w : tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %n = nn.div %d, %r : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %s = nn.initializer "s" : tensor<8xf32> = dense<2.0> : tensor<8xf32>
  %b = nn.constant dense<0.5> : tensor<8xf32>
  %y0 = nn.mul %n, %s : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %y = nn.add %y0, %b : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %y : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// The mean is taken off twice.
// CHECK-LABEL: @twice(
// CHECK: %[[Y:.*]] = nn.normalize %x {axes = array<i64: 2>, epsilon = 9.99999974{{.*}} : f64, centred = true}
// CHECK-NEXT: func.return %[[Y]]
func.func @twice(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<9.99999974E-6> : tensor<f32>
  %m = nn.reduce mean %x {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %d2 = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %q = nn.mul %d2, %d2 : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %w = nn.add %e, %v : (tensor<f32>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %r = nn.sqrt %w : tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %n = nn.div %d, %r : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %n : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// RMS normalisation, by a reciprocal.
// CHECK-LABEL: @root_mean_square(
// CHECK: %[[N:.*]] = nn.normalize %x {axes = array<i64: 2>, epsilon = 9.99999974{{.*}} : f64, centred = false}
// CHECK-NEXT: nn.mul %[[N]], %s
func.func @root_mean_square(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, %s: tensor<8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<9.99999974E-6> : tensor<f32>
  %two = nn.constant dense<2.0> : tensor<f32>
  %q = nn.pow %x, %two : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<f32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %w = nn.add %v, %e : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<f32>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %r = nn.sqrt %w : tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %i = nn.reciprocal %r : tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %n = nn.mul %x, %i : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %y = nn.mul %n, %s : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<8xf32>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %y : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// RMS normalisation, by a power.
// CHECK-LABEL: @by_power(
// CHECK: nn.normalize %x {axes = array<i64: 2>, epsilon = 9.99999974{{.*}} : f64, centred = false}
func.func @by_power(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<9.99999974E-6> : tensor<f32>
  %h = nn.constant dense<-0.5> : tensor<f32>
  %q = nn.mul %x, %x : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %w = nn.add %v, %e : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<f32>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %i = nn.pow %w, %h : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<f32>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %n = nn.mul %i, %x : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %n : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// Of a group, by the inverse of the root.
// CHECK-LABEL: @group(
// CHECK: nn.normalize %x {axes = array<i64: 1, 2>, epsilon = 9.99999974{{.*}} : f64, centred = true}
func.func @group(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<9.99999974E-6> : tensor<f32>
  %m = nn.reduce mean %x {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x1x1xf32, #nn.dims<N, 1, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %q = nn.mul %d, %d : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %w = nn.add %v, %e : (tensor<?x1x1xf32, #nn.dims<N, 1, 1>>, tensor<f32>) -> tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %r = nn.rsqrt %w : tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %n = nn.mul %d, %r : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x1x1xf32, #nn.dims<N, 1, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %n : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// A softmax.
// CHECK-LABEL: @softmax(
// CHECK-NEXT: %[[Y:.*]] = nn.softmax %x {axis = 2 : i64}
// CHECK-NEXT: func.return %[[Y]]
func.func @softmax(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %m = nn.reduce max %x {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %p = nn.exp %d : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %t = nn.reduce sum %p {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %y = nn.div %p, %t : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %y : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}
