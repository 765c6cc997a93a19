// RUN: trtc-opt %s -p 'fuse-groups,materialise-storage' --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// A part of a constant table, whose length is known at run time, is a view of the table as it is stored: cast at build time, with no launch.
// CHECK-LABEL: @table
// CHECK: %[[T:.*]] = nn.cast %t : (tensor<512x8xf32>) -> tensor<512x8xf16>
// CHECK-NEXT: %[[S:.*]] = nn.slice %[[T]] {{.*}} -> tensor<?x8xf16, #nn.dims<N, 8>>
// CHECK: fusion.group "pointwise" (%{{.*}} = %x : {{.*}}, %{{.*}} = %[[S]] : tensor<?x8xf16, #nn.dims<N, 8>>)
// CHECK-NOT: fusion.group
// CHECK: func.return
func.func @table(%x: tensor<?x8xf16, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>> {
  %t = nn.constant {nn.stored = f16} dense<0.3> : tensor<512x8xf32>
  %0 = nn.slice %t {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>, nn.stored = f16} : (tensor<512x8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.cast %x : (tensor<?x8xf16, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.mul %1, %0 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %2 : tensor<?x8xf32, #nn.dims<N, 8>>
}

// -----

// Refused: a part that is to stay f32 is read of the f32 constant; one that is stored narrow joins what is computed, in one buffer.
// CHECK-LABEL: @parts
// CHECK: %[[W:.*]] = nn.slice %t {{.*}} -> tensor<?x8xf32, #nn.dims<N, 8>>
// CHECK: %[[A:.*]] = fusion.group "pointwise" {{.*}} -> (tensor<?x8xf16, #nn.dims<N, 8>>)
// CHECK: %[[T:.*]] = nn.cast %t : (tensor<512x8xf32>) -> tensor<512x8xf16>
// CHECK-NEXT: nn.concat %[[A]], %[[T]] {{.*}} -> tensor<?x8xf16, #nn.dims<N + 512, 8>>
// CHECK: fusion.group "pointwise" (%{{.*}} = %[[W]] : tensor<?x8xf32, #nn.dims<N, 8>>)
func.func @parts(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> (tensor<?x8xf32, #nn.dims<N + 512, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) {
  %t = nn.constant {nn.stored = f16} dense<0.3> : tensor<512x8xf32>
  %0 = nn.slice %t {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<512x8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
  %1 = nn.exp %x {nn.stored = f16} : tensor<?x8xf32, #nn.dims<N, 8>>
  %2 = nn.concat %1, %t {axis = 0 : i64, nn.stored = f16} : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<512x8xf32>) -> tensor<?x8xf32, #nn.dims<N + 512, 8>>
  %3 = nn.exp %2 : tensor<?x8xf32, #nn.dims<N + 512, 8>>
  %4 = nn.exp %0 : tensor<?x8xf32, #nn.dims<N, 8>>
  func.return %3, %4 : tensor<?x8xf32, #nn.dims<N + 512, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>
}
