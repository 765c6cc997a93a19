// RUN: trtc-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// The host reads one integer.
// CHECK: nn.read: expected a tensor of one integer, got tensor<2xi64>
func.func @f(%x: tensor<2xi64>) {
  nn.read "K" from %x : tensor<2xi64>
  func.return
}

// -----

// A size is no float.
// CHECK: nn.read: expected a tensor of one integer, got tensor<f32>
func.func @f(%x: tensor<f32>) {
  nn.read "K" from %x : tensor<f32>
  func.return
}

// -----

// A condition is a truth value.
// CHECK: nn.if: expected a tensor of one i1, got tensor<i64>
func.func @f(%c: tensor<i64>) {
  nn.if %c then @a else @a() : tensor<i64>, () -> ()
  func.return
}
func.func @a() attributes {nn.body} {
  func.return
}

// -----

// A branch must be a function of the module.
// CHECK: nn.if: expected a function @a in the module, got none
func.func @f(%c: tensor<i1>) {
  nn.if %c then @a else @a() : tensor<i1>, () -> ()
  func.return
}

// -----

// Both branches take what is captured.
// CHECK: nn.if: expected @a with arguments (tensor<4xf32>), got (tensor<3xf32>)
func.func @f(%c: tensor<i1>, %x: tensor<4xf32>) {
  nn.if %c then @a else @a(%x) : tensor<i1>, (tensor<4xf32>) -> ()
  func.return
}
func.func @a(%x: tensor<3xf32>) attributes {nn.body} {
  func.return
}

// -----

// A loop has a count or a condition.
// CHECK: nn.loop: expected a count, or a condition with a total
func.func @f() {
  nn.loop @a index "i" carried() captures() : (), () -> ()
  func.return
}
func.func @a() attributes {nn.body} {
  func.return
}

// -----

// What is carried keeps its type.
// CHECK: nn.loop: expected the types of the carried values, got tensor<3xf32>
func.func @f(%x: tensor<4xf32>) {
  %0 = nn.loop @a index "i" count #nn.dims<2> carried(%x) captures() : (tensor<4xf32>), () -> (tensor<3xf32>)
  func.return
}
func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.body} {
  func.return %x : tensor<4xf32>
}

// -----

// Joined slices are as many as the iterations, whatever their dims are called.
// CHECK: nn.loop: expected joined slices with T as their first dim
builtin.module {
  func.func @f() {
    %0 = nn.loop @a index "i" count #nn.dims<T> carried() captures() : (), () -> (tensor<?x4xf32, #nn.dims<U, 4>>)
    func.return
  }
  func.func @a() -> tensor<4xf32> attributes {nn.body} {
    %0 = nn.constant dense<1.0> : tensor<4xf32>
    func.return %0 : tensor<4xf32>
  }
}
