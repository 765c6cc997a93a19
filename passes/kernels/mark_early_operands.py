"""
`mark-early-operands`: says which operands of each outlined group are weights wherever the group is called, so that its kernels may read
them while the previous launch still runs; and whether the next launch may begin while they run.

    %w = nn.weight "w"
    %0 = fusion.call @fc(%x, %w)
    func.func private @fc(%x: .., %w: ..)  ->  func.func private @fc(%x: .., %w: ..) attributes
                                                {kernel.early = array<i64: 1>, kernel.signals}

Groups that are called from several places share kernels, which may read early only what is a weight at all of them. `lower-groups` copies
the attribute to the kernels and makes them wait for the previous launch before they touch anything else (`waits.py`); `insert-pdl` marks
the launches. A group has `kernel.signals` unless it is called right before a group whose schedule reads bytes again that it expects in
L1 (`ReadsAgain`), which remarks say.

Does nothing for a target without dependent launches, and nothing to a group that no `fusion.call` names. Assumes `outline-groups` and
`select-schedule`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ...dialects import fusion, nn
from ...dialects.errors import PassError
from ...dialects.kernel.marks import EARLY, SIGNALS
from ...dialects.kernel.types import CHOICE, Choice
from ...dialects.nn.base import ints
from ...dialects.provenance import describe
from ...dialects.strided import VIEW_OPS
from ..remarks import remark
from .building.schedule import ReadsAgain, target_of
from .schedules.registry import schedule
from .select_schedule import TARGET, outlined

NAME = "mark-early-operands"


def check(calls: Sequence[fusion.CallOp]) -> str | None:
    """Why the kernels of a group that these call are no dependent launches, or None."""
    return None if calls else "no fusion.call of it, so it is not known which operands are weights"


def is_weight(value: SSAValue) -> bool:
    """Whether a tensor of a host function lies in a weight, which no launch writes."""
    while isinstance(value.owner, VIEW_OPS):
        value = value.owner.operands[0]
    return isinstance(value.owner, nn.WeightOp | nn.ConstantOp)


def rewrite(func: FuncOp, calls: Sequence[fusion.CallOp]) -> None:
    count = len(func.body.block.args)
    for call in calls:
        if len(call.inputs) != count:
            raise PassError(
                f"{NAME}: {describe(call)} of {call.callee}: expected {count} operands, got {len(call.inputs)}"
            )
    func.attributes[EARLY] = ints(i for i in range(count) if all(is_weight(call.inputs[i]) for call in calls))


def reads_again(func: FuncOp | None) -> bool:
    """Whether the schedule that a group has is one of `ReadsAgain`."""
    choice = None if func is None else func.attributes.get(CHOICE)
    return isinstance(choice, Choice) and isinstance(schedule(choice.schedule.data), ReadsAgain)


def following(call: fusion.CallOp) -> fusion.CallOp | None:
    """The next call in the same block."""
    found = call.next_op
    while found is not None and not isinstance(found, fusion.CallOp):
        found = found.next_op
    return found


@dataclass(frozen=True)
class MarkEarlyOperandsPass(ModulePass):
    """Marks the operands of outlined groups that are weights at every call."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not target_of(op.attributes.get(TARGET)).dependent_launches:
            return
        calls: dict[str, list[fusion.CallOp]] = {}
        for call in op.walk():
            if isinstance(call, fusion.CallOp):
                calls.setdefault(call.callee.string_value(), []).append(call)
        groups = {func.sym_name.data: func for func in outlined(op)}
        for func in groups.values():
            own = calls.get(func.sym_name.data, [])
            if (reason := check(own)) is not None:
                remark(func, "missed", NAME, f"@{func.sym_name.data}: {reason}")
                continue
            rewrite(func, own)
            nexts = [found.callee.string_value() for call in own if (found := following(call)) is not None]
            if again := next((name for name in nexts if reads_again(groups.get(name))), None):
                why = f"@{again}, called right after it, reads again what it expects in L1"
                remark(func, "missed", NAME, f"@{func.sym_name.data} does not let the next launch begin: {why}")
            else:
                func.attributes[SIGNALS] = UnitAttr()
