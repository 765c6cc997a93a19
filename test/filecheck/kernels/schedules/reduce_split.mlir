// RUN: trtc-opt %s -p 'select-schedule{allowed="reduce_split"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// Spans of each row for blocks of their own, with what comes before the reduction; then one warp per row, with what comes after.
// CHECK-LABEL: kernel.func @mean(
// CHECK-SAME: %workspace: !kernel.global<dims <3, 256> x f32, strides <256, 1>, align 16>) grid <3, 256, 1>
// CHECK: %[[SPANS:.*]] = kernel.view %workspace dims <3, 256>
// CHECK: %[[END:.*]] = arith.minsi
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[END]]
// CHECK: kernel.load %
// CHECK: math.exp
// CHECK: %[[PART:.*]] = kernel.reduce "sum"
// CHECK-NEXT: kernel.store %[[PART]], %[[SPANS]]
// CHECK-LABEL: kernel.func @mean_stage1(
// CHECK: scf.for
// CHECK: kernel.load %{{.*}} -> !kernel.frag<4x32xf32
// CHECK: kernel.reduce "sum"
// CHECK: arith.divf
// CHECK: math.sqrt
// CHECK: kernel.store
func.func private @mean(%x: tensor<3x1000000xf32>) -> tensor<3xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.exp %x : tensor<3x1000000xf32>
  %1 = nn.reduce mean %0 {axes = array<i64: 1>, keepdims = false} : (tensor<3x1000000xf32>) -> tensor<3xf32>
  %2 = nn.sqrt %1 : tensor<3xf32>
  func.return %2 : tensor<3xf32>
}

// -----

// Memory runs along the kept axis: neighbouring threads take neighbouring rows.
// CHECK-LABEL: kernel.func @columns(
// CHECK: kernel.load %{{.*}} -> !kernel.frag<32x64xf32, #kernel.blocked<32, 8, 1, 1>>
func.func private @columns(%x: tensor<10000x33xf32>) -> tensor<33xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.reduce sum %x {axes = array<i64: 0>, keepdims = false} : (tensor<10000x33xf32>) -> tensor<33xf32>
  func.return %0 : tensor<33xf32>
}

// -----

// A dynamic length: the spans follow it, the workspace does not.
// CHECK-LABEL: kernel.func @dynamic(
// CHECK-SAME: !kernel.global<dims <1, 32> x f32, strides <32, 1>, align 16>) grid <1, 32, 1>
// CHECK: kernel.expr <2048*((S + 65535) floordiv 65536)>
builtin.module attributes {nn.symbols = {S = array<i64: 1, 70000, 100000>}} {
  func.func private @dynamic(%x: tensor<?xf32, #nn.dims<S>>) -> tensor<f32> attributes {fusion.anchor = "row"} {
    %0 = nn.reduce max %x {axes = array<i64: 0>, keepdims = false} : (tensor<?xf32, #nn.dims<S>>) -> tensor<f32>
    func.return %0 : tensor<f32>
  }
}

// -----

// Rows too short for one span per lane are refused.
// CHECK: reduce_split: expected rows of 32 spans or more, 65536 columns, got 7000
func.func private @short(%x: tensor<6x7000xf32>) -> tensor<6xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.reduce sum %x {axes = array<i64: 1>, keepdims = false} : (tensor<6x7000xf32>) -> tensor<6xf32>
  func.return %0 : tensor<6xf32>
}
