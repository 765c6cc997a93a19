// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// Gathers and concatenation.
// CHECK-LABEL: @gathers(
func.func @gathers(%x: tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, %y: tensor<?x2xi64, #nn.dims<M, 2>>) {
  // CHECK-NEXT: %0 = nn.gather %x, %y {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x2xi64, #nn.dims<M, 2>>) -> tensor<?x?x2x4xf32, #nn.dims<N, M, 2, 4>>
  %0 = nn.gather %x, %y {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x2xi64, #nn.dims<M, 2>>) -> tensor<?x?x2x4xf32, #nn.dims<N, M, 2, 4>>
  // CHECK-NEXT: %1 = nn.gather_nd %x, %y {batch_dims = 0 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x2xi64, #nn.dims<M, 2>>) -> tensor<?x4xf32, #nn.dims<M, 4>>
  %1 = nn.gather_nd %x, %y {batch_dims = 0 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x2xi64, #nn.dims<M, 2>>) -> tensor<?x4xf32, #nn.dims<M, 4>>
  // CHECK-NEXT: %2 = nn.concat %x, %x {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x16x4xf32, #nn.dims<N, 16, 4>>
  %2 = nn.concat %x, %x {axis = 1 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x16x4xf32, #nn.dims<N, 16, 4>>
  // CHECK-NEXT: %3 = nn.concat %x, %x {axis = 0 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<2*N, 8, 4>>
  %3 = nn.concat %x, %x {axis = 0 : i64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>, tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<2*N, 8, 4>>
  func.return
}

// Views and copies; starts are dim expressions.
// CHECK-LABEL: @views(
func.func @views(%x: tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) {
  // CHECK-NEXT: %0 = nn.slice %x {starts = #nn.dims<N - 1, 7, 0>, steps = array<i64: 1, -2, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<1x4x4xf32>
  %0 = nn.slice %x {starts = #nn.dims<N - 1, 7, 0>, steps = array<i64: 1, -2, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<1x4x4xf32>
  // CHECK-NEXT: %1 = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<4x?x8xf32, #nn.dims<4, N, 8>>
  %1 = nn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<4x?x8xf32, #nn.dims<4, N, 8>>
  // CHECK-NEXT: %2 = nn.reshape %x : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x4xf32, #nn.dims<8*N, 4>>
  %2 = nn.reshape %x : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x4xf32, #nn.dims<8*N, 4>>
  // CHECK-NEXT: %3 = nn.broadcast_to %x : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>>
  %3 = nn.broadcast_to %x : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<2x?x8x4xf32, #nn.dims<2, N, 8, 4>>
  // CHECK-NEXT: %4 = nn.pad %x {low = array<i64: 0, 1, 0>, high = array<i64: 1, 0, 0>, value = -1.000000e+00 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x9x4xf32, #nn.dims<N + 1, 9, 4>>
  %4 = nn.pad %x {low = array<i64: 0, 1, 0>, high = array<i64: 1, 0, 0>, value = -1.000000e+00 : f64} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x9x4xf32, #nn.dims<N + 1, 9, 4>>
  // CHECK-NEXT: %5 = nn.pad %x {low = #nn.dims<0, N, 0>, high = #nn.dims<0, 0, 0>, value = 0.000000e+00 : f64, mode = #nn.pad_mode<reflect>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x?x4xf32, #nn.dims<N, N + 8, 4>>
  %5 = nn.pad %x {low = #nn.dims<0, N, 0>, high = #nn.dims<0, 0, 0>, value = 0.0 : f64, mode = #nn.pad_mode<reflect>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x?x4xf32, #nn.dims<N, N + 8, 4>>
  // CHECK-NEXT: %6 = nn.roll %x {shifts = array<i64: 1, -3, 0>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %6 = nn.roll %x {shifts = array<i64: 1, -3, 0>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  func.return
}

// Constants, shapes and counting.
// CHECK-LABEL: @values(
func.func @values() {
  // CHECK-NEXT: %0 = nn.constant dense<[1, 2]> : tensor<2xi64>
  %0 = nn.constant dense<[1, 2]> : tensor<2xi64>
  // CHECK-NEXT: %1 = nn.constant #nn.blob<"fc.weight", "e8f41b3baa7b95cfb55e51fdf1713bfcf5f976511c9dd8458abd78e549ba022c", tensor<20xf32>>
  %1 = nn.constant #nn.blob<"fc.weight", "e8f41b3baa7b95cfb55e51fdf1713bfcf5f976511c9dd8458abd78e549ba022c", tensor<20xf32>>
  // CHECK-NEXT: %2 = nn.shape_value #nn.dims<N, (H + 1) floordiv 2, 64> : tensor<3xi64>
  %2 = nn.shape_value #nn.dims<N, (H + 1) floordiv 2, 64> : tensor<3xi64>
  // CHECK-NEXT: %{{.*}} = nn.size #nn.dims<2*N + 1> : tensor<f64>
  %s = nn.size #nn.dims<N * 2 + 1> : tensor<f64>
  // CHECK-NEXT: %3 = nn.iota {axis = 1 : i64} : tensor<?x8xi64, #nn.dims<N, 8>>
  %3 = nn.iota {axis = 1 : i64} : tensor<?x8xi64, #nn.dims<N, 8>>
  // CHECK-NEXT: %{{.*}} = nn.initializer "fc.bias" : tensor<2xf32> = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  %i = nn.initializer "fc.bias" : tensor<2xf32> = dense<[1.0, 2.0]> : tensor<2xf32>
  // CHECK-NEXT: %{{.*}} = nn.clamp_range %{{.*}} {largest = 6.550400e+04 : f64} : tensor<2xf32>
  %k = nn.clamp_range %i {largest = 6.550400e+04 : f64} : tensor<2xf32>
  // CHECK-NEXT: %{{.*}} = nn.initializer "fc.bias" {nn.names = ["b"]} : tensor<2xf32>
  %j = nn.initializer "fc.bias" {nn.names = ["b"]} : tensor<2xf32>
  func.return
}

// Weights are read and exported by name.
// CHECK-LABEL: @weights(
func.func @weights() {
  // CHECK-NEXT: %0 = nn.weight "fc.weight" : tensor<4xf32>
  %0 = nn.weight "fc.weight" : tensor<4xf32>
  // CHECK-NEXT: nn.export "fc.weight" %0 : tensor<4xf32>
  nn.export "fc.weight" %0 : tensor<4xf32>
  func.return
}

// The dim symbols of a module have ranges, and ops keep the ONNX names of their results.
// CHECK-LABEL: module @ranges attributes {nn.symbols = {N = array<i64: 1, 4, 8>}}
builtin.module @ranges attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @named(%x : tensor<?xf32, #nn.dims<N>>) {
    // CHECK: nn.relu %x {nn.names = ["y"]} : tensor<?xf32, #nn.dims<N>>
    %y = nn.relu %x {nn.names = ["y"]} : tensor<?xf32, #nn.dims<N>>
    func.return
  }
}

// Any expression parses and prints in canonical form.
// CHECK-LABEL: @canonical(
// CHECK-SAME: #nn.dims<(H + 1) floordiv 2, min(4, S), B*S - 1>
func.func @canonical(%x : tensor<?x?x?xf32, #nn.dims<(H + 2 - 3) floordiv 2 + 1, min(S, 4), 2*B*S floordiv 2 - 1>>) {
  func.return
}
