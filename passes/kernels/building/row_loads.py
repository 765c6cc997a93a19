"""
Loads of moved rows: from the number of a row its coordinates, from these those of the row of the operand, which `kernel.gather` fetches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from ....dialects import nn
from ....dialects.dims import Expr, const
from ....dialects.kernel.types import FragType
from ....dialects.nn import rank_of, shape_of
from ....dialects.strided import space_axes
from .builder import Emitter, Index, KernelBuilder
from .group import Access, GroupView
from .moved_rows import MovedRows, MoveOp, pads_by_number
from .pointwise import select


def source_access(group: GroupView, moved: MovedRows) -> Access | None:
    """The operand that is moved, over its own dims; None where it is no operand or strided view of one."""
    dims = shape_of(moved.source)
    return group.access(moved.source, space_axes(dims, dims), dims)


def reads_rows(group: GroupView, moved: MovedRows, groups: Sequence[Sequence[int]]) -> bool:
    """Whether a space whose rows and columns are these dims can load moved rows: its columns are the last dims, which stay as they are, and
    no number pads, since what lies outside of the space is filled with another one."""
    rows, columns = groups[-2:]
    last = list(rows) == list(range(len(rows))) and not any(map(pads_by_number, moved.ops))
    return last and moved.kept >= len(columns) and source_access(group, moved) is not None


def load_moved(
    b: KernelBuilder,
    group: GroupView,
    moved: MovedRows,
    columns: int,
    coords: Sequence[Index],
    frag: FragType,
    fill: float | None = None,
) -> SSAValue:
    """
    The tile at a row and a column of an operand with moved rows; the last `columns` dims are its columns. `fill` stands outside the
    columns, and by default and in padding the number that pads.
    """
    view = b.view_of(cast(Access, source_access(group, moved)), moved.groups(columns))
    fill = moved.fill if fill is None else fill
    places = _Places(moved, columns)
    if not any(map(places.moves_rows, moved.ops)):
        return b.load(view, coords, frag, fill)
    sizes = [b.cast(b.expr(e), i32) for e in places.dynamic]
    row = b.coord(coords[0], 0, frag.rows)
    (rows,) = b.map([row, *sizes], [frag.rows.with_element(i32)], places.body)
    return b.gather(view, rows, [coords[1]], frag, fill)


@dataclass
class _Places:
    """Builds the scalar arithmetic from the number of a row to that of the source's row, -1 where it is padding."""

    moved: MovedRows
    columns: int
    sizes: dict[Expr, SSAValue] = field(default_factory=dict[Expr, SSAValue])

    def lead(self, value: SSAValue) -> tuple[Expr, ...]:
        """The dims that are rows."""
        return shape_of(value)[: rank_of(value) - self.columns]

    def moves_rows(self, op: MoveOp) -> bool:
        return not isinstance(op, nn.PadOp) or any(axis < len(self.lead(op.result)) for axis in op.padded_dims)

    @property
    def dynamic(self) -> list[Expr]:
        """The sizes that only a run knows."""
        found: dict[Expr, None] = {}
        for op in self.moved.ops:
            low = op.below if isinstance(op, nn.PadOp) else ()
            found.update(dict.fromkeys((*self.lead(op.result), *self.lead(op.x), *low)))
        return [e for e in found if e.as_int() is None]

    def body(self, s: Emitter, row: SSAValue, *sizes: SSAValue) -> list[SSAValue]:
        """The body of a `kernel.map`."""
        self.sizes = dict(zip(self.dynamic, sizes, strict=True))
        inside: SSAValue | None = None
        line: SSAValue | None = row
        places: list[SSAValue] = []
        for op in self.moved.ops:
            if isinstance(op, nn.ReshapeOp):
                line = self._joined(s, places, self.lead(op.result)) if line is None else line
                continue
            if line is not None:
                places, line = self._parted(s, line, self.lead(op.result)), None
            match op:
                case nn.TransposeOp():
                    order = nn.values_of(op.permutation)[: len(places)]
                    places = [places[order.index(axis)] for axis in range(len(places))]
                case nn.RollOp():
                    places = [self._rolled(s, op, axis, place) for axis, place in enumerate(places)]
                case nn.PadOp():
                    places, fits = self._padded(s, op, places)
                    inside = _both(s, inside, fits)
        if line is None:
            line = self._joined(s, places, self.lead(self.moved.source))
        return [line if inside is None else select(s, inside, line, s.constant(-1, i32))]

    def _size(self, s: Emitter, expr: Expr) -> SSAValue:
        known = expr.as_int()
        return self.sizes[expr] if known is None else s.constant(known, i32)

    def _parted(self, s: Emitter, line: SSAValue, dims: Sequence[Expr]) -> list[SSAValue]:
        """The coordinates of the element at a row-major place; all that is too much stays in the first one."""
        places: list[SSAValue] = []
        first = next((axis for axis, extent in enumerate(dims) if extent != const(1)), 0)
        for axis in reversed(range(len(dims))):
            extent = self._size(s, dims[axis])
            if axis < first or (dims[axis] == const(1) and axis > first):
                places.insert(0, s.constant(0, i32))
            elif axis == first:
                places.insert(0, line)
            else:
                places.insert(0, s.emit(arith.RemSIOp(line, extent)))
                line = s.emit(arith.DivSIOp(line, extent))
        return places

    def _joined(self, s: Emitter, places: Sequence[SSAValue], dims: Sequence[Expr]) -> SSAValue:
        line = places[0] if places else s.constant(0, i32)
        for place, extent in zip(places[1:], dims[1:], strict=True):
            line = s.emit(arith.AddiOp(s.emit(arith.MuliOp(line, self._size(s, extent))), place))
        return line

    def _rolled(self, s: Emitter, op: nn.RollOp, axis: int, place: SSAValue) -> SSAValue:
        shift, extent = nn.values_of(op.shifts)[axis], shape_of(op.x)[axis]
        if not shift:
            return place
        known, size = extent.as_int(), self._size(s, extent)
        if known is None:
            return _repeated(s, s.emit(arith.SubiOp(place, s.constant(shift, i32))), size, nn.PadMode.WRAP)
        if not known:
            return place
        before = s.emit(arith.SubiOp(place, s.constant(shift % known, i32)))
        return select(s, _less(s, before, s.constant(0, i32)), s.emit(arith.AddiOp(before, size)), before)

    def _padded(self, s: Emitter, op: nn.PadOp, places: Sequence[SSAValue]) -> tuple[list[SSAValue], SSAValue | None]:
        """The coordinates in what is padded, and, of padding by a number, whether they lie in it."""
        found, inside = list[SSAValue](), None
        moved = op.padded_dims
        for axis, place in enumerate(places):
            low, extent = op.below[axis], self._size(s, shape_of(op.x)[axis])
            place = place if low == const(0) else s.emit(arith.SubiOp(place, self._size(s, low)))
            if op.mode is None:
                fits = s.emit(arith.CmpiOp(place, s.constant(0, i32), "sge"))
                inside = _both(s, inside, _both(s, fits, _less(s, place, extent)))
            elif axis in moved:
                place = _repeated(s, place, extent, op.mode.data)
            found.append(place)
        return found, inside


def _both(s: Emitter, a: SSAValue | None, b: SSAValue | None) -> SSAValue | None:
    return s.emit(arith.AndIOp(a, b)) if a is not None and b is not None else a if b is None else b


def _less(s: Emitter, x: SSAValue, y: SSAValue) -> SSAValue:
    return s.emit(arith.CmpiOp(x, y, "slt"))


def _repeated(s: Emitter, place: SSAValue, size: SSAValue, mode: nn.PadMode) -> SSAValue:
    """The index in a dim of `size` elements of the one that stands at a place outside of it (or inside)."""
    zero, one = s.constant(0, i32), s.constant(1, i32)

    def least(x: SSAValue, y: SSAValue) -> SSAValue:
        return select(s, _less(s, x, y), x, y)

    last = s.emit(arith.SubiOp(size, one))
    if mode == nn.PadMode.EDGE:
        return least(select(s, _less(s, place, zero), zero, place), last)
    period = size if mode == nn.PadMode.WRAP else s.emit(arith.AddiOp(last, last))
    # Of one element the period of a reflection is 0, and any will do.
    divisor = period if mode == nn.PadMode.WRAP else select(s, _less(s, period, one), one, period)
    rest = s.emit(arith.RemSIOp(place, divisor))
    rest = select(s, _less(s, rest, zero), s.emit(arith.AddiOp(rest, divisor)), rest)
    return rest if mode == nn.PadMode.WRAP else least(rest, s.emit(arith.SubiOp(period, rest)))
