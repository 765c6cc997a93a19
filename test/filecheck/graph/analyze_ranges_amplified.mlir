// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: trtc-opt %s -p 'analyze-ranges{mode=bf16},assign-precision{mode=bf16}' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=BF16
// RUN: trtc-opt %s -p 'analyze-ranges{mode=tf32},assign-precision{mode=tf32}' --split-input-file | filecheck %s --check-prefix=TF32

// A log spectrum: the filter of a signal, its squares, their sum and what is added to it stay wide, and the filter multiplies in f32.
// CHECK-LABEL: @spectrum
// CHECK: nn.constant dense<{{.*}}> : tensor<8x16x1xf32>
// CHECK: nn.constant {nn.wide = "a logarithm amplifies its rounding"} dense<{{.*}}> : tensor<8xf32>
// CHECK: nn.pad %x {nn.wide = "a logarithm amplifies its rounding"
// CHECK: nn.conv %{{.*}}nn.wide = "a logarithm amplifies its rounding"
// CHECK: nn.add %{{.*}}nn.wide = "a logarithm amplifies its rounding"
// CHECK: nn.mul %{{.*}}nn.wide = "a square"
// CHECK: nn.reduce sum {{.*}}nn.wide = "a square"
// CHECK: nn.log
// CHECK: nn.matmul %{{[0-9]+}}, %{{[a-z]+}} : (
// REMARK: analysis: analyze-ranges: nn.conv: stays wide: a logarithm amplifies its rounding
// BF16: missed: assign-precision: nn.conv: nn.conv multiplies in f32: a logarithm amplifies its rounding
// TF32: nn.conv %{{[0-9]+}}, %w {strides = array<i64: 16>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 1 : i64} :
// TF32: nn.matmul {{.*}}math = #nn.math<tf32>
func.func @spectrum(%x: tensor<1x64x1xf32>) -> tensor<1x4x4xf32> {
  %w = nn.constant dense<0.25> : tensor<8x16x1xf32>
  %b = nn.constant dense<0.5> : tensor<8xf32>
  %v = nn.constant dense<0.5> : tensor<1x4xf32>
  %0 = nn.pad %x {low = array<i64: 0, 8, 0>, high = array<i64: 0, 8, 0>, value = 0.0 : f64} : (tensor<1x64x1xf32>) -> tensor<1x80x1xf32>
  %1 = nn.conv %0, %w {strides = array<i64: 16>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 1 : i64} : (tensor<1x80x1xf32>, tensor<8x16x1xf32>) -> tensor<1x5x8xf32>
  %2 = nn.add %1, %b : (tensor<1x5x8xf32>, tensor<8xf32>) -> tensor<1x5x8xf32>
  %3 = nn.slice %2 {starts = #nn.dims<0, 1, 0>, steps = array<i64: 1, 1, 1>} : (tensor<1x5x8xf32>) -> tensor<1x4x8xf32>
  %4 = nn.mul %3, %3 : (tensor<1x4x8xf32>, tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  %5 = nn.reduce sum %4 {axes = array<i64: 2>, keepdims = true} : (tensor<1x4x8xf32>) -> tensor<1x4x1xf32>
  %6 = nn.log %5 : tensor<1x4x1xf32>
  %7 = nn.matmul %6, %v : (tensor<1x4x1xf32>, tensor<1x4xf32>) -> tensor<1x4x4xf32>
  func.return %7 : tensor<1x4x4xf32>
}

// -----

// Refused: what activation functions read, x sigmoid(x) among them, and products of two values that vary.
// CHECK-LABEL: @features
// CHECK: nn.matmul %{{[a-z0-9]+}}, %w : (
// CHECK: nn.relu %{{[0-9]+}} {nn.wide = "a logarithm amplifies its rounding"}
// CHECK: nn.sigmoid %{{[0-9]+}} : tensor
// CHECK: nn.mul %{{.*}}nn.wide = "a logarithm amplifies its rounding"
// CHECK: nn.matmul %{{.*}}nn.wide = "a logarithm amplifies its rounding"
func.func @features(%b: tensor<4x4xui8>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %w = nn.constant dense<0.25> : tensor<4x4xf32>
  %x = nn.cast %b : (tensor<4x4xui8>) -> tensor<4x4xf32>
  %0 = nn.matmul %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = nn.relu %0 : tensor<4x4xf32>
  %2 = nn.log %1 : tensor<4x4xf32>
  %3 = nn.sigmoid %0 : tensor<4x4xf32>
  %4 = nn.mul %0, %3 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %5 = nn.log %4 : tensor<4x4xf32>
  %6 = nn.matmul %0, %0 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %7 = nn.log %6 : tensor<4x4xf32>
  func.return %2, %5, %7 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// A state comes from an input and becomes an output of its shape: it stays wide, and so does what its gates add up, biases and activations
// included, back to what is bounded or a mean. Another name of a dim may be the same number.
// CHECK-LABEL: @carried
// CHECK: nn.matmul %{{[a-z0-9]+}}, %w : (
// CHECK: nn.tanh %{{[0-9]+}} {nn.wide = "a state that is carried between runs adds up its rounding"}
// CHECK: nn.matmul {{.*}}nn.wide = "a state that is carried between runs adds up its rounding"
// CHECK: nn.relu {{.*}}nn.wide = "a state that is carried between runs adds up its rounding"
// CHECK: nn.constant {nn.wide = "a state that is carried between runs adds up its rounding"} dense<{{.*}}> : tensor<8xf32>
// CHECK: nn.add {{.*}}nn.wide = "a state that is carried between runs adds up its rounding"
// CHECK: nn.rnn {{.*}}nn.wide = "a state that is carried between runs"
// BF16: analysis: analyze-ranges: nn.rnn: stays wide: a state that is carried between runs
func.func @carried(%b: tensor<1x?x1x8xui8, #nn.dims<1, N, 1, 8>>, %h: tensor<1x?x8xf32, #nn.dims<1, M, 8>>) -> tensor<1x?x8xf32, #nn.dims<1, N, 8>> {
  %w = nn.constant dense<0.25> : tensor<8x8xf32>
  %x = nn.cast %b : (tensor<1x?x1x8xui8, #nn.dims<1, N, 1, 8>>) -> tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>
  %0 = nn.matmul %x, %w : (tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>, tensor<8x8xf32>) -> tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>
  %1 = nn.tanh %0 : tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>
  %2 = nn.matmul %1, %w : (tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>, tensor<8x8xf32>) -> tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>
  %3 = nn.relu %2 : tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>
  %c = nn.constant dense<0.5> : tensor<8xf32>
  %m = nn.reduce mean %0 {axes = array<i64: 3>, keepdims = true} : (tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>) -> tensor<1x?x1x1xf32, #nn.dims<1, N, 1, 1>>
  %s = nn.sub %3, %m : (tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>, tensor<1x?x1x1xf32, #nn.dims<1, N, 1, 1>>) -> tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>
  %4 = nn.add %s, %c : (tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>, tensor<8xf32>) -> tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>
  %r = nn.constant dense<0.5> : tensor<1x8x8xf32>
  %5 = nn.rnn rnn forward %4, %r hidden %h {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>, tensor<1x8x8xf32> hidden tensor<1x?x8xf32, #nn.dims<1, M, 8>> -> tensor<2x?x1x8xf32, #nn.dims<2, N, 1, 8>>
  %6 = nn.slice %5 {starts = #nn.dims<1, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<2x?x1x8xf32, #nn.dims<2, N, 1, 8>>) -> tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>
  %7 = nn.reshape %6 : (tensor<1x?x1x8xf32, #nn.dims<1, N, 1, 8>>) -> tensor<1x?x8xf32, #nn.dims<1, N, 8>>
  func.return %7 : tensor<1x?x8xf32, #nn.dims<1, N, 8>>
}

// -----

// Refused: an initial state that no output continues, and one that is no input.
// CHECK-LABEL: @counted
// CHECK-NOT: nn.wide
// CHECK: func.return
func.func @counted(%b: tensor<5x2x1x8xui8>, %h: tensor<1x2x8xf32>) -> (tensor<5x2x4xf32>, tensor<1x2x8xf32>) {
  %c = nn.constant dense<0.5> : tensor<8xf32>
  %v = nn.constant dense<0.5> : tensor<8x4xf32>
  %r = nn.constant dense<0.5> : tensor<1x8x8xf32>
  %x = nn.cast %b : (tensor<5x2x1x8xui8>) -> tensor<5x2x1x8xf32>
  %0 = nn.add %x, %c : (tensor<5x2x1x8xf32>, tensor<8xf32>) -> tensor<5x2x1x8xf32>
  %1 = nn.rnn rnn forward %0, %r hidden %h {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<5x2x1x8xf32>, tensor<1x8x8xf32> hidden tensor<1x2x8xf32> -> tensor<6x2x1x8xf32>
  %2 = nn.slice %1 {starts = #nn.dims<0, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<6x2x1x8xf32>) -> tensor<5x2x1x8xf32>
  %3 = nn.reshape %2 : (tensor<5x2x1x8xf32>) -> tensor<5x2x8xf32>
  %4 = nn.matmul %3, %v : (tensor<5x2x8xf32>, tensor<8x4xf32>) -> tensor<5x2x4xf32>
  %5 = nn.rnn rnn forward %0, %r {activations = ["tanh"], alphas = array<f64: 0.0>, betas = array<f64: 0.0>} : tensor<5x2x1x8xf32>, tensor<1x8x8xf32> -> tensor<6x2x1x8xf32>
  %6 = nn.slice %5 {starts = #nn.dims<5, 0, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<6x2x1x8xf32>) -> tensor<1x2x1x8xf32>
  %7 = nn.reshape %6 : (tensor<1x2x1x8xf32>) -> tensor<1x2x8xf32>
  func.return %4, %7 : tensor<5x2x4xf32>, tensor<1x2x8xf32>
}
