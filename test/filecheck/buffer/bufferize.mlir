// RUN: trtc-opt %s -p bufferize --split-input-file | filecheck %s

// The inputs become arguments, then the output; the dynamic dim is read off the input; the middle tensor is an alloc.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%x: memref<?x64xf32>, %{{.*}}: memref<?x64xf32>) attributes {{.*}}buffer.arg_dims = [#nn.dims<N, 64>, #nn.dims<N, 64>]
// CHECK-NEXT: %N = buffer.symbol "N" from %x[0] : memref<?x64xf32>
// CHECK-NEXT: [[W:%.*]] = buffer.weight "w" : memref<64x64xf32>
// CHECK-NEXT: [[T:%.*]] = buffer.alloc #nn.dims<N, 64> : memref<?x64xf32>
// CHECK-NEXT: buffer.launch @fc[%N] ins(%x, [[W]] : memref<?x64xf32>, memref<64x64xf32>) outs([[T]] : memref<?x64xf32>) {buffer.out_names = ["fc_out"]}
// CHECK-NEXT: buffer.launch @relu[%N] ins([[T]] : memref<?x64xf32>) outs(%{{.*}} : memref<?x64xf32>)
// CHECK-NEXT: func.return
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}} {
  func.func private @fc(tensor<?x64xf32, #nn.dims<N, 64>>, tensor<64x64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  func.func private @relu(tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>>
  func.func @main(%x : tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
    %w = nn.weight "w" : tensor<64x64xf32>
    %0 = fusion.call @fc(%x, %w) {nn.names = ["fc_out"]} : (tensor<?x64xf32, #nn.dims<N, 64>>, tensor<64x64xf32>) -> tensor<?x64xf32, #nn.dims<N, 64>>
    %1 = fusion.call @relu(%0) : (tensor<?x64xf32, #nn.dims<N, 64>>) -> tensor<?x64xf32, #nn.dims<N, 64>>
    func.return %1 : tensor<?x64xf32, #nn.dims<N, 64>>
  }
}

// -----

// The producers of a concat write into views of its buffer, here the output; there is no copy.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%x: memref<4x8xf32>, [[Y:%.*]]: memref<4x24xf32>)
// CHECK-NEXT: [[A:%.*]] = buffer.view [[Y]] offset #nn.dims<0> dims #nn.dims<4, 8> strides #nn.dims<24, 1>
// CHECK-NEXT: buffer.launch @a ins(%x : memref<4x8xf32>) outs([[A]] : memref<4x8xf32, strided<[24, 1]>>)
// CHECK-NEXT: [[B:%.*]] = buffer.view [[Y]] offset #nn.dims<8> dims #nn.dims<4, 16> strides #nn.dims<24, 1>
// CHECK-NEXT: buffer.launch @b ins(%x : memref<4x8xf32>) outs([[B]] : memref<4x16xf32, strided<[24, 1], offset: 8>>)
// CHECK-NEXT: func.return
func.func private @a(tensor<4x8xf32>) -> tensor<4x8xf32> attributes {fusion.layouts = [#fusion.layout<contiguous>, #fusion.layout<[24, 1], align = 8>]}
func.func private @b(tensor<4x8xf32>) -> tensor<4x16xf32>
func.func @main(%x : tensor<4x8xf32>) -> tensor<4x24xf32> {
  %a = fusion.call @a(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = fusion.call @b(%x) : (tensor<4x8xf32>) -> tensor<4x16xf32>
  %c = nn.concat %a, %b {axis = 1 : i64, fusion.alias = #fusion.alias<dest>} : (tensor<4x8xf32>, tensor<4x16xf32>) -> tensor<4x24xf32>
  func.return %c : tensor<4x24xf32>
}

// -----

// Slice, transpose and reshape are views of the owner, composed into one; a constant becomes a weight.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[T:%.*]] = buffer.alloc #nn.dims<4, 6> : memref<4x6xf32>
// CHECK-NEXT: buffer.launch @a ins(%x : memref<4x6xf32>) outs([[T]] : memref<4x6xf32>)
// CHECK-NEXT: [[V:%.*]] = buffer.view [[T]] offset #nn.dims<8> dims #nn.dims<2, 3, 1> strides #nn.dims<1, 6, 6>
// CHECK-NEXT: [[C:%.*]] = buffer.weight "constant.0" : memref<2xf32>
// CHECK-NEXT: buffer.launch @b ins([[V]], [[C]] :
// CHECK: func.func @weights()
// CHECK-NEXT: [[K:%.*]] = nn.constant dense<{{.*}}> : tensor<2xf32>
// CHECK-NEXT: nn.export "constant.0" [[K]] : tensor<2xf32>
func.func private @a(tensor<4x6xf32>) -> tensor<4x6xf32>
func.func private @b(tensor<2x3x1xf32>, tensor<2xf32>) -> tensor<2x3xf32>
func.func @main(%x : tensor<4x6xf32>) -> tensor<2x3xf32> {
  %c = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %a = fusion.call @a(%x) : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %s = nn.slice %a {starts = #nn.dims<1, 2>, steps = array<i64: 1, 1>, fusion.alias = #fusion.alias<source>} : (tensor<4x6xf32>) -> tensor<3x2xf32>
  %t = nn.transpose %s {permutation = array<i64: 1, 0>, fusion.alias = #fusion.alias<source>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %r = nn.reshape %t {fusion.alias = #fusion.alias<source>} : (tensor<2x3xf32>) -> tensor<2x3x1xf32>
  %b = fusion.call @b(%r, %c) : (tensor<2x3x1xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  func.return %b : tensor<2x3xf32>
}

// -----

// The host needs no wider view than its owner: a tensor that fills its owner is passed as it is, also as a reshape of it.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[T:%.*]] = buffer.alloc #nn.dims<4, 6> : memref<4x6xf32>
// CHECK-NEXT: buffer.launch @a ins(%x : memref<4x6xf32>) outs([[T]] : memref<4x6xf32>)
// CHECK-NEXT: [[V:%.*]] = buffer.view [[T]] offset #nn.dims<0> dims #nn.dims<24> strides #nn.dims<1> : memref<4x6xf32> to memref<24xf32>
// CHECK-NEXT: buffer.launch @b ins([[V]] : memref<24xf32>) outs(%{{.*}} : memref<24xf32>)
func.func private @a(tensor<4x6xf32>) -> tensor<4x6xf32>
func.func private @b(tensor<24xf32>) -> tensor<24xf32>
func.func @main(%x : tensor<4x6xf32>) -> tensor<24xf32> {
  %a = fusion.call @a(%x) : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %r = nn.reshape %a {fusion.alias = #fusion.alias<source>} : (tensor<4x6xf32>) -> tensor<24xf32>
  %b = fusion.call @b(%r) : (tensor<24xf32>) -> tensor<24xf32>
  func.return %b : tensor<24xf32>
}

// -----

// The workspace that a group's choice asks for is an alloc of its own; a group becomes one launch per kernel that it lists, with the
// accesses of that kernel. The last launch that writes a result carries its name.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[W:%.*]] = buffer.alloc #nn.dims<2, 64> : memref<2x64xf32>
// CHECK-NEXT: buffer.launch @split ins(%x : memref<2x64xf32>) outs([[Y:%.*]] : memref<2xf32>) workspace([[W]] : memref<2x64xf32>) {accesses = ["read", "none", "write"]}
// CHECK-NEXT: buffer.launch @split_stage1 ins(%x : memref<2x64xf32>) outs([[Y]] : memref<2xf32>) workspace([[W]] : memref<2x64xf32>) {accesses = ["none", "write", "read"]}
// CHECK-NEXT: buffer.launch @split_stage2 ins(%x : memref<2x64xf32>) outs([[Y]] : memref<2xf32>) workspace([[W]] : memref<2x64xf32>) {buffer.out_names = ["y"], accesses = ["none", "update", "none"]}
// CHECK-NEXT: func.return
func.func private @split_reference(tensor<2x64xf32>) -> tensor<2xf32> attributes {kernel.launches = [@split, @split_stage1, @split_stage2],
  kernel.choice = #kernel.choice<"reduce_split", {spans = 64 : i64}, workspace [!kernel.global<dims <2, 64> x f32, strides <64, 1>, align 16>]>}
kernel.func @split(%x: !kernel.global<dims <2, 64> x f32, strides <64, 1>, align 16>, %y: !kernel.global<dims <2> x f32, strides <1>, align 16>,
    %w: !kernel.global<dims <2, 64> x f32, strides <64, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k)
    attributes {kernel.accesses = ["read", "none", "write"]} {
  kernel.return
}
kernel.func @split_stage1(%x: !kernel.global<dims <2, 64> x f32, strides <64, 1>, align 16>, %y: !kernel.global<dims <2> x f32, strides <1>, align 16>,
    %w: !kernel.global<dims <2, 64> x f32, strides <64, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k)
    attributes {kernel.accesses = ["none", "write", "read"]} {
  kernel.return
}
kernel.func @split_stage2(%x: !kernel.global<dims <2, 64> x f32, strides <64, 1>, align 16>, %y: !kernel.global<dims <2> x f32, strides <1>, align 16>,
    %w: !kernel.global<dims <2, 64> x f32, strides <64, 1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %k)
    attributes {kernel.accesses = ["none", "update", "none"]} {
  kernel.return
}
func.func @main(%x : tensor<2x64xf32>) -> tensor<2xf32> {
  %a = fusion.call @split_reference(%x) {nn.names = ["y"]} : (tensor<2x64xf32>) -> tensor<2xf32>
  func.return %a : tensor<2xf32>
}

// -----

// The symbols that a group computes with count, also where no operand or result has them.
// CHECK-LABEL: func.func @main
// CHECK: buffer.symbol "N" from %x[0]
// CHECK: buffer.launch @shape[%N]
func.func private @shape() -> tensor<2xi64> {
  %s = nn.shape_value #nn.dims<N, 4> : tensor<2xi64>
  func.return %s : tensor<2xi64>
}
func.func @main(%x : tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<2xi64> {
  %s = fusion.call @shape() : () -> tensor<2xi64>
  func.return %s : tensor<2xi64>
}
