// RUN: trtc-opt %s -p 'select-schedule{allowed="window","lrn"},lower-groups' --split-input-file | filecheck %s

// A loop over the taps of the im2col view; padding is -inf and never wins.
// CHECK-LABEL: kernel.func @max_pool(
// CHECK: %[[V:.*]] = kernel.im2col %x
// CHECK: kernel.fill -inf
// CHECK: scf.for
// CHECK: kernel.load %[[V]]{{.*}} fill -inf
// CHECK: arith.maximumf
// CHECK: kernel.store
func.func private @max_pool(%x: tensor<1x8x8x16xf16>) -> tensor<1x4x4x16xf16> attributes {fusion.anchor = "window"} {
  %0 = nn.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf16>) -> tensor<1x4x4x16xf16>
  func.return %0 : tensor<1x4x4x16xf16>
}

// -----

// The tap of the greatest element, of those inside the image; then its place.
// CHECK-LABEL: kernel.func @arg_max_pool(
// CHECK: kernel.fill -1.000000e+00 : !kernel.frag<{{.*}}xi32
// CHECK: scf.for
// CHECK: kernel.valid
// CHECK: arith.cmpf ogt
// CHECK: arith.select
// CHECK: kernel.map
// CHECK: arith.remsi
// CHECK: arith.extsi %{{.*}} : i32 to i64
func.func private @arg_max_pool(%x: tensor<1x8x8x16xf16>) -> tensor<1x4x4x16xi64> attributes {fusion.anchor = "window"} {
  %0 = nn.arg_max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x16xf16>) -> tensor<1x4x4x16xi64>
  func.return %0 : tensor<1x4x4x16xi64>
}

// -----

// Without the padding in the count, the elements inside the image are counted along with the sum.
// CHECK-LABEL: kernel.func @avg_pool(
// CHECK: scf.for
// CHECK: kernel.valid
// CHECK: arith.select
// CHECK: arith.divf
func.func private @avg_pool(%x: tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32> attributes {fusion.anchor = "window"} {
  %0 = nn.avg_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, count_include_pad = false} : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
  func.return %0 : tensor<1x8x8x16xf32>
}

// -----

// Depthwise weights are a view (tap, any pixel, channel); bias and clip follow on the f32 accumulator.
// CHECK-LABEL: kernel.func @depthwise(
// CHECK: %[[W:.*]] = kernel.view %w dims <9, 64, 32> strides <1, 0, 9> offset <0> groups [array<i64: 0>, array<i64: 1>, array<i64: 2>]
// CHECK: scf.for %[[TAP:[0-9]+]] =
// CHECK: kernel.load %[[W]][%[[TAP]]
// CHECK: arith.mulf
// CHECK: arith.minimumf
// CHECK: arith.truncf
func.func private @depthwise(%x: tensor<1x8x8x32xf16>, %w: tensor<32x3x3x1xf16>, %b: tensor<32xf16>) -> tensor<1x8x8x32xf16> attributes {fusion.anchor = "window"} {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64} : (tensor<1x8x8x32xf16>, tensor<32x3x3x1xf16>) -> tensor<1x8x8x32xf16>
  %1 = nn.add %0, %b : (tensor<1x8x8x32xf16>, tensor<32xf16>) -> tensor<1x8x8x32xf16>
  %2 = nn.clip %1 {min = 0.0 : f64, max = 6.0 : f64} : tensor<1x8x8x32xf16>
  func.return %2 : tensor<1x8x8x32xf16>
}

// -----

// Local response normalisation adds the squares of shifted columns.
// CHECK-LABEL: kernel.func @lrn(
// CHECK: scf.for
// CHECK: arith.subi
// CHECK: kernel.load
// CHECK: math.powf
func.func private @lrn(%x: tensor<2x4x4x32xf32>) -> tensor<2x4x4x32xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.lrn %x {size = 5 : i64, alpha = 1.0e-04 : f64, beta = 7.5e-01 : f64, bias = 1.0 : f64} : (tensor<2x4x4x32xf32>) -> tensor<2x4x4x32xf32>
  func.return %0 : tensor<2x4x4x32xf32>
}
