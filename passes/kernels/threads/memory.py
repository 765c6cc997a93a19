"""Lowers what moves fragments between registers, global and shared memory: load, valid, gather, store, load_shared, store_shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xdsl.dialects import arith
from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from ....dialects.kernel import (
    AtomicOp,
    Blocked,
    FetchOp,
    FragType,
    GatherOp,
    LdGlobalOp,
    LdmatrixOp,
    LdSharedOp,
    LoadOp,
    LoadSharedOp,
    MmaA,
    MmaB,
    ScatterOp,
    StClusterOp,
    StGlobalOp,
    StoreOp,
    StoreSharedOp,
    StSharedOp,
    ValidOp,
    WgmmaA,
)
from ....dialects.kernel.grouped import of_group
from ....dialects.kernel.layouts import Layout, Shape
from ....dialects.kernel.types import bitwidth
from .context import Context, Tile, register_of_row, sizeof
from .emitter import Ix, index
from .rows import RowOf, Spread, row_parts
from .views import Part, View, view_of, widest


def lower_load(context: Context, op: LoadOp) -> None:
    """Vectors of neighbouring columns; what lies outside the view keeps the fill written before."""
    type_ = frag_type(op.result)
    view = view_of(context, op.view)
    *lead, row, column = (context.ix(c) for c in op.coords)
    if type_.is_rows:
        context.arrays[op.result] = _load_rows(context, op, view, lead, row, column)
        return
    rows = row_parts(context, view, row, frag_rows(context, type_))
    context.arrays[op.result] = _load(context, view, lead, rows, column, type_, op.fill.value.data, op.result.name_hint)


def lower_gather(context: Context, op: GatherOp) -> None:
    """A load whose row coordinates come from a rows fragment."""
    type_, picked = frag_type(op.result), context.array(op.rows)
    *lead, column = (context.ix(c) for c in op.coords)
    view = view_of(context, op.view)

    def rows(n: Ix, row: Ix) -> Part:
        value = context.em.load(picked, n)
        value = context.em.emit(arith.IndexCastOp(value, index)).results[0]
        return view.row(context.em.atom(value))

    context.arrays[op.result] = _load(context, view, lead, rows, column, type_, op.fill.value.data, op.result.name_hint)


def _load(
    context: Context,
    view: View,
    lead: list[Ix],
    rows: RowOf,
    column: Ix,
    type_: FragType,
    fill: float,
    hint: str | None,
) -> SSAValue:
    em, layout, tile = context.em, type_.layout, type_.tile
    array = context.new_array(type_, hint)
    width = view.vector(column, layout.contiguous(tile))
    first = view.lead(lead)
    with em.loop(type_.registers // width, "r") as r:
        register = r * width
        i, j = layout.index(tile, context.role.thread, register)
        offset, inside = view.combine(first, rows(_number(layout, tile, register), i), view.column(column + j))
        _guarded_load(context, view.tensor, offset, array, register, width, inside, fill)
    return array


def frag_rows(context: Context, type_: FragType) -> Spread:
    """The rows of a fragment's tile that a thread holds."""
    layout, tile, thread = type_.layout, type_.tile, context.role.thread
    representatives = layout.representatives(tile)

    def row(n: Ix) -> Ix:
        register = register_of_row(representatives, n)
        if register is None:
            raise context.em.error(
                f"expected a layout whose rows repeat regularly, got {layout} on {tile[0]}x{tile[1]}"
            )
        return layout.index(tile, thread, register)[0]

    return Spread((layout, tile), len(representatives), row)


def _number(layout: Layout, tile: Shape, register: Ix) -> Ix:
    """The number, in a thread's rows, of a register's row."""
    return register.em.ix(0) + layout.row_register(tile, register)


def _guarded_load(
    context: Context,
    tensor: SSAValue,
    offset: Ix,
    array: SSAValue,
    position: Ix,
    width: int,
    inside: SSAValue | None,
    fill: float,
) -> None:
    em = context.em
    if inside is not None:
        value = em.scalar(fill, em.element(array))
        with em.loop(width, "e") as e:
            em.store(value, array, position + e)
    em.emit(LdGlobalOp(tensor, em.value(offset), array, em.value(position), width, inside))


def _load_rows(context: Context, op: LoadOp, view: View, lead: list[Ix], row: Ix, column: Ix) -> SSAValue:
    type_ = frag_type(op.result)
    array = context.new_array(type_, op.result.name_hint)
    first, last = view.lead(lead), view.column(column)

    def one(n: Ix, register: Ix) -> None:
        i, _ = type_.layout.index(type_.tile, context.role.thread, register)
        offset, inside = view.combine(first, view.row(row + i), last)
        _guarded_load(context, view.tensor, offset, array, n, 1, inside, op.fill.value.data)

    each_row(context, type_, one)
    return array


def each_row(context: Context, type_: FragType, body: Any) -> None:
    """Call `body(number, first register)` for each row that a thread holds, in one loop where a formula gives the register."""
    representatives = type_.layout.representatives(type_.tile)
    formula = register_of_row(representatives, context.em.ix(0))
    if formula is None:
        for n, register in enumerate(representatives):
            body(context.em.ix(n), context.em.ix(register))
        return
    with context.em.loop(len(representatives), "r") as n:
        register = register_of_row(representatives, n)
        assert register is not None
        body(n, register)


def lower_valid(context: Context, op: ValidOp) -> None:
    """Each element's bounds check, as an i1."""
    em, type_ = context.em, frag_type(op.result)
    view, tile = view_of(context, op.view), type_.tile
    *lead, row, column = (context.ix(c) for c in op.coords)
    array = context.new_array(type_, op.result.name_hint)
    first = view.lead(lead)
    with em.loop(type_.registers, "r") as r:
        i, j = type_.layout.index(tile, context.role.thread, r)
        _, inside = view.combine(first, view.row(row + i), view.column(column + j))
        em.store(em.scalar(1, i1) if inside is None else inside, array, r)
    context.arrays[op.result] = array


def lower_store(context: Context, op: StoreOp) -> None:
    """Vectors of neighbouring columns; of a rows fragment the thread with the row's first column writes."""
    em, type_, array = context.em, frag_type(op.value), context.array(op.value)
    view, tile, layout = view_of(context, op.view), type_.tile, type_.layout
    *lead, row, column = (context.ix(c) for c in op.coords)
    first, thread = view.lead(lead), context.role.thread
    if type_.is_rows:
        last = view.column(column)

        def one(n: Ix, register: Ix) -> None:
            i, j = layout.index(tile, thread, register)
            offset, inside = view.combine(first, view.row(row + i), last)
            inside = em.all(inside, em.below(j, 1))
            em.emit(StGlobalOp(array, em.value(n), view.tensor, em.value(offset), 1, inside))

        each_row(context, type_, one)
        return
    width = view.vector(column, layout.contiguous(tile))
    with em.loop(type_.registers // width, "r") as r:
        register = r * width
        i, j = layout.index(tile, thread, register)
        offset, inside = view.combine(first, view.row(row + i), view.column(column + j))
        em.emit(StGlobalOp(array, em.value(register), view.tensor, em.value(offset), width, inside))


def lower_scatter(context: Context, op: ScatterOp) -> None:
    """One store or atomic of each element, at the place that it brings."""
    em, type_, array = context.em, frag_type(op.value), context.array(op.value)
    view, places = view_of(context, op.view), [context.array(place) for place in op.places]
    with em.loop(type_.registers, "r") as r:
        offset, inside = place_in(context, view, [em.load(place, r) for place in places])
        if op.kind.data == "set":
            em.emit(StGlobalOp(array, em.value(r), view.tensor, em.value(offset), 1, inside))
        else:
            em.emit(AtomicOp(op.kind.data, array, em.value(r), view.tensor, em.value(offset), inside))


def lower_fetch(context: Context, op: FetchOp, coords: Sequence[SSAValue]) -> SSAValue:
    """A load of one element into a register."""
    em, view = context.em, view_of(context, op.view)
    offset, inside = place_in(context, view, coords)
    array = context.local(1, op.result.type, op.result.name_hint)
    _guarded_load(context, view.tensor, offset, array, em.ix(0), 1, inside, op.fill.value.data)
    return em.load(array, 0)


def place_in(context: Context, view: View, coords: Sequence[SSAValue]) -> tuple[Ix, SSAValue | None]:
    """Offset and condition of the element at coordinates that are scalars."""
    *lead, row, column = (context.em.atom(context.em.emit(arith.IndexCastOp(c, index)).results[0]) for c in coords)
    return view.combine(view.lead(lead), view.row(row), view.column(column))


# Shared memory.


def shared_position(tile: Tile, row: Ix, column: Ix) -> Ix:
    """Element position of (row, column) in the tile's array."""
    size, swizzle = sizeof(tile.type.element_type), tile.type.swizzle.data
    plain = row * (tile.type.row_bytes // size) + column
    if swizzle:
        plain = plain ^ (plain // (128 // size) % (swizzle // 16) * (16 // size))
    return tile.base + plain


def shared_vector(tile: Tile, column: Ix, limit: int) -> int:
    """Elements that one access to the tile moves at columns `column` + multiples of `limit`."""
    size = sizeof(tile.type.element_type)
    numbers = [column.multiple, tile.type.row_bytes // size, tile.base.multiple, tile.offset // size]
    return widest(limit, size, 16, numbers)


def lower_load_shared(context: Context, op: LoadSharedOp) -> None:
    type_ = frag_type(op.result)
    array = context.new_array(type_, op.result.name_hint)
    read_tile(
        context,
        context.tiles[op.source],
        array,
        type_,
        context.ix(op.row),
        context.ix(op.column),
        op.transposed is not None,
    )
    context.arrays[op.result] = array


def read_tile(
    context: Context, tile: Tile, array: SSAValue, type_: FragType, row: Ix, column: Ix, transposed: bool = False
) -> None:
    """Read a fragment from (row, column) of a shared tile (of the tile's transpose); a rows fragment is one column of the tile."""
    if _fits_ldmatrix(tile, type_, row, column, transposed):
        _ldmatrix(context, tile, array, type_, row, column, transposed)
        return
    em, layout, shape = context.em, type_.layout, type_.tile
    if type_.is_rows:

        def one(n: Ix, register: Ix) -> None:
            i, _ = layout.index(shape, context.role.thread, register)
            position = shared_position(tile, row + i, column)
            em.emit(LdSharedOp(tile.array, em.value(position), array, em.value(n), 1))

        each_row(context, type_, one)
        return
    if transposed and tile.type.tile[1] == 1:
        _read_column(context, tile, array, type_, column)
        return
    width = 1 if transposed else shared_vector(tile, column, layout.contiguous(shape))
    with em.loop(type_.registers // width, "r") as r:
        i, j = layout.index(shape, context.role.thread, r * width)
        place = (column + j, row + i) if transposed else (row + i, column + j)
        position = shared_position(tile, *place)
        em.emit(LdSharedOp(tile.array, em.value(position), array, em.value(r * width), width))


def _read_column(context: Context, tile: Tile, array: SSAValue, type_: FragType, column: Ix) -> None:
    """Read each row of a fragment from a tile of one column, whose elements lie side by side."""
    em, size = context.em, sizeof(tile.type.element_type)
    layout, shape = type_.layout, type_.tile
    places = [column.multiple, tile.base.multiple, tile.offset // size]
    width = widest(layout.contiguous(shape), size, 16, places) if tile.type.row_bytes == size else 1
    with em.loop(type_.registers // width, "r") as r:
        _, j = layout.index(shape, context.role.thread, r * width)
        position = shared_position(tile, column + j, em.ix(0))
        em.emit(LdSharedOp(tile.array, em.value(position), array, em.value(r * width), width))


def _fits_ldmatrix(tile: Tile, type_: FragType, row: Ix, column: Ix, transposed: bool) -> bool:
    """Whether the fragment is made of 8x8 matrices whose 16-byte rows are aligned in the tile."""
    layout, _ = of_group(type_.layout, type_.tile)
    if type_.is_rows or not isinstance(layout, MmaA | MmaB | WgmmaA):
        return False
    bits = bitwidth(type_.element_type)
    if bits * type_.layout.contiguous(type_.tile) != 32 or (transposed and bits != 16):
        return False
    along = row if transposed else column
    chunk = 128 // bits
    return (
        all(n % chunk == 0 for n in (along.multiple, tile.type.row_bytes * 8 // bits, tile.base.multiple))
        and tile.offset % 16 == 0
    )


def _ldmatrix(
    context: Context, tile: Tile, array: SSAValue, type_: FragType, row: Ix, column: Ix, transposed: bool
) -> None:
    """
    Lane l gives the address of row l % 8 of matrix l / 8, which is what lane (l % 8) * 4 holds in 32-bit register l / 8 of the
    group; transposed matrices start where lane 0 starts and run along the stored rows.
    """
    em, layout, shape, thread = context.em, type_.layout, type_.tile, context.role.thread
    e = layout.contiguous(shape)
    words = type_.registers // e
    count = 4 if words % 4 == 0 else 2 if words % 2 == 0 else 1
    lane, warp = thread % 32, thread // 32 * 32
    matrix = lane // 8 % count * e
    with em.loop(words // count, "m") as m:
        register = m * (count * e)
        if transposed:
            i, j = layout.index(shape, warp, register + matrix)
            position = shared_position(tile, column + j + lane % 8, row + i)
        else:
            i, j = layout.index(shape, warp + lane % 8 * 4, register + matrix)
            position = shared_position(tile, row + i, column + j)
        em.emit(LdmatrixOp(tile.array, em.value(position), array, em.value(register), count, transposed=transposed))


def lower_store_shared(context: Context, op: StoreSharedOp) -> None:
    ranks = context.func.cluster.value.data if op.everywhere is not None else 0
    write_tile(
        context,
        context.tiles[op.target],
        context.array(op.value),
        frag_type(op.value),
        context.ix(op.row),
        context.ix(op.column),
        ranks,
    )


def write_tile(
    context: Context, tile: Tile, array: SSAValue, type_: FragType, row: Ix, column: Ix, ranks: int = 0
) -> None:
    """Write a fragment to (row, column) of a shared tile, or of those of `ranks` blocks. Of a rows fragment the thread with the row's first
    column writes, or to each block another one of the lanes that share the row, where these are enough."""
    em, layout, shape, thread = context.em, type_.layout, type_.tile, context.role.thread

    def store(register: Ix, position: Ix, count: int, predicate: SSAValue | None = None) -> None:
        at, to = em.value(register), em.value(position)
        if not ranks:
            em.emit(StSharedOp(array, at, tile.array, to, count, predicate))
            return
        with em.loop(ranks, "rank") as rank:
            em.emit(StClusterOp(array, at, tile.array, to, em.value(rank), count, predicate))

    if type_.is_rows:
        lanes = layout.tc.data if isinstance(layout, Blocked) else 1

        def one(n: Ix, register: Ix) -> None:
            i, j = layout.index(shape, thread, register)
            position = shared_position(tile, row + i, column)
            if 1 < ranks <= lanes:
                lane = thread % lanes
                to = em.value(position), em.value(lane)
                em.emit(StClusterOp(array, em.value(n), tile.array, *to, 1, em.below(lane, ranks)))
            else:
                store(n, position, 1, em.below(j, 1))

        each_row(context, type_, one)
        return
    width = shared_vector(tile, column, layout.contiguous(shape))
    with em.loop(type_.registers // width, "r") as r:
        i, j = layout.index(shape, thread, r * width)
        store(r * width, shared_position(tile, row + i, column + j), width)


def frag_type(value: SSAValue) -> FragType:
    """The fragment type of a value."""
    type_ = value.type
    assert isinstance(type_, FragType)
    return type_
