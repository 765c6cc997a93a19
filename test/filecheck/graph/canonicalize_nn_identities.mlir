// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s

// Numbers that change nothing, on the sides where they do; casts, views and pads that give their operand back.
// CHECK-LABEL: @nothing
// CHECK-NEXT: func.return %x
func.func @nothing(%x: tensor<4xi32>) -> tensor<4xi32> {
  %zero = nn.constant dense<0> : tensor<i32>
  %one = nn.constant dense<1> : tensor<1xi32>
  %0 = nn.add %zero, %x : (tensor<i32>, tensor<4xi32>) -> tensor<4xi32>
  %1 = nn.sub %0, %zero : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  %2 = nn.div %1, %one : (tensor<4xi32>, tensor<1xi32>) -> tensor<4xi32>
  %3 = nn.pow %2, %one : (tensor<4xi32>, tensor<1xi32>) -> tensor<4xi32>
  %4 = nn.slice %3 {starts = #nn.dims<0>, steps = array<i64: 1>} : (tensor<4xi32>) -> tensor<4xi32>
  %5 = nn.concat %4 {axis = 0 : i64} : (tensor<4xi32>) -> tensor<4xi32>
  %6 = nn.pad %5 {low = array<i64: 0>, high = array<i64: 0>, value = 1.0 : f64} : (tensor<4xi32>) -> tensor<4xi32>
  %7 = nn.broadcast_to %6 : (tensor<4xi32>) -> tensor<4xi32>
  func.return %7 : tensor<4xi32>
}

// -----

// Refused: on the left these numbers matter.
// CHECK-LABEL: @left
// CHECK: %[[A:.*]] = nn.sub %{{.*}}, %x
// CHECK: %[[B:.*]] = nn.div %{{.*}}, %[[A]]
// CHECK: nn.pow %{{.*}}, %[[B]]
func.func @left(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = nn.constant dense<0.0> : tensor<4xf32>
  %one = nn.constant dense<1.0> : tensor<4xf32>
  %0 = nn.sub %zero, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.div %one, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.pow %one, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %2 : tensor<4xf32>
}

// -----

// Refused: the constant is neutral in some elements only, not neutral for this op, or gives the result its shape.
// CHECK-LABEL: @not_neutral
// CHECK: nn.mul %x, %{{.*}} : (tensor<1xi32>, tensor<2xi32>)
// CHECK: nn.add
// CHECK: nn.mul
// CHECK: nn.sub
func.func @not_neutral(%x: tensor<1xi32>) -> tensor<2xi32> {
  %ones = nn.constant dense<1> : tensor<2xi32>
  %zero = nn.constant dense<0> : tensor<2xi32>
  %mixed = nn.constant dense<[0, 1]> : tensor<2xi32>
  %0 = nn.mul %x, %ones : (tensor<1xi32>, tensor<2xi32>) -> tensor<2xi32>
  %1 = nn.add %0, %mixed : (tensor<2xi32>, tensor<2xi32>) -> tensor<2xi32>
  %2 = nn.mul %1, %zero : (tensor<2xi32>, tensor<2xi32>) -> tensor<2xi32>
  %3 = nn.sub %2, %ones : (tensor<2xi32>, tensor<2xi32>) -> tensor<2xi32>
  func.return %3 : tensor<2xi32>
}

// -----

// Refused: a slice that reverses, and a concat with an empty tensor; the types alone do not tell.
// CHECK-LABEL: @same_type
// CHECK-NEXT: %[[S:.*]] = nn.slice %x
// CHECK-NEXT: nn.concat %[[S]], %e
func.func @same_type(%x: tensor<4xf32>, %e: tensor<0xf32>) -> tensor<4xf32> {
  %0 = nn.slice %x {starts = #nn.dims<3>, steps = array<i64: -1>} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.concat %0, %e {axis = 0 : i64} : (tensor<4xf32>, tensor<0xf32>) -> tensor<4xf32>
  func.return %1 : tensor<4xf32>
}

// -----

// A cast through a type that holds every value is one cast, also where two steps prove that it does.
// CHECK-LABEL: @through_wider
// CHECK-NEXT: %[[A:.*]] = nn.cast %x : (tensor<4xi8>) -> tensor<4xbf16>
// CHECK-NEXT: %[[B:.*]] = nn.cast %y : (tensor<4xbf16>) -> tensor<4xf16>
// CHECK-NEXT: func.return %[[A]], %[[B]]
func.func @through_wider(%x: tensor<4xi8>, %y: tensor<4xbf16>) -> (tensor<4xbf16>, tensor<4xf16>) {
  %0 = nn.cast %x : (tensor<4xi8>) -> tensor<4xf32>
  %1 = nn.cast %0 : (tensor<4xf32>) -> tensor<4xbf16>
  %2 = nn.cast %y : (tensor<4xbf16>) -> tensor<4xf32>
  %3 = nn.cast %2 : (tensor<4xf32>) -> tensor<4xf16>
  func.return %1, %3 : tensor<4xbf16>, tensor<4xf16>
}

// -----

// Refused: f32 rounds an i32, f64 an i64, bf16 an f16, and f16 an i16.
// CHECK-LABEL: @through_narrower
// CHECK-COUNT-8: nn.cast
func.func @through_narrower(%a: tensor<4xi32>, %b: tensor<4xi64>, %c: tensor<4xf16>, %d: tensor<4xi16>) -> (tensor<4xi32>, tensor<4xi64>, tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.cast %a : (tensor<4xi32>) -> tensor<4xf32>
  %1 = nn.cast %0 : (tensor<4xf32>) -> tensor<4xi32>
  %2 = nn.cast %b : (tensor<4xi64>) -> tensor<4xf64>
  %3 = nn.cast %2 : (tensor<4xf64>) -> tensor<4xi64>
  %4 = nn.cast %c : (tensor<4xf16>) -> tensor<4xbf16>
  %5 = nn.cast %4 : (tensor<4xbf16>) -> tensor<4xf32>
  %6 = nn.cast %d : (tensor<4xi16>) -> tensor<4xf16>
  %7 = nn.cast %6 : (tensor<4xf16>) -> tensor<4xf32>
  func.return %1, %3, %5, %7 : tensor<4xi32>, tensor<4xi64>, tensor<4xf32>, tensor<4xf32>
}
