// RUN: trtc-opt %s -p 'assign-precision{mode=bf16}' --split-input-file | filecheck %s
// RUN: trtc-opt %s -p 'assign-precision{mode=tf32}' --split-input-file | filecheck %s --check-prefix=TF32
// RUN: trtc-opt %s -p 'assign-precision{mode=fp32}' --split-input-file | filecheck %s --check-prefix=FP32

// Views, pools and pointwise ops behind the last product stay wide, as far as they reach outputs only; a constant's own chain does not count.
// CHECK-LABEL: @tail
// CHECK: %[[M:.*]] = nn.matmul %{{.*}}, %{{.*}} : (tensor<2x2xbf16>, tensor<2x2xbf16>) -> tensor<2x2xf32>
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[M]] {{.*}} : (tensor<2x2xf32>)
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[T]] : (tensor<2x2xf32>)
// CHECK-NEXT: %[[S:.*]] = nn.slice %[[R]] {{.*}} -> tensor<2xf32>
// CHECK-NEXT: %[[B:.*]] = nn.broadcast_to %[[S]] : (tensor<2xf32>) -> tensor<3x2xf32>
// CHECK-NEXT: nn.exp %[[B]] : tensor<3x2xf32>
func.func @tail(%x: tensor<2x2xf32>) -> tensor<3x2xf32> {
  %0 = nn.matmul %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
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
// CHECK: %[[M:.*]] = nn.matmul %{{.*}}, %{{.*}} : (tensor<2x2xbf16>, tensor<2x2xbf16>) -> tensor<2x2xbf16>
// CHECK-NEXT: %[[R:.*]] = nn.relu %[[M]] : tensor<2x2xbf16>
// CHECK-NEXT: %[[N:.*]] = nn.matmul %[[R]], %[[R]] : (tensor<2x2xbf16>, tensor<2x2xbf16>) -> tensor<2x2xf32>
// CHECK: func.return %{{.*}}, %[[N]] : tensor<2x2xf32>, tensor<2x2xf32>
func.func @before_a_product(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %0 = nn.matmul %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.relu %0 : tensor<2x2xf32>
  %2 = nn.matmul %1, %1 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %1, %2 : tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Behind a dequantize, pointwise ops and views stay wide; a product of one dequantized operand does not. Scales keep their type.
// CHECK-LABEL: @marks
// CHECK: %[[D:.*]] = quant.dequantize %q, %{{.*}} : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
// CHECK-NEXT: %[[E:.*]] = nn.exp %[[D]] : tensor<2x2xf32>
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[E]] {{.*}} -> tensor<2x2xf32>
// CHECK: %[[C:.*]] = nn.cast %[[T]] : (tensor<2x2xf32>) -> tensor<2x2xbf16>
// CHECK: %[[P:.*]] = nn.matmul %{{.*}}, %[[C]] : (tensor<2x2xbf16>, tensor<2x2xbf16>)
// CHECK: quant.quantize %{{.*}}, %{{.*}} : (tensor<2x2xf32>, tensor<f32>)
func.func @marks(%x: tensor<2x2xf32>, %q: tensor<2x2xi8>) -> tensor<2x2xi8> {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %1 = nn.exp %0 : tensor<2x2xf32>
  %2 = nn.transpose %1 {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.matmul %x, %2 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
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
// CHECK: nn.conv {{.*}} : (tensor<1x2x2x1xbf16>, tensor<1x1x1x1xbf16>)
func.func @products(%x: tensor<1x2x2x1xf32>, %w: tensor<1x1x1x1xf32>, %h: tensor<2x2xf16>, %i: tensor<2x2xi8>) -> (tensor<1x2x2x1xf32>, tensor<2x2xf16>, tensor<2x2xi32>) {
  %0 = nn.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x2x2x1xf32>
  %1 = nn.matmul %h, %h : (tensor<2x2xf16>, tensor<2x2xf16>) -> tensor<2x2xf16>
  %2 = nn.matmul %i, %i : (tensor<2x2xi8>, tensor<2x2xi8>) -> tensor<2x2xi32>
  func.return %0, %1, %2 : tensor<1x2x2x1xf32>, tensor<2x2xf16>, tensor<2x2xi32>
}

// -----

// One cast for all readers of a value, of an input as of a constant; a padding value beyond the range is clamped, an infinite one is not.
// CHECK-LABEL: @once
// CHECK-COUNT-1: nn.cast %x
// CHECK-NOT: nn.cast %x
// CHECK: nn.pad {{.*}}value = 3.3895313892515355e+38 : f64
// CHECK: nn.pad {{.*}}value = 0xfff0000000000000 : f64
func.func @once(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0 = nn.matmul %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.matmul %x, %0 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = nn.pad %1 {low = array<i64: 0, 0>, high = array<i64: 0, 1>, value = 3.4e38 : f64} : (tensor<2x2xf32>) -> tensor<2x3xf32>
  %3 = nn.pad %2 {low = array<i64: 0, 0>, high = array<i64: 1, 0>, value = 0xFFF0000000000000 : f64} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  %4 = nn.matmul %3, %3 : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x3xf32>
  %5 = nn.slice %4 {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>} : (tensor<3x3xf32>) -> tensor<2x2xf32>
  func.return %5 : tensor<2x2xf32>
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
