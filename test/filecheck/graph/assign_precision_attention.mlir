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

// -----

// A row of hidden keys whose bias f16 would take away: its mask stays f32. One that hides alike, or whose hidden keys no softmax sees, does not.
// CHECK-LABEL: @coarse
// CHECK-DAG: nn.constant dense<{{.*}}-9.997500e+02{{.*}}> : tensor<1x1x2x2xf32>
// CHECK-DAG: nn.constant {nn.stored = f16} dense<{{.*}}-1.000000e+03, -1.000000e+03{{.*}}> : tensor<1x1x2x2xf32>
// CHECK-DAG: nn.constant {nn.stored = f16} dense<{{.*}}5.000000e-01, -9.996000e+02{{.*}}> : tensor<1x1x2x2xf32>
// REMARK: analysis: analyze-ranges: nn.constant: stays wide: a mask: rounding would take away how the scores of a row differ
func.func @coarse(%x: tensor<1x1x2x8xf32>) -> tensor<1x1x2x8xf32> {
  %q = nn.tanh %x : tensor<1x1x2x8xf32>
  %coarse = nn.constant dense<[[[[-999.75, -1000.4], [0.25, -999.6]]]]> : tensor<1x1x2x2xf32>
  %alike = nn.constant dense<[[[[-1000.0, -1000.0], [0.25, -1000.0]]]]> : tensor<1x1x2x2xf32>
  %unseen = nn.constant dense<[[[[0.5, -999.6], [-999.6, 0.25]]]]> : tensor<1x1x2x2xf32>
  %0 = nn.attention %q, %q, %q mask %coarse {scale = 0.125 : f64} : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32> mask tensor<1x1x2x2xf32> -> tensor<1x1x2x8xf32>
  %1 = nn.attention %0, %q, %q mask %alike {scale = 0.125 : f64} : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32> mask tensor<1x1x2x2xf32> -> tensor<1x1x2x8xf32>
  %2 = nn.attention %1, %q, %q mask %unseen {scale = 0.125 : f64} : tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32>, tensor<1x1x2x8xf32> mask tensor<1x1x2x2xf32> -> tensor<1x1x2x8xf32>
  func.return %2 : tensor<1x1x2x8xf32>
}

// -----

// A constant of as many rows as the input is not known before a run.
// CHECK-LABEL: @dynamic
// CHECK: nn.broadcast_to %{{.*}} {nn.stored = f16}
func.func @dynamic(%x: tensor<1x1x?x8xf32, #nn.dims<1, 1, S, 8>>) -> tensor<1x1x?x8xf32, #nn.dims<1, 1, S, 8>> {
  %q = nn.tanh %x : tensor<1x1x?x8xf32, #nn.dims<1, 1, S, 8>>
  %c = nn.constant dense<[[[[-999.75]]]]> : tensor<1x1x1x1xf32>
  %mask = nn.broadcast_to %c : (tensor<1x1x1x1xf32>) -> tensor<1x1x?x?xf32, #nn.dims<1, 1, S, S>>
  %0 = nn.attention %q, %q, %q mask %mask {scale = 0.125 : f64} : tensor<1x1x?x8xf32, #nn.dims<1, 1, S, 8>>, tensor<1x1x?x8xf32, #nn.dims<1, 1, S, 8>>, tensor<1x1x?x8xf32, #nn.dims<1, 1, S, 8>> mask tensor<1x1x?x?xf32, #nn.dims<1, 1, S, S>> -> tensor<1x1x?x8xf32, #nn.dims<1, 1, S, 8>>
  func.return %0 : tensor<1x1x?x8xf32, #nn.dims<1, 1, S, 8>>
}

// -----

// A sum of scores and a mask that may hide whole rows by a finite number stays f32; of a mask of small numbers it does not.
// CHECK-LABEL: @hides
// CHECK: %[[S:.*]] = nn.add %{{.*}}, %{{.*}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: nn.softmax %[[S]]
// CHECK: nn.add %{{.*}}, %{{.*}} {nn.stored = f16} : (tensor<4x8xf32>, tensor<1x8xf32>)
// REMARK: analysis: analyze-ranges: nn.add: stays wide: a mask: rounding would take away how the scores of a row differ
func.func @hides(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %m: tensor<4x8xi1>) -> tensor<4x8xf32> {
  %t = nn.tanh %x : tensor<4x8xf32>
  %u = nn.tanh %w : tensor<8x8xf32>
  %s = nn.matmul %t, %u : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %zero = nn.constant dense<0.0> : tensor<f32>
  %low = nn.constant dense<-1000.0> : tensor<f32>
  %small = nn.constant dense<[[0.5, -1.0, 2.0, 0.0, 0.0, 0.0, 0.0, -1000.0]]> : tensor<1x8xf32>
  %mask = nn.where %m, %zero, %low : (tensor<4x8xi1>, tensor<f32>, tensor<f32>) -> tensor<4x8xf32>
  %0 = nn.add %s, %mask : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = nn.softmax %0 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = nn.matmul %1, %u : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %3 = nn.add %2, %small : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  %4 = nn.softmax %3 {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %5 = nn.matmul %4, %u : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  func.return %5 : tensor<4x8xf32>
}
