// RUN: trtc-opt %s -p bufferize --split-input-file --verify-diagnostics | filecheck %s

// A weight that is returned needs a copy.
// CHECK: bufferize: output 0 is a view, an input or a weight
func.func @main(%x : tensor<4xf32>) -> tensor<4xf32> {
  %w = nn.weight "w" : tensor<4xf32>
  func.return %w : tensor<4xf32>
}

// -----

// So does a constant.
// CHECK: bufferize: output 0 is a view, an input or a weight
func.func @main(%x : tensor<4xf32>) -> tensor<2xf32> {
  %c = nn.constant dense<1.0> : tensor<2xf32>
  func.return %c : tensor<2xf32>
}

// -----

// An input exists already: it cannot be written into a concat.
// CHECK: bufferize: argument 0 exists already and cannot be written into the result of nn.concat.
func.func private @a(tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x : tensor<4xf32>) -> tensor<8xf32> {
  %a = fusion.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %c = nn.concat %a, %x {axis = 0 : i64, fusion.alias = #fusion.alias<dest>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  func.return %c : tensor<8xf32>
}

// -----

// A weight exists already: it cannot be written into a concat.
// CHECK: bufferize: nn.weight exists already and cannot be written into the result of nn.concat.
func.func private @a(tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x : tensor<4xf32>) -> tensor<8xf32> {
  %w = nn.weight "w" : tensor<4xf32>
  %a = fusion.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %c = nn.concat %a, %w {axis = 0 : i64, fusion.alias = #fusion.alias<dest>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  func.return %c : tensor<8xf32>
}

// -----

// A constant exists already: it cannot be written into a concat.
// CHECK: bufferize: nn.constant exists already and cannot be written into the result of nn.concat.
func.func private @a(tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x : tensor<4xf32>) -> tensor<6xf32> {
  %k = nn.constant dense<1.0> : tensor<2xf32>
  %a = fusion.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %c = nn.concat %a, %k {axis = 0 : i64, fusion.alias = #fusion.alias<dest>} : (tensor<4xf32>, tensor<2xf32>) -> tensor<6xf32>
  func.return %c : tensor<6xf32>
}

// -----

// One value is a view of its operand and a part of a concat.
// CHECK: bufferize: nn.reshape is a view of its operand and of its user's result at once: expected one of them.
func.func private @a(tensor<4xf32>) -> tensor<4xf32>
func.func private @b(tensor<8x1xf32>) -> tensor<8x1xf32>
func.func @main(%x : tensor<4xf32>) -> tensor<8x1xf32> {
  %a = fusion.call @a(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %r = nn.reshape %a {fusion.alias = #fusion.alias<source>} : (tensor<4xf32>) -> tensor<4x1xf32>
  %s = nn.reshape %a {fusion.alias = #fusion.alias<source>} : (tensor<4xf32>) -> tensor<4x1xf32>
  %c = nn.concat %r, %s {axis = 0 : i64, fusion.alias = #fusion.alias<dest>} : (tensor<4x1xf32>, tensor<4x1xf32>) -> tensor<8x1xf32>
  %b = fusion.call @b(%c) : (tensor<8x1xf32>) -> tensor<8x1xf32>
  func.return %b : tensor<8x1xf32>
}

// -----

// A reshape of a transposed matrix has no strides.
// CHECK: bufferize: nn.reshape cannot be a view: no strides express [4, 3] at strides [1, 4] as [12]; expected assign-destinations to have made a copy of it.
func.func private @b(tensor<12xf32>) -> tensor<12xf32>
func.func @main(%x : tensor<3x4xf32>) -> tensor<12xf32> {
  %t = nn.transpose %x {permutation = array<i64: 1, 0>, fusion.alias = #fusion.alias<source>} : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %r = nn.reshape %t {fusion.alias = #fusion.alias<source>} : (tensor<4x3xf32>) -> tensor<12xf32>
  %b = fusion.call @b(%r) : (tensor<12xf32>) -> tensor<12xf32>
  func.return %b : tensor<12xf32>
}

// -----

// A symbol that is not a dim of any input is not known to the host.
// CHECK: bufferize: fusion.call depends on 'M', which is not known there: expected an input with a dim of that name, or an nn.read or a loop before that gives it.
func.func private @a(tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<M>>
func.func @main(%x : tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<M>> {
  %a = fusion.call @a(%x) : (tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<M>>
  func.return %a : tensor<?xf32, #nn.dims<M>>
}
