// RUN: trtc-opt %s -p select-schedule,lower-groups --split-input-file --verify-diagnostics | filecheck %s
// RUN: trtc-opt %s -p lower-groups --split-input-file --verify-diagnostics | filecheck %s --check-prefix=UNCHOSEN

// A group becomes a kernel of its name: operands, then results; the grid is an expression in the batch; no nn op is left.
// CHECK-LABEL: kernel.func @relu_add
// CHECK-SAME: grid <{{.*}}N{{.*}}> warps
// CHECK-NOT: nn.relu
// CHECK: kernel.load
// CHECK: kernel.map
// CHECK: arith.maximumf
// CHECK: kernel.store
// CHECK: kernel.return
// Invalid: a group without a choice is refused.
// UNCHOSEN: error: lower-groups: @relu_add has no kernel.choice; run select-schedule before
builtin.module attributes {nn.symbols = {N = array<i64: 1, 3, 8>}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func private @relu_add(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> attributes {fusion.anchor = "pointwise"} {
    %0 = nn.relu %x : tensor<?x4xf32, #nn.dims<N, 4>>
    %1 = nn.add %0, %x : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    func.return %1 : tensor<?x4xf32, #nn.dims<N, 4>>
  }
}

// -----

// A softmax reduces twice within a row.
// CHECK-LABEL: kernel.func @softmax
// CHECK: kernel.reduce "max"
// CHECK: math.exp
// CHECK: kernel.reduce "sum"
// CHECK: kernel.store
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func private @softmax(%x: tensor<8x64xf32>) -> tensor<8x64xf32> attributes {fusion.anchor = "row"} {
    %0 = nn.softmax %x {axis = 1 : i64} : (tensor<8x64xf32>) -> tensor<8x64xf32>
    func.return %0 : tensor<8x64xf32>
  }
}

// -----

// A function that is no group stays a function.
// CHECK-LABEL: func.func @main
// UNCHOSEN: func.func @main
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}
