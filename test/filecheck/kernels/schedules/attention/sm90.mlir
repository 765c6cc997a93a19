// RUN: trtc-opt %s -p 'select-schedule{allowed="attention_sm90"},lower-groups' --split-input-file --verify-diagnostics | filecheck %s

// Few keys: one tile, no loop, nothing is rescaled, no slot is released. Scale and log2(e) are one factor, 0.18.
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  // CHECK-LABEL: kernel.func @one_tile(
  // CHECK: %head = arith.remsi
  // CHECK: kernel.load_tma %q_map[%batch, %head, %row, %{{[0-9]+}}]
  // CHECK: kernel.commit %q_ring{{.*}} bytes 16384
  // CHECK: kernel.wait %k_ring
  // CHECK: %[[S:.*]] = kernel.mma %q_slot, %k_slot
  // CHECK: %[[DONE:.*]] = kernel.mma_wait %[[S]] pending 0
  // CHECK-NEXT: kernel.reduce "max" %[[DONE]]
  // CHECK: %[[P:.*]], %[[NARROW:.*]] = kernel.map (%[[DONE]]
  // CHECK: arith.constant 0.18
  // CHECK-NEXT: math.fma
  // CHECK-NEXT: math.exp2 %{{.*}} fastmath<afn>
  // CHECK: kernel.reduce "sum" %[[P]]
  // CHECK-NEXT: %[[A:.*]] = kernel.convert_layout %[[NARROW]] : {{.*}} -> !kernel.frag<128x128xf16, #kernel.wgmma_a<2>>
  // CHECK-NEXT: kernel.wait %v_ring
  // CHECK: kernel.mma %[[A]], %v_slot, %out transposed_b
  // CHECK-NOT: kernel.release
  // CHECK: arith.divf
  // CHECK: kernel.store_shared %{{.*}}, %y_shared
  // CHECK-NEXT: kernel.fence_async
  // CHECK-NEXT: kernel.barrier
  // CHECK-NEXT: kernel.store_tma %y_shared, %y_map[%batch, %head, %row,
  func.func private @one_tile(%q: tensor<8x12x128x64xf16>, %k: tensor<8x12x128x64xf16>, %v: tensor<8x12x128x64xf16>) -> tensor<8x12x128x64xf16> attributes {fusion.anchor = "attention", kernel.choice = #kernel.choice<"attention_sm90", {ahead = 0 : i64, groups = 2 : i64, keys = 128 : i64, stages = 1 : i64}>} {
    %0 = nn.attention %q, %k, %v {scale = 0.125 : f64} : tensor<8x12x128x64xf16>, tensor<8x12x128x64xf16>, tensor<8x12x128x64xf16> -> tensor<8x12x128x64xf16>
    func.return %0 : tensor<8x12x128x64xf16>
  }
}

// -----

// Many keys: the product for the next tile is under way during the softmax of the present one. Only the last tile looks for the end.
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  // CHECK-LABEL: kernel.func @ahead(
  // CHECK: %[[FIRST:.*]] = kernel.mma_wait
  // CHECK: scf.for %{{.*}} iter_args(%[[NOW:.*]] = %[[FIRST]],
  // CHECK: kernel.wait %k_ring[%[[NEXT:[0-9]+]]]
  // CHECK: %[[S:.*]] = kernel.mma
  // CHECK-NOT: arith.cmpi
  // CHECK: kernel.reduce "max" %[[NOW]]
  // CHECK: %[[O:.*]] = kernel.mma {{.*}} transposed_b
  // CHECK: kernel.mma_wait %[[S]] pending 0
  // CHECK-NEXT: kernel.mma_wait %[[O]] pending 0
  // CHECK-NEXT: kernel.release %k_ring[%[[NEXT]]]
  // CHECK: scf.yield
  // CHECK: arith.cmpi sle
  // CHECK: kernel.store
  func.func private @ahead(%q: tensor<1x6x1500x64xf16>, %k: tensor<1x6x1500x64xf16>, %v: tensor<1x6x1500x64xf16>) -> tensor<1x6x1500x64xf16> attributes {fusion.anchor = "attention", kernel.choice = #kernel.choice<"attention_sm90", {ahead = 1 : i64, groups = 2 : i64, keys = 128 : i64, stages = 2 : i64}>} {
    %0 = nn.attention %q, %k, %v {scale = 0.125 : f64} : tensor<1x6x1500x64xf16>, tensor<1x6x1500x64xf16>, tensor<1x6x1500x64xf16> -> tensor<1x6x1500x64xf16>
    func.return %0 : tensor<1x6x1500x64xf16>
  }
}

// -----

// Dynamic and causal, heads grouped, q and the result [b, s, h, d] in place: late queries first, tiles up to the diagonal, those at it apart.
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {S = array<i64: 1, 512, 2048>}} {
  // CHECK-LABEL: kernel.func @causal(
  // CHECK-SAME: grid <32, (S + {{63|127}}) floordiv {{64|128}}, 1>
  // CHECK: kernel.view %q dims <32, S, 128> strides <128, 4096, 1>
  // CHECK: %key_head = arith.divsi %head
  // CHECK: scf.for
  // CHECK-NOT: arith.cmpi
  // CHECK: scf.yield
  // CHECK: scf.for
  // CHECK: arith.cmpi sle
  // CHECK: arith.constant 0xff800000 : f32
  // CHECK: scf.yield
  func.func private @causal(%q: tensor<1x?x32x128xf16, #nn.dims<1, S, 32, 128>>, %k: tensor<1x8x?x128xf16, #nn.dims<1, 8, S, 128>>, %v: tensor<1x8x?x128xf16, #nn.dims<1, 8, S, 128>>) -> tensor<1x?x32x128xf16, #nn.dims<1, S, 32, 128>> attributes {fusion.anchor = "attention"} {
    %0 = nn.transpose %q {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x?x32x128xf16, #nn.dims<1, S, 32, 128>>) -> tensor<1x32x?x128xf16, #nn.dims<1, 32, S, 128>>
    %1 = nn.attention %0, %k, %v {scale = 0.0884 : f64, causal = #nn.causal<end>} : tensor<1x32x?x128xf16, #nn.dims<1, 32, S, 128>>, tensor<1x8x?x128xf16, #nn.dims<1, 8, S, 128>>, tensor<1x8x?x128xf16, #nn.dims<1, 8, S, 128>> -> tensor<1x32x?x128xf16, #nn.dims<1, 32, S, 128>>
    %2 = nn.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x32x?x128xf16, #nn.dims<1, 32, S, 128>>) -> tensor<1x?x32x128xf16, #nn.dims<1, S, 32, 128>>
    func.return %2 : tensor<1x?x32x128xf16, #nn.dims<1, S, 32, 128>>
  }
}

// -----

// An added mask is loaded while the product is under way, and is minus infinity past the last key; scores are scaled before.
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  // CHECK-LABEL: kernel.func @masked(
  // CHECK: kernel.view %m dims <2, 4, {{64|128}}, 300> strides <300, 0, 0, 1>
  // CHECK: kernel.mma
  // CHECK: %[[M:.*]] = kernel.load %m_view{{.*}} fill -inf
  // CHECK: kernel.map (%{{.*}}, %[[M]])
  // CHECK: arith.constant 1.25
  // CHECK: arith.mulf
  // CHECK: arith.addf
  // CHECK: kernel.reduce "max"
  func.func private @masked(%q: tensor<2x4x40x64xf16>, %k: tensor<2x4x300x64xf16>, %v: tensor<2x4x300x64xf16>, %m: tensor<2x1x1x300xf32>) -> tensor<2x4x40x64xf16> attributes {fusion.anchor = "attention"} {
    %0 = nn.attention %q, %k, %v mask %m {scale = 0.125 : f64} : tensor<2x4x40x64xf16>, tensor<2x4x300x64xf16>, tensor<2x4x300x64xf16> mask tensor<2x1x1x300xf32> -> tensor<2x4x40x64xf16>
    func.return %0 : tensor<2x4x40x64xf16>
  }
}

// -----

// Rows that TMA cannot address are refused.
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>} {
  // CHECK: select-schedule: @odd with nn.attention: no schedule accepts it: attention_sm90: q: expected strides of a multiple of 16 bytes, got 40
  func.func private @odd(%q: tensor<1x2x40x20xf16>, %k: tensor<1x2x40x20xf16>, %v: tensor<1x2x40x20xf16>) -> tensor<1x2x40x20xf16> attributes {fusion.anchor = "attention"} {
    %0 = nn.attention %q, %k, %v {scale = 0.22 : f64} : tensor<1x2x40x20xf16>, tensor<1x2x40x20xf16>, tensor<1x2x40x20xf16> -> tensor<1x2x40x20xf16>
    func.return %0 : tensor<1x2x40x20xf16>
  }
}
