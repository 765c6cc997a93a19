"""Operators whose parameters all differ, against ONNX Runtime: what one swaps, forgets or takes from the wrong side changes a number.

Strides, dilations and the four pads are different from each other, images are not square, axes are counted from either end,
permutations are not their own inverse, and windows end beyond the image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute

ort = pytest.importorskip("onnxruntime")
Array = np.ndarray[Any, Any]
TOLERANCE = 1e-5


def data(*shape: int) -> Array:
    """Distinct numbers, of both signs, that no symmetry maps onto themselves."""
    rng = np.random.default_rng(len(shape) * 1000 + sum(shape))
    return rng.standard_normal(shape).astype(np.float32) - np.float32(0.5)


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


WINDOW: dict[str, Any] = {"kernel_shape": [2, 3], "strides": [3, 1], "dilations": [1, 2], "pads": [1, 2, 0, 1]}
CEIL: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [0, 1, 1, 0], "ceil_mode": 1}
STEPS: dict[str, Any] = {"strides": [1, 2], "dilations": [2, 1], "pads": [0, 1, 2, 0]}
IMAGE = data(2, 3, 8, 7)
SCALES = np.array([0.5, 0.25, 1], np.float32)
BYTES = np.arange(-128, 127, 11, dtype=np.int8).reshape(2, 4, 3)

CASES: dict[str, tuple[str, list[Array], dict[str, Any], int]] = {
    "conv": ("Conv", [IMAGE, data(4, 3, 2, 3), data(4)], {"strides": [3, 1], "dilations": [1, 2], "pads": [1, 2, 0, 1]}, 18),
    "grouped conv": ("Conv", [data(1, 4, 5, 6), data(6, 2, 3, 2)], {"group": 2, **STEPS}, 18),
    "depthwise conv": ("Conv", [IMAGE, data(6, 1, 3, 2)], {"group": 3, **STEPS, "pads": [2, 0, 1, 1]}, 18),
    "conv, same from below": ("Conv", [IMAGE, data(2, 3, 2, 4)], {"auto_pad": "SAME_LOWER", "strides": [3, 2]}, 18),
    "conv, same from above": ("Conv", [IMAGE, data(2, 3, 4, 2)], {"auto_pad": "SAME_UPPER", "strides": [2, 3]}, 18),
    "max pool": ("MaxPool", [IMAGE - 5], WINDOW, 18),
    "max pool, last window": ("MaxPool", [IMAGE - 5], CEIL, 18),
    "average pool": ("AveragePool", [IMAGE], {k: v for k, v in WINDOW.items() if k != "dilations"}, 18),
    "dilated average pool": ("AveragePool", [IMAGE], WINDOW, 19),
    "average pool with pads": ("AveragePool", [IMAGE], {**WINDOW, "count_include_pad": 1}, 19),
    "average pool, last window": ("AveragePool", [IMAGE], CEIL, 18),
    "lrn, even": ("LRN", [data(9, 9, 1, 2)], {"size": 4, "alpha": 0.5, "beta": 0.6, "bias": 1.5}, 18),
    "lrn, odd": ("LRN", [data(1, 9, 2, 3)], {"size": 3, "alpha": 2.0, "beta": 0.7, "bias": 0.5}, 18),
    "softmax, first": ("Softmax", [data(2, 3, 4)], {"axis": 0}, 18),
    "softmax, middle": ("Softmax", [data(2, 3, 4)], {"axis": -2}, 18),
    "softmax, flattened": ("Softmax", [data(2, 3, 4)], {"axis": 1}, 11),
    "layer norm": ("LayerNormalization", [data(2, 3, 4), data(3, 4), data(3, 4)], {"axis": -2, "epsilon": 0.3}, 18),
    "batch norm": ("BatchNormalization", [IMAGE, data(3), data(3), data(3), np.abs(data(3)) + 1], {"epsilon": 0.3}, 18),
    "sum": ("ReduceSum", [data(2, 3, 4, 5), ints(-1, 1)], {"keepdims": 0}, 18),
    "mean": ("ReduceMean", [data(2, 3, 4), ints(-2)], {"keepdims": 1}, 18),
    "product": ("ReduceProd", [data(2, 3, 4), ints(0)], {"keepdims": 0}, 18),
    "least": ("ReduceMin", [data(2, 3, 4) + 5, ints(-1)], {"keepdims": 0}, 18),
    "squares": ("ReduceSumSquare", [data(2, 3, 4), ints(0, -1)], {"keepdims": 0}, 18),
    "gather": ("Gather", [data(2, 3, 4), np.array([[0, -1], [-3, 2]], np.int64)], {"axis": -2}, 18),
    "gather_nd": ("GatherND", [data(2, 3, 4), np.array([[[0], [-1], [2]], [[1], [0], [-3]]], np.int64)], {"batch_dims": 1}, 18),
    "slice": ("Slice", [data(6, 5, 7), ints(-1, 1), ints(-9, 5), ints(-1, 0), ints(-3, 2)], {}, 18),
    "concat": ("Concat", [data(2, 3, 4), data(2, 1, 4), data(2, 2, 4)], {"axis": -2}, 18),
    "transpose": ("Transpose", [data(2, 3, 4, 5)], {"perm": [2, 0, 3, 1]}, 18),
    "pad": ("Pad", [data(3, 4), ints(0, 2, 1, 3), np.array(1.5, np.float32)], {"mode": "constant"}, 18),
    "expand": ("Expand", [data(3, 1), ints(2, 1, 4)], {}, 18),
    "gemm": ("Gemm", [data(4, 3), data(5, 4), data(5)], {"transA": 1, "transB": 1, "alpha": 0.5, "beta": -2.0}, 18),
    "matmul": ("MatMul", [data(2, 1, 3, 4), data(5, 4, 2)], {}, 18),
    "where": ("Where", [data(3, 1) > -0.5, data(1, 4), data(2, 1, 1)], {}, 18),
    "power": ("Pow", [np.abs(data(3, 1)) + 1, data(4)], {}, 18),
    "remainder": ("Mod", [data(3, 4) * 9, data(4) * 2], {"fmod": 1}, 18),
    "integer remainder": ("Mod", [ints(7, -7, 7, -7), ints(3, 3, -3, -3)], {}, 18),
    "integer quotient": ("Div", [ints(7, -7, 7, -7), ints(2, 2, -2, -2)], {}, 18),
    "clip": ("Clip", [data(3, 4), np.array(-0.75, np.float32), np.array(0.25, np.float32)], {}, 18),
    "leaky relu": ("LeakyRelu", [data(3, 4)], {"alpha": 0.3}, 18),
    "quantize": ("QuantizeLinear", [data(2, 3, 4) * 40, SCALES, np.zeros(3, np.int8)], {"axis": -2}, 18),
    "dequantize": ("DequantizeLinear", [BYTES, SCALES], {"axis": -1}, 18),
}  # fmt: skip
"""Operator, inputs, attributes, opset. Every input after the first is a constant of the model."""
NOT_IN_ONNXRUNTIME = {"lrn, even"}
"""ONNX Runtime refuses it; ONNX's reference evaluator is right for as many channels as there are images."""


def model_of(operator: str, arrays: list[Array], attributes: dict[str, Any], opset: int) -> onnx.ModelProto:
    names = [f"i{index}" for index in range(len(arrays))]
    node = helper.make_node(operator, names, ["y"], **attributes)
    value = helper.make_tensor_value_info(names[0], helper.np_dtype_to_tensor_dtype(arrays[0].dtype), arrays[0].shape)
    constants = [numpy_helper.from_array(array, name) for name, array in zip(names[1:], arrays[1:], strict=True)]
    graph = helper.make_graph([node], "g", [value], [onnx.ValueInfoProto(name="y")], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def onnxruntime_says(model: onnx.ModelProto, x: Array) -> Array:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"i0": x})[0]


def reference_says(model: onnx.ModelProto, x: Array) -> Array:
    return ReferenceEvaluator(model).run(None, {"i0": x})[0]


@pytest.mark.parametrize("name", CASES)
def test_operator_agrees_with_onnxruntime(name: str) -> None:
    operator, arrays, attributes, opset = CASES[name]
    model = model_of(operator, arrays, attributes, opset)
    answer = reference_says if name in NOT_IN_ONNXRUNTIME else onnxruntime_says
    wanted = answer(model, arrays[0])
    inferred = onnx.shape_inference.infer_shapes(model)
    (got,) = execute(import_onnx(inferred), {"i0": arrays[0]}).values()
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    if wanted.dtype.kind == "f":
        size = np.abs(wanted).max()
        assert size > 0
        np.testing.assert_allclose(got, wanted, atol=TOLERANCE * size, rtol=0)
    else:
        np.testing.assert_array_equal(got, wanted)
