// RUN: trtc-opt %s -p lower-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// The kernel takes the group's name, and the group stays as its reference. Its arguments are the operands, then the results, with the
// strides and the alignment (in bytes) of the layouts; the choice stays.
// CHECK-LABEL: kernel.func @add(
// CHECK-SAME: %{{.*}}: !kernel.global<dims <4, 8> x f16, strides <16, 1>, align 16>
// CHECK-SAME: %{{.*}}: !kernel.global<dims <8> x f16, strides <1>, align 2>
// CHECK-SAME: %{{.*}}: !kernel.global<dims <4, 8> x f16, strides <8, 1>, align 16>
// CHECK-SAME: grid <1, 1, 1> warps 4
// CHECK-SAME: kernel.choice = #kernel.choice<"pointwise"
// CHECK-NOT: kernel.accesses
// CHECK: kernel.return
// CHECK: func.func private @add_reference(%x: tensor<4x8xf16>, %b: tensor<8xf16>) -> tensor<4x8xf16> attributes {{.*}}kernel.launches = [@add]} {
// CHECK-NEXT: nn.add
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

// A group of several launches lists them in order, all over the same tensors and the choice's workspace. Calls follow its name, which
// a longer one makes way for.
// CHECK-LABEL: func.func @main
// CHECK: fusion.call @total_reference_(%x) {nn.names = ["y"]}
// CHECK: kernel.func @total(
// CHECK-SAME: !kernel.global<dims <1, 32> x f32, strides <32, 1>, align 16>) grid <1, 32, 1>
// CHECK-SAME: kernel.accesses = ["read", "none", "write"]}
// CHECK: kernel.func @total_stage1(
// CHECK-SAME: !kernel.global<dims <1, 32> x f32, strides <32, 1>, align 16>) grid <1, 1, 1>
// CHECK-SAME: kernel.accesses = ["none", "write", "read"]}
// CHECK: func.func private @total_reference_({{.*}} kernel.launches = [@total, @total_stage1]}
// CHECK: func.func private @total_reference()
func.func @main(%x: tensor<70000xf32>) -> tensor<f32> {
  %y = fusion.call @total(%x) {nn.names = ["y"]} : (tensor<70000xf32>) -> tensor<f32>
  func.return %y : tensor<f32>
}
func.func private @total(%x: tensor<70000xf32>) -> tensor<f32> attributes {fusion.anchor = "row", kernel.choice = #kernel.choice<
    "reduce_split", {loop = 1 : i64, registers = 8 : i64, rows = 1 : i64, spans = 32 : i64, threads = 256 : i64, vector = 4 : i64},
    workspace [!kernel.global<dims <1, 32> x f32, strides <32, 1>, align 16>]>} {
  %0 = nn.reduce sum %x {axes = array<i64: 0>, keepdims = false} : (tensor<70000xf32>) -> tensor<f32>
  func.return %0 : tensor<f32>
}
func.func private @total_reference()

// -----

// A launch of a group, in a host program written by hand, is one of its kernel.
// CHECK-LABEL: func.func @main
// CHECK: buffer.launch @act ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
// CHECK: kernel.func @act(
// CHECK: func.func private @act_reference(
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) {
  buffer.launch @act ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
  func.return
}
func.func private @act(%x: tensor<4xf32>) -> tensor<4xf32> attributes {
  fusion.anchor = "pointwise", kernel.choice = #kernel.choice<"pointwise", {elements = 4 : i64, threads = 128 : i64, vector = 4 : i64}>} {
  %0 = nn.relu %x : tensor<4xf32>
  func.return %0 : tensor<4xf32>
}

// -----

// A launch of a group in a host program cannot stand for several kernels.
// CHECK: lower-groups: buffer.launch launches @total, which takes 2 launches: expected a fusion.call of it, which bufferize turns into all of them
func.func @main(%x: memref<70000xf32>, %y: memref<f32>) {
  %w = buffer.alloc #nn.dims<1, 32> : memref<1x32xf32>
  buffer.launch @total ins(%x : memref<70000xf32>) outs(%y : memref<f32>) workspace(%w : memref<1x32xf32>)
  func.return
}
func.func private @total(%x: tensor<70000xf32>) -> tensor<f32> attributes {fusion.anchor = "row", kernel.choice = #kernel.choice<
    "reduce_split", {loop = 1 : i64, registers = 8 : i64, rows = 1 : i64, spans = 32 : i64, threads = 256 : i64, vector = 4 : i64},
    workspace [!kernel.global<dims <1, 32> x f32, strides <32, 1>, align 16>]>} {
  %0 = nn.reduce sum %x {axes = array<i64: 0>, keepdims = false} : (tensor<70000xf32>) -> tensor<f32>
  func.return %0 : tensor<f32>
}

// -----

// A choice whose workspace is not what its schedule makes (edited by hand, say) is an error.
// CHECK: lower-groups: schedule reduce_split made @total with 3 tensors: expected the group's 2 and the 1 of workspace in its kernel.choice, in their types
func.func private @total(%x: tensor<70000xf32>) -> tensor<f32> attributes {fusion.anchor = "row", kernel.choice = #kernel.choice<
    "reduce_split", {loop = 1 : i64, registers = 8 : i64, rows = 1 : i64, spans = 32 : i64, threads = 256 : i64, vector = 4 : i64},
    workspace [!kernel.global<dims <1, 64> x f32, strides <64, 1>, align 16>]>} {
  %0 = nn.reduce sum %x {axes = array<i64: 0>, keepdims = false} : (tensor<70000xf32>) -> tensor<f32>
  func.return %0 : tensor<f32>
}

// -----

// A group without a choice is an error that says which pass is missing.
// CHECK: lower-groups: @unchosen has no kernel.choice; run select-schedule before
func.func private @unchosen(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.relu %x : tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
