builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%image: memref<?x3x8x8xf32>, %scores: memref<?x2xf32>) attributes {nn.inputs = ["image"], nn.outputs = ["scores"], buffer.arg_dims = [#nn.dims<N, 3, 8, 8>, #nn.dims<N, 2>]} {
    %0 = buffer.arena : memref<2304xi8>
    %N = buffer.symbol "N" from %image[0] : memref<?x3x8x8xf32>
    %1 = buffer.view %image offset #nn.dims<0> dims #nn.dims<N, 8, 8, 3> strides #nn.dims<192, 8, 1, 64> : memref<?x3x8x8xf32> to memref<?x8x8x3xf32, strided<[192, 8, 1, 64]>>
    %filter = buffer.weight "weight" : memref<4x1x1x3xf32>
    %bias = buffer.weight "weight.1" : memref<4xf32>
    %relu = buffer.slot %0 offset 0 size 2048 dims #nn.dims<N, 4, 4, 4> : memref<2304xi8> to memref<?x4x4x4xf32>
    buffer.launch @conv_add_relu[%N] ins(%1, %filter, %bias : memref<?x8x8x3xf32, strided<[192, 8, 1, 64]>>, memref<4x1x1x3xf32>, memref<4xf32>) outs(%relu : memref<?x4x4x4xf32>) {buffer.out_names = ["active@0,2,3,1"]}
    %2 = buffer.slot %0 offset 2048 size 128 dims #nn.dims<N, 1, 1, 4> : memref<2304xi8> to memref<?x1x1x4xf32>
    buffer.launch @reduce[%N] ins(%relu : memref<?x4x4x4xf32>) outs(%2 : memref<?x1x1x4xf32>)
    %pooled = buffer.view %2 offset #nn.dims<0> dims #nn.dims<N, 4> strides #nn.dims<4, 1> : memref<?x1x1x4xf32> to memref<?x4xf32>
    %logits = buffer.weight "weight.2" : memref<2x4xf32>
    %logits_1 = buffer.slot %0 offset 0 size 64 dims #nn.dims<N, 2> : memref<2304xi8> to memref<?x2xf32>
    buffer.launch @matmul[%N] ins(%pooled, %logits : memref<?x4xf32>, memref<2x4xf32>) outs(%logits_1 : memref<?x2xf32>) {buffer.out_names = ["logits"]}
    buffer.launch @softmax[%N] ins(%logits_1 : memref<?x2xf32>) outs(%scores : memref<?x2xf32>) {buffer.out_names = ["scores"]}
    func.return
  }
  func.func @weights() {
    %filter = nn.constant dense<[[[[5.000000e-01, -2.500000e-01, 1.250000e-01]]], [[[-5.000000e-01, 7.500000e-01, 2.500000e-01]]], [[[2.500000e-01, 5.000000e-01, -7.500000e-01]]], [[[1.000000e+00, -1.000000e+00, 5.000000e-01]]]]> : tensor<4x1x1x3xf32>
    %bias = nn.constant dense<[1.000000e-01, -2.000000e-01, 3.000000e-01, 0.000000e+00]> : tensor<4xf32>
    %logits = nn.constant dense<[[1.000000e+00, 5.000000e-01, -7.500000e-01, 2.000000e+00], [-1.000000e+00, 2.500000e-01, 1.000000e+00, 5.000000e-01]]> : tensor<2x4xf32>
    nn.export "weight" %filter : tensor<4x1x1x3xf32>
    nn.export "weight.1" %bias : tensor<4xf32>
    nn.export "weight.2" %logits : tensor<2x4xf32>
    func.return
  }
  func.func private @conv_add_relu(%x: tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, %w: tensor<4x1x1x3xf32>, %rhs: tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>> attributes {fusion.anchor = "conv", fusion.layouts = [#fusion.layout<[192, 8, 1, 64], align = 8>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>} {
    %conv = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, tensor<4x1x1x3xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %biased = nn.add %conv, %rhs : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %relu = nn.relu %biased : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    func.return %relu : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
  }
  func.func private @reduce(%x: tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>) -> tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>> attributes {fusion.anchor = "row", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"row", {loop = 1 : i64, registers = 2 : i64, rows = 32 : i64, threads = 8 : i64, vector = 1 : i64}>} {
    %0 = nn.reduce mean %x {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>) -> tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>
    func.return %0 : tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>
  }
  func.func private @matmul(%a: tensor<?x4xf32, #nn.dims<N, 4>>, %b: tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {fusion.anchor = "matmul", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>} {
    %logits = nn.matmul %a, %b {transpose_b} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %logits : tensor<?x2xf32, #nn.dims<N, 2>>
  }
  func.func private @softmax(%x: tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {fusion.anchor = "row", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"row", {loop = 0 : i64, registers = 2 : i64, rows = 4 : i64, threads = 32 : i64, vector = 2 : i64}>} {
    %scores = nn.softmax %x {axis = 1 : i64} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %scores : tensor<?x2xf32, #nn.dims<N, 2>>
  }
}
