// RUN: trtc-opt %s -p fuse-groups --split-input-file | filecheck %s

// A sum joins its two products; what is no pointwise op, and what reads constants only, joins none.
// CHECK-LABEL: @once
// CHECK: %[[E:.*]] = nn.exp %{{.*}} : tensor<16x16xf32>
// CHECK: fusion.group "matmul" ({{.*}} = %[[E]] : tensor<16x16xf32>)
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.mul
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.softmax
// CHECK-NEXT: fusion.yield
func.func @once(%x: tensor<16x16xf32>, %y: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %w = nn.weight "w" : tensor<16x16xf32>
  %e = nn.exp %w : tensor<16x16xf32>
  %0 = nn.matmul %x, %y : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %1 = nn.matmul %y, %x : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %2 = nn.add %0, %1 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %3 = nn.mul %2, %e : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %4 = nn.softmax %3 {axis = 1 : i64} : (tensor<16x16xf32>) -> tensor<16x16xf32>
  func.return %4 : tensor<16x16xf32>
}

// -----

// An op before a conv or matmul is a group of its own: a relu, the cast of a matmul's operand, and a cast that others read.
// CHECK-LABEL: @before
// CHECK: fusion.group "pointwise" {{.*}} -> (tensor<16x16xf32>)
// CHECK-NEXT: nn.relu
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "pointwise" {{.*}} -> (tensor<16x16xf16>)
// CHECK-NEXT: nn.cast
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK: %[[C:.*]] = fusion.group "pointwise" {{.*}} -> (tensor<1x8x8x3xf16>)
// CHECK-NEXT: nn.cast
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "conv" (%{{.*}} = %[[C]] : tensor<1x8x8x3xf16>
func.func @before(%x: tensor<16x16xf32>, %y: tensor<1x8x8x3xf32>, %w: tensor<8x3x3x3xf16>) -> (tensor<16x16xf16>, tensor<1x6x6x8xf16>, tensor<1x8x8x3xf16>) {
  %0 = nn.relu %x : tensor<16x16xf32>
  %r = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<16x16xf32>) -> tensor<16x16xf32>
  %1 = nn.cast %r : (tensor<16x16xf32>) -> tensor<16x16xf16>
  %2 = nn.matmul %1, %1 : (tensor<16x16xf16>, tensor<16x16xf16>) -> tensor<16x16xf16>
  %3 = nn.cast %y : (tensor<1x8x8x3xf32>) -> tensor<1x8x8x3xf16>
  %4 = nn.conv %3, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x3x3x3xf16>) -> tensor<1x6x6x8xf16>
  func.return %2, %4, %3 : tensor<16x16xf16>, tensor<1x6x6x8xf16>, tensor<1x8x8x3xf16>
}

// -----

// A window and a gather fuse no op before them.
// CHECK-LABEL: @windows
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.exp
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "window"
// CHECK-NEXT: nn.max_pool
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.exp
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "gather"
// CHECK-NEXT: nn.gather
func.func @windows(%x: tensor<1x4x4x8xf32>, %y: tensor<4x8xf32>, %i: tensor<2xi64>) -> (tensor<1x3x3x8xf32>, tensor<2x8xf32>) {
  %0 = nn.exp %x : tensor<1x4x4x8xf32>
  %1 = nn.max_pool %0 {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x8xf32>) -> tensor<1x3x3x8xf32>
  %2 = nn.exp %y : tensor<4x8xf32>
  %3 = nn.gather %2, %i {axis = 0 : i64} : (tensor<4x8xf32>, tensor<2xi64>) -> tensor<2x8xf32>
  func.return %1, %3 : tensor<1x3x3x8xf32>, tensor<2x8xf32>
}
