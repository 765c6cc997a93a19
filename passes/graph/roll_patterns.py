"""
Patterns of `canonicalize-nn`: rolls, and tensors parted by strided slices.

    %0 = nn.slice %x from 3        -> %2 = nn.roll %x by -3        %0, %1 = the even and odd rows of %x      -> %3 = nn.reshape %x
    %1 = nn.slice %x to 3                                          %2 = nn.concat %0, %1 along channels         %4 = nn.transpose %3
    %2 = nn.concat %0, %1                                                                                       %2 = nn.reshape %4

A row op, which computes each row alone, can read these where they are: it goes behind a roll of rows, and over dims that are merged to its
rows (windows and patch merging of Swin).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import TypeAlias

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.dims import product as count_of
from ...dialects.nn import rank_of, shape_of
from ...dialects.provenance import helper_location
from ..remarks import remark
from .editing import rebuilt

NAME = "canonicalize-nn"
_Norm: TypeAlias = nn.SoftmaxOp | nn.LogSoftmaxOp | nn.LayerNormOp | nn.NormalizeOp
_NORMS = (nn.SoftmaxOp, nn.LogSoftmaxOp, nn.LayerNormOp, nn.NormalizeOp)
_MOST_PARTS = 64
"""Slices that are looked at as parts of one tensor."""


class RollOfSlices(RewritePattern):
    """concat(x[a:], x[:a]) -> roll(x) by -a."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConcatOp, rewriter: PatternRewriter, /) -> None:
        if len(op.inputs) != 2:
            return
        last, first = (value.owner for value in op.inputs)
        if not isinstance(last, nn.SliceOp) or not isinstance(first, nn.SliceOp) or last.x is not first.x:
            return
        axis, dims = op.axis.value.data, shape_of(last.x)
        cut = shape_of(first.result)[axis]
        starts = [const(0)] * len(dims)
        whole = shape_of(op.result) == dims and {*nn.values_of(last.steps), *nn.values_of(first.steps)} <= {1}
        from_start = list(first.starts.exprs) == starts
        starts[axis] = cut
        if not whole or not from_start or list(last.starts.exprs) != starts:
            return
        rest = (dims[axis] - cut).as_int()
        shift = rest if rest is not None else -(cut.as_int() or 0)
        if rest is None and cut.as_int() is None:
            remark(op, "missed", NAME, f"not a roll: it moves by {cut}, which only a run knows")
            return
        rewriter.replace(op, nn.RollOp(last.x, [shift if i == axis else 0 for i in range(len(dims))]))


class MergeRolls(RewritePattern):
    """roll(roll(x)) -> roll(x), and a roll by nothing -> x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.RollOp, rewriter: PatternRewriter, /) -> None:
        x, shifts = op.x, nn.values_of(op.shifts)
        if isinstance(x.owner, nn.RollOp):
            shifts = [a + b for a, b in zip(shifts, nn.values_of(x.owner.shifts), strict=True)]
            x = x.owner.x
        sizes = [extent.as_int() for extent in shape_of(x)]
        shifts = [shift % size if size else shift for shift, size in zip(shifts, sizes, strict=True)]
        if not any(shifts):
            rewriter.replace(op, [], [x])
        elif x is not op.x:
            rewriter.replace(op, nn.RollOp(x, shifts))


class RollAboveNorm(RewritePattern):
    """roll(norm(x)) -> norm(roll(x)), where it moves rows: the norm reads them where they are."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.RollOp, rewriter: PatternRewriter, /) -> None:
        norm = op.x.owner
        if not isinstance(norm, _NORMS):
            return
        if (why := self._refuse(op, norm)) is not None:
            remark(op, "missed", NAME, f"not moved above {norm.name}: {why}")
            return
        moved = nn.RollOp(norm.x, nn.values_of(op.shifts))
        moved.location = op.location
        rewriter.replace(op, [moved, rebuilt(norm, [moved.result, *norm.operands[1:]], norm.result_types)])

    def _refuse(self, op: nn.RollOp, norm: _Norm) -> str | None:
        if not op.x.has_one_use():
            return "its result has other users"
        if any(nn.values_of(op.shifts)[axis] for axis in nn.reduced_axes(norm)):
            return "it moves elements of a row"
        # One norm that reads the rows is enough; a chain of norms and rolls would move each roll past all norms.
        return "it normalises the result of another norm" if isinstance(norm.x.owner, _NORMS) else None


class PartsAsTranspose(RewritePattern):
    """A concat of all strided slices of one tensor (space to depth) -> a transpose between reshapes."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConcatOp, rewriter: PatternRewriter, /) -> None:
        if not 1 < len(op.inputs) <= _MOST_PARTS or not all(isinstance(v.owner, nn.SliceOp) for v in op.inputs):
            return
        parts = [_part_of(value) for value in op.inputs]
        x, _, steps = parts[0]
        if all(step == 1 for step in steps) or any(part[0] is not x or part[2] != steps for part in parts):
            return
        order = _order([starts for _, starts, _ in parts], steps)
        dims = [extent.as_int() for extent in shape_of(x)]
        exact = all(step == 1 or (n is not None and n % step == 0) for n, step in zip(dims, steps, strict=True))
        if order is None or not exact or any(shape_of(part) != _part_dims(x, steps) for part in op.inputs):
            why = (
                "a dim is no multiple of the steps"
                if order and not exact
                else "some elements are in none, or in several"
            )
            remark(op, "missed", NAME, f"not a transpose of the tensor whose strided slices it joins: {why}")
            return
        rewriter.replace(op, _parted(x, steps, order, op))


def _part_of(value: SSAValue) -> tuple[SSAValue, list[Expr], list[int]]:
    """The tensor of which a value is a slice, through slices of slices, where it starts, and its steps."""
    starts, steps = [const(0)] * rank_of(value), [1] * rank_of(value)
    while isinstance(op := value.owner, nn.SliceOp):
        own = nn.values_of(op.steps)
        starts = [begin + start * step for begin, start, step in zip(op.starts.exprs, starts, own, strict=True)]
        steps = [step * inner for step, inner in zip(own, steps, strict=True)]
        value = op.x
    return value, starts, steps


def _order(starts: Sequence[Sequence[Expr]], steps: Sequence[int]) -> tuple[int, ...] | None:
    """The strided axes in the order in which the parts run through their starts, the slowest first; None where they do not."""
    strided = [axis for axis, step in enumerate(steps) if step != 1]
    wanted = [list(each) for each in starts]
    if min(steps) < 1 or len(strided) > 3:
        return None
    for order in permutations(strided):
        expected: list[list[Expr]] = []
        for at in product(*(range(steps[axis]) for axis in order)):
            start = dict(zip(order, at, strict=True))
            expected.append([const(start.get(axis, 0)) for axis in range(len(steps))])
        if expected == wanted:
            return order
    return None


def _part_dims(x: SSAValue, steps: Sequence[int]) -> tuple[Expr, ...]:
    """The shape of each part where together they are all of a tensor."""
    return tuple(extent if step == 1 else extent // step for extent, step in zip(shape_of(x), steps, strict=True))


def _parted(x: SSAValue, steps: Sequence[int], order: Sequence[int], op: nn.ConcatOp) -> list[Operation]:
    """reshape(transpose(reshape(x))): each strided dim as two, the inner ones before the dim that the parts are joined along."""
    split: list[Expr] = []
    outer: list[int] = []
    inner: dict[int, int] = {}
    for axis, (extent, step) in enumerate(zip(shape_of(x), steps, strict=True)):
        outer.append(len(split))
        split.append(extent if step == 1 else extent // step)
        if step != 1:
            inner[axis] = len(split)
            split.append(const(step))
    joined = op.axis.value.data
    permutation = [*outer[:joined], *(inner[axis] for axis in order), *outer[joined:]]
    parted = nn.ReshapeOp(x, split)
    moved = nn.TransposeOp(parted, permutation)
    return [parted, moved, nn.ReshapeOp(moved, shape_of(op.result))]


class NormOverMergedDims(RewritePattern):
    """layer_norm(reshape(x)) -> reshape(layer_norm(x)) over several dims, where the reshape merges them from a transpose."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.LayerNormOp, rewriter: PatternRewriter, /) -> None:
        reshape = op.x.owner
        if not isinstance(reshape, nn.ReshapeOp) or not isinstance(reshape.x.owner, nn.TransposeOp):
            return
        lead, dims = shape_of(op.x)[: op.axis.value.data], shape_of(reshape.x)
        merged, parts = shape_of(op.x)[len(lead) :], dims[len(lead) :]
        splits = dims[: len(lead)] == lead and len(parts) > len(merged) and count_of(parts) == count_of(merged)
        if not splits or not all(shape_of(v) == merged for v in (op.scale, op.bias)):
            return
        rows = [nn.ReshapeOp(v, parts) for v in (op.scale, op.bias)]
        type_ = nn.with_element(reshape.x, nn.element_of(op.result))
        norm = rebuilt(op, [reshape.x, *(v.result for v in rows)], [type_])
        after = nn.ReshapeOp(norm.results[0], shape_of(op.result))
        after.location = reshape.location
        for made in rows:
            made.location = helper_location("reshape", op.location)
        rewriter.replace(op, [*rows, norm, after])


ROLL_PATTERNS: tuple[type[RewritePattern], ...] = (
    RollOfSlices,
    MergeRolls,
    RollAboveNorm,
    PartsAsTranspose,
    NormOverMergedDims,
)
