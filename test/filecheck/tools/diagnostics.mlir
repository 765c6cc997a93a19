// RUN: trtc-opt %s --split-input-file --verify-diagnostics -p cse,fold-constants | filecheck %s

// A case that expects nothing is valid and is printed.
// CHECK-LABEL: func.func @valid
func.func @valid(%x: tensor<4xf32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}

// -----

// An error of the verifier, at the line of its op.
// CHECK-NOT: @invalid
func.func @invalid(%x: tensor<4xf32>) -> tensor<8xf32> {
  // expected-error@+1 {{func.return: Expected arguments to have the same types}}
  func.return %x : tensor<4xf32>
}

// -----

// An error of the parser, at the line where it stops; the comment may stand on that line.
func.func @syntax() {
  func.return %0 %1 // expected-error {{Expected}}
}

// -----

// A remark, at the line of the op that it is about.
// CHECK-LABEL: func.func @declined
func.func @declined() -> tensor<4097xf32> {
  %0 = nn.constant dense<1.0> : tensor<f32>
  // expected-remark@below {{missed: fold-constants: nn.broadcast_to: not folded: its result of 16388 bytes is larger}}
  %1 = nn.broadcast_to %0 : (tensor<f32>) -> tensor<4097xf32>
  func.return %1 : tensor<4097xf32>
}
