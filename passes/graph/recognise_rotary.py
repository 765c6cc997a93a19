"""`recognise-rotary`: a rotary embedding becomes arithmetic on halves, which one launch computes.

    %0 = nn.slice %x (second half)             %x2 = nn.reshape %x : [..., d] -> [..., 2, d / 2], so %cos and %sin
    %1 = nn.neg %0                             %0 = nn.slice %x2 (backwards along the dim of 2)
    %2 = nn.slice %x (first half)              %1 = nn.mul %0, %sin2
    %3 = nn.concat %1, %2              ->      %2 = nn.mul %1, dense<[[-1.0], [1.0]]>
    %4 = nn.mul %x, %cos                       %3 = nn.mul %x2, %cos2
    %5 = nn.mul %3, %sin                       %4 = nn.add %3, %2
    %6 = nn.add %4, %5                         %5 = nn.reshape %4 : [..., 2, d / 2] -> [..., d]

The halves change places by a slice that runs backwards over them, which a pointwise group reads by strides; the joined halves were a tensor
of their own, written by two launches and read by a third. The sign comes after the product: the same bits, since a product is negated
exactly. Halves that something else reads stay, with a remark. Linear.

Models that turn neighbours (GPT-J, GLM, Cohere) slice every second element, and join them along a new last dim: likewise, with
[..., d / 2, 2] in place of [..., 2, d / 2].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.dtypes import is_float, numpy_dtype
from ...dialects.nn import element_of, rank_of, shape_of
from ..remarks import remark
from ..rewriting import apply_patterns

NAME = "recognise-rotary"


@dataclass(frozen=True)
class Turned:
    """The negated second half of the last dim of x, then the first; or of each two neighbours the negated second, then the first."""

    x: SSAValue
    join: nn.ConcatOp
    neighbours: bool


@dataclass(frozen=True)
class Rotary:
    """x * cos + rotated * sin."""

    x: SSAValue
    cos: SSAValue
    sin: SSAValue
    neighbours: bool


def _turned(value: SSAValue) -> Turned | None:
    """What a value joins, where that is one tensor turned."""
    join, neighbours = value.owner, isinstance(value.owner, nn.ReshapeOp)
    if isinstance(join, nn.ReshapeOp):
        join = join.x.owner
    if not isinstance(join, nn.ConcatOp) or len(join.inputs) != 2 or join.axis.value.data != rank_of(join.result) - 1:
        return None
    second, first = (_apart(v) if neighbours else v for v in join.inputs)
    negated = second.owner if second is not None else None
    high = negated.x.owner if isinstance(negated, nn.NegOp) else None
    low = first.owner if first is not None else None
    if not isinstance(high, nn.SliceOp) or not isinstance(low, nn.SliceOp) or high.x is not low.x:
        return None
    width = shape_of(high.x)[-1].as_int()
    if width is None or width % 2 or shape_of(value) != shape_of(high.x):
        return None
    step, start = (2, 1) if neighbours else (1, width // 2)
    parts = [_is_part(high, start, step, width // 2), _is_part(low, 0, step, width // 2)]
    return Turned(high.x, join, neighbours) if all(parts) else None


def _apart(value: SSAValue) -> SSAValue | None:
    """The value to which a reshape adds a last dim of 1."""
    reshape = value.owner
    if not isinstance(reshape, nn.ReshapeOp) or shape_of(value) != (*shape_of(reshape.x), const(1)):
        return None
    return reshape.x


def _is_part(op: nn.SliceOp, start: int, step: int, size: int) -> bool:
    """Whether a slice takes these elements of the last dim, and all of the others."""
    *others, last = zip(op.starts.exprs, nn.values_of(op.steps), strict=True)
    whole = shape_of(op.x)[:-1] == shape_of(op.result)[:-1] and all(pair == (const(0), 1) for pair in others)
    return whole and last == (const(start), step) and shape_of(op.result)[-1] == const(size)


def check(op: nn.AddOp) -> Rotary | str | None:
    """The rotary embedding that an addition ends; why its halves stay; None where it ends none."""
    products = [v.owner for v in op.operands]
    for first, second in (products, products[::-1]):
        if not isinstance(first, nn.MulOp) or not isinstance(second, nn.MulOp):
            continue
        for turned, sin in (second.operands, second.operands[::-1]):
            found = _turned(turned)
            if found is None:
                continue
            x = found.x
            others = [v for v in first.operands if v is not x]
            if len(others) != 1:
                return "it is not added to a product of the same tensor"
            if not all(v.has_one_use() for v in (first.result, second.result, turned, found.join.result)):
                return "other ops read a part of it"
            if not is_float(element_of(x)):
                return f"its elements are {element_of(x)}, no floats"
            if shape_of(op.result) != shape_of(x):
                return "its factors have more elements than the tensor"
            return Rotary(x, others[0], sin, found.neighbours)
    return None


def _split(dims: tuple[Expr, ...], neighbours: bool) -> list[Expr]:
    """Dims with the last one as two halves, or as neighbours; one element stays one."""
    last = dims[-1].as_int()
    if last == 1:
        return [*dims[:-1], const(1), const(1)]
    parts = [const(2), const((last or 0) // 2)]
    return [*dims[:-1], *(parts[::-1] if neighbours else parts)]


class TurnHalves(RewritePattern):
    """x * cos + concat(-x2, x1) * sin -> x * cos + (x2, x1) * sin * (-1, 1) on halves or neighbours."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.AddOp, rewriter: PatternRewriter, /) -> None:
        found = check(op)
        if isinstance(found, str):
            remark(op, "missed", NAME, f"rotary embedding: {found}")
        if not isinstance(found, Rotary):
            return
        dims = _split(shape_of(found.x), found.neighbours)
        axis = len(dims) - (1 if found.neighbours else 2)
        made: list[Operation] = []

        def add(new: Operation) -> SSAValue:
            made.append(new)
            return new.results[0]

        x, cos, sin = (
            add(nn.ReshapeOp(v, _split(shape_of(v), found.neighbours) if rank_of(v) else []))
            for v in (found.x, found.cos, found.sin)
        )
        # The slice comes first: fusion begins a group at it, and takes in the rest.
        starts, steps = [0] * len(dims), [1] * len(dims)
        starts[axis], steps[axis] = 1, -1
        turned = add(nn.MulOp(add(nn.SliceOp(x, starts, dims, steps)), sin))
        signs = np.array([-1.0, 1.0] if found.neighbours else [[-1.0], [1.0]], numpy_dtype(element_of(found.x)))
        sign = add(nn.ConstantOp(signs))
        signed = add(nn.MulOp(turned, sign))
        total = add(nn.AddOp(add(nn.MulOp(x, cos)), signed))
        made.append(nn.ReshapeOp(total, shape_of(found.x)))
        rewriter.replace(op, made)
        remark(made[-1], "applied", NAME, f"a rotary embedding on {'neighbours' if found.neighbours else 'halves'}")


@dataclass(frozen=True)
class RecogniseRotaryPass(ModulePass):
    """Rotary embeddings without joined halves."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [TurnHalves()], recursive=False)
