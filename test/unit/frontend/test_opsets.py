"""Operators whose meaning or form changed with the opset, old forms against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from trtc.compiler.frontend import import_onnx
from trtc.dialects.meaning import run_module

X = np.random.default_rng(0).standard_normal((2, 3, 4, 6)).astype(np.float32)
IN = "g (float[2, 3, 4, 6] x) => (float[A] y)"

CASES = {
    "softmax over all dims from the axis": (11, f"{IN} {{ y = Softmax<axis = 2>(x) }}"),
    "softmax of the default axis": (11, f"{IN} {{ y = Softmax(x) }}"),
    "softmax of one axis": (13, f"{IN} {{ y = Softmax<axis = 2>(x) }}"),
    "log softmax over all dims from the axis": (11, f"{IN} {{ y = LogSoftmax<axis = 1>(x) }}"),
    "split by an attribute": (11, f"{IN} {{ a, y = Split<axis = 3, split = [2, 4]>(x) }}"),
    "split into equal parts": (11, f"{IN} {{ a, b, y = Split<axis = 3>(x) }}"),
    "unsqueeze by an attribute": (11, f"{IN} {{ y = Unsqueeze<axes = [0, -1]>(x) }}"),
    "squeeze by an attribute": (11, f"{IN} {{ a = ReduceMax<axes = [1]>(x) y = Squeeze<axes = [1]>(a) }}"),
    "reduce by an attribute": (11, f"{IN} {{ y = ReduceSum<axes = [1, -1], keepdims = 0>(x) }}"),
    "reduce everything": (12, f"{IN} {{ y = ReduceMean<keepdims = 0>(x) }}"),
    "slice by attributes": (9, f"{IN} {{ y = Slice<axes = [2, 3], starts = [1, -3], ends = [100, -1]>(x) }}"),
    "clip by attributes": (10, f"{IN} {{ y = Clip<min = -0.5, max = 0.75>(x) }}"),
    "clip with one bound": (12, f"{IN} <float low = {{0.25}}> {{ y = Clip(x, low) }}"),
    "pad by attributes": (10, f"{IN} {{ y = Pad<pads = [0, 0, 1, 2, 0, 0, 0, 3], value = 1.5>(x) }}"),
    "upsample by whole scales": (9, f"{IN} <float[4] s = {{1, 1, 2, 3}}> {{ y = Upsample<mode = \"nearest\">(x, s) }}"),
    "resize as exporters write it": (
        13,
        f"{IN} <float[4] s = {{1, 1, 2, 2}}> {{ y = Resize<mode = \"nearest\", nearest_mode = \"floor\", "
        'coordinate_transformation_mode = "asymmetric">(x, "", s) }',
    ),
    "dropout": (9, f"{IN} {{ y, mask = Dropout<ratio = 0.4>(x) }}"),
    "batch norm of rank 3": (
        9,
        f"{IN} <int64[3] s = {{2, 3, 24}}, float[3] v = {{1, 2, 0.5}}> {{ a = Reshape(x, s) y = BatchNormalization(a, v, v, v, v) }}",
    ),
    "batch norm in training mode": (
        15,
        f"{IN} <float[3] v = {{1, 2, 0.5}}> {{ n, y, m = BatchNormalization<training_mode = 1, momentum = 0.25>(x, v, v, v, v) }}",
    ),
    "1-D convolution": (
        11,
        f"{IN} <int64[3] s = {{2, 3, 24}}, float[2, 3, 2] w = {{1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}}> "
        "{ a = Reshape(x, s) y = Conv<pads = [1, 0], strides = [2]>(a, w) }",
    ),
    "auto_pad of an even kernel": (
        11,
        f"{IN} {{ y = MaxPool<kernel_shape = [2, 4], strides = [2, 3], auto_pad = \"SAME_LOWER\">(x) }}",
    ),
    "ceil_mode": (10, f"{IN} {{ y = AveragePool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>(x) }}"),
    "gemm with a transposed operand and factors": (
        11,
        f"{IN} <int64[2] s = {{6, 24}}, float[24] c = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, "
        "21, 22, 23, 24}> { a = Reshape(x, s) y = Gemm<transA = 1, alpha = 0.5, beta = 2.0>(a, a, c) }",
    ),
    "matmul of a vector": (13, f"{IN} <float[4] v = {{1, -2, 3, 0.5}}> {{ y = MatMul(v, x) }}"),
    "flatten": (9, f"{IN} {{ y = Flatten<axis = 2>(x) }}"),
    "depth to space": (
        11,
        f"{IN} <int64[4] s = {{1, 12, 2, 6}}> {{ a = Reshape(x, s) y = DepthToSpace<blocksize = 2, mode = \"CRD\">(a) }}",
    ),
    "slice backwards": (
        13,
        f"{IN} <int64[1] at = {{-1}}, int64[1] to = {{-100}}, int64[1] axis = {{3}}, int64[1] step = {{-2}}> "
        "{ y = Slice(x, at, to, axis, step) }",
    ),
}  # fmt: skip


def by_onnxruntime(model: onnx.ModelProto) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": X})
    return np.asarray(result)


@pytest.mark.parametrize("what", CASES)
def test_form(what: str) -> None:
    opset, body = CASES[what]
    model = onnx.parser.parse_model(f'<ir_version: 4, opset_import: ["" : {opset}]>\n{body}')
    model.graph.output[0].type.tensor_type.ClearField("shape")
    (got,) = run_module(import_onnx(model), [X])
    expected = by_onnxruntime(model)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def old(text: str) -> onnx.ModelProto:
    """A model of opset 6, where initializers are inputs too."""
    model = onnx.parser.parse_model(f'<ir_version: 3, opset_import: ["" : 6]>\n{text}')
    for tensor in model.graph.initializer:
        model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    model.graph.output[0].type.tensor_type.shape.CopyFrom(model.graph.input[0].type.tensor_type.shape)
    return model


def test_models_of_old_opsets_are_converted() -> None:
    text = f"{IN} <float[6] b = {{1, 2, 3, 4, 5, 6}}> {{ a, m = Dropout<is_test = 1>(x) y = Add<broadcast = 1>(a, b) }}"
    (got,) = run_module(import_onnx(old(text)), [X])
    np.testing.assert_array_equal(got, X + np.arange(1, 7, dtype=np.float32))


def test_slopes_of_an_old_prelu_are_per_channel() -> None:
    """By the rules of NumPy they would fit the last dim."""
    text = "g (float[2, 3, 3] x) => (float[A] y) <float[3] b = {1, 2, 3}> { y = PRelu(x, b) }"
    x = X[..., 0, :3].copy()
    (got,) = run_module(import_onnx(old(text)), [x])
    np.testing.assert_array_equal(got, np.where(x < 0, x * np.array([1, 2, 3], np.float32)[:, None], x))
