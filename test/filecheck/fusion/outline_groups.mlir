// RUN: trtc-opt %s -p outline-groups --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// Equal groups share a function, whatever their names; another layout makes another function; names stay at the calls. Arguments are
// called what the first op that takes them does.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[A:.*]] = fusion.call @mul_relu(%x) {nn.names = ["a"]} : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
// CHECK-NEXT: %[[B:.*]] = fusion.call @mul_relu(%[[A]]) {nn.names = ["b"]}
// CHECK-NEXT: %[[C:.*]] = fusion.call @mul_relu_1(%[[B]])
// CHECK-NEXT: func.return %[[C]]
// CHECK: func.func private @mul_relu(%lhs: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> attributes {fusion.anchor = "pointwise", fusion.layouts = [#fusion.layout<contiguous>, #fusion.layout<contiguous>]}
// CHECK-NOT: nn.names
// CHECK: func.func private @mul_relu_1({{.*}} fusion.layouts = [#fusion.layout<[8, 1], align = 4>, #fusion.layout<contiguous>]}
// CHECK-NOT: @mul_relu_2
builtin.module {
  func.func @main(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
    %0 = fusion.group "pointwise" (%a = %x : tensor<?x4xf32, #nn.dims<N, 4>>) -> (tensor<?x4xf32, #nn.dims<N, 4>>) attributes {nn.names = ["a"]} {
      %1 = nn.mul %a, %a {nn.names = ["m"]} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
      %2 = nn.relu %1 {nn.names = ["a"]} : tensor<?x4xf32, #nn.dims<N, 4>>
      fusion.yield %2 : tensor<?x4xf32, #nn.dims<N, 4>>
    }
    %3 = fusion.group "pointwise" (%b = %0 : tensor<?x4xf32, #nn.dims<N, 4>>) -> (tensor<?x4xf32, #nn.dims<N, 4>>) attributes {nn.names = ["b"]} {
      %4 = nn.mul %b, %b : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
      %5 = nn.relu %4 : tensor<?x4xf32, #nn.dims<N, 4>>
      fusion.yield %5 : tensor<?x4xf32, #nn.dims<N, 4>>
    }
    %6 = fusion.group "pointwise" (%c = %3 : tensor<?x4xf32, #nn.dims<N, 4>>) -> (tensor<?x4xf32, #nn.dims<N, 4>>) attributes {layouts = [#fusion.layout<[8, 1], align = 4>, #fusion.layout<contiguous>]} {
      %7 = nn.mul %c, %c : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
      %8 = nn.relu %7 : tensor<?x4xf32, #nn.dims<N, 4>>
      fusion.yield %8 : tensor<?x4xf32, #nn.dims<N, 4>>
    }
    func.return %6 : tensor<?x4xf32, #nn.dims<N, 4>>
  }
}

// -----

// Refused: other operations make other functions, and a name that a function of the module has is not taken again.
// CHECK-LABEL: @main
// CHECK-NEXT: fusion.call @relu_1
// CHECK-NEXT: fusion.call @neg
builtin.module {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = fusion.group "pointwise" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) {
      %1 = nn.relu %a : tensor<4xf32>
      fusion.yield %1 : tensor<4xf32>
    }
    %2 = fusion.group "pointwise" (%a = %0 : tensor<4xf32>) -> (tensor<4xf32>) {
      %3 = nn.neg %a : tensor<4xf32>
      fusion.yield %3 : tensor<4xf32>
    }
    func.return %2 : tensor<4xf32>
  }
  func.func private @relu()
}

// -----

// Refused: groups that differ in alignment alone make two functions, since a kernel's vectors follow from it; so do those that differ in a
// property, or in which operand comes first.
// CHECK-LABEL: @main
// CHECK-NEXT: %[[A:.*]] = fusion.call @clip(%x)
// CHECK-NEXT: %[[B:.*]] = fusion.call @clip_1(%[[A]])
// CHECK-NEXT: %[[C:.*]] = fusion.call @clip_2(%[[B]])
// CHECK-NEXT: %[[D:.*]] = fusion.call @sub(%[[C]], %x)
// CHECK-NEXT: fusion.call @sub_1(%[[D]], %x)
// CHECK: func.func private @clip({{.*}}align = 8>
// CHECK: func.func private @clip_1({{.*}}[8, 1]>
builtin.module {
  func.func @main(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
    %0 = fusion.group "pointwise" (%a = %x : tensor<2x4xf32>) -> (tensor<2x4xf32>) attributes {layouts = [#fusion.layout<[8, 1], align = 8>, #fusion.layout<contiguous>]} {
      %1 = nn.clip %a {min = 0.0 : f64, max = 6.0 : f64} : tensor<2x4xf32>
      fusion.yield %1 : tensor<2x4xf32>
    }
    %2 = fusion.group "pointwise" (%a = %0 : tensor<2x4xf32>) -> (tensor<2x4xf32>) attributes {layouts = [#fusion.layout<[8, 1]>, #fusion.layout<contiguous>]} {
      %1 = nn.clip %a {min = 0.0 : f64, max = 6.0 : f64} : tensor<2x4xf32>
      fusion.yield %1 : tensor<2x4xf32>
    }
    %3 = fusion.group "pointwise" (%a = %2 : tensor<2x4xf32>) -> (tensor<2x4xf32>) attributes {layouts = [#fusion.layout<[8, 1], align = 8>, #fusion.layout<contiguous>]} {
      %1 = nn.clip %a {min = 0.0 : f64, max = 7.0 : f64} : tensor<2x4xf32>
      fusion.yield %1 : tensor<2x4xf32>
    }
    %4 = fusion.group "pointwise" (%a = %3 : tensor<2x4xf32>, %b = %x : tensor<2x4xf32>) -> (tensor<2x4xf32>) {
      %1 = nn.sub %a, %b : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
      fusion.yield %1 : tensor<2x4xf32>
    }
    %5 = fusion.group "pointwise" (%a = %4 : tensor<2x4xf32>, %b = %x : tensor<2x4xf32>) -> (tensor<2x4xf32>) {
      %1 = nn.sub %b, %a : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
      fusion.yield %1 : tensor<2x4xf32>
    }
    func.return %5 : tensor<2x4xf32>
  }
}

// -----

// Invalid: a group that yields another type than it has.
// CHECK: fusion.group yielded values: expected types (tensor<4xf32>), got (tensor<4xf16>)
func.func @main(%x: tensor<4xf16>) -> tensor<4xf32> {
  %0 = fusion.group "pointwise" (%a = %x : tensor<4xf16>) -> (tensor<4xf32>) {
    fusion.yield %a : tensor<4xf16>
  }
  func.return %0 : tensor<4xf32>
}
