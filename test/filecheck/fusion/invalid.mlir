// RUN: trtc-opt %s --split-input-file --verify-diagnostics

// Anchors are a closed list.
func.func @f(%x : tensor<4xf32>) {
  // expected-error@+1 {{fusion.group: expected an anchor of conv, matmul, attention, row, window, gather, positions, rnn, pointwise, got 'gemm'}}
  %r = fusion.group "gemm" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) {
    fusion.yield %a : tensor<4xf32>
  }
  func.return
}

// -----

// The yield gives what the group promises.
func.func @f(%x : tensor<4xf32>) {
  // expected-error@+1 {{fusion.group yielded values: expected types (tensor<8xf32>), got (tensor<4xf32>)}}
  %r = fusion.group "pointwise" (%a = %x : tensor<4xf32>) -> (tensor<8xf32>) {
    fusion.yield %a : tensor<4xf32>
  }
  func.return
}

// -----

// A group sees nothing from outside.
func.func @f(%x : tensor<4xf32>) {
  // expected-error@+1 {{Operation using value defined out of its IsolatedFromAbove parent}}
  %r = fusion.group "pointwise" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) {
    %0 = nn.relu %x : tensor<4xf32>
    fusion.yield %0 : tensor<4xf32>
  }
  func.return
}

// -----

// There is a layout for every operand and result.
func.func @f(%x : tensor<4xf32>) {
  // expected-error@+1 {{fusion.group: expected `layouts` with 2 #fusion.layout, got}}
  %r = fusion.group "pointwise" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {layouts = [#fusion.layout<contiguous>]} {
    fusion.yield %a : tensor<4xf32>
  }
  func.return
}

// -----

// A layout has a stride per dim.
func.func @f(%x : tensor<4xf32>) {
  // expected-error@+1 {{fusion.group: expected 1 strides for tensor<4xf32>, got #fusion.layout<[4, 1]>}}
  %r = fusion.group "pointwise" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {layouts = [#fusion.layout<[4, 1]>, #fusion.layout<contiguous>]} {
    fusion.yield %a : tensor<4xf32>
  }
  func.return
}

// -----

// No dim is left without one.
func.func @f(%x : tensor<4x2xf32>) {
  // expected-error@+1 {{fusion.group: expected 2 strides for tensor<4x2xf32>, got #fusion.layout<[2]>}}
  %r = fusion.group "pointwise" (%a = %x : tensor<4x2xf32>) -> (tensor<4x2xf32>) attributes {layouts = [#fusion.layout<[2]>, #fusion.layout<contiguous>]} {
    fusion.yield %a : tensor<4x2xf32>
  }
  func.return
}

// -----

// An alignment is at least one element.
func.func @f(%x : tensor<4xf32>) {
  // expected-error@+1 {{fusion.layout: expected align of 1 or more elements, got 0}}
  %r = fusion.group "pointwise" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {layouts = [#fusion.layout<contiguous, align = 0>, #fusion.layout<contiguous>]} {
    fusion.yield %a : tensor<4xf32>
  }
  func.return
}

// -----

// A yield stands in a group.
func.func @f(%x : tensor<4xf32>) {
  // expected-error@+1 {{'fusion.yield' expects parent op 'fusion.group'}}
  fusion.yield %x : tensor<4xf32>
}

// -----

// An alias is a source or a dest.
func.func @f(%x : tensor<4xf32>) {
  // expected-error@+1 {{Expected `source`, or `dest`}}
  %0 = nn.reshape %x {fusion.alias = #fusion.alias<view>} : (tensor<4xf32>) -> tensor<2x2xf32>
  func.return
}
