// RUN: trtc-opt %s -p recognise-rotary --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p recognise-rotary --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Halves change places by a slice that runs backwards; the sequence has any length, and cos and sin broadcast.
// CHECK-LABEL: @rotary
// CHECK-DAG: %[[X:.*]] = nn.reshape %x : {{.*}} -> tensor<2x?x2x4xf32, #nn.dims<2, N, 2, 4>>
// CHECK-DAG: %[[C:.*]] = nn.reshape %c : {{.*}} -> tensor<?x2x4xf32, #nn.dims<N, 2, 4>>
// CHECK-DAG: %[[S:.*]] = nn.reshape %s : {{.*}} -> tensor<?x2x4xf32, #nn.dims<N, 2, 4>>
// CHECK: %[[T:.*]] = nn.slice %[[X]] {starts = #nn.dims<0, 0, 1, 0>, steps = array<i64: 1, 1, -1, 1>}
// CHECK: %[[Q:.*]] = nn.mul %[[T]], %[[S]]
// CHECK: %[[M:.*]] = nn.constant dense<{{.*}}-1.0{{.*}}> : tensor<2x1xf32>
// CHECK: %[[R:.*]] = nn.mul %[[Q]], %[[M]]
// CHECK: %[[P:.*]] = nn.mul %[[X]], %[[C]]
// CHECK: %[[A:.*]] = nn.add %[[P]], %[[R]]
// CHECK: nn.reshape %[[A]]
// CHECK-NOT: nn.concat
// REMARK: applied: recognise-rotary: nn.reshape: a rotary embedding on halves
func.func @rotary(%x: tensor<2x?x8xf32, #nn.dims<2, N, 8>>, %c: tensor<?x8xf32, #nn.dims<N, 8>>, %s: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>> {
  %0 = nn.slice %x {starts = #nn.dims<0, 0, 4>, steps = array<i64: 1, 1, 1>} : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>) -> tensor<2x?x4xf32, #nn.dims<2, N, 4>>
  %1 = nn.neg %0 : tensor<2x?x4xf32, #nn.dims<2, N, 4>>
  %2 = nn.slice %x {starts = #nn.dims<0, 0, 0>, steps = array<i64: 1, 1, 1>} : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>) -> tensor<2x?x4xf32, #nn.dims<2, N, 4>>
  %3 = nn.concat %1, %2 {axis = 2 : i64} : (tensor<2x?x4xf32, #nn.dims<2, N, 4>>, tensor<2x?x4xf32, #nn.dims<2, N, 4>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>>
  %4 = nn.mul %x, %c : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>>
  %5 = nn.mul %3, %s : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>>
  %6 = nn.add %4, %5 : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>, tensor<2x?x8xf32, #nn.dims<2, N, 8>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>>
  func.return %6 : tensor<2x?x8xf32, #nn.dims<2, N, 8>>
}

// -----

// Neighbours that change places, as GPT-J has them: every second element, joined along a new last dim.
// CHECK-LABEL: @neighbours
// CHECK-DAG: %[[X:.*]] = nn.reshape %x : {{.*}} -> tensor<2x?x4x2xf32, #nn.dims<2, N, 4, 2>>
// CHECK-DAG: %[[C:.*]] = nn.reshape %c : {{.*}} -> tensor<?x4x2xf32, #nn.dims<N, 4, 2>>
// CHECK-DAG: %[[S:.*]] = nn.reshape %s : {{.*}} -> tensor<?x4x2xf32, #nn.dims<N, 4, 2>>
// CHECK: %[[T:.*]] = nn.slice %[[X]] {starts = #nn.dims<0, 0, 0, 1>, steps = array<i64: 1, 1, 1, -1>}
// CHECK: %[[Q:.*]] = nn.mul %[[T]], %[[S]]
// CHECK: %[[M:.*]] = nn.constant dense<[-1.000000e+00, 1.000000e+00]> : tensor<2xf32>
// CHECK: %[[R:.*]] = nn.mul %[[Q]], %[[M]]
// CHECK: %[[P:.*]] = nn.mul %[[X]], %[[C]]
// CHECK: nn.add %[[P]], %[[R]]
// CHECK-NOT: nn.concat
// REMARK: applied: recognise-rotary: nn.reshape: a rotary embedding on neighbours
func.func @neighbours(%x: tensor<2x?x8xf32, #nn.dims<2, N, 8>>, %c: tensor<?x8xf32, #nn.dims<N, 8>>, %s: tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>> {
  %0 = nn.slice %x {starts = #nn.dims<0, 0, 1>, steps = array<i64: 1, 1, 2>} : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>) -> tensor<2x?x4xf32, #nn.dims<2, N, 4>>
  %1 = nn.neg %0 : tensor<2x?x4xf32, #nn.dims<2, N, 4>>
  %2 = nn.reshape %1 : (tensor<2x?x4xf32, #nn.dims<2, N, 4>>) -> tensor<2x?x4x1xf32, #nn.dims<2, N, 4, 1>>
  %3 = nn.slice %x {starts = #nn.dims<0, 0, 0>, steps = array<i64: 1, 1, 2>} : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>) -> tensor<2x?x4xf32, #nn.dims<2, N, 4>>
  %4 = nn.reshape %3 : (tensor<2x?x4xf32, #nn.dims<2, N, 4>>) -> tensor<2x?x4x1xf32, #nn.dims<2, N, 4, 1>>
  %5 = nn.concat %2, %4 {axis = 3 : i64} : (tensor<2x?x4x1xf32, #nn.dims<2, N, 4, 1>>, tensor<2x?x4x1xf32, #nn.dims<2, N, 4, 1>>) -> tensor<2x?x4x2xf32, #nn.dims<2, N, 4, 2>>
  %6 = nn.reshape %5 : (tensor<2x?x4x2xf32, #nn.dims<2, N, 4, 2>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>>
  %7 = nn.mul %x, %c : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>>
  %8 = nn.mul %6, %s : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>>
  %9 = nn.add %7, %8 : (tensor<2x?x8xf32, #nn.dims<2, N, 8>>, tensor<2x?x8xf32, #nn.dims<2, N, 8>>) -> tensor<2x?x8xf32, #nn.dims<2, N, 8>>
  func.return %9 : tensor<2x?x8xf32, #nn.dims<2, N, 8>>
}

// -----

// Refused: the neighbours are joined where they were, so that none change places.
// CHECK-LABEL: @in_place
// CHECK: nn.concat
func.func @in_place(%x: tensor<3x8xf32>, %c: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %0 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 2>} : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %1 = nn.neg %0 : tensor<3x4xf32>
  %2 = nn.reshape %1 : (tensor<3x4xf32>) -> tensor<3x4x1xf32>
  %3 = nn.slice %x {starts = #nn.dims<0, 1>, steps = array<i64: 1, 2>} : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %4 = nn.reshape %3 : (tensor<3x4xf32>) -> tensor<3x4x1xf32>
  %5 = nn.concat %2, %4 {axis = 2 : i64} : (tensor<3x4x1xf32>, tensor<3x4x1xf32>) -> tensor<3x4x2xf32>
  %6 = nn.reshape %5 : (tensor<3x4x2xf32>) -> tensor<3x8xf32>
  %7 = nn.mul %x, %c : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  %8 = nn.mul %6, %c : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  %9 = nn.add %7, %8 : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  func.return %9 : tensor<3x8xf32>
}

// -----

// Refused: the joined halves are an output, too.
// CHECK-LABEL: @shared
// CHECK: nn.concat
// REMARK: missed: recognise-rotary: nn.add: rotary embedding: other ops read a part of it
func.func @shared(%x: tensor<3x8xf32>, %c: tensor<3x8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  %0 = nn.slice %x {starts = #nn.dims<0, 4>, steps = array<i64: 1, 1>} : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %1 = nn.neg %0 : tensor<3x4xf32>
  %2 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %3 = nn.concat %1, %2 {axis = 1 : i64} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  %4 = nn.mul %x, %c : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  %5 = nn.mul %3, %c : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  %6 = nn.add %4, %5 : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  func.return %6, %3 : tensor<3x8xf32>, tensor<3x8xf32>
}

// -----

// Refused: the parts that change places are not halves.
// CHECK-LABEL: @thirds
// CHECK: nn.concat
func.func @thirds(%x: tensor<3x9xf32>, %c: tensor<3x9xf32>) -> tensor<3x9xf32> {
  %0 = nn.slice %x {starts = #nn.dims<0, 3>, steps = array<i64: 1, 1>} : (tensor<3x9xf32>) -> tensor<3x6xf32>
  %1 = nn.neg %0 : tensor<3x6xf32>
  %2 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<3x9xf32>) -> tensor<3x3xf32>
  %3 = nn.concat %1, %2 {axis = 1 : i64} : (tensor<3x6xf32>, tensor<3x3xf32>) -> tensor<3x9xf32>
  %4 = nn.mul %x, %c : (tensor<3x9xf32>, tensor<3x9xf32>) -> tensor<3x9xf32>
  %5 = nn.mul %3, %c : (tensor<3x9xf32>, tensor<3x9xf32>) -> tensor<3x9xf32>
  %6 = nn.add %4, %5 : (tensor<3x9xf32>, tensor<3x9xf32>) -> tensor<3x9xf32>
  func.return %6 : tensor<3x9xf32>
}

// -----

// Invalid: a concat of halves whose sizes do not fit.
// CHECK: expected
func.func @invalid(%x: tensor<3x8xf32>) -> tensor<3x9xf32> {
  %0 = nn.slice %x {starts = #nn.dims<0, 4>, steps = array<i64: 1, 1>} : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %1 = nn.concat %0, %0 {axis = 1 : i64} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x9xf32>
  func.return %1 : tensor<3x9xf32>
}
