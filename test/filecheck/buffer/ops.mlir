// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// Every op of the dialect prints, parses back and prints the same, from the custom and from the generic form.
// CHECK-LABEL: func.func @main
func.func @main(%x : memref<?x64xf16>, %y : memref<?x64xf16>) attributes {buffer.arg_dims = [#nn.dims<N, 64>, #nn.dims<N, 64>]} {
  // CHECK-NEXT: %N = buffer.symbol "N" from %x[0] : memref<?x64xf16>
  %N = buffer.symbol "N" from %x[0] : memref<?x64xf16>
  // CHECK-NEXT: %n2 = buffer.value #nn.dims<2*N>
  %n2 = buffer.value #nn.dims<2*N>
  // CHECK-NEXT: %w = buffer.weight "fc.weight" : memref<64x64xf16>
  %w = buffer.weight "fc.weight" : memref<64x64xf16>
  // CHECK-NEXT: %t = buffer.alloc #nn.dims<N, 128> : memref<?x128xf16>
  %t = buffer.alloc #nn.dims<N, 128> : memref<?x128xf16>
  // CHECK-NEXT: %l = buffer.view %t offset #nn.dims<0> dims #nn.dims<N, 64> strides #nn.dims<128, 1> : memref<?x128xf16> to memref<?x64xf16, strided<[128, 1]>>
  %l = buffer.view %t offset #nn.dims<0> dims #nn.dims<N, 64> strides #nn.dims<128, 1> : memref<?x128xf16> to memref<?x64xf16, strided<[128, 1]>>
  // CHECK-NEXT: %r = buffer.view %t offset #nn.dims<64> dims #nn.dims<N, 64> strides #nn.dims<128, 1> : memref<?x128xf16> to memref<?x64xf16, strided<[128, 1], offset: 64>>
  %r = buffer.view %t offset #nn.dims<64> dims #nn.dims<N, 64> strides #nn.dims<128, 1> : memref<?x128xf16> to memref<?x64xf16, strided<[128, 1], offset: 64>>
  // CHECK-NEXT: buffer.launch @fc[%N] ins(%x, %w : memref<?x64xf16>, memref<64x64xf16>) outs(%l : memref<?x64xf16, strided<[128, 1]>>)
  buffer.launch @fc[%N] ins(%x, %w : memref<?x64xf16>, memref<64x64xf16>) outs(%l : memref<?x64xf16, strided<[128, 1]>>)
  // CHECK-NEXT: buffer.launch @iota outs(%r : memref<?x64xf16, strided<[128, 1], offset: 64>>)
  buffer.launch @iota outs(%r : memref<?x64xf16, strided<[128, 1], offset: 64>>)
  // CHECK-NEXT: %ws = buffer.alloc #nn.dims<1024> : memref<1024xi8>
  %ws = buffer.alloc #nn.dims<1024> : memref<1024xi8>
  // CHECK-NEXT: buffer.launch @sum[%N] ins(%t : memref<?x128xf16>) outs(%y : memref<?x64xf16>) workspace(%ws : memref<1024xi8>)
  buffer.launch @sum[%N] ins(%t : memref<?x128xf16>) outs(%y : memref<?x64xf16>) workspace(%ws : memref<1024xi8>)
  func.return
}

// After planning, buffers are slots of one arena.
// CHECK-LABEL: func.func @planned
func.func @planned(%x : memref<?x64xf16>) {
  // CHECK-NEXT: %arena = buffer.arena : memref<4096xi8>
  %arena = buffer.arena : memref<4096xi8>
  // CHECK-NEXT: %a = buffer.slot %arena offset 256 size 1024 dims #nn.dims<N, 64> : memref<4096xi8> to memref<?x64xf16>
  %a = buffer.slot %arena offset 256 size 1024 dims #nn.dims<N, 64> : memref<4096xi8> to memref<?x64xf16>
  buffer.launch @k ins(%x : memref<?x64xf16>) outs(%a : memref<?x64xf16>)
  func.return
}

// What a program computes decides: a size, a branch, a count. Symbols are results of reads, variables of loops that name them, and
// arguments of bodies.
// CHECK-LABEL: func.func @decides
func.func @decides(%x : memref<?x64xf16>, %k : memref<1xi64>, %c : memref<i1>) {
  // CHECK: %K = buffer.read "K" from %k : memref<1xi64> to index
  %K = buffer.read "K" from %k : memref<1xi64> to index
  // CHECK-NEXT: %go = buffer.read "go" from %c : memref<i1> to i1
  %go = buffer.read "go" from %c : memref<i1> to i1
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.if %go {
    // CHECK: buffer.launch @fc[%K] ins(%x : memref<?x64xf16>) outs(%x : memref<?x64xf16>)
    buffer.launch @fc[%K] ins(%x : memref<?x64xf16>) outs(%x : memref<?x64xf16>)
  }
  scf.for %i = %zero to %K step %one {
    // CHECK: buffer.launch @fc[%i] ins(%x : memref<?x64xf16>) outs(%x : memref<?x64xf16>)
    buffer.launch @fc[%i] ins(%x : memref<?x64xf16>) outs(%x : memref<?x64xf16>)
    func.call @body(%K, %x) : (index, memref<?x64xf16>) -> ()
  // CHECK: } {buffer.index = "i", buffer.total = "n"}
  } {buffer.index = "i", buffer.total = "n"}
  func.return
}
// CHECK-LABEL: func.func @body
func.func @body(%K : index, %x : memref<?x64xf16>) attributes {buffer.arg_dims = [#nn.dims<K>, #nn.dims<K, 64>]} {
  // CHECK-NEXT: buffer.launch @fc[%K] ins(%x : memref<?x64xf16>) outs(%x : memref<?x64xf16>)
  buffer.launch @fc[%K] ins(%x : memref<?x64xf16>) outs(%x : memref<?x64xf16>)
  func.return
}

// One of several launches of a group says what it does with each memref; streams are ordered by events.
// CHECK-LABEL: func.func @streams
func.func @streams(%x : memref<4xf16>, %y : memref<4xf16>, %w : memref<8xf16>) {
  // CHECK-NEXT: buffer.launch @sum ins(%x : memref<4xf16>) outs(%y : memref<4xf16>) workspace(%w : memref<8xf16>) {accesses = ["read", "none", "write"]}
  buffer.launch @sum ins(%x : memref<4xf16>) outs(%y : memref<4xf16>) workspace(%w : memref<8xf16>) {accesses = ["read", "none", "write"]}
  // CHECK-NEXT: %e = buffer.record stream 0
  %e = buffer.record stream 0
  // CHECK-NEXT: buffer.wait %e stream 1
  buffer.wait %e stream 1
  // CHECK-NEXT: buffer.launch @sum_stage1 ins(%x : memref<4xf16>) outs(%y : memref<4xf16>) workspace(%w : memref<8xf16>) {accesses = ["none", "write", "read"], stream = 1 : i64}
  buffer.launch @sum_stage1 ins(%x : memref<4xf16>) outs(%y : memref<4xf16>) workspace(%w : memref<8xf16>) {accesses = ["none", "write", "read"], stream = 1 : i64}
  func.return
}
