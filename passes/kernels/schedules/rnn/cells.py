"""What a cell computes of its gates, on the scalars of one unit of one sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects import arith, math
from xdsl.ir import SSAValue

from .....dialects import nn
from ...building.emitter import Emitter
from ...building.pointwise import add, div, maximum, minimum, mul, select, sub

Activation = Callable[[Emitter, SSAValue, SSAValue, SSAValue], SSAValue]


def _exp(s: Emitter, x: SSAValue) -> SSAValue:
    return s.emit(math.ExpOp(x))


def _not_below(s: Emitter, x: SSAValue, bound: SSAValue) -> SSAValue:
    return s.emit(arith.CmpfOp(x, bound, "oge"))


def _sigmoid(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    one = s.constant(1, x.type)
    return div(s, one, add(s, one, _exp(s, s.emit(arith.NegfOp(x)))))


def _tanh(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return s.emit(math.TanhOp(x))


def _affine(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return add(s, mul(s, a, x), b)


def _elu(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    below = mul(s, a, sub(s, _exp(s, x), s.constant(1, x.type)))
    return select(s, _not_below(s, x, s.constant(0, x.type)), x, below)


def _hard_sigmoid(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return maximum(s, minimum(s, _affine(s, x, a, b), s.constant(1, x.type)), s.constant(0, x.type))


def _leaky_relu(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return select(s, _not_below(s, x, s.constant(0, x.type)), x, mul(s, a, x))


def _relu(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return maximum(s, x, s.constant(0, x.type))


def _scaled_tanh(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return mul(s, a, s.emit(math.TanhOp(mul(s, b, x))))


def _softplus(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    small = _exp(s, s.emit(arith.NegfOp(s.emit(math.AbsFOp(x)))))
    rest = s.emit(math.LogOp(add(s, s.constant(1, x.type), small)))
    return add(s, _relu(s, x, a, b), rest)


def _softsign(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return div(s, x, add(s, s.constant(1, x.type), s.emit(math.AbsFOp(x))))


def _thresholded_relu(s: Emitter, x: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return select(s, s.emit(arith.CmpfOp(x, a, "ogt")), x, s.constant(0, x.type))


ACTIVATIONS: dict[str, Activation] = {
    "affine": _affine, "elu": _elu, "hard_sigmoid": _hard_sigmoid, "leaky_relu": _leaky_relu, "relu": _relu, "scaled_tanh": _scaled_tanh,
    "sigmoid": _sigmoid, "softplus": _softplus, "softsign": _softsign, "tanh": _tanh, "thresholded_relu": _thresholded_relu,
}  # fmt: skip


def activate(s: Emitter, op: nn.RnnOp, number: int, x: SSAValue) -> SSAValue:
    """Activation f, g or h of a cell, f and g on what `clip` leaves of x."""
    name, alpha, beta = op.functions[number]
    if op.clip is not None and number < 2:
        bound = op.clip.value.data
        x = minimum(s, maximum(s, x, s.constant(-bound, x.type)), s.constant(bound, x.type))
    return ACTIVATIONS[name](s, x, s.constant(alpha, x.type), s.constant(beta, x.type))


def _sum(s: Emitter, x: SSAValue, *others: SSAValue) -> SSAValue:
    for other in others:
        x = add(s, x, other)
    return x


def lstm(
    s: Emitter, op: nn.RnnOp, gates: Sequence[SSAValue], c: SSAValue, peepholes: Sequence[SSAValue]
) -> tuple[SSAValue, SSAValue]:
    """The next h and c from the gates i, o, f, g before activation; `peepholes`: weights of i, o, f, or none."""
    i, o, f, g = gates
    peek_i, peek_o, peek_f = ([mul(s, p, c)] for p in peepholes) if peepholes else ([], [], [])
    i = activate(s, op, 0, _sum(s, i, *peek_i))
    one = s.constant(1, c.type)
    f = sub(s, one, i) if op.coupled is not None else activate(s, op, 0, _sum(s, f, *peek_f))
    new = add(s, mul(s, f, c), mul(s, i, activate(s, op, 1, g)))
    if peepholes:
        peek_o = [mul(s, peepholes[1], new)]
    return mul(s, activate(s, op, 0, _sum(s, o, *peek_o)), activate(s, op, 2, new)), new


def mixed(s: Emitter, z: SSAValue, candidate: SSAValue, h: SSAValue) -> SSAValue:
    """(1 - z) candidate + z h: the next h of a GRU."""
    return add(s, mul(s, sub(s, s.constant(1, h.type), z), candidate), mul(s, z, h))
