// RUN: trtc-opt %s -p 'select-schedule{force="*:sort:chunk=32"},lower-groups' --split-input-file | filecheck %s

// The first launch counts, in chunks of 32, the elements before each one; every further one merges pairs of runs by binary search.
// CHECK-LABEL: kernel.func @rows(
// CHECK-SAME: %x: !kernel.global<dims <4, 100> x f32{{.*}}%y: !kernel.global<dims <4, 100> x i32{{.*}}%workspace: !kernel.global<dims <4, 100> x i32
// CHECK: kernel.map
// CHECK: scf.for
// CHECK: kernel.fetch
// CHECK: kernel.scatter "set" %{{.*}}, %y_view
// CHECK-LABEL: kernel.func @rows_stage1(
// CHECK: kernel.fetch %y_view
// CHECK: arith.constant 6 : index
// CHECK: scf.for
// CHECK: kernel.scatter "set" %{{.*}}, %workspace_view
// CHECK-LABEL: kernel.func @rows_stage2(
// CHECK: kernel.fetch %workspace_view
// CHECK: kernel.scatter "set" %{{.*}}, %y_view
// CHECK-NOT: kernel.func @rows_stage3
func.func private @rows(%x: tensor<4x100xf32>) -> tensor<4x100xi32> attributes {fusion.anchor = "positions"} {
  %0 = nn.argsort %x {axis = 1 : i64} : (tensor<4x100xf32>) -> tensor<4x100xi32>
  func.return %0 : tensor<4x100xi32>
}

// -----

// A line that fits a chunk takes one launch, also along another axis.
// CHECK-LABEL: kernel.func @columns(
// CHECK-NOT: workspace
// CHECK-NOT: kernel.func @columns_stage1
func.func private @columns(%x: tensor<20x7xi64>) -> tensor<20x7xi32> attributes {fusion.anchor = "positions"} {
  %0 = nn.argsort %x {axis = 0 : i64, descending} : (tensor<20x7xi64>) -> tensor<20x7xi32>
  func.return %0 : tensor<20x7xi32>
}

// -----

// A dynamic line takes as many launches as its longest extent.
builtin.module attributes {nn.symbols = {N = array<i64: 1, 50, 100>}} {
  // CHECK-LABEL: kernel.func @dynamic(
  // CHECK: kernel.func @dynamic_stage2(
  // CHECK-NOT: kernel.func @dynamic_stage3
  func.func private @dynamic(%x: tensor<?xf16, #nn.dims<N>>) -> tensor<?xi32, #nn.dims<N>> attributes {fusion.anchor = "positions"} {
    %0 = nn.argsort %x {axis = 0 : i64} : (tensor<?xf16, #nn.dims<N>>) -> tensor<?xi32, #nn.dims<N>>
    func.return %0 : tensor<?xi32, #nn.dims<N>>
  }
}
