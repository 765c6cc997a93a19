"""The forms in which exporters divide vectors by their lengths: what `recognise-norms` finds above a quotient or a product.

    x / |x|        x / clip(|x|, epsilon), x / max(|x|, epsilon)        x * rsqrt(max(|x| * |x|, epsilon))

Between the sum of squares and the result lie powers, one lower bound, casts, and what brings the dims of x back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.dims import const
from ...dialects.dtypes import is_float
from ...dialects.nn import element_of, shape_of
from .identities import holds
from .norm_forms import exponent_of, squared
from .polynomials import is_number, number_of

_MOVES = (nn.BroadcastToOp, nn.ReshapeOp, nn.CastOp)
_STEPS = (*_MOVES, nn.ClipOp, nn.SqrtOp, nn.RsqrtOp, nn.ReciprocalOp, nn.PowOp)
_MOST = 8
"""Ops between the sum of squares and the result."""
_EPSILON = "the least length of a norm that is one op"


@dataclass(frozen=True)
class Length:
    """The lengths of vectors, `epsilon` at least."""

    x: SSAValue
    axes: Sequence[int]
    epsilon: float
    ops: list[Operation]
    """What computes them."""


def length_above(op: nn.DivOp | nn.MulOp) -> Length | str | None:
    """The length by which an op divides its other operand, which has that length; why it is not one op, or None where it is nothing of
    the kind."""
    if isinstance(op, nn.DivOp):
        return _length(op.rhs, op.lhs, 1.0, op.result)
    return _length(op.rhs, op.lhs, -1.0, op.result) or _length(op.lhs, op.rhs, -1.0, op.result)


def _length(value: SSAValue, x: SSAValue, power: float, result: SSAValue) -> Length | str | None:
    """`value` as the length of x to a power, 1 or -1."""
    path = _path(value)
    if not path or not isinstance(total := path.pop(), nn.ReduceOp):
        return None
    squares = (total.x, []) if total.kind.data == nn.ReduceKind.SUMSQ else squared(total, nn.ReduceKind.SUM)
    if squares is None or not _is(squares[0], x):
        return None
    exponent, epsilon = 1.0, None
    for op in path:
        if (low := _lower_bound(op)) is not None:
            if epsilon is not None or exponent * power < 0 or not 0 <= low < inf:
                return "its lengths have another bound than one below"
            epsilon = low ** (exponent * power)
        elif not isinstance(op, _MOVES):
            exponent *= exponent_of(op) or 0.0
    if exponent != power / 2:
        return "it is not divided by the root of its sum of squares"
    axes = list(nn.values_of(total.axes))
    kept = tuple(const(1) if axis in axes else d for axis, d in enumerate(shape_of(x)))
    moves = [op for op in path if isinstance(op, nn.BroadcastToOp | nn.ReshapeOp)]
    # Where they are repeated, that is the last thing that is done to them.
    given = value if not moves else moves[0].x if isinstance(moves[0], nn.BroadcastToOp) else moves[0].result
    if result.type != x.type or not axes or shape_of(given) != kept:
        return "its lengths do not have the dims of its vectors"
    return Length(x, axes, epsilon or 0.0, [*path, total, *squares[1]])


def _path(value: SSAValue) -> list[Operation]:
    """The ops from a value up to a reduction; none where others are between. No initializer is looked at."""
    path: list[Operation] = []
    while len(path) < _MOST and isinstance(op := value.owner, Operation):
        path.append(op)
        match op:
            case nn.ReduceOp():
                return path
            case nn.MaxOp() | nn.DivOp():
                number = next((v for v in op.operands if is_number(v)), None)
                if number is None or (isinstance(op, nn.DivOp) and number is not op.lhs):
                    return []
                value = op.rhs if number is op.lhs else op.lhs
            case nn.PowOp() if not is_number(op.rhs):
                return []
            case nn.CastOp() if not is_float(element_of(op.x)) or not is_float(element_of(op.result)):
                return []
            case nn.ClipOp() if nn.clip_bounds(op)[1] != inf:
                return []
            case _ if isinstance(op, _STEPS):
                value = op.operands[0]
            case _:
                return []
    return []


def _is(value: SSAValue, x: SSAValue) -> bool:
    """Whether a value is x, or x in a wider type."""
    cast = value.owner
    widened = isinstance(cast, nn.CastOp) and cast.x is x and holds(element_of(x), element_of(value))
    return value is x or widened


def _lower_bound(op: Operation) -> float | None:
    """The number above which an op holds others."""
    if isinstance(op, nn.ClipOp):
        return float(nn.clip_bounds(op)[0])
    if isinstance(op, nn.MaxOp):
        return number_of(op.lhs if is_number(op.lhs) else op.rhs, _EPSILON)
    return None
