"""
Convolutions and matmuls by mma.sync (f16, bf16, tf32, i8) or FMA (strict f32, f64), for sm_80 and later.

One block computes a bm x bn tile. All its warps copy steps of bk into a ring of shared tiles by cp.async, `stages` deep, and multiply the
oldest one: operands come to registers by ldmatrix, accumulators stay there. Rows of shared tiles are swizzled over their full length, so
that eight rows of 16 bytes fall into different banks. The epilogue (bias, residual, activation, casts) works on the accumulator's
fragment, or, `staged`, on whole 16-byte vectors after a trip through shared memory, which makes global accesses wide.

A grouped conv has its groups, a batched matmul its batch, along z. A conv may fuse the cast of its image: the elements then pass through
registers, as those of an odd number of channels do anyway, which cp.async cannot copy. Other pointwise ops before A (prologue.py) are
computed on its fragments, on the way from shared memory to the tensor cores. Of the sum of two products the steps of one come first, then
those of the other. Two products of one A (pairs.py) have half of a block's columns each, and a tile of B and an accumulator of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute, SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import ceildiv
from .....dialects.kernel.layouts import Blocked, Layout, MmaA, MmaAcc, MmaB, OuterA, OuterB
from .....dialects.kernel.types import Choice, FragType, Target, bitwidth
from .....dialects.strided import Axes, space_axes
from ...building.builder import Index, KernelBuilder, named
from ...building.group import Access, Anchors, GroupView
from ...building.maps import emit_pointwise
from ...building.pointwise import refuse_pointwise
from ...building.schedule import Refusal
from ...building.work import Work
from ...cost.price import launch_price
from .moments import RowStatistics, normalised
from .problem import GROUPS, GemmProblem, operand_views, problem_of
from .tiles import FMA, FMA_PAD, SCRATCH_PAD, Tile, rank


@dataclass(frozen=True)
class Layouts:
    """The fragment layouts of one tile shape."""

    a: Layout
    b: Layout
    acc: Layout
    k_step: int
    """Columns of A and B that one set of fragments covers."""


def layouts_for(kind: str, tile: Tile) -> Layouts:
    if kind in FMA:
        # A warp as 8 x 4 threads. Those of a column own neighbouring rows, whose vectors lie in different banks; up to four columns of a
        # thread lie side by side, for wide stores.
        tr, tc = 8 * tile.wm, 4 * tile.wn
        vc = min(4, tile.bn // tc)
        return Layouts(OuterA.of(tr, tc, 1), OuterB.of(tr, tc, vc), Blocked.of(tr, tc, 1, vc), 4)
    e = 32 // {"f16": 16, "bf16": 16, "tf32": 32, "s8": 8}[kind]
    return Layouts(MmaA.of(tile.wm, tile.wn, e), MmaB.of(tile.wm, tile.wn, e), MmaAcc.of(tile.wm, tile.wn), 8 * e)


def swizzle_for(row_bytes: int) -> int:
    """The widest swizzle whose lines fill a row."""
    return next((s for s in (128, 64, 32) if row_bytes % s == 0), 0)


class GemmMma:
    """See the module's text."""

    name = "gemm_mma"
    anchors: Sequence[Anchors] = GROUPS

    def match(self, view: GroupView, target: Target) -> GemmProblem | Refusal:
        problem = problem_of(view)
        if isinstance(problem, Refusal):
            return problem
        if target.capability < 80:
            return Refusal(f"mma.sync with cp.async needs sm_80 or later, got {target.arch.data}", final=True)
        if problem.kind == "s8" and problem.b_is_kn:
            why = "expected an i8 B stored [N, K] (transpose_b): ldmatrix does not transpose bytes"
            return Refusal(why, problem.anchor, final=True)
        return refuse_pointwise(view.ops) or problem

    def configs(self, problem: GemmProblem, target: Target) -> list[Choice]:
        found = rank(problem.sizes, target.smem.data, lambda work: launch_price(work, target))
        return [Choice.of(self.name, tile.tunables()) for tile in found]

    def work(self, problem: GemmProblem, config: Choice, target: Target) -> list[Work]:
        return [problem.sizes.work(replace(_tile(config), staged=0))]

    def lower(self, problem: GemmProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        group = problem.group
        tile = _tile(config)
        part = tile.part(len(problem.side_by_side))
        grid = [ceildiv(problem.n, part.bn), ceildiv(problem.m, tile.bm), problem.batch]
        # FMA keeps whole operand rows in registers: one block per SM is enough where that takes many.
        b = KernelBuilder.for_group(group, grid, tile.wm * tile.wn, min_blocks=1 if problem.kind in FMA else 0)
        column = named(b.mul(b.coords[0], part.bn), "column")
        row, batch = named(b.mul(b.coords[1], tile.bm), "row"), b.coords[2]
        frag = _result_frag(problem, part)
        # Before the reduction, when the accumulators take no registers yet.
        statistics = problem.moments.statistics(b, problem.space_groups, (batch, row), frag)
        accs, staging = _main_loop(b, problem, part, batch, row, column)
        if staging is not None:
            accs = [b.emit(kernel.ConvertLayoutOp(acc, frag, staging)) for acc in accs]
        store_results(b, problem, accs, (batch, row, column), statistics)
        return [b.finish()]


def _main_loop(
    b: KernelBuilder, problem: GemmProblem, tile: Tile, batch: SSAValue, row: SSAValue, column: SSAValue
) -> tuple[list[SSAValue], SSAValue | None]:
    """The accumulators after the reduction, one for each product of one A, and a shared tile that a staged epilogue may use. `tile`: that
    of one of them."""
    element, layouts = problem.element, layouts_for(problem.kind, tile)
    sides = len(problem.side_by_side)
    views = [_views(b, product) for product in problem.products]
    pad = FMA_PAD if problem.kind in FMA else 0
    swizzle = 0 if pad else swizzle_for(tile.bk * bitwidth(element) // 8)
    b_tile = (tile.bk, tile.bn) if problem.b_is_kn else (tile.bn, tile.bk)
    b_swizzle = 0 if pad else swizzle_for(b_tile[1] * bitwidth(element) // 8)
    a_shared = b.alloc((tile.stages, tile.bm, tile.bk), element, swizzle=swizzle, pad=pad, name="a_shared")
    b_shared = [
        b.alloc((tile.stages, *b_tile), element, swizzle=b_swizzle, pad=pad, name="b_shared") for _ in range(sides)
    ]
    ring = b.ring(tile.stages, "cp_async", "ring")

    steps = [b.expr(ceildiv(product.k, tile.bk)) for product in problem.products]

    def fetch(at: KernelBuilder, step: Index, fill: Index) -> int:
        def load(at: KernelBuilder, product: int, step: Index) -> None:
            (a_view, b_views), first = views[product], at.mul(step, tile.bk)
            a_slot, b_slots = at.slot(a_shared, fill, "a_slot"), [at.slot(each, fill, "b_slot") for each in b_shared]
            at.insert(kernel.LoadAsyncOp(a_view, [batch, row, first], a_slot))
            b_at = [batch, first, column] if problem.b_is_kn else [batch, column, first]
            for b_view, b_slot in zip(b_views, b_slots, strict=True):
                at.insert(kernel.LoadAsyncOp(b_view, b_at, b_slot))

        if problem.second is None:
            load(at, 0, step)
        else:
            at.either(
                at.compare(step, "slt", steps[0]),
                lambda at: load(at, 0, step),
                lambda at: load(at, 1, at.sub(step, steps[0])),
            )
        return 0

    def multiply(at: KernelBuilder, step: Index, fill: Index, values: Sequence[SSAValue]) -> list[SSAValue]:
        a_slot, b_slots = at.slot(a_shared, fill, "a_slot"), [at.slot(each, fill, "b_slot") for each in b_shared]
        a_type = FragType.of((tile.bm, layouts.k_step), element, layouts.a)
        b_type = FragType.of((tile.bn, layouts.k_step), element, layouts.b)
        zero = at.index(0)

        def block(at: KernelBuilder, first: Index, values: Sequence[SSAValue]) -> list[SSAValue]:
            first = at.index(first)
            a_frag = at.emit(kernel.LoadSharedOp(a_slot, zero, first, a_type), "a_frag")
            if problem.prologue is not None:
                place = batch, row, at.add(at.mul(step, tile.bk), first)
                a_frag = problem.prologue.apply(at, a_frag, views[0][0], place, tile.bk)
            accs: list[SSAValue] = []
            for b_slot, acc in zip(b_slots, values, strict=True):
                b_load = kernel.LoadSharedOp(b_slot, zero, first, b_type, transposed=problem.b_is_kn)
                b_frag = at.emit(b_load, "b_frag")
                accs.append(at.emit(kernel.MmaOp(a_frag, b_frag, acc), "acc"))
            return accs

        if problem.kind in FMA:
            # Many and long blocks of text otherwise, for the same instructions.
            return at.loop(0, tile.bk, layouts.k_step, values, block, "k_block", unroll=True)
        for first in range(0, tile.bk, layouts.k_step):
            values = block(at, first, values)
        return list(values)

    acc_type = FragType.of((tile.bm, tile.bn), problem.accumulator, layouts.acc)
    total = steps[0] if problem.second is None else b.add(*steps)
    accs = b.pipelined(ring, total, fetch, multiply, lambda: [b.fill(0.0, acc_type, "acc") for _ in range(sides)])
    if not tile.staged:
        return accs, None
    return accs, b.alloc((tile.bm, tile.bn), problem.accumulator, pad=SCRATCH_PAD, name="staging")


def _views(b: KernelBuilder, product: GemmProblem) -> tuple[SSAValue, list[SSAValue]]:
    """The views of a product's operands: of A, and of B for each product of this A."""
    pairs = [operand_views(each, b.tensors) for each in product.side_by_side]
    return b.emit(pairs[0][0], "a_view"), [b.emit(other, "b_view") for _, other in pairs]


def _result_frag(problem: GemmProblem, tile: Tile) -> FragType:
    """The fragment on which the epilogue works."""
    type_ = FragType.of((tile.bm, tile.bn), problem.accumulator, layouts_for(problem.kind, tile).acc)
    if not tile.staged:
        return type_
    narrowest = min((nn.element_of(v) for _, v in problem.moments.results), key=bitwidth)
    if problem.moments:
        layout: Layout = problem.moments.layout(tile.bn, tile.threads)
    else:
        layout = vector_layout(tile.threads, tile.bm, tile.bn, narrowest)
    return FragType.of(type_.extents, type_.element_type, layout)


def vector_layout(threads: int, rows: int, columns: int, element: Attribute) -> Layout:
    """Threads side by side along rows, each with 16 bytes of a 16-bit or wider element where the tile has as much for it."""
    vector = min(8, 128 // bitwidth(element), rows * columns // threads)
    across = min(threads, columns // vector)
    return Blocked.of(threads // across, across, 1, vector)


def store_results(
    b: KernelBuilder,
    problem: GemmProblem,
    accs: Sequence[SSAValue],
    at: tuple[Index, Index, Index],
    statistics: RowStatistics,
) -> None:
    """Apply the epilogue to the accumulators and store the results at (batch, row, column)."""
    values = epilogue(b, problem, accs, at, statistics)
    for number, result in problem.moments.results:
        b.store(values[result], space_view(b, problem, problem.group.result_access(number)), at)
    problem.moments.store(b, problem.space_groups, values, at)


def space_view(b: KernelBuilder, problem: GemmProblem, access: Access) -> SSAValue:
    """A view of an access over the result's space, with coordinates (batch, row, column)."""
    return b.view_of(*problem.over_space(access))


def epilogue(
    b: KernelBuilder,
    problem: GemmProblem,
    accs: Sequence[SSAValue],
    at: tuple[Index, Index, Index],
    statistics: RowStatistics,
) -> dict[SSAValue, SSAValue]:
    """Fragments of the group's results, but for moments, from the accumulators', one for each product of one A; other operands are loaded
    in their layout."""
    group, dims, frag = problem.group, problem.dims, accs[0].type
    assert isinstance(frag, FragType)

    def load(value: SSAValue, axes: Axes) -> SSAValue:
        access = group.access(value, axes, dims)
        assert access is not None
        return b.load(space_view(b, problem, access), at, frag)

    known: dict[SSAValue, SSAValue] = {
        each.anchor.result: acc for each, acc in zip(problem.side_by_side, accs, strict=True)
    }
    if problem.second is not None:
        known[problem.second.anchor.result] = b.fill(0.0, frag)
    axes = space_axes(dims, dims)

    def compute(value: SSAValue) -> SSAValue:
        return emit_pointwise(b, [(value, axes)], frag, load, known=known, elements=[f32])[0]

    normalised(b, statistics, known, compute, lambda value: load(value, space_axes(nn.shape_of(value), dims)))
    results = [result for _, result in problem.moments.results]
    wanted = [(problem.computed(result), axes) for result in results]
    return dict(zip(results, emit_pointwise(b, wanted, frag, load, known=known), strict=True))


def epilogue_columns(
    b: KernelBuilder,
    problem: GemmProblem,
    acc: SSAValue,
    at: tuple[SSAValue, SSAValue, SSAValue],
    columns: int,
    statistics: RowStatistics,
) -> Iterator[tuple[dict[SSAValue, SSAValue], tuple[Index, Index, Index]]]:
    """The epilogue in pieces of `columns` columns: for each the results' fragments and their coordinates; moments are stored after it. In
    the accumulator the columns of products of one A lie side by side."""
    type_ = acc.type
    assert isinstance(type_, FragType)
    batch, row, column = at
    sides = len(problem.side_by_side)
    width = type_.extents[1] // sides
    for first in range(0, width, columns):
        pieces = [b.emit(kernel.ColumnsOp(acc, side * width + first, columns)) for side in range(sides)]
        here = (batch, row, b.add(column, first))
        values = epilogue(b, problem, pieces, here, statistics)
        yield values, here
        problem.moments.store(b, problem.space_groups, values, here)


def _tile(config: Choice) -> Tile:
    return Tile(**{k: int(v) for k, v in config.values.items()})


SCHEDULE = GemmMma()
