"""Reference semantics of ops that move, make or name data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import nn
from ..errors import InvalidModelError
from ..provenance import describe
from .arithmetic import convert
from .registry import Env, defines, result_dtype, result_shape


@defines(nn.GatherOp)
def gather(op: nn.GatherOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, indices = operands
    axis = op.axis.value.data
    inside, places = _places(indices, x.shape[axis])
    if not x.shape[axis]:
        return [np.zeros(result_shape(op, env), x.dtype)]
    taken = np.take(x, places, axis=axis)
    mask = inside.reshape((*inside.shape, *[1] * (x.ndim - axis - 1)))
    return [np.where(mask, taken, np.zeros_like(taken))]


@defines(nn.GatherNdOp)
def gather_nd(op: nn.GatherNdOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    x, indices = operands
    batch, depth = op.batch_dims.value.data, indices.shape[-1]
    if not x.size:
        return [np.zeros(result_shape(op, env), x.dtype)]
    rank = indices.ndim - 1
    batches = [np.arange(x.shape[i]).reshape([-1 if axis == i else 1 for axis in range(rank)]) for i in range(batch)]
    found = [_places(indices[..., i], x.shape[batch + i]) for i in range(depth)]
    taken = np.asarray(x[(*batches, *(places for _, places in found))]) if batch + depth else x
    mask = np.ones(indices.shape[:-1], bool)
    for inside, _ in found:
        mask = mask & inside
    mask = mask.reshape((*mask.shape, *[1] * (taken.ndim - mask.ndim)))
    return [np.where(mask, taken, np.zeros_like(taken))]


def _places(indices: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which indices lie in [-size, size), and these, with 0 for the others."""
    inside = (indices >= -size) & (indices < size)
    return inside, np.where(inside, indices, 0)


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
    x = operands[0]
    counts = [(a.evaluate(env), b.evaluate(env)) for a, b in zip(op.below, op.above, strict=True)]
    if op.mode is None:
        return [np.pad(x, counts, constant_values=convert(np.asarray(op.value.value.data), x.dtype))]
    for axis, (before, after) in enumerate(counts):
        size = x.shape[axis]
        if before or after:
            if not size:
                raise InvalidModelError(f"{describe(op)}: expected an element to repeat in dim {axis}, got {x.shape}")
            x = np.take(x, _source(np.arange(-before, size + after), size, op.mode.data), axis)
    return [x]


def _source(place: np.ndarray, size: int, mode: nn.PadMode) -> np.ndarray:
    """The index of the element that stands at a place, which may lie outside [0, size)."""
    if mode == nn.PadMode.EDGE:
        return np.clip(place, 0, size - 1)
    if mode == nn.PadMode.WRAP:
        return place % size
    period = max(2 * (size - 1), 1)
    return np.minimum(place % period, period - place % period) if size > 1 else np.zeros_like(place)


@defines(nn.RollOp)
def roll(op: nn.RollOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    shifts = nn.values_of(op.shifts)
    return [np.roll(operands[0], shifts, tuple(range(len(shifts))))]


@defines(nn.IotaOp)
def iota(op: nn.IotaOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    shape, axis = result_shape(op, env), op.axis.value.data
    column = [-1 if a == axis else 1 for a in range(len(shape))]
    return [np.broadcast_to(np.arange(shape[axis]).astype(result_dtype(op)).reshape(column), shape)]


@defines(nn.ShapeValueOp)
def shape_value(op: nn.ShapeValueOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.array([dim.evaluate(env) for dim in op.dims.exprs], np.int64)]


@defines(nn.SizeOp)
def size(op: nn.SizeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [np.array(op.expr.evaluate(env), np.int64).astype(result_dtype(op))]


@defines(nn.ClampRangeOp)
def clamp_range(op: nn.ClampRangeOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    (x,), largest = operands, op.largest.value.data
    size = np.abs(x)
    finite = np.isfinite(x)
    if not (finite & (size > largest)).any():
        return [x]
    limit = max(largest / 2, float(np.max(size, where=size <= largest, initial=0)))
    return [np.where(finite, np.clip(x, -limit, limit), x).astype(x.dtype)]


@defines(nn.ConstantOp, nn.InitializerOp)
def constant(op: nn.ConstantOp | nn.InitializerOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    return [op.array()]
