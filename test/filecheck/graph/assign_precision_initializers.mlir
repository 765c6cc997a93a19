// RUN: trtc-opt %s -p 'assign-precision{mode=fp16}' --split-input-file | filecheck %s

// What is computed from initializers stays in f32, as it is where constants are folded, and is clamped by an op: nobody looks at it.
// CHECK-LABEL: @main
// CHECK: %[[W:.*]] = nn.initializer "w" : tensor<4x4xf32>
// CHECK: %[[S:.*]] = nn.mul %[[W]], %{{.*}} : (tensor<4x4xf32>, tensor<f32>) -> tensor<4x4xf32>
// CHECK: %[[C:.*]] = nn.clamp_range %[[S]] {largest = 6.550400e+04 : f64} : tensor<4x4xf32>
// CHECK: %[[H:.*]] = nn.cast %[[C]] : (tensor<4x4xf32>) -> tensor<4x4xf16>
// CHECK: nn.matmul %{{.*}}, %[[H]]
func.func @main(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
  %w = nn.initializer "w" : tensor<4x4xf32> = dense<1.0e+30> : tensor<4x4xf32>
  %two = nn.constant dense<2.0> : tensor<f32>
  %s = nn.mul %w, %two : (tensor<4x4xf32>, tensor<f32>) -> tensor<4x4xf32>
  %0 = nn.matmul %x, %s : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  func.return %0 : tensor<?x4xf32, #nn.dims<N, 4>>
}
