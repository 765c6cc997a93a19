// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16},assign-precision{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p 'analyze-ranges{mode=fp16},assign-precision{mode=fp16}' --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: trtc-opt %s -p 'analyze-ranges{mode=tf32},assign-precision{mode=tf32}' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s --check-prefix=TENSOR

// Operands of which each is stored in f16 multiply in f16; a mask of any size is added to the scores in f32. Dims are dynamic.
// CHECK-LABEL: @masked
// CHECK: nn.mul %m, %{{.*}} : (tensor<?x1x1x?xf32
// CHECK: nn.attention %q, %k, %v mask %{{.*}} {nn.stored = f16, scale = 1.250000e-01 : f64, math = #nn.math<f16>}
// TENSOR-LABEL: @masked
// TENSOR: nn.attention %q, %k, %v mask %{{.*}} {scale = 1.250000e-01 : f64, math = #nn.math<tf32>}
func.func @masked(%x: tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>, %m: tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, S>>) -> tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>> {
  %q = nn.tanh %x : tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>
  %k = nn.sin %x : tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>
  %v = nn.cos %x : tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>
  %low = nn.constant dense<-1.0e+30> : tensor<f32>
  %mask = nn.mul %m, %low : (tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, S>>, tensor<f32>) -> tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, S>>
  %0 = nn.attention %q, %k, %v mask %mask {scale = 0.125 : f64} : tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>, tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>, tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>> mask tensor<?x1x1x?xf32, #nn.dims<B, 1, 1, S>> -> tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>
  %w = nn.constant dense<0.5> : tensor<64x64xf32>
  %1 = nn.matmul %0, %w : (tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>, tensor<64x64xf32>) -> tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>
  func.return %1 : tensor<?x4x?x64xf32, #nn.dims<B, 4, S, 64>>
}

// -----

// Keys of a cache may be of any size: they stay wide, and what multiplies them rounds to TF32. What only outputs read stays f32.
// CHECK-LABEL: @cache
// CHECK: nn.attention %q, %k, %k {scale = 1.250000e-01 : f64, math = #nn.math<tf32>}
// REMARK: missed: assign-precision: nn.attention: nn.attention multiplies in TF32: its second operand stays wide
func.func @cache(%x: tensor<2x4x3x64xf32>, %k: tensor<2x4x9x64xf32>) -> tensor<2x4x3x64xf32> {
  %q = nn.tanh %x : tensor<2x4x3x64xf32>
  %0 = nn.attention %q, %k, %k {scale = 0.125 : f64} : tensor<2x4x3x64xf32>, tensor<2x4x9x64xf32>, tensor<2x4x9x64xf32> -> tensor<2x4x3x64xf32>
  func.return %0 : tensor<2x4x3x64xf32>
}

// -----

// Integers among the values are not rounded.
// CHECK-LABEL: @integers
// CHECK: nn.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 1.250000e-01 : f64}
// REMARK: missed: assign-precision: nn.attention: nn.attention multiplies in f32: integers, which f16 holds up to 2048 only
func.func @integers(%x: tensor<2x4x3x64xf32>, %i: tensor<2x4x3x64xi32>) -> tensor<2x4x3x64xf32> {
  %q = nn.tanh %x : tensor<2x4x3x64xf32>
  %v = nn.cast %i : (tensor<2x4x3x64xi32>) -> tensor<2x4x3x64xf32>
  %0 = nn.attention %q, %q, %v {scale = 0.125 : f64} : tensor<2x4x3x64xf32>, tensor<2x4x3x64xf32>, tensor<2x4x3x64xf32> -> tensor<2x4x3x64xf32>
  func.return %0 : tensor<2x4x3x64xf32>
}
