// RUN: trtc-opt %s -p canonicalize-nn --split-input-file | filecheck %s

// min and max by a number are a clip each, in either order of operands; a clip from 0 on is a relu.
// CHECK-LABEL: @single
// CHECK-NEXT: %[[A:.*]] = nn.clip %x {min = 0xfff0000000000000 : f64, max = 6.000000e+00 : f64}
// CHECK-NEXT: %[[B:.*]] = nn.clip %x {min = 1.000000e+00 : f64, max = 0x7ff0000000000000 : f64}
// CHECK-NEXT: %[[C:.*]] = nn.relu %x
// CHECK-NEXT: func.return %[[A]], %[[B]], %[[C]]
func.func @single(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %one = nn.constant dense<1.0> : tensor<f32>
  %six = nn.constant dense<6.0> : tensor<4xf32>
  %0 = nn.min %x, %six : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.max %one, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.clip %x {min = 0.0 : f64, max = 0x7FF0000000000000 : f64} : tensor<4xf32>
  func.return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Ranges that share one number merge; those that share none do not, since the outer bound wins over the inner one.
// CHECK-LABEL: @meeting
// CHECK-NEXT: %[[C:.*]] = nn.clip %x {min = 0.000000e+00 : f64, max = 0.000000e+00 : f64}
// CHECK-NEXT: %[[A:.*]] = nn.clip %x {min = 1.000000e+00 : f64, max = 2.000000e+00 : f64}
// CHECK-NEXT: %[[B:.*]] = nn.clip %[[A]] {min = 3.000000e+00 : f64, max = 4.000000e+00 : f64}
// CHECK-NEXT: func.return %[[C]], %[[B]]
func.func @meeting(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.relu %x : tensor<4xf32>
  %1 = nn.clip %0 {min = -2.0 : f64, max = 0.0 : f64} : tensor<4xf32>
  %2 = nn.clip %x {min = 1.0 : f64, max = 2.0 : f64} : tensor<4xf32>
  %3 = nn.clip %2 {min = 3.0 : f64, max = 4.0 : f64} : tensor<4xf32>
  func.return %1, %3 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Refused: integers, whose bounds a clip keeps as floats.
// CHECK-LABEL: @integers
// CHECK: nn.max
// CHECK: nn.relu
// CHECK: nn.clip
func.func @integers(%x: tensor<4xi32>) -> tensor<4xi32> {
  %one = nn.constant dense<1> : tensor<i32>
  %0 = nn.max %x, %one : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  %1 = nn.relu %0 : tensor<4xi32>
  %2 = nn.clip %1 {min = 2.0 : f64, max = 3.0 : f64} : tensor<4xi32>
  func.return %2 : tensor<4xi32>
}

// -----

// Refused: a bound per element, a bound that gives the result its shape, NaN, and two values.
// CHECK-LABEL: @bounds
// CHECK: %[[A:.*]] = nn.max %n, %{{.*}} : (tensor<1xf32>, tensor<2xf32>)
// CHECK: %[[B:.*]] = nn.min %[[A]], %{{.*}}
// CHECK: %[[C:.*]] = nn.max %[[B]], %{{.*}}
// CHECK: nn.min %[[C]], %[[A]]
func.func @bounds(%n: tensor<1xf32>) -> tensor<2xf32> {
  %one = nn.constant dense<1.0> : tensor<2xf32>
  %mixed = nn.constant dense<[2.0, 3.0]> : tensor<2xf32>
  %nan = nn.constant dense<"0x0000C07F"> : tensor<f32>
  %0 = nn.max %n, %one : (tensor<1xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = nn.min %0, %mixed : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = nn.max %1, %nan : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %3 = nn.min %2, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %3 : tensor<2xf32>
}

// -----

// Refused: a bound of -0 keeps -0, which relu does not.
// CHECK-LABEL: @negative_zero
// CHECK-NEXT: %[[A:.*]] = nn.clip %x {min = -0.000000e+00 : f64, max = 0x7ff0000000000000 : f64}
// CHECK-NEXT: func.return %[[A]]
func.func @negative_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = nn.constant dense<-0.0> : tensor<f32>
  %0 = nn.max %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
