// RUN: trtc-opt %s -p fuse-groups,assign-destinations --split-input-file | filecheck %s
// RUN: trtc-opt %s -p fuse-groups,assign-destinations --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Windows of many images: a norm writes its rows in the order of the windows, which TMA then loads.
// CHECK-LABEL: @many
// CHECK: fusion.group "row"
// CHECK-SAME: #fusion.layout<[301056, 37632, 672, 4704, 96, 1]
// CHECK: nn.transpose {{.*}}fusion.alias = #fusion.alias<dest>
// REMARK: analysis: assign-destinations: nn.transpose: order of a transpose: written row-major (read strided {{.*}} us, written row-major {{.*}} us)
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @many(%x: tensor<32x8x7x8x7x96xf16>, %s: tensor<96xf16>, %w: tensor<288x96xf16>) -> tensor<32x8x8x7x7x288xf16> {
    %0 = nn.layer_norm %x, %s, %s {axis = 5 : i64, epsilon = 1.0e-05 : f64} : (tensor<32x8x7x8x7x96xf16>, tensor<96xf16>, tensor<96xf16>) -> tensor<32x8x7x8x7x96xf16>
    %1 = nn.transpose %0 {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<32x8x7x8x7x96xf16>) -> tensor<32x8x8x7x7x96xf16>
    %2 = nn.matmul %1, %w {transpose_b} : (tensor<32x8x8x7x7x96xf16>, tensor<288x96xf16>) -> tensor<32x8x8x7x7x288xf16>
    func.return %2 : tensor<32x8x8x7x7x288xf16>
  }
}

// -----

// Refused: of one image either order costs the same; the product reads it strided.
// CHECK-LABEL: @one
// CHECK: nn.transpose {{.*}}fusion.alias = #fusion.alias<source>
// REMARK: analysis: assign-destinations: nn.transpose: order of a transpose: read strided (read strided {{.*}} us, written row-major {{.*}} us)
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @one(%x: tensor<1x8x7x8x7x96xf16>, %s: tensor<96xf16>, %w: tensor<288x96xf16>) -> tensor<1x8x8x7x7x288xf16> {
    %0 = nn.layer_norm %x, %s, %s {axis = 5 : i64, epsilon = 1.0e-05 : f64} : (tensor<1x8x7x8x7x96xf16>, tensor<96xf16>, tensor<96xf16>) -> tensor<1x8x7x8x7x96xf16>
    %1 = nn.transpose %0 {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<1x8x7x8x7x96xf16>) -> tensor<1x8x8x7x7x96xf16>
    %2 = nn.matmul %1, %w {transpose_b} : (tensor<1x8x8x7x7x96xf16>, tensor<288x96xf16>) -> tensor<1x8x8x7x7x288xf16>
    func.return %2 : tensor<1x8x8x7x7x288xf16>
  }
}
