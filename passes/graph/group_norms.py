"""
Group normalisation of images whose channels lie last in memory: a pattern of `recognise-norms`.

    %1 = nn.reshape %0 : [N, C, H, W] -> [N, G, C/G * H * W]         %1 = nn.transpose %0 : [N, H, W, C]
    %2 = nn.normalize %1 {axes = array<i64: 2>}                      %2 = nn.reshape %1 : [N, H, W, G, C/G]
    %3 = nn.reshape %2 : [N, C, H, W]                         ->     %3 = nn.normalize %2 {axes = array<i64: 1, 2, 4>}
                                                                     %4 = nn.reshape %3 : [N, H, W, C]
                                                                     %5 = nn.transpose %4 : [N, C, H, W]

Exporters part the channels where they come first. Between convs these lie last, and both transposes go (eliminate-transposes); then what
multiplies and adds by channel, and the activation, go over the parted channels too, into the group of the norm.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.nn import rank_of, shape_of
from ...dialects.provenance import helper_location
from ..remarks import remark
from .editing import depends_on_constants_only, erase_unread, rebuilt

NAME = "recognise-norms"
_DEPTH = 6
"""Ops in a row that are looked at for a transpose from channels last."""
_SPLIT_RANK = 3


class GroupNorm(RewritePattern):
    """reshape(normalize(reshape(x))), perhaps times and plus numbers of groups or channels, of an x whose channels lie last."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReshapeOp, rewriter: PatternRewriter, /) -> None:
        steps = _steps(op.x)
        norm = steps[-1] if steps else None
        if not isinstance(norm, nn.NormalizeOp) or not isinstance(apart := norm.x.owner, nn.ReshapeOp):
            return
        x, dims, parted = apart.x, shape_of(apart.x), shape_of(apart.result)
        rest = list(range(2, len(parted)))
        if len(dims) < _SPLIT_RANK or shape_of(op.result) != dims or list(nn.values_of(norm.axes)) != rest:
            return
        channels, groups = dims[1].as_int(), parted[1].as_int()
        if channels is None or groups is None or channels % groups or parted[0] != dims[0]:
            return
        each = const(channels // groups)
        if parted[2:] not in ((each, *dims[2:]), _merged(norm.x)):
            return
        if not _is_channels_last(x):
            remark(norm, "missed", NAME, "groups stay as they are: the channels of what it reads do not lie last")
            return
        by_channel = len(parted) > _SPLIT_RANK
        numbers = [_by_group(value, len(parted), by_channel) for step in steps[:-1] for value in _parameters(step)]
        if None in numbers:
            remark(
                norm,
                "missed",
                NAME,
                "groups stay as they are: what it is multiplied by or added to is no number of each",
            )
            return
        new, made = _channels_last(x, const(groups), each, norm, steps[:-1], by_channel)
        made.append(nn.ReshapeOp(new, (dims[0], *dims[2:], dims[1])))
        last = rank_of(x) - 1
        made.append(nn.TransposeOp(made[-1], (0, last, *range(1, last))))
        for moved in made:
            if nn.rearranges(moved):
                moved.location = helper_location(moved.name.partition(".")[2], norm.location)
        remark(norm, "applied", NAME, "groups of channels that lie last")
        rewriter.replace(op, made)
        erase_unread(rewriter, [*steps, apart])


def _merged(value: SSAValue) -> tuple[Expr, ...]:
    """The dims after the groups, where those of a group are one."""
    dims = shape_of(value)
    return dims[2:] if len(dims) == _SPLIT_RANK else ()


def _steps(value: SSAValue) -> list[Operation]:
    """A norm and what is multiplied with and added to its result, the last first, where nothing else reads what lies between."""
    steps: list[Operation] = []
    while value.has_one_use() and isinstance(op := value.owner, nn.MulOp | nn.AddOp | nn.NormalizeOp):
        steps.append(op)
        if isinstance(op, nn.NormalizeOp):
            return steps
        before = _normalised(op)
        if len(steps) > 2 or before is None:
            return []
        value = before
    return []


def _normalised(op: nn.BinaryOp) -> SSAValue | None:
    """The operand that is no parameter."""
    wide = [v for v in op.operands if not depends_on_constants_only(v)]
    return wide[0] if len(wide) == 1 and shape_of(wide[0]) == shape_of(op.result) else None


def _parameters(op: Operation) -> list[SSAValue]:
    return [v for v in op.operands if depends_on_constants_only(v)]


def _by_group(value: SSAValue, rank: int, by_channel: bool) -> tuple[Expr, Expr] | None:
    """The dims of numbers as [groups, channels of each]; None for ones of a batch or a pixel."""
    dims = (*[const(1)] * (rank - rank_of(value)), *shape_of(value))
    own = dims[1:3] if by_channel else (dims[1], const(1))
    others = (dims[0], *dims[3:]) if by_channel else (dims[0], dims[2])
    return (own[0], own[1]) if all(d == const(1) for d in others) else None


def _channels_last(
    x: SSAValue, groups: Expr, each: Expr, norm: nn.NormalizeOp, steps: Sequence[Operation], by_channel: bool
) -> tuple[SSAValue, list[Operation]]:
    """The norm over parted channels that lie last, with the ops after it: the result, and all ops."""
    rank = rank_of(x)
    turned = nn.TransposeOp(x, (0, *range(2, rank), 1))
    apart = nn.ReshapeOp(turned, (*shape_of(turned.result)[:-1], groups, each))
    axes = [*range(1, rank - 1), rank]
    type_ = nn.with_element(apart.result, nn.element_of(norm.result))
    made: list[Operation] = [turned, apart, rebuilt(norm, [apart.result], [type_], {"axes": nn.ints(axes)})]
    value = made[-1].results[0]
    before = norm.result
    for step in reversed(steps):
        operands: list[SSAValue] = []
        for operand in step.operands:
            if operand is before:
                operands.append(value)
                continue
            own = _by_group(operand, rank_of(before), by_channel)
            assert own is not None
            made.append(nn.ReshapeOp(operand, own))
            operands.append(made[-1].results[0])
        before = step.results[0]
        made.append(rebuilt(step, operands, [nn.with_element(value, nn.element_of(before))]))
        value = made[-1].results[0]
    return value, made


def _is_channels_last(value: SSAValue) -> bool:
    """Whether a tensor, of channels first, comes from a transpose of one whose channels lie last, by pointwise ops and concats."""
    pending, depth, rank = [value], 0, rank_of(value)
    first = (0, rank - 1, *range(1, rank - 1))
    while pending and depth < _DEPTH:
        depth += 1
        found: list[SSAValue] = []
        for each in pending:
            op = each.owner
            if isinstance(op, nn.TransposeOp) and nn.values_of(op.permutation) == first:
                return True
            if isinstance(op, nn.ConcatOp) or (isinstance(op, Operation) and nn.is_pointwise(op)):
                found += [v for v in op.operands if rank_of(v) == rank and not depends_on_constants_only(v)]
        pending = found[:4]
    return False
