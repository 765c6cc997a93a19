// RUN: trtc-opt %s -p fuse-groups --split-input-file | filecheck %s
// RUN: trtc-opt %s -p fuse-groups --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A row op reads rolled rows where they are, through the cut of an image into windows; the sum is a result too, and the batch dynamic.
// CHECK-LABEL: @windows
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.roll
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.layer_norm
// CHECK-NEXT: fusion.yield
// CHECK-NEXT: }
// CHECK-NEXT: func.return
func.func @windows(%x: tensor<?x4x8xf32, #nn.dims<N, 4, 8>>, %r: tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>, %s: tensor<8xf32>) -> (tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>, tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>) {
  %0 = nn.roll %x {shifts = array<i64: 0, 1, 0>} : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x4x8xf32, #nn.dims<N, 4, 8>>
  %1 = nn.reshape %0 : (tensor<?x4x8xf32, #nn.dims<N, 4, 8>>) -> tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>
  %2 = nn.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>) -> tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>
  %3 = nn.add %2, %r : (tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>, tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>) -> tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>
  %4 = nn.layer_norm %3, %s, %s {axis = 3 : i64, epsilon = 1.0e-05 : f64} : (tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>
  func.return %4, %3 : tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>, tensor<?x2x2x8xf32, #nn.dims<N, 2, 2, 8>>
}

// -----

// So does it through the transpose of windows before the roll, so that a product before it writes these as they are.
// CHECK-LABEL: @back
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.roll
// CHECK-NEXT: nn.layer_norm
func.func @back(%x: tensor<1x2x2x8xf32>, %s: tensor<8xf32>) -> tensor<1x4x8xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
  %1 = nn.reshape %0 : (tensor<1x2x2x8xf32>) -> tensor<1x4x8xf32>
  %2 = nn.roll %1 {shifts = array<i64: 0, 1, 0>} : (tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  %3 = nn.layer_norm %2, %s, %s {axis = 2 : i64, epsilon = 1.0e-05 : f64} : (tensor<1x4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<1x4x8xf32>
  func.return %3 : tensor<1x4x8xf32>
}

// -----

// A roll and the pointwise ops after it are one launch.
// CHECK-LABEL: @pointwise
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.roll
// CHECK-NEXT: nn.add
// CHECK-NEXT: fusion.yield
func.func @pointwise(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = nn.roll %x {shifts = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.add %y, %0 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %1 : tensor<4x8xf32>
}

// -----

// Refused, and copied: a roll along the rows of a softmax, one that two ops read, and one of the rows of columns.
// CHECK-LABEL: @refused
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.roll
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.softmax
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.roll
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.softmax
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.roll
// CHECK: fusion.group "row"
// CHECK-NEXT: nn.softmax
// REMARK: missed: fuse-groups: nn.roll: not fused with nn.softmax: it moves elements of the rows that are read
// REMARK: missed: fuse-groups: nn.roll: not fused with nn.softmax: ops outside the group read it too
// REMARK: missed: fuse-groups: nn.roll: not fused with nn.softmax: it is not read row by row
func.func @refused(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = nn.roll %x {shifts = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.softmax %0 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = nn.roll %x {shifts = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = nn.softmax %2 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = nn.roll %x {shifts = array<i64: 0, 2>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %5 = nn.softmax %4 {axis = 0 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %1, %2, %3, %5 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}
