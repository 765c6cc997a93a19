"""`approximate-functions`: functions whose results are stored as f16 or bf16 may be off by one unit in the last place of that type.

    %0 = nn.gelu %x {nn.stored = f16} : f32      ->      %0 = nn.gelu %x {nn.stored = f16, fast = f16} : f32

A kernel then computes them with a few instructions (passes/kernels/building/approximations.py) that have less than half a unit of error,
which is what rounding to the type has anyway. A quotient by a number may be a product with its reciprocal. An op qualifies by the type in
which its result is stored where it crosses memory, also where it does not: it may be rounded to that type in any case. So the pass runs
when `assign-precision` has decided what stays wide, and before fusion, which prices kernels. Reference semantics do not change: the
attribute is a permission. Ops whose results are stored wide are left as they are, with a remark. Linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from ...dialects import nn
from ...dialects.dtypes import is_float
from ..remarks import remark
from .editing import computed_functions

NAME = "approximate-functions"


def _may_be_fast(op: Operation) -> bool:
    """Whether kernels have a shorter form of an op: an approximable function, or a quotient of floats by a number."""
    if isinstance(op, nn.DivOp):
        return is_float(nn.element_of(op.result)) and nn.splat_of(op.rhs, "whether a quotient is a product") is not None
    return isinstance(op, nn.ApproximableOp)


@dataclass(frozen=True)
class ApproximateFunctionsPass(ModulePass):
    """Let functions whose results are stored narrow be off by one unit in the last place."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for func in computed_functions(op):
            for inner in func.body.block.ops:
                if not _may_be_fast(inner):
                    continue
                stored = nn.stored_of(inner.results[0])
                if stored in nn.NARROW:
                    inner.properties["fast"] = stored
                    remark(inner, "applied", NAME, f"{inner.name} may be off by one unit in the last place of {stored}")
                else:
                    remark(
                        inner,
                        "missed",
                        NAME,
                        f"{inner.name} is computed as it is defined: its result is stored as {stored}",
                    )
