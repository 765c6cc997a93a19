// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// A group names its operands inside; ops inside keep their ONNX names.
// CHECK-LABEL: @group(
func.func @group(%x : tensor<?x8xf32, #nn.dims<N, 8>>, %w : tensor<8x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
  // CHECK-NEXT: %r = fusion.group "matmul" (%a = %x : tensor<?x8xf32, #nn.dims<N, 8>>, %b = %w : tensor<8x4xf32>) -> (tensor<?x4xf32, #nn.dims<N, 4>>) {
  %r = fusion.group "matmul" (%a = %x : tensor<?x8xf32, #nn.dims<N, 8>>, %b = %w : tensor<8x4xf32>) -> (tensor<?x4xf32, #nn.dims<N, 4>>) {
    // CHECK-NEXT: %0 = nn.matmul %a, %b : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    %0 = nn.matmul %a, %b : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    // CHECK-NEXT: %1 = nn.relu %0 {nn.names = ["y"]} : tensor<?x4xf32, #nn.dims<N, 4>>
    %1 = nn.relu %0 {nn.names = ["y"]} : tensor<?x4xf32, #nn.dims<N, 4>>
    // CHECK-NEXT: fusion.yield %1 : tensor<?x4xf32, #nn.dims<N, 4>>
    fusion.yield %1 : tensor<?x4xf32, #nn.dims<N, 4>>
  }
  func.return %r : tensor<?x4xf32, #nn.dims<N, 4>>
}

// Layouts have strides in elements and an alignment; a group may have no operands and two results.
// CHECK-LABEL: @layouts(
func.func @layouts() {
  // CHECK-NEXT: %0, %1 = fusion.group "pointwise" () -> (tensor<?xf32, #nn.dims<N>>, tensor<4xf32>) attributes {layouts = [#fusion.layout<[2*S], align = 4>, #fusion.layout<contiguous>]} {
  %0, %1 = fusion.group "pointwise" () -> (tensor<?xf32, #nn.dims<N>>, tensor<4xf32>) attributes {layouts = [#fusion.layout<[S + S], align = 4>, #fusion.layout<contiguous>]} {
    %a = nn.iota {axis = 0 : i64} : tensor<?xf32, #nn.dims<N>>
    %b = nn.constant dense<1.0> : tensor<4xf32>
    // CHECK: fusion.yield %{{.*}}, %{{.*}} : tensor<?xf32, #nn.dims<N>>, tensor<4xf32>
    fusion.yield %a, %b : tensor<?xf32, #nn.dims<N>>, tensor<4xf32>
  }
  func.return
}

// View-like ops say which side is the view; outlined groups are called.
// CHECK-LABEL: @calls(
func.func @calls(%x : tensor<2x4xf32>) -> tensor<4x4xf32> {
  // CHECK-NEXT: %y = fusion.call @f(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %y = fusion.call @f(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  // CHECK-NEXT: %z, %u = fusion.call @g(%x, %y) : (tensor<2x4xf32>, tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<8xf32>)
  %z, %u = fusion.call @g(%x, %y) : (tensor<2x4xf32>, tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<8xf32>)
  // CHECK-NEXT: nn.reshape %y {fusion.alias = #fusion.alias<source>}
  %v = nn.reshape %y {fusion.alias = #fusion.alias<source>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  // CHECK-NEXT: nn.concat %z, %v {fusion.alias = #fusion.alias<dest>, axis = 0 : i64}
  %w = nn.concat %z, %v {fusion.alias = #fusion.alias<dest>, axis = 0 : i64} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<4x4xf32>
  func.return %w : tensor<4x4xf32>
}
