"""Quantized tensors: to and from integers, and products of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graphs import Maker
from .shared import first

BYTES = (np.uint8, np.int8)


def quantize(g: Maker) -> None:
    """Quantized and back, by one scale, one per index of an axis, or one per block; saturation and zero points at both ends are drawn."""
    x = g.float_value(least=1)
    shape, dtype = g.values[x].shape, g.choice(BYTES)
    axis = g.number(0, len(shape) - 1)
    attributes: dict[str, Any] = {}
    extents: list[int] = []
    kind = g.choice(("one", "one", "axis", "block")) if g.opset >= 13 else "one"
    if kind == "axis" and shape[axis] > 1:
        extents, attributes = [shape[axis]], {"axis": axis - len(shape) if g.chance(0.4) else axis}
    elif kind == "block" and g.opset >= 21 and g.values[x].static and shape[axis] > 2:
        size = g.number(2, shape[axis] - 1)
        extents = [*shape[:axis], -(-shape[axis] // size), *shape[axis + 1 :]]
        attributes = {"axis": axis, "block_size": size}
    scale, zero = _scale(g, extents), _zero(g, dtype, extents)
    q = first(g.emit("QuantizeLinear", [x, scale, zero], **attributes))
    if q:
        g.emit("DequantizeLinear", [q, scale, zero], **attributes)


def _scale(g: Maker, extents: list[int]) -> str:
    return g.constant(g.rng.uniform(0.005, 0.05, extents), np.float32)


def _zero(g: Maker, dtype: Any, extents: list[int]) -> str:
    info = np.iinfo(dtype)
    low, high = g.choice(
        ((0, 1), (info.min, info.max + 1), (info.max, info.max + 1), (info.max // 2, info.max // 2 + 2))
    )
    return g.constant(g.rng.integers(low, high, extents), dtype)


def _quantized(g: Maker, least: int, rank: int | None = None) -> str | None:
    """A quantized value: one that there is, or a float value or an input made into one."""
    found = g.pick(lambda v: v.dtype in (np.uint8, np.int8) and v.rank >= least and rank in (None, v.rank))
    if found and g.chance(0.5):
        return found
    dtype = g.choice(BYTES)
    if g.chance(0.4):
        return g.input(rank if rank is not None else g.number(least, 4), dtype)
    x = g.float_value(rank, least=least)
    return first(g.emit("QuantizeLinear", [x, _scale(g, []), _zero(g, dtype, [])]))


def _weights(g: Maker, shape: list[int]) -> tuple[str, Any]:
    """Signed ones have 7 bits: on CPUs without VNNI ONNX Runtime adds products in pairs in 16 bits, which saturates."""
    dtype = g.choice(BYTES)
    low, high = (-64, 64) if dtype is np.int8 else (0, 256)
    return g.constant(g.rng.integers(low, high, shape), dtype), dtype


def product(g: Maker) -> None:
    """Integer products, as sums or rescaled."""
    a = _quantized(g, 2)
    if a is None:
        return
    shape, dtype, n = g.values[a].shape, g.values[a].dtype, g.choice((1, 3, 8, 17))
    w, other = _weights(g, [shape[-1], n])
    za, zb = _zero(g, dtype, []), _zero(g, other, [n] if g.chance(0.4) else [])
    if g.chance(0.5):
        total = first(g.emit("MatMulInteger", [a, w, za, zb]))
        if total:
            g.emit("Mul", [first(g.emit("Cast", [total], to=1)) or total, g.constant(1e-4, np.float32)])
    else:
        g.emit(
            "QLinearMatMul",
            [a, _scale(g, []), za, w, _scale(g, []), _zero(g, other, []), _scale(g, []), _zero(g, dtype, [])],
        )


def convolution(g: Maker) -> None:
    """Integer convolutions, as sums or rescaled, with padding that stands for the zero point."""
    x = _quantized(g, 4, 4)
    if x is None:
        return
    shape, dtype = g.values[x].shape, g.values[x].dtype
    groups = g.choice([n for n in range(1, shape[1] + 1) if shape[1] % n == 0])
    outputs = groups * g.number(1, 4)
    w, other = _weights(g, [outputs, shape[1] // groups, g.number(1, 3), g.number(1, 3)])
    attributes: dict[str, Any] = {
        "group": groups,
        "pads": [g.number(0, 1) for _ in range(4)],
        "strides": [g.number(1, 2), 1],
    }
    zx, zw = _zero(g, dtype, []), _zero(g, other, [])
    if g.chance(0.5):
        total = first(g.emit("ConvInteger", [x, w, zx, zw], **attributes))
        if total:
            g.emit("Cast", [total], to=1)
    else:
        scale = _scale(g, [outputs] if g.chance(0.5) else [])
        g.emit("QLinearConv", [x, _scale(g, []), zx, w, scale, zw, _scale(g, []), _zero(g, dtype, [])], **attributes)
