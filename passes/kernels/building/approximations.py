"""
Ops that are `fast`, in f32, within a unit in the last place of f16 or bf16: one or two instructions of the special function unit
(`ex2`, `rcp`, `tanh`) and a few products and sums, without a branch.

Those instructions take numbers below 2**-126 as zero and give zero for them. Results of bf16 may be so small; where they come from an
exponential it is computed as a square, or scaled by 2**16, so that none is lost.

GELU is x Q for x < 0 and x (1 - Q) otherwise, Q = erfc(|x| / sqrt(2)) / 2. Q is e ** (-x**2 / 2) times a polynomial of t = 1 / (1 + p |x|)
(the form of Abramowitz and Stegun 7.1.26), whose coefficients make the greatest relative error least where Q is not 0 in the type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log2, sqrt
from typing import TypeAlias

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import bf16, f16, f32
from xdsl.dialects.utils import FastMathFlag
from xdsl.ir import Attribute, Operation, SSAValue

from ....dialects import kernel, nn
from ....dialects.meaning.activations import TANH_CUBIC, TANH_SCALE
from .emitter import Emitter
from .scalars import add, compare, maximum, minimum, mul, select, sub

LOG2_E = log2(2.718281828459045)
APPROXIMATE = arith.FastMathFlagsAttr((FastMathFlag.APPROX_FUNC,))
_SHIFT = 16
"""A sigmoid is computed times 2**-16 of its divisor, which reaches 2**134 where the sigmoid is the least number of bf16."""
_FLAT = 20.0
"""tanh(softplus(x)) is 1 in f32 from here on, and its squares are finite."""
_GELU: Mapping[Attribute, tuple[float, tuple[float, ...]]] = {
    f16: (0.66, (0.1905165954431113, 0.14498682880351266, 0.28464974902849055, -0.12011805832527817)),
    bf16: (0.42, (0.11642499198953826, 0.14109859666014474, 0.021624068941897005, 0.22086669634662526)),
}
"""p sqrt(2) and the coefficients of t, t**2, ...: relative errors of 1.1e-4 up to |x| = 6, and of 2.3e-4 up to 14."""
_LOG1P = (0.9999433827019006, -0.4969787950597734, 0.3063035247984602, -0.15742959891802893, 0.041347926039736665)
"""log(1 + e) / e from 0 to 1, with a relative error of 5.7e-5."""


def exp2(s: Emitter, x: SSAValue) -> SSAValue:
    return s.emit(math.Exp2Op(x, APPROXIMATE))


def _number(s: Emitter, value: float) -> SSAValue:
    return s.constant(value, f32)


def _polynomial(s: Emitter, x: SSAValue, coefficients: Sequence[float]) -> SSAValue:
    """By Horner's rule; the coefficient of x**0 comes first."""
    *others, highest = coefficients
    value = _number(s, highest)
    for coefficient in reversed(others):
        value = add(s, mul(s, value, x), _number(s, coefficient))
    return value


def _power(s: Emitter, x: SSAValue, base2: float, stored: Attribute) -> SSAValue:
    """2 ** (base2 * x); of bf16 as the square of a root, which is no smaller than 2**-67 where the power is not 0."""
    if stored == f16:
        return exp2(s, mul(s, x, _number(s, base2)))
    root = exp2(s, mul(s, x, _number(s, base2 / 2)))
    return mul(s, root, root)


def _gate(s: Emitter, exponent: SSAValue) -> SSAValue:
    """1 / (1 + 2 ** exponent)."""
    scale = _number(s, 2.0**-_SHIFT)
    power = exp2(s, sub(s, exponent, _number(s, float(_SHIFT))))
    return mul(s, s.emit(kernel.ReciprocalOp(add(s, power, scale))), scale)


def _exp(s: Emitter, op: Operation, x: SSAValue, stored: Attribute) -> SSAValue:
    return _power(s, x, LOG2_E, stored)


def _sigmoid(s: Emitter, op: Operation, x: SSAValue, stored: Attribute) -> SSAValue:
    return _gate(s, mul(s, x, _number(s, -LOG2_E)))


def _silu(s: Emitter, op: Operation, x: SSAValue, stored: Attribute) -> SSAValue:
    assert isinstance(op, nn.SiluOp)
    return mul(s, x, _gate(s, mul(s, x, _number(s, -LOG2_E * op.alpha.value.data))))


def _tanh(s: Emitter, op: Operation, x: SSAValue, stored: Attribute) -> SSAValue:
    """`tanh.approx` has a relative error of 2**-11: half a unit of f16, an eighth of bf16. 1 - 2 / (1 + e ** 2x) cancels near 0, where
    x - x**3 / 3 takes its place."""
    if stored == bf16:
        return s.emit(math.TanhOp(x, APPROXIMATE))
    power = exp2(s, mul(s, x, _number(s, 2 * LOG2_E)))
    inverse = s.emit(kernel.ReciprocalOp(add(s, power, _number(s, 1))))
    far = add(s, mul(s, inverse, _number(s, -2)), _number(s, 1))
    near = mul(s, x, _polynomial(s, mul(s, x, x), (1, -1 / 3)))
    return select(s, compare(s, "lt", s.emit(math.AbsFOp(x)), _number(s, 2.0**-4)), near, far)


def _gelu(s: Emitter, op: Operation, x: SSAValue, stored: Attribute) -> SSAValue:
    assert isinstance(op, nn.GeluOp)
    square = mul(s, x, x)
    if op.approximate.data == nn.GeluForm.TANH:  # 0.5 (1 + tanh(u)) is a sigmoid of 2 u
        scale = -2 * LOG2_E * TANH_SCALE
        return mul(s, x, _gate(s, mul(s, x, _polynomial(s, square, (scale, scale * TANH_CUBIC)))))
    p, coefficients = _GELU[stored]
    divisor = add(s, mul(s, s.emit(math.AbsFOp(x)), _number(s, p / sqrt(2))), _number(s, 1))
    t = s.emit(kernel.ReciprocalOp(divisor))
    tail = mul(s, mul(s, t, _polynomial(s, t, coefficients)), _power(s, square, -LOG2_E / 2, stored))
    above = sub(s, _number(s, 1), tail)
    return mul(s, x, select(s, compare(s, "lt", x, _number(s, 0)), tail, above))


def _softplus(s: Emitter, op: Operation, x: SSAValue, stored: Attribute) -> SSAValue:
    power = _power(s, s.emit(math.AbsFOp(x)), -LOG2_E, stored)
    return add(s, mul(s, power, _polynomial(s, power, _LOG1P)), maximum(s, x, _number(s, 0)))


def _mish(s: Emitter, op: Operation, x: SSAValue, stored: Attribute) -> SSAValue:
    """tanh(log(1 + e)) is n / (n + 2), n = e (e + 2)."""
    power = _power(s, minimum(s, x, _number(s, _FLAT)), LOG2_E, stored)
    n = mul(s, power, add(s, power, _number(s, 2)))
    return mul(s, x, mul(s, n, s.emit(kernel.ReciprocalOp(add(s, n, _number(s, 2))))))


Approximation: TypeAlias = Callable[[Emitter, Operation, SSAValue, Attribute], SSAValue]
"""(emitter, op, operand of f32, type of which the error may be one unit) -> result."""

APPROXIMATIONS: Mapping[type[Operation], Approximation] = {
    nn.ExpOp: _exp,
    nn.SigmoidOp: _sigmoid,
    nn.TanhOp: _tanh,
    nn.GeluOp: _gelu,
    nn.SiluOp: _silu,
    nn.SoftplusOp: _softplus,
    nn.MishOp: _mish,
}


def approximated(s: Emitter, op: Operation, operands: Sequence[SSAValue]) -> SSAValue | None:
    """The result of an op that is fast, in fewer steps; None where there are none."""
    stored = nn.fast_of(op)
    if stored is None or operands[0].type != f32:
        return None
    if isinstance(op, nn.DivOp):
        divisor = nn.splat_of(op.rhs, "whether a quotient is a product")
        return None if divisor is None or not has_reciprocal(divisor) else mul(s, operands[0], _number(s, 1 / divisor))
    approximation = APPROXIMATIONS.get(type(op))
    return None if approximation is None else approximation(s, op, operands[0], stored)


def has_reciprocal(divisor: float) -> bool:
    """Whether a number and its reciprocal are normal in f32."""
    return 2.0**-126 <= abs(divisor) <= 2.0**126
