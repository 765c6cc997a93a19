// RUN: trtc-opt %s -p split-gates --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p split-gates --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: trtc-opt %s -p split-gates,merge-siblings,fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s --check-prefix=GROUP

// Both projections of a gated layer, with their biases, are in one matrix; rows are dynamic.
// CHECK-LABEL: @gated
// CHECK: [[V:%[0-9]+]] = nn.slice %w {starts = #nn.dims<0, 0>
// CHECK-NEXT: [[P:%[0-9]+]] = nn.matmul %x, [[V]] {transpose_b}
// CHECK-NEXT: [[B:%[0-9]+]] = nn.slice %b {starts = #nn.dims<0>
// CHECK-NEXT: [[GATE:%[0-9]+]] = nn.add [[P]], [[B]]
// CHECK: [[U:%[0-9]+]] = nn.slice %w {starts = #nn.dims<32, 0>
// CHECK-NEXT: [[Q:%[0-9]+]] = nn.matmul %x, [[U]] {transpose_b}
// CHECK-NEXT: [[C:%[0-9]+]] = nn.slice %b {starts = #nn.dims<32>
// CHECK-NEXT: [[UP:%[0-9]+]] = nn.add [[Q]], [[C]]
// CHECK-NEXT: [[S:%[0-9]+]] = nn.silu [[GATE]]
// CHECK-NEXT: nn.mul [[S]], [[UP]]
// REMARK: applied: split-gates: nn.add: nn.matmul of two halves that meet by element, as two
// GROUP-LABEL: @gated
// GROUP: fusion.group "matmul"
// GROUP-NEXT: nn.matmul
// GROUP-NEXT: nn.add
// GROUP-NEXT: nn.matmul
// GROUP-NEXT: nn.add
// GROUP-NEXT: nn.silu
// GROUP-NEXT: nn.mul
// GROUP-NEXT: fusion.yield
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {N = array<i64: 1, 64, 128>}} {
  func.func @gated(%x: tensor<?x64xf16, #nn.dims<N, 64>>) -> tensor<?x32xf16, #nn.dims<N, 32>> {
    %w = nn.constant dense<1.0> : tensor<64x64xf16>
    %b = nn.constant dense<1.0> : tensor<64xf16>
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<64x64xf16>) -> tensor<?x64xf16, #nn.dims<N, 64>>
    %1 = nn.add %0, %b : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<64xf16>) -> tensor<?x64xf16, #nn.dims<N, 64>>
    %2 = nn.slice %1 {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<?x64xf16, #nn.dims<N, 64>>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %3 = nn.slice %1 {starts = #nn.dims<0, 32>, steps = array<i64: 1, 1>} : (tensor<?x64xf16, #nn.dims<N, 64>>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %4 = nn.silu %2 {alpha = 1.0 : f64} : tensor<?x32xf16, #nn.dims<N, 32>>
    %5 = nn.mul %4, %3 : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<?x32xf16, #nn.dims<N, 32>>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    func.return %5 : tensor<?x32xf16, #nn.dims<N, 32>>
  }
}

// -----

// A conv whose second half is the gate.
// CHECK-LABEL: @conv
// CHECK-COUNT-2: nn.conv
// CHECK: nn.sigmoid
// GROUP-LABEL: @conv
// GROUP: fusion.group "conv"
// GROUP-NEXT: nn.conv
// GROUP-NEXT: nn.conv
// GROUP-NEXT: nn.sigmoid
// GROUP-NEXT: nn.mul
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @conv(%x: tensor<1x8x8x64xf16>) -> tensor<1x8x8x32xf16> {
    %w = nn.constant dense<1.0> : tensor<64x1x1x64xf16>
    %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x64xf16>, tensor<64x1x1x64xf16>) -> tensor<1x8x8x64xf16>
    %1 = nn.slice %0 {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x8x64xf16>) -> tensor<1x8x8x32xf16>
    %2 = nn.slice %0 {starts = #nn.dims<0, 0, 0, 32>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x8x64xf16>) -> tensor<1x8x8x32xf16>
    %3 = nn.sigmoid %2 : tensor<1x8x8x32xf16>
    %4 = nn.mul %1, %3 : (tensor<1x8x8x32xf16>, tensor<1x8x8x32xf16>) -> tensor<1x8x8x32xf16>
    func.return %4 : tensor<1x8x8x32xf16>
  }
}

// -----

// Refused: the halves do not meet by element.
// CHECK-LABEL: @apart
// CHECK: nn.matmul
// CHECK-NEXT: nn.slice
// CHECK-NEXT: nn.slice
// REMARK: missed: split-gates: nn.slice: the product before it stays whole: its halves do not meet by element
func.func @apart(%x: tensor<8x64xf16>) -> (tensor<8x32xf16>, tensor<8x32xf16>) {
  %w = nn.constant dense<1.0> : tensor<64x64xf16>
  %0 = nn.matmul %x, %w : (tensor<8x64xf16>, tensor<64x64xf16>) -> tensor<8x64xf16>
  %1 = nn.slice %0 {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<8x64xf16>) -> tensor<8x32xf16>
  %2 = nn.slice %0 {starts = #nn.dims<0, 32>, steps = array<i64: 1, 1>} : (tensor<8x64xf16>) -> tensor<8x32xf16>
  %3 = nn.relu %1 : tensor<8x32xf16>
  %4 = nn.exp %2 : tensor<8x32xf16>
  func.return %3, %4 : tensor<8x32xf16>, tensor<8x32xf16>
}

// -----

// Refused: the weights are computed at run time.
// CHECK-LABEL: @computed
// CHECK-COUNT-1: nn.matmul
// CHECK: func.return
// REMARK: missed: split-gates: nn.slice: the product before it stays whole: its weights are computed at run time
func.func @computed(%x: tensor<8x64xf16>, %w: tensor<64x64xf16>) -> tensor<8x32xf16> {
  %0 = nn.matmul %x, %w : (tensor<8x64xf16>, tensor<64x64xf16>) -> tensor<8x64xf16>
  %1 = nn.slice %0 {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<8x64xf16>) -> tensor<8x32xf16>
  %2 = nn.slice %0 {starts = #nn.dims<0, 32>, steps = array<i64: 1, 1>} : (tensor<8x64xf16>) -> tensor<8x32xf16>
  %3 = nn.mul %1, %2 : (tensor<8x32xf16>, tensor<8x32xf16>) -> tensor<8x32xf16>
  func.return %3 : tensor<8x32xf16>
}

// -----

// Refused: a half does not start at a multiple of 16 bytes.
// CHECK-LABEL: @narrow
// CHECK-COUNT-1: nn.matmul
// CHECK: func.return
// REMARK: missed: split-gates: nn.slice: the product before it stays whole: a half has 9 channels, which are no multiple of 16 bytes
func.func @narrow(%x: tensor<8x64xf16>) -> tensor<8x9xf16> {
  %w = nn.constant dense<1.0> : tensor<64x18xf16>
  %0 = nn.matmul %x, %w : (tensor<8x64xf16>, tensor<64x18xf16>) -> tensor<8x18xf16>
  %1 = nn.slice %0 {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<8x18xf16>) -> tensor<8x9xf16>
  %2 = nn.slice %0 {starts = #nn.dims<0, 9>, steps = array<i64: 1, 1>} : (tensor<8x18xf16>) -> tensor<8x9xf16>
  %3 = nn.mul %1, %2 : (tensor<8x9xf16>, tensor<8x9xf16>) -> tensor<8x9xf16>
  func.return %3 : tensor<8x9xf16>
}

// -----

// Invalid: a half that reaches beyond the product.
// CHECK: error: the input is not valid: nn.slice: expected indices within [0, 64) in dim 1, got index 79
func.func @invalid(%x: tensor<8x64xf16>) -> tensor<8x32xf16> {
  %w = nn.constant dense<1.0> : tensor<64x64xf16>
  %0 = nn.matmul %x, %w : (tensor<8x64xf16>, tensor<64x64xf16>) -> tensor<8x64xf16>
  %1 = nn.slice %0 {starts = #nn.dims<0, 48>, steps = array<i64: 1, 1>} : (tensor<8x64xf16>) -> tensor<8x32xf16>
  func.return %1 : tensor<8x32xf16>
}
