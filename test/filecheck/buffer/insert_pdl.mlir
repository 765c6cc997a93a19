// RUN: trtc-opt %s -p insert-pdl --split-input-file --verify-diagnostics --remarks 2>&1 | filecheck %s

// A launch may begin early where one comes right before it, its kernel waits by itself, and what it reads before is a weight, in any view.
// Dims may be dynamic.
// CHECK: missed: insert-pdl: buffer.launch: launch of @k waits for the end of the previous one: no launch comes right before it on its stream
// CHECK: applied: insert-pdl: buffer.launch: launch of @k may begin before the previous one has ended
// CHECK: missed: insert-pdl: buffer.launch: launch of @k waits for the end of the previous one: its kernel reads operand 1 before it waits, which is no weight here
// CHECK: missed: insert-pdl: buffer.launch: launch of @plain waits for the end of the previous one: its kernel does not wait for the previous launch
// CHECK-LABEL: func.func @main
// CHECK: buffer.launch @k[%N] ins(%x, %w : {{.*}}) outs(%a : memref<?x4xf32>){{$}}
// CHECK: buffer.launch @k[%N] ins(%a, %v : {{.*}}) outs(%b : memref<?x4xf32>) {dependent}
// CHECK: buffer.launch @k[%N] ins(%b, %a : {{.*}}) outs(%a : memref<?x4xf32>){{$}}
// CHECK: buffer.launch @plain[%N] ins(%a : memref<?x4xf32>) outs(%y : memref<?x4xf32>){{$}}
!g = !kernel.global<dims <N, 4> x f32, strides <4, 1>, align 16>
!w = !kernel.global<dims <4> x f32, strides <1>, align 16>
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {N = array<i64: 1, 2, 8>}} {
  func.func @main(%x: memref<?x4xf32>, %y: memref<?x4xf32>) attributes {buffer.arg_dims = [#nn.dims<N, 4>, #nn.dims<N, 4>]} {
    %N = buffer.symbol "N" from %x[0] : memref<?x4xf32>
    %arena = buffer.arena : memref<512xi8>
    %w = buffer.weight "w" : memref<4xf32>
    %long = buffer.weight "long" : memref<8xf32>
    %v = buffer.view %long offset #nn.dims<4> dims #nn.dims<4> strides #nn.dims<1> : memref<8xf32> to memref<4xf32, strided<[1], offset: 4>>
    %a = buffer.slot %arena offset 0 size 128 dims #nn.dims<N, 4> : memref<512xi8> to memref<?x4xf32>
    %b = buffer.slot %arena offset 256 size 128 dims #nn.dims<N, 4> : memref<512xi8> to memref<?x4xf32>
    buffer.launch @k[%N] ins(%x, %w : memref<?x4xf32>, memref<4xf32>) outs(%a : memref<?x4xf32>)
    buffer.launch @k[%N] ins(%a, %v : memref<?x4xf32>, memref<4xf32, strided<[1], offset: 4>>) outs(%b : memref<?x4xf32>)
    buffer.launch @k[%N] ins(%b, %a : memref<?x4xf32>, memref<?x4xf32>) outs(%a : memref<?x4xf32>)
    buffer.launch @plain[%N] ins(%a : memref<?x4xf32>) outs(%y : memref<?x4xf32>)
    func.return
  }
  kernel.func @k(%x: !g, %w: !w, %y: !g) grid <1, 1, 1> warps 1 params(N) coords(%i, %j, %k) attributes {kernel.early = array<i64: 1>} {
    kernel.grid_wait
    kernel.return
  }
  kernel.func @plain(%x: !g, %y: !g) grid <1, 1, 1> warps 1 params(N) coords(%i, %j, %k) {
    kernel.return
  }
}

// -----

// On each stream a launch follows the one before it there, and after an event none does.
// CHECK-LABEL: func.func @main
// CHECK: buffer.launch @k ins(%x : memref<4xf32>) outs(%a : memref<4xf32>){{$}}
// CHECK: buffer.launch @k ins(%x : memref<4xf32>) outs(%b : memref<4xf32>) {stream = 1 : i64}
// CHECK: buffer.launch @k ins(%a : memref<4xf32>) outs(%c : memref<4xf32>) {dependent}
// CHECK: buffer.launch @k ins(%b : memref<4xf32>) outs(%d : memref<4xf32>) {stream = 1 : i64, dependent}
// CHECK: buffer.launch @k ins(%c : memref<4xf32>) outs(%y : memref<4xf32>){{$}}
!g = !kernel.global<dims <4> x f32, strides <1>, align 16>
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) attributes {buffer.arg_dims = [#nn.dims<4>, #nn.dims<4>]} {
    %arena = buffer.arena : memref<1024xi8>
    %a = buffer.slot %arena offset 0 size 16 dims #nn.dims<4> : memref<1024xi8> to memref<4xf32>
    %b = buffer.slot %arena offset 256 size 16 dims #nn.dims<4> : memref<1024xi8> to memref<4xf32>
    %c = buffer.slot %arena offset 512 size 16 dims #nn.dims<4> : memref<1024xi8> to memref<4xf32>
    %d = buffer.slot %arena offset 768 size 16 dims #nn.dims<4> : memref<1024xi8> to memref<4xf32>
    %fork = buffer.record stream 0
    buffer.wait %fork stream 1
    buffer.launch @k ins(%x : memref<4xf32>) outs(%a : memref<4xf32>)
    buffer.launch @k ins(%x : memref<4xf32>) outs(%b : memref<4xf32>) {stream = 1 : i64}
    buffer.launch @k ins(%a : memref<4xf32>) outs(%c : memref<4xf32>)
    buffer.launch @k ins(%b : memref<4xf32>) outs(%d : memref<4xf32>) {stream = 1 : i64}
    %join = buffer.record stream 1
    buffer.wait %join stream 0
    buffer.launch @k ins(%c : memref<4xf32>) outs(%y : memref<4xf32>)
    func.return
  }
  kernel.func @k(%x: !g, %y: !g) grid <1, 1, 1> warps 1 coords(%i, %j, %k) attributes {kernel.early = array<i64>} {
    kernel.grid_wait
    kernel.return
  }
}

// -----

// A body that is called first, and again right after a launch: its launch is one op, which may not begin early at the first place. The read
// of a value and a loop stand between launches too.
// CHECK-LABEL: func.func @main
// CHECK: buffer.launch @k ins(%y : memref<4xf32>) outs(%a : memref<4xf32>) {dependent}
// CHECK: scf.for
// CHECK-NEXT: buffer.launch @k ins(%a : memref<4xf32>) outs(%y : memref<4xf32>){{$}}
// CHECK-NEXT: buffer.launch @k ins(%y : memref<4xf32>) outs(%a : memref<4xf32>) {dependent}
// CHECK: buffer.launch @k ins(%a : memref<4xf32>) outs(%y : memref<4xf32>){{$}}
// CHECK-LABEL: func.func private @body
// CHECK-NEXT: buffer.launch @k ins(%{{.*}} : memref<4xf32>) outs(%{{.*}} : memref<4xf32>){{$}}
!g = !kernel.global<dims <4> x f32, strides <1>, align 16>
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) attributes {buffer.arg_dims = [#nn.dims<4>, #nn.dims<4>]} {
    %arena = buffer.arena : memref<256xi8>
    %a = buffer.slot %arena offset 0 size 16 dims #nn.dims<4> : memref<256xi8> to memref<4xf32>
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %two = arith.constant 2 : index
    func.call @body(%x, %y) : (memref<4xf32>, memref<4xf32>) -> ()
    buffer.launch @k ins(%y : memref<4xf32>) outs(%a : memref<4xf32>)
    func.call @body(%a, %y) : (memref<4xf32>, memref<4xf32>) -> ()
    buffer.launch @k ins(%y : memref<4xf32>) outs(%a : memref<4xf32>)
    scf.for %i = %zero to %two step %one {
      buffer.launch @k ins(%a : memref<4xf32>) outs(%y : memref<4xf32>)
      buffer.launch @k ins(%y : memref<4xf32>) outs(%a : memref<4xf32>)
    } {buffer.index = "i"}
    buffer.launch @k ins(%a : memref<4xf32>) outs(%y : memref<4xf32>)
    func.return
  }
  func.func private @body(%x: memref<4xf32>, %y: memref<4xf32>) {
    buffer.launch @k ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
    func.return
  }
  kernel.func @k(%x: !g, %y: !g) grid <1, 1, 1> warps 1 coords(%i, %j, %k) attributes {kernel.early = array<i64>} {
    kernel.grid_wait
    kernel.return
  }
}

// -----

// Before sm_90 there are no dependent launches.
// CHECK-LABEL: func.func @main
// CHECK-NOT: dependent
!g = !kernel.global<dims <4> x f32, strides <1>, align 16>
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) attributes {buffer.arg_dims = [#nn.dims<4>, #nn.dims<4>]} {
    buffer.launch @k ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
    buffer.launch @k ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
    func.return
  }
  kernel.func @k(%x: !g, %y: !g) grid <1, 1, 1> warps 1 coords(%i, %j, %k) attributes {kernel.early = array<i64>} {
    kernel.grid_wait
    kernel.return
  }
}

// -----

// CHECK: host program: op nn.relu is not expected in @main after bufferize, nor in a function that it calls
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = nn.relu %x : tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
}
