"""Views: where the elements of a tensor lie in the memory of another, as offset, dims and strides (all in elements).

Every function takes the place of one side of a view-like `nn` op and gives the place of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from ...dialects import nn
from ...dialects.buffer import contiguous_strides
from ...dialects.dims import Expr, const
from ..fusion.placement import reshaped_strides


@dataclass(frozen=True)
class Place:
    """Elements of a tensor within an owner: `owner` is whatever identifies that buffer."""

    owner: Any
    offset: Expr
    dims: tuple[Expr, ...]
    strides: tuple[Expr, ...]

    @classmethod
    def whole(cls, owner: Any, dims: Sequence[Expr]) -> Place:
        """All of a row-major owner."""
        return cls(owner, const(0), tuple(dims), contiguous_strides(dims))

    @property
    def is_whole(self) -> bool:
        """Whether the elements start at the owner's start and are row-major."""
        return self.offset == 0 and same_strides(self.dims, self.strides, contiguous_strides(self.dims))


def same_strides(dims: Sequence[Expr], a: Sequence[Expr], b: Sequence[Expr]) -> bool:
    """Whether two lists of strides address the same elements: strides of dims of size 1 do not matter."""
    return all(extent == 1 or x == y for extent, x, y in zip(dims, a, b, strict=True))


def result_place(op: nn.NnOp, source: Place) -> Place | None:
    """The place of the result of a view-like op within its operand's owner; None when it is not a strided view of it."""
    match op:
        case nn.ReshapeOp():
            return reshaped(source, nn.shape_of(op.result))
        case nn.TransposeOp():
            order = nn.values_of(op.permutation)
            return replace(
                source, dims=tuple(source.dims[p] for p in order), strides=tuple(source.strides[p] for p in order)
            )
        case nn.SliceOp():
            starts, steps = op.starts.exprs, nn.values_of(op.steps)
            offset = sum((start * stride for start, stride in zip(starts, source.strides, strict=True)), source.offset)
            strides = tuple(stride * step for stride, step in zip(source.strides, steps, strict=True))
            return Place(source.owner, offset, nn.shape_of(op.result), strides)
        case nn.BroadcastToOp():
            return _broadcast(source, nn.shape_of(op.result))
        case _:
            return None


def concat_starts(op: nn.ConcatOp) -> list[Expr]:
    """Where along the axis each operand of a concat begins."""
    axis = op.axis.value.data
    return list(accumulate((nn.shape_of(value)[axis] for value in op.inputs), initial=const(0)))


def operand_place(op: nn.NnOp, index: int, result: Place, starts: Sequence[Expr] = ()) -> Place | None:
    """The place of operand `index` within the owner of the op's result; None when it is not a strided view of it. `starts` are those
    of a concat."""
    match op:
        case nn.ReshapeOp():
            return reshaped(result, nn.shape_of(op.x))
        case nn.TransposeOp():
            order = nn.values_of(op.permutation)
            back = [order.index(axis) for axis in range(len(order))]
            return replace(
                result, dims=tuple(result.dims[b] for b in back), strides=tuple(result.strides[b] for b in back)
            )
        case nn.ConcatOp():
            step = result.strides[op.axis.value.data]
            return replace(result, offset=result.offset + starts[index] * step, dims=nn.shape_of(op.inputs[index]))
        case _:
            return None


def reshaped(place: Place, dims: Sequence[Expr]) -> Place | None:
    """The same elements, in the same order, under other dims; None when no strides express that."""
    strides = reshaped_strides(place.dims, place.strides, dims)
    return None if strides is None else Place(place.owner, place.offset, tuple(dims), strides)


def _broadcast(source: Place, dims: Sequence[Expr]) -> Place:
    extra = len(dims) - len(source.dims)
    strides = [const(0)] * extra
    for old, new, stride in zip(source.dims, dims[extra:], source.strides, strict=True):
        strides.append(const(0) if old == 1 and new != 1 else stride)
    return Place(source.owner, source.offset, tuple(dims), tuple(strides))
