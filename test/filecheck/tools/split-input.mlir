// RUN: trtc-opt %s --split-input-file --verify-diagnostics -p cse | filecheck %s
// RUN: not trtc-opt %s --split-input-file -p cse 2>&1 | filecheck %s --check-prefix=STRICT

// Each case runs on its own: an invalid one is reported, and those after it still run.
// CHECK-LABEL: func.func @first
// CHECK-COUNT-1: nn.relu
// CHECK-NOT:   nn.relu
// CHECK:       func.return
func.func @first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.relu %x : tensor<4xf32>
  %1 = nn.relu %x : tensor<4xf32>
  %2 = nn.add %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %2 : tensor<4xf32>
}

// -----

// Without --verify-diagnostics an invalid case makes the command fail.
// CHECK: error: the input is not valid: func.return: Expected arguments to have the same types
// STRICT: error: the input is not valid: func.return: Expected arguments to have the same types
func.func @invalid(%x: tensor<4xf32>) -> tensor<8xf32> {
  func.return %x : tensor<4xf32>
}

// -----

// A valid case after an invalid one is printed.
// CHECK-LABEL: func.func @last
func.func @last(%x: tensor<4xf32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}

// -----

// A syntax error names the line in the whole file.
// CHECK: {{.*}}split-input.mlir:38:18: error: Expected
func.func @syntax() {
  func.return %0 %1
}
