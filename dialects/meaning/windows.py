"""What pooling ops compute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import nn
from .arithmetic import maximum
from .linear import each_tap, pad_image, windows
from .registry import Env, defines, result_dtype, widen


def _least(dtype: np.dtype) -> float:
    return float("-inf") if dtype.kind in "fV" else int(np.iinfo(dtype).min)


@defines(nn.MaxPoolOp)
def max_pool(op: nn.MaxPoolOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    kernel, strides, pads, dilations = (nn.values_of(a) for a in (op.kernel, op.strides, op.pads, op.dilations))
    x = widen(operands[0])
    view = windows(pad_image(x, pads, _least(x.dtype)), kernel, strides, dilations)
    result: np.ndarray | None = None
    for _, part in each_tap(view, kernel):
        result = part if result is None else maximum(result, part)
    assert result is not None
    return [result.astype(result_dtype(op), copy=False)]


@defines(nn.ArgMaxPoolOp)
def arg_max_pool(op: nn.ArgMaxPoolOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    kernel, strides, pads, dilations = (nn.values_of(a) for a in (op.kernel, op.strides, op.pads, op.dilations))
    x = widen(operands[0])
    image = x.shape[1:-1]
    places = np.arange(np.prod(image), dtype=np.int64).reshape(1, *image, 1)
    numbered = windows(pad_image(places, pads, -1), kernel, strides, dilations)
    values = windows(pad_image(x, pads, _least(x.dtype)), kernel, strides, dilations)
    best: np.ndarray | None = None
    found = np.int64(-1)
    for (_, value), (_, place) in zip(each_tap(values, kernel), each_tap(numbered, kernel), strict=True):
        if best is None:
            best, found = value, np.broadcast_to(place, value.shape)
            continue
        greater = (value > best) | ((value != value) & (best == best))
        better = (place >= 0) & (greater | (found < 0))
        best, found = np.where(better, value, best), np.where(better, place, found)
    return [np.maximum(found, 0)]


@defines(nn.AvgPoolOp)
def avg_pool(op: nn.AvgPoolOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    kernel, strides, pads, dilations = (nn.values_of(a) for a in (op.kernel, op.strides, op.pads, op.dilations))
    x = widen(operands[0])
    total = _window_sum(x, kernel, strides, pads, dilations)
    if bool(op.count_include_pad):
        count: np.ndarray | int = int(np.prod(kernel))
    else:
        count = _window_sum(np.ones((1, *x.shape[1:-1], 1), x.dtype), kernel, strides, pads, dilations)
    return [(total / count).astype(result_dtype(op), copy=False)]


def _window_sum(
    x: np.ndarray, kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int], dilations: Sequence[int]
) -> np.ndarray:
    view = windows(pad_image(x, pads, 0), kernel, strides, dilations)
    total = np.zeros((*view.shape[: 1 + len(kernel)], view.shape[-1]), x.dtype)
    for _, part in each_tap(view, kernel):
        total += part
    return total
