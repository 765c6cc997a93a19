// RUN: trtc-opt %s -p bufferize --split-input-file | filecheck %s

// Every second column: the step of a slice scales its strides, and its start is counted in strides of its operand.
// CHECK-LABEL: func.func @main
// CHECK: buffer.view %{{.*}} offset #nn.dims<7> dims #nn.dims<2, 3> strides #nn.dims<12, 2>
func.func private @a(tensor<4x6xf32>) -> tensor<4x6xf32>
func.func private @b(tensor<2x3xf32>) -> tensor<2x3xf32>
func.func @main(%x : tensor<4x6xf32>) -> tensor<2x3xf32> {
  %a = fusion.call @a(%x) : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %s = nn.slice %a {starts = #nn.dims<1, 1>, steps = array<i64: 2, 2>, fusion.alias = #fusion.alias<source>} : (tensor<4x6xf32>) -> tensor<2x3xf32>
  %b = fusion.call @b(%s) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %b : tensor<2x3xf32>
}

// -----

// A producer writes through a transpose that is not its own inverse.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%x: memref<2x3x4xf32>, [[Y:%.*]]: memref<3x4x2xf32>)
// CHECK-NEXT: [[V:%.*]] = buffer.view [[Y]] offset #nn.dims<0> dims #nn.dims<2, 3, 4> strides #nn.dims<1, 8, 2>
// CHECK-NEXT: buffer.launch @a ins(%x : memref<2x3x4xf32>) outs([[V]] :
func.func private @a(tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
func.func @main(%x : tensor<2x3x4xf32>) -> tensor<3x4x2xf32> {
  %a = fusion.call @a(%x) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %t = nn.transpose %a {permutation = array<i64: 1, 2, 0>, fusion.alias = #fusion.alias<dest>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  func.return %t : tensor<3x4x2xf32>
}

// -----

// A dim that repeats has stride 0; a new leading one too.
// CHECK-LABEL: func.func @main
// CHECK: buffer.view %x offset #nn.dims<0> dims #nn.dims<2, 3, 4> strides #nn.dims<0, 0, 1>
func.func private @b(tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
func.func @main(%x : tensor<1x4xf32>) -> tensor<2x3x4xf32> {
  %w = nn.broadcast_to %x {fusion.alias = #fusion.alias<source>} : (tensor<1x4xf32>) -> tensor<2x3x4xf32>
  %b = fusion.call @b(%w) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  func.return %b : tensor<2x3x4xf32>
}
