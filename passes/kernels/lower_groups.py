"""
`lower-groups`: builds the kernels of each outlined group by its chosen schedule.

    %0 = fusion.call @relu_0(%a)
    func.func private @relu_0(%x: tensor<..>) -> tensor<..>
    ->  %0 = fusion.call @relu_0_reference(%a)
        kernel.func @relu_0(%x: !kernel.global<..>, %y: !kernel.global<..>) grid <..> warps 4 ..
        func.func private @relu_0_reference(%x: tensor<..>) -> tensor<..> attributes {kernel.launches = [@relu_0]}

The kernel takes the symbol; its arguments are the group's operands, then its results, with the strides and alignment of
`fusion.layouts`, then the choice's workspace. A group of several launches gives @name, @name_stage1, ... The outlined function stays as
what they compute together, and lists them; calls follow its new name. A `buffer.launch` of a group, in a host program written by hand, is
a launch of its kernel, which must be one. Assumes `select-schedule`. The choice stays on the kernels too, as `kernel.choice`; each
of several has `kernel.accesses`, what it does with each tensor. Where the group has `kernel.early`, its kernels wait for the previous
launch by themselves (`building/waits.py`).
"""

from __future__ import annotations

from collections.abc import Container, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ClassVar, Protocol

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, SymbolRefAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import buffer, fusion, kernel
from ...dialects.errors import PassError
from ...dialects.kernel.accesses import accesses_of, state_accesses
from ...dialects.kernel.marks import LAUNCHES, SIGNALS, early_of
from ...dialects.kernel.types import CHOICE, Choice, Target
from ...dialects.provenance import describe
from ..remarks import remark
from .building.group import GroupView
from .building.schedule import ReadsAgain, Refusal, target_of
from .building.waits import add_waits, refuse_waits
from .schedules.registry import schedule
from .select_schedule import TARGET, outlined

NAME = "lower-groups"


class Lowered(Protocol):
    """A cache of the kernels that groups were lowered to."""

    def find(self, func: FuncOp) -> list[kernel.FuncOp] | None:
        """The launches of a group lowered before, each marked `kernel.lowered` and without its body; None for a group not seen."""
        ...

    def made(self, func: FuncOp, kernels: Sequence[kernel.FuncOp]) -> None:
        """Take note of the launches of a group that `find` did not know. Later passes lower them in place."""
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
        if known is None:
            _state_accesses(made, len(func.body.block.args), len(kernels) > 1)
            _let_depend(made, early_of(func), signals=_signals(func, choice, number + 1 == len(kernels)))
    if lowered is not None and known is None:
        lowered.made(func, kernels)
    return kernels


def _state_accesses(made: kernel.FuncOp, operands: int, one_of_several: bool) -> None:
    """Of one launch of several, what it does with each tensor; a single launch reads the operands and writes the results."""
    accesses = accesses_of(made)
    if any(access.writes for access in accesses[:operands]):
        raise PassError(
            f"{NAME}: @{made.sym_name.data} writes to an operand of its group: expected it to write results"
        )
    if one_of_several:
        state_accesses(made, accesses)


def _signals(func: FuncOp, choice: Choice, is_last: bool) -> bool:
    """Whether a launch of a group lets the next begin: behind the last comes another group's, behind the others the group's own."""
    return SIGNALS in func.attributes if is_last else not isinstance(schedule(choice.schedule.data), ReadsAgain)


def _let_depend(made: kernel.FuncOp, early: frozenset[int] | None, *, signals: bool) -> None:
    """Has a kernel of a group with `kernel.early` wait for the previous launch by itself, and let the next one begin where it `signals`."""
    if early is None:
        return
    if (reason := refuse_waits(made)) is not None:
        remark(
            made, "missed", NAME, f"@{made.sym_name.data} does not begin before the previous launch has ended: {reason}"
        )
        return
    add_waits(made, early, signals=signals)


def _reference_name(name: str, taken: Container[str]) -> str:
    """What a group is called when its kernels have taken its name."""
    made = f"{name}_reference"
    while made in taken:
        made += "_"
    return made


@dataclass(frozen=True)
class LowerGroupsPass(ModulePass):
    """Builds the kernels of all groups."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        symbols = {f.sym_name.data for f in op.body.block.ops if isinstance(f, FuncOp | kernel.FuncOp)}
        calls: dict[str, list[fusion.CallOp]] = {}
        launches: dict[str, buffer.LaunchOp] = {}
        for user in op.walk():
            if isinstance(user, fusion.CallOp):
                calls.setdefault(user.callee.string_value(), []).append(user)
            elif isinstance(user, buffer.LaunchOp):
                launches[user.callee.string_value()] = user
        for func in outlined(op):
            name = func.sym_name.data
            kernels = lower(func, target)
            if len(kernels) > 1 and name in launches:
                raise PassError(
                    f"{NAME}: {describe(launches[name])} launches @{name}, which takes {len(kernels)} launches: expected a "
                    "fusion.call of it, which bufferize turns into all of them"
                )
            Rewriter.insert_op(kernels, InsertPoint.before(func))
            reference = _reference_name(name, symbols)
            symbols |= {reference, *(made.sym_name.data for made in kernels)}
            func.sym_name = StringAttr(reference)
            func.attributes[LAUNCHES] = ArrayAttr(SymbolRefAttr(made.sym_name) for made in kernels)
            for call in calls.get(name, ()):
                call.callee = SymbolRefAttr(reference)
            count = f"{len(kernels)} launch{'es' if len(kernels) > 1 else ''}"
            remark(kernels[0], "applied", NAME, f"{count} of @{name}")
