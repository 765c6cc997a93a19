// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p fuse-groups --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// The sum of two products on Hopper, with a bias of each, is one group; rows are dynamic.
// CHECK-LABEL: @sum
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.relu
// CHECK-NEXT: fusion.yield
// REMARK: analysis: fuse-groups: nn.matmul: sum of products: in one accumulator (in one accumulator {{.*}} us, a launch of its own {{.*}} us)
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {N = array<i64: 1, 64, 128>}} {
  func.func @sum(%x: tensor<?x64xf16, #nn.dims<N, 64>>, %w: tensor<32x64xf16>, %y: tensor<?x128xf16, #nn.dims<N, 128>>, %v: tensor<32x128xf16>, %b: tensor<32xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>> {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<32x64xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %1 = nn.matmul %y, %v {transpose_b} : (tensor<?x128xf16, #nn.dims<N, 128>>, tensor<32x128xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %2 = nn.add %1, %b : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<32xf16>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %3 = nn.add %0, %2 : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<?x32xf16, #nn.dims<N, 32>>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %4 = nn.relu %3 : tensor<?x32xf16, #nn.dims<N, 32>>
    func.return %4 : tensor<?x32xf16, #nn.dims<N, 32>>
  }
}

// -----

// Refused: an activation stands between a product and the sum.
// CHECK-LABEL: @activation
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: fusion.yield
// CHECK: fusion.group "matmul"
// REMARK: missed: fuse-groups: nn.matmul: not added to nn.matmul in one accumulator: {{.*}}expected two products that reach one sum through additions alone
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @activation(%x: tensor<64x64xf16>, %w: tensor<32x64xf16>, %y: tensor<64x64xf16>, %v: tensor<32x64xf16>) -> tensor<64x32xf16> {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<64x64xf16>, tensor<32x64xf16>) -> tensor<64x32xf16>
    %1 = nn.relu %0 : tensor<64x32xf16>
    %2 = nn.matmul %y, %v {transpose_b} : (tensor<64x64xf16>, tensor<32x64xf16>) -> tensor<64x32xf16>
    %3 = nn.add %1, %2 : (tensor<64x32xf16>, tensor<64x32xf16>) -> tensor<64x32xf16>
    func.return %3 : tensor<64x32xf16>
  }
}

// -----

// Refused: others read the second product, too.
// CHECK-LABEL: @shared
// CHECK: fusion.group "matmul"
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: fusion.yield
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @shared(%x: tensor<64x64xf16>, %w: tensor<32x64xf16>, %v: tensor<32x64xf16>) -> (tensor<64x32xf16>, tensor<64x32xf16>) {
    %0 = nn.matmul %x, %w {transpose_b} : (tensor<64x64xf16>, tensor<32x64xf16>) -> tensor<64x32xf16>
    %1 = nn.matmul %x, %v {transpose_b} : (tensor<64x64xf16>, tensor<32x64xf16>) -> tensor<64x32xf16>
    %2 = nn.add %0, %1 : (tensor<64x32xf16>, tensor<64x32xf16>) -> tensor<64x32xf16>
    func.return %2, %1 : tensor<64x32xf16>, tensor<64x32xf16>
  }
}

// -----

// Invalid: an op that no group holds.
// CHECK: error: fuse-groups: nn.batch_norm: expected an op that can stand in a group
func.func @invalid(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
