// RUN: trtc-opt %s -p select-schedule --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'select-schedule{force="relu:pointwise:threads=256:elements=16"}' --split-input-file --verify-diagnostics | filecheck %s --check-prefix=FORCED
// RUN: trtc-opt %s -p 'select-schedule{allowed="row","lrn"}' --split-input-file --verify-diagnostics | filecheck %s --check-prefix=ALLOWED
// RUN: trtc-opt %s -p select-schedule --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 >/dev/null | filecheck %s --check-prefix=REMARK

// A group gets the best candidate of the first schedule that accepts it; a forced schedule keeps the tunables that are not named.
// CHECK-LABEL: @relu(
// CHECK-SAME: kernel.choice = #kernel.choice<"pointwise", {elements = 4 : i64, threads = 128 : i64, vector = 4 : i64}>
// FORCED: kernel.choice = #kernel.choice<"pointwise", {elements = 16 : i64, threads = 256 : i64, vector = 4 : i64}>
// ALLOWED: select-schedule: @relu with nn.relu: no schedule accepts it: allowed are row, lrn; groups of pointwise ops and copies are for pointwise
func.func private @relu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.relu %x : tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}

// -----

// With dynamic dims the longest row of the profile decides: it fits a warp here.
// CHECK-LABEL: @softmax(
// CHECK-SAME: kernel.choice = #kernel.choice<"row", {loop = 0 : i64, registers = 4 : i64, rows = 4 : i64, threads = 32 : i64, vector = 1 : i64}>
builtin.module attributes {nn.symbols = {N = array<i64: 1, 8, 64>, S = array<i64: 1, 64, 128>}} {
  func.func private @softmax(%x: tensor<?x?xf32, #nn.dims<N, S>>) -> tensor<?x?xf32, #nn.dims<N, S>> attributes {fusion.anchor = "row"} {
    %0 = nn.softmax %x {axis = 1 : i64} : (tensor<?x?xf32, #nn.dims<N, S>>) -> tensor<?x?xf32, #nn.dims<N, S>>
    func.return %0 : tensor<?x?xf32, #nn.dims<N, S>>
  }
}

// -----

// A choice that stands there already, from the tuner or a lock file, stays, unless the options do not allow it.
// ALLOWED: select-schedule: @kept with nn.relu: no schedule accepts it: allowed are row, lrn
// CHECK-LABEL: @kept(
// CHECK-SAME: #kernel.choice<"pointwise", {elements = 8 : i64, threads = 64 : i64, vector = 2 : i64}>
func.func private @kept(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {
  fusion.anchor = "pointwise", kernel.choice = #kernel.choice<"pointwise", {elements = 8 : i64, threads = 64 : i64, vector = 2 : i64}>} {
  %0 = nn.relu %x : tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}

// -----

// Functions that are not groups are left alone.
// CHECK-LABEL: @main(
// CHECK-NOT: kernel.choice
func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  func.return %x : tensor<4x8xf32>
}

// -----

// A group that no schedule takes is an error with every schedule's reason, naming the ONNX node.
// CHECK: select-schedule: @odd with nn.max_pool (from pool1): no schedule accepts it:
// CHECK-SAME: window: expected elements of f32, f16
func.func private @odd(%x: tensor<1x4x4x8xi3>) -> tensor<1x2x2x8xi3> attributes {fusion.anchor = "window"} {
  %0 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x8xi3>) -> tensor<1x2x2x8xi3> loc("pool1"("MaxPool#1"))
  func.return %0 : tensor<1x2x2x8xi3>
}

// -----

// Each refusal of a schedule that takes such anchors is a remark, on the op that it names; that of a schedule for other convs is not.
// REMARK: analysis: select-schedule: func.func [conv1]: gemm_mma
// REMARK: missed: select-schedule: func.func [conv1]: @conv: refused by gemm_sm90: wgmma needs sm_90a, got sm_80
// REMARK-NOT: window
func.func private @conv(%x: tensor<1x8x8x16xf32>, %w: tensor<8x3x3x16xf32>) -> tensor<1x6x6x8xf32> attributes {fusion.anchor = "conv"} {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x16xf32>, tensor<8x3x3x16xf32>) -> tensor<1x6x6x8xf32>
  func.return %0 : tensor<1x6x6x8xf32>
} loc("conv1"("Conv#1"))

// -----

// Rows too short to share: the reason stands on the reduce.
// REMARK: analysis: select-schedule: func.func: row
// REMARK: missed: select-schedule: nn.reduce [pool]: @mean: refused by reduce_split: expected rows of 32 spans or more, 65536 columns, got 8
func.func private @mean(%x: tensor<4x8xf32>) -> tensor<4xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.reduce mean %x {axes = array<i64: 1>, keepdims = false} : (tensor<4x8xf32>) -> tensor<4xf32> loc("pool"("ReduceMean#3"))
  func.return %0 : tensor<4xf32>
}
