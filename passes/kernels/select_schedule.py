"""
`select-schedule`: writes on each outlined group the schedule that will run it, with its tunables.

    func.func private @relu_0(..)  ->  func.func private @relu_0(..) attributes {kernel.choice = #kernel.choice<"pointwise", {...}>}

The first schedule that matches the group takes it; its first configuration is the heuristic's choice. A choice that is there already (from
the tuner or a lock file) stays if its schedule matches the group. Options: `allowed` names the schedules that may be used;
`force` gives functions a schedule and tunables, as `fc_0:gemm_mma:bm=128:bn=64` (`*` stands for every function that the schedule takes).
Each refusal of a schedule that takes such anchors is a remark; a group that no schedule takes is an error with all reasons. Assumes
`outline-groups`.
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
from ...dialects.kernel.types import CHOICE, LAUNCHES, Choice
from ...dialects.provenance import describe
from ..remarks import remark
from .building.group import GroupView
from .building.schedule import choice_of, target_of
from .schedules.matching import first_match

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


def choose(func: FuncOp, target: Attribute | None, allowed: tuple[str, ...] | None, forced: Forced) -> Choice:
    """The choice for one group. Raises UnsupportedOpError where no schedule, or not the one asked for, takes it."""
    view = GroupView.of(func)
    wanted = forced.get(func.sym_name.data)
    kept = func.attributes.get(CHOICE)
    everywhere = forced.get("*")
    if wanted is None and everywhere is not None and first_match(view, target, (everywhere[0],))[0] is not None:
        wanted = everywhere
    if wanted is None and isinstance(kept, Choice) and (allowed is None or kept.schedule.data in allowed):
        wanted = kept.schedule.data, kept.values
    if wanted is not None:
        allowed = (wanted[0],)
    match, answer = first_match(view, target, allowed)
    if match is None:
        ops = ", ".join(describe(op) for op in view.ops) or "a copy and no op"
        raise UnsupportedOpError(f"{NAME}: @{func.sym_name.data} with {ops}: no schedule accepts it: {answer.why}")
    for declined in answer.missed:
        remark(declined.refusal.op or func, "missed", NAME, f"@{func.sym_name.data} is not for {declined}")
    best = match.schedule.configs(match.problem, target_of(target))[0]
    if wanted is None:
        return best
    return choice_of(match.schedule, match.problem, {**best.values, **wanted[1]})


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
        for func in outlined(op):
            choice = choose(func, target, self.allowed, forced)
            func.attributes[CHOICE] = choice
            remark(func, "analysis", NAME, f"{choice.schedule.data} {choice.values}")
