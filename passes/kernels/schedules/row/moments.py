"""
Schedule `moments`: the moments of rows, and values normalised by them, each as a launch of its own.

A tile is as many columns of some rows as share a pair of moments, or 64; a thread has eight of a row. Where a product computes the rows,
or what is normalised, it does this itself (gemm/moments.py); this is for the rest, so that either op can always run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import ceildiv, product
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import Choice, FragType, Target
from ...building.builder import KernelBuilder
from ...building.group import Anchors, GroupView
from ...building.moments import (
    COLUMNS,
    LOAD_INSTRUCTIONS,
    STORE_INSTRUCTIONS,
    apply_moments,
    refuse_moments,
    statistics_of,
    store_moments,
)
from ...building.pointwise import refuse_pointwise, refuse_tensors
from ...building.schedule import OtherAnchor, Refusal
from ...building.space import Space, refuse_values
from ...building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, arithmetic, cut, usual_bytes

NAME = "moments"
VECTOR = 8
"""Neighbouring columns of a thread: 16 bytes of f16."""
THREADS = 128


@dataclass(frozen=True)
class MomentsProblem:
    """The op, and the group that it anchors."""

    group: GroupView
    anchor: nn.RowMomentsOp | nn.ApplyMomentsOp

    @property
    def groups(self) -> tuple[list[int], list[int]]:
        """Rows and columns among the dims of x."""
        last = nn.rank_of(self.anchor.x) - 1
        return list(range(last)), [last]

    @property
    def columns(self) -> int:
        """Columns of a tile."""
        return self.anchor.columns.value.data if isinstance(self.anchor, nn.RowMomentsOp) else 64

    @property
    def lanes(self) -> int:
        """Threads per row."""
        return self.columns // VECTOR


@dataclass(frozen=True)
class Moments:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.RowMomentsOp,), (nn.ApplyMomentsOp,))

    def match(self, view: GroupView, target: Target) -> MomentsProblem | Refusal:
        anchor = view.anchor(nn.RowMomentsOp, nn.ApplyMomentsOp)
        if not isinstance(anchor, nn.RowMomentsOp | nn.ApplyMomentsOp):
            return OtherAnchor("expected one row_moments or apply_moments")
        dims = nn.shape_of(anchor.x)
        if refusal := refuse_pointwise(view.ops) or refuse_tensors(view) or refuse_values(view, [anchor.x], dims):
            return refusal
        if isinstance(anchor, nn.RowMomentsOp):
            if anchor.columns.value.data not in COLUMNS:
                return Refusal(f"expected moments of {COLUMNS} columns, got {anchor.columns.value.data}", anchor)
            if list(view.results) != [anchor.result]:
                return Refusal("expected moments as the only result of the group", anchor)
            return MomentsProblem(view, anchor)
        shift = [] if anchor.shift is None else [anchor.shift]
        refusal = refuse_moments(view, anchor, dims) or refuse_values(view, view.results, dims, [anchor.result])
        if any(view.operand_index(value) is None for value in shift):
            return Refusal("expected a shift from outside the group", anchor)
        return refusal or MomentsProblem(view, anchor)

    def configs(self, problem: MomentsProblem, target: Target) -> list[Choice]:
        return [Choice.of(NAME, {"rows": THREADS // problem.lanes * deep}) for deep in (1, 2)]

    def work(self, problem: MomentsProblem, config: Choice, target: Target) -> list[Work]:
        group, rows = problem.group, int(config.values["rows"])
        *lead, columns = nn.shape_of(problem.anchor.x)
        blocks = cut(group.usual(product(lead)), rows) * cut(group.usual(columns), problem.columns)
        elements, moved = rows * problem.columns, sum(usual_bytes(group))
        instructions = elements * (STORE_INSTRUCTIONS + arithmetic(group.ops) + 2 * ACCESS_INSTRUCTIONS / VECTOR)
        if isinstance(problem.anchor, nn.ApplyMomentsOp):
            instructions += rows * group.usual(nn.shape_of(problem.anchor.moments)[-1]) * LOAD_INSTRUCTIONS
        return [
            Work(
                blocks=blocks, threads=THREADS, registers=48, l2_bytes=moved / blocks, dram_bytes=moved,
                operations={ISSUE: instructions},
            )
        ]  # fmt: skip

    def lower(self, problem: MomentsProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        group, anchor, rows = problem.group, problem.anchor, int(config.values["rows"])
        dims = nn.shape_of(anchor.x)
        grid = [ceildiv(product(dims[:-1]), rows), ceildiv(dims[-1], problem.columns), 1]
        b = KernelBuilder.for_group(group, grid, THREADS // 32)
        layout = Blocked.of(THREADS // problem.lanes, problem.lanes, 1, VECTOR)
        frag = FragType.of((rows, problem.columns), f32, layout)
        row, column = b.mul(b.coords[0], rows), b.mul(b.coords[1], problem.columns)
        space = Space(b, group, dims, problem.groups, (row, column), frag)
        x = space.wide(anchor.x, f32)
        if isinstance(anchor, nn.RowMomentsOp):
            store_moments(b, group, group.result_index(0), problem.groups, x, (row, column))
            return [b.finish()]
        statistics = statistics_of(b, group, anchor, problem.groups, (row,), frag)

        def load(value: SSAValue) -> SSAValue:
            return space.load(value, space.axes(value))

        space.store_results({anchor.x: x, anchor.result: apply_moments(b, anchor, x, statistics, load)})
        return [b.finish()]


SCHEDULE = Moments()
