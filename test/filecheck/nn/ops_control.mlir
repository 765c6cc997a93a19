// RUN: trtc-opt %s | trtc-opt | filecheck %s
// RUN: trtc-opt %s --print-op-generic | trtc-opt | filecheck %s

// A branch names two functions, which take what it captures; a read gives a symbol, a loop of a known count an index.
// CHECK-LABEL: @main(
func.func @main(%c: tensor<i1>, %x: tensor<4xf32>, %n: tensor<1xi64>) -> tensor<4xf32> {
  // CHECK-NEXT: %0 = nn.if %c then @double else @flip(%x) : tensor<i1>, (tensor<4xf32>) -> tensor<4xf32>
  %0 = nn.if %c then @double else @flip(%x) : tensor<i1>, (tensor<4xf32>) -> tensor<4xf32>
  // CHECK-NEXT: nn.read "T" from %n : tensor<1xi64>
  nn.read "T" from %n : tensor<1xi64>
  // CHECK-NEXT: %1, %2 = nn.loop @step index "i" count #nn.dims<T> carried(%0) captures(%x) : (tensor<4xf32>), (tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32, #nn.dims<T, 4>>)
  %1, %2 = nn.loop @step index "i" count #nn.dims<T> carried(%0) captures(%x) : (tensor<4xf32>), (tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32, #nn.dims<T, 4>>)
  // CHECK-NEXT: %3 = nn.loop @until index "j" while %c : tensor<i1> total "turns" carried(%1) captures() : (tensor<4xf32>), () -> (tensor<4xf32>)
  %3 = nn.loop @until index "j" while %c : tensor<i1> total "turns" carried(%1) captures() : (tensor<4xf32>), () -> (tensor<4xf32>)
  func.return %3 : tensor<4xf32>
}
func.func @double(%x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.body} {
  %0 = nn.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
func.func @flip(%x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.body} {
  %0 = nn.neg %x : tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
func.func @step(%a: tensor<4xf32>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {nn.body} {
  %0 = nn.add %a, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.neg %0 : tensor<4xf32>
  func.return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
func.func @until(%a: tensor<4xf32>) -> (tensor<i1>, tensor<4xf32>) attributes {nn.body} {
  %0 = nn.constant dense<false> : tensor<i1>
  func.return %0, %a : tensor<i1>, tensor<4xf32>
}
