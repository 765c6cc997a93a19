// RUN: trtc-opt %s -p 'select-schedule{allowed="scan"},lower-groups' --split-input-file | filecheck %s

// Two launches sum 32 * 32 elements; what is between them is f32.
// CHECK-LABEL: kernel.func @sums(
// CHECK-SAME: %x: !kernel.global<dims <4, 1000> x f16{{.*}}%y: !kernel.global<dims <4, 1000> x f16{{.*}}%workspace: !kernel.global<dims <4, 1000> x f32
// CHECK: scf.for
// CHECK: kernel.fetch %x_view
// CHECK: arith.addf
// CHECK: kernel.store %{{.*}}, %workspace_view
// CHECK-LABEL: kernel.func @sums_stage1(
// CHECK: kernel.fetch %workspace_view
// CHECK: arith.truncf
// CHECK: kernel.store %{{.*}}, %y_view
// CHECK-NOT: kernel.func @sums_stage2
func.func private @sums(%x: tensor<4x1000xf16>) -> tensor<4x1000xf16> attributes {fusion.anchor = "positions"} {
  %0 = nn.cumulative sum %x {axis = 1 : i64} : (tensor<4x1000xf16>) -> tensor<4x1000xf16>
  func.return %0 : tensor<4x1000xf16>
}

// -----

// A short line takes one launch; outside it the product is 1.
// CHECK-LABEL: kernel.func @products(
// CHECK-NOT: workspace
// CHECK: arith.addi
// CHECK: kernel.fetch %{{.*}} fill 1.000000e+00
// CHECK: arith.muli
func.func private @products(%x: tensor<9x5xi64>) -> tensor<9x5xi64> attributes {fusion.anchor = "positions"} {
  %0 = nn.cumulative prod %x {axis = 0 : i64, exclusive, reverse} : (tensor<9x5xi64>) -> tensor<9x5xi64>
  func.return %0 : tensor<9x5xi64>
}
