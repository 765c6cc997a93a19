// RUN: trtc-opt %s -p place-qdq --split-input-file | filecheck %s
// RUN: trtc-opt %s -p place-qdq --split-input-file --remarks=missed:place-qdq 2>&1 >/dev/null | filecheck %s --check-prefix=REASON

// Scales of dim 2 lie along dim 0 after a rotation, also on a cube, whose type does not show it.
// CHECK-LABEL: @rotated
// CHECK-NEXT: %[[T:.*]] = nn.transpose %q {permutation = array<i64: 2, 0, 1>} : (tensor<2x2x2xi8>)
// CHECK-NEXT: quant.dequantize %[[T]], %s {axis = 0 : i64}
func.func @rotated(%q: tensor<2x2x2xi8>, %s: tensor<2xf32>) -> tensor<2x2x2xf32> {
  %0 = quant.dequantize %q, %s {axis = 2 : i64} : (tensor<2x2x2xi8>, tensor<2xf32>) -> tensor<2x2x2xf32>
  %1 = nn.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  func.return %1 : tensor<2x2x2xf32>
}

// -----

// One scale moves past what moves elements; a relu and a pool keep the axis of several.
// CHECK-LABEL: @down
// CHECK: nn.reshape %q
// CHECK: nn.slice
// CHECK: nn.gather
// CHECK-NEXT: %[[A:.*]] = quant.dequantize %{{.*}}, %h :
// CHECK-NEXT: nn.relu %r
// CHECK-NEXT: %[[B:.*]] = quant.dequantize %{{.*}}, %{{.*}} {axis = 1 : i64}
// CHECK-NEXT: func.return %[[A]], %[[B]]
func.func @down(%q: tensor<8xi8>, %i: tensor<1xi64>, %r: tensor<2x2xi8>) -> (tensor<1x2xf32>, tensor<2x2xf32>) {
  %s = nn.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %h = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %h : (tensor<8xi8>, tensor<f32>) -> tensor<8xf32>
  %1 = nn.reshape %0 : (tensor<8xf32>) -> tensor<4x2xf32>
  %2 = nn.slice %1 {starts = #nn.dims<1, 0>, steps = array<i64: 1, 1>} : (tensor<4x2xf32>) -> tensor<2x2xf32>
  %3 = nn.gather %2, %i {axis = 0 : i64} : (tensor<2x2xf32>, tensor<1xi64>) -> tensor<1x2xf32>
  %4 = quant.dequantize %r, %s {axis = 1 : i64} : (tensor<2x2xi8>, tensor<2xf32>) -> tensor<2x2xf32>
  %5 = nn.relu %4 : tensor<2x2xf32>
  func.return %3, %5 : tensor<1x2xf32>, tensor<2x2xf32>
}

// -----

// Refused: scales per channel stay before what renumbers elements along them; a scale that is not positive reverses the order.
// CHECK-LABEL: @down_refused
// CHECK-COUNT-3: {axis = 0 : i64} : (tensor<2x2xi8>
// CHECK-COUNT-2: nn.relu %{{.*}} : tensor<2x2xf32>
func.func @down_refused(%q: tensor<2x2xi8>, %s: tensor<2xf32>, %i: tensor<2xi64>) -> (tensor<4xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %minus = nn.constant dense<[0.5, -0.5]> : tensor<2xf32>
  %none = nn.constant dense<0.0> : tensor<f32>
  %0 = quant.dequantize %q, %s {axis = 0 : i64} : (tensor<2x2xi8>, tensor<2xf32>) -> tensor<2x2xf32>
  %1 = nn.reshape %0 : (tensor<2x2xf32>) -> tensor<4xf32>
  %2 = nn.slice %0 {starts = #nn.dims<1, 0>, steps = array<i64: -1, 1>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = nn.gather %0, %i {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2xi64>) -> tensor<2x2xf32>
  %4 = quant.dequantize %q, %minus {axis = 1 : i64} : (tensor<2x2xi8>, tensor<2xf32>) -> tensor<2x2xf32>
  %5 = nn.relu %4 : tensor<2x2xf32>
  %6 = quant.dequantize %q, %none : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %7 = nn.relu %6 : tensor<2x2xf32>
  func.return %1, %2, %3, %5, %7 : tensor<4xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Refused: a dequantize and a quantize by one scale that is 0, whose product with 3 is infinite, or that is too fine for f16; or that is
// not known. An infinite scale makes NaN of 0, which relu of the integer would not.
// CHECK-LABEL: @no_way_back
// CHECK-COUNT-4: quant.quantize
// CHECK: nn.relu %{{.*}} : tensor<2xf32>
func.func @no_way_back(%q: tensor<2xi8>, %t: tensor<f32>) -> (tensor<2xi8>, tensor<2xi8>, tensor<2xi8>, tensor<2xi8>, tensor<2xf32>) {
  %none = nn.constant dense<0.0> : tensor<f32>
  %huge = nn.constant dense<[0.5, 1.5e+38]> : tensor<2xf32>
  %fine = nn.constant dense<1.0e-08> : tensor<f32>
  %infinite = nn.constant dense<"0x0000807F"> : tensor<f32>
  %0 = quant.dequantize %q, %none : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %1 = quant.quantize %0, %none : (tensor<2xf32>, tensor<f32>) -> tensor<2xi8>
  %2 = quant.dequantize %q, %huge {axis = 0 : i64} : (tensor<2xi8>, tensor<2xf32>) -> tensor<2xf32>
  %3 = quant.quantize %2, %huge {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi8>
  %4 = quant.dequantize %q, %fine : (tensor<2xi8>, tensor<f32>) -> tensor<2xf16>
  %5 = quant.quantize %4, %fine : (tensor<2xf16>, tensor<f32>) -> tensor<2xi8>
  %6 = quant.dequantize %q, %t : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %7 = quant.quantize %6, %t : (tensor<2xf32>, tensor<f32>) -> tensor<2xi8>
  %8 = quant.dequantize %q, %infinite : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %9 = nn.relu %8 : tensor<2xf32>
  func.return %1, %3, %5, %7, %9 : tensor<2xi8>, tensor<2xi8>, tensor<2xi8>, tensor<2xi8>, tensor<2xf32>
}

// -----

// Refused: an index out of range takes +0, which a negative scale would make -0.
// CHECK-LABEL: @gathered
// CHECK: %[[D:.*]] = quant.dequantize %q
// CHECK-NEXT: nn.gather %[[D]]
func.func @gathered(%q: tensor<2xi8>, %i: tensor<1xi64>) -> tensor<1xf32> {
  %s = nn.constant dense<-0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %1 = nn.gather %0, %i {axis = 0 : i64} : (tensor<2xf32>, tensor<1xi64>) -> tensor<1xf32>
  func.return %1 : tensor<1xf32>
}

// -----

// Refused: scales that agree in their first number only are no pair.
// REASON: quant.quantize: a dequantize and a quantize stay: their scales differ
// CHECK-LABEL: @nearly_a_pair
// CHECK-NEXT: nn.constant
// CHECK-NEXT: nn.constant
// CHECK-NEXT: quant.dequantize
// CHECK-NEXT: quant.quantize
func.func @nearly_a_pair(%q: tensor<1x2xi8>) -> tensor<1x2xi8> {
  %s = nn.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %t = nn.constant dense<[0.5, 0.125]> : tensor<2xf32>
  %0 = quant.dequantize %q, %s {axis = 1 : i64} : (tensor<1x2xi8>, tensor<2xf32>) -> tensor<1x2xf32>
  %1 = quant.quantize %0, %t {axis = 1 : i64} : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xi8>
  func.return %1 : tensor<1x2xi8>
}

// -----

// A concat of one scale, be it one value or equal constants, happens on integers.
// CHECK-LABEL: @concat
// CHECK: nn.concat %q, %r {axis = 0 : i64} : (tensor<2xi8>, tensor<2xi8>) -> tensor<4xi8>
// CHECK: nn.concat %q, %r {axis = 0 : i64} : (tensor<2xi8>, tensor<2xi8>) -> tensor<4xi8>
func.func @concat(%q: tensor<2xi8>, %r: tensor<2xi8>, %s: tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %t = nn.constant dense<0.5> : tensor<f32>
  %u = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %1 = quant.dequantize %r, %s : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %2 = nn.concat %0, %1 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %3 = quant.dequantize %q, %t : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %4 = quant.dequantize %r, %u : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %5 = nn.concat %3, %4 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  func.return %2, %5 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Refused: an operand that is not quantized, first or second; i8 with i32; scales of an axis; scales of other types.
// REASON: nn.concat: dequantize stays before nn.concat: its operands differ in scale
// REASON-NEXT: nn.concat: dequantize stays before nn.concat: not all are dequantized
// REASON-NEXT: nn.concat: dequantize stays before nn.concat: its operands differ in scale
// REASON-NEXT: nn.concat: dequantize stays before nn.concat: its scale is per channel
// CHECK-LABEL: @concat_refused
// CHECK-COUNT-5: nn.concat %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>)
func.func @concat_refused(%q: tensor<2xi8>, %r: tensor<2xi32>, %x: tensor<2xf32>, %s: tensor<f32>, %a: tensor<2xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %t = nn.constant dense<0.5> : tensor<f32>
  %u = nn.constant dense<0.5> : tensor<f16>
  %0 = quant.dequantize %q, %s : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %1 = nn.concat %0, %x {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %2 = nn.concat %x, %0 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %3 = quant.dequantize %r, %s : (tensor<2xi32>, tensor<f32>) -> tensor<2xf32>
  %4 = nn.concat %0, %3 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %5 = quant.dequantize %q, %a {axis = 0 : i64} : (tensor<2xi8>, tensor<2xf32>) -> tensor<2xf32>
  %6 = nn.concat %5, %5 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %7 = quant.dequantize %q, %t : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  %8 = quant.dequantize %q, %u : (tensor<2xi8>, tensor<f16>) -> tensor<2xf32>
  %9 = nn.concat %7, %8 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  func.return %1, %2, %4, %6, %9 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
