// RUN: trtc-opt %s -p pad-concats,fold-constants,dce --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p pad-concats,fold-constants,dce --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Dynamic: a token beside the patches of each image, and positions: one sum on padded patches.
// CHECK-LABEL: @token
// CHECK: %[[C:.*]] = nn.constant dense<{{.*}}3.000000e+00, 4.000000e+00], [2.500000e+00, 2.500000e+00], [2.500000e+00, 2.500000e+00]{{.*}}> : tensor<1x3x2xf32>
// CHECK: %[[P:.*]] = nn.pad %x {low = array<i64: 0, 1, 0>, high = array<i64: 0, 0, 0>, value = -0.000000e+00 : f64} : {{.*}} -> tensor<?x3x2xf32, #nn.dims<N, 3, 2>>
// CHECK-NEXT: nn.add %[[P]], %[[C]] {nn.names = ["y"]}
// REMARK: applied: pad-concats: nn.concat: 1 constants beside a tensor are added to its padding
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 4>}} {
  func.func @token(%x: tensor<?x2x2xf32, #nn.dims<N, 2, 2>>) -> tensor<?x3x2xf32, #nn.dims<N, 3, 2>> {
    %t = nn.constant dense<[[[0.5, 1.5]]]> : tensor<1x1x2xf32>
    %p = nn.constant dense<2.5> : tensor<1x3x2xf32>
    %0 = nn.broadcast_to %t : (tensor<1x1x2xf32>) -> tensor<?x1x2xf32, #nn.dims<N, 1, 2>>
    %1 = nn.concat %0, %x {axis = 1 : i64} : (tensor<?x1x2xf32, #nn.dims<N, 1, 2>>, tensor<?x2x2xf32, #nn.dims<N, 2, 2>>) -> tensor<?x3x2xf32, #nn.dims<N, 3, 2>>
    %2 = nn.add %1, %p {nn.names = ["y"]} : (tensor<?x3x2xf32, #nn.dims<N, 3, 2>>, tensor<1x3x2xf32>) -> tensor<?x3x2xf32, #nn.dims<N, 3, 2>>
    func.return %2 : tensor<?x3x2xf32, #nn.dims<N, 3, 2>>
  }
}

// -----

// Constants on both sides.
// CHECK-LABEL: @both_sides
// CHECK: nn.pad %x {low = array<i64: 1, 0>, high = array<i64: 2, 0>, value = -0.000000e+00 : f64} : (tensor<3x2xf32>) -> tensor<6x2xf32>
func.func @both_sides(%x: tensor<3x2xf32>) -> tensor<6x2xf32> {
  %a = nn.constant dense<1.0> : tensor<1x2xf32>
  %b = nn.constant dense<2.0> : tensor<2x2xf32>
  %p = nn.constant dense<3.0> : tensor<6x1xf32>
  %0 = nn.concat %a, %x, %b {axis = 0 : i64} : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<6x2xf32>
  %1 = nn.broadcast_to %p : (tensor<6x1xf32>) -> tensor<6x2xf32>
  %2 = nn.add %1, %0 : (tensor<6x2xf32>, tensor<6x2xf32>) -> tensor<6x2xf32>
  func.return %2 : tensor<6x2xf32>
}

// -----

// Refused: one number is added to all, two tensors vary, or the concat is read elsewhere.
// CHECK-LABEL: @refused
// CHECK-NOT: nn.pad
// REMARK-DAG: missed: pad-concats: nn.concat: constants are copied beside a tensor: what is added does not differ along the axis
// REMARK-DAG: missed: pad-concats: nn.concat: constants are copied beside a tensor: it joins several tensors that are no constants
// REMARK-DAG: missed: pad-concats: nn.concat: constants are copied beside a tensor: ops other than the sum read it
func.func @refused(%x: tensor<3x2xf32>) -> (tensor<4x2xf32>, tensor<7x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %a = nn.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %v = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %p = nn.constant dense<3.0> : tensor<7x2xf32>
  %q = nn.constant dense<3.0> : tensor<4x2xf32>
  %0 = nn.concat %a, %x {axis = 0 : i64} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
  %1 = nn.add %0, %v : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  %2 = nn.concat %a, %x, %x {axis = 0 : i64} : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<7x2xf32>
  %3 = nn.add %2, %p : (tensor<7x2xf32>, tensor<7x2xf32>) -> tensor<7x2xf32>
  %4 = nn.concat %x, %a {axis = 0 : i64} : (tensor<3x2xf32>, tensor<1x2xf32>) -> tensor<4x2xf32>
  %5 = nn.add %4, %q : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  func.return %1, %3, %4, %5 : tensor<4x2xf32>, tensor<7x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// Invalid: dims that do not add up.
// CHECK: nn.concat: expected result 0 of type tensor<4x2xf32>, got tensor<5x2xf32>
func.func @invalid(%x: tensor<3x2xf32>, %a: tensor<1x2xf32>) -> tensor<5x2xf32> {
  %0 = nn.concat %a, %x {axis = 0 : i64} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<5x2xf32>
  func.return %0 : tensor<5x2xf32>
}
