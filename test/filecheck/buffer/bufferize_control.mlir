// RUN: trtc-opt %s -p bufferize --split-input-file --verify-diagnostics | filecheck %s

// A branch writes where its result lies, here to the output; the host reads the flag. Its functions are gone.
// CHECK-LABEL: func.func @main(%c: memref<i1>, %x: memref<4xf32>, %{{.*}}: memref<4xf32>)
// CHECK: [[F:%.*]] = buffer.read "flag 1" from %c : memref<i1> to i1
// CHECK-NEXT: scf.if [[F]] {
// CHECK-NEXT: buffer.launch @neg ins(%x : memref<4xf32>) outs([[Y:%.*]] : memref<4xf32>)
// CHECK-NEXT: } else {
// CHECK-NEXT: buffer.launch @exp ins(%x : memref<4xf32>) outs([[Y]] : memref<4xf32>)
// CHECK-NEXT: }
// CHECK-NOT: func.func @then
builtin.module {
  func.func private @neg(tensor<4xf32>) -> tensor<4xf32>
  func.func private @exp(tensor<4xf32>) -> tensor<4xf32>
  func.func @main(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = nn.if %c then @then else @else(%x) : tensor<i1>, (tensor<4xf32>) -> tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
  func.func @then(%x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.body} {
    %0 = fusion.call @neg(%x) : (tensor<4xf32>) -> tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
  func.func @else(%x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.body} {
    %0 = fusion.call @exp(%x) : (tensor<4xf32>) -> tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
}

// -----

// What a loop carries has two slots of a multiple of 256 bytes; joined slices are written where they belong; the count is read.
// CHECK-LABEL: func.func @main
// CHECK: [[S:%.*]] = buffer.alloc #nn.dims<2, 64> : memref<2x64xf32>
// CHECK: buffer.launch @neg
// CHECK: %T = buffer.read "T" from %n : memref<i64> to index
// CHECK: scf.for %i = {{.*}} to %T step {{.*}} {
// CHECK-DAG: buffer.view [[S]] offset #nn.dims<64*(i mod 2)> dims #nn.dims<4>
// CHECK-DAG: buffer.view [[S]] offset #nn.dims<64*((i + 1) mod 2)> dims #nn.dims<4>
// CHECK-DAG: buffer.view {{.*}} offset #nn.dims<4*i> dims #nn.dims<4>
// CHECK: } {buffer.index = "i"}
// CHECK: buffer.view [[S]] offset #nn.dims<64*(T mod 2)> dims #nn.dims<4>
builtin.module attributes {nn.symbols = {T = array<i64: 0, 4, 8>, i = array<i64: 0, 4, 7>}} {
  func.func private @neg(tensor<4xf32>) -> tensor<4xf32>
  func.func private @add(tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.func @main(%x: tensor<4xf32>, %n: tensor<i64>) -> (tensor<4xf32>, tensor<?x4xf32, #nn.dims<T, 4>>) {
    %a = fusion.call @neg(%x) : (tensor<4xf32>) -> tensor<4xf32>
    nn.read "T" from %n : tensor<i64>
    %b, %rows = nn.loop @body index "i" count #nn.dims<T> carried(%a) captures(%x) : (tensor<4xf32>), (tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32, #nn.dims<T, 4>>)
    %y = fusion.call @neg(%b) : (tensor<4xf32>) -> tensor<4xf32>
    func.return %y, %rows : tensor<4xf32>, tensor<?x4xf32, #nn.dims<T, 4>>
  }
  func.func @body(%a: tensor<4xf32>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {nn.body} {
    %0 = fusion.call @add(%a, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %1 = fusion.call @neg(%a) : (tensor<4xf32>) -> tensor<4xf32>
    func.return %0, %1 : tensor<4xf32>, tensor<4xf32>
  }
}

// -----

// A loop with a condition reads its flag before each iteration; its slices have a buffer for the most of them.
// CHECK-LABEL: func.func @main
// CHECK: buffer.alloc #nn.dims<8, 4> : memref<8x4xf32>
// CHECK: scf.while
// CHECK: buffer.read "flag 1"
// CHECK: scf.condition
// CHECK: buffer.launch @less
// CHECK: } attributes {buffer.total = "n", buffer.index = "i"}
// CHECK: %{{.*}} = buffer.value #nn.dims<n>
builtin.module attributes {nn.symbols = {n = array<i64: 0, 4, 8>, i = array<i64: 0, 4, 7>}} {
  func.func private @copy(tensor<4xf32>) -> tensor<4xf32>
  func.func private @less(tensor<4xf32>) -> tensor<i1>
  func.func private @rows(tensor<?x4xf32, #nn.dims<n, 4>>) -> tensor<?x4xf32, #nn.dims<n, 4>>
  func.func @main(%x: tensor<4xf32>) -> tensor<?x4xf32, #nn.dims<n, 4>> {
    %c = fusion.call @less(%x) : (tensor<4xf32>) -> tensor<i1>
    %r = nn.loop @body index "i" while %c : tensor<i1> total "n" carried() captures(%x) : (), (tensor<4xf32>) -> (tensor<?x4xf32, #nn.dims<n, 4>>)
    %y = fusion.call @rows(%r) : (tensor<?x4xf32, #nn.dims<n, 4>>) -> tensor<?x4xf32, #nn.dims<n, 4>>
    func.return %y : tensor<?x4xf32, #nn.dims<n, 4>>
  }
  func.func @body(%x: tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>) attributes {nn.body} {
    %0 = fusion.call @less(%x) : (tensor<4xf32>) -> tensor<i1>
    %1 = fusion.call @copy(%x) : (tensor<4xf32>) -> tensor<4xf32>
    func.return %0, %1 : tensor<i1>, tensor<4xf32>
  }
}
