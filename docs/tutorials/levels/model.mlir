// A small classifier as the importer would write it: ONNX's NCHW around a convolution in NHWC, its weights in
// the file, a dynamic batch N. `python -m trtc.compiler.tools.reference.levels` takes it down every level.
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}} {
  func.func @main(%image: tensor<?x3x8x8xf32, #nn.dims<N, 3, 8, 8>>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {nn.inputs = ["image"], nn.outputs = ["scores"]} {
    %filter = nn.constant dense<[[[[0.5, -0.25, 0.125]]], [[[-0.5, 0.75, 0.25]]], [[[0.25, 0.5, -0.75]]], [[[1.0, -1.0, 0.5]]]]> : tensor<4x1x1x3xf32>
    %nhwc = nn.transpose %image {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x3x8x8xf32, #nn.dims<N, 3, 8, 8>>) -> tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>
    %conv = nn.conv %nhwc, %filter {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, tensor<4x1x1x3xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>> loc("conv"("Conv#0"))
    %bias = nn.constant dense<[0.1, -0.2, 0.3, 0.0]> : tensor<4xf32>
    %biased = nn.add %conv, %bias : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>> loc("conv"("Conv#0"))
    %nchw = nn.transpose %biased {permutation = array<i64: 0, 3, 1, 2>, nn.names = ["features"]} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>> loc(callsite("transpose" at "conv"("Conv#0")))
    %relu = nn.relu %nchw {nn.names = ["active"]} : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>> loc("relu"("Relu#1"))
    %pooled = nn.reduce mean %relu {axes = array<i64: 2, 3>, keepdims = false, nn.names = ["pooled"]} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> loc("pool"("GlobalAveragePool#2"))
    %matrix = nn.constant dense<[[1.0, -1.0], [0.5, 0.25], [-0.75, 1.0], [2.0, 0.5]]> : tensor<4x2xf32>
    %logits = nn.matmul %pooled, %matrix {nn.names = ["logits"]} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x2xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>> loc("fc"("MatMul#3"))
    %scores = nn.softmax %logits {axis = 1 : i64, nn.names = ["scores"]} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>> loc("softmax"("Softmax#4"))
    func.return %scores : tensor<?x2xf32, #nn.dims<N, 2>>
  }
}
