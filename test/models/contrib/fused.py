"""Fused products, convolutions, activations and norms."""

from __future__ import annotations

from math import erf
from typing import Any

import numpy as np

from .node import Array, Case, floats

IMAGE: dict[str, Array | None] = {
    "x": floats(1, 4, 8, 7),
    "w": floats(6, 4, 3, 2),
    "b": floats(6),
    "z": floats(1, 6, 4, 7),
}
WINDOW: dict[str, Any] = {"pads": [1, 0, 0, 1], "strides": [2, 1]}
ROWS: dict[str, Array | None] = {"x": floats(2, 5, 16), "skip": floats(2, 5, 16), "scale": floats(16)}
MATRICES: dict[str, Array | None] = {"a": floats(5, 7), "b": floats(7, 3), "c": floats(3)}


def group_norm() -> list[Array]:
    """Over 2 groups of channels, the last dim; then SiLU."""
    x = floats(2, 4, 3, 8).reshape(2, 12, 2, 4).astype(np.float64)
    normal = (x - x.mean((1, 3), keepdims=True)) / np.sqrt(x.var((1, 3), keepdims=True) + 1e-3)
    y = normal.reshape(2, 4, 3, 8) * floats(8) + floats(1, 8)[0]
    return [(y / (1 + np.exp(-y))).astype(np.float32)]


def nhwc_conv() -> list[Array]:
    x, w, y = floats(1, 5, 6, 4).astype(np.float64), floats(3, 2, 2, 4).astype(np.float64), np.zeros((1, 4, 5, 3))
    for r in range(2):
        for s in range(2):
            y += np.einsum("nhwc,oc->nhwo", x[:, r : r + 4, s : s + 5], w[:, r, s])
    return [(y + floats(3)).astype(np.float32)]


def gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def softmax(x: Array) -> list[Array]:
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return [(e / e.sum(-1, keepdims=True)).astype(np.float32)]


def bias_split_gelu() -> list[Array]:
    x = floats(2, 3, 8) + floats(8)
    return [(x[..., :4] * gelu(x[..., 4:])).astype(np.float32)]


def fast_gelu() -> list[Array]:
    x = (floats(5, 7) @ floats(7, 3) + floats(3)).astype(np.float64)
    return [(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))).astype(np.float32)]


def skip_group_norm() -> list[Array]:
    total = floats(2, 4, 3, 8) + floats(2, 8).reshape(2, 1, 1, 8) + floats(8)
    x = total.reshape(2, 12, 2, 4).astype(np.float64)
    normal = (x - x.mean((1, 3), keepdims=True)) / np.sqrt(x.var((1, 3), keepdims=True) + 1e-5)
    return [(normal.reshape(2, 4, 3, 8) * floats(8) + floats(1, 8)[0]).astype(np.float32), total]


def _activation(name: str, **attributes: Any) -> dict[str, Case]:
    alpha, beta = (attributes.get(key) for key in ("alpha", "beta"))
    named = {f"activation_{key}": value for key, value in attributes.items()}
    listed = {"activation_params": [value for value in (alpha, beta) if value is not None]} if attributes else {}
    return {
        f"FusedGemm, {name}": Case("FusedGemm", MATRICES, {"activation": name, "alpha": 0.7, "beta": 0.3, **named}),
        f"FusedConv, {name}": Case("FusedConv", IMAGE, {"activation": name, **WINDOW, **listed}, ["w", "b"]),
    }


CASES: dict[str, Case] = {
    "FusedMatMul, as it is": Case("FusedMatMul", {"a": floats(2, 5, 7), "b": floats(2, 7, 3)}, {"alpha": 0.5}),
    "FusedMatMul, left": Case("FusedMatMul", {"a": floats(2, 7, 5), "b": floats(2, 7, 3)}, {"transA": 1}),
    "FusedMatMul, right": Case("FusedMatMul", {"a": floats(2, 5, 7), "b": floats(2, 3, 7)}, {"transB": 1}),
    "FusedMatMul, batches": Case(
        "FusedMatMul", {"a": floats(5, 2, 7), "b": floats(7, 2, 3)}, {"transBatchA": 1, "transBatchB": 1}
    ),
    "FusedMatMul, all": Case(
        "FusedMatMul",
        {"a": floats(7, 2, 5), "b": floats(3, 2, 7)},
        {"transBatchA": 1, "transBatchB": 1, "transA": 1, "transB": 1},
    ),
    **_activation("Relu"),
    **_activation("LeakyRelu", alpha=0.2),
    **_activation("HardSigmoid", alpha=0.3, beta=0.4),
    "FusedConv, Clip": Case(
        "FusedConv", IMAGE, {"activation": "Clip", "activation_params": [-0.5, 0.7], **WINDOW}, ["w", "b"]
    ),
    "NhwcConv": Case("NhwcConv", {"x": floats(1, 5, 6, 4), "w": floats(3, 2, 2, 4), "b": floats(3)}, reference=nhwc_conv),
    "Gelu": Case("Gelu", {"x": floats(3, 40) * 3}),
    "FastGelu": Case("FastGelu", {"x": floats(3, 40) * 3, "bias": floats(40)}),
    "BiasGelu": Case("BiasGelu", {"x": floats(3, 40), "bias": floats(40)}),
    "QuickGelu": Case("QuickGelu", {"x": floats(3, 40) * 3}, {"alpha": 1.5}),
    "SkipLayerNormalization": Case(
        "SkipLayerNormalization", {**ROWS, "shift": floats(1, 16)[0], "bias": floats(2, 16)[0]}, {"epsilon": 1e-3},
        results=["y", "", "", "sum"],
    ),
    "SkipLayerNormalization, no bias": Case("SkipLayerNormalization", ROWS),
    "SkipSimplifiedLayerNormalization": Case(
        "SkipSimplifiedLayerNormalization", {**ROWS, "bias": floats(2, 16)[0]}, {"epsilon": 1e-3},
        results=["y", "", "", "sum"],
    ),
    "SimplifiedLayerNormalization": Case(
        "SimplifiedLayerNormalization", {"x": floats(2, 5, 16), "scale": floats(16)}, {"axis": -1, "epsilon": 1e-3},
        domain="", opset=17,
    ),
    "EmbedLayerNormalization": Case(
        "EmbedLayerNormalization",
        {
            "ids": np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]], np.int32), "segments": np.array([[0, 0, 1, 1, 1]] * 2, np.int32),
            "words": floats(20, 16), "places": floats(8, 16), "kinds": floats(2, 16), "scale": floats(16),
            "shift": floats(1, 16)[0], "mask": np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32),
        },
        results=["y", "counts", "sum"],
    ),
    "TransposeMatMul": Case(
        "TransposeMatMul", {"a": floats(7, 5), "b": floats(7, 3)}, {"transA": 1}, reference=lambda: [floats(7, 5).T @ floats(7, 3)]
    ),
    "FusedMatMulActivation": Case(
        "FusedMatMulActivation", {"a": floats(5, 7), "b": floats(7, 3)}, {"activation": "LeakyRelu", "activation_alpha": 0.5},
        reference=lambda: [np.where((y := floats(5, 7) @ floats(7, 3)) < 0, y * np.float32(0.5), y)],
    ),
    "GemmFastGelu": Case("GemmFastGelu", MATRICES, reference=fast_gelu),
    "BiasAdd": Case(
        "BiasAdd", {"x": floats(2, 3, 8), "bias": floats(8), "skip": floats(1, 2, 3, 8)[0]},
        reference=lambda: [floats(2, 3, 8) + floats(8) + floats(1, 2, 3, 8)[0]],
    ),
    "BiasDropout": Case(
        "BiasDropout", {"x": floats(2, 3, 8), "bias": floats(8), "residual": floats(1, 2, 3, 8)[0]},
        reference=lambda: [floats(2, 3, 8) + floats(8) + floats(1, 2, 3, 8)[0]],
    ),
    "BiasSplitGelu": Case("BiasSplitGelu", {"x": floats(2, 3, 8), "bias": floats(8)}, reference=bias_split_gelu),
    "BiasSoftmax": Case(
        "BiasSoftmax", {"x": floats(2, 3, 4, 8), "bias": floats(2, 1, 1, 8)}, {"axis": 3, "is_inner_broadcast": 0},
        reference=lambda: softmax(floats(2, 3, 4, 8) + floats(2, 1, 1, 8)),
    ),
    "SkipGroupNorm": Case(
        "SkipGroupNorm",
        {"x": floats(2, 4, 3, 8), "scale": floats(8), "shift": floats(1, 8)[0], "skip": floats(2, 8), "bias": floats(8)},
        {"groups": 2, "activation": 0}, results=["y", "sum"], reference=skip_group_norm,
    ),
    "GroupNorm": Case(
        "GroupNorm", {"x": floats(2, 4, 3, 8), "scale": floats(8), "shift": floats(1, 8)[0]},
        {"groups": 2, "activation": 1, "epsilon": 1e-3}, reference=group_norm,
    ),
}  # fmt: skip
