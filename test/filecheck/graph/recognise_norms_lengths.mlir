// RUN: trtc-opt %s -p recognise-norms --split-input-file | filecheck %s
// RUN: trtc-opt %s -p recognise-norms --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// F.normalize: lengths are held above a number and repeated; dims are dynamic.
// CHECK-LABEL: @clipped(
// CHECK: %[[Y:.*]] = nn.l2_normalize %x {axes = array<i64: 1>, epsilon = 1.{{0+}}e-12 : f64}
// CHECK-NEXT: func.return %[[Y]]
// REMARK: applied: recognise-norms: nn.div: 5 ops become nn.l2_normalize
func.func @clipped(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %0 = nn.reduce sumsq %x {axes = array<i64: 1>, keepdims = true} : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x1xf32, #nn.dims<N, 1>>
  %1 = nn.sqrt %0 : tensor<?x1xf32, #nn.dims<N, 1>>
  %2 = nn.clip %1 {min = 1.0e-12 : f64, max = 0x7FF0000000000000 : f64} : tensor<?x1xf32, #nn.dims<N, 1>>
  %3 = nn.broadcast_to %2 : (tensor<?x1xf32, #nn.dims<N, 1>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %4 = nn.div %x, %3 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %4 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// A bound of squares is the square of a bound; vectors are multiplied by inverse lengths, in whichever order.
// CHECK-LABEL: @of_squares(
// CHECK: %[[Y:.*]] = nn.l2_normalize %x {axes = array<i64: 0, 1>, epsilon = 0.00099999{{[0-9]+}} : f64}
// CHECK-NEXT: func.return %[[Y]]
func.func @of_squares(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = nn.constant dense<1.0e-06> : tensor<f32>
  %0 = nn.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.reduce sum %0 {axes = array<i64: 0, 1>, keepdims = true} : (tensor<4x8xf32>) -> tensor<1x1xf32>
  %2 = nn.max %e, %1 : (tensor<f32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %3 = nn.rsqrt %2 : tensor<1x1xf32>
  %4 = nn.mul %3, %x : (tensor<1x1xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %4 : tensor<4x8xf32>
}

// -----

// Without a bound, of f16 by sums in f32.
// CHECK-LABEL: @unbounded(
// CHECK: %[[Y:.*]] = nn.l2_normalize %x {axes = array<i64: 1>, epsilon = 0.{{0+}}e+00 : f64} : (tensor<4x8xf16>) -> tensor<4x8xf16>
// CHECK-NEXT: func.return %[[Y]]
func.func @unbounded(%x: tensor<4x8xf16>) -> tensor<4x8xf16> {
  %w = nn.cast %x : (tensor<4x8xf16>) -> tensor<4x8xf32>
  %0 = nn.reduce sumsq %w {axes = array<i64: 1>, keepdims = false} : (tensor<4x8xf32>) -> tensor<4xf32>
  %1 = nn.sqrt %0 : tensor<4xf32>
  %2 = nn.reshape %1 : (tensor<4xf32>) -> tensor<4x1xf32>
  %3 = nn.cast %2 : (tensor<4x1xf32>) -> tensor<4x1xf16>
  %4 = nn.div %x, %3 : (tensor<4x8xf16>, tensor<4x1xf16>) -> tensor<4x8xf16>
  func.return %4 : tensor<4x8xf16>
}

// -----

// Refused: another value is divided.
// CHECK-LABEL: @other_value(
// CHECK-NOT: nn.l2_normalize
// CHECK: nn.div
func.func @other_value(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.reduce sumsq %x {axes = array<i64: 1>, keepdims = true} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %1 = nn.sqrt %0 : tensor<4x1xf32>
  %2 = nn.div %y, %1 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  func.return %2 : tensor<4x8xf32>
}

// -----

// Refused: the squared length divides, and lengths of columns divide rows.
// CHECK-LABEL: @other_forms(
// CHECK-NOT: nn.l2_normalize
// CHECK: func.return
// REMARK: missed: recognise-norms: nn.div: not a norm: it is not divided by the root of its sum of squares
// REMARK: missed: recognise-norms: nn.div: not a norm: its lengths do not have the dims of its vectors
func.func @other_forms(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = nn.reduce sumsq %x {axes = array<i64: 1>, keepdims = true} : (tensor<8x8xf32>) -> tensor<8x1xf32>
  %1 = nn.div %x, %0 : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  %2 = nn.reduce sumsq %x {axes = array<i64: 1>, keepdims = false} : (tensor<8x8xf32>) -> tensor<8xf32>
  %3 = nn.sqrt %2 : tensor<8xf32>
  %4 = nn.div %x, %3 : (tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  func.return %1, %4 : tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// Refused: lengths of rounded vectors, whose squares may be beyond f16.
// CHECK-LABEL: @rounded(
// CHECK-NOT: nn.l2_normalize
// CHECK: func.return
func.func @rounded(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.cast %x : (tensor<4x8xf32>) -> tensor<4x8xf16>
  %1 = nn.mul %0, %0 : (tensor<4x8xf16>, tensor<4x8xf16>) -> tensor<4x8xf16>
  %2 = nn.reduce sum %1 {axes = array<i64: 1>, keepdims = true} : (tensor<4x8xf16>) -> tensor<4x1xf16>
  %3 = nn.cast %2 : (tensor<4x1xf16>) -> tensor<4x1xf32>
  %4 = nn.sqrt %3 : tensor<4x1xf32>
  %5 = nn.div %x, %4 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  func.return %5 : tensor<4x8xf32>
}
