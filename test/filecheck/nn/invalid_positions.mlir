// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// An axis counts from the front.
// CHECK: nn.argsort: expected an axis in [0, 1), got 1
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.argsort %x {axis = 1 : i64} : (tensor<4xf32>) -> tensor<4xi32>
  func.return
}

// -----

// Positions are i32.
// CHECK: nn.argsort: expected result 0 of type tensor<4xi32>, got tensor<4xi64>
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.argsort %x {axis = 0 : i64} : (tensor<4xf32>) -> tensor<4xi64>
  func.return
}

// -----

// A scan is over numbers.
// CHECK: nn.cumulative: expected numbers and a result like x tensor<4xi1>, got tensor<4xi1>
func.func @f(%x : tensor<4xi1>) {
  %0 = nn.cumulative sum %x {axis = 0 : i64} : (tensor<4xi1>) -> tensor<4xi1>
  func.return
}

// -----

// Only narrow floats widen.
// CHECK: nn.cumulative: expected numbers and a result like x tensor<4xi32>, got tensor<4xf32>
func.func @f(%x : tensor<4xi32>) {
  %0 = nn.cumulative sum %x {axis = 0 : i64} : (tensor<4xi32>) -> tensor<4xf32>
  func.return
}

// -----

// An update is a row of x.
// CHECK: nn.scatter: expected updates tensor<5x3xf32>, got tensor<5x4xf32>
func.func @f(%x : tensor<8x3xf32>, %i : tensor<5xi64>, %u : tensor<5x4xf32>) {
  %0 = nn.scatter set %x, %i, %u : (tensor<8x3xf32>, tensor<5xi64>, tensor<5x4xf32>) -> tensor<8x3xf32>
  func.return
}

// -----

// Booleans are replaced, not combined.
// CHECK: nn.scatter: expected numbers of rank 1 or more and integer indices, got add of tensor<8xi1> at tensor<5xi64>
func.func @f(%x : tensor<8xi1>, %i : tensor<5xi64>, %u : tensor<5xi1>) {
  %0 = nn.scatter add %x, %i, %u : (tensor<8xi1>, tensor<5xi64>, tensor<5xi1>) -> tensor<8xi1>
  func.return
}

// -----

// The axis of a scan counts from the front as well.
// CHECK: nn.cumulative: expected an axis in [0, 1), got -1
func.func @f(%x : tensor<4xf32>) {
  %0 = nn.cumulative sum %x {axis = -1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}
