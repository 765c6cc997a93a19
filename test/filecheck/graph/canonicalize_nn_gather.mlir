// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s

// A run of indices along the middle dim, counted from the end, is a slice.
// CHECK-LABEL: @run
// CHECK-NEXT: %[[S:.*]] = nn.slice %x {starts = #nn.dims<0, 2, 0>, steps = array<i64: 1, 1, 1>} : (tensor<2x4x3xf32>) -> tensor<2x2x3xf32>
// CHECK-NEXT: func.return %[[S]]
func.func @run(%x: tensor<2x4x3xf32>) -> tensor<2x2x3xf32> {
  %i = nn.constant dense<[-2, 3]> : tensor<2xi64>
  %0 = nn.gather %x, %i {axis = 1 : i64} : (tensor<2x4x3xf32>, tensor<2xi64>) -> tensor<2x2x3xf32>
  func.return %0 : tensor<2x2x3xf32>
}

// -----

// The first of a dim of unknown size is a slice too.
// CHECK-LABEL: @first
// CHECK-NEXT: %[[S:.*]] = nn.slice %x {starts = #nn.dims<0, 0>
// CHECK-NEXT: nn.reshape %[[S]] : (tensor<1x3xf32>) -> tensor<3xf32>
func.func @first(%x: tensor<?x3xf32, #nn.dims<N, 3>>) -> tensor<3xf32> {
  %i = nn.constant dense<0> : tensor<i64>
  %0 = nn.gather %x, %i {axis = 0 : i64} : (tensor<?x3xf32, #nn.dims<N, 3>>, tensor<i64>) -> tensor<3xf32>
  func.return %0 : tensor<3xf32>
}

// -----

// Refused: steps of 2, a falling run, one that wraps around, a table of falling ones, none, and computed ones.
// CHECK-LABEL: @refused
// CHECK-COUNT-6: nn.gather
func.func @refused(%x: tensor<4xf32>, %n: tensor<2xi64>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<1x2xf32>, tensor<0xf32>, tensor<2xf32>) {
  %even = nn.constant dense<[0, 2]> : tensor<2xi64>
  %down = nn.constant dense<[1, 0]> : tensor<2xi64>
  %wrap = nn.constant dense<[-1, 0]> : tensor<2xi64>
  %table = nn.constant dense<[[1, 0]]> : tensor<1x2xi64>
  %none = nn.constant dense<[]> : tensor<0xi64>
  %0 = nn.gather %x, %even {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  %1 = nn.gather %x, %down {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  %2 = nn.gather %x, %wrap {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  %3 = nn.gather %x, %table {axis = 0 : i64} : (tensor<4xf32>, tensor<1x2xi64>) -> tensor<1x2xf32>
  %4 = nn.gather %x, %none {axis = 0 : i64} : (tensor<4xf32>, tensor<0xi64>) -> tensor<0xf32>
  %5 = nn.gather %x, %n {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  func.return %0, %1, %2, %3, %4, %5 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<1x2xf32>, tensor<0xf32>, tensor<2xf32>
}

// -----

// Along a dim of unknown size an index known to be in range is a slice. Refused: the last element, and an index that may be out of range.
// CHECK-LABEL: @unknown
// CHECK: nn.gather %x
// CHECK: nn.gather %x
// CHECK: nn.slice %y {starts = #nn.dims<2>
// CHECK: nn.gather %y
func.func @unknown(%x: tensor<?xf32, #nn.dims<N>>, %y: tensor<?xf32, #nn.dims<N + 2>>) -> (tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) {
  %last = nn.constant dense<-1> : tensor<1xi64>
  %one = nn.constant dense<1> : tensor<1xi64>
  %two = nn.constant dense<2> : tensor<1xi64>
  %three = nn.constant dense<3> : tensor<1xi64>
  %0 = nn.gather %x, %last {axis = 0 : i64} : (tensor<?xf32, #nn.dims<N>>, tensor<1xi64>) -> tensor<1xf32>
  %1 = nn.gather %x, %one {axis = 0 : i64} : (tensor<?xf32, #nn.dims<N>>, tensor<1xi64>) -> tensor<1xf32>
  %2 = nn.gather %y, %two {axis = 0 : i64} : (tensor<?xf32, #nn.dims<N + 2>>, tensor<1xi64>) -> tensor<1xf32>
  %3 = nn.gather %y, %three {axis = 0 : i64} : (tensor<?xf32, #nn.dims<N + 2>>, tensor<1xi64>) -> tensor<1xf32>
  func.return %0, %1, %2, %3 : tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>
}

// -----

// Refused: an index beyond the end, which takes 0.
// CHECK-LABEL: @beyond
// CHECK: nn.gather
func.func @beyond(%x: tensor<4xf32>) -> tensor<2xf32> {
  %i = nn.constant dense<[3, 4]> : tensor<2xi64>
  %0 = nn.gather %x, %i {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  func.return %0 : tensor<2xf32>
}

// -----

// A table of consecutive indices gives a slice its dims: how masks are read by batch and key.
// CHECK-LABEL: @table
// CHECK: %[[Y:.*]] = nn.reshape %x : (tensor<6x1xf32>) -> tensor<2x1x3x1xf32>
// CHECK-NEXT: func.return %[[Y]]
func.func @table(%x: tensor<6x1xf32>) -> tensor<2x1x3x1xf32> {
  %i = nn.constant dense<[[[0, 1, 2]], [[3, 4, 5]]]> : tensor<2x1x3xi64>
  %0 = nn.gather %x, %i {axis = 0 : i64} : (tensor<6x1xf32>, tensor<2x1x3xi64>) -> tensor<2x1x3x1xf32>
  func.return %0 : tensor<2x1x3x1xf32>
}
