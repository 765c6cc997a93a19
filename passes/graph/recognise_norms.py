"""`recognise-norms`: the ops that exporters write for a normalisation become one op, and so do those of a softmax.

    %m = nn.reduce mean %x                                %n = nn.normalize %x {axes = ..., epsilon = ..., centred = true}
    %d = nn.sub %x, %m
    %v = nn.reduce mean (%d * %d)
    %n = nn.div %d, sqrt(%v + %epsilon)           ->      and with a scale and a bias of the last dims
    %y = nn.add (nn.mul %n, %scale), %bias                %y = nn.layer_norm %x, %scale, %bias

The anchor is the mean of squares: from it down to x, which is centred or not (RMS normalisation), and up through the root, as `sqrt`,
`rsqrt`, a power, or a quotient of 1, to the product with what was squared. Group and instance normalisation are `nn.normalize` with the
pointwise ops and views that follow, over channels where they lie last (group_norms.py); so are norms with a scale alone. What divides
vectors by their lengths (lengths.py) is one `nn.l2_normalize`. A softmax is exp(x - max) / sum of that, or the same without the maximum,
which then does not overflow; a log_softmax takes the logarithm of the sum off x - max. Each walk is bounded: linear. Refused, with a
remark, where a number is missing, axes differ or dims are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.nn import element_of, rank_of
from ..remarks import remark
from ..rewriting import apply_patterns
from .editing import depends_on_constants_only, erase_unread
from .group_norms import GroupNorm
from .lengths import length_above
from .norm_forms import norm_of, users_of

NAME = "recognise-norms"


class Normalize(RewritePattern):
    """x / sqrt(mean(x * x) + epsilon), of x or of x less its mean."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReduceOp, rewriter: PatternRewriter, /) -> None:
        found = norm_of(op)
        if isinstance(found, str):
            remark(op, "missed", NAME, f"not a norm: {found}")
        elif found is not None:
            new: list[Operation] = [nn.NormalizeOp(found.x, found.axes, found.epsilon, found.centred)]
            if found.scale is not None and found.bias is not None:
                new.append(nn.MulOp(new[0], found.scale))
                new.append(nn.AddOp(new[1], found.bias))
            _replace(rewriter, found.root, new, found.ops)


class LayerNorm(RewritePattern):
    """A norm of the last dims times a scale plus a bias, both of these dims and known when the network is built."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.NormalizeOp, rewriter: PatternRewriter, /) -> None:
        axes = list(nn.values_of(op.axes))
        if not op.centred or axes != list(range(axes[0], rank_of(op.x))):
            return
        for scaled in users_of(op.result):
            scale = _parameter(scaled, nn.MulOp, op.result, len(axes))
            for shifted in users_of(scaled.results[0]) if scale is not None else ():
                bias = _parameter(shifted, nn.AddOp, scaled.results[0], len(axes))
                if scale is None or bias is None or op.result.type != op.x.type:
                    continue
                new = nn.LayerNormOp(op.x, scale, bias, axes[0], op.epsilon.value.data)
                _replace(rewriter, shifted, new, [scaled, op])
                return


class L2Normalize(RewritePattern):
    """x / max(|x|, epsilon), or x times the reciprocal of such a length."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BinaryOp, rewriter: PatternRewriter, /) -> None:
        found = length_above(op) if isinstance(op, nn.DivOp | nn.MulOp) else None
        if isinstance(found, str):
            remark(op, "missed", NAME, f"not a norm: {found}")
        elif found is not None:
            _replace(rewriter, op, nn.L2NormalizeOp(found.x, found.axes, found.epsilon), found.ops)


def _parameter(op: Operation, kind: type[nn.BinaryOp], value: SSAValue, dims: int) -> SSAValue | None:
    """The other operand of an op of a kind, if it is known when the network is built and has no more than the last dims."""
    if not isinstance(op, kind) or op.result.type != value.type:
        return None
    other = op.rhs if op.lhs is value else op.lhs
    fits = other is not value and rank_of(other) <= dims and element_of(other) == element_of(value)
    return other if fits and depends_on_constants_only(other) else None


def _exponentials(total: object) -> tuple[SSAValue, int, list[Operation]] | None:
    """The value of whose exponentials an op is the sum along one dim, which stays, that dim, and the ops."""
    if not isinstance(total, nn.ReduceOp) or not isinstance(power := total.x.owner, nn.ExpOp):
        return None
    axes = list(nn.values_of(total.axes))
    if total.kind.data != nn.ReduceKind.SUM or not total.keepdims or len(axes) != 1:
        return None
    return power.x, axes[0], [total, power]


def _maximum_taken_off(value: SSAValue, axis: int) -> tuple[SSAValue, list[Operation]]:
    """x of `x - max(x)` along the dim; any other value as it is."""
    sub = value.owner
    if isinstance(sub, nn.SubOp) and isinstance(largest := sub.rhs.owner, nn.ReduceOp) and largest.x == sub.lhs:
        same = largest.kind.data == nn.ReduceKind.MAX and list(nn.values_of(largest.axes)) == [axis]
        if same and largest.keepdims:
            return sub.lhs, [sub, largest]
    return value, []


class Softmax(RewritePattern):
    """exp(x - max) / sum(exp(x - max)) along one axis; exp(x) / sum(exp(x)) too."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DivOp, rewriter: PatternRewriter, /) -> None:
        power, total = op.lhs.owner, op.rhs.owner
        if not isinstance(power, nn.ExpOp) or not isinstance(total, nn.ReduceOp) or total.x is not power.result:
            return
        found = _exponentials(total)
        if found is None or op.result.type != power.x.type:
            remark(op, "missed", NAME, "not a softmax: it is not divided by its sum along one dim that stays")
            return
        value, axis, ops = found
        x, more = _maximum_taken_off(value, axis)
        _replace(rewriter, op, nn.SoftmaxOp(x, axis), [*ops, *more])


class LogSoftmax(RewritePattern):
    """x - max - log(sum(exp(x - max))) along one axis; x - log(sum(exp(x))) too."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SubOp, rewriter: PatternRewriter, /) -> None:
        logarithm = op.rhs.owner
        if not isinstance(logarithm, nn.LogOp) or (found := _exponentials(logarithm.x.owner)) is None:
            return
        value, axis, ops = found
        if op.lhs is not value or op.result.type != value.type:
            remark(op, "missed", NAME, "not a log_softmax: the logarithm is taken off another value")
            return
        x, more = _maximum_taken_off(value, axis)
        _replace(rewriter, op, nn.LogSoftmaxOp(x, axis), [logarithm, *ops, *more])


def _replace(
    rewriter: PatternRewriter, root: Operation, new: nn.NnOp | Sequence[Operation], others: Sequence[Operation]
) -> None:
    """Put ops in the place of `root`; what nothing else reads goes."""
    made = [new] if isinstance(new, Operation) else list(new)
    inner = [op for op in others if op is not root]
    remark(root, "applied", NAME, f"{len(inner) + 1} ops become {made[0].name}")
    rewriter.replace(root, made)
    erase_unread(rewriter, inner)


@dataclass(frozen=True)
class RecogniseNormsPass(ModulePass):
    """Make one op of each normalisation and softmax that is written with several."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [Normalize(), LayerNorm(), GroupNorm(), L2Normalize(), Softmax(), LogSoftmax()])
