// RUN: trtc-opt %s --split-input-file --verify-diagnostics | filecheck %s

// A symbol is read off a dim that its source has.
// CHECK: expected an axis of the rank-1 source, got 2
func.func @f(%x : memref<4xf32>) {
  %s = buffer.symbol "N" from %x[2] : memref<4xf32>
  func.return
}

// -----

// An alloc has the dims that its type says.
// CHECK: expected the row-major type memref<4xf32> for dims #nn.dims<4>, got memref<8xf32>
func.func @f() {
  %a = buffer.alloc #nn.dims<4> : memref<8xf32>
  func.return
}

// -----

// A view is of an owner.
// CHECK: got a view of a view
func.func @f(%x : memref<4xf32>) {
  %a = buffer.view %x offset #nn.dims<0> dims #nn.dims<2> strides #nn.dims<1> : memref<4xf32> to memref<2xf32>
  %b = buffer.view %a offset #nn.dims<0> dims #nn.dims<1> strides #nn.dims<1> : memref<2xf32> to memref<1xf32>
  func.return
}

// -----

// A view stays within its owner.
// CHECK: expected a view within the 4 elements of its source, got elements 2 to 5
func.func @f(%x : memref<4xf32>) {
  %a = buffer.view %x offset #nn.dims<2> dims #nn.dims<4> strides #nn.dims<1> : memref<4xf32> to memref<4xf32, strided<[1], offset: 2>>
  func.return
}

// -----

// Weights are not written.
// CHECK: expected outputs that may be written, got a weight
func.func @f(%x : memref<4xf32>) {
  %w = buffer.weight "w" : memref<4xf32>
  buffer.launch @k ins(%x : memref<4xf32>) outs(%w : memref<4xf32>)
  func.return
}

// -----

// A slot is aligned.
// CHECK: expected an offset that 256 divides, got 16
func.func @f() {
  %arena = buffer.arena : memref<512xi8>
  %a = buffer.slot %arena offset 16 size 16 dims #nn.dims<4> : memref<512xi8> to memref<4xf32>
  func.return
}

// -----

// A slot lies within the arena.
// CHECK: expected a slot within the arena's 512 bytes, got its end at 528
func.func @f() {
  %arena = buffer.arena : memref<512xi8>
  %a = buffer.slot %arena offset 512 size 16 dims #nn.dims<4> : memref<512xi8> to memref<4xf32>
  func.return
}

// -----

// A slot is as large as its buffer.
// CHECK: expected a slot of at least 16 bytes for memref<4xf32>, got 8
func.func @f() {
  %arena = buffer.arena : memref<512xi8>
  %a = buffer.slot %arena offset 0 size 8 dims #nn.dims<4> : memref<512xi8> to memref<4xf32>
  func.return
}

// -----

// The brackets of a launch hold symbols.
// CHECK: expected symbols between the brackets: results of buffer.symbol or buffer.read
func.func @f(%x : memref<4xf32>, %n : index) {
  buffer.launch @k[%n] ins(%x : memref<4xf32>) outs(%x : memref<4xf32>)
  func.return
}

// -----

// A view ends before the end of its owner: one element past it is outside.
// CHECK: expected a view within the 4 elements of its source, got elements 1 to 4
func.func @f(%x : memref<4xf32>) {
  %a = buffer.view %x offset #nn.dims<1> dims #nn.dims<4> strides #nn.dims<1> : memref<4xf32> to memref<4xf32, strided<[1], offset: 1>>
  func.return
}

// -----

// A view begins within its owner: one element before it is outside.
// CHECK: expected a view within the 4 elements of its source, got elements -1 to 2
func.func @f(%x : memref<4xf32>) {
  %a = buffer.view %x offset #nn.dims<2> dims #nn.dims<4> strides #nn.dims<-1> : memref<4xf32> to memref<4xf32, strided<[-1], offset: 2>>
  func.return
}

// -----

// A weight is not written through a view either.
// CHECK: expected outputs that may be written, got a weight
func.func @f(%x : memref<4xf32>) {
  %w = buffer.weight "w" : memref<4xf32>
  %v = buffer.view %w offset #nn.dims<0> dims #nn.dims<2> strides #nn.dims<2> : memref<4xf32> to memref<2xf32, strided<[2]>>
  buffer.launch @k ins(%x : memref<4xf32>) outs(%v : memref<2xf32, strided<[2]>>)
  func.return
}

// -----

// The end of a slot counts, not its start.
// CHECK: expected a slot within the arena's 512 bytes, got its end at 768
func.func @f() {
  %arena = buffer.arena : memref<512xi8>
  %a = buffer.slot %arena offset 256 size 512 dims #nn.dims<128> : memref<512xi8> to memref<128xf32>
  func.return
}

// -----

// A read is of one element, not of two.
// CHECK: expected a memref of one integer such as memref<1xi64>, got memref<2xi64>
func.func @f(%x : memref<2xi64>) {
  %K = buffer.read "K" from %x : memref<2xi64> to index
  func.return
}

// -----

// A read is of one element, not of a dynamic number of them.
// CHECK: expected a memref of one integer such as memref<1xi64>, got memref<?xi64>
func.func @f(%x : memref<?xi64>) {
  %K = buffer.read "K" from %x : memref<?xi64> to index
  func.return
}

// -----

// A read is of an integer.
// CHECK: expected a memref of one integer such as memref<1xi64>, got memref<1xf32>
func.func @f(%x : memref<1xf32>) {
  %K = buffer.read "K" from %x : memref<1xf32> to index
  func.return
}

// -----

// A read of an i1 gives an i1, not an index.
// CHECK: expected the result type i1 for memref<1xi1>, got index
func.func @f(%x : memref<1xi1>) {
  %c = buffer.read "c" from %x : memref<1xi1> to index
  func.return
}

// -----

// The variable of a loop is a symbol where the loop names it.
// CHECK: expected symbols between the brackets
func.func @f(%x : memref<4xf32>) {
  %c = arith.constant 1 : index
  scf.for %i = %c to %c step %c {
    buffer.launch @k[%i] ins(%x : memref<4xf32>) outs(%x : memref<4xf32>)
  }
  func.return
}
