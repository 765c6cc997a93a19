// RUN: trtc-opt %s --split-input-file --verify-diagnostics | filecheck %s

// Every `?` has a name.
// CHECK: expected an encoding #nn.dims<...> that names every `?`, got none
func.func @f(%x : tensor<?x8xf32>) {
  %0 = nn.relu %x : tensor<?x8xf32>
  func.return
}

// -----

// The encoding agrees with the static sizes.
// CHECK: constant exactly where the size is static
func.func @f(%x : tensor<?x8xf32, #nn.dims<N, M>>) {
  %0 = nn.relu %x : tensor<?x8xf32, #nn.dims<N, M>>
  func.return
}

// -----

// An encoding is made of expressions.
// CHECK: expected integers, names, + - * floordiv ceildiv mod min max, got the end of the text
func.func @f(%x : tensor<?xf32, #nn.dims<N +>>) {

  func.return
}

// -----

// A divisor is positive.
// CHECK: expected a positive divisor, got 0
func.func @f(%x : tensor<?xf32, #nn.dims<N floordiv 0>>) {

  func.return
}

// -----

// Operands have one element type.
// CHECK: nn.add: expected operands of one element type, got f32 and f16; insert an nn.cast
func.func @f(%x : tensor<4xf32>, %y : tensor<4xf16>) {
  %0 = nn.add %x, %y : (tensor<4xf32>, tensor<4xf16>) -> tensor<4xf32>
  func.return
}

// -----

// Static dims broadcast or are an error.
// CHECK: nn.add: expected shapes that broadcast, got [4] and [3], which differ in dim 0
func.func @f(%x : tensor<4xf32>, %y : tensor<3xf32>) {
  %0 = nn.add %x, %y : (tensor<4xf32>, tensor<3xf32>) -> tensor<4xf32>
  func.return
}

// -----

// Two different symbols are not known to be equal.
// CHECK: nn.mul: expected shapes that broadcast, got [N] and [M], which differ in dim 0
func.func @f(%x : tensor<?xf32, #nn.dims<N>>, %y : tensor<?xf32, #nn.dims<M>>) {
  %0 = nn.mul %x, %y : (tensor<?xf32, #nn.dims<N>>, tensor<?xf32, #nn.dims<M>>) -> tensor<?xf32, #nn.dims<N>>
  func.return
}

// -----

// A symbol that meets a constant must equal it: a range that allows other sizes is an error.
// CHECK: nn.matmul: expected shapes that broadcast, got [N] and [2], which differ in dim 0; if N and 2 are always equal, fix their sizes in the profile
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 4>}} {
  func.func @f(%x : tensor<?x4x3xf32, #nn.dims<N, 4, 3>>, %y : tensor<2x3x4xf32>) {
    %0 = nn.matmul %x, %y : (tensor<?x4x3xf32, #nn.dims<N, 4, 3>>, tensor<2x3x4xf32>) -> tensor<2x4x4xf32>
    func.return
  }
}

// -----

// A reshape whose numbers of elements agree at the opt size, but not at the greatest.
// CHECK: nn.reshape: expected as many elements of the same type as tensor<?x?xf32, #nn.dims<N, M>>, got tensor<4xf32>
builtin.module attributes {nn.symbols = {M = array<i64: 2, 2, 2>, N = array<i64: 2, 2, 3>}} {
  func.func @f(%x : tensor<?x?xf32, #nn.dims<N, M>>) {
    %0 = nn.reshape %x : (tensor<?x?xf32, #nn.dims<N, M>>) -> tensor<4xf32>
    func.return
  }
}

// -----

// The result type is the inferred one.
// CHECK: nn.add: expected result 0 of type tensor<4x3xf32>, got tensor<4xf32>
func.func @f(%x : tensor<4x1xf32>, %y : tensor<3xf32>) {
  %0 = nn.add %x, %y : (tensor<4x1xf32>, tensor<3xf32>) -> tensor<4xf32>
  func.return
}

// -----

// Transcendentals want floats.
// CHECK: nn.exp: expected a floating-point tensor, got tensor<4xi32>; insert an nn.cast
func.func @f(%x : tensor<4xi32>) {
  %0 = nn.exp %x : tensor<4xi32>
  func.return
}

// -----

// An approximation is measured in units of a narrow type.
// CHECK: nn.gelu: expected fast to be f16 or bf16, got f32
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.gelu %x {approximate = #nn.gelu_form<none>, fast = f32} : tensor<4xf32>
  func.return
}

// -----

// An activation is a function of floats.
// CHECK: nn.silu: expected a floating-point tensor, got tensor<4xi32>; insert an nn.cast
func.func @f(%x : tensor<4xi32>) {
  %0 = nn.silu %x {alpha = 1.0 : f64} : tensor<4xi32>
  func.return
}

// -----

// Clip has its bounds in order.
// CHECK: nn.clip: expected min <= max, got min = 1.0 and max = 0.0
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.clip %x {min = 1.0 : f64, max = 0.0 : f64} : tensor<4xf32>
  func.return
}

// -----

// A condition is i1.
// CHECK: nn.where: expected an i1 condition, got tensor<4xf32>
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.where %x, %x, %x : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A reshape keeps the number of elements.
// CHECK: nn.reshape: expected as many elements of the same type as tensor<?x4xf32, #nn.dims<N, 4>>
func.func @f(%x : tensor<?x4xf32, #nn.dims<N, 4>>) {
  %0 = nn.reshape %x : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?xf32, #nn.dims<4*N + 4>>
  func.return
}

// -----

// A slice stays inside.
// CHECK: nn.slice: expected indices within [0, 4) in dim 0, got index 4
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<2>, steps = array<i64: 1>} : (tensor<4xf32>) -> tensor<3xf32>
  func.return
}

// -----

// A permutation names each dim once.
// CHECK: nn.transpose: expected a permutation of 0..1, got [0, 0]
func.func @f(%x : tensor<4x4xf32>) {
  %0 = nn.transpose %x {permutation = array<i64: 0, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// Concatenated tensors agree elsewhere.
// CHECK: nn.concat: expected operands that agree except in dim 0, got tensor<4x4xf32> and tensor<4x3xf32>
func.func @f(%x : tensor<4x4xf32>, %y : tensor<4x3xf32>) {
  %0 = nn.concat %x, %y {axis = 0 : i64} : (tensor<4x4xf32>, tensor<4x3xf32>) -> tensor<8x4xf32>
  func.return
}

// -----

// Indices are integers.
// CHECK: nn.gather: expected integer indices, got tensor<2xf32>
func.func @f(%x : tensor<4xf32>, %i : tensor<2xf32>) {
  %0 = nn.gather %x, %i {axis = 0 : i64} : (tensor<4xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return
}

// -----

// A blob has a digest.
// CHECK: blob 'w': expected a SHA-256 of 64 lower-case hex digits, got 'abc'
func.func @f() {
  %0 = nn.constant #nn.blob<"w", "abc", tensor<4xf32>>
  func.return
}
