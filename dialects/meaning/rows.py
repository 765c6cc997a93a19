"""What reductions and normalisations compute; narrow floats accumulate in f32."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .. import nn
from .arithmetic import greatest, least
from .registry import Env, defines, result_dtype, widen

KINDS: dict[nn.ReduceKind, Callable[..., np.ndarray]] = {
    nn.ReduceKind.SUM: np.sum,
    nn.ReduceKind.MEAN: np.mean,
    nn.ReduceKind.MAX: greatest,
    nn.ReduceKind.MIN: least,
    nn.ReduceKind.PROD: np.prod,
}


@defines(nn.ReduceOp)
def reduce(op: nn.ReduceOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, axes, keepdims = widen(operands[0]), nn.values_of(op.axes), bool(op.keepdims)
    kind = op.kind.data
    if kind == nn.ReduceKind.SUMSQ:
        x, kind = x * x, nn.ReduceKind.SUM
    # NumPy widens sums of small integers; here they wrap around in their own type.
    exact = {"dtype": x.dtype} if kind in (nn.ReduceKind.SUM, nn.ReduceKind.PROD) else {}
    if not x.size and kind in (nn.ReduceKind.MAX, nn.ReduceKind.MIN):
        shape = np.any(x, axis=axes, keepdims=keepdims).shape
        return [np.full(shape, _end(x.dtype, least=kind == nn.ReduceKind.MAX), result_dtype(op))]
    return [np.asarray(KINDS[kind](x, axis=axes, keepdims=keepdims, **exact)).astype(result_dtype(op), copy=False)]


def _end(dtype: np.dtype, *, least: bool) -> object:
    """The maximum of no element, which is the least that there is, or the minimum, which is the greatest."""
    if dtype.kind not in "biu":
        return -np.inf if least else np.inf
    limits = (False, True) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return limits[0 if least else 1]


@defines(nn.SoftmaxOp)
def softmax(op: nn.SoftmaxOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, axis = widen(operands[0]), op.axis.value.data
    e = np.exp(x - np.max(x, axis=axis, keepdims=True, initial=-np.inf))
    return [(e / np.sum(e, axis=axis, keepdims=True)).astype(result_dtype(op), copy=False)]


@defines(nn.LogSoftmaxOp)
def log_softmax(op: nn.LogSoftmaxOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, axis = widen(operands[0]), op.axis.value.data
    shifted = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    total = np.sum(np.exp(shifted), axis=axis, keepdims=True)
    return [(shifted - np.log(total)).astype(result_dtype(op), copy=False)]


@defines(nn.LayerNormOp)
def layer_norm(op: nn.LayerNormOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, scale, bias = map(widen, operands)
    axes = tuple(range(op.axis.value.data, x.ndim))
    centred = x - np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(centred * centred, axis=axes, keepdims=True)
    normal = centred / np.sqrt(variance + x.dtype.type(op.epsilon.value.data))
    return [(normal * scale + bias).astype(result_dtype(op), copy=False)]


@defines(nn.NormalizeOp)
def normalize(op: nn.NormalizeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, axes = widen(operands[0]), nn.values_of(op.axes)
    centred = x - np.mean(x, axis=axes, keepdims=True) if op.centred else x
    variance = np.mean(centred * centred, axis=axes, keepdims=True)
    normal = centred / np.sqrt(variance + x.dtype.type(op.epsilon.value.data))
    return [normal.astype(result_dtype(op), copy=False)]


@defines(nn.RowMomentsOp)
def row_moments(op: nn.RowMomentsOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x = widen(operands[0])
    columns = op.columns.value.data
    parts = x.reshape(*x.shape[:-1], x.shape[-1] // columns, columns)
    mean = np.mean(parts, axis=-1)
    return [np.stack([mean, np.sum((parts - mean[..., None]) ** 2, axis=-1)])]


@defines(nn.ApplyMomentsOp)
def apply_moments(op: nn.ApplyMomentsOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, (means, squares), *shift = map(widen, operands)
    columns = np.float32(op.columns.value.data)
    mean = np.mean(means, axis=-1, keepdims=True)
    total = np.sum(squares + columns * (means - mean) ** 2, axis=-1, keepdims=True)
    variance = total / (means.shape[-1] * columns)
    if not op.centred:
        variance, mean = variance + mean * mean, np.zeros_like(mean)
    centred = x - (mean * shift[0] if shift else mean)
    return [(centred / np.sqrt(variance + np.float32(op.epsilon.value.data))).astype(result_dtype(op), copy=False)]


@defines(nn.L2NormalizeOp)
def l2_normalize(op: nn.L2NormalizeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x = widen(operands[0])
    length = np.sqrt(np.sum(x * x, axis=nn.values_of(op.axes), keepdims=True))
    return [(x / np.maximum(length, x.dtype.type(op.epsilon.value.data))).astype(result_dtype(op), copy=False)]


@defines(nn.BatchNormOp)
def batch_norm(op: nn.BatchNormOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, scale, bias, mean, variance = map(widen, operands)
    factor = scale / np.sqrt(variance + variance.dtype.type(op.epsilon.value.data))
    return [((x - mean) * factor + bias).astype(result_dtype(op), copy=False)]


@defines(nn.LrnOp)
def lrn(op: nn.LrnOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x = widen(operands[0])
    size, channels = op.size.value.data, x.shape[-1]
    alpha, beta, bias = (x.dtype.type(a.value.data) for a in (op.alpha, op.beta, op.bias))
    back, forward = (size - 1) // 2, size // 2
    squares = np.pad(x * x, [(0, 0)] * (x.ndim - 1) + [(back, forward)])
    total = np.zeros_like(x)
    for offset in range(size):
        total += squares[..., offset : offset + channels]
    return [(x / (bias + alpha / size * total) ** beta).astype(result_dtype(op), copy=False)]
