// RUN: trtc-opt %s -p recognise-norms --split-input-file | filecheck %s
// RUN: trtc-opt %s -p recognise-norms --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// As torch exports it, of an image whose channels lie last: two groups of four channels, with a bias of each group. The batch is dynamic.
// CHECK-LABEL: @groups
// CHECK: %[[T:.*]] = nn.transpose %{{.*}} {permutation = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[T]] : {{.*}} -> tensor<?x5x6x2x4xf32, #nn.dims<N, 5, 6, 2, 4>>
// CHECK-NEXT: %[[N:.*]] = nn.normalize %[[R]] {axes = array<i64: 1, 2, 4>, epsilon = 1.000000e-05 : f64, centred = true}
// CHECK-NEXT: %[[B:.*]] = nn.reshape %{{.*}} : (tensor<2x1xf32>) -> tensor<2x1xf32>
// CHECK-NEXT: %[[A:.*]] = nn.add %[[N]], %[[B]]
// CHECK-NEXT: %[[M:.*]] = nn.reshape %[[A]] : {{.*}} -> tensor<?x5x6x8xf32, #nn.dims<N, 5, 6, 8>>
// CHECK-NEXT: %[[U:.*]] = nn.transpose %[[M]] {permutation = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT: func.return %[[U]]
// REMARK: applied: recognise-norms: nn.normalize: groups of channels that lie last
func.func @groups(%x: tensor<?x5x6x8xf32, #nn.dims<N, 5, 6, 8>>) -> tensor<?x8x5x6xf32, #nn.dims<N, 8, 5, 6>> {
  %b = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<?x5x6x8xf32, #nn.dims<N, 5, 6, 8>>) -> tensor<?x8x5x6xf32, #nn.dims<N, 8, 5, 6>>
  %1 = nn.relu %0 : tensor<?x8x5x6xf32, #nn.dims<N, 8, 5, 6>>
  %2 = nn.reshape %1 : (tensor<?x8x5x6xf32, #nn.dims<N, 8, 5, 6>>) -> tensor<?x2x120xf32, #nn.dims<N, 2, 120>>
  %3 = nn.normalize %2 {axes = array<i64: 2>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<?x2x120xf32, #nn.dims<N, 2, 120>>) -> tensor<?x2x120xf32, #nn.dims<N, 2, 120>>
  %4 = nn.add %3, %b : (tensor<?x2x120xf32, #nn.dims<N, 2, 120>>, tensor<2x1xf32>) -> tensor<?x2x120xf32, #nn.dims<N, 2, 120>>
  %5 = nn.reshape %4 : (tensor<?x2x120xf32, #nn.dims<N, 2, 120>>) -> tensor<?x8x5x6xf32, #nn.dims<N, 8, 5, 6>>
  func.return %5 : tensor<?x8x5x6xf32, #nn.dims<N, 8, 5, 6>>
}

// -----

// As the operator is imported: the channels of a group are a dim, and numbers of each channel.
// CHECK-LABEL: @operator
// CHECK: nn.normalize %{{.*}} {axes = array<i64: 1, 2, 4>
// CHECK-NEXT: nn.reshape %{{.*}} : (tensor<2x4x1x1xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: nn.mul {{.*}} -> tensor<1x5x6x2x4xf32>
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.transpose
func.func @operator(%x: tensor<1x5x6x8xf32>) -> tensor<1x8x5x6xf32> {
  %s = nn.initializer "scale" : tensor<2x4x1x1xf32>
  %0 = nn.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x5x6x8xf32>) -> tensor<1x8x5x6xf32>
  %1 = nn.reshape %0 : (tensor<1x8x5x6xf32>) -> tensor<1x2x4x5x6xf32>
  %2 = nn.normalize %1 {axes = array<i64: 2, 3, 4>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<1x2x4x5x6xf32>) -> tensor<1x2x4x5x6xf32>
  %3 = nn.mul %2, %s : (tensor<1x2x4x5x6xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x4x5x6xf32>
  %4 = nn.reshape %3 : (tensor<1x2x4x5x6xf32>) -> tensor<1x8x5x6xf32>
  func.return %4 : tensor<1x8x5x6xf32>
}

// -----

// Refused: an image whose channels come first in memory, and one that is scaled by numbers of each pixel.
// CHECK-LABEL: @refused
// CHECK-NOT: axes = array<i64: 1, 2, 4>
// CHECK: func.return
// REMARK: missed: recognise-norms: nn.normalize: groups stay as they are: the channels of what it reads do not lie last
// REMARK: missed: recognise-norms: nn.normalize: groups stay as they are: what it is multiplied by or added to is no number of each
func.func @refused(%x: tensor<1x8x5x6xf32>, %y: tensor<1x5x6x8xf32>) -> (tensor<1x8x5x6xf32>, tensor<1x8x5x6xf32>) {
  %s = nn.initializer "scale" : tensor<4x5x6xf32>
  %0 = nn.reshape %x : (tensor<1x8x5x6xf32>) -> tensor<1x2x120xf32>
  %1 = nn.normalize %0 {axes = array<i64: 2>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<1x2x120xf32>) -> tensor<1x2x120xf32>
  %2 = nn.reshape %1 : (tensor<1x2x120xf32>) -> tensor<1x8x5x6xf32>
  %3 = nn.transpose %y {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x5x6x8xf32>) -> tensor<1x8x5x6xf32>
  %4 = nn.reshape %3 : (tensor<1x8x5x6xf32>) -> tensor<1x2x4x5x6xf32>
  %5 = nn.normalize %4 {axes = array<i64: 2, 3, 4>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<1x2x4x5x6xf32>) -> tensor<1x2x4x5x6xf32>
  %6 = nn.mul %5, %s : (tensor<1x2x4x5x6xf32>, tensor<4x5x6xf32>) -> tensor<1x2x4x5x6xf32>
  %7 = nn.reshape %6 : (tensor<1x2x4x5x6xf32>) -> tensor<1x8x5x6xf32>
  func.return %2, %7 : tensor<1x8x5x6xf32>, tensor<1x8x5x6xf32>
}

// -----

// The result of a norm of f16 may stay in f32.
// CHECK-LABEL: @unrounded
// CHECK: nn.normalize %{{.*}} {axes = array<i64: 1, 2, 4>{{.*}}} : (tensor<1x5x6x2x4xf16>) -> tensor<1x5x6x2x4xf32>
// CHECK: nn.transpose {{.*}} -> tensor<1x8x5x6xf32>
func.func @unrounded(%x: tensor<1x5x6x8xf16>) -> tensor<1x8x5x6xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x5x6x8xf16>) -> tensor<1x8x5x6xf16>
  %1 = nn.reshape %0 : (tensor<1x8x5x6xf16>) -> tensor<1x2x120xf16>
  %2 = nn.normalize %1 {axes = array<i64: 2>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<1x2x120xf16>) -> tensor<1x2x120xf32>
  %3 = nn.reshape %2 : (tensor<1x2x120xf32>) -> tensor<1x8x5x6xf32>
  func.return %3 : tensor<1x8x5x6xf32>
}
