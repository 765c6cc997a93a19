// RUN: trtc-opt %s -p 'pad-channels,dce' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'pad-channels,dce' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Refused: too small an image to repay a launch. The cast moves next to the conv.
// CHECK-LABEL: @small
// CHECK: %[[T:.*]] = nn.transpose %x
// CHECK: %[[C:.*]] = nn.cast %[[T]] : (tensor<1x8x8x3xf32>) -> tensor<1x8x8x3xf16>
// CHECK: nn.conv %[[C]], %{{.*}} {strides = array<i64: 1, 1>
// REMARK: missed: pad-channels: nn.conv{{.*}}: image of a first conv: as it is (as it is {{.*}} us, padded {{.*}} us)
func.func @small(%x: tensor<1x3x8x8xf32>) -> tensor<1x8x8x8xf16> {
  %w = nn.constant dense<1.0> : tensor<8x3x3x3xf16>
  %0 = nn.cast %x : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf16>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf16>) -> tensor<1x8x8x3xf16>
  %2 = nn.conv %1, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x3xf16>, tensor<8x3x3x3xf16>) -> tensor<1x8x8x8xf16>
  func.return %2 : tensor<1x8x8x8xf16>
}

// -----

// An image whose conv waits for single elements: padded.
// CHECK-LABEL: @large
// CHECK: nn.pad
// CHECK: nn.conv {{.*}} : (tensor<4x224x112x8xf16>
// REMARK: analysis: pad-channels: nn.conv{{.*}}: image of a first conv: padded (as it is {{.*}} us, padded {{.*}} us)
// REMARK: applied: pad-channels: nn.conv{{.*}}: 3 channels read as 8 in groups of 2 pixels
func.func @large(%x: tensor<4x3x224x224xf32>) -> tensor<4x112x112x64xf16> {
  %w = nn.constant dense<1.0> : tensor<64x7x7x3xf16>
  %0 = nn.cast %x : (tensor<4x3x224x224xf32>) -> tensor<4x3x224x224xf16>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 3, 1>} : (tensor<4x3x224x224xf16>) -> tensor<4x224x224x3xf16>
  %2 = nn.conv %1, %w {strides = array<i64: 2, 2>, pads = array<i64: 3, 3, 3, 3>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<4x224x224x3xf16>, tensor<64x7x7x3xf16>) -> tensor<4x112x112x64xf16>
  func.return %2 : tensor<4x112x112x64xf16>
}

// -----

// The batch counts at its usual size: one picture, though 64 would repay the launch.
// CHECK-LABEL: @few
// CHECK-NOT: nn.pad
// CHECK: func.return
builtin.module attributes {nn.symbols = {N = array<i64: 1, 1, 64>}} {
  func.func @few(%x: tensor<?x112x112x3xf16, #nn.dims<N, 112, 112, 3>>) -> tensor<?x56x56x64xf16, #nn.dims<N, 56, 56, 64>> {
    %w = nn.constant dense<1.0> : tensor<64x7x7x3xf16>
    %0 = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 3, 3, 3, 3>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x112x112x3xf16, #nn.dims<N, 112, 112, 3>>, tensor<64x7x7x3xf16>) -> tensor<?x56x56x64xf16, #nn.dims<N, 56, 56, 64>>
    func.return %0 : tensor<?x56x56x64xf16, #nn.dims<N, 56, 56, 64>>
  }
}

// -----

// The same, usually 64 pictures.
// CHECK-LABEL: @many
// CHECK: nn.pad
// CHECK: func.return
builtin.module attributes {nn.symbols = {N = array<i64: 1, 64, 64>}} {
  func.func @many(%x: tensor<?x112x112x3xf16, #nn.dims<N, 112, 112, 3>>) -> tensor<?x56x56x64xf16, #nn.dims<N, 56, 56, 64>> {
    %w = nn.constant dense<1.0> : tensor<64x7x7x3xf16>
    %0 = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 3, 3, 3, 3>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x112x112x3xf16, #nn.dims<N, 112, 112, 3>>, tensor<64x7x7x3xf16>) -> tensor<?x56x56x64xf16, #nn.dims<N, 56, 56, 64>>
    func.return %0 : tensor<?x56x56x64xf16, #nn.dims<N, 56, 56, 64>>
  }
}
