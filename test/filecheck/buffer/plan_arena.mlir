// RUN: trtc-opt %s -p plan-arena --split-input-file | filecheck %s

// a is dead when c is written: both take the same bytes. b overlaps both.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[ARENA:%.*]] = buffer.arena : memref<512xi8>
// CHECK-NEXT: %a = buffer.slot [[ARENA]] offset 0 size 256 dims #nn.dims<64> : memref<512xi8> to memref<64xf32>
// CHECK-NEXT: buffer.launch @k
// CHECK-NEXT: %b = buffer.slot [[ARENA]] offset 256 size 256 dims #nn.dims<64>
// CHECK-NEXT: buffer.launch @k
// CHECK-NEXT: %c = buffer.slot [[ARENA]] offset 0 size 256 dims #nn.dims<64>
// CHECK-NOT: buffer.alloc
func.func @main(%x : memref<64xf32>, %y : memref<64xf32>) {
  %a = buffer.alloc #nn.dims<64> : memref<64xf32>
  buffer.launch @k ins(%x : memref<64xf32>) outs(%a : memref<64xf32>)
  %b = buffer.alloc #nn.dims<64> : memref<64xf32>
  buffer.launch @k ins(%a : memref<64xf32>) outs(%b : memref<64xf32>)
  %c = buffer.alloc #nn.dims<64> : memref<64xf32>
  buffer.launch @k ins(%b : memref<64xf32>) outs(%c : memref<64xf32>)
  buffer.launch @k ins(%c : memref<64xf32>) outs(%y : memref<64xf32>)
  func.return
}

// -----

// Sizes are those of the largest shape of the profile; offsets are multiples of 256.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[ARENA:%.*]] = buffer.arena : memref<1280xi8>
// CHECK: %a = buffer.slot [[ARENA]] offset 1024 size 40 dims #nn.dims<N> : memref<1280xi8> to memref<?xf32>
// CHECK: %b = buffer.slot [[ARENA]] offset 0 size 1000 dims #nn.dims<N, 25> : memref<1280xi8> to memref<?x25xf32>
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 10>}} {
  func.func @main(%x : memref<?xf32>, %y : memref<?xf32>) {
    %N = buffer.symbol "N" from %x[0] : memref<?xf32>
    %a = buffer.alloc #nn.dims<N> : memref<?xf32>
    buffer.launch @k[%N] ins(%x : memref<?xf32>) outs(%a : memref<?xf32>)
    %b = buffer.alloc #nn.dims<N, 25> : memref<?x25xf32>
    buffer.launch @k[%N] ins(%a : memref<?xf32>) outs(%b : memref<?x25xf32>)
    buffer.launch @k[%N] ins(%b : memref<?x25xf32>) outs(%y : memref<?xf32>)
    func.return
  }
}

// -----

// A use through a view keeps its owner alive; a buffer that nothing uses is dropped.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[ARENA:%.*]] = buffer.arena : memref<768xi8>
// CHECK-NEXT: buffer.slot [[ARENA]] offset 0
// CHECK-NEXT: buffer.view
// CHECK-NOT: %unused
func.func @main(%x : memref<64xf32>, %y : memref<32xf32>) {
  %unused = buffer.alloc #nn.dims<4096> : memref<4096xf32>
  %a = buffer.alloc #nn.dims<64> : memref<64xf32>
  %v = buffer.view %a offset #nn.dims<32> dims #nn.dims<32> strides #nn.dims<1> : memref<64xf32> to memref<32xf32, strided<[1], offset: 32>>
  buffer.launch @k ins(%x : memref<64xf32>) outs(%a : memref<64xf32>)
  %b = buffer.alloc #nn.dims<64> : memref<64xf32>
  buffer.launch @k ins(%a : memref<64xf32>) outs(%b : memref<64xf32>)
  %c = buffer.alloc #nn.dims<64> : memref<64xf32>
  buffer.launch @k ins(%b : memref<64xf32>) outs(%c : memref<64xf32>)
  buffer.launch @k ins(%v, %c : memref<32xf32, strided<[1], offset: 32>>, memref<64xf32>) outs(%y : memref<32xf32>)
  func.return
}
