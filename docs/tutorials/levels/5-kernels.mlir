builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%image: memref<?x3x8x8xf32>, %scores: memref<?x2xf32>) attributes {nn.inputs = ["image"], nn.outputs = ["scores"], buffer.arg_dims = [#nn.dims<N, 3, 8, 8>, #nn.dims<N, 2>]} {
    %0 = buffer.arena : memref<2304xi8>
    %N = buffer.symbol "N" from %image[0] : memref<?x3x8x8xf32>
    %1 = buffer.view %image offset #nn.dims<0> dims #nn.dims<N, 8, 8, 3> strides #nn.dims<192, 8, 1, 64> : memref<?x3x8x8xf32> to memref<?x8x8x3xf32, strided<[192, 8, 1, 64]>>
    %filter = buffer.weight "weight" : memref<4x1x1x3xf32>
    %bias = buffer.weight "weight.1" : memref<4xf32>
    %relu = buffer.slot %0 offset 0 size 2048 dims #nn.dims<N, 4, 4, 4> : memref<2304xi8> to memref<?x4x4x4xf32>
    buffer.launch @conv_add_relu[%N] ins(%1, %filter, %bias : memref<?x8x8x3xf32, strided<[192, 8, 1, 64]>>, memref<4x1x1x3xf32>, memref<4xf32>) outs(%relu : memref<?x4x4x4xf32>) {buffer.out_names = ["active@0,2,3,1"]}
    %2 = buffer.slot %0 offset 2048 size 128 dims #nn.dims<N, 1, 1, 4> : memref<2304xi8> to memref<?x1x1x4xf32>
    buffer.launch @reduce[%N] ins(%relu : memref<?x4x4x4xf32>) outs(%2 : memref<?x1x1x4xf32>)
    %pooled = buffer.view %2 offset #nn.dims<0> dims #nn.dims<N, 4> strides #nn.dims<4, 1> : memref<?x1x1x4xf32> to memref<?x4xf32>
    %logits = buffer.weight "weight.2" : memref<2x4xf32>
    %logits_1 = buffer.slot %0 offset 0 size 64 dims #nn.dims<N, 2> : memref<2304xi8> to memref<?x2xf32>
    buffer.launch @matmul[%N] ins(%pooled, %logits : memref<?x4xf32>, memref<2x4xf32>) outs(%logits_1 : memref<?x2xf32>) {buffer.out_names = ["logits"]}
    buffer.launch @softmax[%N] ins(%logits_1 : memref<?x2xf32>) outs(%scores : memref<?x2xf32>) {buffer.out_names = ["scores"]}
    func.return
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
  kernel.func @conv_add_relu(%0: !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, %1: !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, %2: !kernel.global<dims <4> x f32, strides <1>, align 256>, %3: !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>) grid <1, N, 1> warps 4 min_blocks 1 coords(%4, %5, %6) attributes {kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>} {
    %7 = arith.constant 32 : index
    %8 = arith.constant 16 : index
    %9 = arith.constant 0 : index
    %10 = arith.constant 1 : index
    %11 = arith.constant 2 : index
    %12 = arith.constant 4 : index
    %13 = arith.constant 8 : index
    %14 = arith.constant 12 : index
    %15 = kernel.view %2 dims <16*N, 4> strides <0, 1> offset <0> groups [array<i64>, array<i64: 0>, array<i64: 1>] : !kernel.global<dims <4> x f32, strides <1>, align 256> -> !kernel.view<3 x f32>
    %16 = kernel.view %3 dims <16*N, 4> strides <4, 1> offset <0> groups [array<i64>, array<i64: 0>, array<i64: 1>] : !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256> -> !kernel.view<3 x f32>
    %17 = arith.muli %4, %7 : index
    %18 = arith.muli %5, %8 : index
    %19 = kernel.im2col %0 out <4, 4> kernel [1, 1] strides [2, 2] pads [0, 0] dilations [1, 1] groups 1 : !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32> -> !kernel.view<3 x f32>
    %20 = kernel.view %1 dims <1, 4, 1, 1, 3> strides <12, 3, 3, 3, 1> offset <0> groups [array<i64: 0>, array<i64: 1>, array<i64: 2, 3, 4>] : !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256> -> !kernel.view<3 x f32>
    %21 = kernel.alloc -> !kernel.shared<3x16x16xf32, pad 4>
    %22 = kernel.alloc -> !kernel.shared<3x32x16xf32, pad 4>
    %23 = kernel.ring -> !kernel.ring<3, cp_async>
    kernel.acquire %23[%9] : !kernel.ring<3, cp_async>
    %24 = kernel.slot %21[%9] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
    %25 = kernel.slot %22[%9] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
    kernel.load_async %19[%6, %18, %9] to %24 : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
    kernel.load_async %20[%6, %17, %9] to %25 : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
    kernel.commit %23[%9] bytes 0 : !kernel.ring<3, cp_async>
    kernel.acquire %23[%10] : !kernel.ring<3, cp_async>
    %26 = kernel.slot %21[%10] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
    %27 = kernel.slot %22[%10] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
    kernel.load_async %19[%6, %18, %8] to %26 : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
    kernel.load_async %20[%6, %17, %8] to %27 : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
    kernel.commit %23[%10] bytes 0 : !kernel.ring<3, cp_async>
    %28 = kernel.fill 0.000000e+00 : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
    %29 = scf.for %30 = %9 to %10 step %10 iter_args(%31 = %28) -> (!kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>) {
      kernel.wait %23[%30] later 1 : !kernel.ring<3, cp_async>
      %32 = arith.addi %30, %11 : index
      %33 = arith.muli %32, %8 : index
      kernel.acquire %23[%32] : !kernel.ring<3, cp_async>
      %34 = kernel.slot %21[%32] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
      %35 = kernel.slot %22[%32] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
      kernel.load_async %19[%6, %18, %33] to %34 : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
      kernel.load_async %20[%6, %17, %33] to %35 : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
      kernel.commit %23[%32] bytes 0 : !kernel.ring<3, cp_async>
      %36 = kernel.slot %21[%30] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
      %37 = kernel.slot %22[%30] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
      %38 = kernel.load_shared %36[%9, %9] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
      %39 = kernel.load_shared %37[%9, %9] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
      %40 = kernel.mma %38, %39, %31 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      %41 = kernel.load_shared %36[%9, %12] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
      %42 = kernel.load_shared %37[%9, %12] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
      %43 = kernel.mma %41, %42, %40 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      %44 = kernel.load_shared %36[%9, %13] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
      %45 = kernel.load_shared %37[%9, %13] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
      %46 = kernel.mma %44, %45, %43 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      %47 = kernel.load_shared %36[%9, %14] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
      %48 = kernel.load_shared %37[%9, %14] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
      %49 = kernel.mma %47, %48, %46 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      kernel.release %23[%30] : !kernel.ring<3, cp_async>
      scf.yield %49 : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
    }
    %50 = kernel.load %15[%6, %18, %17] fill 0.000000e+00 : !kernel.view<3 x f32> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
    %51 = kernel.map (%29, %50) : (!kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>) -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> {
    ^bb0(%52: f32, %53: f32):
      %54 = arith.addf %52, %53 : f32
      %55 = arith.constant 0.000000e+00 : f32
      %56 = arith.maximumf %54, %55 : f32
      kernel.yield %56 : f32
    }
    kernel.store %51, %16[%6, %18, %17] : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>, !kernel.view<3 x f32>
    kernel.return
  }
  kernel.func @reduce(%0: !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>, %1: !kernel.global<dims <N, 1, 1, 4> x f32, strides <4, 4, 4, 1>, align 256>) grid <(N + 7) floordiv 8, 1, 1> warps 8 coords(%2, %3, %4) attributes {kernel.choice = #kernel.choice<"row", {loop = 1 : i64, registers = 2 : i64, rows = 32 : i64, threads = 8 : i64, vector = 1 : i64}>} {
    %5 = arith.constant 32 : index
    %6 = arith.constant 16 : index
    %7 = kernel.view %0 dims <N, 4, 16> strides <64, 1, 4> offset <0> groups [array<i64: 0, 1>, array<i64: 2>] : !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256> -> !kernel.view<2 x f32>
    %8 = arith.constant 0 : index
    %9 = arith.constant 16 : i32
    %10 = kernel.view %1 dims <4*N> strides <1> offset <0> groups [array<i64: 0>, array<i64>] : !kernel.global<dims <N, 1, 1, 4> x f32, strides <4, 4, 4, 1>, align 256> -> !kernel.view<2 x f32>
    %11 = arith.muli %2, %5 : index
    %12 = kernel.fill 0.000000e+00 : !kernel.frag<32x16xf32, #kernel.blocked<32, 8, 1, 1>>
    %13 = scf.for %14 = %8 to %6 step %6 iter_args(%15 = %12) -> (!kernel.frag<32x16xf32, #kernel.blocked<32, 8, 1, 1>>) {
      %16 = kernel.load %7[%11, %14] fill 0.000000e+00 : !kernel.view<2 x f32> -> !kernel.frag<32x16xf32, #kernel.blocked<32, 8, 1, 1>>
      %17 = kernel.map (%15, %16) : (!kernel.frag<32x16xf32, #kernel.blocked<32, 8, 1, 1>>, !kernel.frag<32x16xf32, #kernel.blocked<32, 8, 1, 1>>) -> !kernel.frag<32x16xf32, #kernel.blocked<32, 8, 1, 1>> {
      ^bb0(%18: f32, %19: f32):
        %20 = arith.addf %18, %19 : f32
        kernel.yield %20 : f32
      }
      scf.yield %17 : !kernel.frag<32x16xf32, #kernel.blocked<32, 8, 1, 1>>
    }
    %21 = kernel.reduce "sum" %13 : !kernel.frag<32x16xf32, #kernel.blocked<32, 8, 1, 1>> -> !kernel.frag<32xf32, #kernel.blocked<32, 8, 1, 1>, rows of 16>
    %22 = kernel.map (%21, %9) : (!kernel.frag<32xf32, #kernel.blocked<32, 8, 1, 1>, rows of 16>, i32) -> !kernel.frag<32xf32, #kernel.blocked<32, 8, 1, 1>, rows of 16> {
    ^bb0(%23: f32, %24: i32):
      %25 = arith.sitofp %24 : i32 to f32
      %26 = arith.divf %23, %25 : f32
      kernel.yield %26 : f32
    }
    kernel.store %22, %10[%11, %8] : !kernel.frag<32xf32, #kernel.blocked<32, 8, 1, 1>, rows of 16>, !kernel.view<2 x f32>
    kernel.return
  }
  kernel.func @matmul(%0: !kernel.global<dims <N, 4> x f32, strides <4, 1>, align 256>, %1: !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256>, %2: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>) grid <1, (N + 15) floordiv 16, 1> warps 4 min_blocks 1 coords(%3, %4, %5) attributes {kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>} {
    %6 = arith.constant 32 : index
    %7 = arith.constant 16 : index
    %8 = arith.constant 0 : index
    %9 = arith.constant 1 : index
    %10 = arith.constant 2 : index
    %11 = arith.constant 4 : index
    %12 = arith.constant 8 : index
    %13 = arith.constant 12 : index
    %14 = kernel.view %2 dims <N, 2> strides <2, 1> offset <0> groups [array<i64>, array<i64: 0>, array<i64: 1>] : !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256> -> !kernel.view<3 x f32>
    %15 = arith.muli %3, %6 : index
    %16 = arith.muli %4, %7 : index
    %17 = kernel.view %0 dims <N, 4> strides <4, 1> offset <0> groups [array<i64>, array<i64: 0>, array<i64: 1>] : !kernel.global<dims <N, 4> x f32, strides <4, 1>, align 256> -> !kernel.view<3 x f32>
    %18 = kernel.view %1 dims <2, 4> strides <4, 1> offset <0> groups [array<i64>, array<i64: 0>, array<i64: 1>] : !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256> -> !kernel.view<3 x f32>
    %19 = kernel.alloc -> !kernel.shared<3x16x16xf32, pad 4>
    %20 = kernel.alloc -> !kernel.shared<3x32x16xf32, pad 4>
    %21 = kernel.ring -> !kernel.ring<3, cp_async>
    kernel.acquire %21[%8] : !kernel.ring<3, cp_async>
    %22 = kernel.slot %19[%8] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
    %23 = kernel.slot %20[%8] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
    kernel.load_async %17[%5, %16, %8] to %22 : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
    kernel.load_async %18[%5, %15, %8] to %23 : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
    kernel.commit %21[%8] bytes 0 : !kernel.ring<3, cp_async>
    kernel.acquire %21[%9] : !kernel.ring<3, cp_async>
    %24 = kernel.slot %19[%9] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
    %25 = kernel.slot %20[%9] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
    kernel.load_async %17[%5, %16, %7] to %24 : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
    kernel.load_async %18[%5, %15, %7] to %25 : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
    kernel.commit %21[%9] bytes 0 : !kernel.ring<3, cp_async>
    %26 = kernel.fill 0.000000e+00 : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
    %27 = scf.for %28 = %8 to %9 step %9 iter_args(%29 = %26) -> (!kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>) {
      kernel.wait %21[%28] later 1 : !kernel.ring<3, cp_async>
      %30 = arith.addi %28, %10 : index
      %31 = arith.muli %30, %7 : index
      kernel.acquire %21[%30] : !kernel.ring<3, cp_async>
      %32 = kernel.slot %19[%30] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
      %33 = kernel.slot %20[%30] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
      kernel.load_async %17[%5, %16, %31] to %32 : !kernel.view<3 x f32>, !kernel.shared<16x16xf32, pad 4>
      kernel.load_async %18[%5, %15, %31] to %33 : !kernel.view<3 x f32>, !kernel.shared<32x16xf32, pad 4>
      kernel.commit %21[%30] bytes 0 : !kernel.ring<3, cp_async>
      %34 = kernel.slot %19[%28] : !kernel.shared<3x16x16xf32, pad 4> -> !kernel.shared<16x16xf32, pad 4>
      %35 = kernel.slot %20[%28] : !kernel.shared<3x32x16xf32, pad 4> -> !kernel.shared<32x16xf32, pad 4>
      %36 = kernel.load_shared %34[%8, %8] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
      %37 = kernel.load_shared %35[%8, %8] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
      %38 = kernel.mma %36, %37, %29 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      %39 = kernel.load_shared %34[%8, %11] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
      %40 = kernel.load_shared %35[%8, %11] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
      %41 = kernel.mma %39, %40, %38 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      %42 = kernel.load_shared %34[%8, %12] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
      %43 = kernel.load_shared %35[%8, %12] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
      %44 = kernel.mma %42, %43, %41 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      %45 = kernel.load_shared %34[%8, %13] : !kernel.shared<16x16xf32, pad 4> -> !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>
      %46 = kernel.load_shared %35[%8, %13] : !kernel.shared<32x16xf32, pad 4> -> !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>
      %47 = kernel.mma %45, %46, %44 : !kernel.frag<16x4xf32, #kernel.outer_a<16, 8, 1>>, !kernel.frag<32x4xf32, #kernel.outer_b<16, 8, 4>>, !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>> -> !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
      kernel.release %21[%28] : !kernel.ring<3, cp_async>
      scf.yield %47 : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>
    }
    kernel.store %27, %14[%5, %16, %15] : !kernel.frag<16x32xf32, #kernel.blocked<16, 8, 1, 4>>, !kernel.view<3 x f32>
    kernel.return
  }
  kernel.func @softmax(%0: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>, %1: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>) grid <(N + 3) floordiv 4, 1, 1> warps 4 coords(%2, %3, %4) attributes {kernel.choice = #kernel.choice<"row", {loop = 0 : i64, registers = 2 : i64, rows = 4 : i64, threads = 32 : i64, vector = 2 : i64}>} {
    %5 = arith.constant 4 : index
    %6 = kernel.view %0 dims <N, 2> strides <2, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256> -> !kernel.view<2 x f32>
    %7 = arith.constant 0 : index
    %8 = kernel.view %1 dims <N, 2> strides <2, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256> -> !kernel.view<2 x f32>
    %9 = arith.muli %2, %5 : index
    %10 = kernel.load %6[%9, %7] fill -inf : !kernel.view<2 x f32> -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>
    %11 = kernel.reduce "max" %10 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>
    %12 = kernel.map (%10, %11) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>, !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
    ^bb0(%13: f32, %14: f32):
      %15 = arith.subf %13, %14 : f32
      %16 = math.exp %15 : f32
      kernel.yield %16 : f32
    }
    %17 = kernel.reduce "sum" %12 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> -> !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>
    %18 = kernel.map (%17) : (!kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>) -> !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64> {
    ^bb0(%19: f32):
      %20 = arith.constant 1.000000e+00 : f32
      %21 = arith.divf %20, %19 : f32
      kernel.yield %21 : f32
    }
    %22 = kernel.map (%12, %18) : (!kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>, !kernel.frag<4xf32, #kernel.blocked<4, 32, 1, 2>, rows of 64>) -> !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>> {
    ^bb0(%23: f32, %24: f32):
      %25 = arith.mulf %23, %24 : f32
      kernel.yield %25 : f32
    }
    kernel.store %22, %8[%9, %7] : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>, !kernel.view<2 x f32>
    kernel.return
  }
}
