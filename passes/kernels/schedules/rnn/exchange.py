"""How the blocks of a team hand on h, and r h of a GRU that resets it before the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from xdsl.ir import SSAValue

from .....dialects import kernel
from .....dialects.kernel.types import bitwidth
from ...building.builder import Index, KernelBuilder
from .problem import RnnProblem
from .products import PAD_BYTES
from .steps import Cells, HandOn

SLOTS = 2
"""Pieces of h under way where it comes in several."""

Piece = Callable[[KernelBuilder, SSAValue, int, SSAValue], SSAValue]
"""`(builder, tile of h, its first column, sums) -> sums`."""


class Exchange(Protocol):
    """Of h (0), in two slots, and r h (1), in one."""

    @property
    def smem(self) -> int:
        """Bytes of shared memory."""
        ...

    @property
    def hand_on(self) -> HandOn | None:
        """None: through the workspace."""
        ...

    def start(self, b: KernelBuilder) -> None: ...

    def take(
        self, b: KernelBuilder, cells: Cells, which: int, at: Sequence[SSAValue], piece: Piece, sums: SSAValue
    ) -> SSAValue:
        """All columns, `piece` by piece; `at`: slot, direction, sequence."""
        ...


class SharedExchange:
    """Each block has all of h in its shared memory; the blocks of a cluster write to one another's."""

    def __init__(self, problem: RnnProblem, rows: int, everywhere: bool):
        self.problem, self.rows, self.everywhere = problem, rows, everywhere
        self.counts = [2, 1] if problem.resets_before else [2]
        self.tiles: list[SSAValue] = []

    @property
    def smem(self) -> int:
        return sum(self.counts) * self.rows * _row_bytes(self.problem, self.problem.units)

    def start(self, b: KernelBuilder) -> None:
        pad = PAD_BYTES * 8 // bitwidth(self.problem.element)
        self.tiles = [
            b.alloc((count, self.rows, self.problem.units), self.problem.element, pad=pad, name=name)
            for count, name in zip(self.counts, ("h_shared", "rh_shared"), strict=False)
        ]

    def hand_on(self, b: KernelBuilder, value: SSAValue, which: int, slot: Index, unit: Index) -> None:
        tile = b.slot(self.tiles[which], slot)
        b.insert(kernel.StoreSharedOp(value, tile, b.index(0), b.index(unit), everywhere=self.everywhere))

    def take(
        self, b: KernelBuilder, cells: Cells, which: int, at: Sequence[SSAValue], piece: Piece, sums: SSAValue
    ) -> SSAValue:
        return piece(b, b.slot(self.tiles[which], at[0]), 0, sums)


class GlobalExchange:
    """h goes through L2: pieces of `chunk` of its `width` columns come by cp.async, `SLOTS` of them ahead."""

    hand_on = None

    def __init__(self, problem: RnnProblem, rows: int, chunk: int, width: int):
        self.problem, self.rows, self.chunk, self.pieces = problem, rows, chunk, width // chunk
        self.slots = min(SLOTS, self.pieces)

    @property
    def smem(self) -> int:
        return self.slots * self.rows * _row_bytes(self.problem, self.chunk)

    def start(self, b: KernelBuilder) -> None:
        pad = PAD_BYTES * 8 // bitwidth(self.problem.element)
        self.tile = b.alloc((self.slots, self.rows, self.chunk), self.problem.element, pad=pad, name="h_shared")

    def take(
        self, b: KernelBuilder, cells: Cells, which: int, at: Sequence[SSAValue], piece: Piece, sums: SSAValue
    ) -> SSAValue:
        ring = b.ring(self.slots, "cp_async")

        def fetch(number: int) -> None:
            b.acquire(ring, number)
            place = [*at, b.index(number * self.chunk)]
            b.insert(kernel.LoadAsyncOp(cells.exchanged[which], place, b.slot(self.tile, number)))
            b.commit(ring, number)

        for number in range(self.slots):
            fetch(number)
        for number in range(self.pieces):
            b.wait(ring, number, min(self.slots - 1, self.pieces - 1 - number))
            sums = piece(b, b.slot(self.tile, number), number * self.chunk, sums)
            b.release(ring, number)
            if number + self.slots < self.pieces:
                fetch(number + self.slots)
        return sums


def exchange_of(problem: RnnProblem, meeting: str, rows: int, chunk: int, width: int) -> Exchange:
    """Through L2 where blocks of any place on the GPU meet."""
    if meeting == "grid":
        return GlobalExchange(problem, rows, chunk, width)
    return SharedExchange(problem, rows, meeting == "cluster")


def _row_bytes(problem: RnnProblem, columns: int) -> int:
    return columns * bitwidth(problem.element) // 8 + PAD_BYTES
