// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// An encoding of another kind.
// CHECK: expected an encoding #nn.dims<...>, got 1 : i64
func.func @f(%x: tensor<4xf32, 1 : i64>) {
  %0 = nn.relu %x : tensor<4xf32, 1 : i64>
  func.return
}

// -----

// A gather along a dim that x lacks.
// CHECK: nn.gather: expected an axis in [0, 2), got 2
func.func @f(%x: tensor<4x4xf32>, %i: tensor<2xi64>) {
  %0 = nn.gather %x, %i {axis = 2 : i64} : (tensor<4x4xf32>, tensor<2xi64>) -> tensor<4x2xf32>
  func.return
}

// -----

// Index tuples need a dim after the batch dims.
// CHECK: nn.gather_nd: expected integer indices of rank above batch_dims = 1, got tensor<2xi64>
func.func @f(%x: tensor<4x4xf32>, %i: tensor<2xi64>) {
  %0 = nn.gather_nd %x, %i {batch_dims = 1 : i64} : (tensor<4x4xf32>, tensor<2xi64>) -> tensor<4xf32>
  func.return
}

// -----

// Index tuples longer than x has dims.
// CHECK: nn.gather_nd: expected index tuples of static length that fit x tensor<4x4xf32> with equal batch dims, got tensor<2x3xi64>
func.func @f(%x: tensor<4x4xf32>, %i: tensor<2x3xi64>) {
  %0 = nn.gather_nd %x, %i {batch_dims = 0 : i64} : (tensor<4x4xf32>, tensor<2x3xi64>) -> tensor<2xf32>
  func.return
}

// -----

// Nothing to join.
// CHECK: nn.concat: expected at least one operand, got none
func.func @f() {
  %0 = nn.concat {axis = 0 : i64} : () -> tensor<4xf32>
  func.return
}

// -----

// A concat along a dim that its operands lack.
// CHECK: nn.concat: expected an axis in [0, 2), got -1
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.concat %x, %x {axis = -1 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x8xf32>
  func.return
}

// -----

// A slice of rank 2 with one start.
// CHECK: nn.slice: expected a start, a size and a nonzero step per dim of tensor<4x4xf32>, got 1 starts
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<0>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// A slice that does not move on.
// CHECK: got 2 starts, result tensor<4x4xf32> and steps [1, 0]
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// A slice of another element type.
// CHECK: nn.slice: expected a result of f32, got tensor<4x4xf16>
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<4x4xf16>
  func.return
}

// -----

// A slice that starts before the first element.
// CHECK: nn.slice: expected indices within [0, 4) in dim 1, got index -1
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<0, 2>, steps = array<i64: 1, -1>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// A broadcast to a smaller type.
// CHECK: nn.broadcast_to: expected a result that tensor<4x4xf32> broadcasts to, got tensor<4x1xf32>
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.broadcast_to %x : (tensor<4x4xf32>) -> tensor<4x1xf32>
  func.return
}

// -----

// A pad that crops.
// CHECK: nn.pad: expected 2 low and high counts of 0 or more for tensor<4x4xf32>, got [0, -1] and [0, 0]
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.pad %x {low = array<i64: 0, -1>, high = array<i64: 0, 0>, value = 0.0 : f64} : (tensor<4x4xf32>) -> tensor<4x3xf32>
  func.return
}

// -----

// A roll along more dims than there are.
// CHECK: nn.roll: expected 2 shifts for tensor<4x4xf32>, got [0, 1, 2]
func.func @f(%x: tensor<4x4xf32>) {
  %0 = nn.roll %x {shifts = array<i64: 0, 1, 2>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// A pad that repeats the elements of an empty dim.
// CHECK: nn.pad: expected an element to repeat in dim 1, got tensor<4x0xf32>
func.func @f(%x: tensor<4x0xf32>) {
  %0 = nn.pad %x {low = array<i64: 0, 1>, high = array<i64: 0, 0>, value = 0.0 : f64, mode = #nn.pad_mode<edge>} : (tensor<4x0xf32>) -> tensor<4x1xf32>
  func.return
}

// -----

// Counts along a dim that is not there.
// CHECK: nn.iota: expected an axis in [0, 1), got 1
func.func @f() {
  %0 = nn.iota {axis = 1 : i64} : tensor<4xf32>
  func.return
}

// -----

// A range without an end.
// CHECK: nn.clamp_range: expected floats and a finite bound above 0, got tensor<2xf32> and inf
func.func @f(%x: tensor<2xf32>) {
  %0 = nn.clamp_range %x {largest = 0x7FF0000000000000 : f64} : tensor<2xf32>
  func.return
}

// -----

// A size is one number.
// CHECK: nn.size: expected one expression and a scalar number, got #nn.dims<4, 5> as tensor<i32>
func.func @f() {
  %0 = nn.size #nn.dims<4, 5> : tensor<i32>
  func.return
}
