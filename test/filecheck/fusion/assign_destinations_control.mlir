// RUN: trtc-opt %s -p assign-destinations --split-input-file --remarks 2>&1 | filecheck %s

// What a loop carries is copied where it has other readers or no group makes it; a view that a branch captures is copied; a slice that a
// body returns is written into the loop's result, whose rows are aligned to the divisors of their size.
// CHECK-LABEL: func.func @main
// CHECK: [[A:%.*]] = fusion.group "pointwise" ({{.*}} = %x : tensor<6xf32>)
// CHECK: nn.loop @body index "i" count #nn.dims<9> carried([[A]]) captures(%x)
// CHECK-LABEL: func.func @body
// CHECK: nn.add
// CHECK: layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 2>]
builtin.module attributes {nn.symbols = {i = array<i64: 0, 4, 8>}} {
  func.func @main(%x: tensor<6xf32>) -> tensor<9x6xf32> {
    %0, %1 = nn.loop @body index "i" count #nn.dims<9> carried(%x) captures(%x) : (tensor<6xf32>), (tensor<6xf32>) -> (tensor<6xf32>, tensor<9x6xf32>)
    func.return %1 : tensor<9x6xf32>
  }
  func.func @body(%a: tensor<6xf32>, %x: tensor<6xf32>) -> (tensor<6xf32>, tensor<6xf32>) attributes {nn.body} {
    %0 = fusion.group "pointwise" (%p = %a : tensor<6xf32>, %q = %x : tensor<6xf32>) -> (tensor<6xf32>) {
      %1 = nn.add %p, %q : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>
      fusion.yield %1 : tensor<6xf32>
    }
    %2 = fusion.group "pointwise" (%p = %a : tensor<6xf32>) -> (tensor<6xf32>) {
      %3 = nn.neg %p : tensor<6xf32>
      fusion.yield %3 : tensor<6xf32>
    }
    func.return %0, %2 : tensor<6xf32>, tensor<6xf32>
  }
}
