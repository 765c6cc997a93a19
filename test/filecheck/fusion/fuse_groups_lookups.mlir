// RUN: trtc-opt %s -p fuse-groups --split-input-file | filecheck %s

// Elements are gathered where their index is computed: the index, two gathers of a table and their sum are one group.
// CHECK-LABEL: @taps(
// CHECK: %[[Y:.*]] = fusion.group "pointwise"
// CHECK: nn.iota
// CHECK: nn.gather
// CHECK: nn.gather
// CHECK: nn.add
// CHECK: func.return %[[Y]]
func.func @taps(%x: tensor<?xf32, #nn.dims<N>>, %a: tensor<4x8xi32>) -> tensor<4x8xf32> {
  %c = nn.constant dense<8> : tensor<i32>
  %0 = nn.iota {axis = 0 : i64} : tensor<4x8xi32>
  %1 = nn.mul %0, %c : (tensor<4x8xi32>, tensor<i32>) -> tensor<4x8xi32>
  %2 = nn.add %1, %a : (tensor<4x8xi32>, tensor<4x8xi32>) -> tensor<4x8xi32>
  %3 = nn.gather %x, %1 {axis = 0 : i64} : (tensor<?xf32, #nn.dims<N>>, tensor<4x8xi32>) -> tensor<4x8xf32>
  %4 = nn.gather %x, %2 {axis = 0 : i64} : (tensor<?xf32, #nn.dims<N>>, tensor<4x8xi32>) -> tensor<4x8xf32>
  %5 = nn.add %3, %4 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  func.return %5 : tensor<4x8xf32>
}

// -----

// A table that ops compute is in memory before elements of it are gathered, even if it has the result's shape.
// CHECK-LABEL: @table(
// CHECK: %[[T:.*]] = fusion.group "pointwise"
// CHECK: nn.exp
// CHECK: fusion.group "pointwise" (%{{.*}} = %[[T]]
// CHECK: nn.gather
func.func @table(%x: tensor<8xf32>, %i: tensor<8xi64>) -> tensor<8xf32> {
  %0 = nn.exp %x : tensor<8xf32>
  %1 = nn.gather %0, %i {axis = 0 : i64} : (tensor<8xf32>, tensor<8xi64>) -> tensor<8xf32>
  %2 = nn.neg %1 : tensor<8xf32>
  func.return %2 : tensor<8xf32>
}

// -----

// A row op gathers what it reduces.
// CHECK-LABEL: @reduced(
// CHECK: fusion.group "row"
// CHECK: nn.gather
// CHECK: nn.mul
// CHECK: nn.reduce
func.func @reduced(%x: tensor<90xf32>, %i: tensor<4x8xi32>, %w: tensor<4x8xf32>) -> tensor<4xf32> {
  %0 = nn.gather %x, %i {axis = 0 : i64} : (tensor<90xf32>, tensor<4x8xi32>) -> tensor<4x8xf32>
  %1 = nn.mul %0, %w : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = nn.reduce sum %1 {axes = array<i64: 1>, keepdims = false} : (tensor<4x8xf32>) -> tensor<4xf32>
  func.return %2 : tensor<4xf32>
}

// -----

// A size is an immediate of each group that computes with it, and no launch writes it.
// CHECK-LABEL: @sizes(
// CHECK-NOT: nn.size
// CHECK: fusion.group "row"
// CHECK: nn.size #nn.dims<N> : tensor<f32>
// CHECK: fusion.group "pointwise"
// CHECK: nn.size #nn.dims<N> : tensor<f32>
// CHECK-NOT: fusion.group
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @sizes(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> (tensor<?xf32, #nn.dims<N>>, tensor<?x8xf32, #nn.dims<N, 8>>) {
    %n = nn.size #nn.dims<N> : tensor<f32>
    %0 = nn.mul %x, %n : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
    %1 = nn.reduce max %0 {axes = array<i64: 1>, keepdims = false} : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?xf32, #nn.dims<N>>
    %2 = nn.sub %x, %n : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
    func.return %1, %2 : tensor<?xf32, #nn.dims<N>>, tensor<?x8xf32, #nn.dims<N, 8>>
  }
}

// -----

// A size that is a result has a launch.
// CHECK-LABEL: @result(
// CHECK: fusion.group "pointwise"
// CHECK: nn.size
builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
  func.func @result(%x: tensor<?xf32, #nn.dims<N>>) -> tensor<i64> {
    %n = nn.size #nn.dims<N> : tensor<i64>
    func.return %n : tensor<i64>
  }
}
