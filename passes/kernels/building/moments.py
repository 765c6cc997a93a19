"""
Moments of rows beside a schedule's own work: those of some columns stored (`nn.row_moments`), and all of a row's joined to normalise
values by them (`nn.apply_moments`).

Threads of one warp share the rows of the fragments, so that all sums are shuffles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects import math
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from ....dialects import kernel, nn
from ....dialects.dims import Expr
from ....dialects.kernel.layouts import Blocked, Layout
from ....dialects.kernel.types import FragType
from ....dialects.nn import shape_of
from ....dialects.strided import View
from .builder import Emitter, Groups, Index, KernelBuilder
from .group import Access, GroupView
from .pointwise import add, convert, mul, select, sub
from .schedule import Refusal

COLUMNS = (64, 32, 16)
"""Of which kernels store moments, the preferred first: 64 of f16 are a line of 128 bytes, the piece in which wide tiles are stored."""
MOST_PARTS = 64
"""Pairs of moments of a row that its lanes join without a loop."""
STORE_INSTRUCTIONS = 15.0
"""Per element whose moments are stored: it is converted, added, and its deviation squared and added. Fitted, as the two below, to products
of BERT-base and ViT-B/16 at batch 1 and 32 with and without moments on an H200."""
LOAD_INSTRUCTIONS = 75.0
"""Per pair of moments that is joined: two loads, their masks and sums, of which most is waiting."""
APPLY_INSTRUCTIONS = 4.0
"""Per element that is normalised."""


@dataclass(frozen=True)
class Statistics:
    """The mean of each row, and the inverse of its deviation, as rows fragments of f32."""

    mean: SSAValue
    inverse: SSAValue


def half_of(group: GroupView, tensor: int, half: int) -> Access:
    """The means (0) or the sums of squares (1) in a tensor of moments: [..., P]."""
    strides = group.strides(tensor)
    return View(tensor, group.dims(tensor)[1:], strides[1:], strides[0] * half)


def refuse_moments(group: GroupView, op: nn.ApplyMomentsOp, dims: Sequence[Expr]) -> Refusal | None:
    """Why values of the iteration space `dims` cannot be normalised, or None."""
    if group.operand_index(op.moments) is None:
        return Refusal("expected moments from outside the group", op)
    if shape_of(op.x) != tuple(dims):
        return Refusal(f"expected normalised values of the shape of the anchor, got {op.x.type}", op)
    parts = shape_of(op.moments)[-1].as_int()
    if parts is None or parts > MOST_PARTS:
        return Refusal(f"expected at most {MOST_PARTS} pairs of moments per row, got {op.moments.type}", op)
    return None


def store_moments(
    b: KernelBuilder, group: GroupView, tensor: int, groups: Groups, value: SSAValue, at: Sequence[Index]
) -> None:
    """Store the moments of all columns of a fragment, whose first element is at (..., row, column)."""
    type_ = value.type
    assert isinstance(type_, FragType)
    columns = type_.extents[1]
    rows = type_.with_element(f32).rows
    (wide,) = b.map([value], [type_.with_element(f32)], lambda s, x: [convert(s, x, f32)])
    total = b.reduce("sum", wide)
    (mean,) = b.map([total], [rows], lambda s, x: [mul(s, x, s.constant(1 / columns, f32))])

    def square(s: Emitter, x: SSAValue, mean: SSAValue) -> list[SSAValue]:
        d = sub(s, x, mean)
        return [mul(s, d, d)]

    squares = b.reduce("sum", b.map([wide, mean], [type_.with_element(f32)], square)[0])
    *lead, column = at
    place = [*lead, b.div(column, columns)]
    for half, made in enumerate((mean, squares)):
        b.store(made, b.view_of(half_of(group, tensor, half), groups), place)


def statistics_of(
    b: KernelBuilder, group: GroupView, op: nn.ApplyMomentsOp, groups: Groups, at: Sequence[Index], frag: FragType
) -> Statistics:
    """The statistics of the rows of a fragment at (..., row), joined from their moments by Chan's formula: the variance is the mean of
    those inside the parts, and that of their means, so that nothing cancels."""
    tensor = group.operand_index(op.moments)
    parts, columns = shape_of(op.moments)[-1].as_int(), op.columns.value.data
    assert tensor is not None and parts is not None
    layout: Layout = frag.layout
    if isinstance(layout, Blocked):
        tr, tc, vr, _ = layout.values
        layout = Blocked.of(tr, tc, vr, 1)
    unit = layout.unit()[1]
    tile = FragType.of((frag.tile[0], -(-parts // unit) * unit), f32, layout)
    views = [b.view_of(half_of(group, tensor, half), groups) for half in (0, 1)]
    place = [*at, 0]
    means, squares = (b.load(view, place, tile) for view in views)
    one_of = 1 / parts
    (mean,) = b.map([b.reduce("sum", means)], [tile.rows], lambda s, x: [mul(s, x, s.constant(one_of, f32))])

    def deviation(s: Emitter, x: SSAValue, m2: SSAValue, mean: SSAValue, *inside: SSAValue) -> list[SSAValue]:
        d = sub(s, x, mean)
        between = mul(s, mul(s, d, d), s.constant(columns, f32))
        for valid in inside:
            between = select(s, valid, between, s.constant(0, f32))
        return [add(s, m2, between)]

    masks = [] if parts % unit == 0 else [b.valid(views[0], place, tile)]
    total = b.reduce("sum", b.map([means, squares, mean, *masks], [tile], deviation)[0])
    epsilon, one_of_all = op.epsilon.value.data, 1 / (parts * columns)

    def inverse(s: Emitter, total: SSAValue, *means: SSAValue) -> list[SSAValue]:
        variance = mul(s, total, s.constant(one_of_all, f32))
        for mean in means:
            variance = add(s, variance, mul(s, mean, mean))
        return [s.emit(math.RsqrtOp(add(s, variance, s.constant(epsilon, f32))))]

    (rstd,) = b.map([total] if op.centred else [total, mean], [tile.rows], inverse)
    rows = frag.with_element(f32).rows
    if tile.rows == rows:
        return Statistics(mean, rstd)
    return Statistics(*(b.emit(kernel.ConvertLayoutOp(each, rows)) for each in (mean, rstd)))


def apply_moments(
    b: KernelBuilder,
    op: nn.ApplyMomentsOp,
    x: SSAValue,
    statistics: Statistics,
    load: Callable[[SSAValue], SSAValue],
) -> SSAValue:
    """The normalised fragment, f32; `load` gives the shift."""
    type_ = x.type
    assert isinstance(type_, FragType)
    mean = [statistics.mean] if op.centred else []
    shift = [load(op.shift)] if op.shift is not None else []

    def body(s: Emitter, x: SSAValue, inverse: SSAValue, *others: SSAValue) -> list[SSAValue]:
        x = convert(s, x, f32)
        if others:
            mean, *shift = others
            x = sub(s, x, mul(s, mean, *shift) if shift else mean)
        return [mul(s, x, inverse)]

    return b.map([x, statistics.inverse, *mean, *shift], [type_.with_element(f32)], body)[0]
