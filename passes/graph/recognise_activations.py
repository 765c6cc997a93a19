"""`recognise-activations`: the ops that exporters write for an activation become one op.

    %1 = nn.mul %x, %half                                  %y = nn.gelu %x {approximate = #nn.gelu_form<none>}
    %2 = nn.div %x, %root_two                       ->
    %3 = nn.erf %2
    %4 = nn.add %3, %one
    %y = nn.mul %1, %4

Each is a polynomial of x and a function of a polynomial of x, so that the order in which an exporter multiplies and adds does not matter:
GELU by erf and by tanh, SiLU with its sigmoid or its exponential, QuickGELU, hard-sigmoid and hard-swish with their clip, softplus and
Mish. Numbers may be rounded to the type of x. The walk around an anchor (erf, tanh, sigmoid, clip, log, exp) is bounded, so the pass is
linear. It runs before constants are rounded to narrow types. Refused, with a remark, where the numbers are others, or where another
value is broadcast.

What the ops compute changes as rounding does: once to a narrow type and not at each step; softplus does not overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any, ClassVar, TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ..remarks import remark
from ..rewriting import apply_patterns
from .editing import erase_unread
from .polynomials import Polynomial, above, are_near, below, between, is_near, is_number, polynomial, tolerance_of

NAME = "recognise-activations"
_WHY = "a number of an activation that is one op"
Make: TypeAlias = Callable[[SSAValue], nn.NnOp]
Form: TypeAlias = Callable[[Any, Polynomial, Polynomial, float], Make | None]
"""(anchor, its operand as a polynomial of x, the result as one of x and the anchor's result, tolerance) -> what makes the op of x."""

_X, _X3, _E, _XE, _ONE = (1,), (3,), (0, 1), (1, 1), (0,)
_HALVES: Polynomial = {(1, 0): 0.5, _XE: 0.5}


def _gelu(op: nn.ErfOp, inner: Polynomial, outer: Polynomial, tolerance: float) -> Make | None:
    fits = are_near(inner, {_X: sqrt(0.5)}, tolerance) and are_near(outer, _HALVES, tolerance)
    return nn.GeluOp if fits else None


def _of_tanh(op: nn.TanhOp, inner: Polynomial, outer: Polynomial, tolerance: float) -> Make | None:
    cubic: Polynomial = {_X: sqrt(2 / pi), _X3: sqrt(2 / pi) * 0.044715}
    fits = are_near(inner, cubic, 2 * tolerance) and are_near(outer, _HALVES, tolerance)
    return (lambda x: nn.GeluOp(x, "tanh")) if fits else None


def _silu(op: nn.SigmoidOp, inner: Polynomial, outer: Polynomial, tolerance: float) -> Make | None:
    if inner.keys() != {_X} or not are_near(outer, {_XE: 1.0}, tolerance):
        return None
    return lambda x: nn.SiluOp(x, inner[_X])


def _of_clip(op: nn.ClipOp, inner: Polynomial, outer: Polynomial, tolerance: float) -> Make | None:
    """min(max(a x + b, 0), c) / c, and the same times x."""
    low, high = op.min.value.data, op.max.value.data
    if low != 0 or inner.keys() != {_X, _ONE} or len(outer) != 1 or not 0 < high < float("inf"):
        return None
    ((powers, factor),) = outer.items()
    if powers not in (_E, _XE) or not is_near(factor * high, 1, tolerance):
        return None
    alpha, beta = inner[_X] * factor, inner[_ONE] * factor
    if powers == _E:
        return lambda x: nn.HardSigmoidOp(x, alpha, beta)
    return _hard_swish(alpha, beta, tolerance)


def _of_hard_sigmoid(op: nn.HardSigmoidOp, inner: Polynomial, outer: Polynomial, tolerance: float) -> Make | None:
    if not (are_near(inner, {_X: 1.0}, 0) and are_near(outer, {_XE: 1.0}, tolerance)):
        return None
    return _hard_swish(op.alpha.value.data, op.beta.value.data, tolerance)


def _hard_swish(alpha: float, beta: float, tolerance: float) -> Make | None:
    return nn.HardSwishOp if is_near(alpha, 1 / 6, tolerance) and is_near(beta, 0.5, tolerance) else None


_FORMS: dict[type[Operation], Form] = {
    nn.ErfOp: _gelu,
    nn.TanhOp: _of_tanh,
    nn.SigmoidOp: _silu,
    nn.ClipOp: _of_clip,
    nn.HardSigmoidOp: _of_hard_sigmoid,
}


class OneFunction(RewritePattern):
    """A polynomial of x and one function of a polynomial of x."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        form = _FORMS.get(type(op))
        if form is None:
            return
        (anchor,) = op.results
        reason = "its result is not multiplied with its operand" if isinstance(op, nn.ErfOp) else None
        for root in above(anchor):
            for x in below(op.operands[0]):
                found = self._match(op, form, root, x)
                if isinstance(found, str):
                    reason = found
                elif found is not None:
                    make, inner = found
                    _replace(rewriter, root, make(x), inner)
                    return
        if reason is not None:
            remark(op, "missed", NAME, f"{op.name} stays an op of its own: {reason}")

    def _match(
        self, op: Operation, form: Form, root: Operation, x: SSAValue
    ) -> tuple[Make, Sequence[Operation]] | str | None:
        (anchor,), operand = op.results, op.operands[0]
        inner = between(operand, [x])
        outer = between(root.results[0], [x, anchor])
        alone = outer is None and isinstance(op, nn.ClipOp)
        if alone:  # a hard-sigmoid does not multiply with x
            outer = between(root.results[0], [anchor])
        if inner is None or outer is None:
            return None
        if root.results[0].type != x.type or x.type != anchor.type:
            return "it broadcasts with another value"
        inside, variables = polynomial(operand, [x], _WHY), [anchor] if alone else [x, anchor]
        around = polynomial(root.results[0], variables, _WHY)
        if inside is None or around is None:
            return "it is not a polynomial of low degree"
        if alone:
            around = {(0, *powers): number for powers, number in around.items()}
        make = form(op, inside, around, tolerance_of(x))
        if make is None:
            return f"the numbers around it are of no activation: {_shown(inside, 'x')}, {_shown(around, 'x', 'e')}"
        return make, [*outer, op, *inner]


def _shown(found: Polynomial, *names: str) -> str:
    """A polynomial as text."""
    terms: list[str] = []
    for powers, number in sorted(found.items(), reverse=True):
        factors = [f"{name}**{power}" for name, power in zip(names, powers, strict=True) if power]
        terms.append(" ".join([f"{number:.7g}", *factors]).replace("**1", ""))
    return " + ".join(terms) or "0"


class Mish(RewritePattern):
    """x * tanh(softplus(x))."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.TanhOp, rewriter: PatternRewriter, /) -> None:
        softplus = op.x.owner
        if not isinstance(softplus, nn.SoftplusOp):
            return
        for use in op.result.uses:
            root = use.operation
            if (
                isinstance(root, nn.MulOp)
                and set(root.operands) == {softplus.x, op.result}
                and root.result.type == op.result.type
            ):
                _replace(rewriter, root, nn.MishOp(softplus.x), [op, softplus])
                return


class Softplus(RewritePattern):
    """log(1 + exp(x))."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.LogOp, rewriter: PatternRewriter, /) -> None:
        for value in below(op.x, 3):
            power = value.owner
            if not isinstance(power, nn.ExpOp) or (ops := between(op.x, [value])) is None:
                continue
            found = polynomial(op.x, [value], _WHY)
            if found is not None and are_near(found, {(0,): 1.0, (1,): 1.0}, 0) and power.x.type == op.result.type:
                _replace(rewriter, op, nn.SoftplusOp(power.x), [*ops, power])
            else:
                remark(op, "missed", NAME, "not a softplus: the logarithm is not of 1 + exp(x)")
            return


class SigmoidOfExp(RewritePattern):
    """1 / (1 + exp(-x)) and x / (1 + exp(-a x))."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ExpOp, rewriter: PatternRewriter, /) -> None:
        for total in above(op.result, 2):
            for use in total.results[0].uses:
                root = use.operation
                if not isinstance(root, nn.DivOp | nn.ReciprocalOp) or use.index != len(root.operands) - 1:
                    continue
                found = self._match(op, total, root)
                if isinstance(found, str):
                    remark(op, "missed", NAME, f"not a sigmoid: {found}")
                elif found is not None:
                    _replace(rewriter, root, *found)
                    return

    def _match(
        self, op: nn.ExpOp, total: Operation, root: nn.DivOp | nn.ReciprocalOp
    ) -> tuple[nn.NnOp, Sequence[Operation]] | str | None:
        outer = between(total.results[0], [op.result])
        for x in below(op.x):
            swish = isinstance(root, nn.DivOp) and root.lhs == x
            if not swish and isinstance(root, nn.DivOp) and not is_number(root.lhs):
                continue
            inner = between(op.x, [x])
            if inner is None or outer is None or root.results[0].type != x.type:
                continue
            inside, around = polynomial(op.x, [x], _WHY), polynomial(total.results[0], [op.result], _WHY)
            if (
                inside is None
                or inside.keys() != {_X}
                or around is None
                or not are_near(around, {(0,): 1.0, (1,): 1.0}, 0)
            ):
                return "it is not 1 + exp(-x)"
            if swish:
                return nn.SiluOp(x, -inside[_X]), [*outer, op, *inner]
            one = isinstance(root, nn.ReciprocalOp) or polynomial(root.lhs, [], _WHY) == {(): 1.0}
            if one and inside[_X] == -1:
                return nn.SigmoidOp(x), [*outer, op, *inner]
        return None


def _replace(rewriter: PatternRewriter, root: Operation, new: nn.NnOp, inner: Sequence[Operation]) -> None:
    """Put an op in the place of `root`; what nothing else reads goes."""
    others = [op for op in inner if op is not root]
    remark(root, "applied", NAME, f"{len(others) + 1} ops become {new.name}")
    rewriter.replace(root, new)
    erase_unread(rewriter, others)


@dataclass(frozen=True)
class RecogniseActivationsPass(ModulePass):
    """Make one op of each activation that is written with several."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [OneFunction(), Softplus(), Mish(), SigmoidOfExp()])
