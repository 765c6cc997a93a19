// RUN: trtc-opt %s -p hoist-weights --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Constants and what depends on them move; equal labels get numbers; an immediate inside a group stays.
// CHECK-LABEL: @main
// CHECK: %[[W:.*]] = nn.weight "w" {nn.names = ["w"]} : tensor<2x2xf32>
// CHECK: %[[V:.*]] = nn.weight "w.1" {nn.names = ["w"]} : tensor<2x2xf32>
// CHECK: fusion.group "pointwise" (%{{.*}} = %x : tensor<2x2xf32>, %{{.*}} = %[[W]] : tensor<2x2xf32>, %{{.*}} = %[[V]] : tensor<2x2xf32>)
// CHECK: nn.constant dense<1.000000e+00> : tensor<f32>
// CHECK-LABEL: @weights
// CHECK: %[[C:.*]] = nn.constant
// CHECK: %[[T:.*]] = nn.transpose %[[C]]
// CHECK-DAG: nn.export "w" %[[C]]
// CHECK-DAG: nn.export "w.1" %[[T]]
builtin.module {
  func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
    %w = nn.constant {nn.names = ["w"]} dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
    %t = nn.transpose %w {nn.names = ["w"], permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
    %0 = fusion.group "pointwise" (%a = %x : tensor<2x2xf32>, %b = %w : tensor<2x2xf32>, %c = %t : tensor<2x2xf32>) -> (tensor<2x2xf32>) {
      %one = nn.constant dense<1.0> : tensor<f32>
      %1 = nn.add %a, %one : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
      %2 = nn.mul %1, %b : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
      %3 = nn.add %2, %c : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
      fusion.yield %3 : tensor<2x2xf32>
    }
    func.return %0 : tensor<2x2xf32>
  }
}

// -----

// Refused: a slice of a constant whose size is dynamic is not known at build time, so only the constant moves.
// CHECK-LABEL: @main
// CHECK: %[[W:.*]] = nn.weight "weight" : tensor<8xf32>
// CHECK: nn.slice %[[W]]
func.func @main(%x: tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<N>> {
  %w = nn.constant dense<1.0> : tensor<8xf32>
  %0 = nn.slice %w {starts = #nn.dims<0>, steps = array<i64: 1>} : (tensor<8xf32>) -> tensor<?xf32, #nn.dims<N>>
  %1 = nn.add %x, %0 : (tensor<?xf32, #nn.dims<N>>, tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<N>>
  func.return %1 : tensor<?xf32, #nn.dims<N>>
}

// -----

// Nothing to move: no @weights appears.
// CHECK-LABEL: @main
// CHECK-NOT: @weights
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}

// -----

// Invalid: dense elements that do not fit the type.
// CHECK: error: {{.*}}Shape mismatch in dense literal. Expected [3] shape from the type, but got [2] shape.
func.func @main() -> tensor<3xf32> {
  %w = nn.constant dense<[1.0, 2.0]> : tensor<3xf32>
  func.return %w : tensor<3xf32>
}
