// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A symbol is read from an argument of the host function.
// CHECK: expected an argument of the host function as the source, got the result of an op
func.func @main(%x : memref<4xf32>, %y : memref<4xf32>) {
  %a = buffer.alloc #nn.dims<4> : memref<4xf32>
  %N = buffer.symbol "N" from %a[0] : memref<4xf32>
  func.return
}

// -----

// A weight has a size.
// CHECK: expected a static row-major memref for weight "w", got memref<?xf32>
func.func @main(%x : memref<4xf32>, %y : memref<4xf32>) {
  %w = buffer.weight "w" : memref<?xf32>
  func.return
}

// -----

// A weight is row-major.
// CHECK: expected a static row-major memref for weight "w", got memref<4xf32, strided<[2]>>
func.func @main(%x : memref<4xf32>, %y : memref<4xf32>) {
  %w = buffer.weight "w" : memref<4xf32, strided<[2]>>
  func.return
}

// -----

// An arena is bytes.
// CHECK: expected an arena of a static number of bytes such as memref<4096xi8>, got memref<4x4xi8>
func.func @main(%x : memref<4xf32>, %y : memref<4xf32>) {
  %a = buffer.arena : memref<4x4xi8>
  func.return
}

// -----

// A slot lies in an arena.
// CHECK: expected the result of buffer.arena as the arena
func.func @main(%b : memref<4096xi8>) {
  %s = buffer.slot %b offset 0 size 256 dims #nn.dims<4> : memref<4096xi8> to memref<4xf32>
  func.return
}

// -----

// A view has one offset.
// CHECK: expected one offset and as many strides as dims
func.func @main(%x : memref<4xf32>, %y : memref<4xf32>) {
  %v = buffer.view %x offset #nn.dims<0, 0> dims #nn.dims<4> strides #nn.dims<1> : memref<4xf32> to memref<4xf32, strided<[1]>>
  func.return
}

// -----

// A view has a stride per dim.
// CHECK: expected one offset and as many strides as dims
func.func @main(%x : memref<4xf32>, %y : memref<4xf32>) {
  %v = buffer.view %x offset #nn.dims<0> dims #nn.dims<4> strides #nn.dims<4, 1> : memref<4xf32> to memref<4xf32, strided<[1]>>
  func.return
}

// -----

// The type of a view says its strides.
// CHECK: expected the result type memref<2xf32, strided<[2]>>, got memref<2xf32, strided<[1]>>
func.func @main(%x : memref<4xf32>, %y : memref<4xf32>) {
  %v = buffer.view %x offset #nn.dims<0> dims #nn.dims<2> strides #nn.dims<2> : memref<4xf32> to memref<2xf32, strided<[1]>>
  func.return
}

// -----

// A launch without an output does nothing.
// CHECK: launch of @f: expected at least one output, got none
func.func @main(%x : memref<4xf32>, %y : memref<4xf32>) {
  buffer.launch @f ins(%x : memref<4xf32>)
  func.return
}

// -----

// `accesses` has an entry for each memref.
// CHECK: expected `accesses` to say none, read, write, update for each of 2 memrefs
func.func @f(%x : memref<4xf32>, %y : memref<4xf32>) {
  buffer.launch @k ins(%x : memref<4xf32>) outs(%y : memref<4xf32>) {accesses = ["read"]}
  func.return
}

// -----

// An entry of `accesses` is none, read, write or update.
// CHECK: expected `accesses` to say none, read, write, update for each of 2 memrefs
func.func @f(%x : memref<4xf32>, %y : memref<4xf32>) {
  buffer.launch @k ins(%x : memref<4xf32>) outs(%y : memref<4xf32>) {accesses = ["read", "all"]}
  func.return
}

// -----

// A launch does not write its ins.
// CHECK: expected no writes to what it takes as ins
func.func @f(%x : memref<4xf32>, %y : memref<4xf32>) {
  buffer.launch @k ins(%x : memref<4xf32>) outs(%y : memref<4xf32>) {accesses = ["update", "write"]}
  func.return
}

// -----

// The stream of a launch is 0 or more.
// CHECK: expected a stream of 0 or more, got -1
func.func @f(%x : memref<4xf32>, %y : memref<4xf32>) {
  buffer.launch @k ins(%x : memref<4xf32>) outs(%y : memref<4xf32>) {stream = -1 : i64}
  func.return
}

// -----

// The stream of a record is 0 or more.
// CHECK: expected a stream of 0 or more, got -2
func.func @f() {
  %e = buffer.record stream -2
  func.return
}

// -----

// The stream of a wait is 0 or more.
// CHECK: expected a stream of 0 or more, got -3
func.func @f() {
  %e = buffer.record stream 0
  buffer.wait %e stream -3
  func.return
}

// -----

// A value is one expression.
// CHECK: expected one expression, got #nn.dims<N, 4>
func.func @f() {
  %n = buffer.value #nn.dims<N, 4>
  func.return
}
