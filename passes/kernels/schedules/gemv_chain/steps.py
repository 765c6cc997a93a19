"""How the threads of a block share the work of one step of the chain."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute

from .....dialects import nn
from .....dialects.dims import Expr, ceildiv
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import FragType, SharedType, bitwidth
from ...building.tiling import power_of_two_at_least
from ...building.work import ACCESS_INSTRUCTIONS, cut
from ..row.tiles import Reduction
from .problem import ChainProblem, Layer

WARP = 32
THREADS = (256, 288, 320, 352, 384)
"""Threads of a block, the preferred first."""
AHEAD = 8
"""Most pixels of a thread whose loads overlap."""
TILE = 64
"""Weights of a thread that one tile of a product has, at most."""
HELD = 32
"""32-bit registers of a thread for weights that are loaded before the first step."""
HELD_TILES = 8
"""Tiles of rows that a block multiplies at most for that."""
SECTOR = 32
"""Bytes that come from L2 at least."""
PARTIAL_WAITS = 1.0
"""Waits (`Gpu.wait`) of a block's partial results on their way through shared memory, and of their combination."""
GATHER_WAITS = 0.7
"""Waits of the same of what the blocks of a cluster made of their pixels."""
SUM_WAITS = 0.7
"""Waits of a product whose weights are there: the vector, sums over lanes, activations."""
PAD = 4
"""Elements after each row of the partial results of a reduction, which are read column by column."""
COMBINE = 2.0
"""Instructions per element of a reduction or a product: a conversion and an addition or multiply-add."""
SHUFFLES = 15.0
"""Instructions of a sum over the lanes of a warp."""


@dataclass(frozen=True)
class Vector:
    """
    A vector in shared memory: `written` elements of which the first `channels` count and the others are zero, as are those that follow up
    to `read`, which `threads` threads write.
    """

    element: Attribute
    channels: int
    written: int
    read: int
    threads: int

    @property
    def zeros(self) -> int:
        """Stores of one zero by each thread after what is written."""
        return cut(self.read - self.written, self.threads) if self.read > self.written else 0

    @property
    def type(self) -> SharedType:
        return SharedType.of((self.written + self.zeros * self.threads, 1), self.element)

    @property
    def bytes(self) -> int:
        return self.type.bytes


def _lanes(down: int) -> int:
    """Lanes that combine the results of `down` threads: a power of two that divides them."""
    return min(WARP, down & -down)


def _fill(pieces: int, vector: int, threads: int) -> bool:
    """Whether pieces of a block's channels leave no thread idle, and can be combined by whole tiles."""
    return pieces <= WARP and threads % pieces == 0 and pieces * vector % (threads // _lanes(threads // pieces)) == 0


def threads_of(problem: ChainProblem, channel_blocks: int) -> int:
    """Threads of a block that its channels fill evenly, where some number does."""
    if problem.reduction is None:
        return THREADS[0]
    vector = problem.map_vector
    pieces = cut(cut(problem.channels, channel_blocks), vector)
    return next((threads for threads in THREADS if _fill(pieces, vector, threads)), THREADS[0])


@dataclass(frozen=True)
class Reduce:
    """
    The reduction of `share` channels per block, in tiles of `across` threads with `vector` channels each; `down` threads share the pixels.
    Of the blocks of a cluster, `channel_blocks` have other channels, and `pixel_blocks` other pixels.
    """

    problem: ChainProblem
    across: int
    down: int
    vector: int
    share: int
    channel_blocks: int
    pixel_blocks: int

    @classmethod
    def of(cls, problem: ChainProblem, channel_blocks: int, pixel_blocks: int, threads: int) -> Reduce:
        vector = problem.map_vector
        pieces = cut(cut(problem.channels, channel_blocks), vector)
        across = pieces
        if not _fill(pieces, vector, threads):
            # A warp combines at least as many channels in the end as there are warps.
            across = max(min(WARP, power_of_two_at_least(pieces)), cut(threads // WARP, vector))
        share = cut(pieces, across) * across * vector
        return cls(problem, across, threads // across, vector, share, channel_blocks, pixel_blocks)

    @property
    def op(self) -> nn.ReduceOp:
        assert self.problem.reduction is not None
        return self.problem.reduction

    @property
    def how(self) -> Reduction:
        return Reduction.of(self.op)

    @property
    def tile(self) -> int:
        """Channels of a tile."""
        return self.across * self.vector

    @property
    def tiles(self) -> int:
        return self.share // self.tile

    @property
    def span(self) -> Expr:
        """Pixels of a block, whole rounds."""
        step = self.down * self.ahead
        return ceildiv(self.problem.pixels, self.pixel_blocks * step) * step

    @property
    def ahead(self) -> int:
        """Pixels of a thread whose loads overlap."""
        known = self.problem.pixels.as_int()
        return AHEAD if known is None else min(AHEAD, cut(known, self.pixel_blocks * self.down))

    @property
    def threads(self) -> int:
        return self.down * self.across

    @property
    def frag(self) -> FragType:
        """[pixels, channels] of one load."""
        return FragType.of((self.down, self.tile), f32, Blocked.of(self.down, self.across, 1, self.vector))

    @property
    def partial(self) -> SharedType:
        return SharedType.of((self.down, self.tile), f32, pad=PAD)

    @property
    def summed(self) -> FragType:
        """The partial results of a block as they are combined: [channels, threads]."""
        lanes = _lanes(self.down)
        return FragType.of((self.tile, self.down), f32, Blocked.of(self.threads // lanes, lanes, 1, 1))

    @property
    def channels(self) -> int:
        """Channels of all blocks."""
        return self.share * self.channel_blocks

    @property
    def gathered(self) -> SharedType:
        """The results of all blocks: [channels, blocks with other pixels], with zeros in the rows after these channels."""
        step = self.parts.extents[0]
        zeros = -(-(self.written - self.channels) // step) * step
        return SharedType.of((self.channels + zeros, self.pixel_blocks), f32)

    @property
    def parts(self) -> FragType:
        """Some of these, as they are combined."""
        rows = self.threads // self.pixel_blocks
        return FragType.of((rows, self.pixel_blocks), f32, Blocked.of(rows, self.pixel_blocks, 1, 1))

    @property
    def written(self) -> int:
        """Channels that the vector has then: whole tiles of those that are combined."""
        step = self.parts.extents[0]
        return cut(self.channels, step) * step if self.pixel_blocks > 1 else self.channels

    @property
    def smem(self) -> int:
        return self.partial.bytes + (self.gathered.bytes if self.pixel_blocks > 1 else 0)

    def rounds(self, pixels: int) -> int:
        """How often a thread loads, of `pixels` pixels of an image."""
        return self.tiles * cut(cut(pixels, self.pixel_blocks), self.down * self.ahead)

    def bytes(self, pixels: int) -> float:
        """Bytes that a block reads, in whole sectors."""
        row = min(self.share, self.problem.channels) * bitwidth(nn.element_of(self.op.x)) // 8
        return float(cut(pixels, self.pixel_blocks) * cut(row, SECTOR) * SECTOR)

    def instructions(self, pixels: int) -> float:
        """Of all threads of a block."""
        elements = self.tiles * cut(cut(pixels, self.pixel_blocks), self.down) * self.down * self.tile
        combined = self.tiles * self.down * self.tile
        return elements * (COMBINE + ACCESS_INSTRUCTIONS / self.vector) + combined * (COMBINE + SHUFFLES / WARP)

    @property
    def waits(self) -> float:
        """Of the meeting of each tile's partial results, and of combining those of the other blocks."""
        return PARTIAL_WAITS * self.tiles + (GATHER_WAITS if self.pixel_blocks > 1 else 0.0)


@dataclass(frozen=True)
class Products:
    """
    The product of `share` rows of the weights per block, `down` at a time; `across` lanes share a row, with `vector` neighbouring weights
    of each of `repeats` pieces of a tile.
    """

    layer: Layer
    across: int
    down: int
    vector: int
    repeats: int
    share: int

    @classmethod
    def of(cls, layer: Layer, blocks: int, threads: int) -> Products:
        vector = layer.vector
        pieces = cut(layer.columns, vector)
        across = min(WARP, power_of_two_at_least(pieces))
        repeats = cut(pieces, across)
        repeats = cut(repeats, cut(repeats * vector, TILE))
        down = threads // across
        return cls(layer, across, down, vector, repeats, cut(cut(layer.rows, blocks), down) * down)

    @property
    def width(self) -> int:
        """Columns of a tile."""
        return self.across * self.vector * self.repeats

    @property
    def padded(self) -> int:
        """Columns of all tiles."""
        return cut(self.layer.columns, self.width) * self.width

    @property
    def row_tiles(self) -> int:
        return self.share // self.down

    @property
    def is_held(self) -> bool:
        """Whether all weights of a thread, and what follows the product, are loaded before the first step."""
        words = self.share * self.padded // (self.across * self.down) * bitwidth(self.layer.element) / 32
        return words <= HELD and self.row_tiles <= HELD_TILES

    @property
    def frag(self) -> FragType:
        return FragType.of((self.down, self.width), f32, Blocked.of(self.down, self.across, 1, self.vector))

    @property
    def instructions(self) -> float:
        """Of all threads of a block."""
        elements = self.share * self.padded
        sums = self.share * self.across * SHUFFLES
        return elements * (COMBINE + 2 * ACCESS_INSTRUCTIONS / self.vector) + sums

    @property
    def waits(self) -> float:
        """Loads of each tile unless they came before, and sums over lanes, which those of the next rows overlap."""
        return SUM_WAITS + (0.0 if self.is_held else float(self.row_tiles * (self.padded // self.width)))
