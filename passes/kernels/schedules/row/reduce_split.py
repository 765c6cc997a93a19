"""
Schedule `reduce_split`: reductions of few long rows, which would leave most of the GPU idle with one block per row. Two launches:

- many blocks share a row, each reduces a span of its columns (with the pointwise ops before) into `workspace[row, span]`;
- one warp per row reduces the spans, in order, and computes the pointwise ops after.

The spans depend on the shape alone and nothing is added atomically, so that equal inputs give equal bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr
from .....dialects.kernel.types import Choice, GlobalType, Target, bitwidth
from ...building.builder import KernelBuilder
from ...building.group import Anchors, GroupView
from ...building.schedule import OtherAnchor, Refusal, choice_of
from ...building.space import Space
from ...building.tiling import power_of_two_at_least
from ...building.work import Work, arithmetic, cut, usual_bytes
from .row import SCHEDULE as ROW
from .tiles import Reduction, RowKernel, RowProblem, RowTile, row_work

NAME = "reduce_split"
LANES = 32
BLOCKS_PER_SM = 4
MOST = 1024
"""Spans of a row: what a warp reduces in 32 steps."""


@dataclass(frozen=True)
class ReduceSplit:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.ReduceOp,),)

    def match(self, view: GroupView, target: Target) -> RowProblem | Refusal:
        if not isinstance(view.anchor(nn.ReduceOp), nn.ReduceOp):
            return OtherAnchor("expected one reduce")
        problem = ROW.match(view, target)
        if isinstance(problem, Refusal):
            return problem
        columns, least = view.usual(problem.columns), LANES * _tile(problem).width
        if columns < least:
            return Refusal(f"expected rows of {LANES} spans or more, {least} columns, got {columns}", problem.anchor)
        return problem

    def configs(self, problem: RowProblem, target: Target) -> list[Choice]:
        group = problem.group
        tile = _tile(problem)
        blocks = -(-group.usual(problem.rows) // tile.rows)
        most = min(MOST, group.usual(problem.columns) // tile.width)
        wanted = power_of_two_at_least(-(-BLOCKS_PER_SM * target.sms.data // blocks))
        options = dict.fromkeys(max(LANES, min(n, most // LANES * LANES)) for n in (wanted, wanted // 2, wanted * 2))
        return [choice_of(self, problem, {**tile.tunables(), "spans": spans}) for spans in options]

    def workspace(self, problem: RowProblem, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        return [GlobalType.of([problem.rows, int(tunables["spans"])], problem.wide)]

    def work(self, problem: RowProblem, config: Choice, target: Target) -> list[Work]:
        group, tile, spans = problem.group, RowTile.of(config), int(config.values["spans"])
        rows, columns = max(1, group.usual(problem.rows)), max(1, group.usual(problem.columns))
        length = cut(columns, tile.width * spans) * tile.width
        used, between = cut(columns, length), rows * spans * bitwidth(problem.wide) // 8
        read = sum(usual_bytes(group)[: len(group.operands)])
        blocks, steps = cut(rows, tile.rows) * used, cut(min(columns, length), tile.width)
        partial = row_work(
            problem, tile, min(columns, length), 1, 3 + arithmetic(group.ops),
            blocks=blocks, l2_bytes=read / blocks / steps, dram_bytes=read + between,
        )  # fmt: skip
        written, tile = sum(usual_bytes(group)[len(group.operands) :]), _total_tile(problem)
        blocks = cut(rows, tile.rows)
        total = row_work(
            problem, tile, spans, 1, 3,
            blocks=blocks, l2_bytes=between / blocks / cut(spans, tile.width), dram_bytes=between + written,
        )  # fmt: skip
        return [partial, total]

    def lower(self, problem: RowProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        return [_partial(problem, config), _total(problem, config)]


def _tile(problem: RowProblem) -> RowTile:
    """Of the first launch: a row's neighbouring columns for a block where memory runs along them, else 32 neighbouring rows."""
    if not problem.shuffles:
        return RowTile(rows=LANES, threads=1, vector=1, registers=1, loop=1)
    if not problem.along_columns:
        return RowTile(rows=LANES, threads=8, vector=1, registers=8, loop=1)
    vector = problem.vector()
    return RowTile(rows=1, threads=256, vector=vector, registers=max(vector, 8), loop=1)


def _total_tile(problem: RowProblem) -> RowTile:
    """Of the second launch: one warp per row."""
    return RowTile(4, LANES, 1, 1, loop=1) if problem.shuffles else RowTile(LANES, 1, 1, 1, loop=1)


def _partial(problem: RowProblem, choice: Choice) -> kernel.FuncOp:
    """Each block reduces one span of columns of its rows."""
    group, tile, how = problem.group, RowTile.of(choice), Reduction.of(_anchor(problem))
    spans = int(choice.values["spans"])
    grid = [(problem.rows + tile.rows - 1) // tile.rows, spans, 1]
    b = KernelBuilder.for_group(group, grid, tile.warps, workspace=SCHEDULE.workspace(problem, choice.values))
    share = tile.width * spans
    length: Expr = (problem.columns + (share - 1)) // share * tile.width
    begin = b.mul(b.coords[1], b.expr(length))
    row = RowKernel(problem, tile, b, (begin, b.min(b.add(begin, b.expr(length)), b.expr(problem.columns))))
    value = row.total(how.kind, how.identity, lambda space: how.term(row, space))
    b.store(value, _spans(b, group), [row.first_row, b.coords[1]])
    return b.finish()


def _total(problem: RowProblem, choice: Choice) -> kernel.FuncOp:
    """One warp per row reduces the spans and computes what follows."""
    group, anchor = problem.group, _anchor(problem)
    how, spans = Reduction.of(anchor), int(choice.values["spans"])
    tile = _total_tile(problem)
    grid = [(problem.rows + tile.rows - 1) // tile.rows, 1, 1]
    b = KernelBuilder.for_group(
        group, grid, tile.warps, name=f"{group.name}_stage1", workspace=SCHEDULE.workspace(problem, choice.values)
    )
    row = RowKernel(problem, tile, b, (0, spans))

    def term(space: Space) -> SSAValue:
        return space.b.load(_spans(space.b, group), space.coords, row.frag)

    value = row.total(how.kind, how.identity, term)
    row.store_rows({anchor.result: row.mean(value) if anchor.kind.data.value == "mean" else value})
    return b.finish()


def _anchor(problem: RowProblem) -> nn.ReduceOp:
    assert isinstance(problem.anchor, nn.ReduceOp)
    return problem.anchor


def _spans(b: KernelBuilder, group: GroupView) -> SSAValue:
    """The workspace, one coordinate for the row and one for the span."""
    return b.view(len(group.tensors), ([0], [1]))


SCHEDULE = ReduceSplit()
