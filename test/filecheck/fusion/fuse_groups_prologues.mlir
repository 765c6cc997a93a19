// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A BatchNorm and its ReLU before a conv are computed on the way to the product; the batch is dynamic.
// CHECK-LABEL: @normalised
// CHECK: fusion.group "conv"
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.relu
// CHECK-NEXT: nn.conv
// CHECK-NEXT: fusion.yield
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// REMARK: analysis: fuse-groups: nn.relu: prologue: in the conv (in the conv {{.*}} us, a launch of its own {{.*}} us)
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 4>}} {
  func.func @normalised(%x: tensor<?x14x14x64xf16, #nn.dims<N, 14, 14, 64>>, %s: tensor<64xf16>, %b: tensor<64xf16>, %w: tensor<32x1x1x64xf16>) -> tensor<?x14x14x32xf16, #nn.dims<N, 14, 14, 32>> {
    %0 = nn.mul %x, %s : (tensor<?x14x14x64xf16, #nn.dims<N, 14, 14, 64>>, tensor<64xf16>) -> tensor<?x14x14x64xf16, #nn.dims<N, 14, 14, 64>>
    %1 = nn.add %0, %b : (tensor<?x14x14x64xf16, #nn.dims<N, 14, 14, 64>>, tensor<64xf16>) -> tensor<?x14x14x64xf16, #nn.dims<N, 14, 14, 64>>
    %2 = nn.relu %1 : tensor<?x14x14x64xf16, #nn.dims<N, 14, 14, 64>>
    %3 = nn.conv %2, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x14x14x64xf16, #nn.dims<N, 14, 14, 64>>, tensor<32x1x1x64xf16>) -> tensor<?x14x14x32xf16, #nn.dims<N, 14, 14, 32>>
    func.return %3 : tensor<?x14x14x32xf16, #nn.dims<N, 14, 14, 32>>
  }
}

// -----

// Refused: on Hopper a long reduction is left to TMA and wgmma, and a launch of its own comes before it.
// CHECK-LABEL: @long
// CHECK: fusion.group "pointwise"
// CHECK: fusion.group "conv"
// CHECK-NEXT: nn.conv
// REMARK: missed: fuse-groups: nn.relu: not fused with nn.conv: prologue: a launch of its own (in the conv
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @long(%x: tensor<8x14x14x256xf16>, %s: tensor<256xf16>, %w: tensor<256x3x3x256xf16>) -> tensor<8x14x14x256xf16> {
    %0 = nn.mul %x, %s : (tensor<8x14x14x256xf16>, tensor<256xf16>) -> tensor<8x14x14x256xf16>
    %1 = nn.relu %0 : tensor<8x14x14x256xf16>
    %2 = nn.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<8x14x14x256xf16>, tensor<256x3x3x256xf16>) -> tensor<8x14x14x256xf16>
    func.return %2 : tensor<8x14x14x256xf16>
  }
}

// -----

// Refused: a product has one tensor of A's shape in shared memory; others are values per channel.
// CHECK-LABEL: @two_images
// CHECK: fusion.group "pointwise"
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// REMARK: missed: fuse-groups: nn.mul: nn.matmul with 1 ops before and 0 after: no schedule accepts it: gemm_mma: operand A: expected a prologue on one tensor of its shape, got 2
func.func @two_images(%x: tensor<16x64xf16>, %y: tensor<16x64xf16>, %w: tensor<32x64xf16>) -> tensor<16x32xf16> {
  %0 = nn.mul %x, %y : (tensor<16x64xf16>, tensor<16x64xf16>) -> tensor<16x64xf16>
  %1 = nn.matmul %0, %w {transpose_b} : (tensor<16x64xf16>, tensor<32x64xf16>) -> tensor<16x32xf16>
  func.return %1 : tensor<16x32xf16>
}

// -----

// Refused: the window of a conv moves over values per pixel.
// CHECK-LABEL: @per_pixel
// CHECK: fusion.group "pointwise"
// CHECK: fusion.group "conv"
// REMARK: missed: fuse-groups: nn.mul: nn.conv with 1 ops before and 0 after: no schedule accepts it: gemm_mma: operand A: expected values per channel or per (batch, channel) beside the image, got tensor<1x8x8x1xf16>
func.func @per_pixel(%x: tensor<1x8x8x16xf16>, %m: tensor<1x8x8x1xf16>, %w: tensor<8x3x3x16xf16>) -> tensor<1x6x6x8xf16> {
  %0 = nn.mul %x, %m : (tensor<1x8x8x16xf16>, tensor<1x8x8x1xf16>) -> tensor<1x8x8x16xf16>
  %1 = nn.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x16xf16>, tensor<8x3x3x16xf16>) -> tensor<1x6x6x8xf16>
  func.return %1 : tensor<1x6x6x8xf16>
}

// -----

// Refused: others read the operand too, so it is in memory anyway.
// CHECK-LABEL: @shared
// CHECK: fusion.group "pointwise"
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
func.func @shared(%x: tensor<16x64xf16>, %w: tensor<32x64xf16>) -> (tensor<16x32xf16>, tensor<16x64xf16>) {
  %0 = nn.relu %x : tensor<16x64xf16>
  %1 = nn.matmul %0, %w {transpose_b} : (tensor<16x64xf16>, tensor<32x64xf16>) -> tensor<16x32xf16>
  func.return %1, %0 : tensor<16x32xf16>, tensor<16x64xf16>
}

// -----

// Invalid: an op that no group holds.
// CHECK: error: fuse-groups: nn.batch_norm: expected an op that can stand in a group
func.func @invalid(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
