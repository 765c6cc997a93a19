"""
Who chooses between the candidates of a module's groups: by default their prices, inside `choosing` whoever was given, such as the tuner or
a lock file (`compiler/tune/`).

A chooser sees all groups of the module at once, and gives each a verdict: one of its candidates, and what remarks say about it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from xdsl.dialects.func import FuncOp

from ....dialects.kernel.types import Target
from ...remarks import Kind
from ..building.group import GroupView
from ..cost.decision import within
from .competition import Candidate, Competition


@dataclass(frozen=True)
class Contest:
    """A group, and the candidates that compete for it."""

    view: GroupView
    competition: Competition

    @property
    def func(self) -> FuncOp:
        """The outlined group."""
        assert isinstance(self.view.op, FuncOp)
        return self.view.op


@dataclass(frozen=True)
class Verdict:
    """The candidate that a group gets, and why, as remarks."""

    winner: Candidate
    remarks: tuple[tuple[Kind, str], ...]


class Chooser(Protocol):
    """Chooses for all groups of a module."""

    def __call__(self, contests: Sequence[Contest], target: Target) -> Sequence[Verdict]:
        """A verdict for each contest, in their order."""
        ...


_CHOOSER: ContextVar[Chooser | None] = ContextVar("trtc_chooser", default=None)


@contextmanager
def choosing(chooser: Chooser | None) -> Generator[None]:
    """Inside the block `chooser` chooses; None: prices do."""
    token = _CHOOSER.set(chooser)
    try:
        yield
    finally:
        _CHOOSER.reset(token)


def verdicts(contests: Sequence[Contest], target: Target) -> Sequence[Verdict]:
    """What the chooser says, or else the prices."""
    chooser = _CHOOSER.get()
    return [by_price(contest) for contest in contests] if chooser is None else chooser(contests, target)


def by_price(contest: Contest) -> Verdict:
    """The winner by price, by how much each other schedule lost, and the price of the next configuration of its own."""
    found, name = contest.competition, contest.func.sym_name.data
    winner, next_best = found.winner, found.runner_up
    others = f", {next_best.values} {next_best.price:.2f} us" if next_best is not None else ""
    said: list[tuple[Kind, str]] = [("analysis", f"{winner} {winner.price:.2f} us{others}")]
    for loser in found.losers:
        message = f"@{name}: {loser} {loser.price:.2f} us lost to {winner.schedule} {winner.price:.2f} us"
        said.append(("missed", message + within(winner.price, loser.price)))
    return Verdict(winner, tuple(said))
