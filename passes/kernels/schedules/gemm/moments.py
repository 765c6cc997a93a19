"""
Rows that are normalised beside a product: its epilogue stores the moments of the rows that it computes (`nn.row_moments`), and normalises
its accumulator, or another operand, by moments that it reads (`nn.apply_moments`).

A tile has whole pairs of moments, so that blocks that share rows need not meet. All threads that share a row are in one warp: fragments are
those of wgmma, or vectors of the staged epilogue of mma.sync.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects.builtin import bf16, f16
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import FragType
from .....dialects.nn import element_of, shape_of
from .....dialects.strided import space_axes
from ...building.builder import Groups, Index, KernelBuilder
from ...building.group import GroupView
from ...building.moments import (
    APPLY_INSTRUCTIONS,
    COLUMNS,
    LOAD_INSTRUCTIONS,
    STORE_INSTRUCTIONS,
    Statistics,
    apply_moments,
    refuse_moments,
    statistics_of,
    store_moments,
)
from ...building.schedule import Refusal

VECTOR = 8
"""Columns of a vector of the staged epilogue."""


RowStatistics: TypeAlias = Mapping[nn.ApplyMomentsOp, Statistics]
"""What each op that normalises needs of the rows."""


@dataclass(frozen=True)
class RowMoments:
    """What a product's epilogue does with moments of rows."""

    group: GroupView
    stored: tuple[tuple[int, nn.RowMomentsOp], ...]
    """The results that are moments."""
    applied: tuple[nn.ApplyMomentsOp, ...]
    """In their order."""

    @classmethod
    def of(cls, group: GroupView) -> RowMoments:
        made = [(i, group.maker(result)) for i, result in enumerate(group.results)]
        stored = tuple((i, op) for i, op in made if isinstance(op, nn.RowMomentsOp))
        return cls(group, stored, tuple(op for op in group.ops if isinstance(op, nn.ApplyMomentsOp)))

    def __bool__(self) -> bool:
        return bool(self.stored or self.applied)

    @property
    def results(self) -> list[tuple[int, SSAValue]]:
        """The other results, with their numbers."""
        numbers = {number for number, _ in self.stored}
        return [(i, result) for i, result in enumerate(self.group.results) if i not in numbers]

    def refuse(self, dims: Sequence[Expr]) -> Refusal | None:
        """Why the epilogue of a product with these dims cannot do it, or None."""
        results = [result for _, result in self.results]
        for _, op in self.stored:
            if op.columns != self.stored[0][1].columns or op.columns.value.data not in COLUMNS:
                return Refusal(f"expected moments of one number of columns among {COLUMNS}, got {op.columns}", op)
            if op.x not in results or shape_of(op.x) != tuple(dims) or element_of(op.x) not in (f16, bf16):
                return Refusal(f"expected moments of an f16 or bf16 result of the product's shape, got {op.x.type}", op)
        for op in self.applied:
            if refusal := refuse_moments(self.group, op, dims):
                return refusal
            if op.shift is not None:
                axes = space_axes(shape_of(op.shift), dims)
                if self.group.access(op.shift, axes, dims) is None:
                    return Refusal("expected a shift from outside the group", op)
            if (dims[-1] % VECTOR).as_int() != 0:
                return Refusal(f"expected a multiple of {VECTOR} columns to normalise, got {dims[-1]}", op)
        return None

    @property
    def columns(self) -> int:
        """Columns of which a tile has whole numbers, where it stores moments."""
        return self.stored[0][1].columns.value.data if self.stored else COLUMNS[0]

    def fits(self, columns: int) -> bool:
        """Whether tiles of so many columns have whole pairs of moments."""
        return not self.stored or columns % self.columns == 0

    def layout(self, columns: int, threads: int) -> Blocked:
        """The layout of a staged tile: the lanes of a row have the columns of one pair of moments, side by side, or a line."""
        lanes = min(self.columns, columns) // VECTOR
        return Blocked.of(threads // lanes, lanes, 1, VECTOR)

    def takes(self, rows: int, columns: int, threads: int) -> bool:
        """Whether a staged tile can be laid out so."""
        return self.fits(columns) and self.layout(columns, threads).check((rows, columns)) is None

    def instructions(self, rows: int, columns: int) -> float:
        """Instructions of single threads for a tile, beside those of any epilogue."""
        read = dict.fromkeys(op.moments for op in self.applied)
        parts = sum(self.group.usual(shape_of(moments)[-1]) for moments in read)
        per_element = len(self.stored) * STORE_INSTRUCTIONS + len(self.applied) * APPLY_INSTRUCTIONS
        return rows * (columns * per_element + parts * LOAD_INSTRUCTIONS)

    def statistics(self, b: KernelBuilder, groups: Groups, at: Sequence[Index], frag: FragType) -> RowStatistics:
        """Those of the rows of a fragment at (batch, row)."""
        made: dict[Hashable, Statistics] = {}
        found: dict[nn.ApplyMomentsOp, Statistics] = {}
        for op in self.applied:
            key = op.moments, op.columns, op.epsilon, op.centred
            if key not in made:
                made[key] = statistics_of(b, self.group, op, groups, at, frag)
            found[op] = made[key]
        return found

    def store(
        self, b: KernelBuilder, groups: Groups, values: Mapping[SSAValue, SSAValue], at: tuple[Index, Index, Index]
    ) -> None:
        """Store the moments of fragments of results at (batch, row, column)."""
        batch, row, column = at
        for number, op in self.stored:
            value = values[op.x]
            type_ = value.type
            assert isinstance(type_, FragType)
            for first in range(0, type_.extents[1], self.columns):
                whole = type_.extents[1] == self.columns
                piece = value if whole else b.emit(kernel.ColumnsOp(value, first, self.columns))
                place = batch, row, b.add(column, first)
                store_moments(b, self.group, self.group.result_index(number), groups, piece, place)


def normalised(
    b: KernelBuilder,
    statistics: RowStatistics,
    known: dict[SSAValue, SSAValue],
    compute: Callable[[SSAValue], SSAValue],
    load: Callable[[SSAValue], SSAValue],
) -> None:
    """Add what is normalised to the fragments that are known; `compute` gives a value before, f32."""
    for op, made in statistics.items():
        known[op.result] = apply_moments(b, op, compute(op.x), made, load)
