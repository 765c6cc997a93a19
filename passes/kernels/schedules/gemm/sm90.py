"""
Convolutions and matmuls for Hopper (sm_90a): TMA into a ring of shared tiles, wgmma out of it, roles by warpgroup.

A producer warpgroup, one thread of which works, fills the ring; one or two consumer warpgroups, 64 rows of the tile each,
multiply and store. Blocks are persistent: each takes every `blocks`-th tile, so the producer loads the next tile while the
consumers still store. Tiles run in columns of GROUP rows, so that those in flight share operands in L2. The epilogue works
on the accumulator in pieces of 128 bytes per row, which go through two shared tiles to TMA stores; results that TMA cannot
store are written by the threads.

With `cluster` = 2 two blocks take neighbouring row tiles, load half of B each and multicast it to both. A conv whose window is not 1 x 1
(or is strided) loads A by im2col TMA, one pixel per row. Of the sum of two products the producer loads the operands of one, then of the
other, and the consumers see one longer product. Of two products of one A (pairs.py) the producer loads half a tile of each B, one below
the other, and the consumers see one wider product, whose halves meet in the epilogue.

Registers: 128 threads x 40 + 256 x 232 = 64,512 of 65,536.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import gcd

from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import ceildiv, minimum
from .....dialects.kernel.layouts import WgmmaAcc
from .....dialects.kernel.types import (
    Choice,
    FragType,
    Target,
    TensorMapType,
    bitwidth,
)
from .....dialects.strided import collapse
from ...building.builder import Index, KernelBuilder, named
from ...building.group import Anchors, GroupView
from ...building.pointwise import refuse_pointwise
from ...building.schedule import Refusal
from ...building.work import Work, cut, usual_bytes
from ...cost.price import price
from .mma import epilogue_columns, space_view
from .moments import RowStatistics
from .problem import GROUPS, GemmProblem, operand_views, problem_of
from .tma import a_matrix, argument_of, fits_tma, refuse_tma, view_of_map

LINE = 128
"""Bytes of a row of a shared tile: one line of the 128-byte swizzle."""
GROUP = 8
"""Row tiles of one column of the tile order: neighbours in time that read the same tiles of B."""
PRODUCER_REGISTERS, CONSUMER_REGISTERS = 40, 232
REGISTERS = 65536
"""Per SM: one block takes all of them."""
START = 1.7
"""Waits before the first step: a small product takes 0.5 us longer than by mma.sync (suite `tuning`, H200)."""
EPILOGUE_INSTRUCTIONS = 128 / 12
"""Per element of the result: a cycle for 24 bytes of f16 on their way to a TMA store."""


@dataclass(frozen=True)
class Tile:
    """Block tile (64 * groups) x bn for `groups` consumer warpgroups, ring stages, blocks per cluster."""

    groups: int
    bn: int
    stages: int
    cluster: int = 1

    @property
    def bm(self) -> int:
        return 64 * self.groups

    def smem(self, element_bytes: int) -> int:
        """Bytes of the ring, the two staging tiles of the epilogue and the barriers."""
        return self.stages * (self.bm + self.bn) * LINE + 2 * self.bm * LINE + 16 * self.stages + 1024


# (consumer warpgroups, bn): wide tiles reuse operands most; narrow ones fill the machine when there are few tiles.
SHAPES = ((2, 256), (2, 192), (2, 128), (2, 64), (1, 256), (1, 128), (1, 64), (1, 32), (1, 16))
STAGES = (8, 6, 4, 3)


class GemmSm90:
    """See the module's text."""

    name = "gemm_sm90"
    anchors: Sequence[Anchors] = GROUPS

    def match(self, view: GroupView, target: Target) -> GemmProblem | Refusal:
        if target.arch.data != "sm_90a":
            return Refusal(f"wgmma needs sm_90a, got {target.arch.data}", final=True)
        problem = problem_of(view)
        if isinstance(problem, Refusal):
            return problem
        anchor = problem.anchor
        if problem.kind not in ("f16", "bf16"):
            return Refusal(f"expected f16 or bf16 operands, got {problem.element}", anchor, final=True)
        if problem.b_is_kn:
            return Refusal("expected B stored [N, K] (transpose_b)", anchor, final=True)
        if problem.groups > 1:
            return Refusal("expected one group", anchor, final=True)
        if problem.narrows:
            why = "operand A: expected f16 or bf16 in memory, got a cast from f32; TMA copies bytes"
            return Refusal(why, view.maker(anchor.operands[0]))
        if problem.prologue is not None:
            why = "operand A: expected it in memory, got one computed in the group; TMA copies bytes to where wgmma reads them"
            return Refusal(why, view.maker(anchor.operands[0]))
        for each in dict.fromkeys([*problem.products, *problem.side_by_side]):
            if reason := refuse_tma(each):
                # Operands from outside have the same layout in a smaller group.
                outside = all(view.operand_index(operand) is not None for operand in each.anchor.operands)
                return Refusal(reason, each.anchor, final=outside and each is problem)
        depth = sum((each.k for each in problem.products[1:]), problem.k)
        if view.may_be_zero(depth):
            # The consumers would wait for a first step that no producer makes.
            return Refusal(f"expected a product over one column of A at least, got {depth}", anchor)
        return refuse_pointwise(view.ops) or problem

    def configs(self, problem: GemmProblem, target: Target) -> list[Choice]:
        # A TMA store moves at least 32 bytes of a row.
        least = 16 * len(problem.side_by_side)
        sides = len(problem.side_by_side)
        shapes = [(groups, bn) for groups, bn in SHAPES if bn >= least and problem.moments.fits(bn // sides)]
        choices = [Choice.of(self.name, asdict(deepest(groups, bn, target.smem.data))) for groups, bn in shapes]
        return sorted(choices, key=lambda choice: price(self.work(problem, choice, target), target))

    def work(self, problem: GemmProblem, config: Choice, target: Target) -> list[Work]:
        tile, usual = _tile(config), problem.group.usual
        rows = cut(cut(usual(problem.m), tile.bm), tile.cluster) * tile.cluster
        # One warpgroup with a narrow tile does not keep the tensor cores busy.
        reached = 1.0 if tile.groups == 2 or tile.bn >= 128 else 0.8
        threads, sides = 128 * (1 + tile.groups), len(problem.side_by_side)
        return [
            Work(
                blocks=rows * cut(usual(problem.n), tile.bn // sides) * max(1, usual(problem.batch)),
                threads=threads,
                registers=REGISTERS // threads,
                smem=tile.smem(2),
                steps=sum(cut(usual(each.k), 64) for each in problem.products),
                ahead=tile.stages / 3,
                operations={f"wgmma_{problem.kind}": tile.bm * tile.bn * 64 / reached},
                l2_bytes=(tile.bm + tile.bn) * LINE,
                tma=True,
                start=START,
                whole_waves=True,
                epilogue=tile.bm * tile.bn / sides * EPILOGUE_INSTRUCTIONS
                + problem.moments.instructions(tile.bm, tile.bn // sides),
                dram_bytes=sum(usual_bytes(problem.group)),
            )
        ]

    def lower(self, problem: GemmProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        return [_Builder(problem, _tile(config), target.sms.data).build()]


def _tile(config: Choice) -> Tile:
    return Tile(**{k: int(v) for k, v in config.values.items()})


def deepest(groups: int, bn: int, smem: int) -> Tile:
    """The tile with as many stages as fit: a deep ring hides latency, and one block has the SM to itself."""
    return next(t for t in (Tile(groups, bn, s) for s in STAGES) if t.smem(2) <= smem)


class _Builder:
    """Builds one kernel."""

    def __init__(self, problem: GemmProblem, tile: Tile, sms: int):
        self.problem, self.tile = problem, tile
        self.m_tiles = ceildiv(ceildiv(problem.m, tile.bm), tile.cluster)
        self.columns = tile.bn // len(problem.side_by_side)
        """Of the results, and of each product, in a tile."""
        self.n_tiles = ceildiv(problem.n, self.columns)
        self.tiles = self.m_tiles * self.n_tiles * problem.batch
        self.blocks = minimum(self.tiles, sms // tile.cluster)
        self.steps = [ceildiv(each.k, 64) for each in problem.products]
        grid = [self.blocks * tile.cluster, 1, 1]
        warps = 4 + 4 * tile.groups
        self.b = KernelBuilder.for_group(problem.group, grid, warps, cluster=tile.cluster, min_blocks=1)

    def build(self) -> kernel.FuncOp:
        b, tile, problem = self.b, self.tile, self.problem
        element = problem.element
        b_box = TensorMapType.of((self.columns // tile.cluster, 64), element, LINE)
        self.maps: list[tuple[SSAValue, list[SSAValue]]] = []
        for each in problem.products:
            a_view, b_views = self._views(each)
            a_map = b.emit(kernel.TensorMapOp(a_view, TensorMapType.of((tile.bm, 64), element, LINE)), "a_map")
            self.maps.append((a_map, [b.emit(kernel.TensorMapOp(view, b_box), "b_map") for view in b_views]))
        self.a_shared = b.alloc((tile.stages, tile.bm, 64), element, swizzle=LINE, name="a_shared")
        self.b_shared = b.alloc((tile.stages, tile.bn, 64), element, swizzle=LINE, name="b_shared")
        self.ring = b.ring(tile.stages, "mbarrier", "ring")
        self._prepare_store()
        if tile.cluster == 1:
            self.first, self.rank = b.coords[0], b.index(0)
        else:
            self.rank = b.emit(kernel.ClusterRankOp(), "rank")
            self.first = b.div(b.coords[0], tile.cluster)
        # One consumer role of all consumer warpgroups: an accumulator fragment spans them.
        b.roles(
            {
                "producer": (4, PRODUCER_REGISTERS, self._produce),
                "consumer": (4 * tile.groups, CONSUMER_REGISTERS, self._consume),
            }
        )
        if tile.cluster > 1:
            # A block must not end while the other still multicasts to it or arrives at its barriers.
            b.insert(kernel.ClusterBarrierOp())
        return b.finish()

    def _views(self, problem: GemmProblem) -> tuple[SSAValue, list[SSAValue]]:
        """Of A, and of B for each product of this A."""
        b = self.b
        plain = a_matrix(problem)
        made = []
        others = [operand_views(each, b.tensors)[1] for each in problem.side_by_side[1:]]
        for op in (*operand_views(problem, b.tensors), *others):
            if isinstance(op, kernel.ViewOp):
                d, s, g = collapse(op.dims.exprs, op.strides.exprs, op.group_dims())
                op = kernel.ViewOp(op.source, g, d, s, op.offset.exprs[0])
            made.append(op)
        a = (
            b.view_of(plain, [[], list(range(len(plain.dims) - 1)), [len(plain.dims) - 1]])
            if plain is not None
            else b.emit(made[0])
        )
        return named(a, "a_view"), [b.emit(other, "b_view") for other in made[1:]]

    def _prepare_store(self) -> None:
        """The results' tensor maps and the staging tiles that they share, if TMA can store them."""
        b, problem = self.b, self.problem
        self.out_maps: list[SSAValue] = []
        self.pieces = 0
        self.piece = gcd(64, self.columns)
        """Columns that the epilogue works on at once."""
        results = problem.moments.results
        element = nn.element_of(results[0][1])
        if bitwidth(element) not in (16, 32) or any(nn.element_of(result) != element for _, result in results):
            return
        accesses = [problem.group.result_access(number) for number, _ in results]
        if any(fits_tma(problem.group, *problem.over_space(a)) is not None for a in accesses):
            return
        columns = self.piece = gcd(LINE * 8 // bitwidth(element), self.columns)
        line = columns * bitwidth(element) // 8
        self.pieces = self.columns // columns * len(results)
        box = TensorMapType.of((self.tile.bm, columns), element, line)
        for access in accesses:
            self.out_maps.append(b.emit(kernel.TensorMapOp(space_view(b, problem, access), box), "y_map"))
        self.out_shared = b.alloc((2, self.tile.bm, columns), element, swizzle=line, name="y_shared")

    def _tile_at(self, b: KernelBuilder, tile: SSAValue) -> tuple[SSAValue, SSAValue, SSAValue]:
        """(batch, first row, first column) of a tile: columns of GROUP row tiles, then the next."""
        m_tiles, n_tiles = b.expr(self.m_tiles), b.expr(self.n_tiles)
        per_batch = b.expr(self.m_tiles * self.n_tiles)
        batch, inner = b.div(tile, per_batch), b.rem(tile, per_batch)
        width = b.mul(n_tiles, GROUP)
        first = b.mul(b.div(inner, width), GROUP)
        rows = b.min(b.sub(m_tiles, first), GROUP)
        within = b.rem(inner, width)
        m = b.add(first, b.rem(within, rows))
        n = b.div(within, rows)
        row = b.mul(b.add(b.mul(m, self.tile.cluster), self.rank), self.tile.bm)
        return named(batch, "batch"), named(row, "row"), named(b.mul(n, self.columns), "column")

    def _load_b(
        self, b: KernelBuilder, b_maps: Sequence[SSAValue], batch: SSAValue, column: SSAValue, step: Index, fill: Index
    ) -> None:
        """Starts the copies of B, or of both, for one step."""
        tile, number = self.tile, b.index(fill)
        first, slot = b.mul(step, 64), b.slot(self.b_shared, fill, "b_slot")
        part = b.mul(self.rank, self.columns // tile.cluster) if tile.cluster > 1 else None
        at = [batch, column if part is None else b.add(column, part), first]
        mask = (1 << tile.cluster) - 1 if tile.cluster > 1 else None
        for side, b_map in enumerate(b_maps):
            below = (
                b.add(b.index(0) if part is None else part, side * self.columns) if side or part is not None else None
            )
            b.insert(kernel.LoadTmaOp(b_map, at, slot, self.ring, number, row=below, multicast=mask))

    def _load_early(self, b: KernelBuilder) -> SSAValue | None:
        """Where B is a weight, it is copied for as many steps of the first tile as the ring has stages, and only then the previous
        launch is waited for. How many these steps are; None where B is no weight."""
        _, b_maps = self.maps[0]
        if any(argument_of(view_of_map(b_map).source) not in self.problem.group.early for b_map in b_maps):
            return None
        batch, _, column = self._tile_at(b, self.first)
        count = b.min(b.expr(self.steps[0]), self.tile.stages)

        def load(b: KernelBuilder, step: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            self._load_b(b, b_maps, batch, column, step, step)
            return []

        b.loop(0, count, 1, [], load, "early")
        b.insert(kernel.GridWaitOp())
        return count

    def _produce(self, b: KernelBuilder) -> None:
        tile, steps = self.tile, [b.expr(each) for each in self.steps]
        element_bytes = bitwidth(self.problem.element) // 8
        delivered = (tile.bm + tile.bn) * 64 * element_bytes
        early = self._load_early(b)

        def per_tile(b: KernelBuilder, position: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            batch, row, column = self._tile_at(b, position)
            (start,) = carried

            def fetch(a_map: SSAValue, b_maps: Sequence[SSAValue], b: KernelBuilder, step: Index, fill: Index) -> int:
                first, a_slot = b.mul(step, 64), b.slot(self.a_shared, fill, "a_slot")
                b.insert(kernel.LoadTmaOp(a_map, [batch, row, first], a_slot, self.ring, b.index(fill)))
                if early is None:
                    self._load_b(b, b_maps, batch, column, step, fill)
                else:
                    late = b.compare(fill, "sge", early)
                    b.when(late, lambda b: self._load_b(b, b_maps, batch, column, step, fill))
                return delivered

            for maps, each in zip(self.maps, steps, strict=True):
                b.pipelined(self.ring, each, partial(fetch, *maps), None, start=start)
                start = b.add(start, each)
            return [start]

        b.loop(self.first, b.expr(self.tiles), b.expr(self.blocks), [b.index(0)], per_tile, "tile")

    def _consume(self, b: KernelBuilder) -> None:
        tile, steps = self.tile, b.expr(sum(self.steps[1:], self.steps[0]))
        acc_type = FragType.of((tile.bm, tile.bn), f32, WgmmaAcc.of(tile.groups))

        def per_tile(b: KernelBuilder, position: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            batch, row, column = self._tile_at(b, position)
            start, *stored = carried

            piece = FragType.of((tile.bm, self.piece), f32, acc_type.layout)
            statistics = self.problem.moments.statistics(b, self.problem.space_groups, (batch, row), piece)
            first = [b.fill(0.0, acc_type, "acc")]
            (acc,) = b.pipelined(self.ring, steps, None, self._multiply, first, start=start, overlapped=True)
            self._store(b, acc, (batch, row, column), statistics, *stored)
            return [b.add(start, steps), *(b.add(count, self.pieces) for count in stored)]

        # An odd number of pieces per tile: the next tile starts with the other staging tile, so the stores are counted.
        counts = [b.index(0)] * (2 if self.pieces % 2 else 1)
        b.loop(self.first, b.expr(self.tiles), b.expr(self.blocks), counts, per_tile, "tile")
        if self.out_maps:
            b.insert(kernel.StoreWaitOp(0))

    def _multiply(self, b: KernelBuilder, step: Index, fill: Index, values: Sequence[SSAValue]) -> list[SSAValue]:
        """Starts the product of one fill of the ring."""
        (acc,) = values
        a_slot, b_slot = b.slot(self.a_shared, fill, "a_slot"), b.slot(self.b_shared, fill, "b_slot")
        return [b.emit(kernel.MmaOp(a_slot, b_slot, acc), "acc")]

    def _store(
        self,
        b: KernelBuilder,
        acc: SSAValue,
        at: tuple[SSAValue, SSAValue, SSAValue],
        statistics: RowStatistics,
        stored: SSAValue | None = None,
    ) -> None:
        """The epilogue and the stores of one tile; `stored` counts the pieces before it where their parity matters."""
        problem = self.problem
        if not self.out_maps:
            for values, here in epilogue_columns(b, problem, acc, at, self.piece, statistics):
                for number, result in problem.moments.results:
                    b.store(values[result], space_view(b, problem, problem.group.result_access(number)), here)
            return
        zero = b.index(0)
        piece = 0
        for values, here in epilogue_columns(b, problem, acc, at, self.piece, statistics):
            for value, out_map in zip(values.values(), self.out_maps, strict=True):
                number = b.index(piece % 2) if stored is None else b.add(stored, piece)
                slot = b.slot(self.out_shared, number)
                # The store before the last used this tile.
                b.insert(kernel.StoreWaitOp(1))
                b.insert(kernel.StoreSharedOp(value, slot, zero, zero))
                b.insert(kernel.FenceAsyncOp())
                b.insert(kernel.BarrierOp())
                b.insert(kernel.StoreTmaOp(slot, out_map, [b.index(c) for c in here]))
                piece += 1


SCHEDULE = GemmSm90()
