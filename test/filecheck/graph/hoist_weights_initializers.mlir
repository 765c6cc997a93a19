// RUN: trtc-opt %s -p hoist-weights --split-input-file | filecheck %s

// An initializer moves with what is computed from it, under its own name; equal numbers of two names stay two weights.
// CHECK-LABEL: @main
// CHECK: %[[A:.*]] = nn.weight "a" : tensor<2xf32>
// CHECK: %[[B:.*]] = nn.weight "b" : tensor<2xf32>
// CHECK: nn.add %x, %[[A]]
// CHECK: nn.add %{{.*}}, %[[B]]
// CHECK-LABEL: @weights
// CHECK: %[[I:.*]] = nn.initializer "a" : tensor<2xf32> = dense<1.000000e+00> : tensor<2xf32>
// CHECK: %[[N:.*]] = nn.neg %[[I]]
// CHECK: %[[J:.*]] = nn.initializer "b"
// CHECK: nn.export "a" %[[N]]
// CHECK: nn.export "b" %[[J]]
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %a = nn.initializer "a" : tensor<2xf32> = dense<1.0> : tensor<2xf32>
  %n = nn.neg %a : tensor<2xf32>
  %b = nn.initializer "b" : tensor<2xf32> = dense<1.0> : tensor<2xf32>
  %0 = nn.add %x, %n : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = nn.add %0, %b : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %1 : tensor<2xf32>
}
