"""What was measured of one candidate, and of all candidates of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ...dialects.kernel.types import Choice
from ...passes.kernels.cost.decision import preferred
from ...passes.kernels.schedules.choosing import Contest, Verdict, by_price
from ...passes.kernels.schedules.competition import Candidate
from ...passes.remarks import Kind

UNCERTAINTY = 0.02
"""Relative, of times: of candidates within it of the fastest, the first in order is taken, so that noise flips no choice."""


@dataclass(frozen=True)
class Trial:
    """A candidate that was tried: its time, or why it is out of the competition."""

    schedule: str
    tunables: Mapping[str, int | str]
    us: float | None
    """Microseconds; None for a candidate that is out."""
    why: str = ""
    """Why it is out: it computes something else, or it cannot be built or launched."""

    @classmethod
    def of(cls, choice: Choice, us: float | None, why: str = "") -> Self:
        """Of a choice."""
        return cls(choice.schedule.data, choice.values, us, why)

    def is_of(self, candidate: Candidate) -> bool:
        """Whether it is about this candidate."""
        return self.schedule == candidate.schedule and dict(self.tunables) == dict(candidate.values)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        said = {"us": self.us} if self.us is not None else {"why": self.why}
        return {"schedule": self.schedule, "tunables": dict(self.tunables), **said}

    @classmethod
    def from_json(cls, given: Any) -> Self:
        """From JSON values. Raises ValueError that says what is wrong with them."""
        if not isinstance(given, dict):
            raise ValueError(f"expected an object, got {type(given).__name__}")
        us, why = given.get("us"), given.get("why")
        if not isinstance(given.get("schedule"), str) or not is_tunables(given.get("tunables")):
            raise ValueError("expected a schedule and its tunables")
        if (us is None) == (why is None):
            raise ValueError("expected either us or why")
        if us is not None and not (isinstance(us, int | float) and not isinstance(us, bool) and 0 < us < float("inf")):
            raise ValueError(f"expected us to be a positive number, got {us!r:.40}")
        if why is not None and not isinstance(why, str):
            raise ValueError("expected why to be a text")
        return cls(given["schedule"], given["tunables"], None if us is None else float(us), why or "")


def is_tunables(given: Any) -> bool:
    """Whether JSON values are the tunables of a schedule."""
    return isinstance(given, dict) and all(
        isinstance(name, str) and isinstance(value, int | str) and not isinstance(value, bool)
        for name, value in given.items()
    )


def fastest(candidates: Sequence[Candidate], trials: Sequence[Trial]) -> Candidate | None:
    """The candidate to take by time; None where no time is known."""
    timed = [(c, t.us) for c in candidates for t in trials if t.is_of(c) and t.us is not None]
    return timed[preferred([us for _, us in timed], UNCERTAINTY)][0] if timed else None


@dataclass(frozen=True)
class Record:
    """Why a group got a candidate: its trials, and why others were not timed ("" where all were)."""

    winner: Candidate
    trials: tuple[Trial, ...] = ()
    untimed: str = ""


def verdict(contest: Contest, record: Record) -> Verdict:
    """The verdict that a record gives, with the times of its rivals and why others are out. The same record says the same always."""
    found, name, winner = contest.competition, contest.func.sym_name.data, record.winner
    tried = [(c, t) for c in found.candidates for t in record.trials if t.is_of(c)]
    us = next((t.us for c, t in tried if c == winner), None)
    said: list[tuple[Kind, str]] = []
    if us is None and winner == found.winner:
        said += by_price(contest).remarks
    else:
        times = "" if us is None else f"{us:.2f} us measured, "
        others = "" if winner == found.winner else f"; by price alone {found.winner} {found.winner.price:.2f} us"
        said.append(("analysis", f"{winner} {times}{winner.price:.2f} us by price, of {len(tried)} tried{others}"))
    for rival, trial in tried:
        if trial.us is None:
            said.append(("missed", f"@{name}: {rival} is out: {trial.why}"))
        elif rival != winner:
            near = f", which is within {UNCERTAINTY:.0%} and preferred" if us is not None and trial.us < us else ""
            said.append(
                ("missed", f"@{name}: {rival} {trial.us:.2f} us measured, {rival.price:.2f} us by price, lost{near}")
            )
    if record.untimed:
        said.append(("missed", f"@{name}: {record.untimed}"))
    return Verdict(winner, tuple(said))
