"""Operators that ONNX took over, gathers of quantized rows, convolutions with a state."""

from __future__ import annotations

from typing import Any

import numpy as np

from .node import Array, Case, floats, integers, scalar


def gathered(bits: int, *, zeros: bool) -> Case:
    """Rows of a table of 6 x 64 numbers in blocks of 16."""
    table, scales = integers(np.uint8, 6, 64 * bits // 8), np.abs(floats(6, 4)) + np.float32(0.01)
    packed = integers(np.uint8, 6, -(-4 * bits // 8)) if zeros else None
    indices = np.array([[3, 0, 5], [1, 1, 2]])
    return Case(
        "GatherBlockQuantized", {"table": table, "i": indices, "s": scales, "z": packed},
        {"bits": bits, "block_size": 16, "quantize_axis": 1, "gather_axis": 0}, ["table", "s", *(["z"] if zeros else [])],
    )  # fmt: skip


def causal() -> list[Array]:
    whole = np.concatenate([floats(2, 3, 4), floats(1, 2, 3, 5)[0]], 2).astype(np.float64)
    w = floats(3, 1, 3).astype(np.float64)
    y = sum(whole[:, :, 2 * j : 2 * j + 5] * w[:, 0, j, None] for j in range(3)) + floats(3)[:, None]
    return [(y / (1 + np.exp(-y))).astype(np.float32), whole[:, :, 5:].astype(np.float32)]


def complex_product(conjugate: bool) -> list[Array]:
    a, b = (x[..., 0] + 1j * x[..., 1] for x in (floats(3, 4, 2), floats(4, 2)))
    y = a * (b.conj() if conjugate else b)
    return [np.stack([y.real, y.imag], -1).astype(np.float32)]


WINDOW: dict[str, Any] = {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1], "strides": [2, 1]}

CASES: dict[str, Case] = {
    "Trilu": Case("Trilu", {"x": floats(3, 4, 5), "k": scalar(1, np.int64)}, {"upper": 0}, ["k"]),
    "Pad": Case("Pad", {"x": floats(3, 4), "pads": np.array([1, 0, 2, 1]), "value": scalar(0.5)}, {"mode": "constant"}, ["pads", "value"]),
    "Range": Case("Range", {"a": scalar(1), "b": scalar(7), "c": scalar(2)}, {}, "abc", reference=lambda: [np.float32([1, 3, 5])]),
    "GatherND": Case("GatherND", {"x": floats(3, 4, 5), "i": np.array([[2, 1], [0, 3]])}),
    "GridSample": Case(
        "GridSample", {"x": floats(1, 2, 4, 5), "grid": np.tanh(floats(1, 3, 3, 2))},
        {"mode": "bilinear", "padding_mode": "zeros", "align_corners": 1},
    ),
    "ExpandDims": Case("ExpandDims", {"x": floats(3, 4), "axis": scalar(-2, np.int32)}, {}, ["axis"]),
    "NhwcMaxPool": Case("NhwcMaxPool", {"x": integers(np.uint8, 2, 6, 5, 4)}, WINDOW),
    "ComplexMul": Case("ComplexMul", {"a": floats(3, 4, 2), "b": floats(4, 2)}, reference=lambda: complex_product(False)),
    "ComplexMulConj": Case("ComplexMulConj", {"a": floats(3, 4, 2), "b": floats(4, 2)}, reference=lambda: complex_product(True)),
    "CDist": Case("CDist", {"a": floats(5, 7), "b": floats(3, 7)}, {"metric": "euclidean"}),
    "CDist, squared": Case("CDist", {"a": floats(5, 7), "b": floats(3, 7)}, {"metric": "sqeuclidean"}),
    **{f"GatherBlockQuantized, {bits} bits, {zeros}": gathered(bits, zeros=zeros) for bits in (4, 8) for zeros in (False, True)},
    "CausalConvWithState": Case(
        "CausalConvWithState", {"x": floats(1, 2, 3, 5)[0], "w": floats(3, 1, 3), "b": floats(3), "past": floats(2, 3, 4)},
        {"dilation": 2, "activation": "silu"}, ["w", "b"], ["y", "state"], reference=causal,
    ),
}  # fmt: skip
