// RUN: trtc-opt %s -p place-qdq --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s
// RUN: trtc-opt %s -p place-qdq --split-input-file --verify-diagnostics --parsing-diagnostics --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// The dequantize moves down past pool, relu and transpose, and the quantize of the same scale removes it.
// CHECK-LABEL: @down
// CHECK-NOT: quant.
// CHECK: %[[P:.*]] = nn.max_pool %q {{.*}} : (tensor<1x2x2x2xi8>) -> tensor<1x1x1x2xi8>
// CHECK: %[[R:.*]] = nn.relu %[[P]] : tensor<1x1x1x2xi8>
// CHECK: %[[T:.*]] = nn.transpose %[[R]]
// CHECK: func.return %[[T]]
// REMARK: applied: place-qdq: quant.quantize: a dequantize and a quantize of one scale removed
func.func @down(%q: tensor<1x2x2x2xi8>) -> tensor<1x2x1x1xi8> {
  %s = nn.constant dense<0.5> : tensor<f32>
  %s2 = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<1x2x2x2xi8>, tensor<f32>) -> tensor<1x2x2x2xf32>
  %1 = nn.max_pool %0 {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x1x1x2xf32>
  %2 = nn.relu %1 : tensor<1x1x1x2xf32>
  %3 = nn.transpose %2 {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x1x1x2xf32>) -> tensor<1x2x1x1xf32>
  %4 = quant.quantize %3, %s2 : (tensor<1x2x1x1xf32>, tensor<f32>) -> tensor<1x2x1x1xi8>
  func.return %4 : tensor<1x2x1x1xi8>
}

// -----

// A quantize moves up past a pool (dynamic batch), and each reader of a dequantized value gets a dequantize of its own.
// CHECK-LABEL: @up
// CHECK: %[[Q:.*]] = quant.quantize %x, %s
// CHECK: %[[P:.*]] = nn.max_pool %[[Q]]
// CHECK: %[[A:.*]] = quant.dequantize %[[P]], %s
// CHECK: %[[B:.*]] = quant.dequantize %[[P]], %s
func.func @up(%x: tensor<?x2x2x2xf32, #nn.dims<N, 2, 2, 2>>) -> (tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>, tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>) {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = nn.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x2x2x2xf32, #nn.dims<N, 2, 2, 2>>) -> tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>
  %1 = quant.quantize %0, %s : (tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>, tensor<f32>) -> tensor<?x1x1x2xi8, #nn.dims<N, 1, 1, 2>>
  %2 = quant.dequantize %1, %s : (tensor<?x1x1x2xi8, #nn.dims<N, 1, 1, 2>>, tensor<f32>) -> tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>
  %3 = nn.exp %2 : tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>
  %4 = nn.sigmoid %2 : tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>
  func.return %3, %4 : tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>, tensor<?x1x1x2xf32, #nn.dims<N, 1, 1, 2>>
}

// -----

// Refused: the operands of the concat differ in scale, and a relu does not commute with a scale that is an input.
// CHECK-LABEL: @refused
// CHECK: nn.concat %{{.*}}, %{{.*}} {{.*}} -> tensor<8xf32>
// CHECK: nn.relu %{{.*}} : tensor<4xf32>
// REMARK-DAG: missed: place-qdq: nn.concat: dequantize stays before nn.concat: its operands differ in scale
// REMARK-DAG: missed: place-qdq: nn.relu: dequantize stays before nn.relu: its scale is per channel or not known to be positive
func.func @refused(%q: tensor<4xi8>, %t: tensor<f32>) -> (tensor<8xf32>, tensor<4xf32>) {
  %s = nn.constant dense<0.5> : tensor<f32>
  %s2 = nn.constant dense<0.25> : tensor<f32>
  %0 = quant.dequantize %q, %s : (tensor<4xi8>, tensor<f32>) -> tensor<4xf32>
  %1 = quant.dequantize %q, %s2 : (tensor<4xi8>, tensor<f32>) -> tensor<4xf32>
  %2 = nn.concat %0, %1 {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  %3 = quant.dequantize %q, %t : (tensor<4xi8>, tensor<f32>) -> tensor<4xf32>
  %4 = nn.relu %3 : tensor<4xf32>
  func.return %2, %4 : tensor<8xf32>, tensor<4xf32>
}

// -----

// Invalid: a vector of scales without an axis.
// CHECK: quant.quantize: expected a scalar scale without an axis, got tensor<4xf32>
func.func @invalid(%x: tensor<4xf32>, %s: tensor<4xf32>) -> tensor<4xi8> {
  %0 = quant.quantize %x, %s : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi8>
  func.return %0 : tensor<4xi8>
}
