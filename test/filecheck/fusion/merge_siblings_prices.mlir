// RUN: trtc-opt %s -p 'merge-siblings,dce' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'merge-siblings' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Two small products in the time of one.
// CHECK-LABEL: @small
// CHECK: %[[M:.*]] = nn.matmul %x
// CHECK-NEXT: %[[Q:.*]] = nn.slice %[[M]]
// CHECK-NEXT: %[[K:.*]] = nn.slice %[[M]]
// CHECK-NEXT: nn.matmul %[[Q]], %[[K]]
// REMARK: analysis: merge-siblings: nn.matmul [q]: 2 siblings: as one (as one {{.*}} us, apart {{.*}} us)
// REMARK: applied: merge-siblings: nn.matmul{{.*}}: 2 nn.matmul over one value as one
func.func @small(%x: tensor<128x64xf16>) -> tensor<128x128xf16> {
  %w = nn.constant dense<1.0> : tensor<64x64xf16>
  %v = nn.constant dense<2.0> : tensor<64x64xf16>
  %q = nn.matmul %x, %w {nn.names = ["q"], transpose_b} : (tensor<128x64xf16>, tensor<64x64xf16>) -> tensor<128x64xf16>
  %k = nn.matmul %x, %v {transpose_b} : (tensor<128x64xf16>, tensor<64x64xf16>) -> tensor<128x64xf16>
  %y = nn.matmul %q, %k {transpose_b} : (tensor<128x64xf16>, tensor<128x64xf16>) -> tensor<128x128xf16>
  func.return %y : tensor<128x128xf16>
}

// -----

// A gate: as one, what follows would be a launch of its own, as many as apart. They stay.
// CHECK-LABEL: @gate
// CHECK-NOT: nn.slice
// CHECK: func.return
// REMARK: missed: merge-siblings: nn.matmul [gate]: not merged with others that read the same value: 2 siblings: apart (apart {{.*}} us, as one {{.*}} us)
func.func @gate(%x: tensor<128x64xf16>) -> tensor<128x64xf16> {
  %w = nn.constant dense<1.0> : tensor<64x64xf16>
  %v = nn.constant dense<2.0> : tensor<64x64xf16>
  %g = nn.matmul %x, %w {nn.names = ["gate"], transpose_b} : (tensor<128x64xf16>, tensor<64x64xf16>) -> tensor<128x64xf16>
  %u = nn.matmul %x, %v {transpose_b} : (tensor<128x64xf16>, tensor<64x64xf16>) -> tensor<128x64xf16>
  %s = nn.sigmoid %g : tensor<128x64xf16>
  %y = nn.mul %s, %u : (tensor<128x64xf16>, tensor<128x64xf16>) -> tensor<128x64xf16>
  func.return %y : tensor<128x64xf16>
}

// -----

// The rows count at their usual number. Of three, the two that need no copy.
// CHECK-LABEL: @fewer
// CHECK: nn.matmul {{.*}} -> tensor<?x128xf16, #nn.dims<N, 128>>
// CHECK: nn.matmul {{.*}} -> tensor<?x64xf16, #nn.dims<N, 64>>
// REMARK: analysis: merge-siblings: nn.matmul [q]: 3 siblings: those without copies as one (those without copies as one {{.*}} us, as one {{.*}} us, apart {{.*}} us)
builtin.module attributes {nn.symbols = {N = array<i64: 1, 128, 256>}} {
  func.func @fewer(%x: tensor<?x64xf16, #nn.dims<N, 64>>) -> (tensor<?x?xf16, #nn.dims<N, N>>, tensor<?x64xf16, #nn.dims<N, 64>>) {
    %w = nn.constant dense<1.0> : tensor<64x64xf16>
    %v = nn.constant dense<2.0> : tensor<64x64xf16>
    %u = nn.constant dense<3.0> : tensor<64x64xf16>
    %q = nn.matmul %x, %w {nn.names = ["q"], transpose_b} : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<64x64xf16>) -> tensor<?x64xf16, #nn.dims<N, 64>>
    %k = nn.matmul %x, %v {nn.names = ["k"], transpose_b} : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<64x64xf16>) -> tensor<?x64xf16, #nn.dims<N, 64>>
    %z = nn.matmul %x, %u {nn.names = ["z"], transpose_b} : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<64x64xf16>) -> tensor<?x64xf16, #nn.dims<N, 64>>
    %y = nn.matmul %q, %k {transpose_b} : (tensor<?x64xf16, #nn.dims<N, 64>>, tensor<?x64xf16, #nn.dims<N, 64>>) -> tensor<?x?xf16, #nn.dims<N, N>>
    func.return %y, %z : tensor<?x?xf16, #nn.dims<N, N>>, tensor<?x64xf16, #nn.dims<N, 64>>
  }
}
