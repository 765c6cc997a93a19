// RUN: trtc-opt %s -p 'plan-arena{memory_limit=511}' --split-input-file --verify-diagnostics | filecheck %s

// The limit is an error that says what is needed and by whom.
// CHECK: option memory_limit: the arena needs 512 bytes, more than the limit of 511 (no plan needs less than 512); the largest buffers are 256 bytes for buffer.alloc (from conv1), 256 bytes for buffer.alloc; raise the limit
func.func @main(%x : memref<64xf32>, %y : memref<64xf32>) {
  %a = buffer.alloc #nn.dims<64> : memref<64xf32> loc("conv1")
  buffer.launch @k ins(%x : memref<64xf32>) outs(%a : memref<64xf32>)
  %b = buffer.alloc #nn.dims<64> : memref<64xf32>
  buffer.launch @k ins(%a : memref<64xf32>) outs(%b : memref<64xf32>)
  buffer.launch @k ins(%b : memref<64xf32>) outs(%y : memref<64xf32>)
  func.return
}

// -----

// A size needs a range.
// CHECK: plan-arena: buffer of memref<?xf32> depends on 'N', which has no range in nn.symbols.
func.func @main(%x : memref<?xf32>, %y : memref<?xf32>) {
  %N = buffer.symbol "N" from %x[0] : memref<?xf32>
  %a = buffer.alloc #nn.dims<N> : memref<?xf32>
  buffer.launch @k[%N] ins(%x : memref<?xf32>) outs(%a : memref<?xf32>)
  buffer.launch @k[%N] ins(%a : memref<?xf32>) outs(%y : memref<?xf32>)
  func.return
}

// -----

// What is read must have been written.
// CHECK: plan-arena: launch of @k reads buffer.alloc before any launch writes it.
func.func @main(%y : memref<64xf32>) {
  %a = buffer.alloc #nn.dims<64> : memref<64xf32>
  buffer.launch @k ins(%a : memref<64xf32>) outs(%y : memref<64xf32>)
  func.return
}
