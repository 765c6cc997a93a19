// RUN: trtc-opt %s -p 'select-schedule{allowed="gather"},lower-groups' --split-input-file | filecheck %s

// Each row's 64-bit index becomes a 32-bit row number of the table, negative ones counted from the end; rows are fetched in vectors.
// CHECK-LABEL: kernel.func @embedding(
// CHECK: %[[T:.*]] = kernel.view %x dims <100, 64> strides <64, 1>
// CHECK: %[[I:.*]] = kernel.load %{{.*}} -> !kernel.frag<{{[0-9]+}}xi64
// CHECK: %[[ROWS:.*]] = kernel.map (%{{.*}}, %[[I]]
// CHECK: arith.trunci
// CHECK: kernel.gather %[[T]] rows %[[ROWS]]{{.*}}#kernel.blocked<16, 8, 1, 8>>
func.func private @embedding(%x: tensor<100x64xf16>, %i: tensor<?xi64, #nn.dims<S>>) -> tensor<?x64xf16, #nn.dims<S, 64>> attributes {fusion.anchor = "gather"} {
  %0 = nn.gather %x, %i {axis = 0 : i64} : (tensor<100x64xf16>, tensor<?xi64, #nn.dims<S>>) -> tensor<?x64xf16, #nn.dims<S, 64>>
  func.return %0 : tensor<?x64xf16, #nn.dims<S, 64>>
}
