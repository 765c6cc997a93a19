// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// An LSTM's cell of single ops adds i g to its state times a sigmoid: what its gates read and compute stays wide.
// CHECK-LABEL: @lstm
// CHECK: nn.constant dense<{{.*}}> : tensor<8x16xf32>
// CHECK: nn.constant {nn.wide = "a state that is carried between runs adds up its rounding"} dense<{{.*}}> : tensor<16xf32>
// CHECK: nn.matmul {{.*}}nn.wide = "a state that is carried between runs adds up its rounding"
// CHECK: nn.add {{.*}}nn.wide = "a state that is carried between runs adds up its rounding"
// CHECK: nn.sigmoid {{.*}}nn.wide = "a state that is carried between runs adds up its rounding"
// CHECK: nn.tanh {{.*}}nn.wide = "a state that is carried between runs adds up its rounding"
func.func @lstm(%b: tensor<2x8xui8>, %s: tensor<1x2x8xf32>) -> tensor<1x2x8xf32> {
  %w = nn.constant dense<0.25> : tensor<8x16xf32>
  %c = nn.constant dense<0.5> : tensor<16xf32>
  %x = nn.cast %b : (tensor<2x8xui8>) -> tensor<2x8xf32>
  %0 = nn.matmul %x, %w : (tensor<2x8xf32>, tensor<8x16xf32>) -> tensor<2x16xf32>
  %1 = nn.add %0, %c : (tensor<2x16xf32>, tensor<16xf32>) -> tensor<2x16xf32>
  %2 = nn.sigmoid %1 : tensor<2x16xf32>
  %3 = nn.slice %2 {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<2x16xf32>) -> tensor<2x8xf32>
  %4 = nn.slice %1 {starts = #nn.dims<0, 8>, steps = array<i64: 1, 1>} : (tensor<2x16xf32>) -> tensor<2x8xf32>
  %5 = nn.tanh %4 : tensor<2x8xf32>
  %6 = nn.reshape %s : (tensor<1x2x8xf32>) -> tensor<2x8xf32>
  %7 = nn.mul %6, %3 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %8 = nn.add %7, %5 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %9 = nn.reshape %8 : (tensor<2x8xf32>) -> tensor<1x2x8xf32>
  func.return %9 : tensor<1x2x8xf32>
}

// -----

// A GRU's, n + z (h - n), with z = 1 - sigmoid.
// CHECK-LABEL: @gru
// CHECK: nn.cast %b {nn.wide = "a state that is carried between runs adds up its rounding"}
// CHECK: nn.matmul {{.*}}nn.wide = "a state that is carried between runs adds up its rounding"
func.func @gru(%b: tensor<2x8xui8>, %h: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %w = nn.constant dense<0.25> : tensor<8x8xf32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %x = nn.cast %b : (tensor<2x8xui8>) -> tensor<2x8xf32>
  %0 = nn.matmul %x, %w : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %1 = nn.sigmoid %0 : tensor<2x8xf32>
  %z = nn.sub %one, %1 : (tensor<f32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %n = nn.tanh %0 : tensor<2x8xf32>
  %2 = nn.sub %h, %n : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %3 = nn.mul %z, %2 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %4 = nn.add %n, %3 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  func.return %4 : tensor<2x8xf32>
}

// -----

// Refused: an input that something is added to, as by a residual connection; one that no sigmoid is a factor of; and images, which a mask
// blends.
// CHECK-LABEL: @others
// CHECK: nn.matmul %{{[0-9a-z]+}}, %w : (
// CHECK: nn.tanh %{{[0-9]+}} : tensor
// CHECK: nn.conv %{{[0-9]+}}, %k {strides
func.func @others(%b: tensor<2x8xui8>, %h: tensor<2x8xf32>, %i: tensor<1x4x4x8xui8>, %j: tensor<1x4x4x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<1x4x4x8xf32>) {
  %w = nn.constant dense<0.25> : tensor<8x8xf32>
  %k = nn.constant dense<0.25> : tensor<8x1x1x8xf32>
  %x = nn.cast %b : (tensor<2x8xui8>) -> tensor<2x8xf32>
  %0 = nn.matmul %x, %w : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %1 = nn.add %h, %0 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %2 = nn.tanh %0 : tensor<2x8xf32>
  %3 = nn.mul %h, %2 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %4 = nn.add %3, %2 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %y = nn.cast %i : (tensor<1x4x4x8xui8>) -> tensor<1x4x4x8xf32>
  %5 = nn.abs %y : tensor<1x4x4x8xf32>
  %6 = nn.conv %5, %k {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x8xf32>, tensor<8x1x1x8xf32>) -> tensor<1x4x4x8xf32>
  %7 = nn.sigmoid %6 : tensor<1x4x4x8xf32>
  %8 = nn.mul %7, %j : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  %9 = nn.add %8, %6 : (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  func.return %1, %4, %9 : tensor<2x8xf32>, tensor<2x8xf32>, tensor<1x4x4x8xf32>
}
