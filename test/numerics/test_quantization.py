"""Q/DQ networks against integer arithmetic written out by hand, at every level of the compiler.

All scales are powers of two and all sums are small, so that every float on the way is exact: results must agree bit for bit,
ties and saturation included. Nothing here is shared with dialects/meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import ModuleOp, i32

from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import nn

Array = np.ndarray[Any, Any]
Integers = Sequence[int]
LEVELS = ("import", "graph", "fuse", "threads")


# The arithmetic by hand.


def rounded(value: Array) -> Array:
    """To i8: halves to the even neighbour, ends kept."""
    low = np.floor(value)
    part = value - low
    up = (part > 0.5) | ((part == 0.5) & (low % 2 == 1))
    return np.minimum(127, np.maximum(-128, low + up)).astype(np.int8)


def convolved(x: Array, w: Array, strides: Integers, pads: Integers, dilations: Integers, groups: int) -> Array:
    """NCHW by OIHW in 64-bit integers, tap by tap; pads are top, left, bottom, right."""
    n, channels, height, width = x.shape
    outputs, depth, rows, columns = w.shape
    padded = np.zeros((n, channels, height + pads[0] + pads[2], width + pads[1] + pads[3]), np.int64)
    padded[:, :, pads[0] : pads[0] + height, pads[1] : pads[1] + width] = x
    high = (padded.shape[2] - (rows - 1) * dilations[0] - 1) // strides[0] + 1
    wide = (padded.shape[3] - (columns - 1) * dilations[1] - 1) // strides[1] + 1
    result = np.zeros((n, outputs, high, wide), np.int64)
    for o in range(outputs):
        first = o // (outputs // groups) * depth
        for i in range(high):
            for j in range(wide):
                top, left = i * strides[0], j * strides[1]
                taps = padded[:, first : first + depth, top : top + (rows - 1) * dilations[0] + 1 : dilations[0]]
                taps = taps[..., left : left + (columns - 1) * dilations[1] + 1 : dilations[1]]
                result[:, o, i, j] = (taps * w[o].astype(np.int64)).sum(axis=(1, 2, 3))
    return result


def powers(rng: np.random.Generator, count: int, low: int, high: int) -> Array:
    return (2.0 ** rng.integers(low, high, count)).astype(np.float32)


def bytes_of(rng: np.random.Generator, *shape: int) -> Array:
    """i8 of all sizes, with both ends among them."""
    values = (rng.integers(-128, 128, shape) >> rng.integers(0, 6, shape)).astype(np.int8)
    values.reshape(-1)[:2] = (-128, 127)
    return values


# ONNX graphs.


class Graph:
    """A Q/DQ model under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def dequantize(self, q: str, scale: Array | float, axis: int = 1) -> str:
        return self.add("DequantizeLinear", q, self.constant(np.asarray(scale, np.float32)), axis=axis)

    def quantize(self, x: str, scale: Array | float, axis: int = 1) -> str:
        scale = np.asarray(scale, np.float32)
        zero = self.constant(np.zeros(scale.shape, np.int8))
        return self.add("QuantizeLinear", x, self.constant(scale), zero, axis=axis)

    def model(self, inputs: dict[str, Array], output: str, wanted: Array) -> onnx.ModelProto:
        types = {np.dtype(np.int8): TensorProto.INT8, np.dtype(np.float32): TensorProto.FLOAT}
        graph = helper.make_graph(
            self.nodes, "qdq",
            [helper.make_tensor_value_info(name, types[a.dtype], a.shape) for name, a in inputs.items()],
            [helper.make_tensor_value_info(output, types[wanted.dtype], wanted.shape)],
            self.constants,
        )  # fmt: skip
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@dataclass(frozen=True)
class Case:
    model: onnx.ModelProto
    inputs: dict[str, Array]
    wanted: Array
    products: int = 0
    """How many convs and matmuls compute on integers in the end."""


def case(g: Graph, inputs: dict[str, Array], output: str, wanted: Array, products: int = 0) -> Case:
    return Case(g.model(inputs, output, wanted), inputs, wanted, products)


def conv(rng: np.random.Generator, channels: int, outputs: int, groups: int, products: int) -> Case:
    """Scales per output channel, a bias, relu: `relu(sum * sx * sw + b) / sy`, with asymmetric windows."""
    g, strides, pads, dilations = Graph(), (1, 2), (2, 1, 0, 3), (2, 1)
    x, w = bytes_of(rng, 2, channels, 6, 7), bytes_of(rng, outputs, channels // groups, 3, 2) >> 2
    sx, sw, sy = 2.0**-4, powers(rng, outputs, -7, -3), 2.0**-2 if channels > 8 else 2.0**-5
    bias = (rng.integers(-64, 64, outputs) * sx * sw).astype(np.float32)
    y = g.add(
        "Conv", g.dequantize("x", sx), g.dequantize(g.constant(w), sw, axis=0), g.constant(bias),
        strides=strides, pads=pads, dilations=dilations, group=groups,
    )  # fmt: skip
    y = g.quantize(g.add("Relu", y), sy)
    real = convolved(x, w, strides, pads, dilations, groups) * (sx * sw.astype(np.float64)).reshape(-1, 1, 1)
    real = np.maximum(0, real + bias.astype(np.float64).reshape(-1, 1, 1))
    return case(g, {"x": x}, y, rounded(real / sy), products)


def matmul(rng: np.random.Generator) -> Case:
    """Scales per column of the weights, the last dim."""
    g = Graph()
    x, w = bytes_of(rng, 2, 5, 32), bytes_of(rng, 32, 16) >> 1
    sx, sw, sy = 2.0**-3, powers(rng, 16, -8, -4), 0.5
    y = g.quantize(g.add("MatMul", g.dequantize("x", sx), g.dequantize(g.constant(w), sw, axis=1)), sy)
    total = np.einsum("bik,kj->bij", x.astype(np.int64), w.astype(np.int64))
    return case(g, {"x": x}, y, rounded(total * (sx * sw.astype(np.float64)) / sy), 1)


def turned_matmul(rng: np.random.Generator) -> Case:
    """Square weights, stored [N, K] with scales along N, that the model transposes after the dequantize."""
    g = Graph()
    x, w = bytes_of(rng, 4, 32), bytes_of(rng, 32, 32) >> 1
    sx, sw, sy = 2.0**-3, powers(rng, 32, -8, -4), 0.5
    turned = g.add("Transpose", g.dequantize(g.constant(w), sw, axis=0), perm=[1, 0])
    y = g.quantize(g.add("MatMul", g.dequantize("x", sx), turned), sy)
    total = x.astype(np.int64) @ w.astype(np.int64).T
    return case(g, {"x": x}, y, rounded(total * (sx * sw.astype(np.float64)) / sy), 1)


def sum_scaled_matmul(rng: np.random.Generator) -> Case:
    """Scales along the sum of square weights: each product has its own, so that it stays in floats."""
    g = Graph()
    x, w = bytes_of(rng, 4, 16) >> 2, bytes_of(rng, 16, 16) >> 2
    sx, sw, sy = 2.0**-3, powers(rng, 16, -6, -3), 0.5
    y = g.quantize(g.add("MatMul", g.dequantize("x", sx), g.dequantize(g.constant(w), sw, axis=0)), sy)
    total = (x * sx) @ (w * sw.astype(np.float64)[:, None])
    return case(g, {"x": x}, y, rounded(total / sy))


def residual(rng: np.random.Generator) -> Case:
    """The sum of a conv and of a tensor with a scale of its own."""
    g = Graph()
    x, r, w = bytes_of(rng, 1, 16, 4, 4), bytes_of(rng, 1, 16, 4, 4), bytes_of(rng, 16, 16, 1, 1) >> 1
    sx, sr, sw, sy = 2.0**-4, 2.0**-1, 2.0**-5, 2.0**-2
    product = g.add("Conv", g.dequantize("x", sx), g.dequantize(g.constant(w), sw))
    y = g.quantize(g.add("Add", product, g.dequantize("r", sr)), sy)
    total = convolved(x, w, (1, 1), (0, 0, 0, 0), (1, 1), 1) * (sx * sw) + r * np.float64(sr)
    return case(g, {"x": x, "r": r}, y, rounded(total / sy), 1)


def rescaled(rng: np.random.Generator) -> Case:
    """From one scale to another and back, through a pool, a relu and a concat of parts of other scales."""
    g = Graph()
    x, r = bytes_of(rng, 1, 3, 4, 4), bytes_of(rng, 1, 2, 3, 3)
    pooled = g.add("MaxPool", g.dequantize("x", 0.25), kernel_shape=[2, 2])
    joined = g.add("Concat", g.add("Relu", pooled), g.dequantize("r", 0.5), axis=1)
    y = g.quantize(joined, 2.0)
    blocks = np.stack([x[:, :, i : i + 3, j : j + 3] for i in (0, 1) for j in (0, 1)])
    parts = [np.maximum(0, blocks.max(axis=0)) * 0.25, r * 0.5]
    return case(g, {"x": x, "r": r}, y, rounded(np.concatenate(parts, axis=1) / 2.0))


def rotated(rng: np.random.Generator) -> Case:
    """Scales along dim 1 of a cube, which a rotation makes dim 0; quantized again along dim 2."""
    g = Graph()
    x, s, t = bytes_of(rng, 3, 3, 3), np.array([0.5, 2.0, 0.25], np.float32), np.array([1.0, 0.5, 4.0], np.float32)
    turned = g.add("Transpose", g.dequantize("x", s, axis=1), perm=[1, 2, 0])
    y = g.quantize(turned, t, axis=2)
    real = np.transpose(x * s.astype(np.float64)[None, :, None], (1, 2, 0))
    return case(g, {"x": x}, y, rounded(real / t[None, None, :]))


def pairs(rng: np.random.Generator) -> Case:
    """A pair of one scale changes nothing, -128 included; a reshape lies between."""
    g, x = Graph(), bytes_of(rng, 4, 6)
    y = g.add("Reshape", g.dequantize("x", 0.75), g.constant(np.array([2, 12], np.int64)))
    y = g.quantize(y, 0.75)
    return case(g, {"x": x}, y, x.reshape(2, 12))


def from_floats(rng: np.random.Generator) -> Case:
    """Halves on both sides of zero, values beyond both ends, infinities."""
    g = Graph()
    x = (np.arange(-300, 300, dtype=np.float32) / 4).reshape(2, 300)
    x[0, :4] = (-np.inf, np.inf, 1e30, -1e30)
    return case(g, {"x": x}, g.quantize("x", 0.5), rounded(x.astype(np.float64) / 0.5))


CASES: dict[str, Callable[[np.random.Generator], Case]] = {
    "conv": lambda rng: conv(rng, 32, 16, 1, 1),
    "conv of 3 channels": lambda rng: conv(rng, 3, 5, 1, 1),
    "grouped conv": lambda rng: conv(rng, 8, 4, 2, 1),
    "matmul": matmul,
    "turned matmul": turned_matmul,
    "scales along the sum": sum_scaled_matmul,
    "residual": residual,
    "rescaled": rescaled,
    "rotated": rotated,
    "pairs": pairs,
    "from floats": from_floats,
}


def lowered(model: onnx.ModelProto, level: str) -> ModuleOp:
    module = import_onnx(model)
    set_target(module, "sm_80")
    if level != "import":
        run_pipeline(module, BuildOptions(), stop_after=level)
    return module


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", CASES)
def test_networks_compute_what_integers_say(name: str, level: str) -> None:
    made = CASES[name](np.random.default_rng(sum(map(ord, name))))
    module = lowered(made.model, level)
    if level == "fuse":
        products = [op for op in module.walk() if isinstance(op, nn.ConvOp | nn.MatmulOp)]
        assert sum(nn.element_of(op.results[0]) == i32 for op in products) == made.products
    (got,) = execute(module, made.inputs).values()
    assert got.dtype == made.wanted.dtype
    np.testing.assert_array_equal(got, made.wanted)


@pytest.mark.parametrize("name", CASES)
def test_cases_reach_what_they_are_for(name: str) -> None:
    """Each has many values, most of them off the ends; rounding and saturation are reached by some."""
    wanted = CASES[name](np.random.default_rng(sum(map(ord, name)))).wanted
    inside = (wanted > -128) & (wanted < 127)
    assert len(np.unique(wanted)) >= 10 and inside.mean() > 0.3


def test_the_arithmetic_by_hand() -> None:
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, 127.5, -128.5, -129.5, 0.4999, -0.5001])
    np.testing.assert_array_equal(rounded(halves), [0, 2, 2, 0, -2, -2, 126, 127, -128, -128, 0, -1])
    x, w = np.arange(4).reshape(1, 1, 2, 2), np.array([1, 10]).reshape(1, 1, 1, 2)
    np.testing.assert_array_equal(convolved(x, w, (1, 1), (0, 0, 0, 0), (1, 1), 1), [[[[10], [32]]]])
    np.testing.assert_array_equal(convolved(x, w, (2, 1), (0, 1, 0, 0), (1, 1), 1), [[[[0, 10]]]])
