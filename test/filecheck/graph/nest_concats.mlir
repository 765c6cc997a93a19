// RUN: trtc-opt %s -p nest-concats --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p nest-concats --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// What an earlier concat joins is its result, at the start of a longer one and between other tensors.
// CHECK-LABEL: @runs
// CHECK: %[[S:.*]] = nn.concat %a, %b {axis = 1 : i64}
// CHECK: %[[L:.*]] = nn.concat %[[S]], %c {axis = 1 : i64} : (tensor<4x5xf32>, tensor<4x4xf32>) -> tensor<4x9xf32>
// CHECK: nn.concat %c, %[[S]], %b {axis = 1 : i64}
// CHECK: nn.concat %[[L]], %a {axis = 1 : i64} : (tensor<4x9xf32>, tensor<4x2xf32>) -> tensor<4x11xf32>
// REMARK-DAG: applied: nest-concats: nn.concat: operands 0 to 1 are what an earlier concat joins
// REMARK-DAG: applied: nest-concats: nn.concat: operands 1 to 2 are what an earlier concat joins
// REMARK-DAG: applied: nest-concats: nn.concat: operands 0 to 2 are what an earlier concat joins
func.func @runs(%a: tensor<4x2xf32>, %b: tensor<4x3xf32>, %c: tensor<4x4xf32>) -> (tensor<4x5xf32>, tensor<4x9xf32>, tensor<4x12xf32>, tensor<4x11xf32>) {
  %0 = nn.concat %a, %b {axis = 1 : i64} : (tensor<4x2xf32>, tensor<4x3xf32>) -> tensor<4x5xf32>
  %1 = nn.concat %a, %b, %c {axis = 1 : i64} : (tensor<4x2xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> tensor<4x9xf32>
  %2 = nn.concat %c, %a, %b, %b {axis = 1 : i64} : (tensor<4x4xf32>, tensor<4x2xf32>, tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x12xf32>
  %3 = nn.concat %a, %b, %c, %a {axis = 1 : i64} : (tensor<4x2xf32>, tensor<4x3xf32>, tensor<4x4xf32>, tensor<4x2xf32>) -> tensor<4x11xf32>
  func.return %0, %1, %2, %3 : tensor<4x5xf32>, tensor<4x9xf32>, tensor<4x12xf32>, tensor<4x11xf32>
}

// -----

// A part of an earlier concat is a slice of its result; dims may be unknown, and so where the slice starts.
// CHECK-LABEL: @part
// CHECK: %[[L:.*]] = nn.concat %a, %b, %c {axis = 1 : i64}
// CHECK: nn.slice %[[L]] {nn.names = ["s"], starts = #nn.dims<0, N>, steps = array<i64: 1, 1>} : (tensor<2x?xf32, #nn.dims<2, N + 7>>) -> tensor<2x7xf32>
// REMARK-DAG: applied: nest-concats: nn.concat [s]: an earlier concat joins its operands too, of which it is a part
func.func @part(%a: tensor<2x?xf32, #nn.dims<2, N>>, %b: tensor<2x3xf32>, %c: tensor<2x4xf32>) -> (tensor<2x?xf32, #nn.dims<2, N + 7>>, tensor<2x7xf32>) {
  %0 = nn.concat %a, %b, %c {axis = 1 : i64} : (tensor<2x?xf32, #nn.dims<2, N>>, tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x?xf32, #nn.dims<2, N + 7>>
  %1 = nn.concat %b, %c {nn.names = ["s"], axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x7xf32>
  func.return %0, %1 : tensor<2x?xf32, #nn.dims<2, N + 7>>, tensor<2x7xf32>
}

// -----

// Halves of a tensor that are joined again, with something else, are the tensor; of three parts two are one slice.
// CHECK-LABEL: @halves
// CHECK: nn.concat %x, %y {axis = 1 : i64} : (tensor<4x6xf32>, tensor<4x3xf32>) -> tensor<4x9xf32>
// CHECK: %[[S:.*]] = nn.slice %x {starts = #nn.dims<0, 1>, steps = array<i64: 1, 1>} : (tensor<4x6xf32>) -> tensor<4x5xf32>
// CHECK: nn.concat %[[S]], %y {axis = 1 : i64}
// REMARK-DAG: applied: nest-concats: nn.concat: 2 slices that it joins are one part of a tensor
func.func @halves(%x: tensor<4x6xf32>, %y: tensor<4x3xf32>) -> (tensor<4x9xf32>, tensor<4x8xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<4x6xf32>) -> tensor<4x3xf32>
  %1 = nn.slice %x {starts = #nn.dims<0, 3>, steps = array<i64: 1, 1>} : (tensor<4x6xf32>) -> tensor<4x3xf32>
  %2 = nn.slice %x {starts = #nn.dims<0, 1>, steps = array<i64: 1, 1>} : (tensor<4x6xf32>) -> tensor<4x2xf32>
  %3 = nn.concat %0, %1, %y {axis = 1 : i64} : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x9xf32>
  %4 = nn.concat %2, %1, %y {axis = 1 : i64} : (tensor<4x2xf32>, tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x8xf32>
  func.return %3, %4 : tensor<4x9xf32>, tensor<4x8xf32>
}

// -----

// Refused: another order, another axis, slices with a step of which the second begins where the first, without it, would end.
// CHECK-LABEL: @refused
// CHECK: nn.concat %a, %b {axis = 1 : i64}
// CHECK: nn.concat %b, %a {axis = 1 : i64}
// CHECK: nn.concat %a, %b, %a {axis = 0 : i64}
// CHECK: nn.concat %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<4x2xf32>, tensor<4x1xf32>)
// REMARK-DAG: missed: nest-concats: nn.concat: operand 0: an earlier concat joins it beside other tensors
func.func @refused(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<12x4xf32>, tensor<4x3xf32>) {
  %0 = nn.concat %a, %b {axis = 1 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x8xf32>
  %1 = nn.concat %b, %a {axis = 1 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x8xf32>
  %2 = nn.concat %a, %b, %a {axis = 0 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<12x4xf32>
  %3 = nn.slice %a {starts = #nn.dims<0, 0>, steps = array<i64: 1, 2>} : (tensor<4x4xf32>) -> tensor<4x2xf32>
  %4 = nn.slice %a {starts = #nn.dims<0, 2>, steps = array<i64: 1, 2>} : (tensor<4x4xf32>) -> tensor<4x1xf32>
  %5 = nn.concat %3, %4 {axis = 1 : i64} : (tensor<4x2xf32>, tensor<4x1xf32>) -> tensor<4x3xf32>
  func.return %0, %1, %2, %5 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<12x4xf32>, tensor<4x3xf32>
}

// -----

// Invalid: operands that differ beside the axis.
// CHECK: nn.concat: expected operands that agree except in dim 1, got tensor<4x2xf32> and tensor<3x2xf32>
func.func @invalid(%a: tensor<4x2xf32>, %b: tensor<3x2xf32>) -> tensor<4x4xf32> {
  %0 = nn.concat %a, %b {axis = 1 : i64} : (tensor<4x2xf32>, tensor<3x2xf32>) -> tensor<4x4xf32>
  func.return %0 : tensor<4x4xf32>
}
