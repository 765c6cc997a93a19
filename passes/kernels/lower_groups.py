"""
`lower-groups`: replaces each outlined group by the kernel that its chosen schedule builds.

    func.func private @relu_0(%x: tensor<..>) -> tensor<..>
    ->  kernel.func @relu_0(%x: !kernel.global<..>, %y: !kernel.global<..>) grid <..> warps 4 ..

The kernel keeps the symbol; its arguments are the group's operands, then its results, with the strides and alignment of
`fusion.layouts`, then workspace. A group of several launches gives @name, @name_1, ... Assumes `select-schedule`. The choice stays on
the kernels, as `kernel.choice`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import kernel
from ...dialects.errors import PassError
from ...dialects.kernel_types import Choice
from ..remarks import remark
from .schedules.base import Group, target_of
from .schedules.registry import schedule
from .select_schedule import CHOICE, TARGET, outlined

NAME = "lower-groups"


def lower(func: FuncOp, target: Attribute | None) -> list[kernel.FuncOp]:
    """The launches of one group, not yet inserted."""
    choice = func.attributes.get(CHOICE)
    if not isinstance(choice, Choice):
        raise PassError(f"{NAME}: @{func.sym_name.data} has no {CHOICE}; run select-schedule before")
    kernels = schedule(choice.schedule.data).lower(Group(func), choice, target_of(target))
    for number, made in enumerate(kernels):
        expected = func.sym_name.data + (f"_{number}" if number else "")
        if made.sym_name.data != expected:
            raise PassError(f"{NAME}: schedule {choice.schedule.data} made @{made.sym_name.data}: expected @{expected}")
        made.attributes[CHOICE] = choice
    return kernels


@dataclass(frozen=True)
class LowerGroupsPass(ModulePass):
    """Builds the kernels of all groups."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        for func in outlined(op):
            kernels = lower(func, target)
            Rewriter.insert_op(kernels, InsertPoint.before(func))
            func.detach()
            func.erase()
            remark(
                kernels[0],
                "applied",
                NAME,
                f"{len(kernels)} launch{'es' if len(kernels) > 1 else ''} of @{kernels[0].sym_name.data}",
            )
