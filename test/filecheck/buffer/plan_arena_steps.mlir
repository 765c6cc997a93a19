// RUN: trtc-opt %s -p plan-arena --split-input-file | filecheck %s

// A buffer that both branches write for later is live through both; one that only one branch uses shares bytes with one of the other.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[ARENA:%.*]] = buffer.arena : memref<512xi8>
// CHECK-DAG: %t = buffer.slot [[ARENA]] offset [[T:.*]] size 256
// CHECK-DAG: %a = buffer.slot [[ARENA]] offset [[A:.*]] size 256
// CHECK-DAG: %b = buffer.slot [[ARENA]] offset [[A]] size 256
func.func @main(%x : memref<64xf32>, %c : memref<1xi1>, %y : memref<64xf32>) {
  %t = buffer.alloc #nn.dims<64> : memref<64xf32>
  %a = buffer.alloc #nn.dims<64> : memref<64xf32>
  %b = buffer.alloc #nn.dims<64> : memref<64xf32>
  %go = buffer.read "go" from %c : memref<1xi1> to i1
  scf.if %go {
    buffer.launch @k ins(%x : memref<64xf32>) outs(%a : memref<64xf32>)
    buffer.launch @k ins(%a : memref<64xf32>) outs(%t : memref<64xf32>)
  } else {
    buffer.launch @k ins(%x : memref<64xf32>) outs(%b : memref<64xf32>)
    buffer.launch @k ins(%b : memref<64xf32>) outs(%t : memref<64xf32>)
  }
  buffer.launch @k ins(%t : memref<64xf32>) outs(%y : memref<64xf32>)
  func.return
}

// -----

// What a loop reads is live until its end, where a straight line would give its bytes to b: the next iteration reads it again.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[ARENA:%.*]] = buffer.arena : memref<768xi8>
// CHECK-DAG: %a = buffer.slot [[ARENA]] offset 0 size 256
// CHECK-DAG: %b = buffer.slot [[ARENA]] offset 256 size 256
// CHECK-DAG: %d = buffer.slot [[ARENA]] offset 512 size 256
// What follows takes the bytes of the loop.
// CHECK-DAG: %e = buffer.slot [[ARENA]] offset 0 size 256
func.func @main(%x : memref<64xf32>, %y : memref<64xf32>) {
  %a = buffer.alloc #nn.dims<64> : memref<64xf32>
  %b = buffer.alloc #nn.dims<64> : memref<64xf32>
  %d = buffer.alloc #nn.dims<64> : memref<64xf32>
  %e = buffer.alloc #nn.dims<64> : memref<64xf32>
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %three = arith.constant 3 : index
  buffer.launch @k ins(%x : memref<64xf32>) outs(%a : memref<64xf32>)
  scf.for %i = %zero to %three step %one {
    func.call @body(%a, %b, %d) : (memref<64xf32>, memref<64xf32>, memref<64xf32>) -> ()
  }
  buffer.launch @k ins(%d : memref<64xf32>) outs(%e : memref<64xf32>)
  buffer.launch @k ins(%e : memref<64xf32>) outs(%y : memref<64xf32>)
  func.return
}
func.func private @body(%a : memref<64xf32>, %b : memref<64xf32>, %d : memref<64xf32>) {
  buffer.launch @k ins(%a : memref<64xf32>) outs(%b : memref<64xf32>)
  buffer.launch @k ins(%b : memref<64xf32>) outs(%d : memref<64xf32>)
  func.return
}

// -----

// A buffer whose size is read while the program runs is as large as the bound; a loop's condition keeps its flag.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[ARENA:%.*]] = buffer.arena : memref<512xi8>
// CHECK-DAG: %a = buffer.slot [[ARENA]] offset 0 size 64 dims #nn.dims<K> : memref<512xi8> to memref<?xf32>
// CHECK-DAG: %flag = buffer.slot [[ARENA]] offset 256 size 1 dims #nn.dims<1>
builtin.module attributes {nn.symbols = {K = array<i64: 0, 4, 16>}} {
  func.func @main(%x : memref<16xf32>, %k : memref<1xi32>, %y : memref<16xf32>) {
    %a = buffer.alloc #nn.dims<K> : memref<?xf32>
    %flag = buffer.alloc #nn.dims<1> : memref<1xi1>
    %K = buffer.read "K" from %k : memref<1xi32> to index
    buffer.launch @k[%K] ins(%x : memref<16xf32>) outs(%a : memref<?xf32>)
    buffer.launch @less ins(%x : memref<16xf32>) outs(%flag : memref<1xi1>)
    scf.while () : () -> () {
      %go = buffer.read "go" from %flag : memref<1xi1> to i1
      scf.condition(%go)
    } do {
      buffer.launch @step[%K] ins(%a : memref<?xf32>) outs(%y, %flag : memref<16xf32>, memref<1xi1>)
      scf.yield
    } attributes {buffer.total = "n"}
    func.return
  }
}
