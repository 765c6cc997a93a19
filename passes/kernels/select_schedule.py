"""
`select-schedule`: writes on each outlined group the schedule that will run it, with its tunables.

    func.func private @relu_0(..)  ->  func.func private @relu_0(..) attributes {kernel.choice = #kernel.choice<"pointwise", {...}>}

Every configuration of every schedule that takes the group has a price, and the rule of `cost/decision.py` chooses, unless somebody else
does (the tuner, a lock file: `schedules/choosing.py`). A choice that is there already stays if its schedule matches the group.
Options: `allowed` names the schedules that may be used; `force` gives functions a schedule and tunables, as `fc_0:gemm_mma:bm=128:bn=64`
(`*` stands for every function that the schedule takes).
Remarks say what was chosen at what price, by how much each other schedule lost, and why each that takes such anchors refused. A group that
no schedule takes is an error with all reasons. Assumes `outline-groups`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from ...dialects.errors import OptionError, UnsupportedOpError
from ...dialects.fusion import ANCHOR
from ...dialects.kernel.marks import LAUNCHES
from ...dialects.kernel.types import CHOICE, Choice
from ...dialects.provenance import describe
from ..remarks import remark
from .building.group import GroupView
from .building.schedule import choice_of, target_of
from .schedules.choosing import Contest, verdicts
from .schedules.competition import compete
from .schedules.matching import Answer, first_match

NAME = "select-schedule"
TARGET = "kernel.target"


def outlined(module: ModuleOp) -> list[FuncOp]:
    """The outlined groups of a module that have no kernels yet."""
    functions = [op for op in module.body.block.ops if isinstance(op, FuncOp)]
    return [op for op in functions if ANCHOR in op.attributes and LAUNCHES not in op.attributes]


def parse_force(text: str) -> tuple[str, str, dict[str, int | str]]:
    """`function:schedule:key=value:...` as function, schedule and tunables."""
    function, _, rest = text.partition(":")
    name, *pairs = rest.split(":")
    if not function or not name or any("=" not in pair for pair in pairs):
        raise OptionError(f"{NAME} option force: expected function:schedule:key=value, got '{text}'")
    tunables: dict[str, int | str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        tunables[key] = int(value) if value.lstrip("-").isdigit() else value
    return function, name, tunables


Forced: TypeAlias = Mapping[str, tuple[str, dict[str, int | str]]]
"""Schedule and tunables by function."""


def _wanted(
    func: FuncOp, view: GroupView, target: Attribute | None, allowed: tuple[str, ...] | None, forced: Forced
) -> tuple[str, Mapping[str, int | str]] | None:
    """The schedule and the tunables that a group must have, if any: what is forced, else the choice that it carries."""
    wanted = forced.get(func.sym_name.data)
    everywhere = forced.get("*")
    if wanted is None and everywhere is not None and first_match(view, target, (everywhere[0],))[0] is not None:
        wanted = everywhere
    kept = func.attributes.get(CHOICE)
    if wanted is None and isinstance(kept, Choice) and (allowed is None or kept.schedule.data in allowed):
        wanted = kept.schedule.data, kept.values
    return wanted


def contest_or_choice(
    func: FuncOp, target: Attribute | None, allowed: tuple[str, ...] | None, forced: Forced
) -> Contest | Choice:
    """The candidates of one group, or the choice that was asked for. Raises UnsupportedOpError where no schedule, or not the one asked for,
    takes it."""
    view = GroupView.of(func)
    wanted = _wanted(func, view, target, allowed, forced)
    if wanted is None:
        found = compete(view, target, allowed)
        if isinstance(found, Answer):
            raise _refused(func, view, found)
        return Contest(view, found)
    match, answer = first_match(view, target, (wanted[0],))
    if match is None:
        raise _refused(func, view, answer)
    best = match.schedule.configs(match.problem, target_of(target))[0]
    choice = choice_of(match.schedule, match.problem, {**best.values, **wanted[1]})
    remark(func, "analysis", NAME, f"{choice.schedule.data} {choice.values}, as it was asked for")
    return choice


def _refused(func: FuncOp, view: GroupView, answer: Answer) -> UnsupportedOpError:
    ops = ", ".join(describe(op) for op in view.ops) or "a copy and no op"
    return UnsupportedOpError(f"{NAME}: @{func.sym_name.data} with {ops}: no schedule accepts it: {answer.why}")


@dataclass(frozen=True)
class SelectSchedulePass(ModulePass):
    """Picks a schedule and its tunables for each outlined group."""

    name = NAME
    numerics: ClassVar[str] = "exact"
    allowed: tuple[str, ...] | None = None
    force: tuple[str, ...] = ()

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        forced = {function: (name, tunables) for function, name, tunables in map(parse_force, self.force)}
        contests: list[Contest] = []
        for func in outlined(op):
            found = contest_or_choice(func, target, self.allowed, forced)
            if isinstance(found, Contest):
                contests.append(found)
            else:
                func.attributes[CHOICE] = found
        for contest, verdict in zip(contests, verdicts(contests, target_of(target)), strict=True):
            func = contest.func
            func.attributes[CHOICE] = verdict.winner.choice
            for kind, message in verdict.remarks:
                remark(func, kind, NAME, message)
            for declined in contest.competition.answer.missed:
                remark(declined.refusal.op or func, "missed", NAME, f"@{func.sym_name.data}: refused by {declined}")
