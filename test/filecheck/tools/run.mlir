// RUN: trtc-opt %s --run --seed 1 | filecheck %s
// RUN: trtc-opt %s -p cse --run --seed 1 | filecheck %s
// RUN: trtc-opt %s -p cse --check-numerics --profile N=3 2>&1 | filecheck %s --check-prefix=NUMERICS

// Dynamic dimensions take the usual value of their range, or the one of --profile; relu bounds the output from below.
// CHECK: y: float32[5x4] min 0 max {{[1-9].*}} mean {{.*}} norm {{.*}}
// NUMERICS: %{{.*}} = nn.relu
// NUMERICS: check-numerics: 1 passes, 2 values compared, largest relative error 0 (after 1-cse)
builtin.module attributes {nn.symbols = {N = array<i64: 1, 5, 8>}} {
  func.func @main(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
    %0 = nn.relu %x {nn.names = ["h"]} : tensor<?x4xf32, #nn.dims<N, 4>>
    %1 = nn.relu %x : tensor<?x4xf32, #nn.dims<N, 4>>
    %2 = nn.add %0, %1 {nn.names = ["y"]} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    func.return %2 : tensor<?x4xf32, #nn.dims<N, 4>>
  }
}
