// RUN: trtc-opt %s -p eliminate-transposes --split-input-file | filecheck %s

// A rotation is not its own inverse: value dim 0 lies at 1, dim 1 at 2 and dim 2 at 0, so axes and entries per dim are renumbered so.
// CHECK-LABEL: @axes
// CHECK-NEXT: %[[R:.*]] = nn.relu %x {nn.names = ["r@2,0,1"]}
// CHECK-NEXT: %[[S:.*]] = nn.softmax %[[R]] {axis = 1 : i64} : (tensor<2x3x4xf32>)
// CHECK-NEXT: %[[G:.*]] = nn.gather %[[S]], %i {axis = 2 : i64} : (tensor<2x3x4xf32>, tensor<5xi64>) -> tensor<2x3x5xf32>
// CHECK-NEXT: %[[P:.*]] = nn.pad %[[G]] {low = array<i64: 0, 1, 0>, high = array<i64: 3, 0, 2>, {{.*}} -> tensor<5x4x7xf32>
// CHECK-NEXT: %[[L:.*]] = nn.slice %[[P]] {starts = #nn.dims<0, 0, 6>, steps = array<i64: 1, 1, -2>} : (tensor<5x4x7xf32>) -> tensor<5x4x3xf32>
// CHECK-NEXT: %[[M:.*]] = nn.reduce max %[[L]] {axes = array<i64: 0, 2>, keepdims = true}
// CHECK-NEXT: func.return %[[M]]
func.func @axes(%x: tensor<2x3x4xf32>, %i: tensor<5xi64>) -> tensor<1x4x1xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = nn.relu %0 {nn.names = ["r"]} : tensor<3x4x2xf32>
  %2 = nn.softmax %1 {axis = 0 : i64} : (tensor<3x4x2xf32>) -> tensor<3x4x2xf32>
  %3 = nn.gather %2, %i {axis = 1 : i64} : (tensor<3x4x2xf32>, tensor<5xi64>) -> tensor<3x5x2xf32>
  %4 = nn.pad %3 {low = array<i64: 1, 0, 0>, high = array<i64: 0, 2, 3>, value = 0.0 : f64} : (tensor<3x5x2xf32>) -> tensor<4x7x5xf32>
  %5 = nn.slice %4 {starts = #nn.dims<0, 6, 0>, steps = array<i64: 1, -2, 1>} : (tensor<4x7x5xf32>) -> tensor<4x3x5xf32>
  %6 = nn.reduce max %5 {axes = array<i64: 1, 2>, keepdims = true} : (tensor<4x3x5xf32>) -> tensor<4x1x1xf32>
  %7 = nn.transpose %6 {permutation = array<i64: 2, 0, 1>} : (tensor<4x1x1xf32>) -> tensor<1x4x1xf32>
  func.return %7 : tensor<1x4x1xf32>
}

// -----

// Quantize and dequantize with a scale per channel, a concat, an iota and a broadcast follow in the same way.
// CHECK-LABEL: @marks
// CHECK-NEXT: %[[Q:.*]] = quant.quantize %x, %s {axis = 1 : i64}
// CHECK-NEXT: %[[D:.*]] = quant.dequantize %[[Q]], %s {axis = 1 : i64}
// CHECK-NEXT: %[[I:.*]] = nn.iota {axis = 1 : i64} : tensor<2x3x4xf32>
// CHECK-NEXT: %[[R:.*]] = nn.reshape %v : (tensor<3x1x1xf32>) -> tensor<1x3x1xf32>
// CHECK-NEXT: %[[B:.*]] = nn.broadcast_to %[[R]] : (tensor<1x3x1xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: %[[C:.*]] = nn.concat %[[D]], %[[I]], %[[B]] {axis = 0 : i64} : {{.*}} -> tensor<6x3x4xf32>
// CHECK-NEXT: func.return %[[C]]
func.func @marks(%x: tensor<2x3x4xf32>, %s: tensor<3xf32>, %v: tensor<3x1x1xf32>) -> tensor<6x3x4xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = quant.quantize %0, %s {axis = 0 : i64} : (tensor<3x4x2xf32>, tensor<3xf32>) -> tensor<3x4x2xi8>
  %2 = quant.dequantize %1, %s {axis = 0 : i64} : (tensor<3x4x2xi8>, tensor<3xf32>) -> tensor<3x4x2xf32>
  %3 = nn.iota {axis = 0 : i64} : tensor<3x4x2xf32>
  %4 = nn.broadcast_to %v : (tensor<3x1x1xf32>) -> tensor<3x4x2xf32>
  %5 = nn.concat %2, %3, %4 {axis = 2 : i64} : (tensor<3x4x2xf32>, tensor<3x4x2xf32>, tensor<3x4x2xf32>) -> tensor<3x4x6xf32>
  %6 = nn.transpose %5 {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x6xf32>) -> tensor<6x3x4xf32>
  func.return %6 : tensor<6x3x4xf32>
}

// -----

// One rotation, and the same rotation twice, meet in an addition: three in all, which cancel.
// CHECK-LABEL: @three_rotations
// CHECK-NOT: nn.transpose
// CHECK: func.return
func.func @three_rotations(%x: tensor<3x3x3xf32>) -> tensor<3x3x3xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %1 = nn.relu %0 : tensor<3x3x3xf32>
  %2 = nn.transpose %1 {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %3 = nn.exp %2 : tensor<3x3x3xf32>
  %4 = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %5 = nn.abs %4 : tensor<3x3x3xf32>
  %6 = nn.add %5, %3 : (tensor<3x3x3xf32>, tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %7 = nn.transpose %6 {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  func.return %7 : tensor<3x3x3xf32>
}

// -----

// Refused: a value plus itself rotated needs both orders; the one transpose that stays turns the same way.
// CHECK-LABEL: @both_orders
// CHECK-NEXT: %[[R:.*]] = nn.relu %x
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[R]] {permutation = array<i64: 1, 2, 0>}
// CHECK-NEXT: nn.add %[[R]], %[[T]]
func.func @both_orders(%x: tensor<3x3x3xf32>) -> tensor<3x3x3xf32> {
  %0 = nn.relu %x : tensor<3x3x3xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %2 = nn.add %0, %1 : (tensor<3x3x3xf32>, tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  func.return %2 : tensor<3x3x3xf32>
}

// -----

// Computed operands of lower rank: a matrix is turned, a vector only needs dims of size 1, a number needs nothing.
// CHECK-LABEL: @lower_rank
// CHECK: %[[M:.*]] = nn.reshape %m : (tensor<4x2xf32>) -> tensor<1x4x2xf32>
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[M]] {permutation = array<i64: 2, 0, 1>} : (tensor<1x4x2xf32>) -> tensor<2x1x4xf32>
// CHECK-NEXT: %[[A:.*]] = nn.add %{{.*}}, %[[T]] : (tensor<2x3x4xf32>, tensor<2x1x4xf32>)
// CHECK-NEXT: %[[V:.*]] = nn.reshape %v : (tensor<2xf32>) -> tensor<2x1x1xf32>
// CHECK-NEXT: %[[B:.*]] = nn.mul %[[A]], %[[V]] : (tensor<2x3x4xf32>, tensor<2x1x1xf32>)
// CHECK-NEXT: nn.sub %n, %[[B]] : (tensor<f32>, tensor<2x3x4xf32>)
func.func @lower_rank(%x: tensor<2x3x4xf32>, %m: tensor<4x2xf32>, %v: tensor<2xf32>, %n: tensor<f32>) -> tensor<2x3x4xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = nn.relu %0 : tensor<3x4x2xf32>
  %2 = nn.add %1, %m : (tensor<3x4x2xf32>, tensor<4x2xf32>) -> tensor<3x4x2xf32>
  %3 = nn.mul %2, %v : (tensor<3x4x2xf32>, tensor<2xf32>) -> tensor<3x4x2xf32>
  %4 = nn.sub %n, %3 : (tensor<f32>, tensor<3x4x2xf32>) -> tensor<3x4x2xf32>
  %5 = nn.transpose %4 {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  func.return %5 : tensor<2x3x4xf32>
}

// -----

// A rotation and a swap do not commute: both branches come to the order 2, 1, 0, in two steps each, and meet without a transpose.
// CHECK-LABEL: @not_commuting
// CHECK-NOT: nn.transpose
// CHECK: func.return
func.func @not_commuting(%x: tensor<3x3x3xf32>, %y: tensor<3x3x3xf32>) -> tensor<3x3x3xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %1 = nn.relu %0 : tensor<3x3x3xf32>
  %2 = nn.transpose %1 {permutation = array<i64: 1, 0, 2>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %3 = nn.transpose %y {permutation = array<i64: 0, 2, 1>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %4 = nn.exp %3 : tensor<3x3x3xf32>
  %5 = nn.transpose %4 {permutation = array<i64: 1, 2, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %6 = nn.sub %2, %5 : (tensor<3x3x3xf32>, tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  %7 = nn.transpose %6 {permutation = array<i64: 2, 1, 0>} : (tensor<3x3x3xf32>) -> tensor<3x3x3xf32>
  func.return %7 : tensor<3x3x3xf32>
}
