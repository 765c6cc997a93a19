// RUN: trtc-opt %s -p lower-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// The kernel takes the group's name; operands, then results, with the strides and the alignment (bytes) of the layouts; the choice stays.
// CHECK-LABEL: kernel.func @add(
// CHECK-SAME: %{{.*}}: !kernel.global<dims <4, 8> x f16, strides <16, 1>, align 16>
// CHECK-SAME: %{{.*}}: !kernel.global<dims <8> x f16, strides <1>, align 2>
// CHECK-SAME: %{{.*}}: !kernel.global<dims <4, 8> x f16, strides <8, 1>, align 16>
// CHECK-SAME: grid <1, 1, 1> warps 4
// CHECK-SAME: kernel.choice = #kernel.choice<"pointwise"
// CHECK: kernel.return
// CHECK-NOT: func.func
func.func private @add(%x: tensor<4x8xf16>, %b: tensor<8xf16>) -> tensor<4x8xf16> attributes {
  fusion.anchor = "pointwise",
  fusion.layouts = [#fusion.layout<[16, 1], align = 8>, #fusion.layout<contiguous>, #fusion.layout<contiguous, align = 8>],
  kernel.choice = #kernel.choice<"pointwise", {elements = 8 : i64, threads = 128 : i64, vector = 8 : i64}>} {
  %0 = nn.add %x, %b : (tensor<4x8xf16>, tensor<8xf16>) -> tensor<4x8xf16>
  func.return %0 : tensor<4x8xf16>
}

// -----

// The grid of a dynamic shape is a dim expression, which the host evaluates.
// CHECK-LABEL: kernel.func @dynamic(
// CHECK-SAME: !kernel.global<dims <N, 8> x f32, strides <8, 1>, align 16>
// CHECK-SAME: grid <(N + 63) floordiv 64, 1, 1> warps 4
func.func private @dynamic(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> attributes {
  fusion.anchor = "pointwise", kernel.choice = #kernel.choice<"pointwise", {elements = 4 : i64, threads = 128 : i64, vector = 4 : i64}>} {
  %0 = nn.relu %x : tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %0 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// A group without a choice is an error that says which pass is missing.
// CHECK: lower-groups: @unchosen has no kernel.choice; run select-schedule before
func.func private @unchosen(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.relu %x : tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
