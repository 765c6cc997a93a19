"""
Operands whose rows a group reads in another order: rolled or padded, and reshaped or transposed on the way.

A space of rows and columns can read such an operand row by row (row_loads.py), where its columns stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from xdsl.ir import Operation, SSAValue

from ....dialects import nn
from ....dialects.nn import rank_of, shape_of

MoveOp: TypeAlias = nn.RollOp | nn.PadOp | nn.ReshapeOp | nn.TransposeOp
MOVES = (nn.RollOp, nn.PadOp, nn.ReshapeOp, nn.TransposeOp)


@dataclass(frozen=True)
class MovedRows:
    """A value that is `source` with its rows moved by `ops`, the op next to the reader first; `kept` last dims stay as they are."""

    ops: tuple[MoveOp, ...]
    source: SSAValue
    kept: int

    @property
    def fill(self) -> float:
        """The number that pads."""
        return next((op.value.value.data for op in self.ops if pads_by_number(op)), 0.0)

    def groups(self, columns: int) -> tuple[list[int], list[int]]:
        """The dims of the source that are rows, and its last `columns` ones."""
        rank = rank_of(self.source)
        return list(range(rank - columns)), list(range(rank - columns, rank))


def pads_by_number(op: Operation) -> TypeGuard[nn.PadOp]:
    """Whether an op pads by a number, not by elements of its operand."""
    return isinstance(op, nn.PadOp) and op.mode is None


def moved_rows(value: SSAValue, maker: Callable[[SSAValue], Operation | None]) -> MovedRows | None:
    """How a value is read by its rows; None for one that no op moves, or only ops that strides describe. `maker`: see `maps.leaves_of`."""
    ops: list[MoveOp] = []
    kept = rank_of(value)
    # A load has one number for all that lies outside: before a second op that pads by one, the rows end.
    while isinstance(op := maker(value), MOVES) and not (pads_by_number(op) and any(map(pads_by_number, ops))):
        ops.append(op)
        kept = min(kept, kept_dims(op))
        value = op.x
    if not any(isinstance(op, nn.RollOp | nn.PadOp) for op in ops):
        return None
    return MovedRows(tuple(ops), value, kept)


def kept_dims(op: MoveOp) -> int:
    """How many last dims an op leaves as they are. Padding by a number after the last one does: it lies outside the operand's columns."""
    rank, last = rank_of(op.result), rank_of(op.result) - 1
    match op:
        case nn.RollOp():
            moved = [axis for axis, shift in enumerate(nn.values_of(op.shifts)) if shift]
        case nn.TransposeOp():
            moved = [axis for axis, source in enumerate(nn.values_of(op.permutation)) if axis != source]
        case nn.PadOp():
            beyond = op.mode is None and last > 0 and last in op.padded_dims and op.below[last].as_int() == 0
            moved = [last - 1 if beyond and axis == last else axis for axis in op.padded_dims]
        case nn.ReshapeOp():
            before, after = shape_of(op.x), shape_of(op.result)
            same = 0
            while same < min(rank, len(before)) and before[-1 - same] == after[-1 - same]:
                same += 1
            return same
    return last - max(moved, default=-1)
