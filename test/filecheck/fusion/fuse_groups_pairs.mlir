// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// The gate and the up projection of a feed-forward layer, with a bias of each, are one group; rows are dynamic.
// CHECK-LABEL: @gated
// CHECK: %0 = fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.silu
// CHECK-NEXT: nn.mul
// CHECK-NEXT: fusion.yield
// CHECK: func.return %0
// REMARK: analysis: fuse-groups: nn.matmul: products of one operand: in one launch (in one launch {{.*}} us, a launch of its own {{.*}} us)
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {N = array<i64: 1, 64, 128>}} {
  func.func @gated(%x: tensor<?x64xf16, #nn.dims<N, 64>>, %w: tensor<32x64xf16>, %v: tensor<32x64xf16>, %b: tensor<32xf16>, %c: tensor<32xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>> {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<32x64xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %1 = nn.matmul %x, %v {transpose_b} : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<32x64xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %2 = nn.add %0, %b : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<32xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %3 = nn.add %1, %c : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<32xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %4 = nn.silu %2 {alpha = 1.0 : f64} : tensor<?x32xf16, #nn.dims<N, 32>>
    %5 = nn.mul %4, %3 : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<?x32xf16, #nn.dims<N, 32>>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    func.return %5 : tensor<?x32xf16, #nn.dims<N, 32>>
  }
}

// -----

// On Ampere, too, and where an activation stands before a sum.
// CHECK-LABEL: @ampere
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.relu
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.add
// CHECK-NEXT: fusion.yield
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @ampere(%x: tensor<64x64xf32>, %w: tensor<64x32xf32>, %v: tensor<64x32xf32>) -> tensor<64x32xf32> {
    %0 = nn.matmul %x, %w : (tensor<64x64xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
    %1 = nn.relu %0 : tensor<64x32xf32>
    %2 = nn.matmul %x, %v : (tensor<64x64xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
    %3 = nn.add %1, %2 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
    func.return %3 : tensor<64x32xf32>
  }
}

// -----

// The gate of a conv, which has as many pixels.
// CHECK-LABEL: @conv
// CHECK: fusion.group "conv"
// CHECK-NEXT: nn.conv
// CHECK-NEXT: nn.conv
// CHECK-NEXT: nn.sigmoid
// CHECK-NEXT: nn.mul
// CHECK-NEXT: fusion.yield
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @conv(%x: tensor<1x8x8x64xf16>, %w: tensor<32x3x3x64xf16>, %v: tensor<32x3x3x64xf16>) -> tensor<1x8x8x32xf16> {
    %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x64xf16>, tensor<32x3x3x64xf16>) -> tensor<1x8x8x32xf16>
    %1 = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x64xf16>, tensor<32x3x3x64xf16>) -> tensor<1x8x8x32xf16>
    %2 = nn.sigmoid %1 : tensor<1x8x8x32xf16>
    %3 = nn.mul %0, %2 : (tensor<1x8x8x32xf16>, tensor<1x8x8x32xf16>) -> tensor<1x8x8x32xf16>
    func.return %3 : tensor<1x8x8x32xf16>
  }
}

// -----

// Refused: the operands are integers, whose products are ones of integers.
// CHECK-LABEL: @integers
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "matmul"
// REMARK: missed: fuse-groups: nn.matmul: not computed beside nn.matmul in one launch: {{.*}}expected two float products, got i32
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @integers(%x: tensor<64x64xi8>, %w: tensor<32x64xi8>, %v: tensor<32x64xi8>) -> tensor<64x32xi32> {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<64x64xi8>, tensor<32x64xi8>) -> tensor<64x32xi32>
    %1 = nn.matmul %x, %v {transpose_b} : (tensor<64x64xi8>, tensor<32x64xi8>) -> tensor<64x32xi32>
    %2 = nn.mul %0, %1 : (tensor<64x32xi32>, tensor<64x32xi32>) -> tensor<64x32xi32>
    func.return %2 : tensor<64x32xi32>
  }
}

// -----

// Refused: the two products have other second operands.
// CHECK-LABEL: @stored
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "matmul"
// REMARK: missed: fuse-groups: nn.matmul: not computed beside nn.matmul in one launch: {{.*}}expected two products of one form, got other transpose_b
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @stored(%x: tensor<64x64xf16>, %w: tensor<32x64xf16>, %v: tensor<64x32xf16>) -> tensor<64x32xf16> {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<64x64xf16>, tensor<32x64xf16>) -> tensor<64x32xf16>
    %1 = nn.matmul %x, %v : (tensor<64x64xf16>, tensor<64x32xf16>) -> tensor<64x32xf16>
    %2 = nn.mul %0, %1 : (tensor<64x32xf16>, tensor<64x32xf16>) -> tensor<64x32xf16>
    func.return %2 : tensor<64x32xf16>
  }
}

// -----

// Refused: others read one of the products, too.
// CHECK-LABEL: @shared
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.mul
// CHECK-NEXT: fusion.yield
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @shared(%x: tensor<64x64xf16>, %w: tensor<32x64xf16>, %v: tensor<32x64xf16>) -> (tensor<64x32xf16>, tensor<64x32xf16>) {
    %0 = nn.matmul %x, %v {transpose_b} : (tensor<64x64xf16>, tensor<32x64xf16>) -> tensor<64x32xf16>
    %1 = nn.exp %0 : tensor<64x32xf16>
    %2 = nn.matmul %x, %w {transpose_b} : (tensor<64x64xf16>, tensor<32x64xf16>) -> tensor<64x32xf16>
    %3 = nn.mul %2, %0 : (tensor<64x32xf16>, tensor<64x32xf16>) -> tensor<64x32xf16>
    func.return %3, %1 : tensor<64x32xf16>, tensor<64x32xf16>
  }
}

// -----

// Invalid: an op that no group holds.
// CHECK: error: fuse-groups: nn.batch_norm: expected an op that can stand in a group
func.func @invalid(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
