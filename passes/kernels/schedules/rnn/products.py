"""How the warps of a block share the product of h and its rows of R: rows, columns, and parts of the sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from .....dialects.kernel.grouped import Grouped
from .....dialects.kernel.layouts import Blocked, OuterA, OuterB
from .....dialects.kernel.types import bitwidth
from ...building.work import cut
from ..gemm.mma import Layouts, layouts_for
from ..gemm.tiles import FMA, LDS_CYCLES, Tile
from .problem import RnnProblem

PAD_BYTES = 16
"""After each row of a shared tile: eight neighbouring rows then lie in different banks."""
WARPS = 8
"""Of a block, at most."""
FMA_DEPTH = 4
"""Columns that an FMA thread loads at once."""


@dataclass(frozen=True)
class Shape:
    """`rows` sequences, `units` units; wm x wn warps share the rows and gates, `parts` of them the columns."""

    rows: int
    units: int
    wm: int
    wn: int
    parts: int

    @property
    def threads(self) -> int:
        return 32 * self.wm * self.wn * self.parts

    def beside(self, problem: RnnProblem) -> int:
        """Neighbouring units of a thread, which it hands on at once."""
        return min(self.rows * self.units // self.threads, 128 // bitwidth(problem.wide), self.units)

    def columns(self, problem: RnnProblem) -> int:
        """Columns of the widest product."""
        return max(map(len, problem.phases)) * self.units

    def width(self, problem: RnnProblem) -> int:
        """Columns of R with what fills up the last step of a product."""
        depth = layouts_of(problem, self).k_step * self.parts
        return cut(problem.units, depth) * depth

    def traffic(self, problem: RnnProblem, held: bool = False) -> float:
        """Words of shared memory that a product reads and writes: rows of h once per column of warps, rows of R, unless registers hold
        them, once per row of warps, and the sums of all parts."""
        words = bitwidth(problem.element) / 32
        columns = self.columns(problem)
        read = (self.wn * self.rows + self.wm * columns * (not held)) * self.width(problem) * words
        return read + 2 * self.parts * self.rows * columns

    def fma_share(self, problem: RnnProblem, held: bool = False) -> float:
        """Of the cycles of a product on FMA units those that these work; 1 for tensor cores. See `Tile.fma_share`."""
        if problem.kind not in FMA:
            return 1.0
        columns = self.columns(problem) // self.wn
        tr, tc = fma_lanes(self, columns)
        mine = self.rows // self.wm // tr, columns // tc
        return min(1.0, prod(mine) / (LDS_CYCLES * (mine[0] + mine[1] * (not held))))


def layouts_of(problem: RnnProblem, shape: Shape) -> Layouts:
    """The fragments of a product."""
    if problem.kind in FMA:
        tr, tc = fma_lanes(shape, shape.columns(problem) // shape.wn)
        tr, tc = tr * shape.wm, tc * shape.wn
        # Neighbouring threads own neighbouring rows: their vectors lie in different banks.
        plain = Layouts(OuterA.of(tr, tc, 1), OuterB.of(tr, tc, 1), Blocked.of(tr, tc, 1, 1), FMA_DEPTH)
    else:
        plain = layouts_for(problem.kind, Tile(shape.rows, shape.columns(problem), 0, shape.wm, shape.wn, 1))
    by_column = Grouped.by(shape.parts, 1, plain.a), Grouped.by(shape.parts, 1, plain.b)
    return Layouts(*by_column, Grouped.by(shape.parts, 0, plain.acc), plain.k_step)


def fma_lanes(shape: Shape, columns: int) -> tuple[int, int]:
    """A warp as rows x columns of threads, each of which then owns as nearly a square of the product as there is."""
    rows = shape.rows // shape.wm
    fitting = [(tr, 32 // tr) for tr in (1, 2, 4, 8) if rows % tr == 0 and columns % (32 // tr) == 0]
    return min(fitting or [(8, 4)], key=lambda lanes: rows // lanes[0] + columns // lanes[1])


def shapes(problem: RnnProblem) -> Iterator[Shape]:
    """Shapes whose fragments are whole for the gates of each phase, and leave each thread cells of its own, with as many threads as there
    can be: half as many were slower on an H200."""
    fma = problem.kind in FMA
    for rows, wm in ((8, 1), (16, 1), (32, 1)) if fma else ((16, 1), (32, 2)):
        for units in (4, 8, 16, 32, 64, 128):
            if problem.units % units:
                continue
            fitting = [
                shape
                for wn in (1, 2, 4, 8)
                for parts in (1, 2, 4, 8)
                if _fits(problem, shape := Shape(rows, units, wm, wn, parts))
            ]
            if fitting:
                most = max(shape.threads for shape in fitting)
                yield min((s for s in fitting if s.threads == most), key=lambda shape: shape.traffic(problem))


def _fits(problem: RnnProblem, shape: Shape) -> bool:
    if shape.threads > min(32 * WARPS, shape.rows * shape.units):
        return False
    counts = [len(phase) * shape.units for phase in problem.phases]
    if problem.kind in FMA:
        lanes = fma_lanes(shape, max(counts) // shape.wn)
        if shape.rows % (lanes[0] * shape.wm):
            return False
        column = lanes[1]
    else:
        column = 8
    if any(count % (column * shape.wn) for count in counts):
        return False
    depth = layouts_of(problem, shape).k_step * shape.parts
    return shape.parts == 1 or problem.units % depth == 0
