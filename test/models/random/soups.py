"""Steps that write an activation or a norm with several ops, as exporters do, in a random order; some with another number or value."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from trtc.dialects import nn
from trtc.dialects.dtypes import is_float, numpy_dtype

from .steps import Draw

BOUND = 20.0
"""Operands are clipped to it, so that no exponential overflows: one op for a softplus does not, where several do."""


class _Soup:
    """Ops on x, and the numbers that they need."""

    def __init__(self, d: Draw) -> None:
        self.d = d
        drawn = d.value(lambda v: is_float(nn.element_of(v)) and nn.rank_of(v) > 0)
        self.x = d.put(nn.ClipOp(drawn, -BOUND, BOUND))
        alike = [v for v in d.pool if v.type == self.x.type]
        self.other = d.one(alike) if d.chance(0.15) else self.x
        """x, or another value of its type in its place."""

    def number(self, value: float) -> SSAValue:
        wrong = 1.25 if self.d.chance(0.06) else 1.0
        return self.d.constant(np.full([], value * wrong, numpy_dtype(nn.element_of(self.x))))

    def either(self, op: type[nn.AddOp | nn.MulOp], *operands: SSAValue) -> SSAValue:
        """A sum or product of all, in a random order."""
        left = [operands[i] for i in self.d.permutation(len(operands))]
        while len(left) > 1:
            at = int(self.d.rng.integers(len(left) - 1))
            left[at : at + 2] = [self.d.put(op(*left[at : at + 2]))]
        return left[0]

    def times(self, *operands: SSAValue) -> SSAValue:
        return self.either(nn.MulOp, *operands)

    def plus(self, *operands: SSAValue) -> SSAValue:
        return self.either(nn.AddOp, *operands)

    def scaled(self, value: SSAValue, factor: float) -> SSAValue:
        if self.d.chance(0.5):
            return self.d.put(nn.DivOp(value, self.number(1 / factor)))
        return self.times(value, self.number(factor))


def activation(d: Draw) -> None:
    s = _Soup(d)
    match d.one(["gelu", "gelu by tanh", "silu", "silu of exp", "hard-swish", "hard-sigmoid", "softplus", "mish"]):
        case "gelu":
            gate = d.put(nn.ErfOp(s.scaled(s.x, float(np.sqrt(0.5)))))
            result = s.times(s.plus(gate, s.number(1)), s.other, s.number(0.5))
        case "gelu by tanh":
            cubic = s.times(s.x, s.x, s.x, s.number(0.044715))
            gate = d.put(nn.TanhOp(s.scaled(s.plus(s.x, cubic), float(np.sqrt(2 / np.pi)))))
            result = s.times(s.plus(gate, s.number(1)), s.other, s.number(0.5))
        case "silu":
            result = s.times(s.other, d.put(nn.SigmoidOp(s.scaled(s.x, 1.702) if d.chance(0.5) else s.x)))
        case "silu of exp":
            total = s.plus(d.put(nn.ExpOp(d.put(nn.NegOp(s.x)))), s.number(1))
            result = d.put(nn.DivOp(s.other if d.chance(0.5) else s.number(1), total))
        case "hard-swish":
            result = s.scaled(s.times(d.put(nn.ClipOp(s.plus(s.x, s.number(3)), 0, 6)), s.other), 1 / 6)
        case "hard-sigmoid":
            result = s.scaled(d.put(nn.ClipOp(s.plus(s.x, s.number(3)), 0, d.one([6, 6, 5]))), 1 / 6)
        case kind:
            result = d.put(nn.LogOp(s.plus(d.put(nn.ExpOp(s.x)), s.number(1))))
            if kind == "mish":
                result = s.times(s.other, d.put(nn.TanhOp(result)))
    d.pool.append(result)


def norm(d: Draw) -> None:
    s = _Soup(d)
    axes = d.permutation(nn.rank_of(s.x))[: int(d.rng.integers(1, 3))]
    if d.chance(0.3):
        shifted = d.put(nn.SubOp(s.x, d.put(nn.ReduceOp(s.x, "max", axes[:1]))))
        value = shifted if d.chance(0.7) else s.x
        power = d.put(nn.ExpOp(value))
        if d.chance(0.3):
            total = d.put(nn.LogOp(d.put(nn.ReduceOp(power, "sum", axes[:1]))))
            d.pool.append(d.put(nn.SubOp(value if d.chance(0.9) else s.x, total)))
            return
        d.pool.append(d.put(nn.DivOp(power, d.put(nn.ReduceOp(power, d.one(["sum", "sum", "max"]), axes[:1])))))
        return
    mean = d.put(nn.ReduceOp(s.x, "mean", axes if d.chance(0.9) else axes[:1]))
    value = d.put(nn.SubOp(s.x, mean)) if d.chance(0.6) else s.x
    twin = d.put(nn.SubOp(s.x, mean)) if value is not s.x and d.chance(0.2) else value
    static = all(extent.as_int() is not None for extent in nn.shape_of(s.x))  # a dim of unknown size may not broadcast
    squares = d.put(nn.ReduceOp(s.times(twin, twin), "mean", axes, keepdims=not static or d.chance(0.9)))
    total = s.plus(squares, s.number(1e-2))
    top = value if d.chance(0.85) else s.other
    match d.one(["sqrt", "rsqrt", "reciprocal"]):
        case "sqrt":
            result = d.put(nn.DivOp(top, d.put(nn.SqrtOp(total))))
        case "rsqrt":
            result = s.times(top, d.put(nn.RsqrtOp(total)))
        case _:
            result = s.times(d.put(nn.ReciprocalOp(d.put(nn.SqrtOp(total)))), top)
    if d.chance(0.6):
        width = nn.shape_of(s.x)[-1].as_int() or 1
        scale, bias = (d.constant(d.rng.standard_normal(width).astype(np.float32)) for _ in "sb")
        result = s.plus(s.times(result, scale), bias)
    d.pool.append(result)
