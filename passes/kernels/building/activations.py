"""
Activations as arith and math on scalars: the steps of `dialects/meaning/activations.py`, bit by bit.

Where an op is `fast`, `approximations.py` has fewer steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith, math
from xdsl.ir import Operation, SSAValue

from ....dialects import nn
from ....dialects.meaning.activations import ROOT_HALF, TANH_CUBIC, TANH_SCALE
from .emitter import Emitter
from .scalars import add, compare, div, maximum, minimum, mul, select


def sigmoid(s: Emitter, x: SSAValue) -> SSAValue:
    one = s.constant(1, x.type)
    return div(s, one, add(s, one, s.emit(math.ExpOp(s.emit(arith.NegfOp(x))))))


def leaky_relu(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    assert isinstance(op, nn.LeakyReluOp)
    x = a[0]
    scaled = mul(s, x, s.constant(op.alpha.value.data, x.type))
    return select(s, compare(s, "ge", x, s.constant(0, x.type)), x, scaled)


def gelu(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    assert isinstance(op, nn.GeluOp)
    x = a[0]
    if op.approximate.data == nn.GeluForm.TANH:
        cubic = mul(s, mul(s, mul(s, x, x), x), s.constant(TANH_CUBIC, x.type))
        gate = s.emit(math.TanhOp(mul(s, add(s, x, cubic), s.constant(TANH_SCALE, x.type))))
    else:
        gate = s.emit(math.ErfOp(mul(s, x, s.constant(ROOT_HALF, x.type))))
    return mul(s, mul(s, x, s.constant(0.5, x.type)), add(s, gate, s.constant(1, x.type)))


def silu(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    assert isinstance(op, nn.SiluOp)
    alpha = op.alpha.value.data
    return mul(s, a[0], sigmoid(s, a[0] if alpha == 1 else mul(s, a[0], s.constant(alpha, a[0].type))))


def softplus(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    x = a[0]
    tail = s.emit(math.ExpOp(s.emit(arith.NegfOp(s.emit(math.AbsFOp(x))))))
    return add(s, maximum(s, x, s.constant(0, x.type)), s.emit(math.Log1pOp(tail)))


def mish(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return mul(s, a[0], s.emit(math.TanhOp(softplus(s, op, a))))


def _between_0_and_1(s: Emitter, x: SSAValue, alpha: float, beta: float) -> SSAValue:
    line = add(s, mul(s, x, s.constant(alpha, x.type)), s.constant(beta, x.type))
    return minimum(s, maximum(s, line, s.constant(0, x.type)), s.constant(1, x.type))


def hard_sigmoid(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    assert isinstance(op, nn.HardSigmoidOp)
    return _between_0_and_1(s, a[0], op.alpha.value.data, op.beta.value.data)


def hard_swish(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return mul(s, a[0], _between_0_and_1(s, a[0], 1 / 6, 0.5))
