// RUN: trtc-opt %s -p bufferize --split-input-file --verify-diagnostics | filecheck %s

// An input that is returned needs a copy.
// CHECK: bufferize: output 0 is a view, an input or a weight: expected assign-destinations to have made a copy of it.
func.func @main(%x : tensor<4xf32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}

// -----

// So does a view.
// CHECK: bufferize: output 0 is a view, an input or a weight
func.func private @a(tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x : tensor<4xf32>) -> tensor<2x2xf32> {
  %a = fusion.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %r = nn.reshape %a {fusion.alias = #fusion.alias<source>} : (tensor<4xf32>) -> tensor<2x2xf32>
  func.return %r : tensor<2x2xf32>
}

// -----

// One tensor cannot own two outputs.
// CHECK: bufferize: output 1 is returned twice
func.func private @a(tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = fusion.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %a, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

// A view-like op without a decision.
// CHECK: bufferize: nn.reshape has no fusion.alias: expected assign-destinations to have decided who owns its memory.
func.func private @b(tensor<2x2xf32>) -> tensor<2x2xf32>
func.func @main(%x : tensor<4xf32>) -> tensor<2x2xf32> {
  %r = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>
  %b = fusion.call @b(%r) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %b : tensor<2x2xf32>
}

// -----

// An op that no group took.
// CHECK: bufferize: nn.relu is left in @main: expected fuse-groups to have put it into a group.
func.func private @a(tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x : tensor<4xf32>) -> tensor<4xf32> {
  %r = nn.relu %x : tensor<4xf32>
  %a = fusion.call @a(%r) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %a : tensor<4xf32>
}

// -----

// One tensor cannot lie in two concats at once.
// CHECK: bufferize: fusion.call has 2 destinations: expected one and copies for the others.
func.func private @a(tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x : tensor<4xf32>) -> (tensor<8xf32>, tensor<4xf32>) {
  %a = fusion.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %c = nn.concat %a, %a {axis = 0 : i64, fusion.alias = #fusion.alias<dest>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %d = fusion.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %c, %d : tensor<8xf32>, tensor<4xf32>
}

// -----

// The group was outlined for other strides than its operand has.
// CHECK: bufferize: fusion.call calls @a with argument 0 at strides [2, 1]: expected [4, 1] as in its fusion.layouts.
func.func private @a(tensor<2x2xf32>) -> tensor<2x2xf32> attributes {fusion.layouts = [#fusion.layout<[4, 1]>, #fusion.layout<contiguous>]}
func.func @main(%x : tensor<2x2xf32>) -> tensor<2x2xf32> {
  %a = fusion.call @a(%x) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %a : tensor<2x2xf32>
}
