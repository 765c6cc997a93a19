"""A pattern of `canonicalize-nn`: a gather whose indices count the rows of its table from the first to the last is a view of it.

    %flat = nn.reshape %mask : [N, L] -> [N * L]
    %rows = nn.mul %n, %length : [N, 1], [1]        ->      nn.reshape %mask : [N, L] -> [N, 1, L]
    %index = nn.add %rows, %l : [N, 1, 1], [L]
    nn.gather %flat, %index : -> [N, 1, L]

So exporters write `mask[n, l]` for all n and l, as transformers does for every attention mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.nn import element_of, rank_of, shape_of
from ..remarks import remark

NAME = "canonicalize-nn"
MOST_OPS = 16
"""Ops between two counts and the indices."""


@dataclass(frozen=True)
class Affine:
    """Integers that are a start plus, for some of the dims, a step times the coordinate."""

    start: Expr
    steps: tuple[Expr, ...]
    """One for each dim, 0 where the coordinate does not matter."""


def affine(value: SSAValue, depth: int = MOST_OPS) -> Affine | None:
    """The integers of a value as an affine function of the coordinates, where it is computed as one."""
    op = value.owner
    if not isinstance(op, Operation) or not depth or element_of(value) not in (i32, i64):
        return None
    rank = rank_of(value)
    match op:
        case nn.IotaOp():
            return Affine(const(0), tuple(const(int(axis == op.axis.value.data)) for axis in range(rank)))
        case nn.ShapeValueOp() if len(op.dims.exprs) == 1:
            return Affine(op.dims.exprs[0], (const(0),))
        case nn.ConstantOp():
            number = nn.splat_of(value, "which rows are counted")
            return None if number is None else Affine(const(int(number)), (const(0),) * rank)
        case nn.CastOp():
            return affine(op.x, depth - 1)
        case nn.ReshapeOp():
            return _reshaped(affine(op.x, depth - 1), shape_of(op.x), shape_of(value))
        case nn.BroadcastToOp():
            return _spread(affine(op.x, depth - 1), rank)
        case nn.AddOp() | nn.MulOp():
            a, b = (_spread(affine(v, depth - 1), rank) for v in op.operands)
            if a is None or b is None:
                return None
            return _sum(a, b) if isinstance(op, nn.AddOp) else _product(a, b)
        case _:
            return None


def _spread(found: Affine | None, rank: int) -> Affine | None:
    """The same for a value that is broadcast to more dims; a dim of 1 has no step that matters, `affine` gives it none."""
    return found and Affine(found.start, (const(0),) * (rank - len(found.steps)) + found.steps)


def _reshaped(found: Affine | None, dims: Sequence[Expr], result: Sequence[Expr]) -> Affine | None:
    """The same where a reshape adds or drops dims of 1."""
    if found is None or [d for d in dims if d != 1] != [d for d in result if d != 1]:
        return None
    steps = iter([step for step, d in zip(found.steps, dims, strict=True) if d != 1])
    return Affine(found.start, tuple(const(0) if d == 1 else next(steps) for d in result))


def _sum(a: Affine, b: Affine) -> Affine:
    return Affine(a.start + b.start, tuple(x + y for x, y in zip(a.steps, b.steps, strict=True)))


def _product(a: Affine, b: Affine) -> Affine | None:
    """Of a number and an affine function."""
    if any(step != 0 for step in a.steps):
        a, b = b, a
    if any(step != 0 for step in a.steps):
        return None
    return Affine(a.start * b.start, tuple(a.start * step for step in b.steps))


def counts(found: Affine, dims: Sequence[Expr]) -> bool:
    """Whether the numbers are 0, 1, 2, ... in row-major order."""
    after = const(1)
    for step, size in reversed(list(zip(found.steps, dims, strict=True))):
        if size == 1:
            continue
        if step != after:
            return False
        after = after * size
    return found.start == 0


class GatherInOrder(RewritePattern):
    """gather(x, 0 1 2 ... n - 1) -> reshape(x), where x has n rows."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.GatherOp, rewriter: PatternRewriter, /) -> None:
        found = affine(op.indices)
        if found is None:
            return
        dims, size = shape_of(op.indices), const(1)
        for d in dims:
            size = size * d
        if not counts(found, dims) or size != shape_of(op.x)[op.axis.value.data]:
            remark(op, "missed", NAME, "not a view: its indices do not count all rows in their order")
            return
        rewriter.replace(op, nn.ReshapeOp(op.x, shape_of(op.result)))
