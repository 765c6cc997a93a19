// RUN: trtc-opt %s -p lower-groups --split-input-file --remarks 2>&1 | filecheck %s

// A kernel signals when it begins, reads its weights, and waits for the previous launch before it reads anything else. Dims may be dynamic.
// CHECK-LABEL: kernel.func @scaled(
// CHECK-SAME: kernel.early = array<i64: 1>
// CHECK-NEXT: kernel.grid_signal
// CHECK-NOT: kernel.load %x_view
// CHECK: %w_tile = kernel.load %w_view
// CHECK-NEXT: kernel.grid_wait
// CHECK-NEXT: %x_tile = kernel.load %x_view
// CHECK-NOT: kernel.grid_wait
// CHECK: kernel.return
func.func private @scaled(%x: tensor<?x8xf32, #nn.dims<N, 8>>, %w: tensor<8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>> attributes {
  fusion.anchor = "pointwise", kernel.early = array<i64: 1>, kernel.signals,
  kernel.choice = #kernel.choice<"pointwise", {elements = 4 : i64, threads = 128 : i64, vector = 4 : i64}>} {
  %0 = nn.mul %x, %w : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %0 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// The first fills of a ring of cp.async: B, which is a weight, comes before the wait for all of them, A after it; what the loop reads stays.
// CHECK-LABEL: kernel.func @fc(
// CHECK: kernel.acquire %ring[[[P0:%.*]]]
// CHECK: %b_slot = kernel.slot %b_shared[[[P0]]]
// CHECK-NEXT: kernel.load_async %b_view[{{.*}}] to %b_slot :
// CHECK: kernel.acquire %ring[[[P1:%.*]]]
// CHECK-NEXT: %b_slot_1 = kernel.slot %b_shared[[[P1]]]
// CHECK: kernel.load_async %b_view[{{.*}}] to %b_slot_1 :
// CHECK-NEXT: kernel.grid_wait
// CHECK-NOT: kernel.load_async %b_view
// CHECK: kernel.load_async %a_view[{{.*}}] to %a_slot :
// CHECK-NEXT: kernel.commit %ring[[[P0]]]
// CHECK: kernel.load_async %a_view[{{.*}}] to %a_slot_1 :
// CHECK-NEXT: kernel.commit %ring[[[P1]]]
// CHECK: scf.for
// CHECK: kernel.load_async %b_view
// CHECK-NOT: kernel.grid_wait
// CHECK: kernel.return
func.func private @fc(%x: tensor<64x96xf16>, %w: tensor<32x96xf16>, %c: tensor<32xf16>) -> tensor<64x32xf16> attributes {
  fusion.anchor = "matmul", kernel.early = array<i64: 1, 2>, kernel.signals, kernel.choice = #kernel.choice<"gemm_mma",
    {bm = 32 : i64, bn = 32 : i64, bk = 32 : i64, wm = 2 : i64, wn = 2 : i64, stages = 3 : i64, staged = 0 : i64}>} {
  %0 = nn.matmul %x, %w {transpose_b} : (tensor<64x96xf16>, tensor<32x96xf16>) -> tensor<64x32xf16>
  %1 = nn.add %0, %c : (tensor<64x32xf16>, tensor<32xf16>) -> tensor<64x32xf16>
  func.return %1 : tensor<64x32xf16>
}

// -----

// Tensor maps are fetched first. Roles wait each by itself. The producer first copies B for as many steps as the ring has stages, and
// that for the other steps in the loop.
// CHECK-LABEL: kernel.func @wide(
// CHECK-NEXT: kernel.grid_signal
// CHECK: kernel.prefetch_map %a_map
// CHECK-NEXT: kernel.prefetch_map %b_map
// CHECK-NEXT: kernel.prefetch_map %y_map
// CHECK-NEXT: kernel.roles
// CHECK: scf.for %early = %{{.*}} to [[COUNT:%.*]] step
// CHECK-NEXT: arith.muli %early
// CHECK-NEXT: kernel.slot %b_shared[%early]
// CHECK-NEXT: kernel.load_tma %b_map
// CHECK-NEXT: }
// CHECK: kernel.grid_wait
// CHECK: scf.for %k
// CHECK: kernel.acquire %ring[[[FILL:%.*]]]
// CHECK: kernel.load_tma %a_map
// CHECK-NEXT: [[LATE:%.*]] = arith.cmpi sge, [[FILL]], [[COUNT]] : index
// CHECK-NEXT: scf.if [[LATE]] {
// CHECK: kernel.load_tma %b_map
// CHECK: kernel.commit %ring[[[FILL]]]
// CHECK: } {
// CHECK-NEXT: kernel.grid_wait
// CHECK-NOT: kernel.grid_wait
// CHECK: kernel.return
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @wide(%x: tensor<128x256xf16>, %w: tensor<64x256xf16>) -> tensor<128x64xf16> attributes {
    fusion.anchor = "matmul", kernel.early = array<i64: 1>, kernel.signals,
    kernel.choice = #kernel.choice<"gemm_sm90", {groups = 1 : i64, bn = 64 : i64, stages = 3 : i64, cluster = 1 : i64}>} {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<128x256xf16>, tensor<64x256xf16>) -> tensor<128x64xf16>
    func.return %0 : tensor<128x64xf16>
  }
}

// -----

// Where neither operand is a weight, both roles wait before they do anything.
// CHECK-LABEL: kernel.func @products(
// CHECK: kernel.roles ["producer", "consumer"] warps [4, 4] registers [40, 232] {
// CHECK-NEXT: kernel.grid_wait
// CHECK: } {
// CHECK-NEXT: kernel.grid_wait
// CHECK-NOT: kernel.grid_wait
// CHECK: kernel.return
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @products(%x: tensor<128x256xf16>, %w: tensor<64x256xf16>) -> tensor<128x64xf16> attributes {
    fusion.anchor = "matmul", kernel.early = array<i64>, kernel.signals,
    kernel.choice = #kernel.choice<"gemm_sm90", {groups = 1 : i64, bn = 64 : i64, stages = 3 : i64, cluster = 1 : i64}>} {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<128x256xf16>, tensor<64x256xf16>) -> tensor<128x64xf16>
    func.return %0 : tensor<128x64xf16>
  }
}

// -----

// A weight that is read in a loop stays there: the loop is waited for as a whole.
// CHECK-LABEL: kernel.func @total(
// CHECK: kernel.grid_wait
// CHECK-NEXT: scf.for
// CHECK-NOT: kernel.grid_wait
// CHECK: kernel.return
func.func private @total(%x: tensor<64x4096xf32>, %w: tensor<4096xf32>) -> tensor<64xf32> attributes {
  fusion.anchor = "row", kernel.early = array<i64: 1>, kernel.signals,
  kernel.choice = #kernel.choice<"row", {loop = 1 : i64, registers = 8 : i64, rows = 1 : i64, threads = 256 : i64, vector = 4 : i64}>} {
  %0 = nn.mul %x, %w : (tensor<64x4096xf32>, tensor<4096xf32>) -> tensor<64x4096xf32>
  %1 = nn.reduce sum %0 {axes = array<i64: 1>, keepdims = false} : (tensor<64x4096xf32>) -> tensor<64xf32>
  func.return %1 : tensor<64xf32>
}

// -----

// A group that does not signal waits all the same.
// CHECK-LABEL: kernel.func @silent(
// CHECK-NOT: kernel.grid_signal
// CHECK: kernel.grid_wait
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
func.func private @silent(%x: tensor<64xf32>) -> tensor<64xf32> attributes {
  fusion.anchor = "pointwise", kernel.early = array<i64>, kernel.choice = #kernel.choice<"pointwise", {elements = 4, threads = 128, vector = 4}>
} {
  %0 = nn.relu %x : tensor<64xf32>
  func.return %0 : tensor<64xf32>
}
}
