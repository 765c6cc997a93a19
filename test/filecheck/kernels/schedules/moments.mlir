// RUN: trtc-opt %s -p 'select-schedule{allowed="moments"},lower-groups' --split-input-file | filecheck %s

// Eight threads per row of 64 columns: the mean, then the squares of what is left, each a sum by shuffles.
// CHECK-LABEL: kernel.func @moments(
// CHECK: %[[MEANS:.*]] = kernel.view %y
// CHECK: %[[SQUARES:.*]] = kernel.view %y
// CHECK: kernel.reduce "sum" %{{.*}} : !kernel.frag<{{16|32}}x64xf32, #kernel.blocked<16, 8, 1, 8>>
// CHECK: arith.subf
// CHECK: kernel.reduce "sum"
// CHECK: kernel.store %{{.*}}, %[[MEANS]]
// CHECK: kernel.store %{{.*}}, %[[SQUARES]]
func.func private @moments(%x: tensor<40x128xf16>) -> tensor<2x40x2xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.row_moments %x {columns = 64 : i64} : (tensor<40x128xf16>) -> tensor<2x40x2xf32>
  func.return %0 : tensor<2x40x2xf32>
}

// -----

// The moments of a row lie side by side: its threads load one pair each, and join them by sums.
// CHECK-LABEL: kernel.func @applied(
// CHECK: kernel.load %{{.*}} -> !kernel.frag<{{16|32}}x8xf32, #kernel.blocked<16, 8, 1, 1>>
// CHECK: kernel.reduce "sum"
// CHECK: kernel.valid
// CHECK: arith.select
// CHECK: kernel.reduce "sum"
// CHECK: math.rsqrt
// CHECK: kernel.convert_layout
// CHECK: kernel.store
func.func private @applied(%x: tensor<40x100xf32>, %m: tensor<2x40x3xf32>, %u: tensor<100xf32>) -> tensor<40x100xf32> attributes {fusion.anchor = "row"} {
  %0 = nn.apply_moments %x, %m shift %u {columns = 64 : i64, epsilon = 1.0e-05 : f64, centred = true} : tensor<40x100xf32>, tensor<2x40x3xf32> shift tensor<100xf32> -> tensor<40x100xf32>
  func.return %0 : tensor<40x100xf32>
}
