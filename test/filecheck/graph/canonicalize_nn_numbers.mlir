// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s

// A constant condition takes one side, equal sides need none, and a narrow side is spread.
// CHECK-LABEL: @where
// CHECK-NEXT: %[[B:.*]] = nn.broadcast_to %a : (tensor<1xf32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %b, %[[B]], %b
func.func @where(%c: tensor<4xi1>, %a: tensor<1xf32>, %b: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %true = nn.constant dense<true> : tensor<i1>
  %false = nn.constant dense<false> : tensor<4xi1>
  %0 = nn.where %false, %a, %b : (tensor<4xi1>, tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.where %true, %a, %b : (tensor<i1>, tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.where %c, %b, %b : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Refused: a condition that is computed, or a constant of which only some elements hold.
// CHECK-LABEL: @where_refused
// CHECK: %[[W:.*]] = nn.where %c, %a, %b
// CHECK: nn.where %{{.*}}, %[[W]], %b
func.func @where_refused(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<2xf32>) -> tensor<2xf32> {
  %mixed = nn.constant dense<[true, false]> : tensor<2xi1>
  %0 = nn.where %c, %a, %b : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = nn.where %mixed, %0, %b : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %1 : tensor<2xf32>
}

// -----

// Comparisons and choices read the narrow value too; refused where no other operand has the result's shape.
// CHECK-LABEL: @broadcasts
// CHECK: %[[B:.*]] = nn.broadcast_to %x : (tensor<1xf32>) -> tensor<4xf32>
// CHECK-NEXT: %[[A:.*]] = nn.add %[[B]], %x : (tensor<4xf32>, tensor<1xf32>)
// CHECK-NEXT: %[[C:.*]] = nn.compare lt %[[A]], %x : (tensor<4xf32>, tensor<1xf32>)
// CHECK-NEXT: nn.where %[[C]], %x, %[[A]] : (tensor<4xi1>, tensor<1xf32>, tensor<4xf32>)
func.func @broadcasts(%x: tensor<1xf32>) -> tensor<4xf32> {
  %0 = nn.broadcast_to %x : (tensor<1xf32>) -> tensor<4xf32>
  %1 = nn.add %0, %x : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  %2 = nn.compare lt %1, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %3 = nn.where %2, %0, %1 : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %3 : tensor<4xf32>
}

// -----

// Powers and quotients by numbers that have a cheaper form.
// CHECK-LABEL: @cheaper
// CHECK-DAG: %[[M:.*]] = nn.mul %x, %x
// CHECK-DAG: %[[R:.*]] = nn.reciprocal %[[M]]
// CHECK-DAG: %[[F:.*]] = nn.constant dense<-1.250000e-01> : tensor<1xf32>
// CHECK: nn.mul %[[R]], %[[F]] : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
func.func @cheaper(%x: tensor<4xf32>) -> tensor<4xf32> {
  %two = nn.constant dense<2.0> : tensor<f32>
  %minus = nn.constant dense<-1.0> : tensor<4xf32>
  %eight = nn.constant dense<-8.0> : tensor<1xf32>
  %0 = nn.pow %x, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = nn.pow %0, %minus : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.div %1, %eight : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  func.return %2 : tensor<4xf32>
}

// -----

// Refused: another exponent, integers, an exponent that spreads its base, and a base of 2.
// CHECK-LABEL: @powers
// CHECK-COUNT-4: nn.pow
func.func @powers(%x: tensor<4xf32>, %i: tensor<4xi32>, %n: tensor<1xf32>) -> (tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xf32>) {
  %two = nn.constant dense<2.0> : tensor<4xf32>
  %three = nn.constant dense<3.0> : tensor<4xf32>
  %whole = nn.constant dense<2> : tensor<4xi32>
  %0 = nn.pow %x, %three : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.pow %i, %whole : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  %2 = nn.pow %n, %two : (tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = nn.pow %two, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %0, %1, %2, %3 : tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Refused: 1/3 is rounded, 2**-15 is near the end of f16's range, integers truncate, and two divisors have no one factor.
// CHECK-LABEL: @quotients
// CHECK-COUNT-5: nn.div
func.func @quotients(%x: tensor<2xf32>, %i: tensor<2xi32>) -> (tensor<2xf32>, tensor<2xi32>) {
  %three = nn.constant dense<3.0> : tensor<f32>
  %large = nn.constant dense<32768.0> : tensor<f32>
  %mixed = nn.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %whole = nn.constant dense<2> : tensor<i32>
  %0 = nn.div %x, %three : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %1 = nn.div %0, %large : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %2 = nn.div %1, %mixed : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = nn.div %mixed, %2 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %4 = nn.div %i, %whole : (tensor<2xi32>, tensor<i32>) -> tensor<2xi32>
  func.return %3, %4 : tensor<2xf32>, tensor<2xi32>
}
