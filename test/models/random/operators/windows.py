"""Convolutions, transposed ones, and pools, over one to three spatial dims."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graphs import Maker


def _window_attributes(g: Maker, kernel: list[int], *, pool: bool) -> dict[str, Any]:
    spatial = len(kernel)
    attributes: dict[str, Any] = {}
    if g.chance(0.6):
        attributes["strides"] = [g.number(1, 3) for _ in range(spatial)]
    if g.chance(0.3) and (not pool or g.opset >= 10):
        attributes["dilations"] = [g.number(1, 2) for _ in range(spatial)]
    style = g.choice(("none", "pads", "pads", "auto"))
    if style == "pads":
        most = [size - 1 if pool else 3 for size in kernel] * 2
        attributes["pads"] = [g.number(0, m) for m in most]
    elif style == "auto":
        attributes["auto_pad"] = g.choice(("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"))
        if attributes["auto_pad"].startswith("SAME"):
            attributes.pop("dilations", None)
            # What SAME means for windows shorter than their stride, versions and operators of ONNX Runtime disagree about.
            attributes["strides"] = [
                min(stride, size)
                for stride, size in zip(attributes.get("strides", [1] * len(kernel)), kernel, strict=True)
            ]
    return attributes


def _image(g: Maker) -> str:
    rank = g.choice((3, 4, 4, 4, 4, 5))
    found = g.pick(lambda v: v.dtype == np.float32 and v.rank == rank and min(v.shape) > 0)
    if found is not None and g.chance(0.8):
        return found
    channels = g.choice((1, 2, 3, 4, 6, 8, 16))
    most = 9 if rank < 5 else 5
    return g.input(rank, shape=[g.number(1, 2), channels, *[g.number(3, most) for _ in range(rank - 2)]])


def conv(g: Maker) -> None:
    x = _image(g)
    shape = g.values[x].shape
    channels = shape[1]
    groups = g.choice([n for n in range(1, channels + 1) if channels % n == 0]) if g.chance(0.4) else 1
    out = groups * g.choice((1, 1, 2, 3, 4, 8))
    kernel = [g.choice((1, 1, 2, 3, 3, 5)) for _ in shape[2:]]
    attributes = _window_attributes(g, kernel, pool=False)
    if g.chance(0.5):
        attributes["kernel_shape"] = kernel
    if groups > 1:
        attributes["group"] = groups
    weights = [out, channels // groups, *kernel]
    w = g.weight(weights) if g.chance(0.95) else g.input(len(weights), shape=weights)
    g.emit("Conv", [x, w, g.weight([out])] if g.chance(0.6) else [x, w], **attributes)


def conv_transpose(g: Maker) -> None:
    x = _image(g)
    shape = g.values[x].shape
    channels = shape[1]
    groups = g.choice([n for n in range(1, channels + 1) if channels % n == 0]) if g.chance(0.4) else 1
    out = g.choice((1, 1, 2, 3, 8))
    kernel = [g.choice((1, 2, 3, 4)) for _ in shape[2:]]
    attributes = _window_attributes(g, kernel, pool=True)
    strides = attributes.get("strides", [1] * len(kernel))
    if g.chance(0.3):
        attributes["output_padding"] = [g.number(0, stride - 1) for stride in strides]
    if groups > 1:
        attributes["group"] = groups
    w = g.weight([channels, out, *kernel])
    g.emit("ConvTranspose", [x, w, g.weight([out * groups])] if g.chance(0.6) else [x, w], **attributes)


def pool(g: Maker) -> None:
    x = _image(g)
    op = g.word("MaxPool MaxPool MaxPool AveragePool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool")
    if op.startswith("Global"):
        g.emit(op, [x])
        return
    kernel = [g.number(1, 3) for _ in g.values[x].shape[2:]]
    attributes = _window_attributes(g, kernel, pool=True)
    if op == "AveragePool":
        if g.opset < 19:
            attributes.pop("dilations", None)
        if g.chance(0.5):
            attributes["count_include_pad"] = 1
    if op == "LpPool" and g.opset < 18:
        attributes.pop("dilations", None)
    elif g.chance(0.4):
        attributes["ceil_mode"] = 1
    indices = op == "MaxPool" and g.chance(0.3)
    if indices and g.chance(0.4):
        attributes["storage_order"] = 1
    g.emit(op, [x], 2 if indices else 1, kernel_shape=kernel, **attributes)
