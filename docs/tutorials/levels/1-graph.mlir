builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%image: tensor<?x3x8x8xf32, #nn.dims<N, 3, 8, 8>>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {nn.inputs = ["image"], nn.outputs = ["scores"]} {
    %filter = nn.constant dense<[[[[5.000000e-01, -2.500000e-01, 1.250000e-01]]], [[[-5.000000e-01, 7.500000e-01, 2.500000e-01]]], [[[2.500000e-01, 5.000000e-01, -7.500000e-01]]], [[[1.000000e+00, -1.000000e+00, 5.000000e-01]]]]> : tensor<4x1x1x3xf32>
    %0 = nn.transpose %image {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x3x8x8xf32, #nn.dims<N, 3, 8, 8>>) -> tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>
    %conv = nn.conv %0, %filter {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, tensor<4x1x1x3xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %bias = nn.constant dense<[1.000000e-01, -2.000000e-01, 3.000000e-01, 0.000000e+00]> : tensor<4xf32>
    %biased = nn.add %conv, %bias : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %relu = nn.relu %biased {nn.names = ["active@0,2,3,1"]} : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %1 = nn.reduce mean %relu {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>) -> tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>
    %pooled = nn.reshape %1 {nn.names = ["pooled"]} : (tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    %logits = nn.constant dense<[[1.000000e+00, 5.000000e-01, -7.500000e-01, 2.000000e+00], [-1.000000e+00, 2.500000e-01, 1.000000e+00, 5.000000e-01]]> : tensor<2x4xf32>
    %logits_1 = nn.matmul %pooled, %logits {nn.names = ["logits"], transpose_b} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    %scores = nn.softmax %logits_1 {nn.names = ["scores"], axis = 1 : i64} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %scores : tensor<?x2xf32, #nn.dims<N, 2>>
  }
}
