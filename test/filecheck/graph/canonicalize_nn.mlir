// RUN: trtc-opt %s -p canonicalize-nn --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p canonicalize-nn --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// Ops that change nothing are removed, and bounds by numbers become one clip.
// CHECK-LABEL: @pointwise
// CHECK-NEXT: %[[C:.*]] = nn.clip %x {min = 0.000000e+00 : f64, max = 6.000000e+00 : f64}
// CHECK-NEXT: func.return %[[C]]
func.func @pointwise(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = nn.constant dense<0.0> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<1xf32>
  %six = nn.constant dense<6.0> : tensor<f32>
  %true = nn.constant dense<true> : tensor<4xi1>
  %0 = nn.sub %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = nn.mul %one, %0 : (tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.cast %1 : (tensor<4xf32>) -> tensor<4xf64>
  %3 = nn.cast %2 : (tensor<4xf64>) -> tensor<4xf32>
  %4 = nn.max %3, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %5 = nn.min %six, %4 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %6 = nn.relu %5 : tensor<4xf32>
  %7 = nn.where %true, %6, %zero : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %7 : tensor<4xf32>
}

// -----

// Views merge: a transpose of b goes into the matmul, f(view(x)) becomes view(f(x)), a gather by one index is a slice.
// CHECK-LABEL: @views
// CHECK: %[[M:.*]] = nn.matmul %x, %y {transpose_b}
// CHECK: %[[N:.*]] = nn.neg %[[M]]
// CHECK: %[[R:.*]] = nn.reshape %[[N]] : (tensor<2x4x4xf32>) -> tensor<8x4xf32>
// CHECK: %[[S:.*]] = nn.slice %[[R]] {starts = #nn.dims<7, 0>
// CHECK-NEXT: nn.reshape %[[S]] : (tensor<1x4xf32>) -> tensor<4xf32>
func.func @views(%x: tensor<2x4x8xf32>, %y: tensor<2x4x8xf32>) -> tensor<4xf32> {
  %last = nn.constant dense<-1> : tensor<i64>
  %0 = nn.transpose %y {permutation = array<i64: 0, 2, 1>} : (tensor<2x4x8xf32>) -> tensor<2x8x4xf32>
  %1 = nn.matmul %x, %0 : (tensor<2x4x8xf32>, tensor<2x8x4xf32>) -> tensor<2x4x4xf32>
  %2 = nn.reshape %1 : (tensor<2x4x4xf32>) -> tensor<32xf32>
  %3 = nn.neg %2 : tensor<32xf32>
  %4 = nn.reshape %3 : (tensor<32xf32>) -> tensor<8x4xf32>
  %5 = nn.gather %4, %last {axis = 0 : i64} : (tensor<8x4xf32>, tensor<i64>) -> tensor<4xf32>
  func.return %5 : tensor<4xf32>
}

// -----

// Zero padding goes into a conv, and into a max_pool of what is never negative; refused where values may be negative.
// CHECK-LABEL: @padding
// CHECK-NOT: nn.pad
// CHECK: nn.max_pool %{{.*}} {{.*}}pads = array<i64: 1, 1, 1, 1>
// CHECK: nn.pad %x
// CHECK-NEXT: nn.max_pool %{{.*}} {{.*}}pads = array<i64: 0, 0, 0, 0>
// REMARK: missed: canonicalize-nn: nn.max_pool: padding by 0.0 not folded into nn.max_pool: its own padding may give another result
func.func @padding(%x: tensor<1x4x4x2xf32>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) {
  %0 = nn.relu %x : tensor<1x4x4x2xf32>
  %1 = nn.pad %0 {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x6x6x2xf32>
  %2 = nn.max_pool %1 {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x2xf32>) -> tensor<1x4x4x2xf32>
  %3 = nn.pad %x {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>, value = 0.0 : f64} : (tensor<1x4x4x2xf32>) -> tensor<1x6x6x2xf32>
  %4 = nn.max_pool %3 {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x6x6x2xf32>) -> tensor<1x4x4x2xf32>
  func.return %2, %4 : tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>
}

// -----

// Refused: an operand of ones that broadcasts, a narrowing double cast, and bounds that do not meet.
// CHECK-LABEL: @refused
// CHECK: nn.mul
// CHECK: nn.cast
// CHECK: nn.cast
// CHECK: nn.relu
// CHECK: nn.clip
func.func @refused(%x: tensor<1xf32>) -> tensor<4xf32> {
  %one = nn.constant dense<1.0> : tensor<4xf32>
  %0 = nn.mul %x, %one : (tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.cast %0 : (tensor<4xf32>) -> tensor<4xf16>
  %2 = nn.cast %1 : (tensor<4xf16>) -> tensor<4xf32>
  %3 = nn.relu %2 : tensor<4xf32>
  %4 = nn.clip %3 {min = -2.0 : f64, max = -1.0 : f64} : tensor<4xf32>
  func.return %4 : tensor<4xf32>
}

// -----

// Dynamic: a broadcast that the addition does anyway, and a reshape back and forth.
// CHECK-LABEL: @dynamic
// CHECK-NEXT: %[[A:.*]] = nn.add %x, %y
// CHECK-NEXT: func.return %[[A]]
func.func @dynamic(%x: tensor<?x4xf32, #nn.dims<N, 4>>, %y: tensor<1x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
  %0 = nn.broadcast_to %y : (tensor<1x4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  %1 = nn.reshape %x : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?xf32, #nn.dims<4*N>>
  %2 = nn.reshape %1 : (tensor<?xf32, #nn.dims<4*N>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  %3 = nn.add %2, %0 : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
  func.return %3 : tensor<?x4xf32, #nn.dims<N, 4>>
}

// -----

// Invalid: bounds in the wrong order.
// CHECK: nn.clip: expected min <= max, got min = 1.0 and max = 0.0
func.func @invalid(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.clip %x {min = 1.0 : f64, max = 0.0 : f64} : tensor<4xf32>
  func.return %0 : tensor<4xf32>
}

// -----

// What would change a zero's sign or an infinity stays: x + 0 makes -0 to +0, a bound may be infinite, x ** 0.5 of -inf is +inf.
// CHECK-LABEL: @special_values
// CHECK: nn.add %x, %{{.*}}
// CHECK-NEXT: nn.clip %{{.*}} {min = 0xfff0000000000000 : f64, max = 0xfff0000000000000 : f64}
// CHECK-NEXT: nn.pow %{{.*}}
func.func @special_values(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = nn.constant dense<0.0> : tensor<f32>
  %half = nn.constant dense<0.5> : tensor<f32>
  %least = nn.constant dense<"0x000080FF"> : tensor<f32>
  %0 = nn.add %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = nn.min %0, %least : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = nn.pow %1, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  func.return %2 : tensor<4xf32>
}
