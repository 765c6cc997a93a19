// RUN: trtc-opt %s -p sink-reshapes --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p sink-reshapes --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A product and its bias between two reshapes compute on the dims outside of them, and the residual is added beside them.
// CHECK-LABEL: @product
// CHECK-NOT: nn.reshape
// CHECK: nn.relu %x
// CHECK-NEXT: nn.matmul %{{.*}}, %w : (tensor<2x12x8xf32>, tensor<8x16xf32>) -> tensor<2x12x16xf32>
// CHECK-NEXT: nn.add %{{.*}}, %b {nn.names = ["y"]} : (tensor<2x12x16xf32>, tensor<16xf32>) -> tensor<2x12x16xf32>
// CHECK-NEXT: nn.add %{{.*}}, %r : (tensor<2x12x16xf32>, tensor<2x12x16xf32>) -> tensor<2x12x16xf32>
// REMARK-DAG: applied: sink-reshapes: nn.reshape: 2 ops on [2, 12] in place of [24]: that takes away 2 reshapes between groups and needs 0
func.func @product(%x: tensor<2x12x8xf32>, %r: tensor<2x12x16xf32>, %w: tensor<8x16xf32>, %b: tensor<16xf32>) -> tensor<2x12x16xf32> {
  %0 = nn.relu %x : tensor<2x12x8xf32>
  %1 = nn.reshape %0 : (tensor<2x12x8xf32>) -> tensor<24x8xf32>
  %2 = nn.matmul %1, %w : (tensor<24x8xf32>, tensor<8x16xf32>) -> tensor<24x16xf32>
  %3 = nn.add %2, %b : (tensor<24x16xf32>, tensor<16xf32>) -> tensor<24x16xf32>
  %4 = nn.reshape %3 {nn.names = ["y"]} : (tensor<24x16xf32>) -> tensor<2x12x16xf32>
  %5 = nn.add %4, %r : (tensor<2x12x16xf32>, tensor<2x12x16xf32>) -> tensor<2x12x16xf32>
  func.return %5 : tensor<2x12x16xf32>
}

// -----

// Dynamic: axes are counted anew, and a later reshape starts from the dims that are there now.
// CHECK-LABEL: @rows
// CHECK: nn.softmax %{{.*}} {axis = 2 : i64} : (tensor<?x?x8xf32, #nn.dims<B, S, 8>>) -> tensor<?x?x8xf32, #nn.dims<B, S, 8>>
// CHECK-NEXT: nn.reduce sum %{{.*}} {axes = array<i64: 2>, keepdims = false} : (tensor<?x?x8xf32, #nn.dims<B, S, 8>>) -> tensor<?x?xf32, #nn.dims<B, S>>
// CHECK-NEXT: nn.exp %{{.*}} : tensor<?x?xf32, #nn.dims<B, S>>
// CHECK-NEXT: func.return
builtin.module attributes {nn.symbols = {B = array<i64: 1, 2, 4>, S = array<i64: 1, 8, 16>}} {
  func.func @rows(%x: tensor<?x?x8xf32, #nn.dims<B, S, 8>>) -> tensor<?x?xf32, #nn.dims<B, S>> {
    %0 = nn.relu %x : tensor<?x?x8xf32, #nn.dims<B, S, 8>>
    %1 = nn.reshape %0 : (tensor<?x?x8xf32, #nn.dims<B, S, 8>>) -> tensor<?x8xf32, #nn.dims<B*S, 8>>
    %2 = nn.softmax %1 {axis = 1 : i64} : (tensor<?x8xf32, #nn.dims<B*S, 8>>) -> tensor<?x8xf32, #nn.dims<B*S, 8>>
    %3 = nn.reduce sum %2 {axes = array<i64: 1>, keepdims = false} : (tensor<?x8xf32, #nn.dims<B*S, 8>>) -> tensor<?xf32, #nn.dims<B*S>>
    %4 = nn.reshape %3 : (tensor<?xf32, #nn.dims<B*S>>) -> tensor<?x?xf32, #nn.dims<B, S>>
    %5 = nn.exp %4 : tensor<?x?xf32, #nn.dims<B, S>>
    func.return %5 : tensor<?x?xf32, #nn.dims<B, S>>
  }
}

// -----

// Products of heads, written by a batch and a head in one dim: what both operands are reshaped from has two.
// CHECK-LABEL: @heads
// CHECK: nn.matmul %{{.*}}, %{{.*}} {transpose_b} : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x6xf32>
// CHECK-NEXT: nn.softmax %{{.*}} {axis = 3 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
// CHECK-NEXT: func.return
func.func @heads(%q: tensor<2x4x6x8xf32>, %k: tensor<2x4x6x8xf32>) -> tensor<2x4x6x6xf32> {
  %0 = nn.relu %q : tensor<2x4x6x8xf32>
  %1 = nn.relu %k : tensor<2x4x6x8xf32>
  %2 = nn.reshape %0 : (tensor<2x4x6x8xf32>) -> tensor<8x6x8xf32>
  %3 = nn.reshape %1 : (tensor<2x4x6x8xf32>) -> tensor<8x6x8xf32>
  %4 = nn.matmul %2, %3 {transpose_b} : (tensor<8x6x8xf32>, tensor<8x6x8xf32>) -> tensor<8x6x6xf32>
  %5 = nn.reshape %4 : (tensor<8x6x6xf32>) -> tensor<2x4x6x6xf32>
  %6 = nn.softmax %5 {axis = 3 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  func.return %6 : tensor<2x4x6x6xf32>
}

// -----

// Refused: what adds more dims to the product does not follow, and would part from it in place of the sum.
// CHECK-LABEL: @refused
// CHECK: nn.matmul %{{.*}} : (tensor<24x8xf32>, tensor<8x16xf32>) -> tensor<24x16xf32>
// CHECK: nn.add %{{.*}}, %m : (tensor<2x12x16xf32>, tensor<2x1x16xf32>)
// REMARK-DAG: missed: sink-reshapes: nn.reshape: 1 ops on [2, 12] in place of [24]: not done, since that takes away 1 reshapes between groups and needs 1
func.func @refused(%x: tensor<24x8xf32>, %w: tensor<8x16xf32>, %m: tensor<2x1x16xf32>, %n: tensor<3x1x1xf32>) -> (tensor<2x12x16xf32>, tensor<3x24x16xf32>) {
  %0 = nn.matmul %x, %w : (tensor<24x8xf32>, tensor<8x16xf32>) -> tensor<24x16xf32>
  %1 = nn.reshape %0 : (tensor<24x16xf32>) -> tensor<2x12x16xf32>
  %2 = nn.add %1, %m : (tensor<2x12x16xf32>, tensor<2x1x16xf32>) -> tensor<2x12x16xf32>
  %3 = nn.add %0, %n : (tensor<24x16xf32>, tensor<3x1x1xf32>) -> tensor<3x24x16xf32>
  func.return %2, %3 : tensor<2x12x16xf32>, tensor<3x24x16xf32>
}

// -----

// Windows of an image: the norm before them computes on rows and columns of windows, so that it can write them one after the other.
// CHECK-LABEL: @windows
// CHECK: nn.layer_norm {{.*}} {axis = 5 : i64, epsilon = 1.000000e-05 : f64} : (tensor<1x2x4x2x4x8xf32>
// CHECK-NEXT: nn.transpose %{{.*}} {permutation = array<i64: 0, 1, 3, 2, 4, 5>}
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: func.return
func.func @windows(%x: tensor<1x8x8x8xf32>, %s: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<4x16x8xf32> {
  %0 = nn.layer_norm %x, %s, %b {axis = 3 : i64, epsilon = 1.0e-05 : f64} : (tensor<1x8x8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<1x8x8x8xf32>
  %1 = nn.reshape %0 : (tensor<1x8x8x8xf32>) -> tensor<1x2x4x2x4x8xf32>
  %2 = nn.transpose %1 {permutation = array<i64: 0, 1, 3, 2, 4, 5>} : (tensor<1x2x4x2x4x8xf32>) -> tensor<1x2x2x4x4x8xf32>
  %3 = nn.reshape %2 : (tensor<1x2x2x4x4x8xf32>) -> tensor<4x16x8xf32>
  func.return %3 : tensor<4x16x8xf32>
}

// -----

// Refused: a product of vectors. The reshapes that add its rows stay.
// CHECK-LABEL: @vector
// CHECK: nn.matmul %{{.*}}, %{{.*}} : (tensor<1x5xf32>, tensor<5x8xf32>) -> tensor<1x8xf32>
// REMARK: missed: sink-reshapes: nn.reshape: 2 ops without leading dims: not done, a product needs rows
func.func @vector(%x: tensor<5xf32>, %w: tensor<5x8xf32>) -> tensor<8xf32> {
  %0 = nn.relu %x : tensor<5xf32>
  %1 = nn.reshape %0 : (tensor<5xf32>) -> tensor<1x5xf32>
  %2 = nn.matmul %1, %w : (tensor<1x5xf32>, tensor<5x8xf32>) -> tensor<1x8xf32>
  %3 = nn.relu %2 : tensor<1x8xf32>
  %4 = nn.reshape %3 : (tensor<1x8xf32>) -> tensor<8xf32>
  %5 = nn.abs %4 : tensor<8xf32>
  func.return %5 : tensor<8xf32>
}

// -----

// Refused: a softmax over the dim that the reshape merges. The op before it computes on the merged dim instead.
// CHECK-LABEL: @over_leading_dims
// CHECK: nn.softmax %{{.*}} {axis = 0 : i64} : (tensor<24x16xf32>) -> tensor<24x16xf32>
func.func @over_leading_dims(%x: tensor<2x12x16xf32>) -> tensor<24x16xf32> {
  %0 = nn.relu %x : tensor<2x12x16xf32>
  %1 = nn.reshape %0 : (tensor<2x12x16xf32>) -> tensor<24x16xf32>
  %2 = nn.softmax %1 {axis = 0 : i64} : (tensor<24x16xf32>) -> tensor<24x16xf32>
  func.return %2 : tensor<24x16xf32>
}

// -----

// Invalid: a reshape to another number of elements.
// CHECK: nn.reshape: expected as many elements of the same type as tensor<2x3xf32>, got tensor<5xf32>
func.func @invalid(%x: tensor<2x3xf32>) -> tensor<5xf32> {
  %0 = nn.reshape %x : (tensor<2x3xf32>) -> tensor<5xf32>
  func.return %0 : tensor<5xf32>
}

// -----

// A gather of rows shares a group with what reads them: no reshape stays between them.
// CHECK-LABEL: @gathered
// CHECK: %[[G:.*]] = nn.gather %t, %i {axis = 0 : i64} : (tensor<9x8xf32>, tensor<2x12xi64>) -> tensor<2x12x8xf32>
// CHECK: nn.add %[[G]], %{{.*}} : (tensor<2x12x8xf32>, tensor<2x12x8xf32>) -> tensor<2x12x8xf32>
func.func @gathered(%t: tensor<9x8xf32>, %i: tensor<2x12xi64>, %y: tensor<24x8xf32>) -> tensor<24x8xf32> {
  %0 = nn.gather %t, %i {axis = 0 : i64} : (tensor<9x8xf32>, tensor<2x12xi64>) -> tensor<2x12x8xf32>
  %1 = nn.reshape %0 : (tensor<2x12x8xf32>) -> tensor<24x8xf32>
  %2 = nn.softmax %y {axis = 1 : i64} : (tensor<24x8xf32>) -> tensor<24x8xf32>
  %3 = nn.add %1, %2 : (tensor<24x8xf32>, tensor<24x8xf32>) -> tensor<24x8xf32>
  func.return %3 : tensor<24x8xf32>
}

// -----

// Between reshapes, rows are gathered by indices of the other dims, which are a view.
// CHECK-LABEL: @indices
// CHECK: %[[I:.*]] = nn.reshape %i : (tensor<2x12xi64>) -> tensor<24xi64>
// CHECK: nn.gather %t, %[[I]] {axis = 0 : i64} : (tensor<9x8xf32>, tensor<24xi64>) -> tensor<24x8xf32>
// CHECK: nn.add %{{.*}} : (tensor<24x8xf32>, tensor<24x8xf32>) -> tensor<24x8xf32>
// CHECK-NEXT: nn.softmax
func.func @indices(%t: tensor<9x8xf32>, %i: tensor<2x12xi64>, %y: tensor<24x8xf32>) -> tensor<24x8xf32> {
  %0 = nn.gather %t, %i {axis = 0 : i64} : (tensor<9x8xf32>, tensor<2x12xi64>) -> tensor<2x12x8xf32>
  %1 = nn.relu %y : tensor<24x8xf32>
  %2 = nn.reshape %1 : (tensor<24x8xf32>) -> tensor<2x12x8xf32>
  %3 = nn.add %0, %2 : (tensor<2x12x8xf32>, tensor<2x12x8xf32>) -> tensor<2x12x8xf32>
  %4 = nn.reshape %3 : (tensor<2x12x8xf32>) -> tensor<24x8xf32>
  %5 = nn.softmax %4 {axis = 1 : i64} : (tensor<24x8xf32>) -> tensor<24x8xf32>
  func.return %5 : tensor<24x8xf32>
}

// -----

// The arithmetic of a mask moves below its reshapes, which are views of the input; a mask of floats stays.
// CHECK-LABEL: @mask
// CHECK: %[[M:.*]] = nn.reshape %m : (tensor<?x?xi64, #nn.dims<B, S>>) -> tensor<?x1x?xi64, #nn.dims<B, 1, S>>
// CHECK-NEXT: %[[C:.*]] = nn.cast %[[M]]
// CHECK-NEXT: %[[Y:.*]] = nn.mul %[[C]], %low {nn.names = ["y"]}
// CHECK-NEXT: %[[N:.*]] = nn.reshape %m : (tensor<?x?xi64, #nn.dims<B, S>>) -> tensor<?x?x1xi64, #nn.dims<B, S, 1>>
// CHECK-NEXT: %[[Z:.*]] = nn.cast %[[N]]
// CHECK-NEXT: %[[E:.*]] = nn.exp %f
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[E]]
// CHECK-NEXT: func.return %[[Y]], %[[Z]], %[[R]]
// REMARK-DAG: applied: sink-reshapes: nn.reshape [y]: moved above 2 ops on indices
// REMARK-DAG: applied: sink-reshapes: nn.reshape: moved above 1 ops on indices
builtin.module attributes {nn.symbols = {B = array<i64: 1, 2, 4>, S = array<i64: 1, 8, 16>}} {
  func.func @mask(%m: tensor<?x?xi64, #nn.dims<B, S>>, %f: tensor<8xf32>) -> (tensor<?x1x?xf32, #nn.dims<B, 1, S>>, tensor<?x?x1xf32, #nn.dims<B, S, 1>>, tensor<1x8xf32>) {
    %low = nn.constant dense<-3.0> : tensor<f32>
    %0 = nn.cast %m : (tensor<?x?xi64, #nn.dims<B, S>>) -> tensor<?x?xf32, #nn.dims<B, S>>
    %1 = nn.mul %0, %low : (tensor<?x?xf32, #nn.dims<B, S>>, tensor<f32>) -> tensor<?x?xf32, #nn.dims<B, S>>
    %2 = nn.reshape %1 {nn.names = ["y"]} : (tensor<?x?xf32, #nn.dims<B, S>>) -> tensor<?x1x?xf32, #nn.dims<B, 1, S>>
    %3 = nn.reshape %0 : (tensor<?x?xf32, #nn.dims<B, S>>) -> tensor<?x?x1xf32, #nn.dims<B, S, 1>>
    %4 = nn.exp %f : tensor<8xf32>
    %5 = nn.reshape %4 : (tensor<8xf32>) -> tensor<1x8xf32>
    func.return %2, %3, %5 : tensor<?x1x?xf32, #nn.dims<B, 1, S>>, tensor<?x?x1xf32, #nn.dims<B, S, 1>>, tensor<1x8xf32>
  }
}

// -----

// A batch of 1 and the dim of 1 that a sum leaves are told apart: what divides two sums stands next to them.
// CHECK-LABEL: @sums
// CHECK: nn.div %{{.*}}, %{{.*}} : (tensor<1x1x8xf32>, tensor<1x1x1xf32>) -> tensor<1x1x8xf32>
// CHECK-NEXT: nn.reshape %{{.*}} : (tensor<1x1x8xf32>) -> tensor<1x8xf32>
func.func @sums(%x: tensor<1x4x8xf32>, %y: tensor<1x4x1xf32>) -> tensor<1x8xf32> {
  %0 = nn.reduce sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<1x4x8xf32>) -> tensor<1x1x8xf32>
  %1 = nn.reshape %0 : (tensor<1x1x8xf32>) -> tensor<1x8xf32>
  %2 = nn.reduce sum %y {axes = array<i64: 1>, keepdims = true} : (tensor<1x4x1xf32>) -> tensor<1x1x1xf32>
  %3 = nn.reshape %2 : (tensor<1x1x1xf32>) -> tensor<1x1xf32>
  %4 = nn.div %1, %3 : (tensor<1x8xf32>, tensor<1x1xf32>) -> tensor<1x8xf32>
  func.return %4 : tensor<1x8xf32>
}

// -----

// A number of more dims than the mask has after its reshape loses some, too.
// CHECK-LABEL: @number_of_more_dims
// CHECK: %[[M:.*]] = nn.reshape %m : (tensor<2x1x8xi64>) -> tensor<2x8xi64>
// CHECK-NEXT: %[[C:.*]] = nn.cast %[[M]]
// CHECK-NEXT: %[[O:.*]] = nn.reshape %{{.*}} : (tensor<1x1x1xf32>) -> tensor<1x1xf32>
// CHECK-NEXT: nn.sub %[[O]], %[[C]] : (tensor<1x1xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
func.func @number_of_more_dims(%m: tensor<2x1x8xi64>) -> tensor<2x8xf32> {
  %one = nn.constant dense<1.0> : tensor<1x1x1xf32>
  %0 = nn.cast %m : (tensor<2x1x8xi64>) -> tensor<2x1x8xf32>
  %1 = nn.sub %one, %0 : (tensor<1x1x1xf32>, tensor<2x1x8xf32>) -> tensor<2x1x8xf32>
  %2 = nn.reshape %1 : (tensor<2x1x8xf32>) -> tensor<2x8xf32>
  func.return %2 : tensor<2x8xf32>
}
