"""Operators on quantized tensors, each with a scale and a zero point. ONNX Runtime sums some in other types: one step apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
from onnx import helper

from .node import Array, Case, floats, integers, scalar


def marked(dtype: Any, name: str, array: Array, scale: float, zero: int) -> dict[str, Array | None]:
    """A quantized operand with its scale and zero point."""
    return {name: array, f"{name}_scale": scalar(scale), f"{name}_zero": scalar(zero, dtype)}


def _mean(dtype: Any) -> list[Array]:
    """Of the rows of `_of`."""
    real = (integers(dtype, 3, 17).astype(np.float64) - 5) * 0.02
    info = np.iinfo(dtype)
    return [np.clip(np.rint(real.mean(1, keepdims=True) / 0.05) + 9, info.min, info.max).astype(dtype)]


def _of(dtype: Any) -> dict[str, Case]:
    low = np.iinfo(dtype).min
    out = {"y_scale": scalar(0.05), "y_zero": scalar(9, dtype)}
    rows, image = (
        marked(dtype, "x", integers(dtype, 3, 17), 0.02, 5),
        marked(dtype, "x", integers(dtype, 2, 6, 5, 4), 0.02, 5),
    )
    pair = {**rows, **marked(dtype, "z", integers(dtype, 17), 0.03, 100)}
    constant = ["x_scale", "x_zero", "y_scale", "y_zero"]
    cases = {
        "QLinearAdd": Case("QLinearAdd", {**pair, **out}),
        "QLinearMul": Case("QLinearMul", {**pair, **out}),
        "QLinearSigmoid": Case("QLinearSigmoid", {**rows, "y_scale": scalar(0.01), "y_zero": scalar(3, dtype)}, {}, constant),
        "QLinearLeakyRelu": Case("QLinearLeakyRelu", {**rows, **out}, {"alpha": 0.2}, constant),
        "QLinearConcat": Case(
            "QLinearConcat", {**out, **rows, **marked(dtype, "z", integers(dtype, 3, 2), 0.01, 2)}, {"axis": 1},
            ["y_scale", "y_zero", "x_scale", "x_zero", "z_scale", "z_zero"],
        ),
        "QLinearWhere": Case(
            "QLinearWhere", {"which": np.arange(51).reshape(3, 17) % 2 == 0, **pair, **out}, {},
            [*constant, "z_scale", "z_zero"],
        ),
        "QLinearReduceMean": Case("QLinearReduceMean", {**rows, **out}, {"axes": [1]}, reference=lambda: _mean(dtype)),
        "DequantizeLinear": Case("DequantizeLinear", rows),
        "QuantizeLinear": Case("QuantizeLinear", {"x": floats(3, 17), "y_scale": scalar(0.02), "y_zero": scalar(9, dtype)}),
    }  # fmt: skip
    for last in (0, 1):
        attributes: dict[str, Any] = {"channels_last": last}
        window = {"kernel_shape": [3, 2], "pads": [1, 0, 1, 0], "strides": [2, 1], "count_include_pad": last}
        cases[f"QLinearGlobalAveragePool, {last}"] = Case("QLinearGlobalAveragePool", {**image, **out}, attributes)
        cases[f"QLinearAveragePool, {last}"] = Case(
            "QLinearAveragePool", {**image, **out}, {**attributes, **window}, constant
        )
    probabilities = {"y_scale": scalar(1 / 256), "y_zero": scalar(low, dtype)}
    cube = marked(dtype, "x", integers(dtype, 3, 7, 9), 0.02, 5)
    for axis, version in ((-1, 13), (1, 11), (1, 13)):
        cases[f"QLinearSoftmax, {axis}, {version}"] = Case(
            "QLinearSoftmax", {**cube, **probabilities}, {"axis": axis, "opset": version}, constant
        )
    return {f"{name}, {np.dtype(dtype)}": replace(case, steps=1) for name, case in cases.items()}


def embedded(dtype: Any, segments: bool) -> Case:
    """QEmbedLayerNormalization, whose scales and zero points stand in the order of its tables, its scale and its shift."""
    tables = {"words": (20, 16), "places": (8, 16), "kinds": (2, 16), "scale": (16,), "shift": (16,)}
    ids = np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]], np.int32)
    used = [name for name in tables if segments or name != "kinds"]
    values = {name: integers(dtype, *shape) if name in used else None for name, shape in tables.items()}
    scales = {f"{name}_s": scalar(0.01 + 0.003 * i) if name in used else None for i, name in enumerate(tables)}
    zeros = {f"{name}_z": scalar(3 + i, dtype) if name in used else None for i, name in enumerate(tables)}
    operands: dict[str, Array | None] = {
        "ids": ids, "segments": ids % 2 if segments else None, **values, "mask": np.tri(2, 5, 3, np.int32), **scales, **zeros,
    }  # fmt: skip
    constants = [name for name in (*values, *scales, *zeros) if operands[name] is not None]
    return Case("QEmbedLayerNormalization", operands, {"epsilon": 1e-5}, constants, ["y", "counts"])


def divided(x: Any, scale: Any, precision: Any | None, to: Any, blocks: bool = False) -> Case:
    """QuantizeLinear that divides in the type of its scale, or in `precision`: the quotients of a thousand numbers are rounded to it.

    The reference is NumPy: ONNX Runtime has no bfloat16 here.
    """
    data, scales = (
        (floats(40, 25) * 20).astype(x),
        (np.abs(floats(40, 5)) * 0.3 + 0.1 if blocks else scalar(0.33)).astype(scale),
    )
    info, type_ = np.iinfo(to), np.dtype(precision or scale)

    def reference() -> list[Array]:
        spread = np.repeat(scales, 5, 1) if blocks else scales
        quotient = (data.astype(type_) / spread.astype(type_)).astype(np.float64)
        return [np.clip(np.rint(quotient), info.min, info.max).astype(to)]

    attributes = {"output_dtype": helper.np_dtype_to_tensor_dtype(np.dtype(to)), "block_size": 5 if blocks else 0}
    if precision is not None:
        attributes["precision"] = helper.np_dtype_to_tensor_dtype(np.dtype(precision))
    return Case("QuantizeLinear", {"x": data, "y_scale": scales}, attributes, domain="", opset=23, reference=reference)


_BF16 = ml_dtypes.bfloat16
DIVIDED = {
    "QuantizeLinear, divides float32 in float16": divided(np.float32, np.float32, np.float16, np.uint8),
    "QuantizeLinear, divides float32 in float16, symmetric": divided(np.float32, np.float32, np.float16, np.int8),
    "QuantizeLinear, divides blocks of float32 in bfloat16": divided(
        np.float32, np.float32, _BF16, np.uint8, blocks=True
    ),
    "QuantizeLinear, divides float16 in float32": divided(np.float16, np.float16, np.float32, np.int16),
    "QuantizeLinear, divides float16": divided(np.float16, np.float16, None, np.int16),
    "QuantizeLinear, divides bfloat16": divided(_BF16, _BF16, None, np.uint8),
}
"""A division in another type gives other integers: `test_divisions_differ`."""

CASES: dict[str, Case] = {
    **_of(np.uint8),
    **_of(np.int8),
    **DIVIDED,
    "QEmbedLayerNormalization, uint8": embedded(np.uint8, segments=True),
    "QEmbedLayerNormalization, int8 without segments": embedded(np.int8, segments=False),
}
