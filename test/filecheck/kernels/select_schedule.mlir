// RUN: trtc-opt %s -p select-schedule --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'select-schedule{force="relu:pointwise:threads=256:elements=16"}' --split-input-file --verify-diagnostics | filecheck %s --check-prefix=FORCED
// RUN: trtc-opt %s -p 'select-schedule{allowed="row","lrn"}' --split-input-file --verify-diagnostics | filecheck %s --check-prefix=ALLOWED

// A group gets the best candidate of the first schedule that accepts it; a forced schedule keeps the tunables that are not named.
// CHECK-LABEL: @relu(
// CHECK-SAME: kernel.choice = #kernel.choice<"pointwise", {elements = 4 : i64, threads = 128 : i64, vector = 4 : i64}>
// FORCED: kernel.choice = #kernel.choice<"pointwise", {elements = 16 : i64, threads = 256 : i64, vector = 4 : i64}>
// ALLOWED: select-schedule: @relu with nn.relu: no schedule accepts it: row: expected one softmax, layer_norm or reduce; lrn: expected one lrn
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
// ALLOWED: select-schedule: @kept with nn.relu: no schedule accepts it: row:
// CHECK-LABEL: @kept(
// CHECK-SAME: #kernel.choice<"pointwise", {elements = 8 : i64, threads = 64 : i64, vector = 2 : i64}>
func.func private @kept(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {
  fusion.anchor = "pointwise", kernel.choice = #kernel.choice<"pointwise", {elements = 8 : i64, threads = 64 : i64, vector = 2 : i64}>} {
  %0 = nn.relu %x : tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}

// -----

// Functions that are no groups are left alone.
// CHECK-LABEL: @main(
// CHECK-NOT: kernel.choice
func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  func.return %x : tensor<4x8xf32>
}

// -----

// A group that no schedule takes is an error with every schedule's reason, naming the ONNX node.
// CHECK: select-schedule: @odd with nn.max_pool (from pool1): no schedule accepts it:
// CHECK-SAME: window: expected elements of f32, f16
func.func private @odd(%x: tensor<1x4x4x8xf8E4M3FN>) -> tensor<1x2x2x8xf8E4M3FN> attributes {fusion.anchor = "window"} {
  %0 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x8xf8E4M3FN>) -> tensor<1x2x2x8xf8E4M3FN> loc("pool1"("MaxPool#1"))
  func.return %0 : tensor<1x2x2x8xf8E4M3FN>
}
