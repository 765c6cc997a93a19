// RUN: trtc-opt %s -p 'assign-precision{mode=bf16}' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'assign-precision{mode=tf32}' --split-input-file | filecheck %s --check-prefix=TF32
// RUN: trtc-opt %s -p 'assign-precision{mode=fp32}' --split-input-file | filecheck %s --check-prefix=FP32

// Views, pools and pointwise ops after the last product stay wide, where only outputs read them; ops on constants do not count.
// CHECK-LABEL: @tail
// CHECK: nn.abs %x {nn.stored = bf16}
// CHECK-NEXT: nn.matmul %{{.*}}, %{{.*}} {math = #nn.math<bf16>}
// CHECK-NOT: nn.stored
// CHECK: func.return
func.func @tail(%x: tensor<2x2xf32>) -> tensor<3x2xf32> {
  %a = nn.abs %x : tensor<2x2xf32>
  %0 = nn.matmul %a, %a : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.reshape %1 : (tensor<2x2xf32>) -> tensor<4xf32>
  %3 = nn.slice %2 {starts = #nn.dims<1>, steps = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  %4 = nn.broadcast_to %3 : (tensor<2xf32>) -> tensor<3x2xf32>
  %5 = nn.exp %4 : tensor<3x2xf32>
  func.return %5 : tensor<3x2xf32>
}

// -----

// Refused: what a later product reads too is narrow, and so is the product before it, whose sums are rounded.
// CHECK-LABEL: @before_a_product
// CHECK: %[[M:.*]] = nn.matmul %x, %x {nn.stored = bf16, math = #nn.math<tf32>}
// CHECK-NEXT: %[[R:.*]] = nn.relu %[[M]] {nn.stored = bf16}
// CHECK-NEXT: %[[N:.*]] = nn.matmul %[[R]], %[[R]] {math = #nn.math<bf16>} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
// CHECK: func.return %[[R]], %[[N]] : tensor<2x2xf32>, tensor<2x2xf32>
func.func @before_a_product(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %0 = nn.matmul %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.relu %0 : tensor<2x2xf32>
  %2 = nn.matmul %1, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %1, %2 : tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// After a dequantize, pointwise ops and views stay wide; what a product of one dequantized operand reads does not. Scales keep their type.
// CHECK-LABEL: @marks
// CHECK: nn.constant dense
// CHECK: quant.dequantize %q, %{{.*}} : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
// CHECK-NEXT: %[[E:.*]] = nn.exp %{{.*}} : tensor<2x2xf32>
// CHECK-NEXT: %[[T:.*]] = nn.neg %[[E]] {nn.stored = bf16} : tensor<2x2xf32>
// CHECK: nn.matmul %{{.*}}, %[[T]] {math = #nn.math<bf16>}
// CHECK-NEXT: nn.relu %{{.*}} : tensor<2x2xf32>
func.func @marks(%x: tensor<2x2xf32>, %q: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %1 = nn.exp %0 : tensor<2x2xf32>
  %2 = nn.neg %1 : tensor<2x2xf32>
  %a = nn.abs %x : tensor<2x2xf32>
  %3 = nn.matmul %a, %2 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = nn.relu %3 : tensor<2x2xf32>
  %5 = quant.quantize %4, %s : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xi8>
  func.return %5 : tensor<2x2xi8>
}

// -----

// TF32 is for f32: convs and matmuls of other types keep their arithmetic. fp32 changes nothing.
// TF32-LABEL: @products
// TF32: nn.conv {{.*}}math = #nn.math<tf32>
// TF32: nn.matmul %h, %h : (tensor<2x2xf16>
// TF32: nn.matmul %i, %i : (tensor<2x2xi8>
// FP32-LABEL: @products
// FP32-NOT: tf32
// FP32: nn.matmul %h, %h : (tensor<2x2xf16>
// CHECK-LABEL: @products
// CHECK: nn.conv {{.*}}math = #nn.math<tf32>} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>)
// CHECK: nn.matmul %h, %h : (tensor<2x2xf16>
func.func @products(%x: tensor<1x2x2x1xf32>, %w: tensor<1x1x1x1xf32>, %h: tensor<2x2xf16>, %i: tensor<2x2xi8>) -> (tensor<1x2x2x1xf32>, tensor<2x2xf16>, tensor<2x2xi32>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x2x2x1xf32>
  %1 = nn.matmul %h, %h : (tensor<2x2xf16>, tensor<2x2xf16>) -> tensor<2x2xf16>
  %2 = nn.matmul %i, %i : (tensor<2x2xi8>, tensor<2x2xi8>) -> tensor<2x2xi32>
  func.return %0, %1, %2 : tensor<1x2x2x1xf32>, tensor<2x2xf16>, tensor<2x2xi32>
}

// -----

// A view lies in the buffer of what it reads, as that is stored; a pad is computed.
// CHECK-LABEL: @views
// CHECK: nn.reshape %x : (tensor<2x2xf32>)
// CHECK: nn.transpose %{{.*}} {nn.stored = bf16, permutation
// CHECK: nn.pad %{{.*}} {nn.stored = bf16
func.func @views(%x: tensor<2x2xf32>) -> tensor<6x2xf32> {
  %0 = nn.reshape %x : (tensor<2x2xf32>) -> tensor<4x1xf32>
  %1 = nn.abs %0 : tensor<4x1xf32>
  %2 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<4x1xf32>) -> tensor<1x4xf32>
  %3 = nn.pad %0 {low = array<i64: 1, 0>, high = array<i64: 1, 3>, value = 0.0 : f64} : (tensor<4x1xf32>) -> tensor<6x4xf32>
  %w = nn.constant dense<0.5> : tensor<4x2xf32>
  %4 = nn.matmul %2, %w : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  %5 = nn.matmul %3, %w : (tensor<6x4xf32>, tensor<4x2xf32>) -> tensor<6x2xf32>
  %6 = nn.add %5, %4 : (tensor<6x2xf32>, tensor<1x2xf32>) -> tensor<6x2xf32>
  func.return %6 : tensor<6x2xf32>
}

// -----

// The model's own types stay: f16 in a network of f16, in its tail as before its products, and f64, which nothing narrows.
// CHECK-LABEL: @own
// CHECK: %[[M:.*]] = nn.matmul %h, %h : (tensor<2x2xf16>, tensor<2x2xf16>) -> tensor<2x2xf16>
// CHECK-NEXT: %[[R:.*]] = nn.relu %[[M]] : tensor<2x2xf16>
// CHECK-NEXT: %[[D:.*]] = nn.exp %d : tensor<2x2xf64>
// CHECK-NEXT: func.return %[[R]], %[[D]] : tensor<2x2xf16>, tensor<2x2xf64>
func.func @own(%h: tensor<2x2xf16>, %d: tensor<2x2xf64>) -> (tensor<2x2xf16>, tensor<2x2xf64>) {
  %0 = nn.matmul %h, %h : (tensor<2x2xf16>, tensor<2x2xf16>) -> tensor<2x2xf16>
  %1 = nn.relu %0 : tensor<2x2xf16>
  %2 = nn.exp %d : tensor<2x2xf64>
  func.return %1, %2 : tensor<2x2xf16>, tensor<2x2xf64>
}
