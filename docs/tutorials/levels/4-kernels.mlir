builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%image: tensor<?x3x8x8xf32, #nn.dims<N, 3, 8, 8>>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {nn.inputs = ["image"], nn.outputs = ["scores"]} {
    %filter = nn.weight "weight" : tensor<4x1x1x3xf32>
    %0 = nn.transpose %image {fusion.alias = #fusion.alias<source>, permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x3x8x8xf32, #nn.dims<N, 3, 8, 8>>) -> tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>
    %bias = nn.weight "weight.1" : tensor<4xf32>
    %relu = fusion.call @conv_add_relu_reference(%0, %filter, %bias) {nn.names = ["active@0,2,3,1"]} : (tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, tensor<4x1x1x3xf32>, tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %logits = nn.weight "weight.2" : tensor<2x4xf32>
    %logits_1 = fusion.call @reduce_reshape_matmul_reference(%relu, %logits) {nn.names = ["logits"]} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    %scores = fusion.call @softmax_reference(%logits_1) {nn.names = ["scores"]} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %scores : tensor<?x2xf32, #nn.dims<N, 2>>
  }
  func.func @weights() {
    %filter = nn.constant dense<[[[[5.000000e-01, -2.500000e-01, 1.250000e-01]]], [[[-5.000000e-01, 7.500000e-01, 2.500000e-01]]], [[[2.500000e-01, 5.000000e-01, -7.500000e-01]]], [[[1.000000e+00, -1.000000e+00, 5.000000e-01]]]]> : tensor<4x1x1x3xf32>
    %bias = nn.constant dense<[1.000000e-01, -2.000000e-01, 3.000000e-01, 0.000000e+00]> : tensor<4xf32>
    %logits = nn.constant dense<[[1.000000e+00, 5.000000e-01, -7.500000e-01, 2.000000e+00], [-1.000000e+00, 2.500000e-01, 1.000000e+00, 5.000000e-01]]> : tensor<2x4xf32>
    nn.export "weight" %filter : tensor<4x1x1x3xf32>
    nn.export "weight.1" %bias : tensor<4xf32>
    nn.export "weight.2" %logits : tensor<2x4xf32>
    func.return
  }
  kernel.func @conv_add_relu(%x: !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, %w: !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, %rhs: !kernel.global<dims <4> x f32, strides <1>, align 256>, %y: !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>) grid <1, N, 1> warps 4 min_blocks 1 coords(%0, %1, %2) attributes {kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>} {
    %3 = arith.constant 32 : index
    %4 = arith.constant 16 : index
    %5 = arith.constant 1 : index
    %6 = arith.constant 0 : index
    %7 = arith.constant 2 : index
    %8 = arith.constant 4 : index
    %rhs_view = kernel.view %rhs dims <16*N, 4> strides <0, 1> offset <0> groups [array<i64>, array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4> x f32, strides <1>, align 256> -> !kernel.view<3 x f32>
    %y_view = kernel.view %y dims <16*N, 4> strides <4, 1> offset <0> groups [array<i64>, array<i64: 0>, array<i64: 1>] : !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256> -> !kernel.view<3 x f32>
    %column = arith.muli %0, %3 : index
    %row = arith.muli %1, %4 : index
    %a_view = kernel.im2col %x out <4, 4> kernel [1, 1] strides [2, 2] pads [0, 0] dilations [1, 1] groups 1 : !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32> -> !kernel.view<3 x f32>
    %b_view = kernel.view %w dims <1, 4, 1, 1, 3> strides <12, 3, 3, 3, 1> offset <0> groups [array<i64: 0>, array<i64: 1>, array<i64: 2, 3, 4>] : !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256> -> !kernel.view<3 x f32>
    %a_shared = kernel.alloc -> !kernel.shared<3x16x16xf32, pad 4>
    %b_shared = kernel.alloc -> !kernel.shared<3x32x16xf32, pad 4>
    %ring = kernel.ring -> !kernel.ring<3, cp_async>
    kernel.acquire %ring[%6] : !kernel.ring<3, cp_async>
    %a_slot = kernel.slot %a_shared[%6] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
    %b_slot = kernel.slot %b_shared[%6] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
    kernel.load_async %a_view[%2, %row, %6] to %a_slot : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
    kernel.load_async %b_view[%2, %column, %6] to %b_slot : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
    kernel.commit %ring[%6] bytes 0 : !kernel.ring<3, cp_async>
    kernel.acquire %ring[%5] : !kernel.ring<3, cp_async>
    %a_slot_1 = kernel.slot %a_shared[%5] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
    %b_slot_1 = kernel.slot %b_shared[%5] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
    kernel.load_async %a_view[%2, %row, %4] to %a_slot_1 : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
    kernel.load_async %b_view[%2, %column, %4] to %b_slot_1 : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
    kernel.commit %ring[%5] bytes 0 : !kernel.ring<3, cp_async>
    %acc = kernel.fill 0.000000e+00 : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
    %acc_1 = scf.for %k = %6 to %5 step %5 iter_args(%acc_2 = %acc) -> (!kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>) {
      kernel.wait %ring[%k] later 1 : !kernel.ring<3, cp_async>
      %9 = arith.addi %k, %7 : index
      kernel.acquire %ring[%9] : !kernel.ring<3, cp_async>
      %10 = arith.muli %9, %4 : index
      %a_slot_2 = kernel.slot %a_shared[%9] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
      %b_slot_2 = kernel.slot %b_shared[%9] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
      kernel.load_async %a_view[%2, %row, %10] to %a_slot_2 : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
      kernel.load_async %b_view[%2, %column, %10] to %b_slot_2 : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
      kernel.commit %ring[%9] bytes 0 : !kernel.ring<3, cp_async>
      %a_slot_3 = kernel.slot %a_shared[%k] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
      %b_slot_3 = kernel.slot %b_shared[%k] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
      %acc_3 = scf.for %k_block = %6 to %4 step %8 iter_args(%acc_4 = %acc_2) -> (!kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>) {
        %a_frag = kernel.load_shared %a_slot_3[%6, %k_block] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
        %b_frag = kernel.load_shared %b_slot_3[%6, %k_block] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
        %acc_5 = kernel.mma %a_frag, %b_frag, %acc_4 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
        scf.yield %acc_5 : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      } {unroll}
      kernel.release %ring[%k] : !kernel.ring<3, cp_async>
      scf.yield %acc_3 : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
    }
    %rhs_tile = kernel.load %rhs_view[%2, %row, %column] fill 0.000000e+00 : !kernel.view<3 x f32> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
    %11 = kernel.map (%acc_1, %rhs_tile) : (!kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>) -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> {
    ^bb0(%12: f32, %13: f32):
      %14 = arith.addf %12, %13 : f32
      %15 = arith.constant 0.000000e+00 : f32
      %16 = arith.maximumf %14, %15 : f32
      kernel.yield %16 : f32
    }
    kernel.store %11, %y_view[%2, %row, %column] : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>, !kernel.view<3 x f32>
    kernel.return
  }
  func.func private @conv_add_relu_reference(%x: tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, %w: tensor<4x1x1x3xf32>, %rhs: tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>> attributes {fusion.anchor = "conv", fusion.layouts = [#fusion.layout<[192, 8, 1, 64], align = 8>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>, kernel.launches = [@conv_add_relu]} {
    %conv = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, tensor<4x1x1x3xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %biased = nn.add %conv, %rhs : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %relu = nn.relu %biased : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    func.return %relu : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
  }
  kernel.func @reduce_reshape_matmul(%x: !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>, %b: !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256>, %y: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>) grid <N, 1, 1> warps 8 min_blocks 2 coords(%image, %0, %1) attributes {kernel.choice = #kernel.choice<"gemv_chain", {blocks = 1 : i64, cluster = 1 : i64, pixel_blocks = 1 : i64, threads = 256 : i64}>} {
    %2 = arith.constant 0 : index
    %b_view = kernel.view %b dims <2, 4> strides <4, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256> -> !kernel.view<2 x f32>
    %3 = arith.constant 16 : index
    %x_view = kernel.view %x dims <N, 16, 4> strides <64, 4, 1> offset <0> groups [array<i64: 0>, array<i64: 1>, array<i64: 2>] : !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256> -> !kernel.view<3 x f32>
    %4 = arith.constant 128 : index
    %5 = arith.constant 16 : i32
    %6 = arith.constant 4 : i32
    %y_view = kernel.view %y dims <N, 2> strides <2, 1> offset <0> groups [array<i64: 0>, array<i64: 1>, array<i64>] : !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256> -> !kernel.view<3 x f32>
    %vector0 = kernel.alloc -> !kernel.shared<8x1xf32>
    %b_tile = kernel.load %b_view[%2, %2] fill 0.000000e+00 : !kernel.view<2 x f32> -> !kernel.frag<256x4xf32, #kernel.blocked<256, 1, 1, 4>>
    %partial = kernel.alloc -> !kernel.shared<128x8xf32, pad 4>
    %7 = kernel.fill 0.000000e+00 : !kernel.frag<128x8xf32, #kernel.blocked<128, 2, 1, 4>>
    %8 = scf.for %pixel = %2 to %3 step %4 iter_args(%9 = %7) -> (!kernel.frag<128x8xf32, #kernel.blocked<128, 2, 1, 4>>) {
      %x_tile = kernel.load %x_view[%image, %pixel, %2] fill 0.000000e+00 : !kernel.view<3 x f32> -> !kernel.frag<128x8xf32, #kernel.blocked<128, 2, 1, 4>>
      %10 = kernel.map (%9, %x_tile) : (!kernel.frag<128x8xf32, #kernel.blocked<128, 2, 1, 4>>, !kernel.frag<128x8xf32, #kernel.blocked<128, 2, 1, 4>>) -> !kernel.frag<128x8xf32, #kernel.blocked<128, 2, 1, 4>> {
      ^bb0(%11: f32, %12: f32):
        %13 = arith.addf %11, %12 : f32
        kernel.yield %13 : f32
      }
      scf.yield %10 : !kernel.frag<128x8xf32, #kernel.blocked<128, 2, 1, 4>>
    }
    kernel.store_shared %8, %partial[%2, %2] : !kernel.frag<128x8xf32, #kernel.blocked<128, 2, 1, 4>>, !kernel.shared<128x8xf32, pad 4>
    kernel.barrier
    %14 = kernel.load_shared %partial[%2, %2] transposed : !kernel.shared<128x8xf32, pad 4> -> !kernel.frag<8x128xf32, #kernel.blocked<8, 32, 1, 1>>
    %15 = kernel.reduce "sum" %14 : !kernel.frag<8x128xf32, #kernel.blocked<8, 32, 1, 1>> -> !kernel.frag<8xf32, #kernel.blocked<8, 32, 1, 1>, rows of 128>
    %16 = kernel.map (%15, %5) : (!kernel.frag<8xf32, #kernel.blocked<8, 32, 1, 1>, rows of 128>, i32) -> !kernel.frag<8xf32, #kernel.blocked<8, 32, 1, 1>, rows of 128> {
    ^bb0(%17: f32, %18: i32):
      %19 = arith.sitofp %18 : i32 to f32
      %20 = arith.divf %17, %19 : f32
      kernel.yield %20 : f32
    }
    %21 = kernel.coord %2 axis 0 : !kernel.frag<8xi32, #kernel.blocked<8, 32, 1, 1>, rows of 128>
    %22 = kernel.map (%16, %21, %6) : (!kernel.frag<8xf32, #kernel.blocked<8, 32, 1, 1>, rows of 128>, !kernel.frag<8xi32, #kernel.blocked<8, 32, 1, 1>, rows of 128>, i32) -> !kernel.frag<8xf32, #kernel.blocked<8, 32, 1, 1>, rows of 128> {
    ^bb0(%23: f32, %24: i32, %25: i32):
      %26 = arith.cmpi slt, %24, %25 : i32
      %27 = arith.constant 0.000000e+00 : f32
      %28 = arith.select %26, %23, %27 : f32
      kernel.yield %28 : f32
    }
    kernel.store_shared %22, %vector0[%2, %2] : !kernel.frag<8xf32, #kernel.blocked<8, 32, 1, 1>, rows of 128>, !kernel.shared<8x1xf32>
    kernel.barrier
    %29 = kernel.load_shared %vector0[%2, %2] transposed : !kernel.shared<8x1xf32> -> !kernel.frag<256x4xf32, #kernel.blocked<256, 1, 1, 4>>
    %30 = kernel.map (%b_tile, %29) : (!kernel.frag<256x4xf32, #kernel.blocked<256, 1, 1, 4>>, !kernel.frag<256x4xf32, #kernel.blocked<256, 1, 1, 4>>) -> !kernel.frag<256x4xf32, #kernel.blocked<256, 1, 1, 4>> {
    ^bb0(%31: f32, %32: f32):
      %33 = arith.mulf %31, %32 : f32
      kernel.yield %33 : f32
    }
    %34 = kernel.reduce "sum" %30 : !kernel.frag<256x4xf32, #kernel.blocked<256, 1, 1, 4>> -> !kernel.frag<256xf32, #kernel.blocked<256, 1, 1, 4>, rows of 4>
    kernel.store %34, %y_view[%image, %2, %2] : !kernel.frag<256xf32, #kernel.blocked<256, 1, 1, 4>, rows of 4>, !kernel.view<3 x f32>
    kernel.return
  }
  func.func private @reduce_reshape_matmul_reference(%x: tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, %b: tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {fusion.anchor = "matmul", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"gemv_chain", {blocks = 1 : i64, cluster = 1 : i64, pixel_blocks = 1 : i64, threads = 256 : i64}>, kernel.launches = [@reduce_reshape_matmul]} {
    %0 = nn.reduce mean %x {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>) -> tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>
    %pooled = nn.reshape %0 : (tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    %logits = nn.matmul %pooled, %b {transpose_b} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %logits : tensor<?x2xf32, #nn.dims<N, 2>>
  }
  kernel.func @softmax(%x: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>, %y: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>) grid <(N + 3) floordiv 4, 1, 1> warps 4 coords(%0, %1, %2) attributes {kernel.choice = #kernel.choice<"row", {loop = 0 : i64, registers = 2 : i64, rows = 4 : i64, threads = 32 : i64, vector = 2 : i64}>} {
    %3 = arith.constant 4 : index
    %x_view = kernel.view %x dims <N, 2> strides <2, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256> -> !kernel.view<2 x f32>
    %4 = arith.constant 0 : index
    %y_view = kernel.view %y dims <N, 2> strides <2, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256> -> !kernel.view<2 x f32>
    %row = arith.muli %0, %3 : index
    %x_tile = kernel.load %x_view[%row, %4] fill -inf : !kernel.view<2 x f32> -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
    %5 = kernel.reduce "max" %x_tile : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>
    %6 = kernel.map (%x_tile, %5) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>, !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
    ^bb0(%7: f32, %8: f32):
      %9 = arith.subf %7, %8 : f32
      %10 = math.exp %9 : f32
      kernel.yield %10 : f32
    }
    %11 = kernel.reduce "sum" %6 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>
    %12 = kernel.map (%11) : (!kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>) -> !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64> {
    ^bb0(%13: f32):
      %14 = arith.constant 1.000000e+00 : f32
      %15 = arith.divf %14, %13 : f32
      kernel.yield %15 : f32
    }
    %16 = kernel.map (%6, %12) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>, !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
    ^bb0(%17: f32, %18: f32):
      %19 = arith.mulf %17, %18 : f32
      kernel.yield %19 : f32
    }
    kernel.store %16, %y_view[%row, %4] : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>, !kernel.view<2 x f32>
    kernel.return
  }
  func.func private @softmax_reference(%x: tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {fusion.anchor = "row", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"row", {loop = 0 : i64, registers = 2 : i64, rows = 4 : i64, threads = 32 : i64, vector = 2 : i64}>, kernel.launches = [@softmax]} {
    %scores = nn.softmax %x {axis = 1 : i64} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %scores : tensor<?x2xf32, #nn.dims<N, 2>>
  }
}
