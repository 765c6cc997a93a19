// RUN: trtc-opt %s -p recognise-norms --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-norms --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Refused: the root divides another value.
// CHECK-LABEL: @other_value(
// CHECK: nn.div %z
// REMARK: missed: recognise-norms: nn.reduce: not a norm: its square root does not divide what was squared
func.func @other_value(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, %z: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<9.99999974E-6> : tensor<f32>
  %m = nn.reduce mean %x {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %q = nn.mul %d, %d : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %w = nn.add %v, %e : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<f32>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %r = nn.sqrt %w : tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %n = nn.div %z, %r : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %n : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// Refused: an epsilon that is computed.
// CHECK-LABEL: @no_number(
// CHECK-NOT: nn.normalize
// CHECK: nn.div
// REMARK: missed: recognise-norms: nn.reduce: not a norm: its epsilon is not one number that is known when the network is built
func.func @no_number(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, %e: tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %m = nn.reduce mean %x {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %q = nn.mul %d, %d : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %w = nn.add %v, %e : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %r = nn.sqrt %w : tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %n = nn.div %d, %r : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %n : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// The mean is taken off along other dims: what is normalised is the difference.
// CHECK-LABEL: @other_axes(
// CHECK: %[[D:.*]] = nn.sub %x
// CHECK-NEXT: nn.normalize %[[D]] {axes = array<i64: 1, 2>, epsilon = 9.99999974{{.*}} : f64, centred = false}
func.func @other_axes(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<9.99999974E-6> : tensor<f32>
  %m = nn.reduce mean %x {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %q = nn.mul %d, %d : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %w = nn.add %v, %e : (tensor<?x1x1xf32, #nn.dims<N, 1, 1>>, tensor<f32>) -> tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %r = nn.sqrt %w : tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %n = nn.div %d, %r : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x1x1xf32, #nn.dims<N, 1, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %n : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// A scale that is computed stays an op after the norm.
// CHECK-LABEL: @scale_computed(
// CHECK: %[[N:.*]] = nn.normalize %x
// CHECK-NEXT: nn.mul %[[N]], %s
func.func @scale_computed(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, %s: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %e = nn.constant dense<9.99999974E-6> : tensor<f32>
  %m = nn.reduce mean %x {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %d = nn.sub %x, %m : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %q = nn.mul %d, %d : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %v = nn.reduce mean %q {axes = array<i64: 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %w = nn.add %v, %e : (tensor<?x4x1xf32, #nn.dims<N, 4, 1>>, tensor<f32>) -> tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %r = nn.sqrt %w : tensor<?x4x1xf32, #nn.dims<N, 4, 1>>
  %n = nn.div %d, %r : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x1xf32, #nn.dims<N, 4, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %y = nn.mul %n, %s : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %y : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// Refused: a softmax over two dims.
// CHECK-LABEL: @two_sums(
// CHECK: nn.div
// REMARK: missed: recognise-norms: nn.div: not a softmax: it is not divided by its sum along one dim that stays
func.func @two_sums(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>> {
  %p = nn.exp %x : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %t = nn.reduce sum %p {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x1x1xf32, #nn.dims<N, 1, 1>>
  %y = nn.div %p, %t : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, tensor<?x1x1xf32, #nn.dims<N, 1, 1>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  func.return %y : tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
}

// -----

// Invalid input is refused as it is read.
// CHECK: nn.normalize: expected distinct axes in [0, 1), one at least, got []
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.normalize %x {axes = array<i64>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}
