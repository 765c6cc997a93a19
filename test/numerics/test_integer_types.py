"""Integers of every width and sign, their extremes among them, through products, reductions, sorts, scatters, scans and pointwise ops.

ONNX's reference implementation is the oracle, but for products, which are sums in Python's integers, wrapped around.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx.parser
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

import trtc

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

Array = np.ndarray[Any, Any]
TYPES = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
NODES = {
    "greatest": ("ReduceMax(x, one)", ""), "least": ("ReduceMin(x, one)", ""), "total": ("ReduceSum(x, one)", ""),
    "product": ("ReduceProd(x, one)", ""), "running": ("CumSum(x, zero)", ""), "at": ("ArgMax<axis = 1>(x)", "int64"),
    "at_least": ("ArgMin<axis = 1>(x)", "int64"), "top, places": ("TopK<axis = 1>(x, three)", ""),
    "added": ('ScatterElements<axis = 1, reduction = "add">(x, where, u)', ""),
    "raised": ('ScatterElements<axis = 1, reduction = "max">(x, where, u)', ""),
    "lowered": ('ScatterElements<axis = 1, reduction = "min">(x, where, u)', ""),
    "clipped": ("Clip(x, low, high)", ""), "padded": ("Pad(x, pads, high)", ""), "single": ("Cast<to = 1>(x)", "float"),
    "double": ("Cast<to = 11>(x)", "double"), "less": ("Less(x, low)", "bool"), "more": ("Max(x, high)", ""), "sign": ("Sign(x)", ""),
    "quotient": ("Div(high, x1)", ""), "chosen": ("Where(x0, x, high)", ""),
}  # fmt: skip


def values(dtype: Any) -> dict[str, Array]:
    info = np.iinfo(dtype)
    x = np.random.default_rng(0).integers(0 if info.min == 0 else -9, 20, (3, 7)).astype(dtype)
    x[0, 0], x[1, 3], x[2, 2], x[2, 5], x[1, 1] = info.max, info.min, info.max - 1, info.max // 2 + 1, info.max // 2 + 2
    return {
        "x": x, "x0": x > 3, "x1": np.where(x == 0, np.array(3, dtype), x), "u": x[:, 1::-1].copy(), "low": np.array(2, dtype),
        "high": np.array(info.max - 3, dtype), "one": np.int64([1]), "zero": np.array(0, np.int64), "three": np.int64([3]),
        "where": np.int64([[1, 2], [3, 1], [5, 0]]), "pads": np.int64([0, 1, 1, 0]),
    }  # fmt: skip


def held(text: str, given: dict[str, Array], inputs: tuple[str, ...]) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]> {text}')
    for name, array in given.items():
        if name not in inputs:
            model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


def run(model: onnx.ModelProto, inputs: dict[str, Array]) -> dict[str, Array]:
    return trtc.build(model).create_context("simulator", poison=True).run(inputs)


@pytest.mark.parametrize("dtype", TYPES)
def test_every_family_of_ops(dtype: Any) -> None:
    kind, given = np.dtype(dtype).name, values(dtype)
    outputs = ", ".join(f"{other or kind}[A] {name.partition(',')[0]}" for name, (_, other) in NODES.items())
    body = " ".join(f"{name} = {node}" for name, (node, _) in NODES.items())
    model = held(f"g ({kind}[3, 7] x) => ({outputs}) {{ {body} }}", given, ("x",))
    with np.errstate(all="ignore"):
        wanted = ReferenceEvaluator(model).run(None, {"x": given["x"]})
    got = run(model, {"x": given["x"]})
    for value, want in zip(model.graph.output, wanted, strict=True):
        np.testing.assert_array_equal(np.asarray(got[value.name]), want, err_msg=value.name, strict=True)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.uint64])
def test_matrix_products(dtype: Any) -> None:
    kind, info, rng = np.dtype(dtype).name, np.iinfo(dtype), np.random.default_rng(1)
    a, b = (rng.integers(info.min, info.max, shape, dtype, endpoint=True) for shape in ((2, 3, 5), (5, 4)))
    c = rng.integers(0, 9, 4).astype(dtype)
    model = held(
        f"g ({kind}[2, 3, 5] a, {kind}[5, 4] b) => ({kind}[2, 3, 4] y, {kind}[3, 4] z) "
        "<int64[2] s = {3, 10}, int64[2] t = {10, 4}> { y = MatMul(a, b) m = Reshape(a, s) k = Concat<axis = 0>(b, b) "
        "z = Gemm(m, k, c) }",
        {"c": c}, (),
    )  # fmt: skip
    got = run(model, {"a": a, "b": b})
    np.testing.assert_array_equal(
        np.asarray(got["y"]), wrapped(a.astype(object) @ b.astype(object), dtype), strict=True
    )
    product = a.reshape(3, 10).astype(object) @ np.concatenate([b, b]).astype(object)
    np.testing.assert_array_equal(np.asarray(got["z"]), wrapped(product + c.astype(object), dtype), strict=True)


def wrapped(numbers: Array, dtype: Any) -> Array:
    info = np.iinfo(dtype)
    span = 1 << info.bits
    return np.vectorize(lambda v: (int(v) - int(info.min)) % span + int(info.min), otypes=[object])(numbers).astype(
        dtype
    )
