builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}, kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%image: memref<?x3x8x8xf32>, %scores: memref<?x2xf32>) attributes {nn.inputs = ["image"], nn.outputs = ["scores"], buffer.arg_dims = [#nn.dims<N, 3, 8, 8>, #nn.dims<N, 2>]} {
    %0 = buffer.arena : memref<2304xi8>
    %N = buffer.symbol "N" from %image[0] : memref<?x3x8x8xf32>
    %1 = buffer.view %image offset #nn.dims<0> dims #nn.dims<N, 8, 8, 3> strides #nn.dims<192, 8, 1, 64> : memref<?x3x8x8xf32> to memref<?x8x8x3xf32, strided<[192, 8, 1, 64]>>
    %filter = buffer.weight "weight" : memref<4x1x1x3xf32>
    %bias = buffer.weight "weight.1" : memref<4xf32>
    %relu = buffer.slot %0 offset 0 size 2048 dims #nn.dims<N, 4, 4, 4> : memref<2304xi8> to memref<?x4x4x4xf32>
    buffer.launch @conv_add_relu[%N] ins(%1, %filter, %bias : memref<?x8x8x3xf32, strided<[192, 8, 1, 64]>>, memref<4x1x1x3xf32>, memref<4xf32>) outs(%relu : memref<?x4x4x4xf32>) {buffer.out_names = ["active@0,2,3,1"]}
    %logits = buffer.weight "weight.2" : memref<2x4xf32>
    %logits_1 = buffer.slot %0 offset 2048 size 64 dims #nn.dims<N, 2> : memref<2304xi8> to memref<?x2xf32>
    buffer.launch @reduce_reshape_matmul[%N] ins(%relu, %logits : memref<?x4x4x4xf32>, memref<2x4xf32>) outs(%logits_1 : memref<?x2xf32>) {buffer.out_names = ["logits"]}
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
  kernel.func @conv_add_relu(%x: !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, %w: !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, %rhs: !kernel.global<dims <4> x f32, strides <1>, align 256>, %y: !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>) grid <1, N, 1> warps 4 smem 11520 min_blocks 1 params(N) coords(%0, %1, %2) attributes {kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>} {
    %thread = kernel.thread_id
    %a_shared = kernel.smem 0 : memref<960xf32, "shared">
    %b_shared = kernel.smem 3840 : memref<1920xf32, "shared">
    %row_offset = kernel.local : memref<2xindex, "local">
    %row_h = kernel.local : memref<2xindex, "local">
    %row_w = kernel.local : memref<2xindex, "local">
    %3 = arith.constant 0 : index
    %4 = arith.constant 2 : index
    %5 = arith.constant 1 : index
    %6 = arith.constant 16 : index
    %7 = arith.divui %thread, %6 : index
    %8 = arith.remui %thread, %6 : index
    %9 = arith.constant 4 : index
    %10 = arith.remui %7, %9 : index
    %11 = arith.divui %7, %9 : index
    %N = kernel.param "N"
    %12 = arith.muli %1, %6 : index
    %13 = arith.addi %12, %7 : index
    %14 = arith.constant 8 : index
    %15 = arith.muli %N, %6 : index
    %16 = arith.constant 192 : index
    %17 = arith.muli %1, %16 : index
    %18 = arith.muli %11, %6 : index
    %19 = arith.addi %17, %18 : index
    %20 = arith.muli %10, %4 : index
    %21 = arith.addi %19, %20 : index
    %22 = arith.constant 32 : index
    %23 = arith.muli %11, %4 : index
    %24 = arith.constant -536870912 : index
    scf.for %n = %3 to %4 step %5 {
      %25 = arith.muli %n, %14 : index
      %26 = arith.addi %13, %25 : index
      %27 = arith.cmpi ult, %26, %15 : index
      %28 = arith.muli %n, %22 : index
      %29 = arith.addi %21, %28 : index
      memref.store %29, %row_offset[%n] : memref<2xindex, "local">
      %30 = arith.muli %n, %9 : index
      %31 = arith.addi %23, %30 : index
      %32 = arith.select %27, %31, %24 : index
      memref.store %32, %row_h[%n] : memref<2xindex, "local">
      memref.store %20, %row_w[%n] : memref<2xindex, "local">
    } {unroll}
    %33 = arith.constant 3 : index
    %34 = arith.remui %8, %33 : index
    %35 = arith.divui %8, %33 : index
    %36 = arith.cmpi ult, %8, %33 : index
    %37 = arith.muli %35, %14 : index
    %38 = arith.constant 64 : index
    %39 = arith.muli %34, %38 : index
    %40 = arith.addi %37, %39 : index
    %41 = arith.constant 20 : index
    %42 = arith.muli %7, %41 : index
    %43 = arith.addi %42, %8 : index
    %44 = arith.constant 160 : index
    scf.for %c = %3 to %4 step %5 {
      %45 = memref.load %row_offset[%c] : memref<2xindex, "local">
      %46 = memref.load %row_h[%c] : memref<2xindex, "local">
      %47 = memref.load %row_w[%c] : memref<2xindex, "local">
      %48 = arith.addi %35, %46 : index
      %49 = arith.cmpi ult, %48, %14 : index
      %50 = arith.cmpi ult, %47, %14 : index
      %51 = arith.andi %36, %49 : i1
      %inside = arith.andi %51, %50 : i1
      %x_at = arith.addi %40, %45 : index
      %52 = arith.muli %c, %44 : index
      %a_shared_at = arith.addi %43, %52 : index
      kernel.cp_async %x[%x_at] to %a_shared[%a_shared_at] count 1 if %inside : !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, memref<960xf32, "shared">
    } {unroll}
    %53 = arith.muli %7, %33 : index
    %54 = arith.addi %53, %8 : index
    %55 = arith.constant 24 : index
    scf.for %c_1 = %3 to %9 step %5 {
      %56 = arith.muli %c_1, %14 : index
      %57 = arith.addi %7, %56 : index
      %58 = arith.cmpi ult, %57, %9 : index
      %inside_1 = arith.andi %36, %58 : i1
      %59 = arith.muli %c_1, %55 : index
      %w_at = arith.addi %54, %59 : index
      %60 = arith.muli %c_1, %44 : index
      %b_shared_at = arith.addi %43, %60 : index
      kernel.cp_async %w[%w_at] to %b_shared[%b_shared_at] count 1 if %inside_1 : !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, memref<1920xf32, "shared">
    } {unroll}
    kernel.cp_async_commit
    %61 = arith.addi %8, %5 : index
    %62 = arith.remui %61, %33 : index
    %63 = arith.divui %61, %33 : index
    %64 = arith.addi %8, %6 : index
    %65 = arith.cmpi ult, %64, %33 : index
    %66 = arith.constant 5 : index
    %67 = arith.muli %63, %14 : index
    %68 = arith.muli %62, %38 : index
    %69 = arith.addi %67, %68 : index
    %70 = arith.constant 40 : index
    %71 = arith.constant 320 : index
    scf.for %c_2 = %3 to %4 step %5 {
      %72 = memref.load %row_offset[%c_2] : memref<2xindex, "local">
      %73 = memref.load %row_h[%c_2] : memref<2xindex, "local">
      %74 = memref.load %row_w[%c_2] : memref<2xindex, "local">
      %75 = arith.addi %63, %73 : index
      %76 = arith.addi %75, %66 : index
      %77 = arith.cmpi ult, %76, %14 : index
      %78 = arith.cmpi ult, %74, %14 : index
      %79 = arith.andi %65, %77 : i1
      %inside_2 = arith.andi %79, %78 : i1
      %80 = arith.addi %69, %72 : index
      %x_at_1 = arith.addi %80, %70 : index
      %81 = arith.muli %c_2, %44 : index
      %82 = arith.addi %43, %81 : index
      %a_shared_at_1 = arith.addi %82, %71 : index
      kernel.cp_async %x[%x_at_1] to %a_shared[%a_shared_at_1] count 1 if %inside_2 : !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, memref<960xf32, "shared">
    } {unroll}
    %83 = arith.constant 640 : index
    scf.for %c_3 = %3 to %9 step %5 {
      %84 = arith.muli %c_3, %14 : index
      %85 = arith.addi %7, %84 : index
      %86 = arith.cmpi ult, %85, %9 : index
      %inside_3 = arith.andi %65, %86 : i1
      %87 = arith.muli %c_3, %55 : index
      %88 = arith.addi %54, %87 : index
      %w_at_1 = arith.addi %88, %6 : index
      %89 = arith.muli %c_3, %44 : index
      %90 = arith.addi %43, %89 : index
      %b_shared_at_1 = arith.addi %90, %83 : index
      kernel.cp_async %w[%w_at_1] to %b_shared[%b_shared_at_1] count 1 if %inside_3 : !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, memref<1920xf32, "shared">
    } {unroll}
    kernel.cp_async_commit
    %acc = kernel.local : memref<4xf32, "local">
    %91 = arith.constant 0.000000e+00 : f32
    scf.for %r = %3 to %9 step %5 {
      memref.store %91, %acc[%r] : memref<4xf32, "local">
    } {unroll}
    %92 = arith.addi %8, %4 : index
    %93 = arith.remui %92, %33 : index
    %94 = arith.divui %92, %33 : index
    %95 = arith.addi %8, %22 : index
    %96 = arith.cmpi ult, %95, %33 : index
    %97 = arith.constant 10 : index
    %98 = arith.muli %94, %14 : index
    %99 = arith.muli %93, %38 : index
    %100 = arith.addi %98, %99 : index
    %101 = arith.constant 80 : index
    %102 = arith.constant 1280 : index
    %103 = arith.divui %thread, %14 : index
    %104 = arith.muli %103, %41 : index
    %105 = arith.remui %thread, %14 : index
    %106 = arith.muli %105, %101 : index
    scf.for %k = %3 to %5 step %5 {
      kernel.cp_async_wait 1
      kernel.bar_sync 0 threads 128
      scf.for %c_4 = %3 to %4 step %5 {
        %107 = memref.load %row_offset[%c_4] : memref<2xindex, "local">
        %108 = memref.load %row_h[%c_4] : memref<2xindex, "local">
        %109 = memref.load %row_w[%c_4] : memref<2xindex, "local">
        %110 = arith.addi %94, %108 : index
        %111 = arith.addi %110, %97 : index
        %112 = arith.cmpi ult, %111, %14 : index
        %113 = arith.cmpi ult, %109, %14 : index
        %114 = arith.andi %96, %112 : i1
        %inside_4 = arith.andi %114, %113 : i1
        %115 = arith.addi %100, %107 : index
        %x_at_2 = arith.addi %115, %101 : index
        %116 = arith.muli %c_4, %44 : index
        %117 = arith.addi %43, %116 : index
        %a_shared_at_2 = arith.addi %117, %83 : index
        kernel.cp_async %x[%x_at_2] to %a_shared[%a_shared_at_2] count 1 if %inside_4 : !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, memref<960xf32, "shared">
      } {unroll}
      scf.for %c_5 = %3 to %9 step %5 {
        %118 = arith.muli %c_5, %14 : index
        %119 = arith.addi %7, %118 : index
        %120 = arith.cmpi ult, %119, %9 : index
        %inside_5 = arith.andi %96, %120 : i1
        %121 = arith.muli %c_5, %55 : index
        %122 = arith.addi %54, %121 : index
        %w_at_2 = arith.addi %122, %22 : index
        %123 = arith.muli %c_5, %44 : index
        %124 = arith.addi %43, %123 : index
        %b_shared_at_2 = arith.addi %124, %102 : index
        kernel.cp_async %w[%w_at_2] to %b_shared[%b_shared_at_2] count 1 if %inside_5 : !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, memref<1920xf32, "shared">
      } {unroll}
      kernel.cp_async_commit
      scf.for %k_block = %3 to %6 step %9 {
        %a_frag = kernel.local : memref<4xf32, "local">
        %a_shared_at_3 = arith.addi %104, %k_block : index
        kernel.ld_shared %a_shared[%a_shared_at_3] to %a_frag[%3] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
        %b_frag = kernel.local : memref<16xf32, "local">
        %125 = arith.addi %106, %k_block : index
        scf.for %r_1 = %3 to %9 step %5 {
          %126 = arith.muli %r_1, %41 : index
          %b_shared_at_3 = arith.addi %125, %126 : index
          %127 = arith.muli %r_1, %9 : index
          kernel.ld_shared %b_shared[%b_shared_at_3] to %b_frag[%127] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
        } {unroll}
        scf.for %k_1 = %3 to %9 step %5 {
          scf.for %n_1 = %3 to %9 step %5 {
            %128 = memref.load %a_frag[%k_1] : memref<4xf32, "local">
            %129 = arith.muli %n_1, %9 : index
            %130 = arith.addi %k_1, %129 : index
            %131 = memref.load %b_frag[%130] : memref<16xf32, "local">
            %132 = memref.load %acc[%n_1] : memref<4xf32, "local">
            %133 = arith.mulf %128, %131 : f32
            %134 = arith.addf %132, %133 : f32
            memref.store %134, %acc[%n_1] : memref<4xf32, "local">
          } {unroll}
        } {unroll}
      } {unroll}
    }
    %rhs_tile = kernel.local : memref<4xf32, "local">
    %135 = arith.addi %12, %103 : index
    %136 = arith.cmpi ult, %135, %15 : index
    %rhs_at = arith.muli %105, %9 : index
    %137 = arith.cmpi ult, %rhs_at, %9 : index
    %inside_6 = arith.andi %136, %137 : i1
    scf.for %e = %3 to %9 step %5 {
      memref.store %91, %rhs_tile[%e] : memref<4xf32, "local">
    } {unroll}
    kernel.ld_global %rhs[%rhs_at] to %rhs_tile[%3] count 4 if %inside_6 : !kernel.global<dims <4> x f32, strides <1>, align 256>, memref<4xf32, "local">
    scf.for %r_2 = %3 to %9 step %5 {
      %138 = memref.load %acc[%r_2] : memref<4xf32, "local">
      %139 = memref.load %rhs_tile[%r_2] : memref<4xf32, "local">
      %140 = arith.addf %138, %139 : f32
      %141 = arith.constant 0.000000e+00 : f32
      %142 = arith.maximumf %140, %141 : f32
      memref.store %142, %acc[%r_2] : memref<4xf32, "local">
    } {unroll}
    %143 = arith.muli %1, %38 : index
    %144 = arith.muli %103, %9 : index
    %145 = arith.addi %143, %144 : index
    %y_at = arith.addi %145, %rhs_at : index
    kernel.st_global %acc[%3] to %y[%y_at] count 4 if %inside_6 : memref<4xf32, "local">, !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>
    kernel.return
  }
  func.func private @conv_add_relu_reference(%x: tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, %w: tensor<4x1x1x3xf32>, %rhs: tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>> attributes {fusion.anchor = "conv", fusion.layouts = [#fusion.layout<[192, 8, 1, 64], align = 8>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>, kernel.launches = [@conv_add_relu]} {
    %conv = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x3xf32, #nn.dims<N, 8, 8, 3>>, tensor<4x1x1x3xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %biased = nn.add %conv, %rhs : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, tensor<4xf32>) -> tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    %relu = nn.relu %biased : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
    func.return %relu : tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>
  }
  kernel.func @reduce_reshape_matmul(%x: !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>, %b: !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256>, %y: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>) grid <N, 1, 1> warps 8 smem 6176 min_blocks 2 params(N) coords(%image, %0, %1) attributes {kernel.choice = #kernel.choice<"gemv_chain", {blocks = 1 : i64, cluster = 1 : i64, pixel_blocks = 1 : i64, threads = 256 : i64}>} {
    %thread = kernel.thread_id
    %2 = arith.constant 16 : i32
    %3 = arith.constant 4 : i32
    %vector0 = kernel.smem 0 : memref<8xf32, "shared">
    %b_tile = kernel.local : memref<4xf32, "local">
    %4 = arith.constant 2 : index
    %inside = arith.cmpi ult, %thread, %4 : index
    %5 = arith.constant 0.000000e+00 : f32
    %6 = arith.constant 0 : index
    %7 = arith.constant 4 : index
    %8 = arith.constant 1 : index
    scf.for %e = %6 to %7 step %8 {
      memref.store %5, %b_tile[%e] : memref<4xf32, "local">
    } {unroll}
    %b_at = arith.muli %thread, %7 : index
    kernel.ld_global %b[%b_at] to %b_tile[%6] count 4 if %inside : !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256>, memref<4xf32, "local">
    %partial = kernel.smem 32 : memref<1536xf32, "shared">
    %9 = kernel.local : memref<4xf32, "local">
    scf.for %r = %6 to %7 step %8 {
      memref.store %5, %9[%r] : memref<4xf32, "local">
    } {unroll}
    %10 = arith.constant 16 : index
    %11 = arith.constant 128 : index
    %N = kernel.param "N"
    %12 = arith.cmpi ult, %image, %N : index
    %13 = arith.divui %thread, %4 : index
    %14 = arith.remui %thread, %4 : index
    %15 = arith.cmpi ult, %13, %10 : index
    %16 = arith.muli %14, %7 : index
    %17 = arith.cmpi ult, %16, %7 : index
    %18 = arith.andi %12, %15 : i1
    %inside_1 = arith.andi %18, %17 : i1
    %19 = arith.constant 64 : index
    %20 = arith.muli %image, %19 : index
    %21 = arith.muli %13, %7 : index
    %22 = arith.addi %20, %21 : index
    %x_at = arith.addi %22, %16 : index
    scf.for %pixel = %6 to %10 step %11 {
      %x_tile = kernel.local : memref<4xf32, "local">
      scf.for %e_1 = %6 to %7 step %8 {
        memref.store %5, %x_tile[%e_1] : memref<4xf32, "local">
      } {unroll}
      kernel.ld_global %x[%x_at] to %x_tile[%6] count 4 if %inside_1 : !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>, memref<4xf32, "local">
      scf.for %r_1 = %6 to %7 step %8 {
        %23 = memref.load %9[%r_1] : memref<4xf32, "local">
        %24 = memref.load %x_tile[%r_1] : memref<4xf32, "local">
        %25 = arith.addf %23, %24 : f32
        memref.store %25, %9[%r_1] : memref<4xf32, "local">
      } {unroll}
    }
    %26 = arith.constant 12 : index
    %27 = arith.muli %13, %26 : index
    %partial_at = arith.addi %27, %16 : index
    kernel.st_shared %9[%6] to %partial[%partial_at] count 4 : memref<4xf32, "local">, memref<1536xf32, "shared">
    kernel.bar_sync 0 threads 256
    %28 = kernel.local : memref<4xf32, "local">
    %29 = arith.constant 32 : index
    %warp = arith.divui %thread, %29 : index
    %lane = arith.remui %thread, %29 : index
    %30 = arith.muli %lane, %26 : index
    %31 = arith.addi %30, %warp : index
    %32 = arith.constant 384 : index
    scf.for %r_2 = %6 to %7 step %8 {
      %33 = arith.muli %r_2, %32 : index
      %partial_at_1 = arith.addi %31, %33 : index
      kernel.ld_shared %partial[%partial_at_1] to %28[%r_2] count 1 : memref<1536xf32, "shared">, memref<4xf32, "local">
    } {unroll}
    %34 = kernel.local : memref<1xf32, "local">
    %35 = arith.constant 0.000000e+00 : f32
    memref.store %35, %34[%6] : memref<1xf32, "local">
    scf.for %r_3 = %6 to %7 step %8 {
      %36 = memref.load %28[%r_3] : memref<4xf32, "local">
      %37 = memref.load %34[%6] : memref<1xf32, "local">
      %38 = arith.addf %37, %36 : f32
      memref.store %38, %34[%6] : memref<1xf32, "local">
    } {unroll}
    %39 = memref.load %34[%6] : memref<1xf32, "local">
    %40 = kernel.shuffle_xor %39 mask 1 : f32 -> f32
    %41 = arith.addf %39, %40 : f32
    %42 = kernel.shuffle_xor %41 mask 2 : f32 -> f32
    %43 = arith.addf %41, %42 : f32
    %44 = kernel.shuffle_xor %43 mask 4 : f32 -> f32
    %45 = arith.addf %43, %44 : f32
    %46 = kernel.shuffle_xor %45 mask 8 : f32 -> f32
    %47 = arith.addf %45, %46 : f32
    %48 = kernel.shuffle_xor %47 mask 16 : f32 -> f32
    %49 = arith.addf %47, %48 : f32
    memref.store %49, %34[%6] : memref<1xf32, "local">
    %50 = memref.load %34[%6] : memref<1xf32, "local">
    %51 = arith.sitofp %2 : i32 to f32
    %52 = arith.divf %50, %51 : f32
    memref.store %52, %34[%6] : memref<1xf32, "local">
    %53 = kernel.local : memref<1xi32, "local">
    %54 = arith.index_cast %warp : index to i32
    memref.store %54, %53[%6] : memref<1xi32, "local">
    %55 = memref.load %34[%6] : memref<1xf32, "local">
    %56 = memref.load %53[%6] : memref<1xi32, "local">
    %57 = arith.cmpi slt, %56, %3 : i32
    %58 = arith.constant 0.000000e+00 : f32
    %59 = arith.select %57, %55, %58 : f32
    memref.store %59, %34[%6] : memref<1xf32, "local">
    %inside_2 = arith.cmpi ult, %lane, %8 : index
    kernel.st_shared %34[%6] to %vector0[%warp] count 1 if %inside_2 : memref<1xf32, "local">, memref<8xf32, "shared">
    kernel.bar_sync 0 threads 256
    %60 = kernel.local : memref<4xf32, "local">
    kernel.ld_shared %vector0[%6] to %60[%6] count 4 : memref<8xf32, "shared">, memref<4xf32, "local">
    scf.for %r_4 = %6 to %7 step %8 {
      %61 = memref.load %b_tile[%r_4] : memref<4xf32, "local">
      %62 = memref.load %60[%r_4] : memref<4xf32, "local">
      %63 = arith.mulf %61, %62 : f32
      memref.store %63, %b_tile[%r_4] : memref<4xf32, "local">
    } {unroll}
    %64 = kernel.local : memref<1xf32, "local">
    memref.store %35, %64[%6] : memref<1xf32, "local">
    scf.for %r_5 = %6 to %7 step %8 {
      %65 = memref.load %b_tile[%r_5] : memref<4xf32, "local">
      %66 = memref.load %64[%6] : memref<1xf32, "local">
      %67 = arith.addf %66, %65 : f32
      memref.store %67, %64[%6] : memref<1xf32, "local">
    } {unroll}
    %inside_3 = arith.andi %12, %inside : i1
    %68 = arith.muli %image, %4 : index
    %y_at = arith.addi %68, %thread : index
    kernel.st_global %64[%6] to %y[%y_at] count 1 if %inside_3 : memref<1xf32, "local">, !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>
    kernel.return
  }
  func.func private @reduce_reshape_matmul_reference(%x: tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>, %b: tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {fusion.anchor = "matmul", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"gemv_chain", {blocks = 1 : i64, cluster = 1 : i64, pixel_blocks = 1 : i64, threads = 256 : i64}>, kernel.launches = [@reduce_reshape_matmul]} {
    %0 = nn.reduce mean %x {axes = array<i64: 1, 2>, keepdims = true} : (tensor<?x4x4x4xf32, #nn.dims<N, 4, 4, 4>>) -> tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>
    %pooled = nn.reshape %0 : (tensor<?x1x1x4xf32, #nn.dims<N, 1, 1, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    %logits = nn.matmul %pooled, %b {transpose_b} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<2x4xf32>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %logits : tensor<?x2xf32, #nn.dims<N, 2>>
  }
  kernel.func @softmax(%x: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>, %y: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>) grid <(N + 3) floordiv 4, 1, 1> warps 4 params(N) coords(%0, %1, %2) attributes {kernel.choice = #kernel.choice<"row", {loop = 0 : i64, registers = 2 : i64, rows = 4 : i64, threads = 32 : i64, vector = 2 : i64}>} {
    %thread = kernel.thread_id
    %x_tile = kernel.local : memref<2xf32, "local">
    %3 = arith.constant 32 : index
    %warp = arith.divui %thread, %3 : index
    %lane = arith.remui %thread, %3 : index
    %N = kernel.param "N"
    %4 = arith.constant 4 : index
    %5 = arith.muli %0, %4 : index
    %6 = arith.addi %5, %warp : index
    %7 = arith.cmpi ult, %6, %N : index
    %8 = arith.constant 2 : index
    %9 = arith.muli %lane, %8 : index
    %10 = arith.cmpi ult, %9, %8 : index
    %inside = arith.andi %7, %10 : i1
    %11 = arith.constant 0xff800000 : f32
    %12 = arith.constant 0 : index
    %13 = arith.constant 1 : index
    scf.for %e = %12 to %8 step %13 {
      memref.store %11, %x_tile[%e] : memref<2xf32, "local">
    } {unroll}
    %14 = arith.constant 8 : index
    %15 = arith.muli %0, %14 : index
    %16 = arith.muli %warp, %8 : index
    %17 = arith.addi %15, %16 : index
    %x_at = arith.addi %17, %9 : index
    kernel.ld_global %x[%x_at] to %x_tile[%12] count 2 if %inside : !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>, memref<2xf32, "local">
    %18 = kernel.local : memref<1xf32, "local">
    %19 = arith.constant 0xff800000 : f32
    memref.store %19, %18[%12] : memref<1xf32, "local">
    scf.for %r = %12 to %8 step %13 {
      %20 = memref.load %x_tile[%r] : memref<2xf32, "local">
      %21 = memref.load %18[%12] : memref<1xf32, "local">
      %22 = arith.maximumf %21, %20 : f32
      memref.store %22, %18[%12] : memref<1xf32, "local">
    } {unroll}
    %23 = memref.load %18[%12] : memref<1xf32, "local">
    %24 = kernel.shuffle_xor %23 mask 1 : f32 -> f32
    %25 = arith.maximumf %23, %24 : f32
    %26 = kernel.shuffle_xor %25 mask 2 : f32 -> f32
    %27 = arith.maximumf %25, %26 : f32
    %28 = kernel.shuffle_xor %27 mask 4 : f32 -> f32
    %29 = arith.maximumf %27, %28 : f32
    %30 = kernel.shuffle_xor %29 mask 8 : f32 -> f32
    %31 = arith.maximumf %29, %30 : f32
    %32 = kernel.shuffle_xor %31 mask 16 : f32 -> f32
    %33 = arith.maximumf %31, %32 : f32
    memref.store %33, %18[%12] : memref<1xf32, "local">
    %34 = kernel.local : memref<2xf32, "local">
    scf.for %r_1 = %12 to %8 step %13 {
      %35 = memref.load %x_tile[%r_1] : memref<2xf32, "local">
      %36 = memref.load %18[%12] : memref<1xf32, "local">
      %37 = arith.subf %35, %36 : f32
      %38 = math.exp %37 : f32
      memref.store %38, %34[%r_1] : memref<2xf32, "local">
    } {unroll}
    %39 = kernel.local : memref<1xf32, "local">
    %40 = arith.constant 0.000000e+00 : f32
    memref.store %40, %39[%12] : memref<1xf32, "local">
    scf.for %r_2 = %12 to %8 step %13 {
      %41 = memref.load %34[%r_2] : memref<2xf32, "local">
      %42 = memref.load %39[%12] : memref<1xf32, "local">
      %43 = arith.addf %42, %41 : f32
      memref.store %43, %39[%12] : memref<1xf32, "local">
    } {unroll}
    %44 = memref.load %39[%12] : memref<1xf32, "local">
    %45 = kernel.shuffle_xor %44 mask 1 : f32 -> f32
    %46 = arith.addf %44, %45 : f32
    %47 = kernel.shuffle_xor %46 mask 2 : f32 -> f32
    %48 = arith.addf %46, %47 : f32
    %49 = kernel.shuffle_xor %48 mask 4 : f32 -> f32
    %50 = arith.addf %48, %49 : f32
    %51 = kernel.shuffle_xor %50 mask 8 : f32 -> f32
    %52 = arith.addf %50, %51 : f32
    %53 = kernel.shuffle_xor %52 mask 16 : f32 -> f32
    %54 = arith.addf %52, %53 : f32
    memref.store %54, %39[%12] : memref<1xf32, "local">
    %55 = memref.load %39[%12] : memref<1xf32, "local">
    %56 = arith.constant 1.000000e+00 : f32
    %57 = arith.divf %56, %55 : f32
    memref.store %57, %39[%12] : memref<1xf32, "local">
    %58 = kernel.local : memref<2xf32, "local">
    scf.for %r_3 = %12 to %8 step %13 {
      %59 = memref.load %34[%r_3] : memref<2xf32, "local">
      %60 = memref.load %39[%12] : memref<1xf32, "local">
      %61 = arith.mulf %59, %60 : f32
      memref.store %61, %58[%r_3] : memref<2xf32, "local">
    } {unroll}
    kernel.st_global %58[%12] to %y[%x_at] count 2 if %inside : memref<2xf32, "local">, !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>
    kernel.return
  }
  func.func private @softmax_reference(%x: tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>> attributes {fusion.anchor = "row", fusion.layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>], kernel.choice = #kernel.choice<"row", {loop = 0 : i64, registers = 2 : i64, rows = 4 : i64, threads = 32 : i64, vector = 2 : i64}>, kernel.launches = [@softmax]} {
    %scores = nn.softmax %x {axis = 1 : i64} : (tensor<?x2xf32, #nn.dims<N, 2>>) -> tensor<?x2xf32, #nn.dims<N, 2>>
    func.return %scores : tensor<?x2xf32, #nn.dims<N, 2>>
  }
}
