"""How the threads of a block share the work of one step of the chain."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute

from .....dialects import nn
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import FragType, SharedType, bitwidth
from ...building.tiling import power_of_two_at_least
from ...building.work import ACCESS_INSTRUCTIONS, cut
from .problem import ChainProblem, Layer

WARP = 32
AHEAD = 4
"""Pixels of a thread whose loads overlap."""
HELD = 32
"""Weights of a thread that one tile of a product has, at most."""
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


@dataclass(frozen=True)
class Reduce:
    """
    The reduction of `share` channels per block, in tiles of `across` threads with `vector` channels each; `down` threads share the pixels.
    """

    problem: ChainProblem
    across: int
    down: int
    vector: int
    share: int

    @classmethod
    def of(cls, problem: ChainProblem, blocks: int, threads: int) -> Reduce:
        vector = problem.map_vector
        share = cut(cut(problem.channels, blocks), vector)
        # A warp sums at least as many channels in the end as there are warps.
        across = max(min(WARP, power_of_two_at_least(share)), cut(threads // WARP, vector))
        return cls(problem, across, threads // across, vector, cut(share, across) * across * vector)

    @property
    def tile(self) -> int:
        """Channels of a tile."""
        return self.across * self.vector

    @property
    def tiles(self) -> int:
        return self.share // self.tile

    @property
    def frag(self) -> FragType:
        """[pixels, channels] of one load."""
        return FragType.of((self.down, self.tile), f32, Blocked.of(self.down, self.across, 1, self.vector))

    @property
    def partial(self) -> SharedType:
        return SharedType.of((self.down, self.tile), f32, pad=PAD)

    @property
    def summed(self) -> FragType:
        """The partial results as they are combined: [channels, parts]."""
        lanes = min(WARP, self.down)
        threads = self.down * self.across
        return FragType.of((self.tile, self.down), f32, Blocked.of(threads // lanes, lanes, 1, 1))

    @property
    def smem(self) -> int:
        return self.partial.bytes

    def rounds(self, pixels: int) -> int:
        return cut(pixels, self.down * AHEAD)

    def bytes(self, pixels: int) -> float:
        """Bytes that a block reads, in whole sectors of 32 bytes."""
        assert self.problem.reduction is not None
        row = self.tile * bitwidth(nn.element_of(self.problem.reduction.x)) // 8
        return float(self.tiles * pixels * cut(row, 32) * 32)

    def instructions(self, pixels: int) -> float:
        """Of all threads of a block."""
        assert self.problem.reduction is not None
        elements = self.tiles * self.rounds(pixels) * self.down * AHEAD * self.tile
        combined = self.tiles * self.down * self.tile
        return elements * (COMBINE + ACCESS_INSTRUCTIONS / self.vector) + combined * (COMBINE + SHUFFLES / WARP)

    def waits(self, pixels: int) -> float:
        """Loads of each round, and the meeting of each tile's partial results."""
        return self.tiles * (self.rounds(pixels) + 1.0)


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
        repeats = min(cut(pieces, across), max(1, HELD // vector))
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
    def passes(self) -> int:
        """Tiles that a block multiplies one after the other."""
        return self.share // self.down * (self.padded // self.width)

    @property
    def frag(self) -> FragType:
        return FragType.of((self.down, self.width), f32, Blocked.of(self.down, self.across, 1, self.vector))

    @property
    def instructions(self) -> float:
        """Of all threads of a block."""
        elements = self.share * self.padded
        sums = self.share * self.across * SHUFFLES
        return elements * (COMBINE + 2 * ACCESS_INSTRUCTIONS / self.vector) + sums
