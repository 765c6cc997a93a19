"""Schedule `thread_row`: softmax, layer_norm and reductions of short rows, one thread per row.

It matches, counts and builds rows as trtc's own `row` does, which uses one warp or more per row. One thread wastes no lane on a row of four
columns, and is slow where rows are longer or few. The schedule does not decide that: both take such groups, and their prices decide.
"""

from collections.abc import Sequence

from trtc.dialects import kernel
from trtc.dialects.kernel.types import Choice, Target
from trtc.passes.kernels.building.group import Anchors, GroupView
from trtc.passes.kernels.building.schedule import Refusal
from trtc.passes.kernels.building.tiling import power_of_two_at_least
from trtc.passes.kernels.building.work import Work
from trtc.passes.kernels.schedules.row.row import SCHEDULE as ROW
from trtc.passes.kernels.schedules.row.tiles import RowProblem, RowTile

MOST = 64
"""Columns that a thread keeps in registers."""


class ThreadRow:
    """See the module's docstring."""

    name = "thread_row"
    anchors: Sequence[Anchors] = ROW.anchors

    def match(self, view: GroupView, target: Target) -> RowProblem | Refusal:
        problem = ROW.match(view, target)
        if isinstance(problem, Refusal):
            return problem
        longest = view.upper(problem.columns)
        if longest is None or not 0 < longest <= MOST or not (problem.shuffles and problem.along_columns):
            return Refusal(f"expected contiguous rows of at most {MOST} 32-bit values", problem.anchor)
        return problem

    def configs(self, problem: RowProblem, target: Target) -> list[Choice]:
        longest, vector = problem.group.upper(problem.columns) or 1, problem.vector()
        registers = max(vector, power_of_two_at_least(longest))
        return [Choice.of(self.name, RowTile(rows, 1, vector, registers, loop=0).tunables()) for rows in (128, 32)]

    def work(self, problem: RowProblem, config: Choice, target: Target) -> list[Work]:
        return ROW.work(problem, config, target)

    def lower(self, problem: RowProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        return ROW.lower(problem, config, target)


SCHEDULE = ThreadRow()
