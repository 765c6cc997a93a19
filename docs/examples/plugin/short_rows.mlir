// Two softmaxes: many rows of four columns, and a few of 64.
func.func @main(%x: tensor<100000x4xf32>, %z: tensor<64x64xf32>) -> (tensor<100000x4xf32>, tensor<64x64xf32>) attributes {nn.inputs = ["x", "z"], nn.outputs = ["y", "u"]} {
  %y = nn.softmax %x {axis = 1 : i64} : (tensor<100000x4xf32>) -> tensor<100000x4xf32>
  %u = nn.softmax %z {axis = 1 : i64} : (tensor<64x64xf32>) -> tensor<64x64xf32>
  func.return %y, %u : tensor<100000x4xf32>, tensor<64x64xf32>
}
