"""
What a schedule is: it describes the problem in a group or refuses it, lists its configurations, counts what each does and builds it.

    match(view, target) -> problem | Refusal        whether it can, not whether it should; nothing else reads the group's ops
    configs(problem, target) -> [choice, ...]       in its order of preference
    work(problem, config, target) -> [Work, ...]    what each launch does, which `passes/kernels/cost/` prices
    lower(problem, config, target) -> [launch, ...]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from xdsl.dialects.builtin import IntAttr, StringAttr
from xdsl.ir import Attribute, Operation

from ....dialects import kernel
from ....dialects.kernel.types import Choice, GlobalType, Target
from .group import Anchors, GroupView
from .work import Work


@dataclass(frozen=True)
class Refusal:
    """Why a schedule does not take a group."""

    why: str
    """In words, after the schedule's name: "expected ..., got ..."."""
    op: Operation | None = None
    """The op of the group that it is about; None where it is about the group or the target."""
    final: bool = False
    """Whether the schedule refuses every smaller group around the same anchor too, so that cutting ops off is pointless."""


@dataclass(frozen=True)
class OtherAnchor(Refusal):
    """The anchor is of a kind that other schedules are for: a reason to name in an error, and of no interest as a remark."""


P = TypeVar("P")


class Schedule(Protocol[P]):
    """How one family of groups becomes kernels. `P` is what it knows of a group that it takes."""

    @property
    def name(self) -> str: ...

    @property
    def anchors(self) -> Sequence[Anchors]:
        """The anchors of the groups that it takes, each a tuple of op classes; it is asked about no others."""
        ...

    def match(self, view: GroupView, target: Target) -> P | Refusal:
        """The problem in a group, or why this schedule does not take it."""
        ...

    def configs(self, problem: P, target: Target) -> list[Choice]:
        """The configurations worth a comparison, the preferred first; never empty."""
        ...

    def work(self, problem: P, config: Choice, target: Target) -> list[Work]:
        """What each launch of a configuration does, at the usual sizes (`opt` of the profile)."""
        ...

    def lower(self, problem: P, config: Choice, target: Target) -> list[kernel.FuncOp]:
        """The launches, named as the group (then name_stage1, ...), of the operands, the results, then the choice's workspace."""
        ...


@runtime_checkable
class TakesWorkspace(Protocol):
    """A schedule whose launches pass tensors from one to the next."""

    def workspace(self, problem: Any, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        """The tensors between the launches, row-major, undefined before the first launch and of no use after the last."""
        ...


@runtime_checkable
class ReadsAgain(Protocol):
    """A schedule whose kernels read bytes of global memory again that they expect in L1. Their launches do not begin while another runs,
    whose shared memory leaves little L1 (docs/design/dependent-launches.md)."""

    reads_again: bool


def choice_of(schedule: Schedule[P], problem: P, tunables: Mapping[str, int | str]) -> Choice:
    """The configuration with these tunables, which must be all that the schedule has."""
    workspace = schedule.workspace(problem, tunables) if isinstance(schedule, TakesWorkspace) else ()
    return Choice.of(schedule.name, tunables, workspace)


def target_of(attribute: Attribute | None) -> Target:
    """The module's target; without one (tests, tools) a plain sm_80."""
    return attribute if isinstance(attribute, Target) else default_target()


def default_target() -> Target:
    return Target(StringAttr("sm_80"), IntAttr(108), IntAttr(166912))
