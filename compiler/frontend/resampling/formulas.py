"""Formulas over numbers that are known at import or computed by the network: `(x + 0.5) / scale - 0.5` for either kind of `scale`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from xdsl.ir import SSAValue

from ....dialects import meaning
from ....dialects.dims import Expr
from ...network import Network

_KNOWN: dict[str, Callable[[float, float], float]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "min": min, "max": max,
}  # fmt: skip
_COMPARED: dict[str, Callable[[float, float], bool]] = {"eq": operator.eq, "le": operator.le, "lt": operator.lt}


@dataclass(frozen=True)
class Number:
    """A number, or a float tensor of them, with arithmetic."""

    net: Network
    of: SSAValue | float

    def _with(self, kind: str, other: Like, *, swapped: bool = False) -> Number:
        left, right = self.of, other.of if isinstance(other, Number) else float(other)
        if swapped:
            left, right = right, left
        if isinstance(left, float) and isinstance(right, float):
            return Number(self.net, _KNOWN[kind](left, right))
        return Number(self.net, self.net.add_binary(kind, left, right))

    def __add__(self, other: Like) -> Number:
        return self._with("add", other)

    def __radd__(self, other: Like) -> Number:
        return self._with("add", other, swapped=True)

    def __sub__(self, other: Like) -> Number:
        return self._with("sub", other)

    def __rsub__(self, other: Like) -> Number:
        return self._with("sub", other, swapped=True)

    def __mul__(self, other: Like) -> Number:
        return self._with("mul", other)

    def __rmul__(self, other: Like) -> Number:
        return self._with("mul", other, swapped=True)

    def __truediv__(self, other: Like) -> Number:
        return self._with("div", other)

    def __rtruediv__(self, other: Like) -> Number:
        return self._with("div", other, swapped=True)

    def least(self, other: Like) -> Number:
        return self._with("min", other)

    def greatest(self, other: Like) -> Number:
        return self._with("max", other)

    def unary(self, kind: str) -> Number:
        """`floor`, `ceil`, `round` or `abs`."""
        if not isinstance(self.of, SSAValue):
            functions: dict[str, Callable[[float], float]] = {
                "floor": np.floor, "ceil": np.ceil, "round": np.rint, "abs": abs,
            }  # fmt: skip
            return Number(self.net, float(functions[kind](self.of)))
        return Number(self.net, self.net.add_unary(kind, self.of))

    def compare(self, predicate: str, other: Like) -> SSAValue | bool:
        """`eq`, `le` or `lt`."""
        right = other.of if isinstance(other, Number) else float(other)
        if isinstance(self.of, float) and isinstance(right, float):
            return _COMPARED[predicate](self.of, right)
        return self.net.add_compare(predicate, self.of, right)

    def value(self, like: SSAValue | None = None) -> SSAValue:
        """The number as a tensor."""
        return self.of if isinstance(self.of, SSAValue) else self.net.operand(self.of, like)


Like: TypeAlias = "Number | float"


def chosen(condition: SSAValue | bool, on_true: Number, on_false: Number) -> Number:
    """`on_true` where the condition holds, else `on_false`."""
    if isinstance(condition, bool):
        return on_true if condition else on_false
    net = on_true.net
    element = next((n.of for n in (on_true, on_false) if isinstance(n.of, SSAValue)), None)
    like = element if element is not None else net.add_constant(np.zeros((), np.float64))
    return Number(net, net.add_where(condition, on_true.value(like), on_false.value(like)))


def size_of(net: Network, extent: Expr, element: str = "f64") -> Number:
    """A dim as a number."""
    static = extent.as_int()
    if static is not None:
        return Number(net, float(static))
    return Number(net, net.add_size(extent, element))


def computed(net: Network) -> dict[SSAValue, np.ndarray]:
    """All values of a network that has no inputs."""
    arrays: dict[SSAValue, np.ndarray] = {}
    for op in net.operations:
        arrays.update(zip(op.results, meaning.evaluate(op, [arrays[v] for v in op.operands]), strict=True))
    return arrays


def cubic(distance: Number, a: float) -> Number:
    """Keys' cubic kernel at a distance of 0 or more: 0 from 2 on."""
    x = distance
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    zero = Number(x.net, 0.0)
    return chosen(x.compare("le", 1.0), near, chosen(x.compare("lt", 2.0), far, zero))
