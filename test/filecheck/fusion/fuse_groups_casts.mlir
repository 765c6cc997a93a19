// RUN: trtc-opt %s -p fuse-groups --split-input-file | filecheck %s

// Each op that can fuse a widening cast gets its own, after the views before it: what is stored stays f16. Refused: the matmul, which
// fuses none, so that one cast serves both.
// CHECK-LABEL: @widening
// CHECK: %[[W:.*]] = fusion.group "pointwise" (%{{.*}} = %x : tensor<4x8xf16>) -> (tensor<4x8xf32>)
// CHECK: %[[T:.*]] = nn.transpose %x {{.*}} : (tensor<4x8xf16>) -> tensor<8x4xf16>
// CHECK: fusion.group "row" (%{{.*}} = %[[T]] : tensor<8x4xf16>)
// CHECK-NEXT: nn.cast
// CHECK-NEXT: nn.reduce
// CHECK: fusion.group "pointwise" (%{{.*}} = %[[T]] : tensor<8x4xf16>,
// CHECK-NEXT: nn.cast
// CHECK-NEXT: nn.sub
// CHECK: fusion.group "matmul" (%{{.*}} = %[[W]] : tensor<4x8xf32>, %{{.*}} = %w : tensor<8x8xf32>)
// CHECK: fusion.group "matmul" (%{{.*}} = %[[W]] : tensor<4x8xf32>, %{{.*}} = %v : tensor<8x8xf32>)
func.func @widening(%x: tensor<4x8xf16>, %w: tensor<8x8xf32>, %v: tensor<8x8xf32>) -> (tensor<8x4xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = nn.cast %x : (tensor<4x8xf16>) -> tensor<4x8xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %2 = nn.reduce sum %1 {axes = array<i64: 1>, keepdims = true} : (tensor<8x4xf32>) -> tensor<8x1xf32>
  %3 = nn.sub %1, %2 : (tensor<8x4xf32>, tensor<8x1xf32>) -> tensor<8x4xf32>
  %4 = nn.matmul %0, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %5 = nn.matmul %0, %v : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  func.return %3, %4, %5 : tensor<8x4xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// A cast of integers, or one that narrows, is made once: its result is what should be stored.
// CHECK-LABEL: @others
// CHECK-COUNT-2: nn.cast
// CHECK-NOT: nn.cast
func.func @others(%i: tensor<4x8xi64>, %x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> (tensor<4xf32>, tensor<4x8xf32>, tensor<4xf16>, tensor<4x8xf16>) {
  %0 = nn.cast %i : (tensor<4x8xi64>) -> tensor<4x8xf32>
  %1 = nn.reduce sum %0 {axes = array<i64: 1>, keepdims = false} : (tensor<4x8xf32>) -> tensor<4xf32>
  %2 = nn.matmul %0, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %3 = nn.cast %x : (tensor<4x8xf32>) -> tensor<4x8xf16>
  %4 = nn.reduce sum %3 {axes = array<i64: 1>, keepdims = false} : (tensor<4x8xf16>) -> tensor<4xf16>
  %5 = nn.exp %3 : tensor<4x8xf16>
  func.return %1, %2, %4, %5 : tensor<4xf32>, tensor<4x8xf32>, tensor<4xf16>, tensor<4x8xf16>
}
