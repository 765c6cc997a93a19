// RUN: trtc-opt %s -p 'fold-constants,pad-channels{always=true}' --remarks 2>&1 | filecheck %s --check-prefix=ALL
// RUN: trtc-opt %s -p 'fold-constants,pad-channels{always=true}' --remarks=missed 2>&1 | filecheck %s --check-prefix=MISSED
// RUN: trtc-opt %s -p 'fold-constants,pad-channels{always=true}' --remarks=missed:second 2>&1 | filecheck %s --check-prefix=SECOND
// RUN: trtc-opt %s -p 'fold-constants,pad-channels{always=true}' --remarks=:channels.read 2>&1 | filecheck %s --check-prefix=READ
// RUN: trtc-opt %s -p 'fold-constants,pad-channels{always=true}' --remarks=applied:first --remarks=missed,analysis:second 2>&1 | filecheck %s --check-prefix=SECOND

// Every remark; those of one kind; and those in whose line an expression is found: in the op, its names or the reason.
// ALL: missed: fold-constants: nn.broadcast_to [first]
// ALL: missed: fold-constants: nn.broadcast_to [second]
// ALL: applied: pad-channels: nn.conv [y]: 3 channels read as 4
// MISSED: missed: fold-constants: nn.broadcast_to [first]
// MISSED-NEXT: missed: fold-constants: nn.broadcast_to [second]
// MISSED-NOT: applied
// SECOND-NOT: [first]
// SECOND: missed: fold-constants: nn.broadcast_to [second]
// SECOND-NOT: pad-channels
// READ-NOT: missed
// READ: applied: pad-channels: nn.conv [y]: 3 channels read as 4
func.func @main(%x: tensor<1x8x8x3xf16>) -> (tensor<1x8x8x8xf16>, tensor<4097xf32>, tensor<4098xf32>) {
  %w = nn.constant dense<1.0> : tensor<8x3x3x3xf16>
  %0 = nn.conv %x, %w {nn.names = ["y"], strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x3x3x3xf16>) -> tensor<1x8x8x8xf16>
  %c = nn.constant dense<1.0> : tensor<f32>
  %1 = nn.broadcast_to %c {nn.names = ["first"]} : (tensor<f32>) -> tensor<4097xf32>
  %2 = nn.broadcast_to %c {nn.names = ["second"]} : (tensor<f32>) -> tensor<4098xf32>
  func.return %0, %1, %2 : tensor<1x8x8x8xf16>, tensor<4097xf32>, tensor<4098xf32>
}
