// RUN: trtc-opt %s --run | filecheck %s --check-prefix=KERNELS
// RUN: trtc-opt %s --run --references | filecheck %s --check-prefix=REFERENCES
// RUN: trtc-opt %s -p bufferize,plan-arena --run | filecheck %s --check-prefix=KERNELS
// RUN: trtc-opt %s -p bufferize,plan-arena --run --references | filecheck %s --check-prefix=REFERENCES

// The first of two kernels does nothing and the second stores zeros, where their group is to compute exp: --references runs the
// reference instead, before and after bufferize, so that the two outputs show whether the kernels are wrong.
// KERNELS: y: float32[64] min 0 max 0 mean 0 norm 0
// REFERENCES: y: float32[64] min {{0.0[0-9]*}} max {{[1-9].*}} mean {{[1-9].*}} norm {{[1-9].*}}
func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = fusion.call @f_reference(%x) : (tensor<64xf32>) -> tensor<64xf32>
  func.return %0 : tensor<64xf32>
}
kernel.func @f(%x: !kernel.global<dims <64> x f32, strides <1>, align 16>, %y: !kernel.global<dims <64> x f32, strides <1>, align 16>)
    grid <1, 1, 1> warps 1 coords(%i, %j, %k) attributes {kernel.accesses = ["none", "none"]} {
  kernel.return
}
kernel.func @f_stage1(%x: !kernel.global<dims <64> x f32, strides <1>, align 16>, %y: !kernel.global<dims <64> x f32, strides <1>, align 16>)
    grid <1, 1, 1> warps 1 coords(%i, %j, %k) attributes {kernel.accesses = ["none", "write"]} {
  %c = arith.constant 0 : index
  %v = kernel.view %y dims <64> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : !kernel.global<dims <64> x f32, strides <1>, align 16> -> !kernel.view<2 x f32>
  %zeros = kernel.fill 0.0 : !kernel.frag<1x64xf32, #kernel.blocked<1, 32, 1, 2>>
  kernel.store %zeros, %v[%c, %c] : !kernel.frag<1x64xf32, #kernel.blocked<1, 32, 1, 2>>, !kernel.view<2 x f32>
  kernel.return
}
func.func private @f_reference(%x: tensor<64xf32>) -> tensor<64xf32> attributes {kernel.launches = [@f, @f_stage1]} {
  %0 = nn.exp %x : tensor<64xf32>
  func.return %0 : tensor<64xf32>
}
