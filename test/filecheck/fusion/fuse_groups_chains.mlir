// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Squeeze-and-excitation is one group; images are dynamic.
// CHECK-LABEL: @squeeze
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.reduce mean
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.silu
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.sigmoid
// CHECK-NEXT: fusion.yield
// CHECK-NOT: fusion.group
// REMARK: analysis: fuse-groups: nn.matmul: chain of products: reduce, matmul and matmul in one launch (reduce, matmul and matmul in one launch {{.*}} us, reduce and matmul in one launch {{.*}} us, matmul and matmul in one launch {{.*}} us, launches of their own {{.*}} us)
// REMARK-NEXT: applied: fuse-groups: fusion.group: matmul group of nn.reduce, nn.reshape, nn.matmul, nn.silu, nn.matmul, nn.sigmoid
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {N = array<i64: 1, 1, 32>}} {
  func.func @squeeze(%x: tensor<?x7x7x96xf16, #nn.dims<N, 7, 7, 96>>, %w: tensor<24x96xf16>, %v: tensor<96x24xf16>) -> tensor<?x96xf16, #nn.dims<N, 96>> {
    %0 = nn.reduce mean %x {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x7x7x96xf16, #nn.dims<N, 7, 7, 96>>) -> tensor<?x1x1x96xf16, #nn.dims<N, 1, 1, 96>>
    %1 = nn.reshape %0 : (tensor<?x1x1x96xf16, #nn.dims<N, 1, 1, 96>>) -> tensor<?x96xf16, #nn.dims<N, 96>>
    %2 = nn.matmul %1, %w {transpose_b} : (tensor<?x96xf16, #nn.dims<N, 96>>, tensor<24x96xf16>) -> tensor<?x24xf16, #nn.dims<N, 24>>
    %3 = nn.silu %2 {alpha = 1.0 : f64} : tensor<?x24xf16, #nn.dims<N, 24>>
    %4 = nn.matmul %3, %v {transpose_b} : (tensor<?x24xf16, #nn.dims<N, 24>>, tensor<96x24xf16>) -> tensor<?x96xf16, #nn.dims<N, 96>>
    %5 = nn.sigmoid %4 : tensor<?x96xf16, #nn.dims<N, 96>>
    func.return %5 : tensor<?x96xf16, #nn.dims<N, 96>>
  }
}

// -----

// Declined: weights of 32 MB take all SMs, so that each cluster would read them again.
// CHECK-LABEL: @large
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.relu
// CHECK-NEXT: fusion.yield
// REMARK: missed: fuse-groups: nn.matmul: not chained with nn.matmul: chain of products: launches of their own (matmul and matmul in one launch
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @large(%x: tensor<1x4096xf16>, %w: tensor<4096x4096xf16>, %v: tensor<4096x4096xf16>) -> tensor<1x4096xf16> {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<1x4096xf16>, tensor<4096x4096xf16>) -> tensor<1x4096xf16>
    %1 = nn.relu %0 : tensor<1x4096xf16>
    %2 = nn.matmul %1, %v {transpose_b} : (tensor<1x4096xf16>, tensor<4096x4096xf16>) -> tensor<1x4096xf16>
    func.return %2 : tensor<1x4096xf16>
  }
}

// -----

// Refused: the reduction is over the channels too.
// CHECK-LABEL: @channels
// CHECK: fusion.group "row"
// CHECK: fusion.group "matmul"
// REMARK: missed: fuse-groups: nn.reduce: not chained with nn.matmul: gemv_chain: expected a reduction that keeps the last dim, of static size
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @channels(%x: tensor<4x96x49xf16>, %w: tensor<24x96xf16>) -> tensor<4x24xf16> {
    %0 = nn.reduce mean %x {axes = array<i64: 2>, keepdims = false} : (tensor<4x96x49xf16>) -> tensor<4x96xf16>
    %1 = nn.matmul %0, %w {transpose_b} : (tensor<4x96xf16>, tensor<24x96xf16>) -> tensor<4x24xf16>
    func.return %1 : tensor<4x24xf16>
  }
}

// -----

// Refused: many rows share the weights better in launches of their own, which are not priced against.
// CHECK-LABEL: @rows
// CHECK-COUNT-2: fusion.group "matmul"
// REMARK: missed: fuse-groups: nn.matmul: not chained with nn.matmul: expected at most 64 rows, got 128
func.func @rows(%x: tensor<128x96xf16>, %w: tensor<24x96xf16>, %v: tensor<96x24xf16>) -> tensor<128x96xf16> {
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<128x96xf16>, tensor<24x96xf16>) -> tensor<128x24xf16>
  %1 = nn.relu %0 : tensor<128x24xf16>
  %2 = nn.matmul %1, %v {transpose_b} : (tensor<128x24xf16>, tensor<96x24xf16>) -> tensor<128x96xf16>
  func.return %2 : tensor<128x96xf16>
}

// -----

// Not chained: an op beside the product reads the mean, too.
// CHECK-LABEL: @shared
// CHECK: fusion.group "row"
// CHECK: fusion.group "matmul"
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @shared(%x: tensor<4x49x96xf16>, %w: tensor<24x96xf16>) -> (tensor<4x24xf16>, tensor<4x96xf16>) {
    %0 = nn.reduce mean %x {axes = array<i64: 1>, keepdims = false} : (tensor<4x49x96xf16>) -> tensor<4x96xf16>
    %1 = nn.matmul %0, %w {transpose_b} : (tensor<4x96xf16>, tensor<24x96xf16>) -> tensor<4x24xf16>
    func.return %1, %0 : tensor<4x24xf16>, tensor<4x96xf16>
  }
}

// -----

// Invalid: an op that no group holds.
// CHECK: error: fuse-groups: nn.batch_norm: expected an op that can stand in a group
func.func @invalid(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
