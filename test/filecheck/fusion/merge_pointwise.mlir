// RUN: trtc-opt %s -p merge-pointwise --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p merge-pointwise --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Two parts of one value, scaled alike, are one launch of two results; the second part is read before it. Rows are dynamic.
// CHECK-LABEL: @parts
// CHECK: [[Q:%[a-z]+]] = nn.slice
// CHECK-NEXT: [[K:%[a-z]+]] = nn.slice
// CHECK-NEXT: [[BOTH:%[0-9]+]], [[OTHER:%[0-9]+]] = fusion.group "pointwise" (%{{.*}} = [[Q]] : {{.*}}, %{{.*}} = [[K]] : {{.*}})
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.mul
// CHECK-NEXT: fusion.yield
// CHECK: func.return [[BOTH]], [[OTHER]]
// REMARK: analysis: merge-pointwise: fusion.group: launches by element: one launch (one launch {{.*}} us, a launch each {{.*}} us)
// REMARK: applied: merge-pointwise: fusion.group: 2 results by element of one launch
builtin.module attributes {kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>, nn.symbols = {N = array<i64: 1, 64, 128>}} {
  func.func @parts(%x: tensor<?x48xf16, #nn.dims<N, 48>>, %s: tensor<?x1xf16, #nn.dims<N, 1>>) -> (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<?x16xf16, #nn.dims<N, 16>>) {
    %q = nn.slice %x {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<?x48xf16, #nn.dims<N, 48>>) -> tensor<?x32xf16, #nn.dims<N, 32>>
    %0 = fusion.group "pointwise" (%a = %q : tensor<?x32xf16, #nn.dims<N, 32>>, %b = %s : tensor<?x1xf16, #nn.dims<N, 1>>) -> (tensor<?x32xf16, #nn.dims<N, 32>>) {
      %1 = nn.mul %a, %b : (tensor<?x32xf16, #nn.dims<N, 32>>, tensor<?x1xf16, #nn.dims<N, 1>>) -> tensor<?x32xf16, #nn.dims<N, 32>>
      fusion.yield %1 : tensor<?x32xf16, #nn.dims<N, 32>>
    }
    %k = nn.slice %x {starts = #nn.dims<0, 32>, steps = array<i64: 1, 1>} : (tensor<?x48xf16, #nn.dims<N, 48>>) -> tensor<?x16xf16, #nn.dims<N, 16>>
    %2 = fusion.group "pointwise" (%a = %k : tensor<?x16xf16, #nn.dims<N, 16>>, %b = %s : tensor<?x1xf16, #nn.dims<N, 1>>) -> (tensor<?x16xf16, #nn.dims<N, 16>>) {
      %3 = nn.mul %a, %b : (tensor<?x16xf16, #nn.dims<N, 16>>, tensor<?x1xf16, #nn.dims<N, 1>>) -> tensor<?x16xf16, #nn.dims<N, 16>>
      fusion.yield %3 : tensor<?x16xf16, #nn.dims<N, 16>>
    }
    func.return %0, %2 : tensor<?x32xf16, #nn.dims<N, 32>>, tensor<?x16xf16, #nn.dims<N, 16>>
  }
}

// -----

// Three readers of one value, with constants that stand between them.
// CHECK-LABEL: @three
// CHECK: nn.constant
// CHECK-NEXT: [[A:%[0-9]+]], [[B:%[0-9]+]], [[C:%[0-9]+]] = fusion.group "pointwise"
// CHECK-NEXT: nn.exp
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.neg
// CHECK-NEXT: fusion.yield
// CHECK: func.return [[A]], [[B]], [[C]]
// REMARK: applied: merge-pointwise: fusion.group: 3 results by element of one launch
func.func @three(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = fusion.group "pointwise" (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %1 = nn.exp %a : tensor<4x8xf32>
    fusion.yield %1 : tensor<4x8xf32>
  }
  %w = nn.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>
  %2 = fusion.group "pointwise" (%a = %x : tensor<4x8xf32>, %b = %w : tensor<8xf32>) -> (tensor<4x8xf32>) {
    %3 = nn.mul %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    fusion.yield %3 : tensor<4x8xf32>
  }
  %4 = fusion.group "pointwise" (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %5 = nn.neg %a : tensor<4x8xf32>
    fusion.yield %5 : tensor<4x8xf32>
  }
  func.return %0, %2, %4 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// The copy of a cache is part of the launch that writes what is added to it, each to its place.
// CHECK-LABEL: @cache
// CHECK: [[NEW:%[0-9]+]], [[OLD:%[0-9]+]] = fusion.group "pointwise" (%{{.*}} = %x : {{.*}}, %{{.*}} = %p : {{.*}})
// CHECK-SAME: layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 16>, #fusion.layout<contiguous, align = 64>]
// CHECK-SAME: fusion.copied = "into a concat: others read it"
// CHECK-NEXT: nn.exp
// CHECK-NEXT: fusion.yield
// CHECK: nn.concat [[OLD]], [[NEW]]
// REMARK: applied: merge-pointwise: fusion.group: 2 results by element of one launch
func.func @cache(%past: tensor<6x8xf16>, %x: tensor<2x8xf16>) -> tensor<8x8xf16> {
  %p = fusion.group "row" (%a = %past : tensor<6x8xf16>) -> (tensor<6x8xf16>) attributes {layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>]} {
    %1 = nn.softmax %a {axis = 1 : i64} : (tensor<6x8xf16>) -> tensor<6x8xf16>
    fusion.yield %1 : tensor<6x8xf16>
  }
  %0 = fusion.group "pointwise" (%a = %x : tensor<2x8xf16>) -> (tensor<2x8xf16>) attributes {layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 16>]} {
    %1 = nn.exp %a : tensor<2x8xf16>
    fusion.yield %1 : tensor<2x8xf16>
  }
  %1 = fusion.group "pointwise" (%a = %p : tensor<6x8xf16>) -> (tensor<6x8xf16>) attributes {fusion.copied = "into a concat: others read it", layouts = [#fusion.layout<contiguous, align = 64>, #fusion.layout<contiguous, align = 64>]} {
    fusion.yield %a : tensor<6x8xf16>
  }
  %2 = nn.concat %1, %0 {fusion.alias = #fusion.alias<dest>, axis = 0 : i64} : (tensor<6x8xf16>, tensor<2x8xf16>) -> tensor<8x8xf16>
  func.return %2 : tensor<8x8xf16>
}

// -----

// What reads arguments alone may join any launch before it.
// CHECK-LABEL: @arguments
// CHECK: fusion.group "row"
// CHECK: fusion.group "pointwise"
// CHECK-NEXT: nn.mul
// CHECK-NEXT: nn.exp
// CHECK-NEXT: fusion.yield
// REMARK: applied: merge-pointwise: fusion.group: 2 results by element of one launch
func.func @arguments(%x: tensor<4x8xf32>, %y: tensor<2x6xf32>) -> (tensor<4x8xf32>, tensor<2x6xf32>) {
  %0 = fusion.group "row" (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %1 = nn.softmax %a {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    fusion.yield %1 : tensor<4x8xf32>
  }
  %2 = fusion.group "pointwise" (%a = %0 : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %3 = nn.mul %a, %a : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    fusion.yield %3 : tensor<4x8xf32>
  }
  %4 = fusion.group "pointwise" (%a = %y : tensor<2x6xf32>) -> (tensor<2x6xf32>) {
    %5 = nn.exp %a : tensor<2x6xf32>
    fusion.yield %5 : tensor<2x6xf32>
  }
  func.return %2, %4 : tensor<4x8xf32>, tensor<2x6xf32>
}

// -----

// Invalid: a group of another anchor than groups have.
// CHECK: expected an anchor of
func.func @invalid(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = fusion.group "element" (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
    %1 = nn.exp %a : tensor<4x8xf32>
    fusion.yield %1 : tensor<4x8xf32>
  }
  func.return %0 : tensor<4x8xf32>
}
