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
  kernel.func @conv_add_relu(%0: !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, %1: !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, %2: !kernel.global<dims <4> x f32, strides <1>, align 256>, %3: !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>) grid <1, N, 1> warps 4 smem 11520 min_blocks 1 params(N) coords(%4, %5, %6) attributes {kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>} {
    %thread = kernel.thread_id
    %7 = kernel.smem 0 : memref<960xf32, "shared">
    %8 = kernel.smem 3840 : memref<1920xf32, "shared">
    %row_offset = kernel.local : memref<2xindex, "local">
    %row_h = kernel.local : memref<2xindex, "local">
    %row_w = kernel.local : memref<2xindex, "local">
    %9 = arith.constant 0 : index
    %10 = arith.constant 2 : index
    %11 = arith.constant 1 : index
    %12 = arith.constant 16 : index
    %13 = arith.divui %thread, %12 : index
    %14 = arith.remui %thread, %12 : index
    %15 = arith.constant 4 : index
    %16 = arith.remui %13, %15 : index
    %17 = arith.divui %13, %15 : index
    %N = kernel.param "N"
    %18 = arith.muli %5, %12 : index
    %19 = arith.addi %18, %13 : index
    %20 = arith.constant 8 : index
    %21 = arith.muli %N, %12 : index
    %22 = arith.constant 192 : index
    %23 = arith.muli %5, %22 : index
    %24 = arith.muli %17, %12 : index
    %25 = arith.addi %23, %24 : index
    %26 = arith.muli %16, %10 : index
    %27 = arith.addi %25, %26 : index
    %28 = arith.constant 32 : index
    %29 = arith.muli %17, %10 : index
    %30 = arith.constant -536870912 : index
    scf.for %n = %9 to %10 step %11 {
      %31 = arith.muli %n, %20 : index
      %32 = arith.addi %19, %31 : index
      %33 = arith.cmpi ult, %32, %21 : index
      %34 = arith.muli %n, %28 : index
      %35 = arith.addi %27, %34 : index
      memref.store %35, %row_offset[%n] : memref<2xindex, "local">
      %36 = arith.muli %n, %15 : index
      %37 = arith.addi %29, %36 : index
      %38 = arith.select %33, %37, %30 : index
      memref.store %38, %row_h[%n] : memref<2xindex, "local">
      memref.store %26, %row_w[%n] : memref<2xindex, "local">
    } {unroll}
    %39 = arith.constant 3 : index
    %40 = arith.remui %14, %39 : index
    %41 = arith.divui %14, %39 : index
    %42 = arith.cmpi ult, %14, %39 : index
    %43 = arith.muli %41, %20 : index
    %44 = arith.constant 64 : index
    %45 = arith.muli %40, %44 : index
    %46 = arith.addi %43, %45 : index
    %47 = arith.constant 20 : index
    %48 = arith.muli %13, %47 : index
    %49 = arith.addi %48, %14 : index
    %50 = arith.constant 160 : index
    scf.for %c = %9 to %10 step %11 {
      %51 = memref.load %row_offset[%c] : memref<2xindex, "local">
      %52 = memref.load %row_h[%c] : memref<2xindex, "local">
      %53 = memref.load %row_w[%c] : memref<2xindex, "local">
      %54 = arith.addi %41, %52 : index
      %55 = arith.cmpi ult, %54, %20 : index
      %56 = arith.cmpi ult, %53, %20 : index
      %57 = arith.andi %42, %55 : i1
      %58 = arith.andi %57, %56 : i1
      %59 = arith.addi %46, %51 : index
      %60 = arith.muli %c, %50 : index
      %61 = arith.addi %49, %60 : index
      kernel.cp_async %0[%59] to %7[%61] count 1 if %58 : !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, memref<960xf32, "shared">
    } {unroll}
    %62 = arith.muli %13, %39 : index
    %63 = arith.addi %62, %14 : index
    %64 = arith.constant 24 : index
    scf.for %c_1 = %9 to %15 step %11 {
      %65 = arith.muli %c_1, %20 : index
      %66 = arith.addi %13, %65 : index
      %67 = arith.cmpi ult, %66, %15 : index
      %68 = arith.andi %42, %67 : i1
      %69 = arith.muli %c_1, %64 : index
      %70 = arith.addi %63, %69 : index
      %71 = arith.muli %c_1, %50 : index
      %72 = arith.addi %49, %71 : index
      kernel.cp_async %1[%70] to %8[%72] count 1 if %68 : !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, memref<1920xf32, "shared">
    } {unroll}
    kernel.cp_async_commit
    %73 = arith.addi %14, %11 : index
    %74 = arith.remui %73, %39 : index
    %75 = arith.divui %73, %39 : index
    %76 = arith.addi %14, %12 : index
    %77 = arith.cmpi ult, %76, %39 : index
    %78 = arith.constant 5 : index
    %79 = arith.muli %75, %20 : index
    %80 = arith.muli %74, %44 : index
    %81 = arith.addi %79, %80 : index
    %82 = arith.constant 40 : index
    %83 = arith.constant 320 : index
    scf.for %c_2 = %9 to %10 step %11 {
      %84 = memref.load %row_offset[%c_2] : memref<2xindex, "local">
      %85 = memref.load %row_h[%c_2] : memref<2xindex, "local">
      %86 = memref.load %row_w[%c_2] : memref<2xindex, "local">
      %87 = arith.addi %75, %85 : index
      %88 = arith.addi %87, %78 : index
      %89 = arith.cmpi ult, %88, %20 : index
      %90 = arith.cmpi ult, %86, %20 : index
      %91 = arith.andi %77, %89 : i1
      %92 = arith.andi %91, %90 : i1
      %93 = arith.addi %81, %84 : index
      %94 = arith.addi %93, %82 : index
      %95 = arith.muli %c_2, %50 : index
      %96 = arith.addi %49, %95 : index
      %97 = arith.addi %96, %83 : index
      kernel.cp_async %0[%94] to %7[%97] count 1 if %92 : !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, memref<960xf32, "shared">
    } {unroll}
    %98 = arith.constant 640 : index
    scf.for %c_3 = %9 to %15 step %11 {
      %99 = arith.muli %c_3, %20 : index
      %100 = arith.addi %13, %99 : index
      %101 = arith.cmpi ult, %100, %15 : index
      %102 = arith.andi %77, %101 : i1
      %103 = arith.muli %c_3, %64 : index
      %104 = arith.addi %63, %103 : index
      %105 = arith.addi %104, %12 : index
      %106 = arith.muli %c_3, %50 : index
      %107 = arith.addi %49, %106 : index
      %108 = arith.addi %107, %98 : index
      kernel.cp_async %1[%105] to %8[%108] count 1 if %102 : !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, memref<1920xf32, "shared">
    } {unroll}
    kernel.cp_async_commit
    %109 = kernel.local : memref<4xf32, "local">
    %110 = arith.constant 0.000000e+00 : f32
    scf.for %r = %9 to %15 step %11 {
      memref.store %110, %109[%r] : memref<4xf32, "local">
    } {unroll}
    %111 = arith.addi %14, %10 : index
    %112 = arith.remui %111, %39 : index
    %113 = arith.divui %111, %39 : index
    %114 = arith.addi %14, %28 : index
    %115 = arith.cmpi ult, %114, %39 : index
    %116 = arith.constant 10 : index
    %117 = arith.muli %113, %20 : index
    %118 = arith.muli %112, %44 : index
    %119 = arith.addi %117, %118 : index
    %120 = arith.constant 80 : index
    %121 = arith.constant 1280 : index
    %122 = arith.divui %thread, %20 : index
    %123 = arith.muli %122, %47 : index
    %124 = arith.remui %thread, %20 : index
    %125 = arith.muli %124, %120 : index
    %126 = arith.addi %123, %15 : index
    %127 = arith.addi %123, %20 : index
    %128 = arith.constant 12 : index
    %129 = arith.addi %123, %128 : index
    scf.for %130 = %9 to %11 step %11 {
      kernel.cp_async_wait 1
      kernel.bar_sync 0 threads 128
      scf.for %c_4 = %9 to %10 step %11 {
        %131 = memref.load %row_offset[%c_4] : memref<2xindex, "local">
        %132 = memref.load %row_h[%c_4] : memref<2xindex, "local">
        %133 = memref.load %row_w[%c_4] : memref<2xindex, "local">
        %134 = arith.addi %113, %132 : index
        %135 = arith.addi %134, %116 : index
        %136 = arith.cmpi ult, %135, %20 : index
        %137 = arith.cmpi ult, %133, %20 : index
        %138 = arith.andi %115, %136 : i1
        %139 = arith.andi %138, %137 : i1
        %140 = arith.addi %119, %131 : index
        %141 = arith.addi %140, %120 : index
        %142 = arith.muli %c_4, %50 : index
        %143 = arith.addi %49, %142 : index
        %144 = arith.addi %143, %98 : index
        kernel.cp_async %0[%141] to %7[%144] count 1 if %139 : !kernel.global<dims <N, 8, 8, 3> x f32, strides <192, 8, 1, 64>, align 32>, memref<960xf32, "shared">
      } {unroll}
      scf.for %c_5 = %9 to %15 step %11 {
        %145 = arith.muli %c_5, %20 : index
        %146 = arith.addi %13, %145 : index
        %147 = arith.cmpi ult, %146, %15 : index
        %148 = arith.andi %115, %147 : i1
        %149 = arith.muli %c_5, %64 : index
        %150 = arith.addi %63, %149 : index
        %151 = arith.addi %150, %28 : index
        %152 = arith.muli %c_5, %50 : index
        %153 = arith.addi %49, %152 : index
        %154 = arith.addi %153, %121 : index
        kernel.cp_async %1[%151] to %8[%154] count 1 if %148 : !kernel.global<dims <4, 1, 1, 3> x f32, strides <3, 3, 3, 1>, align 256>, memref<1920xf32, "shared">
      } {unroll}
      kernel.cp_async_commit
      %155 = kernel.local : memref<4xf32, "local">
      kernel.ld_shared %7[%123] to %155[%9] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
      %156 = kernel.local : memref<16xf32, "local">
      scf.for %r_1 = %9 to %15 step %11 {
        %157 = arith.muli %r_1, %47 : index
        %158 = arith.addi %125, %157 : index
        %159 = arith.muli %r_1, %15 : index
        kernel.ld_shared %8[%158] to %156[%159] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
      } {unroll}
      scf.for %k = %9 to %15 step %11 {
        scf.for %n_1 = %9 to %15 step %11 {
          %160 = memref.load %155[%k] : memref<4xf32, "local">
          %161 = arith.muli %n_1, %15 : index
          %162 = arith.addi %k, %161 : index
          %163 = memref.load %156[%162] : memref<16xf32, "local">
          %164 = memref.load %109[%n_1] : memref<4xf32, "local">
          %165 = arith.mulf %160, %163 : f32
          %166 = arith.addf %164, %165 : f32
          memref.store %166, %109[%n_1] : memref<4xf32, "local">
        } {unroll}
      } {unroll}
      %167 = kernel.local : memref<4xf32, "local">
      kernel.ld_shared %7[%126] to %167[%9] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
      %168 = kernel.local : memref<16xf32, "local">
      scf.for %r_2 = %9 to %15 step %11 {
        %169 = arith.muli %r_2, %47 : index
        %170 = arith.addi %125, %169 : index
        %171 = arith.addi %170, %15 : index
        %172 = arith.muli %r_2, %15 : index
        kernel.ld_shared %8[%171] to %168[%172] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
      } {unroll}
      scf.for %k_1 = %9 to %15 step %11 {
        scf.for %n_2 = %9 to %15 step %11 {
          %173 = memref.load %167[%k_1] : memref<4xf32, "local">
          %174 = arith.muli %n_2, %15 : index
          %175 = arith.addi %k_1, %174 : index
          %176 = memref.load %168[%175] : memref<16xf32, "local">
          %177 = memref.load %109[%n_2] : memref<4xf32, "local">
          %178 = arith.mulf %173, %176 : f32
          %179 = arith.addf %177, %178 : f32
          memref.store %179, %109[%n_2] : memref<4xf32, "local">
        } {unroll}
      } {unroll}
      %180 = kernel.local : memref<4xf32, "local">
      kernel.ld_shared %7[%127] to %180[%9] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
      %181 = kernel.local : memref<16xf32, "local">
      scf.for %r_3 = %9 to %15 step %11 {
        %182 = arith.muli %r_3, %47 : index
        %183 = arith.addi %125, %182 : index
        %184 = arith.addi %183, %20 : index
        %185 = arith.muli %r_3, %15 : index
        kernel.ld_shared %8[%184] to %181[%185] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
      } {unroll}
      scf.for %k_2 = %9 to %15 step %11 {
        scf.for %n_3 = %9 to %15 step %11 {
          %186 = memref.load %180[%k_2] : memref<4xf32, "local">
          %187 = arith.muli %n_3, %15 : index
          %188 = arith.addi %k_2, %187 : index
          %189 = memref.load %181[%188] : memref<16xf32, "local">
          %190 = memref.load %109[%n_3] : memref<4xf32, "local">
          %191 = arith.mulf %186, %189 : f32
          %192 = arith.addf %190, %191 : f32
          memref.store %192, %109[%n_3] : memref<4xf32, "local">
        } {unroll}
      } {unroll}
      %193 = kernel.local : memref<4xf32, "local">
      kernel.ld_shared %7[%129] to %193[%9] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
      %194 = kernel.local : memref<16xf32, "local">
      scf.for %r_4 = %9 to %15 step %11 {
        %195 = arith.muli %r_4, %47 : index
        %196 = arith.addi %125, %195 : index
        %197 = arith.addi %196, %128 : index
        %198 = arith.muli %r_4, %15 : index
        kernel.ld_shared %8[%197] to %194[%198] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
      } {unroll}
      scf.for %k_3 = %9 to %15 step %11 {
        scf.for %n_4 = %9 to %15 step %11 {
          %199 = memref.load %193[%k_3] : memref<4xf32, "local">
          %200 = arith.muli %n_4, %15 : index
          %201 = arith.addi %k_3, %200 : index
          %202 = memref.load %194[%201] : memref<16xf32, "local">
          %203 = memref.load %109[%n_4] : memref<4xf32, "local">
          %204 = arith.mulf %199, %202 : f32
          %205 = arith.addf %203, %204 : f32
          memref.store %205, %109[%n_4] : memref<4xf32, "local">
        } {unroll}
      } {unroll}
    }
    %206 = kernel.local : memref<4xf32, "local">
    %207 = arith.addi %18, %122 : index
    %208 = arith.cmpi ult, %207, %21 : index
    %209 = arith.muli %124, %15 : index
    %210 = arith.cmpi ult, %209, %15 : index
    %211 = arith.andi %208, %210 : i1
    scf.for %e = %9 to %15 step %11 {
      memref.store %110, %206[%e] : memref<4xf32, "local">
    } {unroll}
    kernel.ld_global %2[%209] to %206[%9] count 4 if %211 : !kernel.global<dims <4> x f32, strides <1>, align 256>, memref<4xf32, "local">
    scf.for %r_5 = %9 to %15 step %11 {
      %212 = memref.load %109[%r_5] : memref<4xf32, "local">
      %213 = memref.load %206[%r_5] : memref<4xf32, "local">
      %214 = arith.addf %212, %213 : f32
      %215 = arith.constant 0.000000e+00 : f32
      %216 = arith.maximumf %214, %215 : f32
      memref.store %216, %109[%r_5] : memref<4xf32, "local">
    } {unroll}
    %217 = arith.muli %5, %44 : index
    %218 = arith.muli %122, %15 : index
    %219 = arith.addi %217, %218 : index
    %220 = arith.addi %219, %209 : index
    kernel.st_global %109[%9] to %3[%220] count 4 if %211 : memref<4xf32, "local">, !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>
    kernel.return
  }
  kernel.func @reduce(%0: !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>, %1: !kernel.global<dims <N, 1, 1, 4> x f32, strides <4, 4, 4, 1>, align 256>) grid <(N + 7) floordiv 8, 1, 1> warps 8 params(N) coords(%2, %3, %4) attributes {kernel.choice = #kernel.choice<"row", {loop = 1 : i64, registers = 2 : i64, rows = 32 : i64, threads = 8 : i64, vector = 1 : i64}>} {
    %thread = kernel.thread_id
    %5 = arith.constant 16 : i32
    %6 = kernel.local : memref<2xf32, "local">
    %7 = arith.constant 0.000000e+00 : f32
    %8 = arith.constant 0 : index
    %9 = arith.constant 2 : index
    %10 = arith.constant 1 : index
    scf.for %r = %8 to %9 step %10 {
      memref.store %7, %6[%r] : memref<2xf32, "local">
    } {unroll}
    %11 = arith.constant 16 : index
    %row_offset = kernel.local : memref<1xindex, "local">
    %12 = arith.constant 8 : index
    %13 = arith.divui %thread, %12 : index
    %14 = arith.remui %thread, %12 : index
    %N = kernel.param "N"
    %15 = arith.constant 4 : index
    %16 = arith.muli %N, %15 : index
    %17 = arith.cmpi ult, %13, %16 : index
    %18 = arith.remui %13, %15 : index
    %19 = arith.divui %13, %15 : index
    %20 = arith.constant 64 : index
    %21 = arith.muli %19, %20 : index
    %22 = arith.addi %18, %21 : index
    memref.store %22, %row_offset[%8] : memref<1xindex, "local">
    %23 = arith.muli %14, %15 : index
    %24 = arith.constant 32 : index
    scf.for %25 = %8 to %11 step %11 {
      %26 = kernel.local : memref<2xf32, "local">
      scf.for %r_1 = %8 to %9 step %10 {
        %27 = memref.load %row_offset[%8] : memref<1xindex, "local">
        memref.store %7, %26[%r_1] : memref<2xf32, "local">
        %28 = arith.addi %23, %27 : index
        %29 = arith.muli %r_1, %24 : index
        %30 = arith.addi %28, %29 : index
        kernel.ld_global %0[%30] to %26[%r_1] count 1 if %17 : !kernel.global<dims <N, 4, 4, 4> x f32, strides <64, 16, 4, 1>, align 256>, memref<2xf32, "local">
      } {unroll}
      scf.for %r_2 = %8 to %9 step %10 {
        %31 = memref.load %6[%r_2] : memref<2xf32, "local">
        %32 = memref.load %26[%r_2] : memref<2xf32, "local">
        %33 = arith.addf %31, %32 : f32
        memref.store %33, %6[%r_2] : memref<2xf32, "local">
      } {unroll}
    }
    %34 = kernel.local : memref<1xf32, "local">
    %35 = arith.constant 0.000000e+00 : f32
    memref.store %35, %34[%8] : memref<1xf32, "local">
    scf.for %r_3 = %8 to %9 step %10 {
      %36 = memref.load %6[%r_3] : memref<2xf32, "local">
      %37 = memref.load %34[%8] : memref<1xf32, "local">
      %38 = arith.addf %37, %36 : f32
      memref.store %38, %34[%8] : memref<1xf32, "local">
    } {unroll}
    %39 = memref.load %34[%8] : memref<1xf32, "local">
    %40 = kernel.shuffle_xor %39 mask 1 : f32 -> f32
    %41 = arith.addf %39, %40 : f32
    %42 = kernel.shuffle_xor %41 mask 2 : f32 -> f32
    %43 = arith.addf %41, %42 : f32
    %44 = kernel.shuffle_xor %43 mask 4 : f32 -> f32
    %45 = arith.addf %43, %44 : f32
    memref.store %45, %34[%8] : memref<1xf32, "local">
    %46 = memref.load %34[%8] : memref<1xf32, "local">
    %47 = arith.sitofp %5 : i32 to f32
    %48 = arith.divf %46, %47 : f32
    memref.store %48, %34[%8] : memref<1xf32, "local">
    %49 = arith.cmpi ult, %14, %10 : index
    %50 = arith.andi %17, %49 : i1
    kernel.st_global %34[%8] to %1[%13] count 1 if %50 : memref<1xf32, "local">, !kernel.global<dims <N, 1, 1, 4> x f32, strides <4, 4, 4, 1>, align 256>
    kernel.return
  }
  kernel.func @matmul(%0: !kernel.global<dims <N, 4> x f32, strides <4, 1>, align 256>, %1: !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256>, %2: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>) grid <1, (N + 15) floordiv 16, 1> warps 4 smem 11520 min_blocks 1 params(N) coords(%3, %4, %5) attributes {kernel.choice = #kernel.choice<"gemm_mma", {bk = 16 : i64, bm = 16 : i64, bn = 32 : i64, staged = 0 : i64, stages = 3 : i64, wm = 2 : i64, wn = 2 : i64}>} {
    %thread = kernel.thread_id
    %6 = kernel.smem 0 : memref<960xf32, "shared">
    %7 = kernel.smem 3840 : memref<1920xf32, "shared">
    %8 = arith.constant 64 : index
    %9 = arith.cmpi ult, %thread, %8 : index
    %10 = arith.constant 4 : index
    %11 = arith.divui %thread, %10 : index
    %12 = arith.remui %thread, %10 : index
    %N = kernel.param "N"
    %13 = arith.cmpi ult, %11, %N : index
    %14 = arith.muli %12, %10 : index
    %15 = arith.cmpi ult, %14, %10 : index
    %16 = arith.andi %13, %15 : i1
    %17 = arith.muli %11, %10 : index
    %18 = arith.addi %17, %14 : index
    %19 = arith.constant 20 : index
    %20 = arith.muli %11, %19 : index
    %21 = arith.addi %20, %14 : index
    scf.if %9 {
      kernel.cp_async %0[%18] to %6[%21] count 4 if %16 : !kernel.global<dims <N, 4> x f32, strides <4, 1>, align 256>, memref<960xf32, "shared">
    }
    %22 = arith.constant 2 : index
    %23 = arith.cmpi ult, %11, %22 : index
    %24 = arith.andi %23, %15 : i1
    kernel.cp_async %1[%18] to %7[%21] count 4 if %24 : !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256>, memref<1920xf32, "shared">
    kernel.cp_async_commit
    %25 = arith.constant 16 : index
    %26 = arith.addi %14, %25 : index
    %27 = arith.cmpi ult, %26, %10 : index
    %28 = arith.andi %13, %27 : i1
    %29 = arith.addi %18, %25 : index
    %30 = arith.constant 320 : index
    %31 = arith.addi %21, %30 : index
    scf.if %9 {
      kernel.cp_async %0[%29] to %6[%31] count 4 if %28 : !kernel.global<dims <N, 4> x f32, strides <4, 1>, align 256>, memref<960xf32, "shared">
    }
    %32 = arith.andi %23, %27 : i1
    %33 = arith.constant 640 : index
    %34 = arith.addi %21, %33 : index
    kernel.cp_async %1[%29] to %7[%34] count 4 if %32 : !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256>, memref<1920xf32, "shared">
    kernel.cp_async_commit
    %35 = kernel.local : memref<4xf32, "local">
    %36 = arith.constant 0.000000e+00 : f32
    %37 = arith.constant 0 : index
    %38 = arith.constant 1 : index
    scf.for %r = %37 to %10 step %38 {
      memref.store %36, %35[%r] : memref<4xf32, "local">
    } {unroll}
    %39 = arith.constant 32 : index
    %40 = arith.addi %14, %39 : index
    %41 = arith.cmpi ult, %40, %10 : index
    %42 = arith.andi %13, %41 : i1
    %43 = arith.addi %18, %39 : index
    %44 = arith.andi %23, %41 : i1
    %45 = arith.constant 1280 : index
    %46 = arith.addi %21, %45 : index
    %47 = arith.constant 8 : index
    %48 = arith.divui %thread, %47 : index
    %49 = arith.muli %48, %19 : index
    %50 = arith.remui %thread, %47 : index
    %51 = arith.constant 80 : index
    %52 = arith.muli %50, %51 : index
    %53 = arith.addi %49, %10 : index
    %54 = arith.addi %49, %47 : index
    %55 = arith.constant 12 : index
    %56 = arith.addi %49, %55 : index
    scf.for %57 = %37 to %38 step %38 {
      kernel.cp_async_wait 1
      kernel.bar_sync 0 threads 128
      scf.if %9 {
        kernel.cp_async %0[%43] to %6[%34] count 4 if %42 : !kernel.global<dims <N, 4> x f32, strides <4, 1>, align 256>, memref<960xf32, "shared">
      }
      kernel.cp_async %1[%43] to %7[%46] count 4 if %44 : !kernel.global<dims <2, 4> x f32, strides <4, 1>, align 256>, memref<1920xf32, "shared">
      kernel.cp_async_commit
      %58 = kernel.local : memref<4xf32, "local">
      kernel.ld_shared %6[%49] to %58[%37] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
      %59 = kernel.local : memref<16xf32, "local">
      scf.for %r_1 = %37 to %10 step %38 {
        %60 = arith.muli %r_1, %19 : index
        %61 = arith.addi %52, %60 : index
        %62 = arith.muli %r_1, %10 : index
        kernel.ld_shared %7[%61] to %59[%62] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
      } {unroll}
      scf.for %k = %37 to %10 step %38 {
        scf.for %n = %37 to %10 step %38 {
          %63 = memref.load %58[%k] : memref<4xf32, "local">
          %64 = arith.muli %n, %10 : index
          %65 = arith.addi %k, %64 : index
          %66 = memref.load %59[%65] : memref<16xf32, "local">
          %67 = memref.load %35[%n] : memref<4xf32, "local">
          %68 = arith.mulf %63, %66 : f32
          %69 = arith.addf %67, %68 : f32
          memref.store %69, %35[%n] : memref<4xf32, "local">
        } {unroll}
      } {unroll}
      %70 = kernel.local : memref<4xf32, "local">
      kernel.ld_shared %6[%53] to %70[%37] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
      %71 = kernel.local : memref<16xf32, "local">
      scf.for %r_2 = %37 to %10 step %38 {
        %72 = arith.muli %r_2, %19 : index
        %73 = arith.addi %52, %72 : index
        %74 = arith.addi %73, %10 : index
        %75 = arith.muli %r_2, %10 : index
        kernel.ld_shared %7[%74] to %71[%75] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
      } {unroll}
      scf.for %k_1 = %37 to %10 step %38 {
        scf.for %n_1 = %37 to %10 step %38 {
          %76 = memref.load %70[%k_1] : memref<4xf32, "local">
          %77 = arith.muli %n_1, %10 : index
          %78 = arith.addi %k_1, %77 : index
          %79 = memref.load %71[%78] : memref<16xf32, "local">
          %80 = memref.load %35[%n_1] : memref<4xf32, "local">
          %81 = arith.mulf %76, %79 : f32
          %82 = arith.addf %80, %81 : f32
          memref.store %82, %35[%n_1] : memref<4xf32, "local">
        } {unroll}
      } {unroll}
      %83 = kernel.local : memref<4xf32, "local">
      kernel.ld_shared %6[%54] to %83[%37] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
      %84 = kernel.local : memref<16xf32, "local">
      scf.for %r_3 = %37 to %10 step %38 {
        %85 = arith.muli %r_3, %19 : index
        %86 = arith.addi %52, %85 : index
        %87 = arith.addi %86, %47 : index
        %88 = arith.muli %r_3, %10 : index
        kernel.ld_shared %7[%87] to %84[%88] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
      } {unroll}
      scf.for %k_2 = %37 to %10 step %38 {
        scf.for %n_2 = %37 to %10 step %38 {
          %89 = memref.load %83[%k_2] : memref<4xf32, "local">
          %90 = arith.muli %n_2, %10 : index
          %91 = arith.addi %k_2, %90 : index
          %92 = memref.load %84[%91] : memref<16xf32, "local">
          %93 = memref.load %35[%n_2] : memref<4xf32, "local">
          %94 = arith.mulf %89, %92 : f32
          %95 = arith.addf %93, %94 : f32
          memref.store %95, %35[%n_2] : memref<4xf32, "local">
        } {unroll}
      } {unroll}
      %96 = kernel.local : memref<4xf32, "local">
      kernel.ld_shared %6[%56] to %96[%37] count 4 : memref<960xf32, "shared">, memref<4xf32, "local">
      %97 = kernel.local : memref<16xf32, "local">
      scf.for %r_4 = %37 to %10 step %38 {
        %98 = arith.muli %r_4, %19 : index
        %99 = arith.addi %52, %98 : index
        %100 = arith.addi %99, %55 : index
        %101 = arith.muli %r_4, %10 : index
        kernel.ld_shared %7[%100] to %97[%101] count 4 : memref<1920xf32, "shared">, memref<16xf32, "local">
      } {unroll}
      scf.for %k_3 = %37 to %10 step %38 {
        scf.for %n_3 = %37 to %10 step %38 {
          %102 = memref.load %96[%k_3] : memref<4xf32, "local">
          %103 = arith.muli %n_3, %10 : index
          %104 = arith.addi %k_3, %103 : index
          %105 = memref.load %97[%104] : memref<16xf32, "local">
          %106 = memref.load %35[%n_3] : memref<4xf32, "local">
          %107 = arith.mulf %102, %105 : f32
          %108 = arith.addf %106, %107 : f32
          memref.store %108, %35[%n_3] : memref<4xf32, "local">
        } {unroll}
      } {unroll}
    }
    %109 = arith.cmpi ult, %48, %N : index
    %110 = arith.muli %50, %10 : index
    %111 = arith.muli %48, %22 : index
    %112 = arith.addi %111, %110 : index
    scf.for %r_5 = %37 to %22 step %38 {
      %113 = arith.muli %r_5, %22 : index
      %114 = arith.addi %110, %113 : index
      %115 = arith.cmpi ult, %114, %22 : index
      %116 = arith.andi %109, %115 : i1
      %117 = arith.addi %112, %113 : index
      kernel.st_global %35[%113] to %2[%117] count 2 if %116 : memref<4xf32, "local">, !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>
    } {unroll}
    kernel.return
  }
  kernel.func @softmax(%0: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>, %1: !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>) grid <(N + 3) floordiv 4, 1, 1> warps 4 params(N) coords(%2, %3, %4) attributes {kernel.choice = #kernel.choice<"row", {loop = 0 : i64, registers = 2 : i64, rows = 4 : i64, threads = 32 : i64, vector = 2 : i64}>} {
    %thread = kernel.thread_id
    %5 = kernel.local : memref<2xf32, "local">
    %6 = arith.constant 32 : index
    %7 = arith.divui %thread, %6 : index
    %8 = arith.remui %thread, %6 : index
    %N = kernel.param "N"
    %9 = arith.constant 4 : index
    %10 = arith.muli %2, %9 : index
    %11 = arith.addi %10, %7 : index
    %12 = arith.cmpi ult, %11, %N : index
    %13 = arith.constant 2 : index
    %14 = arith.muli %8, %13 : index
    %15 = arith.cmpi ult, %14, %13 : index
    %16 = arith.andi %12, %15 : i1
    %17 = arith.constant 0xff800000 : f32
    %18 = arith.constant 0 : index
    %19 = arith.constant 1 : index
    scf.for %e = %18 to %13 step %19 {
      memref.store %17, %5[%e] : memref<2xf32, "local">
    } {unroll}
    %20 = arith.constant 8 : index
    %21 = arith.muli %2, %20 : index
    %22 = arith.muli %7, %13 : index
    %23 = arith.addi %21, %22 : index
    %24 = arith.addi %23, %14 : index
    kernel.ld_global %0[%24] to %5[%18] count 2 if %16 : !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>, memref<2xf32, "local">
    %25 = kernel.local : memref<1xf32, "local">
    %26 = arith.constant 0xff800000 : f32
    memref.store %26, %25[%18] : memref<1xf32, "local">
    scf.for %r = %18 to %13 step %19 {
      %27 = memref.load %5[%r] : memref<2xf32, "local">
      %28 = memref.load %25[%18] : memref<1xf32, "local">
      %29 = arith.maximumf %28, %27 : f32
      memref.store %29, %25[%18] : memref<1xf32, "local">
    } {unroll}
    %30 = memref.load %25[%18] : memref<1xf32, "local">
    %31 = kernel.shuffle_xor %30 mask 1 : f32 -> f32
    %32 = arith.maximumf %30, %31 : f32
    %33 = kernel.shuffle_xor %32 mask 2 : f32 -> f32
    %34 = arith.maximumf %32, %33 : f32
    %35 = kernel.shuffle_xor %34 mask 4 : f32 -> f32
    %36 = arith.maximumf %34, %35 : f32
    %37 = kernel.shuffle_xor %36 mask 8 : f32 -> f32
    %38 = arith.maximumf %36, %37 : f32
    %39 = kernel.shuffle_xor %38 mask 16 : f32 -> f32
    %40 = arith.maximumf %38, %39 : f32
    memref.store %40, %25[%18] : memref<1xf32, "local">
    %41 = kernel.local : memref<2xf32, "local">
    scf.for %r_1 = %18 to %13 step %19 {
      %42 = memref.load %5[%r_1] : memref<2xf32, "local">
      %43 = memref.load %25[%18] : memref<1xf32, "local">
      %44 = arith.subf %42, %43 : f32
      %45 = math.exp %44 : f32
      memref.store %45, %41[%r_1] : memref<2xf32, "local">
    } {unroll}
    %46 = kernel.local : memref<1xf32, "local">
    %47 = arith.constant 0.000000e+00 : f32
    memref.store %47, %46[%18] : memref<1xf32, "local">
    scf.for %r_2 = %18 to %13 step %19 {
      %48 = memref.load %41[%r_2] : memref<2xf32, "local">
      %49 = memref.load %46[%18] : memref<1xf32, "local">
      %50 = arith.addf %49, %48 : f32
      memref.store %50, %46[%18] : memref<1xf32, "local">
    } {unroll}
    %51 = memref.load %46[%18] : memref<1xf32, "local">
    %52 = kernel.shuffle_xor %51 mask 1 : f32 -> f32
    %53 = arith.addf %51, %52 : f32
    %54 = kernel.shuffle_xor %53 mask 2 : f32 -> f32
    %55 = arith.addf %53, %54 : f32
    %56 = kernel.shuffle_xor %55 mask 4 : f32 -> f32
    %57 = arith.addf %55, %56 : f32
    %58 = kernel.shuffle_xor %57 mask 8 : f32 -> f32
    %59 = arith.addf %57, %58 : f32
    %60 = kernel.shuffle_xor %59 mask 16 : f32 -> f32
    %61 = arith.addf %59, %60 : f32
    memref.store %61, %46[%18] : memref<1xf32, "local">
    %62 = memref.load %46[%18] : memref<1xf32, "local">
    %63 = arith.constant 1.000000e+00 : f32
    %64 = arith.divf %63, %62 : f32
    memref.store %64, %46[%18] : memref<1xf32, "local">
    %65 = kernel.local : memref<2xf32, "local">
    scf.for %r_3 = %18 to %13 step %19 {
      %66 = memref.load %41[%r_3] : memref<2xf32, "local">
      %67 = memref.load %46[%18] : memref<1xf32, "local">
      %68 = arith.mulf %66, %67 : f32
      memref.store %68, %65[%r_3] : memref<2xf32, "local">
    } {unroll}
    kernel.st_global %65[%18] to %1[%24] count 2 if %16 : memref<2xf32, "local">, !kernel.global<dims <N, 2> x f32, strides <2, 1>, align 256>
    kernel.return
  }
}
