// RUN: trtc-opt %s -p plan-arena --split-input-file --verify-diagnostics | filecheck %s

// %a and %b may be written at the same time, and %c while %b is: only what follows the join takes bytes that are free then.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[ARENA:%.*]] = buffer.arena : memref<768xi8>
// CHECK-DAG: %a = buffer.slot [[ARENA]] offset 0 size 256
// CHECK-DAG: %b = buffer.slot [[ARENA]] offset 256 size 256
// CHECK-DAG: %c = buffer.slot [[ARENA]] offset 512 size 256
// CHECK-DAG: %d = buffer.slot [[ARENA]] offset 0 size 256
func.func @main(%x : memref<64xf32>, %y : memref<64xf32>) {
  %a = buffer.alloc #nn.dims<64> : memref<64xf32>
  %b = buffer.alloc #nn.dims<64> : memref<64xf32>
  %c = buffer.alloc #nn.dims<64> : memref<64xf32>
  %d = buffer.alloc #nn.dims<64> : memref<64xf32>
  %fork = buffer.record stream 0
  buffer.wait %fork stream 1
  buffer.launch @k ins(%x : memref<64xf32>) outs(%a : memref<64xf32>)
  buffer.launch @k ins(%x : memref<64xf32>) outs(%b : memref<64xf32>) {stream = 1 : i64}
  buffer.launch @k ins(%a : memref<64xf32>) outs(%c : memref<64xf32>)
  %join = buffer.record stream 1
  buffer.wait %join stream 0
  buffer.launch @k ins(%b, %c : memref<64xf32>, memref<64xf32>) outs(%d : memref<64xf32>)
  buffer.launch @k ins(%d : memref<64xf32>) outs(%y : memref<64xf32>)
  func.return
}

// -----

// Two halves of one buffer may be written at the same time. A dynamic buffer is in one piece.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[ARENA:%.*]] = buffer.arena : memref<512xi8>
func.func @main(%x : memref<64xf32>, %y : memref<128xf32>) {
  %a = buffer.alloc #nn.dims<128> : memref<128xf32>
  %even = buffer.view %a offset #nn.dims<0> dims #nn.dims<64> strides #nn.dims<2> : memref<128xf32> to memref<64xf32, strided<[2]>>
  %odd = buffer.view %a offset #nn.dims<1> dims #nn.dims<64> strides #nn.dims<2> : memref<128xf32> to memref<64xf32, strided<[2], offset: 1>>
  %fork = buffer.record stream 0
  buffer.wait %fork stream 1
  buffer.launch @k ins(%x : memref<64xf32>) outs(%even : memref<64xf32, strided<[2]>>)
  buffer.launch @k ins(%x : memref<64xf32>) outs(%odd : memref<64xf32, strided<[2], offset: 1>>) {stream = 1 : i64}
  %join = buffer.record stream 1
  buffer.wait %join stream 0
  buffer.launch @k ins(%a : memref<128xf32>) outs(%y : memref<128xf32>)
  func.return
}

// -----

// Two streams may not write the same buffer without an event between.
// CHECK: host program: launch of @l requires that launch of @k has ended, which its stream and events do not ensure: expected a buffer.record after the latter and a buffer.wait before the former.
func.func @main(%x : memref<64xf32>, %y : memref<64xf32>) {
  %fork = buffer.record stream 0
  buffer.wait %fork stream 1
  buffer.launch @k ins(%x : memref<64xf32>) outs(%y : memref<64xf32>)
  buffer.launch @l ins(%x : memref<64xf32>) outs(%y : memref<64xf32>) {stream = 1 : i64}
  %join = buffer.record stream 1
  buffer.wait %join stream 0
  func.return
}

// -----

// Two views with dynamic dims count as overlapping.
// CHECK: host program: launch of @l requires that launch of @k has ended
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}} {
  func.func @main(%x : memref<?xf32>, %y : memref<?xf32>) {
    %N = buffer.symbol "N" from %x[0] : memref<?xf32>
    %low = buffer.view %y offset #nn.dims<0> dims #nn.dims<N> strides #nn.dims<1> : memref<?xf32> to memref<?xf32>
    %high = buffer.view %y offset #nn.dims<N> dims #nn.dims<N> strides #nn.dims<1> : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
    %fork = buffer.record stream 0
    buffer.wait %fork stream 1
    buffer.launch @k[%N] ins(%x : memref<?xf32>) outs(%low : memref<?xf32>)
    buffer.launch @l[%N] ins(%x : memref<?xf32>) outs(%high : memref<?xf32, strided<[1], offset: ?>>) {stream = 1 : i64}
    %join = buffer.record stream 1
    buffer.wait %join stream 0
    func.return
  }
}

// -----

// A stream begins with a wait for an event that leads back to stream 0, not with a launch.
// CHECK: host program: launch of @k: stream 1 begins with a launch: expected a buffer.wait on it before, for an event that leads back to stream 0.
func.func @main(%x : memref<64xf32>, %y : memref<64xf32>) {
  buffer.launch @k ins(%x : memref<64xf32>) outs(%y : memref<64xf32>) {stream = 1 : i64}
  func.return
}

// -----

// An event of the stream itself does not begin it.
// CHECK: host program: buffer.record: stream 1 has not begun: expected a buffer.wait on it before.
func.func @main(%x : memref<64xf32>, %y : memref<64xf32>) {
  %e = buffer.record stream 1
  buffer.wait %e stream 1
  func.return
}

// -----

// Stream 0 waits for the work of every other stream before the end.
// CHECK: host program: launch of @k may still run when its segment ends: expected stream 0 to wait for an event recorded after it.
func.func @main(%x : memref<64xf32>, %y : memref<64xf32>) {
  %fork = buffer.record stream 0
  buffer.wait %fork stream 1
  buffer.launch @k ins(%x : memref<64xf32>) outs(%y : memref<64xf32>) {stream = 1 : i64}
  func.return
}

// -----

// An event does not last beyond a read, a branch or a loop.
// CHECK: host program: buffer.wait: expected an event that is recorded with no read, branch or loop in between.
func.func @main(%k : memref<1xi64>) {
  %e = buffer.record stream 0
  %K = buffer.read "K" from %k : memref<1xi64> to index
  buffer.wait %e stream 0
  func.return
}
