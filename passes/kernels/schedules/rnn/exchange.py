"""How the blocks of a team hand on h, and r h of a GRU that resets it before the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from xdsl.ir import Attribute, SSAValue

from .....dialects import kernel
from .....dialects.kernel.types import bitwidth
from ...building.builder import Index, KernelBuilder
from .problem import RnnProblem
from .products import PAD_BYTES
from .quantized import quantize, spread
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

    @property
    def steps(self) -> SSAValue | None:
        """Where h is quantized: the step of each sequence, in shared memory."""
        ...

    def start(self, b: KernelBuilder) -> None: ...

    def take(
        self, b: KernelBuilder, cells: Cells, which: int, at: Sequence[SSAValue], piece: Piece, sums: SSAValue
    ) -> SSAValue:
        """All columns, `piece` by piece; `at`: slot, direction, sequence."""
        ...


class SharedExchange:
    """Each block has all of h in its shared memory; the blocks of a cluster write to one another's."""

    steps = None

    def __init__(self, problem: RnnProblem, rows: int, everywhere: bool):
        self.problem, self.rows, self.everywhere = problem, rows, everywhere
        self.counts = [2, 1] if problem.resets_before else [2]
        self.tiles: list[SSAValue] = []

    @property
    def smem(self) -> int:
        return sum(self.counts) * self.rows * _row_bytes(self.problem.exchanged, self.problem.units)

    def start(self, b: KernelBuilder) -> None:
        element = self.problem.exchanged
        self.tiles = [
            b.alloc((count, self.rows, self.problem.units), element, pad=_pad(element), name=name)
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

    hand_on = steps = None

    def __init__(self, problem: RnnProblem, rows: int, chunk: int, width: int):
        self.problem, self.rows, self.chunk, self.pieces = problem, rows, chunk, width // chunk
        self.slots = min(SLOTS, self.pieces)

    @property
    def smem(self) -> int:
        return self.slots * self.rows * _row_bytes(self.problem.element, self.chunk)

    def start(self, b: KernelBuilder) -> None:
        element = self.problem.element
        self.tile = b.alloc((self.slots, self.rows, self.chunk), element, pad=_pad(element), name="h_shared")

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


class QuantizedExchange:
    """h is handed on in f32, as `shared` does or else through L2, and each block rounds all of it to integers: threads hold it for that."""

    def __init__(self, problem: RnnProblem, rows: int, width: int, threads: int, shared: SharedExchange | None):
        self.problem, self.shared, self.shape = problem, shared, (rows, width)
        self.type = spread(rows, width, problem.wide, threads)
        self.steps: SSAValue | None = None

    @property
    def smem(self) -> int:
        rows, width = self.shape
        own = rows * (_row_bytes(self.problem.element, width) + bitwidth(self.problem.wide) // 8)
        return own + (0 if self.shared is None else self.shared.smem)

    @property
    def hand_on(self) -> HandOn | None:
        return None if self.shared is None else self.shared.hand_on

    def start(self, b: KernelBuilder) -> None:
        if self.shared is not None:
            self.shared.start(b)
        element = self.problem.element
        self.integers = b.alloc(self.shape, element, pad=_pad(element), name="integers")
        self.steps = b.alloc((self.shape[0], 1), self.problem.wide, name="steps")

    def take(
        self, b: KernelBuilder, cells: Cells, which: int, at: Sequence[SSAValue], piece: Piece, sums: SSAValue
    ) -> SSAValue:
        assert self.steps is not None
        zero = b.index(0)
        if self.shared is None:
            h = b.load(cells.exchanged[which], [*at, zero], self.type)
        else:
            h = b.emit(kernel.LoadSharedOp(b.slot(self.shared.tiles[which], at[0]), zero, zero, self.type))
        values, step = quantize(b, h, self.problem.element)
        b.insert(kernel.StoreSharedOp(values, self.integers, zero, zero))
        b.insert(kernel.StoreSharedOp(step, self.steps, zero, zero))
        b.insert(kernel.BarrierOp())
        return piece(b, self.integers, 0, sums)


def exchange_of(problem: RnnProblem, meeting: str, rows: int, chunk: int, width: int, threads: int) -> Exchange:
    """Through L2 where blocks of any place on the GPU meet."""
    shared = None if meeting == "grid" else SharedExchange(problem, rows, meeting == "cluster")
    if problem.quantized:
        return QuantizedExchange(problem, rows, width, threads, shared)
    return shared or GlobalExchange(problem, rows, chunk, width)


def _pad(element: Attribute) -> int:
    return PAD_BYTES * 8 // bitwidth(element)


def _row_bytes(element: Attribute, columns: int) -> int:
    return columns * bitwidth(element) // 8 + PAD_BYTES
