// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: trtc-opt %s -p 'analyze-ranges{mode=bf16}' --split-input-file | filecheck %s --check-prefix=BF16
// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp32}' --split-input-file | filecheck %s --check-prefix=FP32
// RUN: not trtc-opt %s -p 'analyze-ranges{mode=fp7}' --split-input-file 2>&1 | filecheck %s --check-prefix=MODE

// Integers in floats, and what integer arithmetic with constants makes of them, also by a product; a sine of them is bounded.
// FP32-NOT: nn.wide
// MODE: error: analyze-ranges: expected mode to be one of fp32, tf32, fp16, bf16, got 'fp7'
// CHECK-LABEL: @integers
// CHECK: nn.cast %i {nn.wide = "integers, which f16 holds up to 2048 only"} : (tensor<?x1xi64, #nn.dims<N, 1>>)
// CHECK: nn.mul {{.*}}nn.wide = "integers
// CHECK: nn.matmul {{.*}}nn.wide = "integers
// CHECK: nn.sin %{{[0-9]+}} : tensor
// REMARK: analysis: analyze-ranges: nn.cast: stays wide: integers, which f16 holds up to 2048 only
// BF16: nn.cast %i {nn.wide = "integers, which bf16 holds up to 256 only"}
func.func @integers(%i: tensor<?x1xi64, #nn.dims<N, 1>>) -> tensor<?x2xf32, #nn.dims<N, 2>> {
  %h = nn.constant dense<0.5> : tensor<f32>
  %w = nn.constant dense<[[0.5, 0.25]]> : tensor<1x2xf32>
  %0 = nn.cast %i : (tensor<?x1xi64, #nn.dims<N, 1>>) -> tensor<?x1xf32, #nn.dims<N, 1>>
  %1 = nn.mul %0, %h : (tensor<?x1xf32, #nn.dims<N, 1>>, tensor<f32>) -> tensor<?x1xf32, #nn.dims<N, 1>>
  %2 = nn.matmul %1, %w : (tensor<?x1xf32, #nn.dims<N, 1>>, tensor<1x2xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
  %3 = nn.sin %2 : tensor<?x2xf32, #nn.dims<N, 2>>
  func.return %3 : tensor<?x2xf32, #nn.dims<N, 2>>
}

// -----

// What a cast to integers reads stays wide, back to the product that made it; bytes fit.
// CHECK-LABEL: @decides
// CHECK: nn.cast %b : (tensor<2x2xui8>)
// CHECK: nn.matmul %{{.*}}nn.wide = "floor, round or a cast to integers reads it"
// CHECK: nn.add %{{.*}}nn.wide = "floor, round or a cast to integers reads it"
func.func @decides(%b: tensor<2x2xui8>) -> tensor<2x2xi64> {
  %0 = nn.cast %b : (tensor<2x2xui8>) -> tensor<2x2xf32>
  %1 = nn.matmul %0, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.add %1, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.cast %2 : (tensor<2x2xf32>) -> tensor<2x2xi64>
  func.return %3 : tensor<2x2xi64>
}

// -----

// Sums, squares, exponentials and what epsilons are added to; not what is divided by them, nor a mean of what fits.
// CHECK-LABEL: @statistics
// CHECK: nn.matmul {{.*}}{math = #nn.math<f16>}
// CHECK: nn.reduce sum %{{[0-9]+}} {{.*}}nn.wide = "a sum"
// CHECK: nn.reduce mean %{{[0-9]+}} {axes = array<i64: 1>, keepdims = true}
// CHECK: nn.mul {{.*}}nn.wide = "a square"
// CHECK: nn.reduce mean %{{[0-9]+}} {{.*}}nn.wide = "a mean of values that stay wide"
// CHECK: nn.add {{.*}}nn.wide = "its operand 1e-08 underflows in f16"
// CHECK: nn.rsqrt {{.*}}nn.wide = "its operand 1e-08 underflows in f16"
// CHECK: nn.div %{{[0-9]+}}, %{{[0-9]+}} : (
// CHECK: nn.exp {{.*}}nn.wide = "an exponential"
func.func @statistics(%b: tensor<2x2xui8>) -> (tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x2xf32>) {
  %e = nn.constant dense<1.0e-8> : tensor<f32>
  %0 = nn.cast %b : (tensor<2x2xui8>) -> tensor<2x2xf32>
  %1 = nn.matmul %0, %0 {math = #nn.math<f16>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.reduce sum %1 {axes = array<i64: 1>, keepdims = true} : (tensor<2x2xf32>) -> tensor<2x1xf32>
  %3 = nn.reduce mean %1 {axes = array<i64: 1>, keepdims = true} : (tensor<2x2xf32>) -> tensor<2x1xf32>
  %4 = nn.mul %1, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = nn.reduce mean %4 {axes = array<i64: 1>, keepdims = true} : (tensor<2x2xf32>) -> tensor<2x1xf32>
  %6 = nn.add %5, %e : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %7 = nn.rsqrt %6 : tensor<2x1xf32>
  %8 = nn.div %1, %7 : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %9 = nn.exp %1 : tensor<2x2xf32>
  func.return %8, %2, %3, %9 : tensor<2x2xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2x2xf32>
}

// -----

// Masks: an input of any size, a number beyond the range, a large one of booleans; what they are added to, up to the softmax.
// CHECK-LABEL: @masks
// CHECK: nn.matmul %{{.*}} : (
// CHECK: nn.add %{{.*}}nn.wide = "a graph input, which may be of any size"
// CHECK: nn.where %{{.*}}nn.wide = "numbers beyond f16's range"
// CHECK: nn.mul %{{.*}}nn.wide = "next to its operand 10000 f16 loses digits"
// CHECK: nn.add %{{.*}}nn.wide = "next to its operand 10000 f16 loses digits"
// CHECK: nn.softmax %{{[0-9]+}} {axis = 1 : i64}
func.func @masks(%b: tensor<2x2xui8>, %m: tensor<2x2xf32>, %c: tensor<2x2xi1>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %low = nn.constant dense<-3.4e38> : tensor<f32>
  %ten = nn.constant dense<-1.0e4> : tensor<f32>
  %0 = nn.cast %b : (tensor<2x2xui8>) -> tensor<2x2xf32>
  %1 = nn.matmul %0, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.add %1, %m : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.where %c, %1, %low : (tensor<2x2xi1>, tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %4 = nn.cast %c : (tensor<2x2xi1>) -> tensor<2x2xf32>
  %5 = nn.mul %4, %ten : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %6 = nn.add %1, %5 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %7 = nn.softmax %6 {axis = 1 : i64} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %2, %3, %7 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Refused: an image, what a conv of few channels reads through views and casts, is assumed to fit, and so is an ordinary constant.
// CHECK-LABEL: @image
// CHECK-NOT: nn.wide
// CHECK: func.return
func.func @image(%x: tensor<1x3x4x4xf32>) -> tensor<1x4x4x8xf32> {
  %h = nn.constant dense<0.5> : tensor<f32>
  %w = nn.constant dense<0.5> : tensor<8x1x1x3xf32>
  %0 = nn.mul %x, %h : (tensor<1x3x4x4xf32>, tensor<f32>) -> tensor<1x3x4x4xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x4x4x3xf32>
  %2 = nn.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x3xf32>, tensor<8x1x1x3xf32>) -> tensor<1x4x4x8xf32>
  func.return %2 : tensor<1x4x4x8xf32>
}

// -----

// What a concat joins lies in one buffer: all of it stays wide with one of its parts.
// CHECK-LABEL: @joined
// CHECK: nn.abs %{{.*}}nn.wide = "it is joined with values that stay wide"
// CHECK: nn.exp %{{.*}}nn.wide = "an exponential"
// CHECK: nn.concat %{{.*}}nn.wide = "an exponential"
func.func @joined(%b: tensor<2x2xui8>) -> tensor<4x2xf32> {
  %0 = nn.cast %b : (tensor<2x2xui8>) -> tensor<2x2xf32>
  %1 = nn.abs %0 : tensor<2x2xf32>
  %2 = nn.exp %0 : tensor<2x2xf32>
  %3 = nn.concat %1, %2 {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  func.return %3 : tensor<4x2xf32>
}

// -----

// A bitcast reads every bit, and what it makes may be of any size.
// CHECK-LABEL: @bits
// CHECK: nn.softmax %{{.*}}nn.wide = "floor, round or a cast to integers reads it"
// CHECK: nn.bitcast %{{.*}}nn.wide = "the bits of integers"
func.func @bits(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = nn.bitcast %0 : (tensor<4x4xf32>) -> tensor<4x4xi32>
  %2 = nn.bitcast %1 : (tensor<4x4xi32>) -> tensor<4x4xf32>
  func.return %2 : tensor<4x4xf32>
}
