// RUN: trtc-opt %s -p fold-batch-norm,fold-constants,dce --split-input-file | filecheck %s

// f16 values are normalised in f32 and rounded once.
// CHECK-LABEL: @mixed_types
// CHECK: %[[X:.*]] = nn.cast %x
// CHECK-NEXT: %[[F:.*]] = nn.constant dense<5.000000e-01> : tensor<1xf32>
// CHECK-NEXT: %[[B:.*]] = nn.constant dense<1.000000e+00> : tensor<1xf32>
// CHECK-NEXT: %[[P:.*]] = nn.mul %[[X]], %[[F]] : (tensor<2x1xf32>, tensor<1xf32>)
// CHECK-NEXT: %[[S:.*]] = nn.add %[[P]], %[[B]]
// CHECK-NEXT: nn.cast %[[S]] : (tensor<2x1xf32>) -> tensor<2x1xf16>
func.func @mixed_types(%x: tensor<2x1xf16>) -> tensor<2x1xf16> {
  %s = nn.constant dense<1.0> : tensor<1xf32>
  %m = nn.constant dense<0.0> : tensor<1xf32>
  %v = nn.constant dense<4.0> : tensor<1xf32>
  %0 = nn.batch_norm %x, %s, %s, %m, %v {epsilon = 0.0 : f64} : (tensor<2x1xf16>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x1xf16>
  func.return %0 : tensor<2x1xf16>
}

// -----

// Where the factor goes into weights before it, it is cast to their type: conv and addition stay f16.
// CHECK-LABEL: @into_narrow_weights
// CHECK: %[[B:.*]] = nn.constant dense<1.000000e+00> : tensor<1xf16>
// CHECK-NEXT: %[[W:.*]] = nn.constant dense<1.500000e+00> : tensor<1x1xf16>
// CHECK-NEXT: %[[P:.*]] = nn.matmul %x, %[[W]]
// CHECK-NEXT: nn.add %[[P]], %[[B]] : (tensor<2x1xf16>, tensor<1xf16>) -> tensor<2x1xf16>
func.func @into_narrow_weights(%x: tensor<2x1xf16>) -> tensor<2x1xf16> {
  %w = nn.constant dense<3.0> : tensor<1x1xf16>
  %s = nn.constant dense<1.0> : tensor<1xf32>
  %m = nn.constant dense<0.0> : tensor<1xf32>
  %v = nn.constant dense<4.0> : tensor<1xf32>
  %0 = nn.matmul %x, %w : (tensor<2x1xf16>, tensor<1x1xf16>) -> tensor<2x1xf16>
  %1 = nn.batch_norm %0, %s, %s, %m, %v {epsilon = 0.0 : f64} : (tensor<2x1xf16>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x1xf16>
  func.return %1 : tensor<2x1xf16>
}

// -----

// Two factors, or two addends, are one where nothing else reads the value between.
// CHECK-LABEL: @merged
// CHECK: %[[C:.*]] = nn.constant dense<[2.000000e+00, 6.000000e+00]> : tensor<2xf32>
// CHECK-NEXT: nn.mul %x, %[[C]]
// CHECK-NOT: nn.mul
func.func @merged(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %a = nn.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %two = nn.constant dense<2.0> : tensor<f32>
  %0 = nn.mul %x, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %1 = nn.mul %two, %0 : (tensor<f32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %1 : tensor<2x2xf32>
}

// -----

// Refused: the sum between has another reader, the inner addend is computed, or has a number per row.
// CHECK-LABEL: @sums_refused
// CHECK-COUNT-6: nn.add
func.func @sums_refused(%x: tensor<2x2xf32>, %r: tensor<2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %a = nn.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %c = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = nn.add %x, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %1 = nn.add %0, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = nn.add %x, %r : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %3 = nn.add %2, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %4 = nn.add %x, %c : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %5 = nn.add %4, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  func.return %0, %1, %3, %5 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// -----

// Refused: (x + a) * c, x / c and x - y where no weights absorb a factor or nothing is constant; c - x; integers; tensors without dims.
// CHECK-LABEL: @no_weights
// CHECK: nn.add %x
// CHECK: nn.mul
// CHECK: nn.div
// CHECK: nn.sub %{{.*}}, %x : (tensor<2x2xf32>
// CHECK: nn.sub %{{.*}}, %x : (tensor<2xf32>, tensor<2x2xf32>)
// CHECK: nn.sub %i
// CHECK: nn.mul %z
// CHECK: nn.mul
func.func @no_weights(%x: tensor<2x2xf32>, %i: tensor<2xi32>, %z: tensor<f32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xi32>, tensor<f32>) {
  %a = nn.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %two = nn.constant dense<2> : tensor<2xi32>
  %three = nn.constant dense<3.0> : tensor<f32>
  %0 = nn.add %x, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %1 = nn.mul %0, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = nn.div %1, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %3 = nn.sub %2, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = nn.sub %a, %x : (tensor<2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %5 = nn.sub %i, %two : (tensor<2xi32>, tensor<2xi32>) -> tensor<2xi32>
  %6 = nn.mul %z, %three : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %7 = nn.mul %6, %three : (tensor<f32>, tensor<f32>) -> tensor<f32>
  func.return %3, %4, %5, %7 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xi32>, tensor<f32>
}

// -----

// Refused: x / c after a bias whose product has another reader, which would read the scaled product.
// CHECK-LABEL: @shared
// CHECK: %[[M:.*]] = nn.matmul
// CHECK: %[[A:.*]] = nn.add %[[M]]
// CHECK: %[[D:.*]] = nn.div %[[A]]
// CHECK: func.return %[[M]], %[[D]]
func.func @shared(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x2xf32>
  %a = nn.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %0 = nn.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.add %0, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %2 = nn.div %1, %a : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  func.return %0, %2 : tensor<2x2xf32>, tensor<2x2xf32>
}
