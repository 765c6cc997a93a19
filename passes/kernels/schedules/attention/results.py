"""
The epilogue of the attention schedules: pointwise ops on pieces of the output, and their stores, by the threads or, where TMA can address
the result, from shared tiles. Threads of an accumulator hold two neighbouring columns, which makes stores of their own narrow.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import bf16, f16
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.kernel.types import FragType, TensorMapType
from ...building.builder import KernelBuilder
from ...building.group import Access
from ...building.maps import emit_pointwise
from ...building.space import Space
from ..gemm.sm90 import fits_tma
from .problem import SPACE, AttentionProblem

Staging = Sequence[tuple[SSAValue, SSAValue]]
"""The tensor map and the shared tile of each piece of the result."""


def _access(problem: AttentionProblem, result: int) -> Access:
    """A result over the dims of the attention's."""
    group = problem.group
    return group.result_access(result).over(problem.axes[group.results[result]], problem.out_dims)


def is_staged(problem: AttentionProblem) -> bool:
    """Whether TMA can store the result, in lines of at most 128 bytes."""
    results = problem.group.results
    narrow = len(results) == 1 and nn.element_of(results[0]) in (f16, bf16)
    return narrow and fits_tma(problem.group, _access(problem, 0), SPACE) is None


def staging(b: KernelBuilder, problem: AttentionProblem, rows: int, widths: Sequence[int]) -> Staging:
    """What TMA stores of pieces of these many columns need, at the kernel's entry; nothing where the threads store."""
    if not is_staged(problem):
        return []
    element = nn.element_of(problem.group.results[0])
    view = b.view_of(_access(problem, 0), SPACE)
    made: list[tuple[SSAValue, SSAValue]] = []
    for width in widths:
        map_ = b.emit(kernel.TensorMapOp(view, TensorMapType.of((rows, width), element, 2 * width)), "y_map")
        made.append((map_, b.alloc((rows, width), element, swizzle=2 * width, name="y_shared")))
    return made


def store_results(
    b: KernelBuilder,
    problem: AttentionProblem,
    out: Sequence[SSAValue],
    columns: Sequence[int],
    at: tuple[SSAValue, SSAValue, SSAValue],
    staged: Staging = (),
) -> None:
    """Applies the epilogue to pieces of the output, whose first columns are given, and stores the results at (batch, head, row)."""
    values = [problem.written(result) for result in problem.group.results]
    wanted = [(value, problem.axes[value]) for value in values]
    for number, (piece, column) in enumerate(zip(out, columns, strict=True)):
        assert isinstance(piece.type, FragType)
        space = Space(b, problem.group, problem.out_dims, SPACE, (*at, column), piece.type)
        made = emit_pointwise(b, wanted, piece.type, space.load, known=problem.known(piece))
        if staged:
            b.insert(kernel.StoreSharedOp(made[0], staged[number][1], b.index(0), b.index(0)))
            continue
        for result, value in enumerate(made):
            b.store(value, b.view_of(_access(problem, result), SPACE), space.coords)
    if not staged:
        return
    b.insert(kernel.FenceAsyncOp())
    b.insert(kernel.BarrierOp())
    for (map_, tile), column in zip(staged, columns, strict=True):
        b.insert(kernel.StoreTmaOp(tile, map_, [*at, b.index(column)]))
    b.insert(kernel.StoreWaitOp(0))
