"""
The tuner: chooses candidates by their times, within a time limit.

Equal groups are tried once. What the cache of timings knows is not tried again. The groups with the highest prices come first; once the
time is over, the rest is chosen by price, and remarks say so.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

import numpy as np

from ...dialects.errors import PassError
from ...dialects.kernel.types import Target
from ...passes.kernels.schedules.choosing import Contest, Verdict
from ...passes.kernels.schedules.competition import Candidate, Competition
from .signatures import signature
from .task import Task
from .timer import Timer, UngatedError, trials
from .timings import TimingCache
from .trial import Record, Trial, fastest, verdict

MOST: dict[int, int | None] = {1: 3, 2: 8, 3: None}
"""How many candidates of a group are tried, by `opt_level`; None is all. Level 0 tries none: prices choose."""
Report: TypeAlias = Callable[[str, int, int], None]
"""Called with what is done, how many groups are done, and of how many."""


def finalists(found: Competition, most: int | None) -> list[Candidate]:
    """At most `most` candidates of all schedules by price, the winner by price first; without those that fit no SM."""
    others = sorted((c for c in found.candidates if c != found.winner and c.price < inf), key=lambda c: c.price)
    return [found.winner, *others][:most]


@dataclass
class Tuner:
    """Chooses for the groups of a module (`choosing.Chooser`)."""

    timer: Timer
    cache: TimingCache
    level: int = 2
    seconds: float = inf
    """No candidate is begun once this time is over."""
    report: Report | None = None
    seed: int | None = None
    """Of random inputs; None takes others each time."""
    records: dict[str, Record] = field(default_factory=dict[str, Record])
    """By signature, of all groups that were chosen for."""

    def __call__(self, contests: Sequence[Contest], target: Target) -> list[Verdict]:
        """Tries what is not known yet. Raises PassError where every candidate of a group computes something else."""
        names = [signature(contest.view, target) for contest in contests]
        most = MOST[self.level]
        tasks: dict[str, Task] = {}
        for name, contest in zip(names, contests, strict=True):
            chosen = finalists(contest.competition, most)
            if len(chosen) > 1 and name not in tasks:
                tasks[name] = Task.of(contest, target, chosen)
        # In a context of its own: what is lowered on trial is neither in the remarks of the build nor in its caches.
        why = contextvars.Context().run(self._try_all, list(tasks.values()))
        for name, contest in zip(names, contests, strict=True):
            self.records[name] = self._record(contest, tasks.get(name), why.get(name))
        return [verdict(contest, self.records[name]) for name, contest in zip(names, contests, strict=True)]

    def _try_all(self, tasks: Sequence[Task]) -> dict[str, str]:
        """Tries what the cache does not know; returns by signature why a group's candidates were not all tried."""
        pending = [(task, missing) for task in tasks if (missing := self._missing(task))]
        pending.sort(key=lambda item: item[0].candidates[0].price, reverse=True)
        rng = np.random.default_rng(self.seed)
        begin, why = time.monotonic(), dict[str, str]()
        for done, (task, missing) in enumerate(pending):
            spent = time.monotonic() - begin
            if self.report is not None:
                left = (
                    f", about {min(spent / done * (len(pending) - done), self.seconds - spent):.0f} s left"
                    if done
                    else ""
                )
                self.report(f"tune {task.func.sym_name.data}{left}", done, len(pending))
            if spent > self.seconds:
                why[task.signature] = f"the time limit of {self.seconds:g} s was over"
                continue
            try:
                for trial in trials(self.timer, task, missing, rng):
                    self.cache.add(task.signature, self.timer.place, [trial])
                    if time.monotonic() - begin > self.seconds:
                        break
            except UngatedError as error:
                why[task.signature] = str(error)
            if self._missing(task) and task.signature not in why:
                why[task.signature] = f"the time limit of {self.seconds:g} s was over"
        if self.report is not None and pending:
            self.report("tune", len(pending), len(pending))
        return why

    def _missing(self, task: Task) -> list[Candidate]:
        known = self._known(task)
        return [c for c in task.candidates if not any(t.is_of(c) for t in known)]

    def _known(self, task: Task) -> list[Trial]:
        return self.cache.trials(task.signature, self.timer.place)

    def _record(self, contest: Contest, task: Task | None, why: str | None) -> Record:
        if task is None:
            return Record(contest.competition.winner)
        known = [t for t in self._known(task) if any(t.is_of(c) for c in task.candidates)]
        untried = len(self._missing(task))
        out = [t for t in known if t.us is None]
        left = [c for c in task.candidates if not any(t.is_of(c) for t in out)]
        if not left:
            raise PassError(
                f"tune: @{contest.func.sym_name.data}: every candidate is out: "
                f"{'; '.join(f'{t.schedule} {dict(t.tunables)}: {t.why}' for t in out)}; opt_level 0 chooses by price, without a check."
            )
        untimed = f"{untried} of {len(task.candidates)} candidates were not timed: {why}" if untried else ""
        return Record(fastest(task.candidates, known) or left[0], tuple(known), untimed)
