// RUN: trtc-opt %s -p 'select-schedule{allowed="pointwise"},lower-groups' --split-input-file | filecheck %s

// One flat space; a broadcast operand is a view with stride 0; f16 is computed in f32 and rounded once.
// CHECK-LABEL: kernel.func @bias_gelu(
// CHECK: %[[XV:.*]] = kernel.view %x dims <1024> strides <1> offset <0> groups [array<i64>, array<i64: 0>]
// CHECK: %[[BV:.*]] = kernel.view %b dims <16, 64> strides <0, 1> offset <0> groups [array<i64>, array<i64: 0, 1>]
// CHECK: %[[X:.*]] = kernel.load %[[XV]]{{.*}} -> !kernel.frag<1x1024xf16, #kernel.blocked<1, 128, 1, 8>>
// CHECK: %[[B:.*]] = kernel.load %[[BV]]
// CHECK: kernel.map (%[[X]], %[[B]])
// CHECK-NEXT: ^bb0(%[[A:.*]]: f16, %[[C:.*]]: f16):
// CHECK-NEXT: arith.extf %[[A]] : f16 to f32
// CHECK-NEXT: arith.extf %[[C]] : f16 to f32
// CHECK-NEXT: arith.addf
// CHECK-NEXT: math.erf
// CHECK-NEXT: arith.truncf
// CHECK-NEXT: kernel.yield
// CHECK: kernel.store
func.func private @bias_gelu(%x: tensor<16x64xf16>, %b: tensor<64xf16>) -> tensor<16x64xf16> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.add %x, %b : (tensor<16x64xf16>, tensor<64xf16>) -> tensor<16x64xf16>
  %1 = nn.erf %0 : tensor<16x64xf16>
  func.return %1 : tensor<16x64xf16>
}

// -----

// A copy into another order of dims: the source is read through permuted strides.
// CHECK-LABEL: kernel.func @transpose(
// CHECK: kernel.view %x dims <4, 15> strides <1, 4> offset <0> groups [array<i64>, array<i64: 0, 1>]
func.func private @transpose(%x: tensor<3x5x4xf32>) -> tensor<4x3x5xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<3x5x4xf32>) -> tensor<4x3x5xf32>
  func.return %0 : tensor<4x3x5xf32>
}

// -----

// A padded operand: rows of the result are rows of the operand or, in the padding, row -1, which is outside and gives the fill.
// CHECK-LABEL: kernel.func @pad(
// CHECK: %[[ROW:.*]] = kernel.coord
// CHECK: %[[ROWS:.*]] = kernel.map (%[[ROW]]
// CHECK: arith.constant -1 : i32
// CHECK: arith.select
// CHECK: kernel.gather %{{.*}} rows %[[ROWS]][%{{.*}}] fill 2.5
func.func private @pad(%x: tensor<1x4x4x8xf32>) -> tensor<1x6x6x8xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.pad %x {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>, value = 2.5 : f64} : (tensor<1x4x4x8xf32>) -> tensor<1x6x6x8xf32>
  func.return %0 : tensor<1x6x6x8xf32>
}

// -----

// Padding by elements: each row is some row of the operand, none is outside.
// CHECK-LABEL: kernel.func @edge(
// CHECK: %[[ROWS:.*]] = kernel.map (%{{.*}}
// CHECK: %[[PLACE:.*]] = arith.subi
// CHECK-NEXT: %[[LAST:.*]] = arith.subi
// CHECK: arith.select
// CHECK-NEXT: %[[PAST:.*]] = arith.cmpi slt, %{{.*}}, %[[LAST]] : i32
// CHECK-NEXT: arith.select %[[PAST]], %{{.*}}, %[[LAST]] : i32
// CHECK: kernel.gather %{{.*}} rows %[[ROWS]][%{{.*}}] fill 0.0
func.func private @edge(%x: tensor<1x4x4x8xf32>) -> tensor<1x6x4x8xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.pad %x {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 1, 0, 0>, value = 0.0 : f64, mode = #nn.pad_mode<edge>} : (tensor<1x4x4x8xf32>) -> tensor<1x6x4x8xf32>
  func.return %0 : tensor<1x6x4x8xf32>
}

// -----

// Padding after the last dim alone: a row is the operand's row, and its columns from 3 on lie outside the view.
// CHECK-LABEL: kernel.func @channels(
// CHECK: %[[V:.*]] = kernel.view %x dims <16, 3> strides <3, 1> offset <0>
// CHECK-NOT: kernel.gather
// CHECK: kernel.load %[[V]][%{{.*}}, %{{.*}}] fill 2.5
// CHECK-NOT: kernel.gather
func.func private @channels(%x: tensor<4x4x3xf32>) -> tensor<4x4x4xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.pad %x {low = array<i64: 0, 0, 0>, high = array<i64: 0, 0, 1>, value = 2.5 : f64} : (tensor<4x4x3xf32>) -> tensor<4x4x4xf32>
  func.return %0 : tensor<4x4x4xf32>
}

// -----

// The pieces of a concat are copied by one launch, each into its part of the result.
// CHECK-LABEL: kernel.func @concat(
// CHECK-SAME: %{{.*}}: !kernel.global<dims <2, 8> x f32, strides <8, 1>, align 16>) grid <1, 1, 1>
// CHECK-DAG: kernel.view %{{.*}} dims <2, 3> strides <8, 1> offset <0>
// CHECK-DAG: kernel.view %{{.*}} dims <2, 5> strides <8, 1> offset <3>
// CHECK: kernel.store
// CHECK: kernel.store
func.func private @concat(%x: tensor<2x3xf32>, %y: tensor<2x5xf32>) -> tensor<2x8xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.concat %x, %y {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x5xf32>) -> tensor<2x8xf32>
  func.return %0 : tensor<2x8xf32>
}
