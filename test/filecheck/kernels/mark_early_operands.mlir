// RUN: trtc-opt %s -p mark-early-operands --split-input-file --verify-diagnostics --remarks 2>&1 | filecheck %s

// The second operand of @fc is a weight at both calls, a view of one at the second; the third is one only at the first.
// CHECK-LABEL: func.func private @fc(
// CHECK-SAME: kernel.early = array<i64: 1>
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    %w = nn.weight "w" : tensor<4x4xf32>
    %v = nn.weight "v" : tensor<16xf32>
    %m = nn.reshape %v : (tensor<16xf32>) -> tensor<4x4xf32>
    %0 = fusion.call @fc(%x, %w, %w) : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %1 = fusion.call @fc(%0, %m, %x) : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    func.return %1 : tensor<4x4xf32>
  }
  func.func private @fc(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>, %b: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {fusion.anchor = "matmul"} {
    %0 = nn.matmul %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %1 = nn.add %0, %b : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    func.return %1 : tensor<4x4xf32>
  }
}

// -----

// A group of activations alone waits before it reads any. Dims may be dynamic.
// CHECK-LABEL: func.func private @relu(
// CHECK-SAME: kernel.early = array<i64>
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @main(%x: tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<N>> {
    %0 = fusion.call @relu(%x) : (tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<N>>
    func.return %0 : tensor<?xf32, #nn.dims<N>>
  }
  func.func private @relu(%x: tensor<?xf32, #nn.dims<N>>) -> tensor<?xf32, #nn.dims<N>> attributes {fusion.anchor = "pointwise"} {
    %0 = nn.relu %x : tensor<?xf32, #nn.dims<N>>
    func.return %0 : tensor<?xf32, #nn.dims<N>>
  }
}

// -----

// What a body of a branch or loop captures counts as no weight, also where it is one outside.
// CHECK-LABEL: func.func private @scaled(
// CHECK-SAME: kernel.early = array<i64>
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @body(%x: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
    %0 = fusion.call @scaled(%x, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
  func.func private @scaled(%x: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> attributes {fusion.anchor = "pointwise"} {
    %0 = nn.mul %x, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
}

// -----

// A group that no call names is left as it is: nothing says what its operands will be.
// CHECK: missed: mark-early-operands: func.func: @apart: no fusion.call of it, so it is not known which operands are weights
// CHECK-LABEL: func.func private @apart(
// CHECK-NOT: kernel.early
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func private @apart(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fusion.anchor = "pointwise"} {
    %0 = nn.relu %x : tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
}

// -----

// Before sm_90 there are no dependent launches.
// CHECK-LABEL: func.func private @before(
// CHECK-NOT: kernel.early
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = fusion.call @before(%x) : (tensor<4xf32>) -> tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
  func.func private @before(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fusion.anchor = "pointwise"} {
    %0 = nn.relu %x : tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
}

// -----

// CHECK: mark-early-operands: fusion.call of @more: expected 1 operands, got 2
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = fusion.call @more(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
  func.func private @more(%x: tensor<4xf32>) -> tensor<4xf32> attributes {fusion.anchor = "pointwise"} {
    %0 = nn.relu %x : tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
}
