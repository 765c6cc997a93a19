"""
`select-schedule`: writes on each outlined group the schedule that will run it, with its tunables.

    func.func private @relu_0(..)  ->  func.func private @relu_0(..) attributes {kernel.choice = #kernel.choice<"pointwise", {...}>}

The registry is asked which schedule accepts the group; its first candidate is the heuristic's choice. A choice that is there already (from
the tuner or a lock file) stays if its schedule accepts the group. Options: `allowed` names the schedules that may be used;
`force` gives functions a schedule and tunables, as `fc_0:gemm_mma:bm=128:bn=64` (`*` stands for every function that the schedule accepts).
A group that no schedule takes is an error with every schedule's reason. Assumes `outline-groups`.
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
from ...dialects.kernel.types import CHOICE, Choice
from ...dialects.provenance import describe
from ..remarks import remark
from .building.group import Group, target_of
from .schedules.registry import accepting, schedule, tuned

NAME = "select-schedule"
TARGET = "kernel.target"


def outlined(module: ModuleOp) -> list[FuncOp]:
    """The outlined groups of a module."""
    return [op for op in module.body.block.ops if isinstance(op, FuncOp) and ANCHOR in op.attributes]


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
    """The choice for one group. Raises UnsupportedOpError where no schedule, or not the one asked for, accepts it."""
    group = Group(func)
    wanted = forced.get(func.sym_name.data, forced.get("*"))
    kept = func.attributes.get(CHOICE)
    if (
        wanted is not None
        and func.sym_name.data not in forced
        and schedule(wanted[0]).accepts(group, target_of(target))
    ):
        wanted = None
    if wanted is None and isinstance(kept, Choice) and (allowed is None or kept.schedule.data in allowed):
        wanted = kept.schedule.data, kept.values
    if wanted is not None:
        allowed = (wanted[0],)
    name, reasons = accepting(group, target, allowed)
    if name is None:
        ops = ", ".join(describe(op) for op in group.ops) or "a copy and no op"
        raise UnsupportedOpError(
            f"{NAME}: @{func.sym_name.data} with {ops}: no schedule accepts it: {'; '.join(reasons)}"
        )
    best = schedule(name).candidates(group, target_of(target))[0]
    return best if wanted is None else tuned(name, group, {**best.values, **wanted[1]})


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
