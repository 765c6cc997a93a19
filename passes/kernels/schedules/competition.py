"""
All schedules that take a group compete, those of other packages too: each configuration of each has a price, and the rule of
`cost/decision.py` chooses, in the order of the registry, then of the schedule's own configurations.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from xdsl.ir import Attribute

from ....dialects.kernel.types import Choice, Target
from ..building.group import GroupView
from ..building.schedule import Schedule, target_of
from ..cost.decision import preferred
from ..cost.price import price
from .matching import Answer, Match, all_matches


@dataclass(frozen=True)
class Candidate:
    """One configuration of a schedule that takes the group."""

    choice: Choice
    price: float
    """Microseconds; infinity where a block does not fit the SM."""

    @property
    def schedule(self) -> str:
        return self.choice.schedule.data

    @property
    def values(self) -> Mapping[str, int | str]:
        return self.choice.values

    def __str__(self) -> str:
        return f"{self.schedule} {self.values}"


@dataclass(frozen=True)
class Competition:
    """The candidates of a group in order of preference, and the one that the rule takes."""

    candidates: tuple[Candidate, ...]
    winner: Candidate
    answer: Answer
    """Who refused, and why."""

    @property
    def losers(self) -> list[Candidate]:
        """The best candidate of each other schedule."""
        best: dict[str, Candidate] = {}
        for candidate in self.candidates:
            if candidate.schedule != self.winner.schedule:
                known = best.setdefault(candidate.schedule, candidate)
                best[candidate.schedule] = min(known, candidate, key=lambda c: c.price)
        return list(best.values())

    @property
    def runner_up(self) -> Candidate | None:
        """The cheapest other configuration of the schedule that wins."""
        others = [c for c in self.candidates if c.schedule == self.winner.schedule and c is not self.winner]
        return min(others, key=lambda c: c.price, default=None)


def price_of(schedule: Schedule[Any], problem: Any, choice: Choice, target: Target) -> float:
    """Microseconds of one configuration."""
    return price(schedule.work(problem, choice, target), target)


def _candidates(match: Match, target: Target) -> list[Candidate]:
    schedule, problem = match.schedule, match.problem
    return [Candidate(c, price_of(schedule, problem, c, target)) for c in schedule.configs(problem, target)]


def compete(view: GroupView, target: Attribute | None, allowed: Sequence[str] | None = None) -> Competition | Answer:
    """The competition for a group between the `allowed` schedules, by default all; the refusals where none takes it."""
    matches, answer = all_matches(view, target, allowed)
    candidates = [c for match in matches for c in _candidates(match, target_of(target))]
    if not candidates:
        return answer
    return Competition(tuple(candidates), candidates[preferred([c.price for c in candidates])], answer)


class Prices:
    """Prices of groups for one target, remembered by signature while a pass runs."""

    def __init__(self, target: Attribute | None):
        self.target = target
        self._known: dict[Hashable, float] = {}

    def of(self, view: GroupView) -> float:
        """Microseconds of a group as it would be run; infinity where no schedule takes it."""
        known = self._known.get(view.signature)
        if known is None:
            found = compete(view, self.target)
            known = self._known[view.signature] = found.winner.price if isinstance(found, Competition) else inf
        return known
