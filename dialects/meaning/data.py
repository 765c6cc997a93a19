"""What ops that move, make or name data compute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import nn
from ..errors import InvalidModelError
from ..provenance import describe
from .registry import Env, defines, result_dtype, result_shape


@defines(nn.GatherOp)
def gather(op: nn.GatherOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, indices = operands
    axis = op.axis.value.data
    _check_indices(op, indices, x.shape[axis])
    return [np.take(x, indices, axis=axis)]


@defines(nn.GatherNdOp)
def gather_nd(op: nn.GatherNdOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, indices = operands
    batch, depth = op.batch_dims.value.data, indices.shape[-1]
    places = [indices[..., i] for i in range(depth)]
    for i, place in enumerate(places):
        _check_indices(op, place, x.shape[batch + i])
    rank = indices.ndim - 1
    batches = [np.arange(x.shape[i]).reshape([-1 if axis == i else 1 for axis in range(rank)]) for i in range(batch)]
    return [np.asarray(x[(*batches, *places)]) if batch + depth else x]


def _check_indices(op: nn.NnOp, indices: np.ndarray, size: int) -> None:
    if indices.size and not (-size <= indices.min() and indices.max() < size):
        raise InvalidModelError(
            f"{describe(op)}: expected indices in [{-size}, {size}), got {indices.min()} to {indices.max()}"
        )


@defines(nn.ConcatOp)
def concat(op: nn.ConcatOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.concatenate(operands, axis=op.axis.value.data)]


@defines(nn.SliceOp)
def slice_(op: nn.SliceOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    (x,) = operands
    parts: list[slice] = []
    sizes = result_shape(op, env)
    for dim, start, size, step in zip(x.shape, op.starts.exprs, sizes, nn.values_of(op.steps), strict=True):
        first = start.evaluate(env)
        last = first + (size - 1) * step
        if size > 0 and not (0 <= first < dim and 0 <= last < dim):
            raise InvalidModelError(f"{describe(op)}: expected indices in [0, {dim}), got {first} to {last}")
        stop = last + (1 if step > 0 else -1)
        parts.append(slice(first, stop if stop >= 0 else None, step) if size > 0 else slice(0, 0))
    return [x[tuple(parts)]]


@defines(nn.TransposeOp)
def transpose(op: nn.TransposeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.transpose(operands[0], nn.values_of(op.permutation))]


@defines(nn.ReshapeOp)
def reshape(op: nn.ReshapeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    shape = result_shape(op, env)
    if np.prod(shape, dtype=np.int64) != operands[0].size:
        raise InvalidModelError(f"{describe(op)}: expected {operands[0].size} elements, got the shape {list(shape)}")
    return [operands[0].reshape(shape)]


@defines(nn.BroadcastToOp)
def broadcast_to(op: nn.BroadcastToOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.broadcast_to(operands[0], result_shape(op, env))]


@defines(nn.PadOp)
def pad(op: nn.PadOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    dtype, value = result_dtype(op), op.value.value.data
    fill = np.asarray(value).astype(dtype)
    return [
        np.pad(operands[0], list(zip(nn.values_of(op.low), nn.values_of(op.high), strict=True)), constant_values=fill)
    ]


@defines(nn.IotaOp)
def iota(op: nn.IotaOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    shape, axis = result_shape(op, env), op.axis.value.data
    column = [-1 if a == axis else 1 for a in range(len(shape))]
    return [np.broadcast_to(np.arange(shape[axis]).astype(result_dtype(op)).reshape(column), shape)]


@defines(nn.ShapeValueOp)
def shape_value(op: nn.ShapeValueOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.array([dim.evaluate(env) for dim in op.dims.exprs], np.int64)]


@defines(nn.ConstantOp)
def constant(op: nn.ConstantOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [op.array()]
