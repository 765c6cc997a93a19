// RUN: trtc-opt %s -p 'select-schedule{allowed="gemv_chain"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// Squeeze-and-excitation on Hopper: weights and biases first, then pixels; a cluster meets after each vector that its blocks hand on.
// CHECK-LABEL: kernel.func @squeeze(
// CHECK-SAME: grid <8, 1, 1>
// CHECK-DAG: %[[FIRST:.*]] = kernel.alloc -> !kernel.shared<{{.*}}x1xf16>
// CHECK: kernel.load %w_view
// CHECK: kernel.load %b_view
// CHECK: kernel.load %v_view
// CHECK: scf.for %pixel
// CHECK-COUNT-4: kernel.load %x_view
// CHECK: kernel.cluster_barrier
// CHECK: kernel.reduce "sum"
// CHECK: arith.divf
// CHECK: kernel.store_shared {{.*}} everywhere
// CHECK-NEXT: kernel.cluster_barrier
// CHECK-NOT: kernel.load %
// CHECK: kernel.load_shared {{.*}} transposed
// CHECK: kernel.reduce "sum"
// CHECK: arith.maximumf
// CHECK: kernel.store_shared {{.*}} everywhere
// CHECK-NEXT: kernel.cluster_barrier
// CHECK: kernel.load_shared {{.*}} transposed
// CHECK: kernel.reduce "sum"
// CHECK: math.exp
// CHECK: kernel.store %{{.*}}, %y_view
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @squeeze(%x: tensor<1x49x1152xf16>, %w: tensor<48x1152xf16>, %b: tensor<48xf32>, %v: tensor<1152x48xf16>) -> tensor<1x1152xf32> attributes {fusion.anchor = "matmul"} {
    %0 = nn.reduce mean %x {axes = array<i64: 1>, keepdims = false} : (tensor<1x49x1152xf16>) -> tensor<1x1152xf16>
    %1 = nn.matmul %0, %w {transpose_b} : (tensor<1x1152xf16>, tensor<48x1152xf16>) -> tensor<1x48xf32>
    %2 = nn.add %1, %b : (tensor<1x48xf32>, tensor<48xf32>) -> tensor<1x48xf32>
    %3 = nn.relu %2 : tensor<1x48xf32>
    %4 = nn.cast %3 : (tensor<1x48xf32>) -> tensor<1x48xf16>
    %5 = nn.matmul %4, %v {transpose_b} : (tensor<1x48xf16>, tensor<1152x48xf16>) -> tensor<1x1152xf32>
    %6 = nn.sigmoid %5 : tensor<1x1152xf32>
    func.return %6 : tensor<1x1152xf32>
  }
}

// -----

// Without clusters a block does all that comes before the last step itself; images and pixels are dynamic.
// CHECK-LABEL: kernel.func @dynamic(
// CHECK-NOT: kernel.cluster_barrier
// CHECK: scf.for %pixel = %{{.*}} to %{{.*}} step
// CHECK: kernel.barrier
// CHECK: kernel.reduce "max"
// CHECK: kernel.store_shared
// CHECK-NEXT: kernel.barrier
// CHECK: kernel.store %{{.*}}, %y_view
func.func private @dynamic(%x: tensor<?x?x40xf32, #nn.dims<N, P, 40>>, %w: tensor<10x40xf32>) -> tensor<?x10xf32, #nn.dims<N, 10>> attributes {fusion.anchor = "matmul"} {
  %0 = nn.reduce max %x {axes = array<i64: 1>, keepdims = false} : (tensor<?x?x40xf32, #nn.dims<N, P, 40>>) -> tensor<?x40xf32, #nn.dims<N, 40>>
  %1 = nn.matmul %0, %w {transpose_b} : (tensor<?x40xf32, #nn.dims<N, 40>>, tensor<10x40xf32>) -> tensor<?x10xf32, #nn.dims<N, 10>>
  func.return %1 : tensor<?x10xf32, #nn.dims<N, 10>>
}

// -----

// Refused: B is stored [K, N].
// CHECK: error: select-schedule: @transposed {{.*}} no schedule accepts it: gemv_chain: expected a matmul with one matrix stored [N, K]
func.func private @transposed(%x: tensor<2x9x40xf32>, %w: tensor<40x10xf32>) -> tensor<2x10xf32> attributes {fusion.anchor = "matmul"} {
  %0 = nn.reduce sum %x {axes = array<i64: 1>, keepdims = false} : (tensor<2x9x40xf32>) -> tensor<2x40xf32>
  %1 = nn.matmul %0, %w : (tensor<2x40xf32>, tensor<40x10xf32>) -> tensor<2x10xf32>
  func.return %1 : tensor<2x10xf32>
}

// -----

// Invalid: a choice of a schedule that does not take the group.
// CHECK: error: select-schedule: @wrong {{.*}} no schedule accepts it
func.func private @wrong(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.exp %x : tensor<4x8xf32>
  func.return %0 : tensor<4x8xf32>
}
