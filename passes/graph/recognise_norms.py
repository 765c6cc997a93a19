"""`recognise-norms`: the ops that exporters write for a normalisation become one op, and so do those of a softmax.

    %m = nn.reduce mean %x                                %n = nn.normalize %x {axes = ..., epsilon = ..., centred = true}
    %d = nn.sub %x, %m
    %v = nn.reduce mean (%d * %d)
    %n = nn.div %d, sqrt(%v + %epsilon)           ->      and with a scale and a bias of the last dims
    %y = nn.add (nn.mul %n, %scale), %bias                %y = nn.layer_norm %x, %scale, %bias

The anchor is the mean of squares: from it down to x, which is centred or not (RMS normalisation), and up through the root, as `sqrt`,
`rsqrt`, a power, or a quotient of 1, to the product with what was squared. Group and instance normalisation are `nn.normalize` with the
pointwise ops and views that follow; so are norms with a scale alone. A softmax is exp(x - max) / sum of that, or the same without the
maximum, which does not overflow then. Each walk is bounded: linear. Refused, with a remark, where a number is missing, axes differ or
dims are dropped.
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
from ...dialects.nn import element_of, rank_of, shape_of
from ..remarks import remark
from ..rewriting import apply_patterns
from .editing import depends_on_constants_only, erase_unread
from .polynomials import is_number, number_of

NAME = "recognise-norms"
_EPSILON = "the epsilon of a norm that is one op"
_POWER = "whether a power is a root, in a norm that is one op"


def _users(value: SSAValue) -> list[Operation]:
    return [use.operation for use in value.uses]


def _same(a: SSAValue, b: SSAValue) -> bool:
    """Whether two values are one, or the same difference: older exporters subtract the mean twice."""
    return a is b or (
        isinstance(a.owner, nn.SubOp)
        and isinstance(b.owner, nn.SubOp)
        and list(a.owner.operands) == list(b.owner.operands)
    )


def _squared(op: nn.ReduceOp) -> tuple[SSAValue, list[Operation]] | None:
    """The value of whose squares the op is the mean, and the op that squares."""
    square = op.x.owner
    if op.kind.data != nn.ReduceKind.MEAN:
        return None
    if isinstance(square, nn.MulOp) and _same(square.lhs, square.rhs):
        return square.lhs, [square]
    if isinstance(square, nn.PowOp) and is_number(square.rhs) and number_of(square.rhs, _POWER) == 2:
        return square.lhs, [square]
    return None


def _mean_taken_off(value: SSAValue, axes: Sequence[int]) -> tuple[SSAValue, list[Operation]] | None:
    """x, of `x - mean(x)` over the axes."""
    sub = value.owner
    if not isinstance(sub, nn.SubOp) or not isinstance(mean := sub.rhs.owner, nn.ReduceOp):
        return None
    fits = mean.kind.data == nn.ReduceKind.MEAN and bool(mean.keepdims) and list(nn.values_of(mean.axes)) == list(axes)
    return (sub.lhs, [sub, mean]) if fits and mean.x == sub.lhs else None


def _exponent(op: Operation) -> float | None:
    """Which power of its operand an op computes."""
    match op:
        case nn.SqrtOp():
            return 0.5
        case nn.RsqrtOp():
            return -0.5
        case nn.ReciprocalOp():
            return -1.0
        case nn.PowOp() if is_number(op.rhs):
            return number_of(op.rhs, _POWER)
        case nn.DivOp() if is_number(op.lhs) and number_of(op.lhs, _POWER) == 1:
            return -1.0
        case _:
            return None


def _roots(value: SSAValue, most: int = 3) -> list[tuple[SSAValue, float, list[Operation]]]:
    """Values that are powers of one, by at most `most` ops in a row: each with its exponent and these ops."""
    found: list[tuple[SSAValue, float, list[Operation]]] = [(value, 1.0, [])]
    for current, exponent, ops in found:
        if len(ops) == most:
            continue
        for user in _users(current)[:4]:
            base = user.operands[-1 if isinstance(user, nn.DivOp) else 0]
            if base is current and (power := _exponent(user)) is not None:
                found.append((user.results[0], exponent * power, [user, *ops]))
    return found


@dataclass(frozen=True)
class _Norm:
    """What was recognised: the op that computes the normalised value, and all ops that it takes."""

    root: Operation
    x: SSAValue
    axes: Sequence[int]
    epsilon: float
    centred: bool
    ops: list[Operation]


def _norm_of(op: nn.ReduceOp) -> _Norm | str | None:
    """The norm whose mean of squares an op is; a reason where it is nearly one, None where it is nothing of the kind."""
    squares = _squared(op)
    if squares is None:
        return None
    value, ops = squares
    for total in _users(op.result):
        if not isinstance(total, nn.AddOp):
            continue
        number = total.rhs if total.lhs is op.result else total.lhs
        for root, exponent, powers in _roots(total.result):
            for product in _users(root):
                divided = exponent == 0.5 and isinstance(product, nn.DivOp) and product.rhs is root
                multiplied = exponent == -0.5 and isinstance(product, nn.MulOp)
                if not divided and not multiplied:
                    continue
                other = product.operands[0 if product.operands[1] is root else 1]
                if not _same(other, value):
                    continue
                return _checked(op, value, other, number, product, [*powers, total, op, *ops])
    return "its square root does not divide what was squared"


def _checked(
    op: nn.ReduceOp, value: SSAValue, other: SSAValue, number: SSAValue, product: Operation, ops: list[Operation]
) -> _Norm | str:
    axes = list(nn.values_of(op.axes))
    if not op.keepdims:
        return "the mean of squares drops its dims"
    if not axes or product.results[0].type != value.type:
        return "no dim is reduced, or the result has other dims"
    if not is_number(number):
        return "its epsilon is not one number that is known when the network is built"
    epsilon = number_of(number, _EPSILON)
    if not 0 <= epsilon < float("inf"):
        return f"its epsilon is {epsilon}"
    if (centred := _mean_taken_off(value, axes)) is not None:
        twin = [other.owner] if other is not value and isinstance(other.owner, Operation) else []
        return _Norm(product, centred[0], axes, epsilon, True, [*ops, *twin, *centred[1]])
    return _Norm(product, value, axes, epsilon, False, ops)


class Normalize(RewritePattern):
    """x / sqrt(mean(x * x) + epsilon), of x or of x less its mean."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReduceOp, rewriter: PatternRewriter, /) -> None:
        found = _norm_of(op)
        if isinstance(found, str):
            remark(op, "missed", NAME, f"not a norm: {found}")
        elif found is not None:
            new = nn.NormalizeOp(found.x, found.axes, found.epsilon, found.centred)
            _replace(rewriter, found.root, new, found.ops)


class LayerNorm(RewritePattern):
    """A norm of the last dims times a scale plus a bias, both of these dims and known when the network is built."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.NormalizeOp, rewriter: PatternRewriter, /) -> None:
        axes = list(nn.values_of(op.axes))
        if not op.centred or axes != list(range(axes[0], rank_of(op.x))):
            return
        for scaled in _users(op.result):
            scale = _parameter(scaled, nn.MulOp, op.result, len(axes))
            for shifted in _users(scaled.results[0]) if scale is not None else ():
                bias = _parameter(shifted, nn.AddOp, scaled.results[0], len(axes))
                if scale is None or bias is None or op.result.type != op.x.type:
                    continue
                new = nn.LayerNormOp(op.x, scale, bias, axes[0], op.epsilon.value.data)
                _replace(rewriter, shifted, new, [scaled, op])
                return


def _parameter(op: Operation, kind: type[nn.BinaryOp], value: SSAValue, dims: int) -> SSAValue | None:
    """The other operand of an op of a kind, if it is known when the network is built and has no more than the last dims."""
    if not isinstance(op, kind) or op.result.type != value.type:
        return None
    other = op.rhs if op.lhs is value else op.lhs
    fits = other is not value and rank_of(other) <= dims and element_of(other) == element_of(value)
    return other if fits and depends_on_constants_only(other) else None


class Softmax(RewritePattern):
    """exp(x - max) / sum(exp(x - max)) along one axis; exp(x) / sum(exp(x)) too."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DivOp, rewriter: PatternRewriter, /) -> None:
        power, total = op.lhs.owner, op.rhs.owner
        if not isinstance(power, nn.ExpOp) or not isinstance(total, nn.ReduceOp) or total.x is not power.result:
            return
        axes = list(nn.values_of(total.axes))
        if (
            total.kind.data != nn.ReduceKind.SUM
            or not total.keepdims
            or len(axes) != 1
            or op.result.type != power.x.type
        ):
            remark(op, "missed", NAME, "not a softmax: it is not divided by its sum along one dim that stays")
            return
        x, ops = power.x, [total, power]
        largest = x.owner.rhs.owner if isinstance(x.owner, nn.SubOp) else None
        if isinstance(x.owner, nn.SubOp) and isinstance(largest, nn.ReduceOp) and largest.x == x.owner.lhs:
            same = (
                largest.kind.data == nn.ReduceKind.MAX and list(nn.values_of(largest.axes)) == axes and largest.keepdims
            )
            if same and shape_of(x) == shape_of(largest.x):
                ops += [x.owner, largest]
                x = largest.x
        _replace(rewriter, op, nn.SoftmaxOp(x, axes[0]), ops)


def _replace(rewriter: PatternRewriter, root: Operation, new: nn.NnOp, others: Sequence[Operation]) -> None:
    """Put an op in the place of `root`; what nothing else reads goes."""
    remark(root, "applied", NAME, f"{len(others) + 1} ops become {new.name}")
    rewriter.replace(root, new)
    erase_unread(rewriter, others)


@dataclass(frozen=True)
class RecogniseNormsPass(ModulePass):
    """Make one op of each normalisation and softmax that is written with several."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [Normalize(), LayerNorm(), Softmax()])
