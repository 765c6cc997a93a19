// RUN: trtc-opt %s -p place-qdq --split-input-file | filecheck %s

// A scale that decides is pinned: the pair is removed, so that no other scale could take its place.
// CHECK: builtin.module attributes {nn.pins = {s = "place-qdq moves and removes quantize and dequantize ops by their scales"}}
// CHECK-LABEL: @pinned
// CHECK-NOT: quant.
// CHECK: func.return %q
func.func @pinned(%q: tensor<4xi8>) -> tensor<4xi8> {
  %s = nn.initializer "s" : tensor<f32> = dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<4xi8>, tensor<f32>) -> tensor<4xf32>
  %1 = quant.quantize %0, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xi8>
  func.return %1 : tensor<4xi8>
}
