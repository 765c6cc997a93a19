"""
What the schedules of rows share: a reduction over any axes as rows x columns, and the tile program that walks the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any, cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import f64, i8, i32, i64
from xdsl.ir import Attribute, SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr, product
from .....dialects.dtypes import i16, is_float, ui8, ui16
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import Choice, FragType, SharedType
from .....dialects.strided import space_axes
from ...building.builder import Emitter, Index, KernelBuilder, named
from ...building.group import Access, GroupView
from ...building.pointwise import add, compute_type, convert, div, maximum, minimum, mul, select
from ...building.row_loads import source_access
from ...building.space import Space
from ...building.table_rows import gathers_of, table_vector
from ...building.tiling import WIDEST, vector_width
from ...building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, cut

UNROLLED = 5
"""Steps of a loop over columns whose loads overlap, since the compiler unrolls it: fitted to sums of a long row."""


@dataclass(frozen=True)
class RowProblem:
    """A row op in the form rows x columns; `others`: reductions that walk the elements with it."""

    group: GroupView
    anchor: nn.SoftmaxOp | nn.LogSoftmaxOp | nn.LayerNormOp | nn.NormalizeOp | nn.L2NormalizeOp | nn.ReduceOp
    others: tuple[nn.ReduceOp, ...] = ()

    @property
    def dims(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.anchor.x)

    @cached_property
    def reduced(self) -> list[int]:
        return nn.reduced_axes(self.anchor)

    @cached_property
    def kept(self) -> list[int]:
        return [d for d in range(len(self.dims)) if d not in self.reduced]

    @property
    def groups(self) -> tuple[list[int], list[int]]:
        return self.kept, self.reduced

    @property
    def rows(self) -> Expr:
        return product([self.dims[d] for d in self.kept])

    @property
    def columns(self) -> Expr:
        return product([self.dims[d] for d in self.reduced])

    @property
    def along_columns(self) -> bool:
        """Whether memory runs along the columns: the innermost dim of more than one element is reduced."""
        wide = [d for d in range(len(self.dims)) if self.dims[d].as_int() != 1]
        return not wide or wide[-1] in self.reduced

    @property
    def element(self) -> Attribute:
        return nn.element_of(self.anchor.x)

    @property
    def wide(self) -> Attribute:
        """The type of the statistics."""
        return i32 if self.element in (i8, ui8, i16, ui16) else compute_type(self.element)

    @property
    def shuffles(self) -> bool:
        """Whether threads of a warp can exchange the statistics: 32-bit values only."""
        return self.wide not in (f64, i64)

    def vector(self) -> int:
        """Neighbouring columns of a thread."""
        group, accesses, width = self.group, list[Access](), WIDEST
        moved = {each.source: each for each in group.moves.values()}
        looked_up = {value for op in gathers_of(group) for value in op.operands}
        for argument in group.operands:
            if argument in moved:
                source = cast(Access, source_access(group, moved[argument]))
                width = min(width, vector_width(group, [source], moved[argument].groups(len(self.reduced))))
            elif argument not in looked_up and len(nn.shape_of(argument)) <= len(self.dims):
                axes = space_axes(nn.shape_of(argument), self.dims)
                access = group.access(argument, axes, self.dims)
                if access is not None:
                    accesses.append(access)
        for number, result in enumerate(group.results):
            if nn.shape_of(result) == self.dims:
                accesses.append(group.result_access(number))
        if looked_up:
            width = min(width, table_vector(group))
        return min(width, vector_width(group, accesses, self.groups) if accesses or not looked_up else WIDEST)


@dataclass(frozen=True)
class RowTile:
    """
    `rows` rows per block, `threads` threads per row with `registers` values each, of which `vector` are neighbours; `loop`: rows are
    walked in chunks of that many values.
    """

    rows: int
    threads: int
    vector: int
    registers: int
    loop: int

    @classmethod
    def of(cls, choice: Choice) -> RowTile:
        return cls(*(int(choice.values[k]) for k in ("rows", "threads", "vector", "registers", "loop")))

    def tunables(self) -> dict[str, int | str]:
        return asdict(self)

    @property
    def width(self) -> int:
        """Columns of a tile."""
        return self.threads * self.registers

    @property
    def warps(self) -> int:
        return self.rows * self.threads // 32


def row_work(problem: RowProblem, tile: RowTile, columns: int, passes: int, per_element: float, **rest: Any) -> Work:
    """A launch whose blocks walk `columns` columns `passes` times; `rest`: blocks, dram_bytes and what else `Work` has."""
    chunks = cut(columns, tile.width)
    gathers = gathers_of(problem.group)
    tables = {op.x for op in gathers}
    full = len(gathers) + sum(
        len(nn.shape_of(v)) >= len(problem.dims) and v not in tables for v in problem.group.tensors
    )
    instructions = per_element + ACCESS_INSTRUCTIONS * full / tile.vector
    return Work(
        threads=tile.rows * tile.threads,
        registers=min(255, 32 + 2 * tile.registers),
        steps=passes * chunks,
        ahead=min(UNROLLED, chunks) if tile.loop else 1,
        # Lanes beyond a row's end work too where it is kept in registers.
        operations={ISSUE: tile.rows * (columns / chunks if tile.loop else tile.width) * instructions},
        **rest,
    )


class RowKernel:
    """
    The tiles of one kernel: rows from `first_row` on, columns from `span[0]` to `span[1]` (default: all), in the type of the statistics.
    A span starts at a multiple of the tile's width and ends at one or at the last column.
    """

    def __init__(self, problem: RowProblem, tile: RowTile, b: KernelBuilder, span: tuple[Index, Index] | None = None):
        self.problem = problem
        self.b = b
        self.loop = bool(tile.loop)
        self.width = tile.width
        self.span = span
        self.frag = FragType.of(
            [tile.rows, tile.width], problem.wide, Blocked.of(tile.rows, tile.threads, 1, tile.vector)
        )
        self.row_frag = self.frag.rows if problem.shuffles else self.frag
        self.warps_per_row = tile.threads // 32 if tile.threads > 32 else 0
        self.first_row = named(b.mul(b.coords[0], tile.rows), "row")
        known = problem.columns.as_int()
        self.exact = known is not None and known % self.width == 0 and (self.loop or known == self.width)

    def space(self, b: KernelBuilder, column: Index) -> Space:
        p = self.problem
        return Space(b, p.group, p.dims, p.groups, (self.first_row, column), self.frag)

    def masked(self, space: Space, value: SSAValue, identity: float, *, loaded: bool = False) -> SSAValue:
        """The fragment with the identity outside the row; `loaded`: the load has filled it in already."""
        if loaded or self.exact:
            return value
        columns = space.b.cast(space.b.expr(self.problem.columns), i32)

        def body(s: Emitter, x: SSAValue, column: SSAValue, extent: SSAValue) -> list[SSAValue]:
            inside = s.emit(arith.CmpiOp(column, extent, "slt"))
            return [select(s, inside, x, s.constant(number_in(identity, x.type), x.type))]

        (made,) = space.b.map([value, space.column(), columns], [self.frag.with_element(value.type.element_type)], body)  # pyright: ignore
        return made

    def input(self, space: Space, identity: float, x: SSAValue | None = None) -> SSAValue:
        """The anchor's operand, or another one, in the type of the statistics, the identity outside the row."""
        x = self.problem.anchor.x if x is None else x
        by_fill = space.is_loaded(x) and is_float(self.problem.element)
        return self.masked(
            space, space.wide(x, self.problem.wide, identity if by_fill else 0.0), identity, loaded=by_fill
        )

    def chunks(
        self, carried: Sequence[SSAValue], body: Callable[[Space, Sequence[SSAValue]], Sequence[SSAValue]]
    ) -> list[SSAValue]:
        """A loop over the chunks of the rows."""
        return self.b.loop(
            *(self.span or (0, self.b.expr(self.problem.columns))),
            self.width,
            carried,
            lambda b, column, values: body(self.space(b, column), values),
            "column",
        )

    def reduce(self, kind: str, value: SSAValue) -> SSAValue:
        """One value per row, through shared memory where warps share a row. 64-bit values: one column per tile, so no reduction is
        needed."""
        if not self.problem.shuffles:
            return value
        scratch = None
        if self.warps_per_row:
            type_ = value.type
            assert isinstance(type_, FragType)
            scratch = self.b.emit(
                kernel.AllocOp(SharedType.of([self.frag.tile[0], self.warps_per_row], type_.element_type))
            )
        return self.b.reduce(kind, value, scratch)

    def total(self, kind: str, identity: float, term: Callable[[Space], SSAValue]) -> SSAValue:
        """The reduction of a term over all chunks; the term is the identity outside the row."""
        return self.totals([(kind, identity, term)])[0]

    def totals(self, terms: Sequence[tuple[str, float, Callable[[Space], SSAValue]]]) -> list[SSAValue]:
        """The reductions of several terms in one walk."""
        combine = {"sum": add, "prod": mul, "max": maximum, "min": minimum}

        def step(space: Space, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            made: list[SSAValue] = []
            for (kind, _, term), old in zip(terms, carried, strict=True):
                body = partial(lambda combined, s, a, x: [combined(s, a, x)], combine[kind])
                made += space.b.map([old, term(space)], [self.frag], body)
            return made

        found = self.chunks([self._start(identity) for _, identity, _ in terms], step)
        return [self.reduce(kind, value) for (kind, _, _), value in zip(terms, found, strict=True)]

    def _start(self, identity: float) -> SSAValue:
        """A fragment of an identity."""
        number, floats = number_in(identity, self.problem.wide), is_float(self.problem.wide)
        start = self.b.fill(number if floats else 0, self.frag)
        if not floats and number:  # kernel.fill holds an f64, which the ends of i64's range are not
            (start,) = self.b.map([start], [self.frag], lambda s, x: [s.constant(number, x.type)])
        return start

    def mean(self, total: SSAValue) -> SSAValue:
        """A row's total divided by its columns."""
        average = lambda s, a, n: [div(s, a, convert(s, n, a.type))]  # noqa: E731
        return self.b.map([total, self.b.cast(self.b.expr(self.problem.columns), i32)], [self.row_frag], average)[0]

    def store_rows(self, known: Mapping[SSAValue, SSAValue]) -> None:
        """Compute and write the results of the group, one for each row, given those of the reductions."""
        dims = nn.shape_of(self.problem.anchor.result)
        rows = Space(self.b, self.problem.group, dims, (list(range(len(dims))), []), (self.first_row, 0), self.row_frag)
        rows.store_results(known)


@dataclass(frozen=True)
class Reduction:
    """How `nn.reduce` combines x: a kind of `kernel.reduce`, its identity, whether elements are squared before."""

    x: SSAValue
    kind: str
    identity: float
    squares: bool = False

    @classmethod
    def of(cls, op: nn.ReduceOp) -> Reduction:
        kind = op.kind.data.value
        identity = {"max": float("-inf"), "min": float("inf"), "prod": 1.0}.get(kind, 0.0)
        return cls(op.x, "sum" if kind in ("mean", "sumsq") else kind, identity, kind == "sumsq")

    def term(self, tiles: RowKernel, space: Space) -> SSAValue:
        """What a tile of the input contributes to the reduction."""
        x = tiles.input(space, self.identity, self.x)
        return space.b.map([x], [tiles.frag], lambda s, a: [mul(s, a, a)])[0] if self.squares else x


def number_in(value: float, type_: Attribute) -> float:
    """An identity in a type: infinities become the ends of an integer type's range."""
    if is_float(type_) or value not in (float("inf"), float("-inf")):
        return value
    bits = type_.bitwidth  # pyright: ignore
    return (1 << (bits - 1)) - 1 if value > 0 else -(1 << (bits - 1))
