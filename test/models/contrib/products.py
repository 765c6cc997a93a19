"""Products of quantized tensors. Sums are exact, so results agree exactly where they are rescaled once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .node import MICROSOFT, Array, Case, floats, integers, scalar


def weights(dtype: Any, *shape: int) -> Array:
    """Numbers of the whole range of uint8, or half of that of int8: ONNX Runtime's sums of uint8 by int8 saturate on CPUs without VNNI."""
    return integers(dtype, *shape) // (2 if dtype == np.int8 else 1)


COLUMNS = (np.abs(floats(5)) * 0.02 + 0.01).astype(np.float32)


def matmul_integer(a: Any, b: Any, shape: tuple[int, int, int], za: Array | None, zb: Array | None) -> Case:
    """MatMulInteger: [M, K] by [K, N]. ONNX Runtime takes one zero point for the rows only, so the reference is NumPy."""
    rows, depth, columns = shape
    left, right = integers(a, rows, depth), integers(b, depth, columns)

    def reference() -> list[Array]:
        x = left.astype(np.int64) - (0 if za is None else za.astype(np.int64).reshape(-1, 1))
        y = right.astype(np.int64) - (0 if zb is None else zb.astype(np.int64))
        return [(x @ y).astype(np.int32)]

    operands = {"a": left, "b": right, "za": za, "zb": zb}
    constants = ["b", "zb"] if columns % 2 else []
    return Case("MatMulInteger", operands, {}, constants, domain="", reference=reference)


def conv(x: Any, w: Any, groups: int, channels: int, outputs: int, constants: tuple[str, ...]) -> Case:
    """QLinearConv with zero points for the image and all filters, uneven pads, and a bias."""
    rng = np.random.default_rng(channels * outputs)
    operands: dict[str, Array | None] = {
        "x": integers(x, 2, channels, 9, 8), "xs": scalar(0.02), "xz": scalar(11, x),
        "w": weights(w, outputs, channels // groups, 3, 3), "ws": rng.uniform(0.01, 0.03, outputs).astype(np.float32),
        "wz": np.full(outputs, 7, w), "ys": scalar(4.5), "yz": scalar(100, x),
        "b": rng.integers(-5000, 5000, outputs).astype(np.int32),
    }  # fmt: skip
    attributes = {"group": groups, "pads": [1, 0, 2, 1], "strides": [2, 1]}
    return Case("QLinearConv", operands, attributes, constants, domain="")


def conv_channels_last() -> Case:
    case = conv(np.uint8, np.int8, 1, 3, 8, ("w", "ws", "wz"))
    image = case.operands["x"]
    assert image is not None
    operands = {**case.operands, "x": np.ascontiguousarray(image.transpose(0, 2, 3, 1)), "wz": np.zeros(8, np.int8)}
    return replace(case, operands=operands, attributes={**case.attributes, "channels_last": 1}, domain=MICROSOFT)


def conv_integer(x: Any, constants: tuple[str, ...]) -> Case:
    operands = {
        "x": integers(x, 2, 4, 7, 8),
        "w": integers(np.uint8, 6, 2, 3, 3),
        "xz": scalar(11, x),
        "wz": scalar(9, np.uint8),
    }
    return Case("ConvInteger", operands, {"group": 2, "auto_pad": "SAME_UPPER"}, constants, domain="")


def unpacked(packed: Array, bits: int) -> Array:
    fields = [(packed >> (bits * i)) & ((1 << bits) - 1) for i in range(8 // bits)]
    return np.stack(fields, -1).reshape(*packed.shape[:-1], -1)


def nbits(bits: int, depth: int, size: int, zeros: str, groups: str = "") -> Case:
    """
    MatMulNBits with 7 columns; `groups`: which block each of the rows of the weights belongs to, reversed or drawn. The reference is NumPy
    where ONNX Runtime 1.32 has no kernel on a CPU (packed zero points of rows in an order of their own, which it reads as 8, and 8 bits
    with these), else ONNX Runtime.
    """
    columns, blocks = 7, -(-depth // size)
    weights, scales = (
        integers(np.uint8, columns, blocks, size * bits // 8),
        np.abs(floats(columns * blocks)) + np.float32(0.01),
    )
    packed = integers(np.uint8, columns * -(-blocks * bits // 8))
    chosen = {"none": None, "packed": packed, "float": np.abs(floats(1, columns * blocks)[0])}[zeros]
    index = np.arange(depth) // size
    if groups:
        drawn = np.random.default_rng(depth).integers(0, blocks, depth)
        index = (index[::-1] if groups == "reversed" else drawn).astype(np.int32)

    def reference() -> list[Array]:
        w = unpacked(weights, bits).reshape(columns, blocks * size)[:, :depth].astype(np.float64)
        z: Any = 1 << bits - 1
        if zeros == "packed":
            z = unpacked(packed.reshape(columns, -1), bits)[:, :blocks][:, index]
        elif chosen is not None:
            z = chosen.reshape(columns, blocks)[:, index]
        dequantized = (w - z) * scales.reshape(columns, blocks)[:, index]
        return [(floats(2, 3, depth).astype(np.float64) @ dequantized.T + floats(columns)).astype(np.float32)]

    operands = {
        "a": floats(2, 3, depth), "b": weights, "s": scales, "z": chosen, "g": index if groups else None, "bias": floats(columns),
    }  # fmt: skip
    attributes = {"K": depth, "N": columns, "bits": bits, "block_size": size}
    constants = [name for name in ("b", "s", "z", "g", "bias") if operands[name] is not None]
    runs = bits == 4 and zeros != "packed" if groups else bits == 4 or zeros != "float"
    return Case("MatMulNBits", operands, attributes, constants, reference=None if runs else reference)


def bnb4(depth: int, columns: int, size: int, kind: int, *, turned: bool = True) -> Case:
    """MatMulBnb4: FP4 (0) or NF4 (1). Where weights are not turned ONNX Runtime 1.32 reads beyond them: what it has for them turned is the
    reference, multiplied by NumPy."""
    count = depth * columns
    operands = {
        "a": floats(2, 3, depth if turned else columns), "b": integers(np.uint8, -(-count // 2)),
        "s": np.abs(floats(-(-count // size))) + np.float32(0.1),
    }  # fmt: skip
    attributes = {"K": depth, "N": columns, "block_size": size, "quant_type": kind, "transB": int(turned)}
    case = Case("MatMulBnb4", operands, attributes, ["b", "s"])
    if turned:
        return case
    a, identity = operands["a"], np.eye(depth, dtype=np.float32)
    weights = replace(case, operands={**operands, "a": identity}, attributes={**attributes, "transB": 1})
    return replace(case, reference=lambda: [a @ weights.wanted()[0].T])


def _of(dtype: Any) -> dict[str, Case]:
    a: dict[str, Array | None] = {"a": integers(dtype, 4, 6), "as": scalar(0.02), "az": scalar(3, dtype)}
    b: dict[str, Array | None] = {"b": weights(np.int8, 6, 5), "bs": COLUMNS, "bz": np.full(5, 4, np.int8)}
    bias = np.array([-500, 70, 3, 400, -2], np.int32)
    x, w = floats(2, 4, 6), weights(dtype, 6, 5)
    attention = {
        "x": integers(np.uint8, 2, 5, 8),
        "w": weights(dtype, 8, 96),
        "b": floats(96),
        "xs": scalar(0.01),
        "ws": scalar(0.01),
    }
    zeros = {"mask": np.array([3, 5], np.int32), "xz": scalar(120, np.uint8), "wz": scalar(5, dtype)}
    symmetric = {**b, "bz": np.zeros(5, np.int8)}
    return {
        "QGemm": Case(
            "QGemm", {**a, **symmetric, "c": bias, "ys": scalar(0.9), "yz": scalar(4, dtype)}, {},
            ["b", "bs", "bz", "c", "as", "az", "ys", "yz"], steps=1,
        ),
        "QGemm, floats": Case("QGemm", {**a, **symmetric, "c": bias}, {"alpha": 2.0}, ["b", "bs", "bz", "c", "as", "az"]),
        "MatMulIntegerToFloat": Case(
            "MatMulIntegerToFloat",
            {"a": a["a"], "b": b["b"], "as": a["as"], "bs": b["bs"], "az": a["az"], "bz": b["bz"], "bias": floats(5)},
        ),
        "DynamicQuantizeMatMul": Case("DynamicQuantizeMatMul", {"x": x, "w": w, "s": COLUMNS, "z": np.full(5, 4, dtype), "b": floats(5)}),
        "DynamicQuantizeMatMul, constant": Case("DynamicQuantizeMatMul", {"x": x, "w": w, "s": scalar(0.01)}, {}, ["w"]),
        "QAttention": Case("QAttention", {**attention, **zeros}, {"num_heads": 4}, ["w"]),
        "QAttention, past": Case(
            "QAttention", {**attention, **zeros, "mask": None, "past": floats(2, 2, 4, 3, 8)}, {"num_heads": 4, "unidirectional": 1},
            ["w"], ["y", "present"],
        ),
    }  # fmt: skip


def _zero(number: int, dtype: Any) -> Array:
    return scalar(number, dtype)


CASES: dict[str, Case] = {
    **{f"{name}, {np.dtype(t)}": case for t in (np.uint8, np.int8) for name, case in _of(t).items()},
    **{
        f"MatMulInteger, {np.dtype(a)} by {np.dtype(b)}, {shape}, {name}": matmul_integer(a, b, shape, za, zb)
        for a in (np.uint8, np.int8)
        for b in (np.uint8, np.int8)
        for shape in ((5, 7, 3), (33, 64, 48), (1, 130, 17))
        for name, za, zb in (
            ("none", None, None),
            ("one", _zero(3, a), _zero(5, b)),
            ("each", integers(a, shape[0], 2)[:, 0], integers(b, shape[2])),
        )
    },
    **{
        f"QLinearConv, {np.dtype(x)} by {np.dtype(w)}, {groups} of {channels}, {len(constants)} constants": conv(
            x, w, groups, channels, outputs, constants
        )
        for x, w in ((np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8))
        for groups, channels, outputs in ((1, 3, 8), (2, 8, 12), (6, 6, 6), (1, 16, 32))
        for constants in (("w", "ws", "wz"), ("w", "ws", "wz", "xs", "xz", "ys", "yz", "b"))
    },
    "QLinearConv, channels last": conv_channels_last(),
    "ConvInteger": conv_integer(np.uint8, ("w",)),
    "ConvInteger, constants": conv_integer(np.uint8, ("w", "xz", "wz")),
    **{
        f"MatMulNBits, {bits} bits, {depth}, {zeros}": nbits(bits, depth, size, zeros)
        for bits in (2, 4, 8)
        for depth, size in ((32, 16), (50, 16))
        for zeros in ("none", "packed", "float")
    },
    "MatMulBnb4, NF4": bnb4(33, 7, 16, 1),
    "MatMulBnb4, FP4": bnb4(32, 8, 64, 0),
    "MatMulBnb4, NF4, not turned": bnb4(32, 5, 32, 1, turned=False),
    **{
        f"MatMulNBits, {bits} bits, {depth}, {zeros}, {groups}": nbits(bits, depth, 16, zeros, groups)
        for bits, depth in ((4, 50), (4, 96), (2, 50), (8, 50))
        for zeros in ("none", "packed", "float")
        for groups in ("reversed", "drawn")
    },
}  # fmt: skip
