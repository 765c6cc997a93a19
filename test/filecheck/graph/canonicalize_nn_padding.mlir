// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s

// Asymmetric padding joins a conv's own, each side its own; -inf joins a max_pool's, whatever the values.
// CHECK-LABEL: @taken_in
// CHECK: nn.conv %x, %w {{.*}}pads = array<i64: 1, 3, 5, 7>
// CHECK: nn.max_pool %x {{.*}}pads = array<i64: 1, 1, 0, 1>
func.func @taken_in(%x: tensor<1x4x4x2xf32>, %w: tensor<1x3x4x2xf32>) -> (tensor<1x8x11x1xf32>, tensor<1x4x5x2xf32>) {
  %0 = nn.pad %x {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 2, 3, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x6x8x2xf32>
  %1 = nn.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 2, 3, 4>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x6x8x2xf32>, tensor<1x3x4x2xf32>) -> tensor<1x8x11x1xf32>
  %2 = nn.pad %x {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 0, 1, 0>, value = 0xFFF0000000000000 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x5x5x2xf32>
  %3 = nn.max_pool %2 {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x5x5x2xf32>) -> tensor<1x4x5x2xf32>
  func.return %1, %3 : tensor<1x8x11x1xf32>, tensor<1x4x5x2xf32>
}

// -----

// Refused: padding of batch or channels, before or after, and a number that is not a conv's padding.
// CHECK-LABEL: @conv_refused
// CHECK-COUNT-5: nn.pad
func.func @conv_refused(%x: tensor<1x4x4x2xf32>, %w: tensor<1x1x1x3xf32>, %v: tensor<1x1x1x2xf32>) -> (tensor<2x4x4x1xf32>, tensor<2x4x4x1xf32>, tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>, tensor<1x5x4x1xf32>) {
  %p0 = nn.pad %x {low = array<i64: 1, 0, 0, 0>, high = array<i64: 0, 0, 0, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<2x4x4x2xf32>
  %0 = nn.conv %p0, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x4x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<2x4x4x1xf32>
  %p1 = nn.pad %x {low = array<i64: 0, 0, 0, 0>, high = array<i64: 1, 0, 0, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<2x4x4x2xf32>
  %1 = nn.conv %p1, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x4x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<2x4x4x1xf32>
  %p2 = nn.pad %x {low = array<i64: 0, 0, 0, 1>, high = array<i64: 0, 0, 0, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x3xf32>
  %2 = nn.conv %p2, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x3xf32>, tensor<1x1x1x3xf32>) -> tensor<1x4x4x1xf32>
  %p3 = nn.pad %x {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 0, 0, 1>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x3xf32>
  %3 = nn.conv %p3, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x3xf32>, tensor<1x1x1x3xf32>) -> tensor<1x4x4x1xf32>
  %p4 = nn.pad %x {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 0, 0, 0>, value = 1.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x5x4x2xf32>
  %4 = nn.conv %p4, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x5x4x2xf32>, tensor<1x1x1x2xf32>) -> tensor<1x5x4x1xf32>
  func.return %0, %1, %2, %3, %4 : tensor<2x4x4x1xf32>, tensor<2x4x4x1xf32>, tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>, tensor<1x5x4x1xf32>
}

// -----

// A zero is never the maximum of a window that holds a value of at least 0: of a clip, or of ops that only move or choose such values.
// CHECK-LABEL: @never_negative
// CHECK-NOT: nn.pad
// CHECK: nn.max_pool %{{.*}} {{.*}}pads = array<i64: 0, 1, 0, 1>
// CHECK-NOT: nn.pad
// CHECK: nn.max_pool %{{.*}} {{.*}}pads = array<i64: 0, 1, 0, 1>
func.func @never_negative(%x: tensor<1x4x4x2xf32>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x4xf32>) {
  %0 = nn.clip %x {min = 0.0 : f64, max = 6.0 : f64} : tensor<1x4x4x2xf32>
  %1 = nn.pad %0 {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 1, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x4x6x2xf32>
  %2 = nn.max_pool %1 {kernel = array<i64: 1, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x6x2xf32>) -> tensor<1x4x4x2xf32>
  %3 = nn.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  %4 = nn.concat %3, %0 {axis = 3 : i64} : (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x4xf32>
  %5 = nn.pad %4 {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 1, 0>, value = 0.0 : f64} : (tensor<1x4x4x4xf32>) -> tensor<1x4x6x4xf32>
  %6 = nn.max_pool %5 {kernel = array<i64: 1, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x6x4xf32>) -> tensor<1x4x4x4xf32>
  func.return %2, %6 : tensor<1x4x4x2xf32>, tensor<1x4x4x4xf32>
}

// -----

// Refused: ones; values of which some may be negative, one operand of a concat and one end of a clip; a window in padding alone.
// CHECK-LABEL: @pool_refused
// CHECK-COUNT-5: nn.pad
func.func @pool_refused(%x: tensor<1x4x4x2xf32>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x4xf32>, tensor<1x4x4x2xf32>, tensor<1x5x4x2xf32>, tensor<1x5x4x2xf32>) {
  %r = nn.relu %x : tensor<1x4x4x2xf32>
  %c = nn.concat %r, %x {axis = 3 : i64} : (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) -> tensor<1x4x4x4xf32>
  %l = nn.clip %x {min = -1.0 : f64, max = 6.0 : f64} : tensor<1x4x4x2xf32>
  %p0 = nn.pad %r {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 1, 0>, value = 1.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x4x6x2xf32>
  %0 = nn.max_pool %p0 {kernel = array<i64: 1, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x6x2xf32>) -> tensor<1x4x4x2xf32>
  %p1 = nn.pad %c {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 1, 0>, value = 0.0 : f64} : (tensor<1x4x4x4xf32>) -> tensor<1x4x6x4xf32>
  %1 = nn.max_pool %p1 {kernel = array<i64: 1, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x6x4xf32>) -> tensor<1x4x4x4xf32>
  %p2 = nn.pad %l {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 1, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x4x6x2xf32>
  %2 = nn.max_pool %p2 {kernel = array<i64: 1, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x4x6x2xf32>) -> tensor<1x4x4x2xf32>
  %p3 = nn.pad %r {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 0, 0, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x5x4x2xf32>
  %3 = nn.max_pool %p3 {kernel = array<i64: 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x5x4x2xf32>) -> tensor<1x5x4x2xf32>
  %p4 = nn.pad %r {low = array<i64: 0, 0, 0, 0>, high = array<i64: 0, 1, 0, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x5x4x2xf32>
  %4 = nn.max_pool %p4 {kernel = array<i64: 2, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 1, 0>, dilations = array<i64: 1, 1>} : (tensor<1x5x4x2xf32>) -> tensor<1x5x4x2xf32>
  func.return %0, %1, %2, %3, %4 : tensor<1x4x4x2xf32>, tensor<1x4x4x4xf32>, tensor<1x4x4x2xf32>, tensor<1x5x4x2xf32>, tensor<1x5x4x2xf32>
}

// -----

// Refused: a dilated window may step over the whole image, of size 2 or of unknown size, and lie in padding alone.
// CHECK-LABEL: @dilated
// CHECK-COUNT-2: nn.pad
// CHECK: nn.max_pool %{{.*}} {{.*}}pads = array<i64: 1, 0, 1, 0>
func.func @dilated(%x: tensor<1x2x?x1xf32, #nn.dims<1, 2, N, 1>>, %y: tensor<1x3x1x1xf32>) -> (tensor<1x1x?x1xf32, #nn.dims<1, 1, N, 1>>, tensor<1x2x?x1xf32, #nn.dims<1, 2, N, 1>>, tensor<1x2x1x1xf32>) {
  %r = nn.relu %x : tensor<1x2x?x1xf32, #nn.dims<1, 2, N, 1>>
  %s = nn.relu %y : tensor<1x3x1x1xf32>
  %p0 = nn.pad %r {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 1, 0, 0>, value = 0.0 : f64} : (tensor<1x2x?x1xf32, #nn.dims<1, 2, N, 1>>) -> tensor<1x4x?x1xf32, #nn.dims<1, 4, N, 1>>
  %0 = nn.max_pool %p0 {kernel = array<i64: 2, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 3, 1>} : (tensor<1x4x?x1xf32, #nn.dims<1, 4, N, 1>>) -> tensor<1x1x?x1xf32, #nn.dims<1, 1, N, 1>>
  %p1 = nn.pad %r {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 1, 0>, value = 0.0 : f64} : (tensor<1x2x?x1xf32, #nn.dims<1, 2, N, 1>>) -> tensor<1x2x?x1xf32, #nn.dims<1, 2, N + 2, 1>>
  %1 = nn.max_pool %p1 {kernel = array<i64: 1, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 2>} : (tensor<1x2x?x1xf32, #nn.dims<1, 2, N + 2, 1>>) -> tensor<1x2x?x1xf32, #nn.dims<1, 2, N, 1>>
  %p2 = nn.pad %s {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 1, 0, 0>, value = 0.0 : f64} : (tensor<1x3x1x1xf32>) -> tensor<1x5x1x1xf32>
  %2 = nn.max_pool %p2 {kernel = array<i64: 2, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 3, 1>} : (tensor<1x5x1x1xf32>) -> tensor<1x2x1x1xf32>
  func.return %0, %1, %2 : tensor<1x1x?x1xf32, #nn.dims<1, 1, N, 1>>, tensor<1x2x?x1xf32, #nn.dims<1, 2, N, 1>>, tensor<1x2x1x1xf32>
}

// -----

// Refused: padding by elements of the image, and by as many as a dim says.
// CHECK-LABEL: @other_padding
// CHECK-COUNT-2: nn.pad
func.func @other_padding(%x: tensor<1x4x?x1xf32, #nn.dims<1, 4, N, 1>>, %w: tensor<1x1x1x1xf32>) -> (tensor<1x6x?x1xf32, #nn.dims<1, 6, N, 1>>, tensor<1x4x?x1xf32, #nn.dims<1, 4, 2*N, 1>>) {
  %p0 = nn.pad %x {low = array<i64: 0, 1, 0, 0>, high = array<i64: 0, 1, 0, 0>, value = 0.0 : f64, mode = #nn.pad_mode<edge>} : (tensor<1x4x?x1xf32, #nn.dims<1, 4, N, 1>>) -> tensor<1x6x?x1xf32, #nn.dims<1, 6, N, 1>>
  %0 = nn.conv %p0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x6x?x1xf32, #nn.dims<1, 6, N, 1>>, tensor<1x1x1x1xf32>) -> tensor<1x6x?x1xf32, #nn.dims<1, 6, N, 1>>
  %p1 = nn.pad %x {low = #nn.dims<0, 0, N, 0>, high = #nn.dims<0, 0, 0, 0>, value = 0.0 : f64} : (tensor<1x4x?x1xf32, #nn.dims<1, 4, N, 1>>) -> tensor<1x4x?x1xf32, #nn.dims<1, 4, 2*N, 1>>
  %1 = nn.conv %p1, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x?x1xf32, #nn.dims<1, 4, 2*N, 1>>, tensor<1x1x1x1xf32>) -> tensor<1x4x?x1xf32, #nn.dims<1, 4, 2*N, 1>>
  func.return %0, %1 : tensor<1x6x?x1xf32, #nn.dims<1, 6, N, 1>>, tensor<1x4x?x1xf32, #nn.dims<1, 4, 2*N, 1>>
}
