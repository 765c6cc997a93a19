"""
Schedule `gather`: nn.gather along any axis and nn.gather_nd, with pointwise ops after; these may read rows that others gather, too.

Rows are what precedes the copied slices (leading dims of x and the dims of the indices), columns the slice: each row's index becomes
a row number of x (32-bit, negative indices counted from the end), and rows are fetched in vectors by `kernel.gather`. An index out of
range gives 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import SSAValue

from ....dialects import kernel, nn
from ....dialects.dims import Expr, const, product
from ....dialects.kernel.layouts import Blocked
from ....dialects.kernel.types import Choice, FragType, Target
from ....dialects.strided import Axes, space_axes
from ..building.builder import Emitter, KernelBuilder
from ..building.group import Access, Anchors, GroupView
from ..building.pointwise import convert, refuse_pointwise, refuse_tensors, select
from ..building.schedule import OtherAnchor, Refusal
from ..building.space import Space, refuse_values
from ..building.table_rows import gathers_of, table_vector
from ..building.tiling import column_threads, vector_width
from ..building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, arithmetic, cut, usual_bytes

NAME = "gather"
ANCHORS = (nn.GatherOp, nn.GatherNdOp)


@dataclass(frozen=True)
class GatherProblem:
    """A gather as rows of x: `lead` dims of x before the indexed ones, `depth` indexed dims, then the slice."""

    group: GroupView
    anchor: nn.GatherOp | nn.GatherNdOp

    @property
    def lead(self) -> int:
        op = self.anchor
        return op.axis.value.data if isinstance(op, nn.GatherOp) else op.batch_dims.value.data

    @property
    def depth(self) -> int:
        return 1 if isinstance(self.anchor, nn.GatherOp) else cast(int, nn.shape_of(self.anchor.indices)[-1].as_int())

    @property
    def source(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.anchor.x)

    @property
    def dims(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.anchor.result)

    @property
    def row_dims(self) -> int:
        """Dims of the result that are rows."""
        return len(self.dims) - (len(self.source) - self.lead - self.depth)

    @property
    def groups(self) -> tuple[list[int], list[int]]:
        return list(range(self.row_dims)), list(range(self.row_dims, len(self.dims)))

    def index_axes(self) -> Axes:
        """Where the axes of the indices run in the result's dims; of gather_nd without the last one."""
        rank = nn.rank_of(self.anchor.indices)
        if isinstance(self.anchor, nn.GatherOp):
            return tuple(range(self.lead, self.lead + rank))
        return (*range(rank - 1), None)

    def source_access(self) -> Access | None:
        return self.group.access(self.anchor.x, space_axes(self.source, self.source), self.source)

    def source_groups(self) -> tuple[list[int], list[int]]:
        split = self.lead + self.depth
        return list(range(split)), list(range(split, len(self.source)))


@dataclass(frozen=True)
class Gather:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = tuple((anchor,) for anchor in ANCHORS)

    def match(self, view: GroupView, target: Target) -> GatherProblem | Refusal:
        anchor = view.anchor(*ANCHORS)
        if not isinstance(anchor, ANCHORS):
            return OtherAnchor("expected one gather or gather_nd")
        if refusal := refuse_pointwise(view.ops) or refuse_tensors(view):
            return refusal
        problem = GatherProblem(view, anchor)
        if isinstance(anchor, nn.GatherNdOp) and view.operand_index(anchor.indices) is None:
            return Refusal("expected the indices of gather_nd from outside the group", anchor)
        if problem.source_access() is None or view.access(anchor.indices, problem.index_axes(), problem.dims) is None:
            return Refusal(f"expected the operands of {anchor.name} from outside the group", anchor)
        return refuse_values(view, view.results, problem.dims, [anchor.result], problem.groups) or problem

    def configs(self, problem: GatherProblem, target: Target) -> list[Choice]:
        group = problem.group
        source = cast(Access, problem.source_access())
        vector = min(
            vector_width(group, [source], problem.source_groups()),
            vector_width(group, [group.result_access(i) for i in range(len(group.results))], problem.groups),
            table_vector(group),
        )
        columns = column_threads(group.usual(product(problem.dims[problem.row_dims :])), vector, 128)
        return [
            Choice.of(NAME, {"threads": t, "columns": columns, "rows": r, "vector": vector})
            for t, r in ((128, 1), (128, 4), (256, 1))
        ]

    def work(self, problem: GatherProblem, config: Choice, target: Target) -> list[Work]:
        """One step brings the indices, the next the rows."""
        group = problem.group
        threads, columns, deep, vector = (int(config.values[k]) for k in ("threads", "columns", "rows", "vector"))
        rows, inner = (group.usual(product(problem.dims[d] for d in part)) for part in problem.groups)
        blocks = cut(rows, threads // columns * deep) * cut(inner, columns * vector)
        made = (2 + len(gathers_of(group))) * usual_bytes(group)[group.result_index(0)]
        instructions = arithmetic(group.ops) * vector + ACCESS_INSTRUCTIONS * len(group.tensors)
        return [
            Work(
                blocks=blocks,
                threads=threads,
                registers=32 + deep * vector,
                steps=2,
                operations={ISSUE: threads * deep * instructions / 2},
                l2_bytes=made / blocks / 2,
                dram_bytes=made,
            )
        ]

    def lower(self, problem: GatherProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        group = problem.group
        threads, columns, deep, vector = (int(config.values[k]) for k in ("threads", "columns", "rows", "vector"))
        layout = Blocked.of(threads // columns, columns, 1, vector)
        frag = FragType.of([threads // columns * deep, columns * vector], nn.element_of(problem.anchor.x), layout)
        rows, inner = (product(problem.dims[d] for d in part) for part in problem.groups)
        grid = [(rows + frag.tile[0] - 1) // frag.tile[0], (inner + frag.tile[1] - 1) // frag.tile[1], 1]
        b = KernelBuilder.for_group(group, grid, threads // 32)
        coords = b.mul(b.coords[0], frag.tile[0]), b.mul(b.coords[1], frag.tile[1])
        space = Space(b, group, problem.dims, problem.groups, coords, frag)
        view = b.view_of(cast(Access, problem.source_access()), problem.source_groups())
        value = b.gather(view, source_rows(problem, space), [coords[1]], frag)
        space.store_results({problem.anchor.result: value})
        return [b.finish()]


def source_rows(problem: GatherProblem, space: Space) -> SSAValue:
    """For each row of the tile its row of x, -1 where an index is out of range: an i32 rows fragment."""
    b, frag = space.b, space.frag.rows.with_element(i32)
    access = cast(Access, problem.group.access(problem.anchor.indices, problem.index_axes(), problem.dims))
    step = problem.group.strides(access.owner)[-1] if isinstance(problem.anchor, nn.GatherNdOp) else const(0)
    entries = [
        b.load(
            b.view(access.owner, problem.groups, access.dims, access.strides, access.offset + step * k),
            [space.coords[0], 0],
            frag,
        )
        for k in range(problem.depth)
    ]
    indexed = problem.source[problem.lead : problem.lead + problem.depth]
    inner = product(problem.dims[problem.lead : problem.row_dims])
    extents = [b.cast(b.expr(e), i32) for e in (inner, *indexed)]

    def body(s: Emitter, row: SSAValue, *scalars: SSAValue) -> list[SSAValue]:
        places, (inner, *sizes) = scalars[: problem.depth], scalars[problem.depth :]
        zero, outside = s.constant(0, i32), s.constant(-1, i32)
        linear = s.emit(arith.DivSIOp(row, inner)) if problem.lead else zero
        inside: SSAValue | None = None
        for place, size in zip(places, sizes, strict=True):
            place = place if place.type == i64 else convert(s, place, i32)  # low bits alone might lie in range
            extent = convert(s, size, place.type)
            negative = s.emit(arith.CmpiOp(place, s.constant(0, place.type), "slt"))
            place = select(s, negative, s.emit(arith.AddiOp(place, extent)), place)
            fits = s.emit(arith.CmpiOp(place, extent, "ult"))
            inside = fits if inside is None else s.emit(arith.AndIOp(inside, fits))
            linear = s.emit(arith.AddiOp(s.emit(arith.MuliOp(linear, size)), convert(s, place, i32)))
        return [linear if inside is None else select(s, inside, linear, outside)]

    (rows,) = b.map([space.row(), *entries, *extents], [frag], body)
    return rows


SCHEDULE = Gather()
