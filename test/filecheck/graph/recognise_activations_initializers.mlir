// RUN: trtc-opt %s -p recognise-activations | filecheck %s
// RUN: trtc-opt %s -p recognise-activations | filecheck %s --check-prefix=PINS

// Initializers that are numbers of an activation are pinned; those of other sums are not.
// CHECK-LABEL: @main(
// CHECK: nn.gelu %x
// PINS: nn.pins = {root = "a number of an activation that is one op", one = "a number of an activation that is one op", half = "a number of an activation that is one op"}
module {
  func.func @main(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) {
    %half = nn.initializer "half" : tensor<f32> = dense<0.5> : tensor<f32>
    %root = nn.initializer "root" : tensor<f32> = dense<1.41421354> : tensor<f32>
    %one = nn.initializer "one" : tensor<1xf32> = dense<1.0> : tensor<1xf32>
    %other = nn.initializer "other" : tensor<f32> = dense<2.0> : tensor<f32>
    %0 = nn.div %x, %root : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
    %1 = nn.erf %0 : tensor<?x8xf32, #nn.dims<N, 8>>
    %2 = nn.add %1, %one : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<1xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
    %3 = nn.mul %x, %2 : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
    %4 = nn.mul %3, %half : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
    %5 = nn.mul %x, %other : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<f32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
    %6 = nn.sigmoid %5 : tensor<?x8xf32, #nn.dims<N, 8>>
    func.return %4, %6 : tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>
  }
}
