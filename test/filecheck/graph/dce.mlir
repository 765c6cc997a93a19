// RUN: trtc-opt %s -p dce --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Chains without a use are erased, and so are operands that a group's body does not read.
// CHECK-LABEL: @dead
// CHECK-NEXT: %[[G:.*]] = fusion.group "pointwise" (%[[A:.*]] = %x : tensor<4xf32>) -> (tensor<4xf32>) {
// CHECK-NEXT: %[[R:.*]] = nn.relu %[[A]]
// CHECK-NEXT: fusion.yield %[[R]]
// CHECK-NEXT: }
// CHECK-NEXT: func.return %[[G]]
func.func @dead(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.exp %x : tensor<4xf32>
  %1 = nn.abs %0 : tensor<4xf32>
  %2 = nn.neg %y : tensor<4xf32>
  %3 = fusion.group "pointwise" (%a = %x : tensor<4xf32>, %b = %2 : tensor<4xf32>) -> (tensor<4xf32>) {
    %4 = nn.relu %a : tensor<4xf32>
    %5 = nn.exp %b : tensor<4xf32>
    fusion.yield %4 : tensor<4xf32>
  }
  func.return %3 : tensor<4xf32>
}

// -----

// Refused: an export keeps what it exports, and unused inputs are part of the signature.
// CHECK-LABEL: @weights
// CHECK-SAME: (%x: tensor<4xf32>)
// CHECK: nn.constant
// CHECK: nn.export "w"
func.func @weights(%x: tensor<4xf32>) {
  %0 = nn.constant dense<1.0> : tensor<4xf32>
  nn.export "w" %0 : tensor<4xf32>
  func.return
}

// -----

// Dynamic shapes make no difference.
// CHECK-LABEL: @dynamic
// CHECK-NEXT: func.return %x
func.func @dynamic(%x: tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<N>> {
  %0 = nn.shape_value #nn.dims<N> : tensor<1xi64>
  func.return %x : tensor<?xf32, #nn.dims<N>>
}

// -----

// Invalid: a ? without a dim expression.
// CHECK: expected an encoding #nn.dims<...> that names every
func.func @invalid(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = nn.relu %x : tensor<?xf32>
  func.return %x : tensor<?xf32>
}

// -----

// Refused: the layouts of a group say how each operand is stored, so that none may be erased once they are chosen.
// CHECK-LABEL: @layouts
// CHECK: fusion.group "pointwise" (%{{.*}} = %x : tensor<4xf32>, %{{.*}} = %y : tensor<4xf32>)
func.func @layouts(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = fusion.group "pointwise" (%a = %x : tensor<4xf32>, %b = %y : tensor<4xf32>) -> (tensor<4xf32>) attributes {layouts = [#fusion.layout<contiguous>, #fusion.layout<contiguous>, #fusion.layout<contiguous>]} {
    %1 = nn.relu %a : tensor<4xf32>
    fusion.yield %1 : tensor<4xf32>
  }
  func.return %0 : tensor<4xf32>
}

// -----

// A branch without a use goes with the functions that only it calls, and those that these call; others stay.
// CHECK-LABEL: @main
// CHECK-NOT: nn.if
// CHECK: nn.loop @kept
// CHECK-NOT: @dead
// CHECK-NOT: @inner
// CHECK: func.func @kept
// CHECK-NOT: @inner
builtin.module {
  func.func @main(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = nn.if %c then @dead else @dead(%c, %x) : tensor<i1>, (tensor<i1>, tensor<4xf32>) -> tensor<4xf32>
    %1 = nn.loop @kept index "i" count #nn.dims<9> carried(%x) captures() : (tensor<4xf32>), () -> (tensor<4xf32>)
    func.return %1 : tensor<4xf32>
  }
  func.func @dead(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.body} {
    %0 = nn.if %c then @inner else @inner(%x) : tensor<i1>, (tensor<4xf32>) -> tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
  func.func @inner(%x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.body} {
    func.return %x : tensor<4xf32>
  }
  func.func @kept(%x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.body} {
    %0 = nn.neg %x : tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
}
