// RUN: trtc-opt %s -p 'fuse-groups,materialise-storage' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'fuse-groups,materialise-storage' --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A product reads f16 as it is stored and its sums stay f32 up to the one rounding at the end; a constant is cast outside, a scalar stays
// f32 in the group. What the next group computes on is cast there. Dims are dynamic.
// CHECK-LABEL: @chain
// CHECK: %[[X:.*]] = fusion.group "pointwise" (%{{.*}} = %x : tensor<?x8xf32, #nn.dims<N, 8>>) -> (tensor<?x8xf16, #nn.dims<N, 8>>) {
// CHECK: %[[W:.*]] = nn.cast %w : (tensor<8x8xf32>) -> tensor<8x8xf16>
// CHECK: %[[M:.*]] = fusion.group "matmul" (%[[A:.*]] = %[[X]] : tensor<?x8xf16, #nn.dims<N, 8>>, %[[B:.*]] = %[[W]] : tensor<8x8xf16>) -> (tensor<?x8xf16, #nn.dims<N, 8>>) {
// CHECK-NEXT: nn.constant dense<3.000000e-01> : tensor<f32>
// CHECK-NEXT: %[[P:.*]] = nn.matmul %[[A]], %[[B]] : (tensor<?x8xf16, #nn.dims<N, 8>>, tensor<8x8xf16>) -> tensor<?x8xf32, #nn.dims<N, 8>>
// CHECK-NEXT: %[[S:.*]] = nn.mul %[[P]], %{{.*}} -> tensor<?x8xf32, #nn.dims<N, 8>>
// CHECK-NEXT: %[[C:.*]] = nn.cast %[[S]] : {{.*}} -> tensor<?x8xf16, #nn.dims<N, 8>>
// CHECK-NEXT: fusion.yield %[[C]]
// CHECK: fusion.group "row" (%[[R:.*]] = %[[M]] : tensor<?x8xf16, #nn.dims<N, 8>>) -> (tensor<?x8xf32, #nn.dims<N, 8>>) {
// CHECK-NEXT: nn.softmax %[[R]] {axis = 1 : i64} : (tensor<?x8xf16, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
// CHECK-NOT: nn.stored
func.func @chain(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %w = nn.constant {nn.stored = f16} dense<0.5> : tensor<8x8xf32>
  %s = nn.constant dense<0.3> : tensor<f32>
  %0 = nn.abs %x {nn.stored = f16} : tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.matmul %0, %w {math = #nn.math<f16>, nn.stored = f16} : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<8x8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.mul %1, %s {nn.stored = f16} : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %3 = nn.softmax %2 {axis = 1 : i64} : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %3 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Scores stay narrow: the mask, which is wide, joins them in the softmax's group.
// CHECK-LABEL: @scores
// CHECK: fusion.group "matmul" {{.*}} -> (tensor<8x8xbf16>)
// CHECK: fusion.group "row" (%{{.*}} = %{{.*}} : tensor<8x8xbf16>, %{{.*}} = %m : tensor<8x8xf32>)
// CHECK: nn.add
// CHECK: nn.softmax
func.func @scores(%q: tensor<8x8xbf16>, %m: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = nn.matmul %q, %q {nn.stored = bf16} : (tensor<8x8xbf16>, tensor<8x8xbf16>) -> tensor<8x8xf32>
  %1 = nn.add %0, %m : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = nn.softmax %1 {axis = 1 : i64} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  func.return %2 : tensor<8x8xf32>
}

// -----

// Views and ops that only move elements move narrow ones; an average pool sums them in f32.
// CHECK-LABEL: @moves
// CHECK: nn.reshape %{{.*}} : (tensor<64xf16>) -> tensor<1x2x4x8xf16>
// CHECK: nn.max_pool %{{.*}} : (tensor<1x2x4x8xf16>) -> tensor<1x1x2x8xf16>
// CHECK-NEXT: fusion.yield
// CHECK: nn.avg_pool %{{.*}} : (tensor<1x1x2x8xf16>) -> tensor<1x1x1x8xf32>
func.func @moves(%x: tensor<64xf32>) -> tensor<1x1x1x8xf32> {
  %0 = nn.abs %x {nn.stored = f16} : tensor<64xf32>
  %1 = nn.reshape %0 {nn.stored = f16} : (tensor<64xf32>) -> tensor<1x2x4x8xf32>
  %2 = nn.max_pool %1 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, nn.stored = f16} : (tensor<1x2x4x8xf32>) -> tensor<1x1x2x8xf32>
  %3 = nn.avg_pool %2 {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, count_include_pad = false} : (tensor<1x1x2x8xf32>) -> tensor<1x1x1x8xf32>
  func.return %3 : tensor<1x1x1x8xf32>
}

// -----

// An output keeps the model's type: what a later product reads too is stored narrow, and cast for the output by a launch of its own.
// CHECK-LABEL: @output
// CHECK: %[[Y:.*]] = fusion.group "pointwise" {{.*}} -> (tensor<8x8xf16>)
// CHECK: %[[M:.*]] = fusion.group "matmul"
// CHECK: %[[O:.*]] = fusion.group "pointwise" (%{{.*}} = %[[Y]] : tensor<8x8xf16>) -> (tensor<8x8xf32>) {
// CHECK-NEXT: nn.cast
// CHECK: func.return %[[O]], %[[M]]
// REMARK: missed: materialise-storage: fusion.group: a launch of its own casts f16 to f32, as func.return reads it
func.func @output(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = nn.abs %x {nn.stored = f16} : tensor<8x8xf32>
  %1 = nn.matmul %0, %0 {math = #nn.math<f16>} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  func.return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// A conv fuses the cast of its image where that is cheaper than a launch before it. TMA copies bytes: here a launch casts.
// CHECK-LABEL: @images
// CHECK: fusion.group "conv" (%[[X:.*]] = %x : tensor<1x4x4x3xf32>
// CHECK-NEXT: nn.cast %[[X]] : (tensor<1x4x4x3xf32>) -> tensor<1x4x4x3xf16>
// CHECK: %[[Y:.*]] = fusion.group "pointwise" (%{{.*}} = %y : tensor<32x32x32x64xf32>) -> (tensor<32x32x32x64xf16>)
// CHECK: fusion.group "conv" (%{{.*}} = %[[Y]] : tensor<32x32x32x64xf16>
// REMARK: analysis: materialise-storage: fusion.group: cast of the image: in the conv (in the conv {{.*}} us, a launch of its own {{.*}} us)
// REMARK: analysis: materialise-storage: fusion.group: cast of the image: a launch of its own (in the conv {{.*}} us, a launch of its own {{.*}} us)
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @images(%x: tensor<1x4x4x3xf32>, %y: tensor<32x32x32x64xf32>) -> (tensor<1x4x4x8xf32>, tensor<32x32x32x512xf32>) {
    %w = nn.constant {nn.stored = f16} dense<0.5> : tensor<8x1x1x3xf32>
    %v = nn.constant {nn.stored = f16} dense<0.5> : tensor<512x3x3x64xf32>
    %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, math = #nn.math<f16>} : (tensor<1x4x4x3xf32>, tensor<8x1x1x3xf32>) -> tensor<1x4x4x8xf32>
    %1 = nn.conv %y, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, math = #nn.math<f16>} : (tensor<32x32x32x64xf32>, tensor<512x3x3x64xf32>) -> tensor<32x32x32x512xf32>
    func.return %0, %1 : tensor<1x4x4x8xf32>, tensor<32x32x32x512xf32>
  }
}
