// RUN: trtc-opt %s -p 'merge-siblings,dce' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'merge-siblings' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Groups, weights of run time, another window than that of any other, channels that leave the next part off 16 bytes. Quantized weights differ from others.
// CHECK-LABEL: @convs
// CHECK-NOT: nn.slice
// CHECK: func.return
// REMARK: missed: merge-siblings: nn.conv [grouped]: not merged with others that read the same value: it has 2 groups
// REMARK: missed: merge-siblings: nn.conv [computed]: not merged with others that read the same value: its weights are computed at run time
// REMARK: missed: merge-siblings: nn.conv [odd]: not merged with others that read the same value: its 12 channels are no multiple of 16 bytes, at which parts beside it must start
// REMARK: missed: merge-siblings: nn.conv [quantized]: not merged with others that read the same value: their pads differ
// REMARK: missed: merge-siblings: nn.conv [window]: not merged with others that read the same value: their pads differ
// REMARK: missed: merge-siblings: nn.conv [alone]: not merged with others that read the same value: their types, in memory or in registers, differ
func.func @convs(%x: tensor<1x8x8x32xf16>, %k: tensor<8x1x1x32xf16>) -> (tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x12xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>) {
  %g = nn.constant dense<1.0> : tensor<8x1x1x16xf16>
  %o = nn.constant dense<1.0> : tensor<12x1x1x32xf16>
  %w = nn.constant dense<1.0> : tensor<8x1x1x32xf16>
  %v = nn.constant dense<1.0> : tensor<8x3x3x32xf16>
  %i = nn.constant dense<1> : tensor<8x1x1x32xi8>
  %s = nn.constant dense<0.5> : tensor<f16>
  %q = quant.dequantize %i, %s : (tensor<8x1x1x32xi8>, tensor<f16>) -> tensor<8x1x1x32xf16>
  %0 = nn.conv %x, %g {nn.names = ["grouped"], strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x16xf16>) -> tensor<1x8x8x8xf16>
  %1 = nn.conv %x, %k {nn.names = ["computed"], strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %2 = nn.conv %x, %o {nn.names = ["odd"], strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<12x1x1x32xf16>) -> tensor<1x8x8x12xf16>
  %3 = nn.conv %x, %q {nn.names = ["quantized"], strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %4 = nn.conv %x, %v {nn.names = ["window"], strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x3x3x32xf16>) -> tensor<1x8x8x8xf16>
  %5 = nn.conv %x, %w {nn.names = ["alone"], strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  func.return %0, %1, %2, %3, %4, %5 : tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x12xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>
}

// -----

// Graph outputs are whole and row-major: each would be copied from its part.
// CHECK-LABEL: @outputs
// CHECK-NOT: nn.slice
// CHECK: func.return
// REMARK: missed: merge-siblings: nn.matmul [y]: not merged with others that read the same value: without a copy of its part: it is a graph output, which is whole
// REMARK: missed: merge-siblings: nn.matmul [z]: not merged with others that read the same value: without a copy of its part: it is a graph output, which is whole
// REMARK: missed: merge-siblings: nn.matmul [y]: not merged with others that read the same value: a copy of a part would be a launch of its own, as many as they take apart
func.func @outputs(%x: tensor<4x32xf16>) -> (tensor<4x8xf16>, tensor<8x4xf16>) {
  %w = nn.constant dense<1.0> : tensor<8x32xf16>
  %v = nn.constant dense<2.0> : tensor<8x32xf16>
  %0 = nn.matmul %x, %w {nn.names = ["y"], transpose_b} : (tensor<4x32xf16>, tensor<8x32xf16>) -> tensor<4x8xf16>
  %1 = nn.matmul %x, %v {nn.names = ["z"], transpose_b} : (tensor<4x32xf16>, tensor<8x32xf16>) -> tensor<4x8xf16>
  %2 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<4x8xf16>) -> tensor<8x4xf16>
  func.return %0, %2 : tensor<4x8xf16>, tensor<8x4xf16>
}

// -----

// Batches of matrices, products that multiply in another type, values that are stored in another.
// CHECK-LABEL: @products
// CHECK-NOT: nn.slice
// CHECK: func.return
// REMARK: missed: merge-siblings: nn.matmul [batch]: not merged with others that read the same value: its weights are 1 dims of matrices
// REMARK: missed: merge-siblings: nn.matmul [rounded]: not merged with others that read the same value: their math differ
// REMARK: missed: merge-siblings: nn.matmul [exact]: not merged with others that read the same value: their math differ
// REMARK: missed: merge-siblings: nn.matmul [stored]: not merged with others that read the same value: their types, in memory or in registers, differ
func.func @products(%x: tensor<2x4x32xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>) {
  %b = nn.constant dense<1.0> : tensor<2x8x32xf32>
  %w = nn.constant dense<1.0> : tensor<8x32xf32>
  %0 = nn.matmul %x, %b {nn.names = ["batch"], transpose_b} : (tensor<2x4x32xf32>, tensor<2x8x32xf32>) -> tensor<2x4x8xf32>
  %1 = nn.matmul %x, %w {nn.names = ["rounded"], transpose_b, math = #nn.math<tf32>} : (tensor<2x4x32xf32>, tensor<8x32xf32>) -> tensor<2x4x8xf32>
  %2 = nn.matmul %x, %w {nn.names = ["exact"], transpose_b} : (tensor<2x4x32xf32>, tensor<8x32xf32>) -> tensor<2x4x8xf32>
  %3 = nn.matmul %x, %w {nn.names = ["stored"], nn.stored = f16, transpose_b, math = #nn.math<tf32>} : (tensor<2x4x32xf32>, tensor<8x32xf32>) -> tensor<2x4x8xf32>
  func.return %0, %1, %2, %3 : tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>
}

// -----

// A part in the middle of a concat would have the other channels between those of the concat: it is left out, or copied.
// CHECK-LABEL: @in_the_middle
// CHECK: nn.concat %{{.*}}, %c, %{{.*}} {axis = 3
// REMARK: missed: merge-siblings: nn.conv [middle]: not merged with others that read the same value: without a copy of its part: a concat reads it
func.func @in_the_middle(%x: tensor<1x8x8x32xf16>) -> tensor<1x8x8x16xf16> {
  %w = nn.constant dense<1.0> : tensor<8x1x1x32xf16>
  %v = nn.constant dense<2.0> : tensor<8x1x1x32xf16>
  %k = nn.constant dense<3.0> : tensor<8x1x1x32xf16>
  %u = nn.constant dense<1.0> : tensor<8x1x1x24xf16>
  %p = nn.constant dense<1.0> : tensor<8x3x3x8xf16>
  %c = nn.conv %x, %w {nn.names = ["middle"], strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %d = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %e = nn.conv %x, %k {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %f = nn.conv %d, %p {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x8xf16>, tensor<8x3x3x8xf16>) -> tensor<1x8x8x8xf16>
  %g = nn.conv %e, %p {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x8xf16>, tensor<8x3x3x8xf16>) -> tensor<1x8x8x8xf16>
  %h = nn.concat %f, %c, %g {axis = 3 : i64} : (tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>) -> tensor<1x8x8x24xf16>
  %i = nn.conv %h, %u {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x24xf16>, tensor<8x1x1x24xf16>) -> tensor<1x8x8x8xf16>
  %j = nn.tanh %i : tensor<1x8x8x8xf16>
  %y = nn.concat %i, %j {axis = 3 : i64} : (tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>) -> tensor<1x8x8x16xf16>
  func.return %y : tensor<1x8x8x16xf16>
}

// -----

// A concat that a graph output is would not be whole with other channels beside its own.
// CHECK-LABEL: @returned_concat
// CHECK: nn.concat %c, %
// REMARK: missed: merge-siblings: nn.concat: not grown by the parts of siblings that it does not read: it is a graph output, which is whole
// REMARK: missed: merge-siblings: nn.conv: not merged with others that read the same value: without a copy of its part: a concat reads it
func.func @returned_concat(%x: tensor<1x8x8x32xf16>) -> tensor<1x8x8x16xf16> {
  %w = nn.constant dense<1.0> : tensor<8x1x1x32xf16>
  %v = nn.constant dense<2.0> : tensor<8x1x1x32xf16>
  %p = nn.constant dense<1.0> : tensor<8x3x3x8xf16>
  %c = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %d = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %f = nn.conv %d, %p {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x8xf16>, tensor<8x3x3x8xf16>) -> tensor<1x8x8x8xf16>
  %h = nn.concat %c, %f {axis = 3 : i64} : (tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>) -> tensor<1x8x8x16xf16>
  func.return %h : tensor<1x8x8x16xf16>
}
