builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%image: tensor<?x3x8x8xf32, #nn.dims<N, 3, 8, 8>>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {nn.inputs = ["image"], nn.outputs = ["scores"]} {
    %filter = nn.weight "weight" : tensor<4x1x1x3xf32>
    %0 = nn.transpose %image {fusion.alias = #fusion.alias<source>, permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x3x8x8xf32, #nn.dims<N, 3, 8, 8>>) -> tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>
    %bias = nn.weight "weight.1" : tensor<4xf32>
    %relu = fusion.call @conv_add_relu(%0, %filter, %bias) {nn.names = ["active@0,2,3,1"]} : (tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, tensor<4x1x1x3xf32>, tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %logits = nn.weight "weight.2" : tensor<2x4xf32>
    %logits_1 = fusion.call @reduce_reshape_matmul(%relu, %logits) {nn.names = ["logits"]} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    %scores = fusion.call @softmax(%logits_1) {nn.names = ["scores"]} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %scores : tensor<?x2xf32, #nn.dims<N, 2>>
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
  func.func private @conv_add_relu(%x: tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, %w: tensor<4x1x1x3xf32>, %rhs: tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>> attributes {fusion.anchor = "conv", fusion.layouts = [#fusion.layout<[192, 8, 1, 64], align = 8>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>]} {
    %conv = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, tensor<4x1x1x3xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %biased = nn.add %conv, %rhs : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %relu = nn.relu %biased : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    func.return %relu : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
  }
  func.func private @reduce_reshape_matmul(%x: tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, %b: tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {fusion.anchor = "matmul", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>]} {
    %0 = nn.reduce mean %x {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>) -> tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>
    %pooled = nn.reshape %0 : (tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    %logits = nn.matmul %pooled, %b {transpose_b} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %logits : tensor<?x2xf32, #nn.dims<N, 2>>
  }
  func.func private @softmax(%x: tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {fusion.anchor = "row", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>]} {
    %scores = nn.softmax %x {axis = 1 : i64} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %scores : tensor<?x2xf32, #nn.dims<N, 2>>
  }
}
