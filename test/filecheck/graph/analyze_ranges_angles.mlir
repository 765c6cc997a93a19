// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16}' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'analyze-ranges{mode=tf32},assign-precision{mode=tf32}' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=TF32

// Fourier features: the product of coordinates and frequencies is an angle of some turns, and multiplies in f32; the next one does not.
// CHECK-LABEL: @fourier
// CHECK: nn.sub %x, %{{.*}} {nn.wide = "a graph input
// CHECK: nn.matmul %{{.*}} {nn.wide = "a sine or cosine reads it as an angle"}
// CHECK: nn.mul %{{.*}} {nn.wide = "a sine or cosine reads it as an angle"}
// CHECK: nn.sin %{{[0-9]+}} :
// CHECK: nn.matmul %{{[0-9]+}}, %v :
// TF32: missed: assign-precision: nn.matmul: nn.matmul multiplies in f32: a sine or cosine reads it as an angle
// TF32: applied: assign-precision: nn.matmul: nn.matmul may round its operands to TF32
func.func @fourier(%x: tensor<6x2xf32>) -> tensor<6x4xf32> {
  %one = nn.constant dense<1.0> : tensor<f32>
  %turn = nn.constant dense<6.28> : tensor<f32>
  %w = nn.constant dense<0.5> : tensor<2x8xf32>
  %v = nn.constant dense<0.5> : tensor<8x4xf32>
  %0 = nn.sub %x, %one : (tensor<6x2xf32>, tensor<f32>) -> tensor<6x2xf32>
  %1 = nn.matmul %0, %w : (tensor<6x2xf32>, tensor<2x8xf32>) -> tensor<6x8xf32>
  %2 = nn.mul %1, %turn : (tensor<6x8xf32>, tensor<f32>) -> tensor<6x8xf32>
  %3 = nn.sin %2 : tensor<6x8xf32>
  %4 = nn.matmul %3, %v : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
  func.return %4 : tensor<6x4xf32>
}

// -----

// Refused: features, be they what an activation function makes of an input or rows of a table, and a product that no sine reads.
// CHECK-LABEL: @features
// CHECK-NOT: reads it as an angle
// CHECK: func.return
func.func @features(%x: tensor<6x8xf32>, %i: tensor<6xi64>) -> (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) {
  %w = nn.constant dense<0.5> : tensor<8x8xf32>
  %t = nn.constant dense<0.5> : tensor<9x8xf32>
  %0 = nn.relu %x : tensor<6x8xf32>
  %1 = nn.matmul %0, %w : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %2 = nn.sin %1 : tensor<6x8xf32>
  %3 = nn.gather %t, %i {axis = 0 : i64} : (tensor<9x8xf32>, tensor<6xi64>) -> tensor<6x8xf32>
  %4 = nn.matmul %3, %w : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  %5 = nn.cos %4 : tensor<6x8xf32>
  %6 = nn.matmul %x, %w : (tensor<6x8xf32>, tensor<8x8xf32>) -> tensor<6x8xf32>
  func.return %2, %5, %6 : tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>
}
