"""
`lower-groups`: replaces each outlined group by the kernel that its chosen schedule builds.

    func.func private @relu_0(%x: tensor<..>) -> tensor<..>
    ->  kernel.func @relu_0(%x: !kernel.global<..>, %y: !kernel.global<..>) grid <..> warps 4 ..

The kernel keeps the symbol; its arguments are the group's operands, then its results, with the strides and alignment of
`fusion.layouts`, then the choice's workspace. A group of several launches gives @name, @name_stage1, ..., and each `buffer.launch` of it
becomes one for each, over the same tensors. Assumes `select-schedule`. The choice stays on the kernels, as `kernel.choice`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ClassVar, Protocol

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import buffer, kernel
from ...dialects.errors import PassError
from ...dialects.kernel.types import CHOICE, Choice, Target
from ..remarks import remark
from .building.group import GroupView
from .building.schedule import Refusal, target_of
from .schedules.registry import schedule
from .select_schedule import TARGET, outlined

NAME = "lower-groups"


class Lowered(Protocol):
    """Who remembers what groups were lowered to."""

    def find(self, func: FuncOp) -> list[kernel.FuncOp] | None:
        """The launches of a group lowered before, each marked `kernel.lowered` and without its body; None for a group not seen."""
        ...

    def made(self, func: FuncOp, kernels: Sequence[kernel.FuncOp]) -> None:
        """These are the launches of a group that `find` did not know. They go on to be lowered in place."""
        ...


_LOWERED: ContextVar[Lowered | None] = ContextVar("trtc_lowered", default=None)


@contextmanager
def remembering(lowered: Lowered | None) -> Generator[None]:
    """Ask `lowered` for each group inside the block before it is lowered."""
    token = _LOWERED.set(lowered)
    try:
        yield
    finally:
        _LOWERED.reset(token)


def _built(func: FuncOp, choice: Choice, target: Target) -> list[kernel.FuncOp]:
    """What the chosen schedule makes of a group."""
    chosen = schedule(choice.schedule.data)
    problem = chosen.match(GroupView.of(func), target)
    if isinstance(problem, Refusal):
        raise PassError(f"{NAME}: schedule {chosen.name}, chosen for @{func.sym_name.data}, refuses it: {problem.why}")
    return chosen.lower(problem, choice, target)


def lower(func: FuncOp, target: Attribute | None) -> list[kernel.FuncOp]:
    """The launches of one group, not yet inserted."""
    choice = func.attributes.get(CHOICE)
    if not isinstance(choice, Choice):
        raise PassError(f"{NAME}: @{func.sym_name.data} has no {CHOICE}; run select-schedule before")
    lowered = _LOWERED.get()
    known = None if lowered is None else lowered.find(func)
    kernels = _built(func, choice, target_of(target)) if known is None else known
    arguments = [*GroupView.of(func).global_types(), *choice.workspace]
    for number, made in enumerate(kernels):
        expected = func.sym_name.data + (f"_stage{number}" if number else "")
        if made.sym_name.data != expected:
            raise PassError(f"{NAME}: schedule {choice.schedule.data} made @{made.sym_name.data}: expected @{expected}")
        if [t.type for t in made.tensors] != arguments:
            raise PassError(
                f"{NAME}: schedule {choice.schedule.data} made @{expected} with {len(made.tensors)} tensors: expected the group's "
                f"{len(arguments) - len(choice.workspace)} and the {len(choice.workspace)} of workspace in its {CHOICE}, in their types"
            )
        made.attributes[CHOICE] = choice
    if lowered is not None and known is None:
        lowered.made(func, kernels)
    return kernels


def _launch_all(launch: buffer.LaunchOp, kernels: Sequence[kernel.FuncOp]) -> None:
    """Behind the launch of a group's first kernel the launches of the others; the results have their values behind the last."""
    names = launch.attributes.pop(buffer.OUT_NAMES, None) if len(kernels) > 1 else None
    for made in kernels[1:]:
        following = launch.clone()
        following.callee = SymbolRefAttr(made.sym_name.data)
        following.location = launch.location
        Rewriter.insert_op(following, InsertPoint.after(launch))
        launch = following
    if names is not None:
        launch.attributes[buffer.OUT_NAMES] = names


@dataclass(frozen=True)
class LowerGroupsPass(ModulePass):
    """Builds the kernels of all groups."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        launches: dict[str, list[buffer.LaunchOp]] = {}
        for launch in op.walk():
            if isinstance(launch, buffer.LaunchOp):
                launches.setdefault(launch.callee.string_value(), []).append(launch)
        for func in outlined(op):
            kernels = lower(func, target)
            for launch in launches.get(func.sym_name.data, ()):
                _launch_all(launch, kernels)
            Rewriter.insert_op(kernels, InsertPoint.before(func))
            func.detach()
            func.erase()
            remark(
                kernels[0],
                "applied",
                NAME,
                f"{len(kernels)} launch{'es' if len(kernels) > 1 else ''} of @{kernels[0].sym_name.data}",
            )
