// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s
// RUN: trtc-opt %s -p canonicalize-nn --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Two slices along each of two dims, joined the other way round, are one roll; the batch is dynamic.
// CHECK-LABEL: @rolled
// CHECK-NEXT: %[[R:.*]] = nn.roll %x {shifts = array<i64: 0, 5, 2>}
// CHECK-NEXT: func.return %[[R]]
func.func @rolled(%x: tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>> {
  %0 = nn.slice %x {starts = #nn.dims<0, 3, 0>, steps = array<i64: 1, 1, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x5x4xf32, #nn.dims<N, 5, 4>>
  %1 = nn.slice %x {starts = #nn.dims<0, 0, 0>, steps = array<i64: 1, 1, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x3x4xf32, #nn.dims<N, 3, 4>>
  %2 = nn.concat %0, %1 {axis = 1 : i64} : (tensor<?x5x4xf32, #nn.dims<N, 5, 4>>, tensor<?x3x4xf32, #nn.dims<N, 3, 4>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  %3 = nn.slice %2 {starts = #nn.dims<0, 0, 2>, steps = array<i64: 1, 1, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x2xf32, #nn.dims<N, 8, 2>>
  %4 = nn.slice %2 {starts = #nn.dims<0, 0, 0>, steps = array<i64: 1, 1, 1>} : (tensor<?x8x4xf32, #nn.dims<N, 8, 4>>) -> tensor<?x8x2xf32, #nn.dims<N, 8, 2>>
  %5 = nn.concat %3, %4 {axis = 2 : i64} : (tensor<?x8x2xf32, #nn.dims<N, 8, 2>>, tensor<?x8x2xf32, #nn.dims<N, 8, 2>>) -> tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
  func.return %5 : tensor<?x8x4xf32, #nn.dims<N, 8, 4>>
}

// -----

// The last 3 rows of N before the others: the shift is known, the size is not.
// CHECK-LABEL: @of_dynamic_rows
// CHECK-NEXT: nn.roll %x {shifts = array<i64: 3, 0>}
// CHECK-NEXT: func.return
func.func @of_dynamic_rows(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
  %0 = nn.slice %x {starts = #nn.dims<N - 3, 0>, steps = array<i64: 1, 1>} : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<3x4xf32>
  %1 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N - 3, 4>>
  %2 = nn.concat %0, %1 {axis = 0 : i64} : (tensor<3x4xf32>, tensor<?x4xf32, #nn.dims<N - 3, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  func.return %2 : tensor<?x4xf32, #nn.dims<N, 4>>
}

// -----

// Refused: a shift by a size that only a run knows, and slices that leave something out.
// CHECK-LABEL: @refused
// CHECK-NOT: nn.roll
// CHECK: func.return
// REMARK: missed: canonicalize-nn: nn.concat: not a roll: it moves by M, which only a run knows
func.func @refused(%x: tensor<?x4xf32, #nn.dims<N + M, 4>>, %y: tensor<4x4xf32>) -> (tensor<?x4xf32, #nn.dims<N + M, 4>>, tensor<3x4xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<M, 0>, steps = array<i64: 1, 1>} : (tensor<?x4xf32, #nn.dims<N + M, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  %1 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<?x4xf32, #nn.dims<N + M, 4>>) -> tensor<?x4xf32, #nn.dims<M, 4>>
  %2 = nn.concat %0, %1 {axis = 0 : i64} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<M, 4>>) -> tensor<?x4xf32, #nn.dims<N + M, 4>>
  %3 = nn.slice %y {starts = #nn.dims<2, 0>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<2x4xf32>
  %4 = nn.slice %y {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<1x4xf32>
  %5 = nn.concat %3, %4 {axis = 0 : i64} : (tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>
  func.return %2, %5 : tensor<?x4xf32, #nn.dims<N + M, 4>>, tensor<3x4xf32>
}

// -----

// A norm of rows goes behind their roll; refused where the roll moves elements of a row. Rolls of rolls are one, or none.
// CHECK-LABEL: @norms
// CHECK-NEXT: %[[R:.*]] = nn.roll %x {shifts = array<i64: 3, 0>}
// CHECK-NEXT: %[[S:.*]] = nn.softmax %[[R]]
// CHECK-NEXT: %[[T:.*]] = nn.softmax %x
// CHECK-NEXT: %[[U:.*]] = nn.roll %[[T]] {shifts = array<i64: 0, 1>}
// CHECK-NEXT: func.return %[[S]], %[[U]], %x
// REMARK: missed: canonicalize-nn: nn.roll: not moved above nn.softmax: it moves elements of a row
func.func @norms(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.roll %0 {shifts = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = nn.roll %1 {shifts = array<i64: 2, 0>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = nn.softmax %x {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = nn.roll %3 {shifts = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %5 = nn.roll %x {shifts = array<i64: -3, 8>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %6 = nn.roll %5 {shifts = array<i64: 3, 0>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %2, %4, %6 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Refused: a norm of what another norm gives. A chain of norms and rolls would else move each roll past all norms before it.
// CHECK-LABEL: @norm_of_norm
// CHECK-NEXT: %[[S:.*]] = nn.softmax %x
// CHECK-NEXT: %[[T:.*]] = nn.softmax %[[S]]
// CHECK-NEXT: %[[R:.*]] = nn.roll %[[T]]
// CHECK-NEXT: func.return %[[R]]
// REMARK: missed: canonicalize-nn: nn.roll: not moved above nn.softmax: it normalises the result of another norm
func.func @norm_of_norm(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.softmax %0 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = nn.roll %1 {shifts = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %2 : tensor<4x8xf32>
}
