"""The epilogue of the attention schedules: pointwise ops on pieces of the output, and their stores."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from .....dialects.kernel.types import FragType
from ...building.builder import KernelBuilder
from ...building.maps import emit_pointwise
from ...building.space import Space
from .problem import SPACE, AttentionProblem


def store_results(
    b: KernelBuilder,
    problem: AttentionProblem,
    out: Sequence[SSAValue],
    columns: Sequence[int],
    at: tuple[SSAValue, SSAValue, SSAValue],
) -> None:
    """Applies the epilogue to pieces of the output, whose first columns are given, and stores the results at (batch, head, row)."""
    group, dims = problem.group, problem.out_dims
    values = [problem.stored(result) for result in group.results]
    wanted = [(value, problem.axes[value]) for value in values]
    views = [
        b.view_of(group.result_access(i).over(problem.axes[result], dims), SPACE)
        for i, result in enumerate(group.results)
    ]
    for piece, column in zip(out, columns, strict=True):
        assert isinstance(piece.type, FragType)
        space = Space(b, group, dims, SPACE, (*at, column), piece.type)
        made = emit_pointwise(b, wanted, piece.type, space.load, known=problem.known(piece))
        for value, view in zip(made, views, strict=True):
            b.store(value, view, space.coords)
