// RUN: trtc-opt %s -p assign-destinations --split-input-file | filecheck %s
// RUN: trtc-opt %s -p assign-destinations --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// The columns of a transposed convolution's product are pixels and channels: written into a concat, each has a stride.
// CHECK-LABEL: @pixels
// CHECK: fusion.group "conv" {{.*}} -> (tensor<?x4x2x8xf32, #nn.dims<N, 4, 2, 8>>) attributes {layouts = [{{.*}}, #fusion.layout<[128, 32, 16, 1], align = 8>]} {
// CHECK: nn.reshape {{.*}} -> tensor<?x4x2x8xf32, #nn.dims<N, 4, 2, 8>>
// CHECK: nn.reshape {{.*}} {fusion.alias = #fusion.alias<dest>} : {{.*}} -> tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>
// CHECK: nn.concat {{.*}} {fusion.alias = #fusion.alias<dest>, axis = 3 : i64}
// REMARK: applied: assign-destinations: fusion.group: its result has the dims [N, 4, 2, 8], each with a stride
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 4>}, kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @pixels(%x: tensor<?x1x4x16xf32, #nn.dims<N, 1, 4, 16>>, %w: tensor<16x1x1x16xf32>, %s: tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>) -> tensor<?x1x8x16xf32, #nn.dims<N, 1, 8, 16>> {
    %0 = fusion.group "conv" (%a = %x : tensor<?x1x4x16xf32, #nn.dims<N, 1, 4, 16>>, %b = %w : tensor<16x1x1x16xf32>) -> (tensor<?x1x4x16xf32, #nn.dims<N, 1, 4, 16>>) {
      %5 = nn.conv %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x1x4x16xf32, #nn.dims<N, 1, 4, 16>>, tensor<16x1x1x16xf32>) -> tensor<?x1x4x16xf32, #nn.dims<N, 1, 4, 16>>
      fusion.yield %5 : tensor<?x1x4x16xf32, #nn.dims<N, 1, 4, 16>>
    }
    %1 = nn.reshape %0 : (tensor<?x1x4x16xf32, #nn.dims<N, 1, 4, 16>>) -> tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>
    %2 = fusion.group "pointwise" (%a = %s : tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>) -> (tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>) {
      %5 = nn.relu %a : tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>
      fusion.yield %5 : tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>
    }
    %3 = nn.concat %2, %1 {axis = 3 : i64} : (tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>, tensor<?x1x8x8xf32, #nn.dims<N, 1, 8, 8>>) -> tensor<?x1x8x16xf32, #nn.dims<N, 1, 8, 16>>
    func.return %3 : tensor<?x1x8x16xf32, #nn.dims<N, 1, 8, 16>>
  }
}

// -----

// Refused: a softmax has no columns of several dims, and the halves of a dim of 6 cross those of a dim of 4.
// CHECK-LABEL: @refused
// CHECK: fusion.group "row"
// CHECK: %[[COPY:[0-9]+]] = fusion.group "pointwise" (%{{.*}} = %{{.*}} : tensor<2x8xf32>)
// CHECK: nn.concat %{{.*}}, %[[COPY]]
// REMARK: missed: assign-destinations: nn.concat: operand 1 copied into the concat: it is a reshape, and no strides express [2, 8] at strides [20, 1] as [4, 4]; with a stride for each of its dims
// REMARK: missed: assign-destinations: nn.concat: operand 1 copied into the concat: it is a reshape, and no strides express [2, 6] at strides [12, 1] as [3, 4]; its dims cross those of what it reshapes
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @refused(%x: tensor<4x4xf32>, %y: tensor<3x4xf32>) -> (tensor<2x12xf32>, tensor<2x20xf32>) {
    %0 = fusion.group "row" (%a = %x : tensor<4x4xf32>) -> (tensor<4x4xf32>) {
      %5 = nn.softmax %a {axis = 1 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
      fusion.yield %5 : tensor<4x4xf32>
    }
    %1 = fusion.group "pointwise" (%a = %y : tensor<3x4xf32>) -> (tensor<3x4xf32>) {
      %5 = nn.relu %a : tensor<3x4xf32>
      fusion.yield %5 : tensor<3x4xf32>
    }
    %2 = nn.reshape %0 : (tensor<4x4xf32>) -> tensor<2x8xf32>
    %3 = nn.reshape %1 : (tensor<3x4xf32>) -> tensor<2x6xf32>
    %4 = nn.concat %3, %3 {axis = 1 : i64} : (tensor<2x6xf32>, tensor<2x6xf32>) -> tensor<2x12xf32>
    %6 = fusion.group "pointwise" (%a = %4 : tensor<2x12xf32>) -> (tensor<2x12xf32>) {
      %5 = nn.relu %a : tensor<2x12xf32>
      fusion.yield %5 : tensor<2x12xf32>
    }
    %7 = nn.concat %6, %2 {axis = 1 : i64} : (tensor<2x12xf32>, tensor<2x8xf32>) -> tensor<2x20xf32>
    func.return %4, %7 : tensor<2x12xf32>, tensor<2x20xf32>
  }
}

// -----

// Refused: others read the result of the product in its own dims.
// CHECK-LABEL: @shared
// CHECK: %[[Y:.*]] = fusion.group "conv" {{.*}} -> (tensor<2x1x4x16xf32>)
// CHECK: nn.concat
// CHECK: fusion.group "pointwise" (%{{.*}} = %[[Y]] : tensor<2x1x4x16xf32>)
// REMARK: missed: assign-destinations: nn.concat: operand 1 copied into the concat: it is a nn.reshape of a tensor with other users
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @shared(%x: tensor<2x1x4x16xf32>, %w: tensor<16x1x1x16xf32>, %s: tensor<2x1x8x8xf32>) -> (tensor<2x1x8x16xf32>, tensor<2x1x4x16xf32>) {
    %0 = fusion.group "conv" (%a = %x : tensor<2x1x4x16xf32>, %b = %w : tensor<16x1x1x16xf32>) -> (tensor<2x1x4x16xf32>) {
      %5 = nn.conv %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x1x4x16xf32>, tensor<16x1x1x16xf32>) -> tensor<2x1x4x16xf32>
      fusion.yield %5 : tensor<2x1x4x16xf32>
    }
    %1 = nn.reshape %0 : (tensor<2x1x4x16xf32>) -> tensor<2x1x8x8xf32>
    %2 = fusion.group "pointwise" (%a = %s : tensor<2x1x8x8xf32>) -> (tensor<2x1x8x8xf32>) {
      %5 = nn.relu %a : tensor<2x1x8x8xf32>
      fusion.yield %5 : tensor<2x1x8x8xf32>
    }
    %3 = nn.concat %2, %1 {axis = 3 : i64} : (tensor<2x1x8x8xf32>, tensor<2x1x8x8xf32>) -> tensor<2x1x8x16xf32>
    %4 = fusion.group "pointwise" (%a = %0 : tensor<2x1x4x16xf32>) -> (tensor<2x1x4x16xf32>) {
      %5 = nn.relu %a : tensor<2x1x4x16xf32>
      fusion.yield %5 : tensor<2x1x4x16xf32>
    }
    func.return %3, %4 : tensor<2x1x8x16xf32>, tensor<2x1x4x16xf32>
  }
}
