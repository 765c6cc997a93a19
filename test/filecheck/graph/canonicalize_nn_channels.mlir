// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s
// RUN: trtc-opt %s -p canonicalize-nn --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Channels put first, of pixels that are parted to rows and columns and repeated: the transpose comes last. The batch is dynamic.
// CHECK-LABEL: @upsampled
// CHECK-NEXT: %[[R:.*]] = nn.reshape %x : {{.*}} -> tensor<?x4x1x5x1x8xf32, #nn.dims<N, 4, 1, 5, 1, 8>>
// CHECK-NEXT: %[[B:.*]] = nn.broadcast_to %[[R]] : {{.*}} -> tensor<?x4x2x5x2x8xf32, #nn.dims<N, 4, 2, 5, 2, 8>>
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[B]] {permutation = array<i64: 0, 5, 1, 2, 3, 4>}
// CHECK-NEXT: func.return %[[T]]
func.func @upsampled(%x: tensor<?x20x8xf32, #nn.dims<N, 20, 8>>) -> tensor<?x8x4x2x5x2xf32, #nn.dims<N, 8, 4, 2, 5, 2>> {
  %0 = nn.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<?x20x8xf32, #nn.dims<N, 20, 8>>) -> tensor<?x8x20xf32, #nn.dims<N, 8, 20>>
  %1 = nn.reshape %0 : (tensor<?x8x20xf32, #nn.dims<N, 8, 20>>) -> tensor<?x8x4x1x5x1xf32, #nn.dims<N, 8, 4, 1, 5, 1>>
  %2 = nn.broadcast_to %1 : (tensor<?x8x4x1x5x1xf32, #nn.dims<N, 8, 4, 1, 5, 1>>) -> tensor<?x8x4x2x5x2xf32, #nn.dims<N, 8, 4, 2, 5, 2>>
  func.return %2 : tensor<?x8x4x2x5x2xf32, #nn.dims<N, 8, 4, 2, 5, 2>>
}

// -----

// Refused: channels and pixels that become one dim, and a broadcast with dims of its own.
// CHECK-LABEL: @refused
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.broadcast_to
// REMARK: missed: canonicalize-nn: nn.reshape: not moved above the nn.transpose that it reads: it does more than to split dims
// REMARK: missed: canonicalize-nn: nn.broadcast_to: not moved above the nn.transpose that it reads: the broadcast adds dims
func.func @refused(%x: tensor<1x20x8xf32>) -> (tensor<1x160xf32>, tensor<2x1x8x20xf32>) {
  %0 = nn.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<1x20x8xf32>) -> tensor<1x8x20xf32>
  %1 = nn.reshape %0 : (tensor<1x8x20xf32>) -> tensor<1x160xf32>
  %2 = nn.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<1x20x8xf32>) -> tensor<1x8x20xf32>
  %3 = nn.broadcast_to %2 : (tensor<1x8x20xf32>) -> tensor<2x1x8x20xf32>
  func.return %1, %3 : tensor<1x160xf32>, tensor<2x1x8x20xf32>
}

// -----

// What scales and shifts the channels of a group norm, and the activation, go over its parted channels; refused where pixels differ.
// CHECK-LABEL: @scaled
// CHECK: %[[N:.*]] = nn.normalize %x
// CHECK: %[[S:.*]] = nn.reshape %s : (tensor<8xf32>) -> tensor<2x4xf32>
// CHECK: %[[M:.*]] = nn.mul %[[N]], %[[S]]
// CHECK-NEXT: %[[A:.*]] = nn.relu %[[M]] : tensor<1x5x2x4xf32>
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[A]]
// CHECK-NEXT: nn.add %[[R]], %p
// REMARK: missed: canonicalize-nn: nn.add: not moved above the nn.reshape of a norm's channels: what it meets differs by more than channels
func.func @scaled(%x: tensor<1x5x2x4xf32>) -> tensor<1x5x8xf32> {
  %s = nn.initializer "scale" : tensor<8xf32>
  %p = nn.initializer "positions" : tensor<5x8xf32>
  %0 = nn.normalize %x {axes = array<i64: 1, 3>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<1x5x2x4xf32>) -> tensor<1x5x2x4xf32>
  %1 = nn.reshape %0 : (tensor<1x5x2x4xf32>) -> tensor<1x5x8xf32>
  %2 = nn.mul %1, %s : (tensor<1x5x8xf32>, tensor<8xf32>) -> tensor<1x5x8xf32>
  %3 = nn.relu %2 : tensor<1x5x8xf32>
  %4 = nn.add %3, %p : (tensor<1x5x8xf32>, tensor<5x8xf32>) -> tensor<1x5x8xf32>
  func.return %4 : tensor<1x5x8xf32>
}

// -----

// Refused: without a batch, channels of a norm may be read as others, which the numbers do not part into.
// CHECK-LABEL: @no_batch
// CHECK: nn.mul %{{.*}}, %s : (tensor<0x7xf32>, tensor<7xf32>) -> tensor<0x7xf32>
// CHECK-NEXT: func.return
func.func @no_batch(%x: tensor<0x2x3xf32>) -> tensor<0x7xf32> {
  %s = nn.initializer "scale" : tensor<7xf32>
  %0 = nn.normalize %x {axes = array<i64: 2>, epsilon = 1.0e-05 : f64, centred = true} : (tensor<0x2x3xf32>) -> tensor<0x2x3xf32>
  %1 = nn.reshape %0 : (tensor<0x2x3xf32>) -> tensor<0x7xf32>
  %2 = nn.mul %1, %s : (tensor<0x7xf32>, tensor<7xf32>) -> tensor<0x7xf32>
  func.return %2 : tensor<0x7xf32>
}
