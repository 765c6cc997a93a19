// RUN: trtc-opt %s -p hoist-weights --split-input-file | filecheck %s
// RUN: trtc-opt %s -p hoist-weights --split-input-file --remarks=missed:hoist-weights 2>&1 >/dev/null | filecheck %s --check-prefix=REASON

// A module that was hoisted before: weights and what is computed from them stay, new constants join @weights under a free name.
// REASON: nn.neg: computed in each run, of what is known at build time: it reads what stays
// CHECK-LABEL: @main
// CHECK: %[[A:.*]] = nn.weight "weight" : tensor<2xf32>
// CHECK-NEXT: %[[N:.*]] = nn.neg %[[A]]
// CHECK: %[[B:.*]] = nn.weight "weight.1" : tensor<2xf32>
// CHECK: %[[C:.*]] = nn.weight "weight.2" : tensor<2xf32>
// CHECK-LABEL: @weights
// CHECK: nn.export "weight"
// CHECK-NOT: func.func @weights
builtin.module {
  func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
    %w = nn.weight "weight" : tensor<2xf32>
    %0 = nn.neg %w : tensor<2xf32>
    %c = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %d = nn.constant dense<[3.0, 4.0]> : tensor<2xf32>
    %1 = nn.add %x, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %2 = nn.add %x, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %3 = nn.add %x, %d : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    func.return %1, %2, %3 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
  }
  func.func @weights() {
    %0 = nn.constant dense<[5.0, 6.0]> : tensor<2xf32>
    nn.export "weight" %0 : tensor<2xf32>
    func.return
  }
}

// -----

// Refused: a group of constants is a launch like any other, and what reads it waits for it. Only what @main reads is exported.
// CHECK-LABEL: @main
// CHECK: nn.weight "weight"
// CHECK-NOT: nn.weight
// CHECK: %[[G:.*]] = fusion.group "pointwise"
// CHECK: nn.reshape %[[G]]
// CHECK-LABEL: @weights
// CHECK: nn.constant
// CHECK: nn.neg
// CHECK-COUNT-1: nn.export
// REASON: fusion.group: computed in each run, of what is known at build time: a group is a launch
// REASON: nn.reshape: computed in each run, of what is known at build time: it reads what stays
// CHECK-NOT: nn.export
func.func @main() -> tensor<2x1xf32> {
  %c = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %n = nn.neg %c : tensor<2xf32>
  %0 = fusion.group "pointwise" (%a = %n : tensor<2xf32>) -> (tensor<2xf32>) {
    %1 = nn.exp %a : tensor<2xf32>
    fusion.yield %1 : tensor<2xf32>
  }
  %2 = nn.reshape %0 : (tensor<2xf32>) -> tensor<2x1xf32>
  func.return %2 : tensor<2x1xf32>
}

// -----

// A module without @main, such as a library of kernels, has nothing to move.
// CHECK-LABEL: @other
// CHECK-NEXT: nn.constant
func.func @other() -> tensor<2xf32> {
  %c = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  func.return %c : tensor<2xf32>
}
