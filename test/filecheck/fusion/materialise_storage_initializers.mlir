// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16},assign-precision{mode=fp16},fuse-groups,materialise-storage' --split-input-file | filecheck %s

// What is computed from initializers stays in f32, as it does where constants are folded, and is clamped by an op, since its numbers may change.
// CHECK-LABEL: @main
// CHECK: %[[W:.*]] = nn.initializer "w" : tensor<4x4xf32>
// CHECK: %[[S:.*]] = nn.mul %[[W]], %{{.*}} : (tensor<4x4xf32>, tensor<f32>) -> tensor<4x4xf32>
// CHECK: %[[C:.*]] = nn.clamp_range %[[S]] {largest = 6.550400e+04 : f64} : tensor<4x4xf32>
// CHECK: %[[H:.*]] = nn.cast %[[C]] : (tensor<4x4xf32>) -> tensor<4x4xf16>
// CHECK: fusion.group "matmul" ({{.*}} = %[[H]] : tensor<4x4xf16>)
func.func @main(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
  %w = nn.initializer "w" : tensor<4x4xf32> = dense<1.0e+30> : tensor<4x4xf32>
  %two = nn.constant dense<2.0> : tensor<f32>
  %s = nn.mul %w, %two : (tensor<4x4xf32>, tensor<f32>) -> tensor<4x4xf32>
  %t = nn.tanh %x : tensor<?x4xf32, #nn.dims<N, 4>>
  %0 = nn.matmul %t, %s : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  func.return %0 : tensor<?x4xf32, #nn.dims<N, 4>>
}

// -----

// An initializer of one number may be an epsilon: it stays f32, and so does what it is added to.
// CHECK-LABEL: @main
// CHECK: %[[E:.*]] = nn.initializer "e" : tensor<f32>
// CHECK-NOT: nn.cast %[[E]]
// CHECK: fusion.group "pointwise" ({{.*}}, {{.*}} = %[[E]] : tensor<f32>) -> (tensor<4x4xf32>) {
// CHECK: nn.add
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %e = nn.initializer "e" : tensor<f32> = dense<1.0e-12> : tensor<f32>
  %t = nn.tanh %x : tensor<4x4xf32>
  %a = nn.add %t, %e : (tensor<4x4xf32>, tensor<f32>) -> tensor<4x4xf32>
  %0 = nn.matmul %a, %a : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return %0 : tensor<4x4xf32>
}
