"""
Tile shapes of the mma.sync and FMA kernels, and what a launch of each does.

A block's step over `bk` multiplies, brings its operands from L2, and, where these lie in pieces of under 16 bytes, spends instructions on
their copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ...building.work import ISSUE, Work, cut
from ...cost.price import RESERVED_SMEM
from .moments import RowMoments
from .prologue import Effort

ELEMENT_BYTES = {"f16": 2, "bf16": 2, "tf32": 4, "s8": 1, "fma": 4, "fma64": 8}
FMA = ("fma", "fma64")
"""The kinds that multiply on the FMA units, without fragments of tensor cores."""
COPY_INSTRUCTIONS = 18.0
"""Per thread and piece of an operand: address, bounds, copy and its share of memory transactions, fitted to convs of three channels on an
H200 (docs/design/cost-model.md). Those of 16-byte pieces overlap with the transfer of the bytes."""
EPILOGUE_INSTRUCTIONS = 19.2
"""Per element of the result, from the accumulator's fragment to memory."""
LDS_CYCLES = 2.5
"""Of an SM, for 16 bytes of each thread of a warp, many of them the same."""
CHANNEL_LOAD = 4.0
"""Per thread and pair of neighbouring channels that a prologue loads."""
REFILL = 2500 / 450
"""As `Work.refill`: about 2,500 cycles between two blocks in one place, in waits of 450."""
RING = 3
"""Stages of the ring for which one step waits in full."""
SCRATCH_PAD = 4
"""f32 elements after each row of a staged epilogue's tile, against bank conflicts."""
FMA_PAD = 4
"""Elements after each row of an FMA operand: keeps 16-byte alignment and moves neighbouring rows to other banks."""


@dataclass(frozen=True)
class Tile:
    """Block tile bm x bn, warps wm x wn, reduction step bk (elements), ring stages; `staged`: the epilogue goes through shared memory."""

    bm: int
    bn: int
    bk: int
    wm: int
    wn: int
    stages: int
    staged: int = 0

    @property
    def threads(self) -> int:
        return 32 * self.wm * self.wn

    def part(self, count: int) -> Tile:
        """The tile of each of several products side by side, which have equal parts of the columns."""
        return replace(self, bn=self.bn // count)

    def smem(self, element_bytes: int, pad: int = 0) -> int:
        """Bytes of the ring, and of the f32 tile that a staged epilogue needs."""
        ring = self.stages * (self.bm + self.bn) * (self.bk + pad) * element_bytes
        return ring + (self.bm * (self.bn + SCRATCH_PAD) * 4 if self.staged else 0)

    def registers(self) -> int:
        """An estimate of the registers per thread: accumulators, one step's fragments, addresses."""
        per_thread = self.bm * self.bn // self.threads
        fragments = (self.bm // self.wm + self.bn // self.wn) // 2
        return min(255, per_thread + fragments + 48)

    def fma_share(self) -> float:
        """Of the cycles of a product on FMA units those that these work, while its operands come from shared memory: a thread reads its
        rows and columns four elements at a time, and multiplies them all with one another."""
        rows, columns = self.bm // (8 * self.wm), self.bn // (4 * self.wn)
        return min(1.0, rows * columns / (LDS_CYCLES * (rows + columns)))

    def tunables(self) -> dict[str, int | str]:
        return {
            "bm": self.bm, "bn": self.bn, "bk": self.bk, "wm": self.wm, "wn": self.wn, "stages": self.stages, "staged": self.staged,
        }  # fmt: skip


# (bm, bn, wm, wn): warps of 64 x 32 to 32 x 16, so that a fragment is used several times once loaded.
MMA_SHAPES = (
    (128, 256, 2, 4), (256, 128, 4, 2), (128, 128, 2, 2), (128, 128, 2, 4), (128, 64, 2, 2), (64, 128, 2, 2), (64, 64, 2, 2),
    (128, 32, 4, 1), (64, 32, 2, 2), (32, 64, 2, 2), (32, 32, 2, 2), (16, 64, 1, 4), (16, 128, 1, 4), (64, 16, 4, 1),
    (32, 16, 2, 1), (16, 32, 1, 4),
)  # fmt: skip
FMA_SHAPES = (
    (128, 128, 2, 4),
    (128, 64, 2, 2),
    (64, 128, 2, 4),
    (128, 64, 4, 2),
    (64, 64, 2, 2),
    (64, 32, 2, 2),
    (32, 64, 2, 2),
    (32, 32, 2, 2),
    (16, 64, 2, 2),
    (16, 32, 2, 2),
    (64, 16, 2, 2),
)


def tiles(kind: str, k: int, count: int = 1) -> Iterable[Tile]:
    """All tiles for an operand kind (a key of `ELEMENT_BYTES`) and a reduction of k, of so many products side by side."""
    for tile in _tiles(kind, k):
        if tile.bn // count >= (4 if kind in FMA else 8) * tile.wn:
            yield tile


def _tiles(kind: str, k: int) -> Iterable[Tile]:
    element = ELEMENT_BYTES[kind]
    if kind in FMA:
        for bm, bn, wm, wn in FMA_SHAPES:
            yield Tile(bm, bn, 16, wm, wn, 3)
        return
    # Rows of 128 bytes fill a 128-byte swizzle, 64 halve the waste of a short reduction.
    for row_bytes in (128, 64):
        bk = row_bytes // element
        if row_bytes == 128 and k <= bk // 2:
            continue
        for bm, bn, wm, wn in MMA_SHAPES:
            for stages in (3, 4):
                yield Tile(bm, bn, bk, wm, wn, stages)


Pieces = tuple[int, int]
"""Elements of A and of B that one copy moves."""


def widest_pieces(kind: str) -> Pieces:
    """Copies of 16 bytes."""
    return 16 // ELEMENT_BYTES[kind], 16 // ELEMENT_BYTES[kind]


@dataclass(frozen=True)
class Sizes:
    """A batch of products [m, k] x [k, n] of an operand kind, at its usual sizes; those of an empty one count as 1. Of `count` products
    side by side n counts the columns of all."""

    kind: str
    m: int
    n: int
    k: int
    batch: int = 1
    pieces: Pieces | None = None
    """By default the widest."""
    narrows: bool = False
    """Whether A comes as f32 and is cast on its way, through registers."""
    dram_bytes: float = 0.0
    prologue: Effort | None = None
    """What is computed before A."""
    count: int = 1
    moments: RowMoments | None = None
    """What the epilogue does with moments of rows."""

    def work(self, tile: Tile) -> Work:
        """What a launch with this tile does."""
        kind, element = self.kind, ELEMENT_BYTES[self.kind]
        wide = widest_pieces(kind)
        a_more, b_more = (1 / piece - 1 / most for piece, most in zip(self.pieces or wide, wide, strict=True))
        if self.narrows:
            a_more += 1 / wide[0]
        return Work(
            blocks=cut(self.m, tile.bm) * cut(self.n, tile.bn) * max(1, self.batch),
            threads=tile.threads,
            registers=tile.registers(),
            smem=tile.smem(element, FMA_PAD if kind in FMA else 0),
            steps=cut(self.k, tile.bk),
            ahead=tile.stages / RING,
            operations={
                f"mma_{kind}": tile.bm * tile.bn * tile.bk / (tile.fma_share() if kind in FMA else 1.0),
                ISSUE: (tile.bm * a_more + tile.bn * b_more) * tile.bk * COPY_INSTRUCTIONS + self._prologue(tile),
            },
            l2_bytes=(tile.bm * (4 if self.narrows else element) + tile.bn * element) * tile.bk,
            dram_bytes=self.dram_bytes,
            epilogue=tile.bm * tile.bn / self.count * EPILOGUE_INSTRUCTIONS + self._moments(tile),
            refill=REFILL,
            whole_waves=True,
        )

    def _moments(self, tile: Tile) -> float:
        return 0.0 if self.moments is None else self.moments.instructions(tile.bm, tile.bn // self.count)

    def _prologue(self, tile: Tile) -> float:
        """Instructions of a step: every warp maps the rows of A that it multiplies, and loads pairs of channels for them."""
        if self.prologue is None:
            return 0.0
        pairs = tile.threads * tile.bk / 8
        return tile.bm * tile.bk * tile.wn * self.prologue.instructions + pairs * CHANNEL_LOAD * self.prologue.channels


def rank(sizes: Sizes, smem: int, price: Callable[[Work], float], limit: int = 8) -> list[Tile]:
    """The cheapest tiles first, at most `limit`, of those that fit `smem` bytes of shared memory per block."""
    options: Iterable[Tile] = tiles(sizes.kind, max(1, sizes.k), sizes.count)
    if moments := sizes.moments:
        whole = [tile for tile in options if moments.takes(tile.bm, tile.bn // sizes.count, tile.threads)]
        options = [tile for tile in whole if _staged(tile, sizes, smem).staged]
    scored = [(price(sizes.work(tile)), tile) for tile in options]
    fitting = sorted((c for c in scored if c[0] != float("inf")), key=lambda c: c[0])
    return [_staged(t, sizes, smem) for _, t in fitting[:limit]]


def _staged(tile: Tile, sizes: Sizes, smem: int) -> Tile:
    """The tile with a staged epilogue where whole 16-byte stores result and it fits."""
    staged, n, columns = replace(tile, staged=1), sizes.n // sizes.count, tile.bn // sizes.count
    kind = sizes.kind
    if kind in FMA or n % 8 or columns < 32 or staged.smem(ELEMENT_BYTES[kind]) + RESERVED_SMEM > smem:
        return tile
    return staged
