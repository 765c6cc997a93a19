// RUN: trtc-opt %s -p 'merge-siblings{always=true},dce' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Three convs and what follows them alike. The first goes into a concat: the others lie before the concat's own channels.
// CHECK-LABEL: @inception
// CHECK: %[[W:.*]] = nn.concat %w2, %w3, %w1 {axis = 0
// CHECK: %[[B:.*]] = nn.concat %b2, %b3, %b1 {axis = 0
// CHECK: %[[C:.*]] = nn.conv %x, %[[W]]
// CHECK: %[[A:.*]] = nn.add %[[C]], %[[B]]
// CHECK: %[[M:.*]] = nn.relu %[[A]] : tensor<1x8x8x40xf16>
// CHECK: %[[P:.*]] = nn.slice %[[M]] {nn.names = ["two"], starts = #nn.dims<0, 0, 0, 0>{{.*}} -> tensor<1x8x8x8xf16>
// CHECK: %[[Q:.*]] = nn.slice %[[M]] {nn.names = ["three"], starts = #nn.dims<0, 0, 0, 8>{{.*}} -> tensor<1x8x8x16xf16>
// CHECK: %[[D:.*]] = nn.conv %[[P]]
// CHECK: %[[E:.*]] = nn.conv %[[Q]]
// CHECK: %[[G:.*]] = nn.concat %[[M]], %[[D]], %[[E]] {axis = 3 : i64} : {{.*}} -> tensor<1x8x8x56xf16>
// CHECK: nn.slice %[[G]] {nn.names = ["joined"], starts = #nn.dims<0, 0, 0, 24>{{.*}} -> tensor<1x8x8x32xf16>
func.func @inception(%x: tensor<1x8x8x32xf16>) -> tensor<1x8x8x8xf16> {
  %w1 = nn.constant dense<1.0> : tensor<16x1x1x32xf16>
  %b1 = nn.constant dense<1.0> : tensor<16xf16>
  %w2 = nn.constant dense<1.0> : tensor<8x1x1x32xf16>
  %b2 = nn.constant dense<1.0> : tensor<8xf16>
  %w3 = nn.constant dense<1.0> : tensor<16x1x1x32xf16>
  %b3 = nn.constant dense<1.0> : tensor<16xf16>
  %v2 = nn.constant dense<1.0> : tensor<8x3x3x8xf16>
  %v3 = nn.constant dense<1.0> : tensor<8x3x3x16xf16>
  %u = nn.constant dense<1.0> : tensor<8x1x1x32xf16>
  %c1 = nn.conv %x, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<16x1x1x32xf16>) -> tensor<1x8x8x16xf16>
  %a1 = nn.add %c1, %b1 : (tensor<1x8x8x16xf16>, tensor<16xf16>) -> tensor<1x8x8x16xf16>
  %r1 = nn.relu %a1 {nn.names = ["one"]} : tensor<1x8x8x16xf16>
  %c2 = nn.conv %x, %w2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %a2 = nn.add %c2, %b2 : (tensor<1x8x8x8xf16>, tensor<8xf16>) -> tensor<1x8x8x8xf16>
  %r2 = nn.relu %a2 {nn.names = ["two"]} : tensor<1x8x8x8xf16>
  %c3 = nn.conv %x, %w3 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<16x1x1x32xf16>) -> tensor<1x8x8x16xf16>
  %a3 = nn.add %c3, %b3 : (tensor<1x8x8x16xf16>, tensor<16xf16>) -> tensor<1x8x8x16xf16>
  %r3 = nn.relu %a3 {nn.names = ["three"]} : tensor<1x8x8x16xf16>
  %d = nn.conv %r2, %v2 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x8xf16>, tensor<8x3x3x8xf16>) -> tensor<1x8x8x8xf16>
  %e = nn.conv %r3, %v3 {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x16xf16>, tensor<8x3x3x16xf16>) -> tensor<1x8x8x8xf16>
  %g = nn.concat %r1, %d, %e {nn.names = ["joined"], axis = 3 : i64} : (tensor<1x8x8x16xf16>, tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>) -> tensor<1x8x8x32xf16>
  %y = nn.conv %g, %u {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  func.return %y : tensor<1x8x8x8xf16>
}

// -----

// Products of a dynamic number of rows. Where the bias is, on which side of the sum, and whether there is one does not matter; the scale of
// the first is a column of ones for the others. Weights that come after the first product move before it.
// CHECK-LABEL: @attention
// CHECK: %[[W:.*]] = nn.concat %wq, %wk, %wv {axis = 0
// CHECK: %[[Z:.*]] = nn.constant dense<0.000000e+00> : tensor<16xf16>
// CHECK: %[[B:.*]] = nn.concat %bq, %[[Z]], %bv {axis = 0
// CHECK: %[[L:.*]] = nn.reshape %s : (tensor<f16>) -> tensor<1xf16>
// CHECK: %[[S:.*]] = nn.broadcast_to %[[L]]
// CHECK: %[[O:.*]] = nn.constant dense<1.000000e+00> : tensor<16xf16>
// CHECK: %[[R:.*]] = nn.constant dense<1.000000e+00> : tensor<16xf16>
// CHECK: %[[T:.*]] = nn.concat %[[S]], %[[O]], %[[R]] {axis = 0
// CHECK: %[[C:.*]] = nn.matmul %x, %[[W]] {transpose_b}
// CHECK: %[[A:.*]] = nn.add %[[C]], %[[B]]
// CHECK: %[[M:.*]] = nn.mul %[[A]], %[[T]]
// CHECK: nn.slice %[[M]] {starts = #nn.dims<0, 0>
// CHECK: nn.slice %[[M]] {starts = #nn.dims<0, 16>
// CHECK: nn.slice %[[M]] {starts = #nn.dims<0, 32>
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @attention(%x: tensor<?x32xf16, #nn.dims<N, 32>>) -> tensor<?x16xf16, #nn.dims<N, 16>> {
    %wq = nn.constant dense<1.0> : tensor<16x32xf16>
    %bq = nn.constant dense<1.0> : tensor<16xf16>
    %s = nn.constant dense<0.5> : tensor<f16>
    %q0 = nn.matmul %x, %wq {transpose_b} : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<16x32xf16>) -> tensor<?x16xf16, #nn.dims<N, 16>>
    %q1 = nn.add %q0, %bq : (tensor<?x16xf16, #nn.dims<N, 16>>, tensor<16xf16>) -> tensor<?x16xf16, #nn.dims<N, 16>>
    %q = nn.mul %q1, %s : (tensor<?x16xf16, #nn.dims<N, 16>>, tensor<f16>) -> tensor<?x16xf16, #nn.dims<N, 16>>
    %q2 = nn.transpose %q {permutation = array<i64: 1, 0>} : (tensor<?x16xf16, #nn.dims<N, 16>>) -> tensor<16x?xf16, #nn.dims<16, N>>
    %wk = nn.constant dense<2.0> : tensor<16x32xf16>
    %k = nn.matmul %x, %wk {transpose_b} : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<16x32xf16>) -> tensor<?x16xf16, #nn.dims<N, 16>>
    %wv = nn.constant dense<3.0> : tensor<16x32xf16>
    %bv = nn.constant dense<3.0> : tensor<16xf16>
    %v0 = nn.matmul %x, %wv {transpose_b} : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<16x32xf16>) -> tensor<?x16xf16, #nn.dims<N, 16>>
    %v = nn.add %bv, %v0 : (tensor<16xf16>, tensor<?x16xf16, #nn.dims<N, 16>>) -> tensor<?x16xf16, #nn.dims<N, 16>>
    %p = nn.matmul %k, %q2 : (tensor<?x16xf16, #nn.dims<N, 16>>, tensor<16x?xf16, #nn.dims<16, N>>) -> tensor<?x?xf16, #nn.dims<N, N>>
    %y = nn.matmul %p, %v : (tensor<?x?xf16, #nn.dims<N, N>>, tensor<?x16xf16, #nn.dims<N, 16>>) -> tensor<?x16xf16, #nn.dims<N, 16>>
    func.return %y : tensor<?x16xf16, #nn.dims<N, 16>>
  }
}

// -----

// What computes with a result twice is one step; the steps after it differ, and read parts. Initializers are stacked as constants are.
// CHECK-LABEL: @gates
// CHECK: %[[W:.*]] = nn.concat %v, %w {axis = 0
// CHECK: %[[C:.*]] = nn.conv %x, %[[W]]
// CHECK: %[[S:.*]] = nn.sigmoid %[[C]]
// CHECK: %[[M:.*]] = nn.mul %[[C]], %[[S]]
// CHECK: %[[P:.*]] = nn.slice %[[M]]
// CHECK: %[[Q:.*]] = nn.slice %[[M]]
// CHECK: nn.abs %[[P]]
// CHECK: nn.tanh %[[Q]]
func.func @gates(%x: tensor<1x8x8x32xf16>) -> (tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>) {
  %v = nn.initializer "v" : tensor<8x1x1x32xf16> = dense<1.0> : tensor<8x1x1x32xf16>
  %w = nn.initializer "w" : tensor<8x1x1x32xf16> = dense<2.0> : tensor<8x1x1x32xf16>
  %c1 = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %s1 = nn.sigmoid %c1 : tensor<1x8x8x8xf16>
  %m1 = nn.mul %c1, %s1 : (tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>) -> tensor<1x8x8x8xf16>
  %r1 = nn.abs %m1 : tensor<1x8x8x8xf16>
  %c2 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x32xf16>) -> tensor<1x8x8x8xf16>
  %s2 = nn.sigmoid %c2 : tensor<1x8x8x8xf16>
  %m2 = nn.mul %c2, %s2 : (tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>) -> tensor<1x8x8x8xf16>
  %r2 = nn.tanh %m2 : tensor<1x8x8x8xf16>
  func.return %r1, %r2 : tensor<1x8x8x8xf16>, tensor<1x8x8x8xf16>
}

// -----

// Invalid: weights of fewer channels than the image has.
// CHECK: nn.conv: expected w with C / groups input channels
func.func @invalid(%x: tensor<1x8x8x32xf16>, %w: tensor<8x1x1x16xf16>) -> tensor<1x8x8x8xf16> {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x32xf16>, tensor<8x1x1x16xf16>) -> tensor<1x8x8x8xf16>
  func.return %0 : tensor<1x8x8x8xf16>
}
