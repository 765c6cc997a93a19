"""Which masks of attention are a causal bound or a window: constants of that form, and comparisons of positions, for `recognise-attention`.

%c = nn.compare le %keys, %queries    // iota along the keys, iota along the queries plus how many keys come before
%m = nn.where %c, 0.0, -3.4e38        // causal
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.nn import Predicate, element_of, rank_of, shape_of

_WHY = "which keys an attention's mask hides"
_DEPTH = 12


@dataclass(frozen=True)
class Bounds:
    """Keys j of query i: `j <= i + last` and `j >= i + first`, where these are given."""

    last: Expr | None = None
    first: Expr | None = None

    def both(self, other: Bounds) -> Bounds | None:
        """Both, where no two of one kind differ."""
        pairs = ((self.last, other.last), (self.first, other.first))
        if any(a is not None and b is not None and a != b for a, b in pairs):
            return None
        last, first = (b if a is None else a for a, b in pairs)
        return replace(self, last=last, first=first)

    def properties(self, queries: Expr, keys: Expr) -> tuple[str | None, int | None] | None:
        """`causal` and `window` of an `nn.attention`; None where they cannot say it."""
        offset = const(0) if self.last is None else self.last
        if offset not in (const(0), keys - queries):
            return None
        window = None
        if self.first is not None:
            window = (offset - self.first + 1).as_int()
            if window is None or window < 1:
                return None
        if self.last is None:
            return None, window
        return "start" if offset == const(0) else "end", window

    def leaves_keys(self, queries: Expr, keys: Expr, ranges: dict[str, tuple[int, int, int]]) -> bool:
        """Whether every query has a key, whatever the sizes are."""
        wanted = [keys - 1] if self.last is None else [self.last, keys - 1]
        if self.first is not None:
            wanted.append(keys - queries - self.first)  # the last query's first key is there
        try:
            return all(size.bounds(ranges)[0] >= 0 for size in wanted)
        except KeyError:
            return False


class Condition(NamedTuple):
    """Where a key counts: where a tensor of truth values on [..., queries, keys] is `holds`."""

    value: SSAValue
    holds: bool = True

    def parts(self, depth: int = 8) -> list[Condition]:
        """The conditions that are all to hold."""
        value = unwidened(self.value)
        op = value.owner
        if depth and isinstance(op, nn.LogicalNotOp):
            return Condition(op.x, not self.holds).parts(depth - 1)
        if depth and isinstance(op, nn.LogicalAndOp if self.holds else nn.LogicalOrOp):
            return [part for each in op.operands for part in Condition(each, self.holds).parts(depth - 1)]
        return [Condition(value, self.holds)]

    def bounds(self, queries: Expr, keys: Expr) -> Bounds | None:
        """The bounds that this is; none at all where it always holds."""
        array, op = nn.value_of(self.value, _WHY), self.value.owner
        if array is not None:
            return bounds_of_array(array == self.holds, queries, keys)
        return _compared(op, self.holds) if isinstance(op, nn.CompareOp) else None


def unwidened(mask: SSAValue) -> SSAValue:
    """A mask before it was repeated, or got dims of 1 in front."""
    for _ in range(_DEPTH):
        op = mask.owner
        if not isinstance(op, nn.BroadcastToOp) and not (isinstance(op, nn.ReshapeOp) and _keeps_last(op)):
            break
        mask = op.x
    return mask


def _keeps_last(op: nn.ReshapeOp) -> bool:
    """Whether a reshape adds or removes dims of 1 in front only."""
    one, other = (list(shape_of(x)) for x in (op.x, op.result))
    while len(one) > 2 and one[0].as_int() == 1:
        del one[0]
    while len(other) > 2 and other[0].as_int() == 1:
        del other[0]
    return one == other


def bounds_of_array(allowed: np.ndarray, queries: Expr, keys: Expr) -> Bounds | None:
    """Those of truth values [..., queries, keys] that are the same for all batches and heads."""
    if allowed.all():
        return Bounds()
    sizes = (queries.as_int(), keys.as_int())
    if allowed.shape[-2:] != sizes or not allowed.any():
        return None
    slices = allowed.reshape(-1, *allowed.shape[-2:])
    rows = slices[0]
    if not (slices == rows).all():
        return None
    height, width = (int(size) for size in allowed.shape[-2:])
    gap = np.arange(width)[None] - np.arange(height)[:, None]
    last, first = int(gap[rows].max()), int(gap[rows].min())
    bounded = [None if last == width - 1 else last, None if first == 1 - height else first]
    inside = np.ones_like(rows)
    if bounded[0] is not None:
        inside &= gap <= last
    if bounded[1] is not None:
        inside &= gap >= first
    if not np.array_equal(inside, rows):
        return None
    return Bounds(*(None if each is None else const(each) for each in bounded))


# Comparisons of positions.


@dataclass(frozen=True)
class _Place:
    """`offset`, plus the coordinate along an axis, counted from the end (-1: keys)."""

    axis: int | None
    offset: Expr


def _compared(op: nn.CompareOp, holds: bool) -> Bounds | None:
    left, right = _place(op.lhs), _place(op.rhs)
    predicate = op.predicate.data if holds else _OPPOSITE.get(op.predicate.data)
    if left is None or right is None or {left.axis, right.axis} != {-1, -2}:
        return None
    if left.axis == -2:
        left, right = right, left
        predicate = None if predicate is None else _FLIPPED.get(predicate)
    gap = right.offset - left.offset  # key <= query + gap
    match predicate:
        case Predicate.LE:
            return Bounds(last=gap)
        case Predicate.LT:
            return Bounds(last=gap - 1)
        case Predicate.GE:
            return Bounds(first=gap)
        case Predicate.GT:
            return Bounds(first=gap + 1)
        case _:
            return None


_FLIPPED = {
    Predicate.LE: Predicate.GE, Predicate.LT: Predicate.GT, Predicate.GE: Predicate.LE, Predicate.GT: Predicate.LT,
}  # fmt: skip
_OPPOSITE = {
    Predicate.LE: Predicate.GT, Predicate.LT: Predicate.GE, Predicate.GE: Predicate.LT, Predicate.GT: Predicate.LE,
}  # fmt: skip


def _place(value: SSAValue, depth: int = _DEPTH) -> _Place | None:
    """What an integer tensor holds, if that is a coordinate plus a number."""
    op = value.owner
    if depth == 0 or not isinstance(element_of(value), IntegerType):
        return None
    match op:
        case nn.ConstantOp():
            return _place_of_array(op.array())
        case nn.IotaOp():
            axis = op.axis.value.data
            unit = shape_of(value)[axis].as_int() == 1
            return _Place(None if unit else axis - rank_of(value), const(0))
        case nn.SizeOp():
            return _Place(None, op.expr)
        case nn.ShapeValueOp():
            return _Place(None, op.dims.exprs[0]) if len(op.dims.exprs) == 1 else None
        case nn.CastOp() | nn.BroadcastToOp():
            return _place(op.x, depth - 1)
        case nn.ReshapeOp():
            inner = _place(op.x, depth - 1)
            return None if inner is None else _moved(inner, shape_of(op.x), shape_of(op.result))
        case nn.AddOp() | nn.SubOp():
            sign = 1 if isinstance(op, nn.AddOp) else -1
            left, right = _place(op.lhs, depth - 1), _place(op.rhs, depth - 1)
            if left is None or right is None or (left.axis is not None and right.axis is not None):
                return None
            if sign < 0 and right.axis is not None:
                return None
            return _Place(right.axis if left.axis is None else left.axis, left.offset + right.offset * sign)
        case _:
            return None


def _place_of_array(array: np.ndarray) -> _Place | None:
    if array.size == 1:
        return _Place(None, const(int(array.reshape(-1)[0])))
    wide = [axis for axis, size in enumerate(array.shape) if size > 1]
    numbers = array.reshape(-1)
    if len(wide) != 1 or not np.array_equal(numbers, np.arange(array.size) + int(numbers[0])):
        return None
    return _Place(wide[0] - array.ndim, const(int(numbers[0])))


def _moved(place: _Place, before: Sequence[Expr], after: Sequence[Expr]) -> _Place | None:
    """A place after a reshape that adds or removes dims of 1."""
    wide = [axis for axis, size in enumerate(after) if size.as_int() != 1]
    if place.axis is None:
        return place if not wide else None
    if len(wide) != 1 or sum(size.as_int() != 1 for size in before) != 1:
        return None
    return _Place(wide[0] - len(after), place.offset)
