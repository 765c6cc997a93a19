// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Numbers of another type than the initializer's.
// CHECK: nn.initializer: expected numbers of type tensor<2xf32>, got dense<1.000000e+00> : tensor<3xf32>
func.func @f() {
  %0 = nn.initializer "w" : tensor<2xf32> = dense<1.0> : tensor<3xf32>
  func.return
}
