"""`decompose-activations`: activations as arithmetic and elementary functions, for passes and tools that know only these.

    %y = nn.silu %x {alpha = 1.0 : f64}      ->      %0 = nn.sigmoid %x
                                                     %y = nn.mul %x, %0

The inverse of `recognise-activations`, and no part of the pipeline. Floats of less than 32 bits are computed in f32 and rounded once, as
the op is. Softplus has its logarithm of 1 + t by Kahan's formula, `log(w) t / (w - 1)` with w = 1 + t as it was rounded, which keeps the
digits of a small t. What an op may be off by (`fast`) is dropped. All other ops stay. Linear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from ...dialects import nn
from ...dialects.dtypes import NARROW_FLOATS, numpy_dtype
from ...dialects.meaning.activations import ROOT_HALF, TANH_CUBIC, TANH_SCALE
from ...dialects.nn import element_of
from ..remarks import remark
from ..rewriting import apply_patterns

NAME = "decompose-activations"


@dataclass
class _Steps:
    """The ops that take the place of one."""

    x: SSAValue
    ops: list[Operation] = field(default_factory=list[Operation])

    def add(self, op: Operation) -> SSAValue:
        self.ops.append(op)
        return op.results[0]

    def number(self, value: float) -> SSAValue:
        return self.add(nn.ConstantOp(np.array(value, numpy_dtype(element_of(self.x)))))

    def times(self, a: SSAValue, b: SSAValue | float) -> SSAValue:
        return self.add(nn.MulOp(a, b if isinstance(b, SSAValue) else self.number(b)))

    def plus(self, a: SSAValue, b: SSAValue | float) -> SSAValue:
        return self.add(nn.AddOp(a, b if isinstance(b, SSAValue) else self.number(b)))

    def gelu(self, op: nn.GeluOp) -> SSAValue:
        x = self.x
        if op.approximate.data == nn.GeluForm.TANH:
            cubic = self.times(self.times(self.times(x, x), x), TANH_CUBIC)
            gate = self.add(nn.TanhOp(self.times(self.plus(x, cubic), TANH_SCALE)))
        else:
            gate = self.add(nn.ErfOp(self.times(x, ROOT_HALF)))
        return self.times(self.times(x, 0.5), self.plus(gate, 1.0))

    def silu(self, op: nn.SiluOp) -> SSAValue:
        alpha = op.alpha.value.data
        return self.times(self.x, self.add(nn.SigmoidOp(self.x if alpha == 1 else self.times(self.x, alpha))))

    def softplus(self) -> SSAValue:
        tail = self.add(nn.ExpOp(self.add(nn.NegOp(self.add(nn.AbsOp(self.x))))))
        wide = self.plus(tail, 1.0)
        below = self.add(nn.SubOp(wide, self.number(1.0)))
        scaled = self.add(nn.DivOp(self.times(self.add(nn.LogOp(wide)), tail), below))
        rounded_away = self.add(nn.CompareOp(wide, self.number(1.0), "eq"))
        return self.plus(self.add(nn.ReluOp(self.x)), self.add(nn.WhereOp(rounded_away, tail, scaled)))

    def hard_sigmoid(self, alpha: float, beta: float) -> SSAValue:
        return self.add(nn.ClipOp(self.plus(self.times(self.x, alpha), beta), 0.0, 1.0))

    def of(self, op: Operation) -> SSAValue:
        """The value that stands for the op's result."""
        match op:
            case nn.GeluOp():
                return self.gelu(op)
            case nn.SiluOp():
                return self.silu(op)
            case nn.SoftplusOp():
                return self.softplus()
            case nn.MishOp():
                return self.times(self.x, self.add(nn.TanhOp(self.softplus())))
            case nn.HardSigmoidOp():
                return self.hard_sigmoid(op.alpha.value.data, op.beta.value.data)
            case _:
                return self.times(self.x, self.hard_sigmoid(1 / 6, 0.5))


class Decompose(RewritePattern):
    """An activation as the ops that its docstring names."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op, nn.ACTIVATIONS):
            return
        narrow = element_of(op.result) if element_of(op.result) in NARROW_FLOATS else None
        steps = _Steps(op.x)
        if narrow is not None:
            steps.x = steps.add(nn.CastOp(op.x, f32))
        result = steps.of(op)
        if narrow is not None:
            steps.add(nn.CastOp(result, narrow))
        remark(op, "applied", NAME, f"{op.name} becomes {len(steps.ops)} ops")
        nn.copy_stored(op, steps.ops[-1])
        rewriter.replace(op, steps.ops)


@dataclass(frozen=True)
class DecomposeActivationsPass(ModulePass):
    """Write activations with arithmetic and elementary functions."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [Decompose()])
