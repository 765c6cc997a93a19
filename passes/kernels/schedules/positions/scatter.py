"""
Schedule `scatter`: nn.scatter in two launches, a copy of x and the writes of the updates: stores, or atomics that combine.

The elements of `updates` form one flat space; a thread reads the index of its element's row, and writes to that row and its own column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr, product
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import Choice, FragType, Target
from ...building.builder import Emitter, KernelBuilder
from ...building.group import Access, Anchors, GroupView
from ...building.maps import table_view
from ...building.pointwise import add, convert, refuse_tensors, select
from ...building.schedule import OtherAnchor, Refusal
from ...building.tiling import vector_width
from ...building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, cut, usual_bytes

NAME = "scatter"
THREADS = 256


@dataclass(frozen=True)
class ScatterProblem:
    """A scatter of operands of the group."""

    group: GroupView
    anchor: nn.ScatterOp

    @property
    def row(self) -> Expr:
        """Elements of a row."""
        return product(nn.shape_of(self.anchor.x)[1:])

    @property
    def written(self) -> Expr:
        """Elements of the updates."""
        return product(nn.shape_of(self.anchor.updates))

    @property
    def copied(self) -> Expr:
        """Elements of x."""
        return product(nn.shape_of(self.anchor.x))


@dataclass(frozen=True)
class Scatter:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.ScatterOp,),)

    def match(self, view: GroupView, target: Target) -> ScatterProblem | Refusal:
        anchor = view.anchor(nn.ScatterOp)
        if not isinstance(anchor, nn.ScatterOp):
            return OtherAnchor("expected one scatter")
        if len(view.ops) > 1 or any(view.operand_index(operand) is None for operand in anchor.operands):
            return Refusal("expected nn.scatter alone, of operands", anchor)
        return refuse_tensors(view) or ScatterProblem(view, anchor)

    def configs(self, problem: ScatterProblem, target: Target) -> list[Choice]:
        group = problem.group
        x, result = _whole(group, problem.anchor.x), group.result_access(0)
        vector = vector_width(group, [x, result], [[], list(range(len(x.dims)))])
        return [Choice.of(NAME, {"vector": vector})]

    def work(self, problem: ScatterProblem, config: Choice, target: Target) -> list[Work]:
        group, vector = problem.group, int(config.values["vector"])
        bytes_ = usual_bytes(group)
        brought = sum(bytes_[: len(group.operands)]) - bytes_[_number(group, problem.anchor.x)]
        return [
            _work(cut(group.usual(problem.copied), THREADS * vector), vector, 2.0 * bytes_[-1]),
            _work(cut(group.usual(problem.written), THREADS), 1, 2.0 * brought),
        ]

    def lower(self, problem: ScatterProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        return [_copy(problem, int(config.values["vector"])), _write(problem)]


def _work(blocks: int, elements: int, moved: float) -> Work:
    return Work(
        blocks=blocks,
        threads=THREADS,
        registers=24 + elements,
        operations={ISSUE: THREADS * 2 * ACCESS_INSTRUCTIONS},
        l2_bytes=moved / blocks,
        dram_bytes=moved,
    )


def _number(group: GroupView, operand: SSAValue) -> int:
    return cast(int, group.operand_index(operand))


def _whole(group: GroupView, operand: SSAValue) -> Access:
    return group.whole(_number(group, operand))


def _flat(access: Access) -> Sequence[Sequence[int]]:
    return [[], list(range(len(access.dims)))]


def _copy(problem: ScatterProblem, vector: int) -> kernel.FuncOp:
    """x as it is."""
    group, tile = problem.group, THREADS * vector
    b = KernelBuilder.for_group(group, [(problem.copied + (tile - 1)) // tile, 1, 1], THREADS // 32)
    frag = FragType.of([1, tile], nn.element_of(problem.anchor.x), Blocked.of(1, THREADS, 1, vector))
    x, result = _whole(group, problem.anchor.x), group.result_access(0)
    coords = [0, b.mul(b.coords[0], tile)]
    b.store(b.load(b.view_of(x, _flat(x)), coords, frag), b.view_of(result, _flat(result)), coords)
    return b.finish()


def _write(problem: ScatterProblem) -> kernel.FuncOp:
    """Each element of the updates to its place."""
    group, op = problem.group, problem.anchor
    grid = [(problem.written + (THREADS - 1)) // THREADS, 1, 1]
    b = KernelBuilder.for_group(group, grid, THREADS // 32, name=f"{group.name}_stage1")
    frag = FragType.of([1, THREADS], i32, Blocked.of(1, THREADS, 1, 1))
    updates, result = _whole(group, op.updates), group.result_access(0)
    first = b.mul(b.coords[0], THREADS)
    value = b.load(b.view_of(updates, _flat(updates)), [0, first], frag)
    indices, row = table_view(b, group, op.indices), problem.row
    written, width, rows = (b.cast(b.expr(e), i32) for e in (problem.written, row, nn.shape_of(op.x)[0]))

    def places(s: Emitter, flat: SSAValue) -> list[SSAValue]:
        number = flat if row.as_int() == 1 else s.emit(arith.DivSIOp(flat, width))
        column = s.constant(0, i32) if row.as_int() == 1 else s.emit(arith.RemSIOp(flat, width))
        found = s.emit(kernel.FetchOp(indices, [s.constant(0, i32), number]))
        index = found if found.type == i64 else convert(s, found, i32)
        size = convert(s, rows, index.type)
        negative = s.emit(arith.CmpiOp(index, s.constant(0, index.type), "slt"))
        index = select(s, negative, add(s, index, size), index)
        exists = s.emit(arith.CmpiOp(flat, written, "slt"))
        fits = s.emit(arith.AndIOp(exists, s.emit(arith.CmpiOp(index, size, "ult"))))
        return [select(s, fits, convert(s, index, i32), s.constant(-1, i32)), column]

    at = b.map([b.coord(first, 1, frag)], [frag, frag], places)
    view = b.view_of(result, [[0], list(range(1, len(result.dims)))])
    b.insert(kernel.ScatterOp(value, view, at, op.kind.data.value))
    return b.finish()


SCHEDULE = Scatter()
