// RUN: trtc-opt %s -p fuse-groups --split-input-file | filecheck %s

// What computes is in a group of its kind: row ops, windows, gathers, and copies, which count as pointwise.
// CHECK-LABEL: @kinds
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.layer_norm
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.reduce
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.lrn
// CHECK: fusion.group "gather"
// CHECK-NEXT: nn.gather
// CHECK: fusion.group "gather"
// CHECK-NEXT: nn.gather_nd
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.pad
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.iota
func.func @kinds(%x: tensor<4x8xf32>, %s: tensor<8xf32>, %i: tensor<3xi64>, %j: tensor<3x2xi64>) -> (tensor<4x8xf32>, tensor<4xf32>, tensor<4x8xf32>, tensor<3x8xf32>, tensor<3xf32>, tensor<5x8xf32>, tensor<?xf32, #nn.dims<N>>) {
  %0 = nn.layer_norm %x, %s, %s {axis = 1 : i64, epsilon = 0.0 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %1 = nn.reduce sum %x {axes = array<i64: 1>, keepdims = false} : (tensor<4x8xf32>) -> tensor<4xf32>
  %2 = nn.lrn %x {size = 3 : i64, alpha = 1.0 : f64, beta = 1.0 : f64, bias = 1.0 : f64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = nn.gather %x, %i {axis = 0 : i64} : (tensor<4x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  %4 = nn.gather_nd %x, %j {batch_dims = 0 : i64} : (tensor<4x8xf32>, tensor<3x2xi64>) -> tensor<3xf32>
  %5 = nn.pad %x {low = array<i64: 1, 0>, high = array<i64: 0, 0>, value = 0.0 : f64} : (tensor<4x8xf32>) -> tensor<5x8xf32>
  %6 = nn.iota {axis = 0 : i64} : tensor<?xf32, #nn.dims<N>>
  func.return %0, %1, %2, %3, %4, %5, %6 : tensor<4x8xf32>, tensor<4xf32>, tensor<4x8xf32>, tensor<3x8xf32>, tensor<3xf32>, tensor<5x8xf32>, tensor<?xf32, #nn.dims<N>>
}

// -----

// Views stay outside groups, between any ops.
// CHECK-LABEL: @views
// CHECK: fusion.group
// CHECK: nn.transpose
// CHECK-NEXT: nn.slice
// CHECK-NEXT: nn.broadcast_to
// CHECK-NEXT: nn.concat
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: fusion.group
func.func @views(%x: tensor<4x8xf32>) -> tensor<64xf32> {
  %0 = nn.exp %x : tensor<4x8xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %2 = nn.slice %1 {starts = #nn.dims<1, 0>, steps = array<i64: 2, 1>} : (tensor<8x4xf32>) -> tensor<1x4xf32>
  %3 = nn.broadcast_to %2 : (tensor<1x4xf32>) -> tensor<8x4xf32>
  %4 = nn.concat %3, %1 {axis = 0 : i64} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<16x4xf32>
  %5 = nn.reshape %4 : (tensor<16x4xf32>) -> tensor<64xf32>
  %6 = nn.exp %5 : tensor<64xf32>
  func.return %6 : tensor<64xf32>
}

// -----

// A detour joins where it comes together again; one that leaves for good, and changes the shape, leaves a second result behind.
// CHECK-LABEL: @detours
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.exp
// CHECK-NEXT: nn.neg
// CHECK-NEXT: nn.abs
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.relu
// CHECK-NEXT: nn.exp
// CHECK-NEXT: fusion.yield %{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xf32>
// CHECK: fusion.group "pointwise"
// CHECK: nn.mul
func.func @detours(%x: tensor<4xf32>, %m: tensor<4x4xf32>) -> (tensor<4xf32>, tensor<4x4xf32>) {
  %0 = nn.exp %x : tensor<4xf32>
  %1 = nn.neg %0 : tensor<4xf32>
  %2 = nn.abs %0 : tensor<4xf32>
  %3 = nn.add %1, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = nn.relu %3 : tensor<4xf32>
  %5 = nn.exp %4 : tensor<4xf32>
  %6 = nn.mul %4, %m : (tensor<4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return %5, %6 : tensor<4xf32>, tensor<4x4xf32>
}

// -----

// Dequantize ops go into the one product that reads them; refused: one with two readers, and those of a product that no schedule takes.
// CHECK-LABEL: @marks
// CHECK: fusion.group "matmul" (%{{.*}} = %q : tensor<16x16xi8>, %{{.*}} = %r : tensor<16x16xi8>)
// CHECK: fusion.group "pointwise" (%{{.*}} = %q
// CHECK: quant.dequantize
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "matmul" (%{{.*}} : tensor<16x16xf32>, %{{.*}} = %w : tensor<16x16xf32>)
// CHECK: fusion.group "matmul" (%{{.*}} = %w : tensor<16x16xf32>, %{{.*}} : tensor<16x16xf32>)
func.func @marks(%q: tensor<16x16xi8>, %r: tensor<16x16xi8>, %w: tensor<16x16xf32>) -> (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>) {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
  %1 = quant.dequantize %r, %s : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
  %2 = nn.matmul %0, %1 {transpose_b} : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %3 = quant.dequantize %q, %s : (tensor<16x16xi8>, tensor<f32>) -> tensor<16x16xf32>
  %4 = nn.matmul %3, %w : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  %5 = nn.matmul %w, %3 : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  func.return %2, %4, %5 : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
}
