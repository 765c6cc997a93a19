"""
Blocks that share the units of a recurrence and meet after each exchange: a block alone at its barrier, a few as a cluster, or any number
that run at once at a counter in global memory, which a first launch sets to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from .....dialects import kernel
from .....dialects.dims import ExprLike, as_expr
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import FragType, GlobalType, Target
from ...building.builder import Index, KernelBuilder
from ...building.group import GroupView
from ...building.work import Work

LARGEST_CLUSTER = 8
"""Blocks of a cluster that every GPU with clusters can place."""
COUNTER = 32
"""i32 between two counters: a line of L2 for each."""
WAITS = {"block": 0.5, "cluster": 1.8, "grid": 4.0}
"""Serial waits (`Gpu.wait`) from the last write of h to its first read by another block; fitted to layers of 128 to 1024 units on an
H200."""
CELL_WAITS = 1.6
"""Serial waits of a step beside: its sums over lanes or warps, and its activations."""


@dataclass(frozen=True)
class Team:
    """`blocks` blocks, and how they meet: block, cluster or grid. `teams` of them run in one launch."""

    blocks: int
    meeting: str
    teams: ExprLike

    @property
    def cluster(self) -> int:
        return self.blocks if self.meeting == "cluster" else 1

    @property
    def counters(self) -> list[GlobalType]:
        """The workspace that meeting takes."""
        return [GlobalType.of([as_expr(self.teams) * COUNTER], i32)] if self.meeting == "grid" else []

    def meet(self, b: KernelBuilder, team: Index, turn: Index) -> None:
        """Meeting number `turn` of a team."""
        if self.meeting == "grid":
            counters = b.tensors[-1]
            b.insert(kernel.GridBarrierOp(counters, b.mul(team, COUNTER), b.index(turn), self.blocks))
        else:
            b.insert(kernel.ClusterBarrierOp() if self.meeting == "cluster" else kernel.BarrierOp())

    def first_launch(self, group: GroupView, workspace: Sequence[GlobalType]) -> list[kernel.FuncOp]:
        """The launch that sets the counters to zero, where there are some."""
        if self.meeting != "grid":
            return []
        b = KernelBuilder.for_group(group, [self.teams, 1, 1], 1, workspace=workspace)
        view = b.view(len(group.tensors) + len(workspace) - 1, ([], [0]))
        zeros = b.fill(0, FragType.of((1, COUNTER), i32, Blocked.of(1, COUNTER, 1, 1)))
        b.store(zeros, view, [0, b.mul(b.coords[0], COUNTER)])
        return [b.finish()]

    def first_work(self, group: GroupView) -> list[Work]:
        if self.meeting != "grid":
            return []
        teams = max(1, group.usual(as_expr(self.teams)))
        return [Work(blocks=teams, threads=32, registers=16, dram_bytes=4 * COUNTER * teams, l2_bytes=4 * COUNTER)]


def teams_of(blocks: int, teams: ExprLike, most: int | None, target: Target, *, exact: bool = False) -> list[Team]:
    """How so many blocks of each of `teams` teams, of which there are up to `most`, can meet; none where they cannot run at once. Unless
    `exact`, a cluster may have more blocks."""
    if blocks == 1:
        return [Team(1, "block", teams)]
    found: list[Team] = []
    cluster = blocks if exact else 1 << (blocks - 1).bit_length()
    if target.capability >= 90 and cluster <= LARGEST_CLUSTER:
        found.append(Team(cluster, "cluster", teams))
    if most is not None and blocks * most <= target.sms.data:
        found.append(Team(blocks, "grid", teams))
    return found


def first_turn(b: KernelBuilder, step: SSAValue, meetings: int) -> SSAValue:
    """The number of the first meeting of a step: one has come before all of them."""
    return b.add(b.mul(step, meetings), 1)
