"""
Happens-before between the warps of a cluster, as vector clocks, and the barriers and mbarriers that establish it.

A warp counts as sequential. `vc[w][a]` is the latest step of agent `a` that warp `w` is ordered after; agents are the warps of the
cluster and, after them, one per mbarrier, whose steps are its completed phases: the writes of an asynchronous copy that counts towards a
phase are those of that agent at that step, so that only warps which waited for the phase may read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


class RuleBroken(Exception):
    """A rule of docs/reference/kernel-semantics.md does not hold at the op being executed; the executor adds the op and its location."""


class Clocks:
    """The vector clocks of `warps` warps, numbered over the cluster."""

    def __init__(self, warps: int):
        self.warps = warps
        self.agents = warps
        self.vc = np.zeros((warps, warps + 16), np.int32)
        self.vc[np.arange(warps), np.arange(warps)] = 1

    def new_agent(self) -> int:
        """A number for a new agent that is no warp."""
        if self.agents == self.vc.shape[1]:
            self.vc = np.concatenate([self.vc, np.zeros_like(self.vc)], axis=1)
        self.agents += 1
        return self.agents - 1

    def now(self, warps: np.ndarray) -> np.ndarray:
        """The current step of each warp."""
        return self.vc[warps, warps]

    def released(self, warps: np.ndarray) -> np.ndarray:
        """The joined clock of these warps; their own steps advance, so that what they do later is not part of it."""
        seen = self.vc[warps].max(axis=0)
        self.vc[warps, warps] += 1
        return seen

    def acquire(self, warps: np.ndarray, seen: np.ndarray) -> None:
        """These warps are ordered after what `seen` holds."""
        self.vc[warps, : len(seen)] = np.maximum(self.vc[warps, : len(seen)], seen)


def joined(a: np.ndarray | None, b: np.ndarray) -> np.ndarray:
    """The later of two clocks; they may differ in length."""
    if a is None:
        return b.copy()
    if len(a) < len(b):
        a, b = b, a
    result = a.copy()
    result[: len(b)] = np.maximum(result[: len(b)], b)
    return result


@dataclass
class Barrier:
    """A bar.sync (or cluster barrier): once all have arrived, each is ordered after all."""

    arrived: int = 0
    generation: int = 0
    seen: np.ndarray | None = None
    warps: list[np.ndarray] = field(default_factory=list[np.ndarray])

    def arrive(self, clocks: Clocks, warps: np.ndarray, threads: int, expected: int) -> None:
        """`threads` threads of these warps arrive; the last of `expected` lets all go."""
        self.arrived += threads
        if self.arrived > expected:
            raise RuleBroken(f"{self.arrived} threads arrived at a barrier of {expected}")
        self.seen = joined(self.seen, clocks.released(warps))
        self.warps.append(warps)
        if self.arrived == expected:
            clocks.acquire(np.unique(np.concatenate(self.warps)), self.seen)
            self.arrived, self.seen, self.warps = 0, None, []
            self.generation += 1


@dataclass
class Mbarrier:
    """An mbarrier: `count` arrivals and all announced bytes complete a phase. `initialiser` and `since`: the warp and step of its init."""

    agent: int
    count: int
    initialiser: int
    since: int
    fenced: bool = False
    phase: int = 0
    pending: int = 0
    bytes: int = 0
    seen: np.ndarray | None = None
    complete: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.pending = self.count

    def arrive(self, clocks: Clocks, warps: np.ndarray, threads: int) -> None:
        """`threads` arrivals by threads of these warps."""
        if threads > self.pending:
            raise RuleBroken(f"an mbarrier for {self.count} arrivals gets more in one phase")
        self.pending -= threads
        self.seen = joined(self.seen, clocks.released(warps))
        self.advance()

    def landed(self, bytes_: int) -> None:
        """Bytes of an asynchronous copy have arrived."""
        self.bytes -= bytes_
        self.advance()

    def advance(self) -> None:
        """Completes the phase if nothing is missing."""
        if self.pending or self.bytes:
            return
        self.phase += 1
        self.pending = self.count
        own = np.zeros(self.agent + 1, np.int32)
        own[self.agent] = self.phase
        self.seen = self.complete = joined(self.seen, own)

    def is_complete(self, parity: int) -> bool:
        """The result of try_wait.parity: whether the phase of this parity has completed."""
        return self.phase % 2 != parity
