"""The state of a batch of blocks that runs in tile ops: values, and the places of tiles in tensors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.ir import Operation, SSAValue

from ....dialects import kernel
from ..views import Array, GlobalTensor, KernelView


class Diverged(Exception):
    """Blocks of a batch disagree about control flow; those of equal `labels` agree."""

    def __init__(self, labels: Array):
        super().__init__()
        self.labels = labels


@dataclass
class Ring:
    stages: int
    consumers: int
    role_bound: bool
    """Whether it is an mbarrier ring, on which roles wait for each other. A cp.async ring is filled and emptied by the same threads."""
    acquired: int = 0
    committed: int = 0
    released: dict[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True)
class Slot:
    """An mbarrier of the slot of a fill: the one that the fill completes, or with `empty` the one that its releases complete."""

    ring: Ring
    fill: int
    empty: bool


@dataclass(frozen=True)
class TensorMap:
    view: KernelView
    box: tuple[int, ...]


class State:
    """The state of one batch of blocks."""

    def __init__(
        self,
        func: kernel.FuncOp,
        tensors: dict[SSAValue, GlobalTensor],
        symbols: dict[str, int],
        grid: list[int],
        blocks: Array,
        early: Collection[int] | None = None,
    ):
        self.func = func
        self.early = early
        """The tensors that a dependent launch may touch before it waits; None for any other launch."""
        self.waited: set[int | None] = set()
        """The roles that have waited; None stands for the whole block."""
        self.symbols = symbols
        self.blocks = blocks
        self.cluster = func.cluster.value.data
        self.values: dict[SSAValue, Any] = dict(tensors)
        self.role: int | None = None
        coords = (blocks % grid[0], blocks // grid[0] % grid[1], blocks // (grid[0] * grid[1]))
        for argument, coordinate in zip(func.coords, coords, strict=True):
            self.values[argument] = coordinate if len(blocks) > 1 else int(coordinate[0])

    def uniform(self, value: SSAValue) -> int:
        return self.same(self.values[value])

    def same(self, number: Any) -> int:
        array = np.asarray(number)
        if array.ndim and not (array == array.flat[0]).all():
            raise Diverged(array)
        return int(array.flat[0])

    # Roles and rings.

    def per_block(self, value: SSAValue, rank: int) -> Any:
        """A scalar, or an array with one number per block and `rank` further axes of size 1."""
        number = np.asarray(self.values[value])
        return number.reshape(number.shape + (1,) * rank) if number.ndim else number[()]

    def operand(self, value: SSAValue, rank: int) -> Any:
        """An operand of a map as an array that broadcasts to [blocks, rows(, columns)]."""
        if isinstance(value.type, kernel.FragType):
            array = self.values[value]
            return array[..., None] if value.type.is_rows and rank == 2 else array
        return self.per_block(value, rank)

    def places(self, frag: kernel.FragType, row: SSAValue | None, column: SSAValue) -> tuple[Any, Any]:
        """Rows and columns of a fragment's elements; a rows fragment's column is one."""
        if frag.is_rows:
            rows = None if row is None else self.per_block(row, 1) + np.arange(frag.extents[0])[None, :]
            return rows, self.per_block(column, 1)
        rows = None if row is None else self.per_block(row, 2) + np.arange(frag.extents[0])[None, :, None]
        return rows, self.per_block(column, 2) + np.arange(frag.extents[1])[None, None, :]

    def tile_of(self, view: KernelView, op: Operation, coords: Sequence[SSAValue], shape: Sequence[int]) -> Array:
        """A tile for shared memory, zero outside the view, for every block."""
        leading = [self.per_block(c, 2) for c in coords[:-2]]
        rows = self.per_block(coords[-2], 2) + np.arange(shape[0])[None, :, None]
        columns = self.per_block(coords[-1], 2) + np.arange(shape[1])[None, None, :]
        return np.broadcast_to(view.load(op, leading, rows, columns, 0.0), (len(self.blocks), *shape))
