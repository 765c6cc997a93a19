"""Addresses and bounds of elements of a view: a coordinate over several dims is divided up only where memory is not contiguous."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from xdsl.ir import SSAValue

from ....dialects.dims import Expr, divisor_of, product
from ....dialects.kernel import GlobalType, Im2colOp, ViewOp
from ....dialects.kernel.views import group_extents, merged_groups
from ....dialects.strided import Dim
from .context import Context, sizeof
from .emitter import Ix


@dataclass
class Part:
    """What one coordinate adds: an element offset, conditions, and for im2col the position in each spatial dim."""

    offset: Ix
    valid: list[SSAValue | None] = field(default_factory=list[SSAValue | None])
    window: tuple[Ix, ...] | None = None


class _OfTensor:
    """What all views know of their tensor: its value, and the bytes of an element and of the alignment."""

    def __init__(self, context: Context, source: SSAValue):
        assert isinstance(source.type, GlobalType)
        self.context = context
        self.type = source.type
        self.size, self.align = sizeof(source.type.element_type), source.type.align.data
        self.tensor = context.operand(source)


class Strided(_OfTensor):
    """A `kernel.view`."""

    def __init__(self, context: Context, op: ViewOp):
        super().__init__(context, op.source)
        self.op = op
        self.groups = merged_groups(op)
        self.extents = group_extents(op)

    @property
    def costly_rows(self) -> bool:
        """Whether a row's offset takes divisions."""
        return len(self.groups[-2]) > 1

    def lead(self, coords: Sequence[Ix]) -> Part:
        """The coordinates before the row."""
        part = Part(self.context.expr(self.op.offset.exprs[0]))
        for i, coord in enumerate(coords):
            added = self._part(i, coord)
            part = Part(part.offset + added.offset, [*part.valid, *added.valid])
        return part

    def row(self, coord: Ix) -> Part:
        return self._part(len(self.groups) - 2, coord)

    def column(self, coord: Ix) -> Part:
        return self._part(len(self.groups) - 1, coord)

    def _part(self, group: int, coord: Ix) -> Part:
        valid = self.context.em.below(coord, self.context.expr(self.extents[group]))
        return Part(self._offset(self.groups[group], coord), [valid])

    def _offset(self, dims: list[Dim], coord: Ix) -> Ix:
        total, rest = self.context.em.ix(0), coord
        for i, (extent, stride) in reversed(list(enumerate(dims))):
            if all(s == 0 for _, s in dims[: i + 1]):
                break
            if extent == 0:
                break  # nothing lies there: no coordinate is valid
            here = rest % self.context.expr(extent) if i else rest
            if stride != 0:
                total = total + here * self.context.expr(stride)
            if i:
                rest = rest // self.context.expr(extent)
        return total

    def combine(self, *parts: Part) -> tuple[Ix, SSAValue | None]:
        """Element offset and condition of the element at these coordinates."""
        total = parts[0].offset
        for part in parts[1:]:
            total = total + part.offset
        return total, self.context.em.all(*(v for part in parts for v in part.valid))

    def vector(self, column: Ix, limit: int) -> int:
        """Elements that one access moves at columns `column` + multiples of `limit`: neighbours in memory, aligned, bounded together."""
        inner = self.groups[-1]
        if not inner or inner[-1][1] != 1:
            return 1
        numbers = [self.op.offset.exprs[0], inner[-1][0]]
        numbers += [stride for group in self.groups for dim in group for stride in dim[1:] if dim is not inner[-1]]
        return widest(limit, self.size, self.align, [divisor_of(e) for e in numbers] + [column.multiple])


class Im2col(_OfTensor):
    """A `kernel.im2col`: row = (n, p, q), column = (r, s, c), with as many p, q and r, s as there are spatial dims."""

    costly_rows = True

    def __init__(self, context: Context, op: Im2colOp):
        super().__init__(context, op.source)
        self.op = op
        self.dims, self.stride_exprs = self.type.dims.exprs, self.type.strides.exprs
        self.kernel, self.steps, self.pads, self.dilations = (
            tuple(int(v) for v in a.iter_values()) for a in (op.kernel, op.strides, op.pads, op.dilations)
        )
        self.channels: Expr = self.dims[-1] // op.groups.value.data

    @property
    def strides(self) -> list[Ix]:
        return [self.context.expr(s) for s in self.stride_exprs]

    def split_row(self, coord: Ix) -> tuple[Ix, tuple[Ix, ...]]:
        """n, and the first position in each spatial dim, of an output pixel's window."""
        *outer, last = (self.context.expr(e) for e in self.op.out.exprs)
        places, rest = [coord % last], coord // last
        for extent in reversed(outer):
            place, rest = rest, rest // extent
            places.insert(0, place % extent)
        pairs = zip(places, self.steps, self.pads, strict=True)
        return rest, tuple(place * step - pad for place, step, pad in pairs)

    def split_column(self, coord: Ix) -> tuple[tuple[Ix, ...], Ix]:
        """The offset in each spatial dim, and the channel, in the window."""
        channels = self.context.expr(self.channels)
        c, rest = coord % channels, coord // channels
        taps: list[Ix] = []
        for extent in reversed(self.kernel[1:]):
            tap, rest = rest, rest // extent
            taps.insert(0, tap % extent)
        return tuple(tap * dilation for tap, dilation in zip([rest, *taps], self.dilations, strict=True)), c

    def lead(self, coords: Sequence[Ix]) -> Part:
        group = coords[0]
        valid = self.context.em.below(group, self.op.groups.value.data)
        return Part(group * self.context.expr(self.channels) * self.strides[-1], [valid])

    def row(self, coord: Ix) -> Part:
        n, window = self.split_row(coord)
        rows = self.context.expr(product([self.dims[0], *self.op.out.exprs]))
        strides = self.strides
        offset = n * strides[0]
        for place, stride in zip(window, strides[1:-1], strict=True):
            offset = offset + place * stride
        return Part(offset, [self.context.em.below(coord, rows)], window)

    def column(self, coord: Ix) -> Part:
        window, c = self.split_column(coord)
        columns = self.context.expr(self.channels * prod(self.kernel))
        strides = self.strides
        valid = [self.context.em.below(coord, columns)]
        offset = window[0] * strides[1]
        for place, stride in zip(window[1:], strides[2:-1], strict=True):
            offset = offset + place * stride
        return Part(offset + c * strides[-1], valid, window)

    def combine(self, lead: Part, row: Part, column: Part) -> tuple[Ix, SSAValue | None]:
        """Element offset and condition of the element at these coordinates."""
        assert row.window is not None and column.window is not None
        inside = [
            self.context.em.below(first + step, self.context.expr(extent))
            for first, step, extent in zip(row.window, column.window, self.dims[1:-1], strict=True)
        ]
        offset = lead.offset + row.offset + column.offset
        return offset, self.context.em.all(*lead.valid, *row.valid, *column.valid, *inside)

    def vector(self, column: Ix, limit: int) -> int:
        """As `Strided.vector`; a vector holds channels of one pixel."""
        if self.stride_exprs[-1] != 1:
            return 1
        numbers = [divisor_of(e) for e in (*self.stride_exprs[:-1], self.channels)]
        return widest(limit, self.size, self.align, [*numbers, column.multiple])


View = Strided | Im2col


def widest(limit: int, size: int, align: int, numbers: Sequence[int]) -> int:
    """The largest power of two that divides `limit` and all numbers (0: divisible by anything), whose bytes divide `align` and 16."""
    width = 1
    while (
        2 * width * size <= 16
        and align % (2 * width * size) == 0
        and all(n % (2 * width) == 0 for n in (limit, *numbers))
    ):
        width *= 2
    return width


def view_of(context: Context, value: SSAValue) -> View:
    """The view that a `!kernel.view` value stands for."""
    key = ("view", value)
    if key not in context.cache:
        op = value.owner
        if isinstance(op, ViewOp):
            context.cache[key] = Strided(context, op)
        elif isinstance(op, Im2colOp):
            context.cache[key] = Im2col(context, op)
        else:
            raise context.em.error(f"expected a view made by kernel.view or kernel.im2col, got one by {op}")
    view = context.cache[key]
    assert isinstance(view, Strided | Im2col)
    return view
