"""Reference semantics of sorting, scans and scatters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import nn
from .arithmetic import combine_at
from .registry import Env, defines, result_dtype, widen


@defines(nn.ArgsortOp)
def argsort(op: nn.ArgsortOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, axis = widen(operands[0]), op.axis.value.data
    if op.descending is None:
        return [np.argsort(x, axis, kind="stable").astype(np.int32)]
    # The ascending order of the mirrored elements, backwards: equal ones keep their order.
    order = np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    return [(x.shape[axis] - 1 - order).astype(np.int32)]


@defines(nn.CumulativeOp)
def cumulative(op: nn.CumulativeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, axis = np.moveaxis(widen(operands[0]), op.axis.value.data, 0), op.axis.value.data
    is_sum = op.kind.data == nn.CumulativeKind.SUM
    x = x[::-1] if op.reverse is not None else x
    made = (np.add if is_sum else np.multiply).accumulate(x, axis=0, dtype=x.dtype)
    if op.exclusive is not None:
        made = np.concatenate([np.full_like(made[:1], 0 if is_sum else 1), made[:-1]])
    made = made[::-1] if op.reverse is not None else made
    return [np.moveaxis(made, 0, axis).astype(result_dtype(op), copy=False)]


@defines(nn.ScatterOp)
def scatter(op: nn.ScatterOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, indices, updates = operands
    result, rows = x.copy(), indices.reshape(-1).astype(np.int64)
    inside = (rows >= -len(x)) & (rows < len(x))
    places = np.where(rows < 0, rows + len(x), rows)[inside]
    combine_at(result, places, updates.reshape(len(rows), *x.shape[1:])[inside], op.kind.data.value)
    return [result]
