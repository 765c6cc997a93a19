// RUN: trtc-opt %s -p select-schedule,lower-groups,lower-to-threads --split-input-file | filecheck %s

// Tile ops become thread ops: a thread's own elements in registers, loads and stores behind a bounds check on the dynamic size.
// CHECK-LABEL: kernel.func @relu
// CHECK: kernel.thread_id
// CHECK-NOT: kernel.load %
// CHECK: kernel.ld_global
// CHECK: arith.maximumf
// CHECK: kernel.st_global
// CHECK-NOT: kernel.map
// CHECK: kernel.return
builtin.module attributes {nn.symbols = {N = array<i64: 1, 3, 8>}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func private @relu(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> attributes {fusion.anchor = "pointwise"} {
    %0 = nn.relu %x : tensor<?x4xf32, #nn.dims<N, 4>>
    func.return %0 : tensor<?x4xf32, #nn.dims<N, 4>>
  }
}

// -----

// Rows within a warp reduce by shuffles.
// CHECK-LABEL: kernel.func @softmax
// CHECK: kernel.shuffle_xor
// CHECK-NOT: kernel.reduce
// CHECK: kernel.st_global
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func private @softmax(%x: tensor<8x64xf32>) -> tensor<8x64xf32> attributes {fusion.anchor = "row"} {
    %0 = nn.softmax %x {axis = 1 : i64} : (tensor<8x64xf32>) -> tensor<8x64xf32>
    func.return %0 : tensor<8x64xf32>
  }
}

// -----

// A host function is left alone.
// CHECK-LABEL: func.func @main
// CHECK-NOT: kernel.
func.func @main() {
  func.return
}
