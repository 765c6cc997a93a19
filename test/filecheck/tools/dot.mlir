// RUN: trtc-opt %s --split-input-file --verify-diagnostics -t dot | filecheck %s

// Ops are boxes between inputs and outputs, edges say what flows; constants are no boxes, but a line in the tooltip of what reads them.
// CHECK-LABEL: digraph trtc {
// CHECK: n0 [label="x", tooltip="input x\nNx8 f32", {{.*}} shape=ellipse];
// CHECK-NEXT: n1 [label="matmul", tooltip="nn.matmul\nmakes Nx8 f32\nweight 8x8 f32\nfrom fc \"1\"", fillcolor="#a1d99b"];
// CHECK-NEXT: n2 [label="relu"
// CHECK-NEXT: n3 [label="y", tooltip="output y\nNx8 f32"
// CHECK-NEXT: n0 -> n1 [label="Nx8 f32"];
// CHECK-NEXT: n1 -> n2
// CHECK-NEXT: n2 -> n3
// CHECK-NEXT: }
func.func @main(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %w = nn.constant dense<0.5> : tensor<8x8xf32>
  %0 = nn.matmul %x, %w : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8x8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>> loc("fc \"1\""("MatMul#0"))
  %1 = nn.relu %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %1 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// A group is a cluster in the colour of its kind; an edge ends at the op inside that reads.
// CHECK-LABEL: digraph trtc {
// CHECK: subgraph cluster_0 {
// CHECK-NEXT: label="row";
// CHECK-NEXT: fillcolor="#fdd0a2"
// CHECK-NEXT: n1 [label="softmax"
// CHECK-NEXT: n2 [label="relu"
// CHECK-NEXT: }
// CHECK-NEXT: n0 -> n1
// CHECK-NEXT: n1 -> n2
// CHECK-NEXT: n2 -> n3
func.func @grouped(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = fusion.group "row" (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %1 = nn.softmax %a {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %2 = nn.relu %1 : tensor<4x8xf32>
    fusion.yield %2 : tensor<4x8xf32>
  }
  func.return %0 : tensor<4x8xf32>
}

// -----

// An outlined group is drawn where it is called, a group that computes nothing is a copy, and a view is dashed.
// CHECK-LABEL: digraph trtc {
// CHECK: n2 [label="reshape", {{.*}} style="dashed"];
// CHECK: label="move (pointwise)";
// CHECK: n1 [label="copy"
// CHECK: n0 -> n1
// CHECK-NEXT: n1 -> n2
func.func @main(%x: tensor<4x8xf32>) -> tensor<32xf32> {
  %0 = fusion.call @move(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.reshape %0 {fusion.alias = #fusion.alias<source>} : (tensor<4x8xf32>) -> tensor<32xf32>
  func.return %1 : tensor<32xf32>
}
func.func private @move(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fusion.anchor = "pointwise"} {
  func.return %x : tensor<4x8xf32>
}

// -----

// Without a function to draw there is nothing to print.
// CHECK: error: picture: expected a function @main, got no function.
builtin.module {
}
