// RUN: trtc-opt %s -p assign-destinations --split-input-file | filecheck %s
// RUN: trtc-opt %s -p assign-destinations --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// A producer writes through a transpose that is not its own inverse: dim p[i] of the operand has the stride of dim i of the result.
// CHECK-LABEL: @rotated
// CHECK: fusion.group "pointwise" {{.*}} attributes {layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<[1, 8, 2], align = 2>]}
// CHECK: nn.transpose %{{.*}} {fusion.alias = #fusion.alias<dest>, permutation = array<i64: 1, 2, 0>}
func.func @rotated(%x: tensor<2x3x4xf32>) -> tensor<3x4x2xf32> {
  %0 = fusion.group "pointwise" (%a = %x : tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>) {
    %5 = nn.relu %a : tensor<2x3x4xf32>
    fusion.yield %5 : tensor<2x3x4xf32>
  }
  %1 = nn.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  func.return %1 : tensor<3x4x2xf32>
}

// -----

// Read through the same transpose, the strides go the other way.
// CHECK-LABEL: @read_rotated
// CHECK: fusion.group "pointwise" {{.*}} attributes {layouts = [#fusion.layout<[4, 1, 12], align = 4>, #fusion.layout<contiguous, align = 64>]}
func.func @read_rotated(%x: tensor<2x3x4xf32>) -> tensor<3x4x2xf32> {
  %0 = nn.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = fusion.group "pointwise" (%a = %0 : tensor<3x4x2xf32>) -> (tensor<3x4x2xf32>) {
    %5 = nn.relu %a : tensor<3x4x2xf32>
    fusion.yield %5 : tensor<3x4x2xf32>
  }
  func.return %1 : tensor<3x4x2xf32>
}

// -----

// Refused: rows with a gap between them are no line, so that a reshape of them is a copy.
// CHECK-LABEL: @gap
// CHECK: nn.slice
// CHECK-NEXT: fusion.group "pointwise" {{.*}}layouts = [#fusion.layout<[6, 1], align = 2>, #fusion.layout<contiguous, align = 64>]}
// CHECK: nn.reshape
// REMARK: missed: assign-destinations: nn.reshape: copied: no strides express [4, 4] at strides [6, 1] as [16]
func.func @gap(%x: tensor<4x6xf32>) -> tensor<16xf32> {
  %0 = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<4x6xf32>) -> tensor<4x4xf32>
  %1 = nn.reshape %0 : (tensor<4x4xf32>) -> tensor<16xf32>
  %2 = fusion.group "pointwise" (%a = %1 : tensor<16xf32>) -> (tensor<16xf32>) {
    %5 = nn.relu %a : tensor<16xf32>
    fusion.yield %5 : tensor<16xf32>
  }
  func.return %2 : tensor<16xf32>
}

// -----

// A dim that repeats has stride 0.
// CHECK-LABEL: @repeated
// CHECK: fusion.group "pointwise" {{.*}} attributes {layouts = [#fusion.layout<[0, 1]{{.*}}>, #fusion.layout<contiguous, align = 64>]}
func.func @repeated(%x: tensor<1x4xf32>) -> tensor<3x4xf32> {
  %0 = nn.broadcast_to %x : (tensor<1x4xf32>) -> tensor<3x4xf32>
  %1 = fusion.group "pointwise" (%a = %0 : tensor<3x4xf32>) -> (tensor<3x4xf32>) {
    %5 = nn.relu %a : tensor<3x4xf32>
    fusion.yield %5 : tensor<3x4xf32>
  }
  func.return %1 : tensor<3x4xf32>
}

// -----

// Refused: what is a graph output as well, and what a concat reads twice, is copied into it; a value returned twice, or a part of one, is
// copied for the other output.
// CHECK-LABEL: @twice
// CHECK: [[A:%.*]] = fusion.group "pointwise" (%{{.*}} = %x
// CHECK: [[B:%.*]] = fusion.group "pointwise" (%{{.*}} = %x
// CHECK: [[AC:%.*]] = fusion.group "pointwise" (%{{.*}} = [[A]] : {{.*}}, %{{.*}} = [[B]] : {{.*}}#fusion.layout<[12, 1], align = 4>]}
// CHECK: [[C:%.*]] = nn.concat [[AC]], [[B]] {fusion.alias = #fusion.alias<dest>
// CHECK: [[P:%.*]] = nn.slice [[A]]
// CHECK: [[A2:%.*]] = fusion.group "pointwise" (%{{.*}} = [[A]] :
// CHECK: [[P2:%.*]] = fusion.group "pointwise" (%{{.*}} = [[P]] :
// CHECK: func.return [[A]], [[C]], [[A2]], [[P2]]
// REMARK-DAG: missed: assign-destinations: nn.concat: operand 0 copied into the concat: it is a graph output too
// REMARK-DAG: missed: assign-destinations: nn.concat: operand 1 copied into the concat: the concat reads it twice
// REMARK-DAG: missed: assign-destinations: fusion.group: copied: two graph outputs would share a buffer
func.func @twice(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x12xf32>, tensor<4x4xf32>, tensor<2x4xf32>) {
  %0 = fusion.group "pointwise" (%a = %x : tensor<4x4xf32>) -> (tensor<4x4xf32>) {
    %5 = nn.relu %a : tensor<4x4xf32>
    fusion.yield %5 : tensor<4x4xf32>
  }
  %1 = fusion.group "pointwise" (%a = %x : tensor<4x4xf32>) -> (tensor<4x4xf32>) {
    %5 = nn.exp %a : tensor<4x4xf32>
    fusion.yield %5 : tensor<4x4xf32>
  }
  %2 = nn.concat %0, %1, %1 {axis = 1 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x12xf32>
  %3 = nn.slice %0 {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<2x4xf32>
  func.return %0, %2, %0, %3 : tensor<4x4xf32>, tensor<4x12xf32>, tensor<4x4xf32>, tensor<2x4xf32>
}

// -----

// Refused: a graph output is all of its buffer.
// CHECK-LABEL: @part
// CHECK: [[P:%.*]] = nn.slice
// CHECK: [[C:%.*]] = fusion.group "pointwise" (%{{.*}} = [[P]] :
// CHECK: func.return [[C]]
// REMARK: missed: assign-destinations: fusion.group: copied: a graph output must be row-major and all of its buffer
func.func @part(%x: tensor<4x4xf32>) -> tensor<2x4xf32> {
  %0 = fusion.group "pointwise" (%a = %x : tensor<4x4xf32>) -> (tensor<4x4xf32>) {
    %5 = nn.relu %a : tensor<4x4xf32>
    fusion.yield %5 : tensor<4x4xf32>
  }
  %1 = nn.slice %0 {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<2x4xf32>
  func.return %1 : tensor<2x4xf32>
}
