// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 >/dev/null | filecheck %s

// A whole group that is accepted says what it holds; refusals of schedules asked before are left to select-schedule.
// CHECK: applied: fuse-groups: fusion.group: pointwise group of nn.exp, nn.relu
// CHECK-NEXT: analysis: fuse-groups: func.func: 1 groups: 1 pointwise
func.func @whole(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %0 = nn.exp %x : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.relu %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %1 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Growth: each neighbour that stays outside, with the reason; a view at the network's edge parts no groups.
// CHECK: missed: fuse-groups: nn.softmax: not fused with nn.matmul: it is not a pointwise op
// CHECK-NEXT: missed: fuse-groups: nn.exp: not fused with nn.softmax: ops outside the group read it too
// CHECK-NEXT: analysis: fuse-groups: nn.relu: small operand of a row: where it is read ({{.*}} us, a launch of its own {{.*}} us)
// CHECK-NEXT: applied: fuse-groups: fusion.group: row group of nn.softmax, nn.relu, nn.add
// CHECK-NEXT: analysis: fuse-groups: func.func: 4 groups
func.func @neighbours(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %b: tensor<1x8xf32>) -> (tensor<4x8xf32>, tensor<32xf32>, tensor<4x8xf32>) {
  %0 = nn.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = nn.softmax %0 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = nn.exp %x : tensor<4x8xf32>
  %3 = nn.softmax %2 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = nn.reshape %2 : (tensor<4x8xf32>) -> tensor<32xf32>
  %5 = nn.relu %b : tensor<1x8xf32>
  %6 = nn.add %5, %3 : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %1, %4, %6 : tensor<4x8xf32>, tensor<32xf32>, tensor<4x8xf32>
}

// -----

// A value that many read: each reader that stays outside, and a view that lies between two groups.
// CHECK: missed: fuse-groups: nn.reshape: not fused with nn.matmul: views stay outside groups
// CHECK-NEXT: applied: fuse-groups: fusion.group: matmul group of nn.matmul, nn.relu, 2 results
// CHECK-NEXT: analysis: fuse-groups: func.func: 2 groups
func.func @readers(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> (tensor<4x8xf32>, tensor<32xf32>) {
  %0 = nn.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = nn.relu %0 : tensor<4x8xf32>
  %2 = nn.reshape %0 : (tensor<4x8xf32>) -> tensor<32xf32>
  %3 = nn.exp %2 : tensor<32xf32>
  func.return %1, %3 : tensor<4x8xf32>, tensor<32xf32>
}

// -----

// A window fuses no op before it.
// CHECK: missed: fuse-groups: nn.exp: not fused with nn.max_pool: a window reads this operand from memory
// CHECK-NEXT: analysis: fuse-groups: func.func: 2 groups
func.func @before(%x: tensor<1x4x4x8xf32>) -> tensor<1x3x3x8xf32> {
  %0 = nn.exp %x : tensor<1x4x4x8xf32>
  %1 = nn.max_pool %0 {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x4x8xf32>) -> tensor<1x3x3x8xf32>
  func.return %1 : tensor<1x3x3x8xf32>
}

// -----

// Schedules: a refused group is cut back until one takes it, with one remark for each that takes matmuls, on the op that it names.
// CHECK: missed: fuse-groups: nn.matmul [m]: nn.matmul with 1 ops before and 1 after: no schedule accepts it: gemm_sm90: wgmma needs sm_90a, got sm_80
// CHECK-NEXT: missed: fuse-groups: quant.dequantize [d]: nn.matmul with 1 ops before and 1 after: no schedule accepts it: gemm_mma: operand A: expected a prologue on a tensor of f32, got i8
// CHECK-NEXT: nn.matmul with 1 ops before and 0 after
// CHECK-NEXT: nn.matmul with 1 ops before and 0 after
// CHECK-NEXT: applied: fuse-groups: fusion.group [m]: matmul group of nn.matmul, nn.relu
func.func @cut(%x: tensor<16x32xi8>, %w: tensor<32x32xf32>) -> tensor<16x32xf32> {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %x, %s : (tensor<16x32xi8>, tensor<f32>) -> tensor<16x32xf32> loc("d"("DequantizeLinear#0"))
  %1 = nn.matmul %0, %w : (tensor<16x32xf32>, tensor<32x32xf32>) -> tensor<16x32xf32> loc("m"("MatMul#1"))
  %2 = nn.relu %1 : tensor<16x32xf32>
  func.return %2 : tensor<16x32xf32>
}

// -----

// Final refusals: no smaller group around an i8 matmul of B [K, N] is taken either, so the anchor is left alone at once.
// CHECK: nn.matmul with 0 ops before and 3 after: no schedule accepts it: gemm_sm90: wgmma needs sm_90a, got sm_80
// CHECK-NEXT: nn.matmul with 0 ops before and 3 after: no schedule accepts it: gemm_mma: expected an i8 B stored [N, K]
// CHECK-NEXT: missed: fuse-groups: nn.matmul: nn.matmul: no schedule accepts it: gemm_sm90
// CHECK-NEXT: missed: fuse-groups: nn.matmul: nn.matmul: no schedule accepts it: gemm_mma
// CHECK-NEXT: applied: fuse-groups: fusion.group: pointwise group of nn.relu, nn.abs, nn.neg
func.func @final(%x: tensor<16x32xi8>, %w: tensor<32x32xi8>) -> tensor<16x32xi32> {
  %0 = nn.matmul %x, %w : (tensor<16x32xi8>, tensor<32x32xi8>) -> tensor<16x32xi32>
  %1 = nn.relu %0 : tensor<16x32xi32>
  %2 = nn.abs %1 : tensor<16x32xi32>
  %3 = nn.neg %2 : tensor<16x32xi32>
  func.return %3 : tensor<16x32xi32>
}

// -----

// Scores are stored narrow before their mask is added, which the softmax does as it reads.
// CHECK: missed: fuse-groups: nn.softmax: not fused with nn.matmul: it is not a pointwise op
// CHECK-NEXT: missed: fuse-groups: nn.add: not fused with nn.matmul: only row ops read what comes of it, and compute it in f32 as they read
// CHECK: applied: fuse-groups: fusion.group: row group of nn.add, nn.softmax
func.func @scores(%q: tensor<4x8xf32>, %k: tensor<8x8xf32>, %mask: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.matmul %q, %k {nn.stored = f16} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = nn.add %0, %mask : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = nn.softmax %1 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %2 : tensor<4x8xf32>
}
