"""The forms in which exporters write a normalisation: what `recognise-norms` finds around the mean of squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from .polynomials import is_number, number_of

_EPSILON = "the epsilon of a norm that is one op"
_POWER = "whether a power is a root, in a norm that is one op"


def users_of(value: SSAValue) -> list[Operation]:
    return [use.operation for use in value.uses]


def is_same(a: SSAValue, b: SSAValue) -> bool:
    """Whether two values are one, or the same difference: older exporters subtract the mean twice."""
    return a is b or (
        isinstance(a.owner, nn.SubOp)
        and isinstance(b.owner, nn.SubOp)
        and list(a.owner.operands) == list(b.owner.operands)
    )


def squared(op: nn.ReduceOp, kind: nn.ReduceKind = nn.ReduceKind.MEAN) -> tuple[SSAValue, list[Operation]] | None:
    """The value of whose squares the op is the mean, or what else `kind` says, and the op that squares."""
    square = op.x.owner
    if op.kind.data != kind:
        return None
    if isinstance(square, nn.MulOp) and is_same(square.lhs, square.rhs):
        return square.lhs, [square]
    if isinstance(square, nn.PowOp) and is_number(square.rhs) and number_of(square.rhs, _POWER) == 2:
        return square.lhs, [square]
    return None


def mean_taken_off(value: SSAValue, axes: Sequence[int]) -> tuple[SSAValue, list[Operation]] | None:
    """x, of `x - mean(x)` over the axes."""
    sub = value.owner
    if not isinstance(sub, nn.SubOp) or not isinstance(mean := sub.rhs.owner, nn.ReduceOp):
        return None
    fits = mean.kind.data == nn.ReduceKind.MEAN and bool(mean.keepdims) and list(nn.values_of(mean.axes)) == list(axes)
    return (sub.lhs, [sub, mean]) if fits and mean.x == sub.lhs else None


def exponent_of(op: Operation) -> float | None:
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


def roots_of(value: SSAValue, most: int = 3) -> list[tuple[SSAValue, float, list[Operation]]]:
    """Values that are powers of one, by at most `most` ops in a row: each with its exponent and these ops."""
    found: list[tuple[SSAValue, float, list[Operation]]] = [(value, 1.0, [])]
    for current, exponent, ops in found:
        if len(ops) == most:
            continue
        for user in users_of(current)[:4]:
            base = user.operands[-1 if isinstance(user, nn.DivOp) else 0]
            if base is current and (power := exponent_of(user)) is not None:
                found.append((user.results[0], exponent * power, [user, *ops]))
    return found


@dataclass(frozen=True)
class Norm:
    """What was recognised: the op that computes the normalised value, and all ops that it takes."""

    root: Operation
    x: SSAValue
    axes: Sequence[int]
    epsilon: float
    centred: bool
    ops: list[Operation]
    scale: SSAValue | None = None
    bias: SSAValue | None = None
    """What the root has multiplied and added already, where exporters have distributed the product (`distributed`)."""


@dataclass(frozen=True)
class Distributed:
    """`x (inverse scale) + (bias - mean (inverse scale))`, as TensorFlow writes a layer norm."""

    root: Operation
    scale: SSAValue
    bias: SSAValue
    ops: list[Operation]


def _other(op: nn.BinaryOp, value: SSAValue) -> SSAValue:
    return op.rhs if op.lhs is value else op.lhs


def distributed(inverse: SSAValue, x: SSAValue, mean: SSAValue) -> Distributed | None:
    """The sum of this form that is computed from the inverse of the deviation."""
    for factor in users_of(inverse):
        if not isinstance(factor, nn.MulOp):
            continue
        products = [user for user in users_of(factor.result) if isinstance(user, nn.MulOp)]
        scaled = next((user for user in products if _other(user, factor.result) is x), None)
        shift = next((user for user in products if _other(user, factor.result) is mean), None)
        if scaled is None or shift is None:
            continue
        for rest in users_of(shift.result):
            for root in users_of(rest.results[0]) if isinstance(rest, nn.SubOp) and rest.rhs is shift.result else ():
                if isinstance(root, nn.AddOp) and _other(root, rest.results[0]) is scaled.result:
                    scale, bias = _other(factor, inverse), rest.operands[0]
                    return Distributed(root, scale, bias, [root, rest, shift, scaled, factor])
    return None


def norm_of(op: nn.ReduceOp) -> Norm | str | None:
    """The norm whose mean of squares an op is; a reason where it is nearly one, None where it is nothing of the kind."""
    squares = squared(op)
    if squares is None:
        return None
    value, ops = squares
    for total in users_of(op.result):
        if not isinstance(total, nn.AddOp):
            continue
        number = total.rhs if total.lhs is op.result else total.lhs
        for root, exponent, powers in roots_of(total.result):
            sub = value.owner
            if exponent == -0.5 and isinstance(sub, nn.SubOp) and (sum_ := distributed(root, sub.lhs, sub.rhs)):
                found = _checked(op, value, value, number, sum_.root, [*sum_.ops, *powers, total, op, *ops])
                if isinstance(found, str) or not found.centred:
                    return found if isinstance(found, str) else "what it takes off is not its mean"
                return replace(found, scale=sum_.scale, bias=sum_.bias)
            for product in users_of(root):
                divided = exponent == 0.5 and isinstance(product, nn.DivOp) and product.rhs is root
                multiplied = exponent == -0.5 and isinstance(product, nn.MulOp)
                if not divided and not multiplied:
                    continue
                other = product.operands[0 if product.operands[1] is root else 1]
                if not is_same(other, value):
                    continue
                return _checked(op, value, other, number, product, [*powers, total, op, *ops])
    return "its square root does not divide what was squared"


def _checked(
    op: nn.ReduceOp, value: SSAValue, other: SSAValue, number: SSAValue, product: Operation, ops: list[Operation]
) -> Norm | str:
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
    if (centred := mean_taken_off(value, axes)) is not None:
        twin = [other.owner] if other is not value and isinstance(other.owner, Operation) else []
        return Norm(product, centred[0], axes, epsilon, True, [*ops, *twin, *centred[1]])
    return Norm(product, value, axes, epsilon, False, ops)
