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

// -----

// Before a kernel that lives on L1 no block signals: the launch would find it small. Before all others, and at the end, they do.
// CHECK: missed: mark-early-operands: func.func: @conv does not let the next launch begin: @pool, called right after it, reads again what it expects in L1
// CHECK-LABEL: func.func private @conv(
// CHECK-SAME: kernel.early = array<i64: 1>}
// CHECK-LABEL: func.func private @pool(
// CHECK-SAME: kernel.early = array<i64>, kernel.signals}
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  func.func @main(%x: tensor<1x8x8x8xf16>) -> tensor<1x4x4x8xf16> {
    %w = nn.weight "w" : tensor<8x1x1x8xf16>
    %0 = fusion.call @conv(%x, %w) : (tensor<1x8x8x8xf16>, tensor<8x1x1x8xf16>) -> tensor<1x8x8x8xf16>
    %1 = fusion.call @pool(%0) : (tensor<1x8x8x8xf16>) -> tensor<1x4x4x8xf16>
    func.return %1 : tensor<1x4x4x8xf16>
  }
  func.func private @conv(%x: tensor<1x8x8x8xf16>, %w: tensor<8x1x1x8xf16>) -> tensor<1x8x8x8xf16> attributes {fusion.anchor = "conv", kernel.choice = #kernel.choice<"gemm_mma", {}>} {
    %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x8x8xf16>, tensor<8x1x1x8xf16>) -> tensor<1x8x8x8xf16>
    func.return %0 : tensor<1x8x8x8xf16>
  }
  func.func private @pool(%x: tensor<1x8x8x8xf16>) -> tensor<1x4x4x8xf16> attributes {fusion.anchor = "max_pool", kernel.choice = #kernel.choice<"window", {}>} {
    %0 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x8x8x8xf16>) -> tensor<1x4x4x8xf16>
    func.return %0 : tensor<1x4x4x8xf16>
  }
}
