// RUN: trtc-opt %s -p assign-destinations --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p assign-destinations --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Producers write into a nested concat: strides of the whole, offsets that only their alignment shows.
// CHECK-LABEL: @nested
// CHECK: fusion.group "pointwise" {{.*}} attributes {layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<[24, 1], align = 8>]}
// CHECK: fusion.group "pointwise" {{.*}} attributes {layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<[24, 1], align = 8>]}
// CHECK: nn.concat {{.*}} {fusion.alias = #fusion.alias<dest>, axis = 1 : i64} : {{.*}} -> tensor<4x12xf32>
// CHECK: fusion.group "pointwise" {{.*}} attributes {layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<[24, 1], align = 4>]}
// CHECK: nn.concat {{.*}} {fusion.alias = #fusion.alias<dest>, axis = 1 : i64} : {{.*}} -> tensor<4x24xf32>
// REMARK: applied: assign-destinations: nn.concat: nn.concat: its operands are written into its result
func.func @nested(%x: tensor<4x8xf32>, %y: tensor<4x4xf32>, %z: tensor<4x12xf32>) -> tensor<4x24xf32> {
  %0 = fusion.group "pointwise" (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %5 = nn.relu %a : tensor<4x8xf32>
    fusion.yield %5 : tensor<4x8xf32>
  }
  %1 = fusion.group "pointwise" (%a = %y : tensor<4x4xf32>) -> (tensor<4x4xf32>) {
    %5 = nn.relu %a : tensor<4x4xf32>
    fusion.yield %5 : tensor<4x4xf32>
  }
  %2 = nn.concat %0, %1 {axis = 1 : i64} : (tensor<4x8xf32>, tensor<4x4xf32>) -> tensor<4x12xf32>
  %3 = fusion.group "pointwise" (%a = %z : tensor<4x12xf32>) -> (tensor<4x12xf32>) {
    %5 = nn.relu %a : tensor<4x12xf32>
    fusion.yield %5 : tensor<4x12xf32>
  }
  %4 = nn.concat %2, %3 {axis = 1 : i64} : (tensor<4x12xf32>, tensor<4x12xf32>) -> tensor<4x24xf32>
  func.return %4 : tensor<4x24xf32>
}

// -----

// Refused: a graph input and an operand that it reads twice are copied into the concat; a view of an input is copied to be an output.
// CHECK-LABEL: @copies
// CHECK: %[[C0:.*]] = fusion.group "pointwise" (%[[A:.*]] = %x : tensor<4x4xf32>, %[[B:.*]] = %x : {{.*}}fusion.copied = "into a concat: it is a graph input", {{.*}}#fusion.layout<contiguous, align = 64>]} {
// CHECK-NEXT: nn.concat %[[A]], %[[B]] {axis = 1 : i64}
// CHECK: nn.concat %[[C0]] {fusion.alias = #fusion.alias<dest>, axis = 1 : i64}
// CHECK: nn.slice %x {{.*}}fusion.alias = #fusion.alias<source>
// CHECK: fusion.group "pointwise" {{.*}} attributes {fusion.copied = "a graph output must be written by a group", layouts = [#fusion.layout<[4, 1], align = 2>, #fusion.layout<contiguous, align = 64>]}
// REMARK-DAG: missed: assign-destinations: nn.concat: operand 0 copied into the concat: it is a graph input
// REMARK-DAG: missed: assign-destinations: fusion.group: copied: a graph output must be written by a group
func.func @copies(%x: tensor<4x4xf32>) -> (tensor<4x8xf32>, tensor<4x2xf32>) {
  %0 = nn.concat %x, %x {axis = 1 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x8xf32>
  %1 = nn.slice %x {starts = #nn.dims<0, 2>, steps = array<i64: 1, 1>} : (tensor<4x4xf32>) -> tensor<4x2xf32>
  func.return %0, %1 : tensor<4x8xf32>, tensor<4x2xf32>
}

// -----

// A graph output that is a reshape is written by the producer of what is reshaped; the same elements as another output are a copy.
// CHECK-LABEL: @reshaped_outputs
// CHECK: [[relu:%[0-9]+]] = fusion.group "pointwise" (%a = %x
// CHECK: [[copy:%[0-9]+]] = fusion.group "pointwise" (%{{.*}} = [[relu]] :
// CHECK: [[first:%[0-9]+]] = nn.reshape [[copy]] {fusion.alias = #fusion.alias<dest>}
// CHECK-NEXT: [[second:%[0-9]+]] = nn.reshape [[relu]] {fusion.alias = #fusion.alias<dest>}
// CHECK-NEXT: func.return [[first]], [[second]]
// REMARK-DAG: missed: assign-destinations: nn.reshape: copied into a graph output: it lies in another destination already
func.func @reshaped_outputs(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> (tensor<?xf32, #nn.dims<4*N>>, tensor<?x2x2xf32, #nn.dims<N, 2, 2>>) {
  %0 = fusion.group "pointwise" (%a = %x : tensor<?x4xf32, #nn.dims<N, 4>>) -> (tensor<?x4xf32, #nn.dims<N, 4>>) {
    %5 = nn.relu %a : tensor<?x4xf32, #nn.dims<N, 4>>
    fusion.yield %5 : tensor<?x4xf32, #nn.dims<N, 4>>
  }
  %1 = nn.reshape %0 : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?xf32, #nn.dims<4*N>>
  %2 = nn.reshape %0 : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x2x2xf32, #nn.dims<N, 2, 2>>
  func.return %1, %2 : tensor<?xf32, #nn.dims<4*N>>, tensor<?x2x2xf32, #nn.dims<N, 2, 2>>
}

// -----

// Dynamic: heads of attention are views whose strides are dim expressions, and the group writes its result transposed, so that the
// reshape after it needs no copy.
// CHECK-LABEL: @heads
// CHECK: nn.transpose %{{.*}} {fusion.alias = #fusion.alias<source>, permutation = array<i64: 0, 2, 1, 3>}
// CHECK: fusion.group "pointwise" {{.*}} attributes {layouts = [#fusion.layout<[64*S, 32, 64, 1], align = 32>, #fusion.layout<[64*S, 32, 64, 1], align = 32>]}
// CHECK: nn.transpose %{{.*}} {fusion.alias = #fusion.alias<dest>, permutation = array<i64: 0, 2, 1, 3>}
// CHECK: nn.reshape %{{.*}} {fusion.alias = #fusion.alias<dest>}
func.func @heads(%x: tensor<?x?x64xf32, #nn.dims<B, S, 64>>) -> tensor<?x?x64xf32, #nn.dims<B, S, 64>> {
  %0 = nn.reshape %x : (tensor<?x?x64xf32, #nn.dims<B, S, 64>>) -> tensor<?x?x2x32xf32, #nn.dims<B, S, 2, 32>>
  %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x32xf32, #nn.dims<B, S, 2, 32>>) -> tensor<?x2x?x32xf32, #nn.dims<B, 2, S, 32>>
  %2 = fusion.group "pointwise" (%a = %1 : tensor<?x2x?x32xf32, #nn.dims<B, 2, S, 32>>) -> (tensor<?x2x?x32xf32, #nn.dims<B, 2, S, 32>>) {
    %5 = nn.relu %a : tensor<?x2x?x32xf32, #nn.dims<B, 2, S, 32>>
    fusion.yield %5 : tensor<?x2x?x32xf32, #nn.dims<B, 2, S, 32>>
  }
  %3 = nn.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x2x?x32xf32, #nn.dims<B, 2, S, 32>>) -> tensor<?x?x2x32xf32, #nn.dims<B, S, 2, 32>>
  %4 = nn.reshape %3 : (tensor<?x?x2x32xf32, #nn.dims<B, S, 2, 32>>) -> tensor<?x?x64xf32, #nn.dims<B, S, 64>>
  func.return %4 : tensor<?x?x64xf32, #nn.dims<B, S, 64>>
}

// -----

// Invalid: a group whose layouts do not fit its tensors.
// CHECK: fusion.group: expected 2 strides for tensor<4x4xf32>, got #fusion.layout<[1]>
func.func @invalid(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = fusion.group "pointwise" (%a = %x : tensor<4x4xf32>) -> (tensor<4x4xf32>) attributes {layouts = [#fusion.layout<[1]>, #fusion.layout<contiguous>]} {
    fusion.yield %a : tensor<4x4xf32>
  }
  func.return %0 : tensor<4x4xf32>
}
