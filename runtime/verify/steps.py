"""Checks over the steps of a host program: live ranges, reads only of what was written, and bounds at the ends of ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from ...dialects.buffer import Access
from ...dialects.host.control import If, Loop, Step
from ...dialects.host.order import Order
from ..program.host import HostProgram
from ..program.memory import TensorView
from ..program.steps import Launch, PlannedLaunch, Read, Segment, Work

Refuse = Callable[[str], None]
"""Called with a reason; does not return."""


@dataclass
class Uses:
    """For each owner, by number, the launches and reads that use it, in order; and the order of all.

    An owner that a loop uses counts as used by the loop's first and last launch, since an iteration may read what an earlier one wrote.
    """

    inputs: Set[int]
    refuse: Refuse
    positions: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    order: Order = field(default_factory=Order)
    position: int = 0

    def visit(self, steps: Sequence[Step[Work]], written: set[int]) -> set[int]:
        """Adds to `written` the owners that the steps certainly write; returns the owners that they use."""
        used: set[int] = set()
        for step in steps:
            match step:
                case Segment():
                    if step.order is not None:
                        self.order.add(self.position, step.order)
                    for launch in step.launches:
                        used |= self._launch(launch, written)
                case Read():
                    self._check_written(step.view, written, f"the read of {step.symbol}")
                    self._need({step.view.owner.number})
                    used.add(step.view.owner.number)
                    self.position += 1
                case If():
                    then, otherwise = set(written), set(written)
                    used |= self.visit(step.then, then) | self.visit(step.otherwise, otherwise)
                    written |= then & otherwise
                case Loop():
                    begin = self.position
                    inside = self.visit(step.before, written) | self.visit(step.body, written)
                    for owner in inside:
                        needed = self.positions[owner]
                        while needed and needed[-1] >= begin:
                            needed.pop()
                        needed += (begin, self.position - 1)
                    used |= inside
        return used

    def _launch(self, launch: PlannedLaunch, written: set[int]) -> set[int]:
        name = f"launch of {launch.kernel.name}"
        touched = list(zip(launch.arguments, launch.accesses, strict=True))
        targets = {view.owner.number for view, access in touched if access.writes}
        if targets & self.inputs:
            self.refuse(f"{name} writes to an input")
        for view, access in touched:
            if access is Access.READ:
                self._check_written(view, written | targets, name)
        owners = {view.owner.number for view, access in touched if access is not Access.NONE}
        self._need(owners)
        written |= targets
        self.position += 1
        return owners

    def _need(self, owners: Set[int]) -> None:
        for owner in owners:
            self.positions.setdefault(owner, []).append(self.position)

    def _check_written(self, view: TensorView, written: Set[int], who: str) -> None:
        if view.owner.root != "weight" and view.owner.number not in written:
            self.refuse(f"{who} reads what no launch has written")


def bind_everywhere(
    program: HostProgram, env: Mapping[str, int], check: Callable[[Sequence[Launch], Mapping[str, int]], None]
) -> None:
    """Calls `check(launches, symbols)` for each segment that these values reach, both branches of each If included. An iteration's number
    is at most that of its loop's last one."""
    _bind(program.steps, dict(env), check)


def _bind(
    steps: Sequence[Step[Work]], env: dict[str, int], check: Callable[[Sequence[Launch], Mapping[str, int]], None]
) -> None:
    for step in steps:
        match step:
            case Segment():
                check(step.bind(env), env)
            case Read():
                step.where(env)
            case If():
                _bind(step.then, env, check)
                _bind(step.otherwise, env, check)
            case Loop():
                _bind(step.before, env, check)
                count = None if step.count is None else step.count.evaluate(env)
                inside, after = dict(env), env
                if count is not None and step.index:
                    inside[step.index] = min(env.get(step.index, 0), count - 1)
                if count is not None and step.total:
                    after[step.total] = max(0, count)
                if count is None and step.total and step.index and step.total in env:
                    inside[step.index] = min(env.get(step.index, 0), max(env[step.total], 1) - 1)
                if count is None or count > 0:
                    _bind(step.body, inside, check)
