"""Lowers asynchronous copies: load_async (cp.async), load_tma, store_tma."""

from __future__ import annotations

from xdsl.dialects import arith
from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type
from xdsl.ir import Attribute, SSAValue

from ....dialects.kernel import (
    BulkCommitOp,
    CpAsyncOp,
    Im2colOp,
    LdGlobalOp,
    LoadAsyncOp,
    LoadTmaOp,
    StoreTmaOp,
    StSharedOp,
    TensorMapOp,
    TensorMapType,
    TmaLoadOp,
    TmaStoreOp,
    ViewOp,
    ViewType,
)
from ....dialects.kernel.views import tensor_map_groups
from .context import Context, Tile
from .emitter import Ix
from .memory import shared_position, shared_vector
from .rows import RowOf, Spread, row_parts
from .sync import full_barrier
from .views import Im2col, View, view_of

CP_ASYNC_BYTES = 4
"""The least that cp.async moves."""


def lower_load_async(context: Context, op: LoadAsyncOp) -> None:
    """
    The tile's chunks of up to 16 bytes, in rows, are dealt out to the threads: chunk number turn * threads + thread. A chunk that
    cp.async cannot move, as it is too small or changes its element type, goes through registers, all loads first.
    """
    em, tile = context.em, context.tiles[op.target]
    view = view_of(context, op.view)
    *lead, row, column = (context.ix(c) for c in op.coords)
    columns = tile.type.tile[1]
    limit = columns & -columns
    width = min(view.vector(column, limit), shared_vector(tile, em.ix(0), limit))
    copy = _Copy(context, tile, view, lead, row, column, width)
    assert isinstance(op.view.type, ViewType)
    source, element = op.view.type.element_type, tile.type.element_type
    if source == element and width * view.size >= CP_ASYNC_BYTES:
        with em.loop(copy.turns, "c") as c, em.when(copy.participates(c)):
            offset, inside, position = copy.chunk(c)
            em.emit(CpAsyncOp(view.tensor, em.value(offset), tile.array, em.value(position), width, inside))
        return
    held = context.local(copy.turns * width, source, "held")
    zero = em.scalar(0, source)
    with em.loop(copy.turns * width, "e") as e:
        em.store(zero, held, e)
    with em.loop(copy.turns, "c") as c, em.when(copy.participates(c)):
        offset, inside, _ = copy.chunk(c)
        em.emit(LdGlobalOp(view.tensor, em.value(offset), held, em.value(c * width), width, inside))
    if source != element:
        held = _narrowed(context, held, copy.turns * width, element)
    with em.loop(copy.turns, "c") as c, em.when(copy.participates(c)):
        i, j = copy.place(c)
        em.emit(StSharedOp(held, em.value(c * width), tile.array, em.value(shared_position(tile, i, j)), width))


def _narrowed(context: Context, held: SSAValue, count: int, element: Attribute) -> SSAValue:
    """An array of the same numbers, rounded to a narrower float type."""
    assert isinstance(element, Float16Type | BFloat16Type | Float32Type)
    result = context.local(count, element, "narrowed")
    with context.em.loop(count, "e") as e:
        value = context.em.emit(arith.TruncFOp(context.em.load(held, e), element)).results[0]
        context.em.store(value, result, e)
    return result


class _Copy:
    """How the threads share a tile's chunks."""

    def __init__(self, context: Context, tile: Tile, view: View, lead: list[Ix], row: Ix, column: Ix, width: int):
        self.context, self.tile, self.view, self.width, self.column = context, tile, view, width, column
        rows, columns = tile.type.tile
        self.per_row = columns // width
        self.chunks = rows * self.per_row
        self.turns = -(-self.chunks // context.role.threads)
        self.first = view.lead(lead)
        key = ("async", self.per_row, self.turns, context.role.threads)
        self.row_of: RowOf = row_parts(context, view, row, Spread(key, self.turns, lambda n: self.place(n)[0]))

    def number(self, turn: Ix) -> Ix:
        return turn * self.context.role.threads + self.context.role.thread

    def place(self, turn: Ix) -> tuple[Ix, Ix]:
        """(row, column) in the tile of the thread's chunk."""
        number = self.number(turn)
        return number // self.per_row, number % self.per_row * self.width

    def participates(self, turn: Ix) -> SSAValue | None:
        """Whether there is such a chunk; None where there always is."""
        return self.context.em.below(self.number(turn), self.chunks)

    def chunk(self, turn: Ix) -> tuple[Ix, SSAValue | None, Ix]:
        """Element offset in global memory, whether it is inside, element position in the tile."""
        i, j = self.place(turn)
        offset, inside = self.view.combine(self.first, self.row_of(turn, i), self.view.column(self.column + j))
        return offset, inside, shared_position(self.tile, i, j)


# TMA.


def lower_load_tma(context: Context, op: LoadTmaOp) -> None:
    """One thread; the bytes count on the slot's full barrier."""
    em, tile = context.em, context.tiles[op.target]
    box = op.map.type
    assert isinstance(box, TensorMapType)
    _check_box(context, box, tile)
    coords, window = tma_coords(context, op.map, [context.ix(c) for c in op.coords])
    target = tile.byte
    if op.row is not None:
        target = target + context.ix(op.row) * tile.type.row_bytes
    multicast = None if op.multicast is None else op.multicast.value.data
    with context.elect():
        barrier = full_barrier(context, op.ring, context.ix(op.position))
        em.emit(
            TmaLoadOp(
                context.operand(op.map), [em.value(c) for c in coords], em.value(target), em.value(barrier),
                window=[em.value(w) for w in window], multicast=multicast,
            )
        )  # fmt: skip


def lower_store_tma(context: Context, op: StoreTmaOp) -> None:
    """Stores that follow one another are one bulk group."""
    em, tile = context.em, context.tiles[op.source]
    box = op.map.type
    assert isinstance(box, TensorMapType)
    _check_box(context, box, tile)
    coords, _ = tma_coords(context, op.map, [context.ix(c) for c in op.coords])
    with context.elect():
        em.emit(TmaStoreOp(em.value(tile.byte), context.operand(op.map), [em.value(c) for c in coords]))
        if not isinstance(op.next_op, StoreTmaOp):
            em.emit(BulkCommitOp())


def _check_box(context: Context, box: TensorMapType, tile: Tile) -> None:
    rows, columns = tile.type.tile
    fits = box.extents[-1] == columns and box.extents[-2] <= rows and box.element_type == tile.type.element_type
    if not fits or box.swizzle != tile.type.swizzle or tile.type.pad.data:
        raise context.em.error(f"expected a box of the tile's rows, element type and swizzle, {tile.type}, got {box}")
    if tile.type.swizzle.data and tile.type.row_bytes != tile.type.swizzle.data:
        raise context.em.error(
            f"expected rows of {tile.type.swizzle.data} bytes, the swizzle, got {tile.type}; use several boxes"
        )


def tma_coords(context: Context, map_: SSAValue, coords: list[Ix]) -> tuple[list[Ix], list[Ix]]:
    """(coordinates, window offsets), innermost first: a strided view has one coordinate per merged dim, im2col C, W, H, N."""
    em = context.em
    assert isinstance(map_.owner, TensorMapOp)
    op = map_.owner.view.owner
    if isinstance(op, Im2colOp):
        view = view_of(context, map_.owner.view)
        group, row, column = coords
        assert isinstance(view, Im2col)
        n, window = view.split_row(row)
        taps, c = view.split_column(column)
        return [group * context.expr(view.channels) + c, *reversed(window), n], list(reversed(taps))
    assert isinstance(op, ViewOp)
    groups = tensor_map_groups(op)
    for name, group in (("row", groups[-2]), ("column", groups[-1])):
        if len(group) > 1:
            raise em.error(f"expected a {name} coordinate over one stretch of memory for TMA, got {len(group)} dims")
    found: list[Ix] = []
    for group, rest in zip(groups, coords, strict=True):
        parts: list[Ix] = []
        for d, (extent, _) in reversed(list(enumerate(group))):
            parts.insert(0, rest % context.expr(extent) if d else rest)
            if d:
                rest = rest // context.expr(extent)
        found += parts
    return found[::-1], []
