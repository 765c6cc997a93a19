// RUN: trtc-opt %s -p fold-batch-norm | filecheck %s

// The batch norm of a transposed convolution: its factor reaches the weights of both convs, whose shift is added before they are joined.
// CHECK-LABEL: @main
// CHECK: %[[V:.*]] = nn.mul %v,
// CHECK: %[[A:.*]] = nn.conv %x, %[[V]]
// CHECK: %[[W:.*]] = nn.mul %w,
// CHECK: %[[B:.*]] = nn.conv %x, %[[W]]
// CHECK: nn.add %[[A]],
// CHECK: nn.add %[[B]],
// CHECK: nn.concat
// CHECK-NEXT: %[[END:.*]] = nn.reshape
// CHECK-NEXT: func.return %[[END]]
func.func @main(%x: tensor<1x4x4x2xf32>) -> tensor<1x8x8x3xf32> {
  %v = nn.initializer "v" : tensor<6x1x1x2xf32> = dense<0.5> : tensor<6x1x1x2xf32>
  %w = nn.initializer "w" : tensor<6x1x1x2xf32> = dense<0.25> : tensor<6x1x1x2xf32>
  %s = nn.initializer "s" : tensor<3xf32> = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %0 = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x2xf32>, tensor<6x1x1x2xf32>) -> tensor<1x4x4x6xf32>
  %1 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x2xf32>, tensor<6x1x1x2xf32>) -> tensor<1x4x4x6xf32>
  %2 = nn.reshape %0 : (tensor<1x4x4x6xf32>) -> tensor<1x4x1x8x3xf32>
  %3 = nn.reshape %1 : (tensor<1x4x4x6xf32>) -> tensor<1x4x1x8x3xf32>
  %4 = nn.concat %2, %3 {axis = 2 : i64} : (tensor<1x4x1x8x3xf32>, tensor<1x4x1x8x3xf32>) -> tensor<1x4x2x8x3xf32>
  %5 = nn.reshape %4 : (tensor<1x4x2x8x3xf32>) -> tensor<1x8x8x3xf32>
  %6 = nn.batch_norm %5, %s, %s, %s, %s {epsilon = 1.0e-05 : f64} : (tensor<1x8x8x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<1x8x8x3xf32>
  func.return %6 : tensor<1x8x8x3xf32>
}
