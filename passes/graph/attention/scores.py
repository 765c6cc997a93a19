"""What stands between the two products of an attention, op by op, for `recognise-attention`.

From a softmax up to the product that gives the scores (`scores_above`), and down to the one that reads the probabilities (`product_below`).
Scores are scaled, capped, then masked; casts, and reshapes of the dims before the last two, may stand anywhere. Each value is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.ir import Attribute, Operation, SSAValue

from ....dialects import nn
from ....dialects.dims import Expr
from ....dialects.dtypes import is_float
from ....dialects.kernel.types import bitwidth
from ....dialects.nn import element_of, rank_of, shape_of
from ..editing import depends_on_constants_only

_WHY = "the scale of attention scores, and what masks make of them"
HIDDEN = -1e8
"""Scores from here down have no weight beside a usual one: their exponentials are 0."""
ABSORBING = -1e30
"""Numbers from here down stay what they are in f32 when a score is added to them."""
_NARROW_LOWEST = -1e4
"""In a narrow type the lowest number that a mask can have is not much less than this."""


@dataclass(frozen=True)
class Term:
    """A mask: `kind` is add (of the negative, where `op` is an `nn.sub`), allow (i1, true where a key counts) or hide (i1, true where not);
    or a factor."""

    kind: str
    value: SSAValue
    lead: tuple[Expr, ...]
    """The dims of the scores before the last two, where it is applied."""
    op: Operation
    hidden: float = 0.0
    """What scores become where an i1 mask hides them."""


@dataclass
class Scores:
    """What is applied to a product before a softmax."""

    product: nn.MatmulOp | None = None
    scale: float = 1.0
    softcap: float | None = None
    terms: list[Term] = field(default_factory=list[Term])
    """The masks, the last one that is applied first."""
    factors: list[Term] = field(default_factory=list[Term])
    """Numbers of heads or queries by which scores are multiplied (`kind` is scale)."""
    rounded: Attribute | None = None
    """The narrow type that scores have after a mask was added to them."""
    ops: list[Operation] = field(default_factory=list[Operation])
    """All ops from the product to the softmax, the last one first."""


def number_of(value: SSAValue, *, pin: bool = False) -> float | None:
    """The number that all elements of a float constant are; with `pin` also an initializer of one number, which a refit may then not
    change."""
    if not is_float(element_of(value)):
        return None
    if pin and all(extent.as_int() == 1 for extent in shape_of(value)):
        array = nn.value_of(value, _WHY, pin=True)
        return None if array is None else float(array.reshape(-1)[0])
    return nn.splat_of(value, _WHY)


def scores_above(softmax: nn.SoftmaxOp) -> Scores | str:
    """What gives the scores of a softmax, or why it is not a product that is scaled and masked."""
    found, value = Scores(), softmax.x
    while True:
        op = value.owner
        if not isinstance(op, Operation):
            return "its scores are an argument"
        if not value.has_one_use():
            return f"other ops read the scores after {op.name}"
        found.ops.append(op)
        if isinstance(op, nn.MatmulOp):
            found.product = op
            return found
        step = _step(op, found)
        if isinstance(step, str):
            return step
        value = step


def _step(op: Operation, found: Scores) -> SSAValue | str:
    """The scores before one op, which is noted; or why it is no part of an attention."""
    match op:
        case nn.CastOp():
            return _cast(op, found)
        case nn.ReshapeOp():
            kept = rank_of(op.x) >= 2 <= rank_of(op.result) and shape_of(op.x)[-2:] == shape_of(op.result)[-2:]
            return op.x if kept else f"a reshape moves queries or keys of {op.x.type}"
        case nn.MulOp() | nn.DivOp():
            return _scale(op, found)
        case nn.AddOp() | nn.SubOp():
            return _added(op, found)
        case nn.WhereOp():
            return _where(op, found)
        case _:
            return f"{op.name} stands between the product and the softmax"


def _cast(op: nn.CastOp, found: Scores) -> SSAValue | str:
    source, element = element_of(op.x), element_of(op.result)
    if not is_float(source) or not is_float(element):
        return f"scores are cast from {source} to {element}"
    if bitwidth(element) < bitwidth(source) and found.rounded is None:
        found.rounded = element
    return op.x


def _scale(op: nn.MulOp | nn.DivOp, found: Scores) -> SSAValue | str:
    """A product with a number, or the cap `c * tanh(x / c)`."""
    for x, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
        number = number_of(other, pin=True)
        if number is None or (isinstance(op, nn.DivOp) and x is op.rhs):
            continue
        if isinstance(op, nn.MulOp) and isinstance(x.owner, nn.TanhOp):
            return _cap(x.owner, number, found)
        factor = 1.0 / number if isinstance(op, nn.DivOp) and number else number
        if not factor or abs(factor) == float("inf") or factor != factor:
            return f"scores are multiplied by {factor}"
        found.scale *= factor
        return x
    for x, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
        by_rows = rank_of(other) > 0 and shape_of(other)[-1].as_int() == 1 and shape_of(x) == shape_of(op.result)
        if isinstance(op, nn.MulOp) and by_rows and leads_to_product(x):
            found.factors.append(Term("scale", other, shape_of(x)[:-2], op))
            return x
    return f"{op.name} scales scores by what is not one number of a query"


def _cap(tanh: nn.TanhOp, cap: float, found: Scores) -> SSAValue | str:
    """`c * tanh(x / c)`, where the division may be one with a scale of x: `c * tanh(f x)` caps scores of scale `f c`."""
    first = found.softcap is None and found.scale == 1.0 and not found.factors
    if not (cap > 0.0 and first and tanh.result.has_one_use() and tanh.x.has_one_use()):
        return "a tanh of scores that is not that of a cap"
    inner, value, factor = tanh.x.owner, tanh.x, 1.0
    found.ops.append(tanh)
    if isinstance(inner, nn.MulOp | nn.DivOp):
        for x, other in ((inner.lhs, inner.rhs), (inner.rhs, inner.lhs)):
            number = number_of(other, pin=True)
            if number and not (isinstance(inner, nn.DivOp) and x is inner.rhs):
                value, factor = x, 1.0 / number if isinstance(inner, nn.DivOp) else number
                found.ops.append(inner)
                break
    scale = factor * cap
    found.softcap, found.scale = cap, 1.0 if abs(scale - 1.0) <= 1e-6 else scale
    return value


def _added(op: nn.AddOp | nn.SubOp, found: Scores) -> SSAValue | str:
    if late := _too_late(found):
        return late
    sides = [(op.lhs, op.rhs)] if isinstance(op, nn.SubOp) else [(op.lhs, op.rhs), (op.rhs, op.lhs)]
    for x, mask in sides:
        if shape_of(x) == shape_of(op.result) and leads_to_product(x):
            if number_of(mask) != 0.0:
                found.terms.append(Term("add", mask, shape_of(x)[:-2], op))
                if element_of(x) in nn.NARROW and found.rounded is None:
                    found.rounded = element_of(x)
            return x
    return f"{op.name} adds what are no scores of one product"


def _where(op: nn.WhereOp, found: Scores) -> SSAValue | str:
    if late := _too_late(found):
        return late
    for x, other, kind in ((op.on_true, op.on_false, "allow"), (op.on_false, op.on_true, "hide")):
        number = number_of(other, pin=True)
        if number is None or not leads_to_product(x):
            continue
        if shape_of(x) != shape_of(op.result):
            return "a mask widens the scores"
        if number > (HIDDEN if element_of(x) not in nn.NARROW else _NARROW_LOWEST):
            return f"scores that a mask hides become {number:g}, not the lowest number"
        found.terms.append(Term(kind, op.condition, shape_of(x)[:-2], op, number))
        return x
    return "scores are chosen from what is not one constant number"


def _too_late(found: Scores) -> str | None:
    """Going up, masks come before scale and cap."""
    scaled = found.scale != 1.0 or found.softcap is not None or found.factors
    return "a mask is applied before the scores are scaled" if scaled else None


def leads_to_product(value: SSAValue, depth: int = 10, *, near: bool = False) -> bool:
    """Whether scores, through what may stand between, are a product with a computed tensor; with `near` through any pointwise op."""
    op = value.owner
    if depth == 0 or not isinstance(op, Operation):
        return False
    if isinstance(op, nn.MatmulOp):
        return not depends_on_constants_only(op.b)
    if isinstance(op, _BETWEEN) or (near and nn.is_pointwise(op)):
        return any(leads_to_product(operand, depth - 1, near=near) for operand in op.operands)
    return False


_BETWEEN = (nn.CastOp, nn.ReshapeOp, nn.TanhOp, nn.MulOp, nn.DivOp, nn.AddOp, nn.SubOp, nn.WhereOp)


@dataclass
class Below:
    """What reads the probabilities of a softmax."""

    product: nn.MatmulOp
    zero_masked: bool
    ops: Sequence[Operation]
    """The ops from the softmax, which is not among them, to the product."""


def product_below(softmax: nn.SoftmaxOp) -> Below | str | None:
    """The product with the values, or why it is none of an attention; None where no product reads the probabilities."""
    value, ops, zero = softmax.result, list[Operation](), False
    while True:
        users = [use.operation for use in value.uses]
        chosen = _without_nan(value, users)
        if chosen is not None:
            zero, value = True, chosen.result
            ops += users
            continue
        products = [user for user in users if isinstance(user, nn.MatmulOp)]
        if len(users) != 1:
            return "other ops read the probabilities" if products else None
        (user,) = users
        ops.append(user)
        if isinstance(user, nn.MatmulOp):
            if user.a is not value:
                return "the values are the first factor"
            return Below(user, zero, ops)
        views = (
            isinstance(user, nn.ReshapeOp)
            and rank_of(user.result) >= 2
            and shape_of(user.result)[-2:] == shape_of(value)[-2:]
        )
        if not views and not (isinstance(user, nn.CastOp) and is_float(element_of(user.result))):
            return None
        value = user.results[0]


def _without_nan(probs: SSAValue, users: Sequence[Operation]) -> nn.WhereOp | None:
    """`where(isnan(p), 0, p)`, if that is all that reads p."""
    nans = [user for user in users if isinstance(user, nn.IsNanOp)]
    chosen = [user for user in users if isinstance(user, nn.WhereOp)]
    if len(users) != 2 or len(nans) != 1 or len(chosen) != 1 or not nans[0].result.has_one_use():
        return None
    where = chosen[0]
    fits = where.condition is nans[0].result and where.on_false is probs and number_of(where.on_true, pin=True) == 0.0
    return where if fits else None
