"""
Schedule `reduce_split`: reductions of few long rows, which would leave most of the GPU idle with a block a row. Two launches:

- many blocks share a row, each reduces a span of its columns (with the pointwise ops before) into `workspace[row, span]`;
- a warp a row reduces the spans, in order, and computes the pointwise ops behind.

The spans depend on the shape alone and nothing is added atomically, so that equal inputs give equal bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr
from .....dialects.kernel.types import Choice, GlobalType, Target
from ...building.builder import KernelBuilder
from ...building.group import Group
from ...building.space import Space
from ...building.tiling import power_of_two_at_least
from ..registry import tuned
from .row import SCHEDULE as ROW
from .tiles import Problem, Reduction, RowKernel, RowTile

NAME = "reduce_split"
LEAST = 1 << 16
"""Elements that one block would have to read alone, from which on sharing them saves more than a second launch costs (H100: 4.0 us
instead of 4.4 at 65,536, 4.5 instead of 37 at a million)."""
LANES = 32
BLOCKS_PER_SM = 4
MOST = 1024
"""Spans of a row: what a warp reduces in 32 steps."""


@dataclass(frozen=True)
class ReduceSplit:
    """The schedule; see the module."""

    name: str = NAME

    def accepts(self, group: Group, target: Target) -> str | None:
        anchor = group.anchor(nn.ReduceOp)
        if not isinstance(anchor, nn.ReduceOp):
            return "expected one reduce"
        if reason := ROW.accepts(group, target):
            return reason
        problem = Problem(group, anchor)
        rows, columns = group.usual(problem.rows), group.usual(problem.columns)
        tile = _tile(problem)
        blocks = -(-rows // tile.rows)
        alone = min(rows, tile.rows) * columns
        if columns < LANES * tile.width or alone < LEAST or 2 * blocks > target.sms.data:
            return f"expected few long rows, which pay for a second launch, got {rows} of {columns}"
        return None

    def candidates(self, group: Group, target: Target) -> list[Choice]:
        problem = _problem(group)
        tile = _tile(problem)
        blocks = -(-group.usual(problem.rows) // tile.rows)
        most = min(MOST, group.usual(problem.columns) // tile.width)
        wanted = power_of_two_at_least(-(-BLOCKS_PER_SM * target.sms.data // blocks))
        options = dict.fromkeys(max(LANES, min(n, most // LANES * LANES)) for n in (wanted, wanted // 2, wanted * 2))
        return [tuned(NAME, group, {**tile.tunables(), "spans": spans}) for spans in options]

    def workspace(self, group: Group, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        problem = _problem(group)
        return [GlobalType.of([problem.rows, int(tunables["spans"])], problem.wide)]

    def lower(self, group: Group, choice: Choice, target: Target) -> list[kernel.FuncOp]:
        problem = _problem(group)
        return [_partial(problem, choice), _total(problem, choice)]


def _problem(group: Group) -> Problem:
    anchor = group.anchor(nn.ReduceOp)
    assert isinstance(anchor, nn.ReduceOp)
    return Problem(group, anchor)


def _tile(problem: Problem) -> RowTile:
    """Of the first launch: a row's neighbouring columns for a block where memory runs along them, else 32 neighbouring rows."""
    if not problem.shuffles:
        return RowTile(rows=LANES, threads=1, vector=1, registers=1, loop=1)
    if not problem.along_columns:
        return RowTile(rows=LANES, threads=8, vector=1, registers=8, loop=1)
    vector = problem.vector()
    return RowTile(rows=1, threads=256, vector=vector, registers=max(vector, 8), loop=1)


def _partial(problem: Problem, choice: Choice) -> kernel.FuncOp:
    """Each block reduces one span of columns of its rows."""
    group, tile, how = problem.group, RowTile.of(choice), Reduction.of(_anchor(problem))
    spans = int(choice.values["spans"])
    grid = [(problem.rows + tile.rows - 1) // tile.rows, spans, 1]
    b = KernelBuilder.for_group(group, grid, tile.warps, workspace=SCHEDULE.workspace(group, choice.values))
    share = tile.width * spans
    length: Expr = (problem.columns + (share - 1)) // share * tile.width
    begin = b.mul(b.coords[1], b.expr(length))
    row = RowKernel(problem, tile, b, (begin, b.min(b.add(begin, b.expr(length)), b.expr(problem.columns))))
    value = row.total(how.kind, how.identity, lambda space: how.term(row, space))
    b.store(value, _spans(b, group), [row.first_row, b.coords[1]])
    return b.finish()


def _total(problem: Problem, choice: Choice) -> kernel.FuncOp:
    """A warp a row reduces the spans and computes what follows."""
    group, anchor = problem.group, _anchor(problem)
    how, spans = Reduction.of(anchor), int(choice.values["spans"])
    tile = RowTile(4, LANES, 1, 1, loop=1) if problem.shuffles else RowTile(LANES, 1, 1, 1, loop=1)
    grid = [(problem.rows + tile.rows - 1) // tile.rows, 1, 1]
    b = KernelBuilder.for_group(
        group, grid, tile.warps, name=f"{group.name}_stage1", workspace=SCHEDULE.workspace(group, choice.values)
    )
    row = RowKernel(problem, tile, b, (0, spans))

    def term(space: Space) -> SSAValue:
        return space.b.load(_spans(space.b, group), space.coords, row.frag)

    value = row.total(how.kind, how.identity, term)
    row.store_rows(anchor.result, row.mean(value) if anchor.kind.data.value == "mean" else value)
    return b.finish()


def _anchor(problem: Problem) -> nn.ReduceOp:
    assert isinstance(problem.anchor, nn.ReduceOp)
    return problem.anchor


def _spans(b: KernelBuilder, group: Group) -> SSAValue:
    """The workspace, one coordinate for the row and one for the span."""
    return b.view(len(group.tensors), ([0], [1]))


SCHEDULE = ReduceSplit()
