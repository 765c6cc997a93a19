// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s
// RUN: trtc-opt %s -p canonicalize-nn --split-input-file --remarks=missed:canonicalize-nn 2>&1 >/dev/null | filecheck %s --check-prefix=REMARK

// A bias moves before the views that join two convs, once for each pair of columns; a clip by numbers moves as it is.
// CHECK-LABEL: @bias
// CHECK: %[[A:.*]] = nn.conv %x, %v
// CHECK: %[[B:.*]] = nn.conv %x, %w
// CHECK: %[[ROW:.*]] = nn.reshape %b : (tensor<3xf32>) -> tensor<1x3xf32>
// CHECK-NEXT: %[[PAIR:.*]] = nn.broadcast_to %[[ROW]] : (tensor<1x3xf32>) -> tensor<2x3xf32>
// CHECK-NEXT: %[[TWICE:.*]] = nn.reshape %[[PAIR]] : (tensor<2x3xf32>) -> tensor<6xf32>
// CHECK: %[[C:.*]] = nn.add %[[A]], %[[TWICE]] : (tensor<1x4x4x6xf32>, tensor<6xf32>) -> tensor<1x4x4x6xf32>
// CHECK: nn.add %[[B]],
// CHECK: nn.clip %[[C]]
// CHECK: nn.concat
// CHECK: %[[END:.*]] = nn.slice
// CHECK-NEXT: func.return %[[END]]
func.func @bias(%x: tensor<1x4x4x2xf32>, %v: tensor<6x1x1x2xf32>, %w: tensor<6x1x1x2xf32>) -> tensor<1x7x8x3xf32> {
  %b = nn.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %0 = nn.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x2xf32>, tensor<6x1x1x2xf32>) -> tensor<1x4x4x6xf32>
  %1 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x4x4x2xf32>, tensor<6x1x1x2xf32>) -> tensor<1x4x4x6xf32>
  %2 = nn.reshape %0 : (tensor<1x4x4x6xf32>) -> tensor<1x4x1x8x3xf32>
  %3 = nn.reshape %1 : (tensor<1x4x4x6xf32>) -> tensor<1x4x1x8x3xf32>
  %4 = nn.concat %2, %3 {axis = 2 : i64} : (tensor<1x4x1x8x3xf32>, tensor<1x4x1x8x3xf32>) -> tensor<1x4x2x8x3xf32>
  %5 = nn.reshape %4 : (tensor<1x4x2x8x3xf32>) -> tensor<1x8x8x3xf32>
  %6 = nn.slice %5 {starts = #nn.dims<0, 1, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x8x8x3xf32>) -> tensor<1x7x8x3xf32>
  %7 = nn.add %6, %b : (tensor<1x7x8x3xf32>, tensor<3xf32>) -> tensor<1x7x8x3xf32>
  %8 = nn.clip %7 {min = -1.0 : f64, max = 2.0 : f64} : tensor<1x7x8x3xf32>
  func.return %8 : tensor<1x7x8x3xf32>
}

// -----

// A dynamic image; the bias is a row of its own rank.
// CHECK-LABEL: @dynamic
// CHECK: nn.reshape %{{.*}} : (tensor<1x1x2xf32>) -> tensor<1x2xf32>
// CHECK: nn.mul %{{.*}}, %{{.*}} : (tensor<6xf32>, tensor<?x4x6xf32, #nn.dims<N, 4, 6>>)
// CHECK-NEXT: %[[END:.*]] = nn.reshape
// CHECK-NEXT: func.return %[[END]]
func.func @dynamic(%x: tensor<?x4x2xf32, #nn.dims<N, 4, 2>>, %v: tensor<6x1x2xf32>) -> tensor<?x12x2xf32, #nn.dims<N, 12, 2>> {
  %b = nn.constant dense<[[[3.0, 2.0]]]> : tensor<1x1x2xf32>
  %0 = nn.conv %x, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 1 : i64} : (tensor<?x4x2xf32, #nn.dims<N, 4, 2>>, tensor<6x1x2xf32>) -> tensor<?x4x6xf32, #nn.dims<N, 4, 6>>
  %1 = nn.reshape %0 : (tensor<?x4x6xf32, #nn.dims<N, 4, 6>>) -> tensor<?x12x2xf32, #nn.dims<N, 12, 2>>
  %2 = nn.mul %b, %1 : (tensor<1x1x2xf32>, tensor<?x12x2xf32, #nn.dims<N, 12, 2>>) -> tensor<?x12x2xf32, #nn.dims<N, 12, 2>>
  func.return %2 : tensor<?x12x2xf32, #nn.dims<N, 12, 2>>
}

// -----

// Refused: a tensor that is computed, views with other users, a number per row; and a split of channels that goes to another place.
// CHECK-LABEL: @refused
// CHECK: %[[R:.*]] = nn.reshape
// CHECK-NEXT: nn.add %[[R]], %r
// CHECK: %[[S:.*]] = nn.reshape
// CHECK-NEXT: nn.add %[[S]], %{{.*}} : (tensor<1x12x2xf32>, tensor<12x1xf32>)
// CHECK: %[[T:.*]] = nn.reshape
// CHECK-NEXT: nn.mul %[[T]], %{{.*}} : (tensor<1x12x2xf32>, tensor<2xf32>)
// CHECK: %[[U:.*]] = nn.transpose
// CHECK-NEXT: nn.mul %[[U]],
// REMARK: missed: canonicalize-nn: nn.add: not moved before the views of a transposed convolution: it reads another tensor
// REMARK: missed: canonicalize-nn: nn.mul: not moved before the views of a transposed convolution: they have other users
func.func @refused(%x: tensor<1x4x2xf32>, %v: tensor<6x1x2xf32>, %r: tensor<1x12x2xf32>) -> (tensor<1x12x2xf32>, tensor<1x12x2xf32>, tensor<1x12x2xf32>, tensor<1x12x2xf32>, tensor<1x4x2x3xf32>) {
  %b = nn.constant dense<[3.0, 2.0]> : tensor<2xf32>
  %c = nn.constant dense<[[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [8.0], [9.0], [10.0], [11.0], [12.0]]> : tensor<12x1xf32>
  %d = nn.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %0 = nn.conv %x, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 1 : i64} : (tensor<1x4x2xf32>, tensor<6x1x2xf32>) -> tensor<1x4x6xf32>
  %1 = nn.reshape %0 : (tensor<1x4x6xf32>) -> tensor<1x12x2xf32>
  %2 = nn.add %1, %r : (tensor<1x12x2xf32>, tensor<1x12x2xf32>) -> tensor<1x12x2xf32>
  %3 = nn.conv %x, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 1 : i64} : (tensor<1x4x2xf32>, tensor<6x1x2xf32>) -> tensor<1x4x6xf32>
  %4 = nn.reshape %3 : (tensor<1x4x6xf32>) -> tensor<1x12x2xf32>
  %5 = nn.add %4, %c : (tensor<1x12x2xf32>, tensor<12x1xf32>) -> tensor<1x12x2xf32>
  %6 = nn.conv %x, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 1 : i64} : (tensor<1x4x2xf32>, tensor<6x1x2xf32>) -> tensor<1x4x6xf32>
  %7 = nn.reshape %6 : (tensor<1x4x6xf32>) -> tensor<1x12x2xf32>
  %8 = nn.mul %7, %b : (tensor<1x12x2xf32>, tensor<2xf32>) -> tensor<1x12x2xf32>
  %9 = nn.conv %x, %v {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, groups = 1 : i64} : (tensor<1x4x2xf32>, tensor<6x1x2xf32>) -> tensor<1x4x6xf32>
  %10 = nn.reshape %9 : (tensor<1x4x6xf32>) -> tensor<1x4x3x2xf32>
  %11 = nn.transpose %10 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x4x3x2xf32>) -> tensor<1x4x2x3xf32>
  %12 = nn.mul %11, %d : (tensor<1x4x2x3xf32>, tensor<3xf32>) -> tensor<1x4x2x3xf32>
  func.return %2, %5, %7, %8, %12 : tensor<1x12x2xf32>, tensor<1x12x2xf32>, tensor<1x12x2xf32>, tensor<1x12x2xf32>, tensor<1x4x2x3xf32>
}
