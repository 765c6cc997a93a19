// RUN: trtc-opt %s -p expand-swish | filecheck %s

// The op becomes two ops of nn, whatever its shape, and the result keeps its ONNX name.
// CHECK-LABEL: func.func @main
// CHECK-SAME:  %[[x:[a-z0-9]+]]: tensor<1x4xf32>
// CHECK-NEXT:  %[[s:[a-z0-9]+]] = nn.sigmoid %[[x]]
// CHECK-NEXT:  %{{.*}} = nn.mul %[[x]], %[[s]] {nn.names = ["y"]}
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %y = swish.swish %x {nn.names = ["y"]} : tensor<1x4xf32>
  func.return %y : tensor<1x4xf32>
}
