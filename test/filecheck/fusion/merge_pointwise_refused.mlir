// RUN: trtc-opt %s -p merge-pointwise --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p merge-pointwise --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Refused: the second reads a result of the first, and one of what reads it.
// CHECK-LABEL: @chain
// CHECK: fusion.group "pointwise"
// CHECK: fusion.group "pointwise"
// CHECK: fusion.group "row"
// CHECK: fusion.group "pointwise"
// REMARK: missed: merge-pointwise: fusion.group: not merged with the launch before it: it reads its result
// REMARK: missed: merge-pointwise: fusion.group: not merged with the launch before it: it reads the result of fusion.group, which is computed after that
func.func @chain(%x: tensor<4x8xf32>) -> (tensor<8x4xf32>, tensor<4x8xf32>) {
  %0 = fusion.group "pointwise" (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %1 = nn.exp %a : tensor<4x8xf32>
    fusion.yield %1 : tensor<4x8xf32>
  }
  %t = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %xt = nn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %2 = fusion.group "pointwise" (%a = %xt : tensor<8x4xf32>, %b = %t : tensor<8x4xf32>) -> (tensor<8x4xf32>) {
    %3 = nn.add %a, %b : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
    fusion.yield %3 : tensor<8x4xf32>
  }
  %r = fusion.group "row" (%a = %0 : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %1 = nn.softmax %a {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    fusion.yield %1 : tensor<4x8xf32>
  }
  %4 = fusion.group "pointwise" (%a = %x : tensor<4x8xf32>, %b = %r : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %5 = nn.add %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    fusion.yield %5 : tensor<4x8xf32>
  }
  func.return %2, %4 : tensor<8x4xf32>, tensor<4x8xf32>
}

// -----

// Groups that share constants only, and read what is computed, stay alone.
// CHECK-LABEL: @alone
// CHECK-COUNT-2: fusion.group "pointwise"
// CHECK: func.return
// REMARK-NOT: merge-pointwise
func.func @alone(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %w = nn.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>
  %0, %1 = fusion.group "row" (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
    %1 = nn.softmax %a {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %2 = nn.exp %1 : tensor<4x8xf32>
    fusion.yield %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>
  }
  %2 = fusion.group "pointwise" (%a = %0 : tensor<4x8xf32>, %b = %w : tensor<8xf32>) -> (tensor<4x8xf32>) {
    %3 = nn.mul %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    fusion.yield %3 : tensor<4x8xf32>
  }
  %4 = fusion.group "pointwise" (%a = %1 : tensor<4x8xf32>, %b = %w : tensor<8xf32>) -> (tensor<4x8xf32>) {
    %5 = nn.mul %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    fusion.yield %5 : tensor<4x8xf32>
  }
  func.return %2, %4 : tensor<4x8xf32>, tensor<4x8xf32>
}
