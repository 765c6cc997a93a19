"""Patterns of `canonicalize-nn`: pointwise ops that change nothing, and chains of bounds that are one clip."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from xdsl.dialects.builtin import bf16, f16, f32, f64, i1, i8, i32, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.dtypes import i16, is_float, numpy_dtype
from ...dialects.nn import element_of, shape_of
from ..remarks import remark

NAME = "canonicalize-nn"

_NEUTRAL: dict[type[Operation], tuple[float, bool]] = {
    nn.AddOp: (-0.0, True),
    nn.SubOp: (0.0, False),
    nn.MulOp: (1.0, True),
    nn.DivOp: (1.0, False),
    nn.PowOp: (1.0, False),
}
"""The number that changes nothing as right operand, and whether it does so as left operand too. Of floats, x + 0 is +0 for x = -0."""

_WIDENING = ((i1, i8, i16, i32, i64), (i1, i8, f16, f32, f64), (i1, i8, bf16, f32), (i16, f32), (i32, f64))
"""Chains of types in which each holds every value of those before it."""

_HOLDS = {(a, b) for chain in _WIDENING for a, b in pairwise(chain)}


def holds(narrow: Attribute, wide: Attribute) -> bool:
    """Whether a type has every value of another."""
    if narrow == wide:
        return True
    return any(b == wide or holds(b, wide) for a, b in _HOLDS if a == narrow)


def _is_number(found: float | None, wanted: float) -> bool:
    """Whether a constant is a number; a floating-point zero has a sign."""
    return found == wanted and (not isinstance(found, float) or math.copysign(1, found) == math.copysign(1, wanted))


class NeutralOperand(RewritePattern):
    """x + -0, x - 0, x * 1, x / 1, x ** 1 -> x; of integers x + 0 -> x."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        neutral = _NEUTRAL.get(type(op))
        if neutral is None:
            return
        number, commutes = neutral
        for kept, other in ((0, 1), (1, 0)) if commutes else ((0, 1),):
            value = op.operands[kept]
            if value.type != op.results[0].type:
                continue
            found = nn.splat_of(op.operands[other], "what changes nothing")
            if _is_number(found, number):
                rewriter.replace(op, [], [value])
                return
            if found == number and isinstance(op, nn.AddOp | nn.SubOp):
                remark(op, "missed", NAME, f"kept: {op.name} of {found} makes another zero of -0")


class SameType(RewritePattern):
    """A cast, reshape, broadcast, slice or concat that gives its only operand back -> the operand."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op, nn.CastOp | nn.ReshapeOp | nn.BroadcastToOp | nn.SliceOp | nn.ConcatOp | nn.PadOp):
            return
        if len(op.operands) != 1 or op.operands[0].type != op.results[0].type:
            return
        if isinstance(op, nn.SliceOp) and min(nn.values_of(op.steps), default=1) < 0:
            return
        rewriter.replace(op, [], [op.operands[0]])


class DoubleCast(RewritePattern):
    """A -> B -> C is A -> C where B holds every value of A."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.CastOp, rewriter: PatternRewriter, /) -> None:
        inner = op.x.owner
        if not isinstance(inner, nn.CastOp):
            return
        source, middle = element_of(inner.x), element_of(inner.result)
        if not holds(source, middle):
            remark(op, "missed", NAME, f"two casts are not one: {middle} does not hold each number of {source}")
            return
        rewriter.replace(op, nn.CastOp(inner.x, element_of(op.result)))


class ConstantCondition(RewritePattern):
    """where(true, a, b) -> a; where(c, a, a) -> a."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.WhereOp, rewriter: PatternRewriter, /) -> None:
        condition = nn.splat_of(op.condition, "which branch is taken")
        if condition is None and op.on_true != op.on_false:
            return
        taken = op.on_false if condition == 0 else op.on_true
        if taken.type == op.result.type:
            rewriter.replace(op, [], [taken])
        else:
            rewriter.replace(op, nn.BroadcastToOp(taken, shape_of(op.result)))


class ImplicitBroadcast(RewritePattern):
    """A pointwise op on a broadcast reads the narrow value where the others span the result's shape."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op, nn.BinaryOp | nn.CompareOp | nn.WhereOp):
            return
        dims, stay = shape_of(op.results[0]), False
        for index, operand in enumerate(op.operands):
            source = operand.owner
            if not isinstance(source, nn.BroadcastToOp):
                continue
            if any(shape_of(v) == dims for i, v in enumerate(op.operands) if i != index):
                op.operands[index] = source.x
                rewriter.notify_op_modified(op)
                return
            stay = True
        if stay:
            remark(op, "missed", NAME, "its broadcast stays: no other operand has the shape of the result")


class PowerToProduct(RewritePattern):
    """x ** 2 -> x * x, x ** -1 -> 1 / x; x ** 0.5 is no square root for -0 and -inf."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.PowOp, rewriter: PatternRewriter, /) -> None:
        if op.lhs.type != op.result.type or not is_float(element_of(op.result)):
            return
        match nn.splat_of(op.rhs, "which power is a product"):
            case None:
                return
            case 2.0:
                rewriter.replace(op, nn.MulOp(op.lhs, op.lhs))
            case -1.0:
                rewriter.replace(op, nn.ReciprocalOp(op.lhs))
            case 0.5:
                remark(op, "missed", NAME, "a power of 0.5 stays: a square root is another number for -0 and -inf")
            case power:
                remark(
                    op, "missed", NAME, f"a power of {power} stays: only 2 and -1 are made a product and a reciprocal"
                )


class ExactDivision(RewritePattern):
    """x / 2**k -> x * 2**-k, which rounds alike."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DivOp, rewriter: PatternRewriter, /) -> None:
        divisor = nn.splat_of(op.rhs, "which quotient is a product")
        if divisor is None or not is_float(element_of(op.result)):
            return
        power = math.frexp(abs(divisor))[0] == 0.5
        if not power or not 2.0**-14 <= abs(divisor) <= 2.0**14:
            why = "is beyond 2**14, and may not fit" if power else "is not a power of two, and would round"
            remark(op, "missed", NAME, f"a quotient by {divisor} stays: its reciprocal {why}")
            return
        dims = [d.as_int() or 1 for d in shape_of(op.rhs)]
        factor = nn.ConstantOp(np.full(dims, 1 / divisor, numpy_dtype(element_of(op.rhs))))
        rewriter.replace(op, [factor, nn.MulOp(op.lhs, factor)])


def _bounds(op: Operation) -> tuple[SSAValue, float, float] | None:
    """(x, low, high) of an op that computes `min(max(x, low), high)`."""
    if not op.results or not is_float(element_of(op.results[0])):
        return None
    match op:
        case nn.ReluOp():
            return op.x, 0.0, math.inf
        case nn.ClipOp():
            return op.x, op.min.value.data, op.max.value.data
        case nn.MinOp() | nn.MaxOp():
            for x, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
                bound = nn.splat_of(other, "the bounds of nn.clip")
                if bound is not None and not math.isnan(bound) and x.type == op.result.type:
                    return (x, bound, math.inf) if isinstance(op, nn.MaxOp) else (x, -math.inf, bound)
            return None
        case _:
            return None


def _order(number: float) -> tuple[float, float]:
    """Sorts -0 before +0, as `nn.min` and `nn.max` do."""
    return number, math.copysign(1, number)


def _is_relu(low: float, high: float) -> bool:
    return _is_number(low, 0.0) and high == math.inf


def _bounded(x: SSAValue, low: float, high: float) -> Operation:
    return nn.ReluOp(x) if _is_relu(low, high) else nn.ClipOp(x, low, high)


class MergeBounds(RewritePattern):
    """relu, clip, min and max by a number: as one clip (or relu) each, and neighbours as one where their ranges meet."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op, nn.ReluOp | nn.ClipOp | nn.MinOp | nn.MaxOp):
            return
        outer = _bounds(op)
        if outer is None:
            return
        x, low, high = outer
        if (low, high) == (-math.inf, math.inf):
            rewriter.replace(op, [], [x])
            return
        inner = _bounds(x.owner) if isinstance(x.owner, Operation) and not isinstance(x.owner, nn.SOURCES) else None
        if inner is not None:
            both = max(low, inner[1], key=_order), min(high, inner[2], key=_order)
            if _order(both[0]) <= _order(both[1]):
                rewriter.replace(op, _bounded(inner[0], *both))
                return
            remark(
                op, "missed", NAME, f"bounds not merged: no number is in [{low}, {high}] and [{inner[1]}, {inner[2]}]"
            )
        if isinstance(op, nn.MinOp | nn.MaxOp) or (isinstance(op, nn.ClipOp) and _is_relu(low, high)):
            rewriter.replace(op, _bounded(x, low, high))


IDENTITIES: tuple[type[RewritePattern], ...] = (
    NeutralOperand,
    SameType,
    DoubleCast,
    ConstantCondition,
    ImplicitBroadcast,
    PowerToProduct,
    ExactDivision,
    MergeBounds,
)
