// RUN: trtc-opt %s -p 'select-schedule{allowed="attention_mma"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// Q, then tiles of K and V by cp.async; fragments of Q are loaded once; the accumulator of the scores is the A operand of the second product.
// CHECK-LABEL: kernel.func @plain(
// CHECK: kernel.load_async %q_view[%batch, %head, %row,
// CHECK: kernel.commit %q_ring
// CHECK: kernel.load_async %k_view
// CHECK: kernel.load_async %v_view
// CHECK: kernel.wait %q_ring
// CHECK-COUNT-4: kernel.load_shared %q_slot
// CHECK: scf.for %tile
// CHECK: kernel.mma %q{{.*}}, %keys
// CHECK: kernel.reduce "max"
// CHECK: math.exp2
// CHECK: kernel.convert_layout %{{.*}} -> !kernel.frag<{{.*}}, #kernel.mma_a<
// CHECK: kernel.columns
// CHECK-NEXT: kernel.load_shared %v_slot{{.*}} transposed
// CHECK-NEXT: kernel.mma %part, %values, %out
// CHECK: kernel.store
func.func private @plain(%q: tensor<8x12x512x64xbf16>, %k: tensor<8x12x512x64xbf16>, %v: tensor<8x12x512x64xbf16>) -> tensor<8x12x512x64xbf16> attributes {fusion.anchor = "attention"} {
  %0 = nn.attention %q, %k, %v {scale = 0.125 : f64} : tensor<8x12x512x64xbf16>, tensor<8x12x512x64xbf16>, tensor<8x12x512x64xbf16> -> tensor<8x12x512x64xbf16>
  func.return %0 : tensor<8x12x512x64xbf16>
}

// -----

// A dynamic number of keys with a window: the tiles before it are left out. f32 in memory is rounded on the way.
builtin.module attributes {nn.symbols = {S = array<i64: 1, 512, 2048>}} {
  // CHECK-LABEL: kernel.func @window(
  // CHECK: %first = arith.minsi
  // CHECK: kernel.load_async %k_view{{.*}} : !kernel.view<4 x f32>, !kernel.shared<{{.*}}xf16, pad 8>
  // CHECK: arith.cmpi sle
  // CHECK: arith.cmpi sgt
  func.func private @window(%q: tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>>, %k: tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>>, %v: tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>>) -> tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>> attributes {fusion.anchor = "attention"} {
    %0 = nn.attention %q, %k, %v {scale = 0.125 : f64, causal = #nn.causal<end>, window = 100 : i64, math = #nn.math<f16>} : tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>>, tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>>, tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>> -> tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>>
    func.return %0 : tensor<1x2x?x64xf32, #nn.dims<1, 2, S, 64>>
  }
}

// -----

// Products in f32 are refused.
// CHECK: attention_mma: expected products of f16 or bf16, got f32
func.func private @strict(%q: tensor<1x2x40x64xf32>, %k: tensor<1x2x40x64xf32>, %v: tensor<1x2x40x64xf32>) -> tensor<1x2x40x64xf32> attributes {fusion.anchor = "attention"} {
  %0 = nn.attention %q, %k, %v {scale = 0.125 : f64} : tensor<1x2x40x64xf32>, tensor<1x2x40x64xf32>, tensor<1x2x40x64xf32> -> tensor<1x2x40x64xf32>
  func.return %0 : tensor<1x2x40x64xf32>
}

// -----

// Results that are not the attention's, element by element, are refused.
// CHECK: attention_mma: expected results of the attention's dims, got tensor<1x40x64xf16>
func.func private @summed(%q: tensor<1x2x40x64xf16>) -> tensor<1x40x64xf16> attributes {fusion.anchor = "attention"} {
  %0 = nn.attention %q, %q, %q {scale = 0.125 : f64} : tensor<1x2x40x64xf16>, tensor<1x2x40x64xf16>, tensor<1x2x40x64xf16> -> tensor<1x2x40x64xf16>
  %1 = nn.slice %0 {starts = #nn.dims<0, 1, 0, 0>, steps = array<i64: 1, 1, 1, 1>} : (tensor<1x2x40x64xf16>) -> tensor<1x1x40x64xf16>
  %2 = nn.reshape %1 : (tensor<1x1x40x64xf16>) -> tensor<1x40x64xf16>
  func.return %2 : tensor<1x40x64xf16>
}
