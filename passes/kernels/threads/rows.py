"""
Row addresses that take divisions (im2col's n, p, q; groups of dims that are not contiguous) are computed once, in the outermost loop
that knows the row coordinate, and kept in small register arrays: a convolution's k loop then adds only the window's offset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from ....dialects.dims import product
from .context import Context
from .emitter import Ix, index
from .views import Im2col, Part, View

OUTSIDE = -(1 << 29)
"""A place in the first spatial dim that no window offset brings back into the tensor."""


@dataclass(frozen=True)
class Spread:
    """How a tile's rows are spread over a thread: `count` rows, number n being row `row(n)` of the tile. `key` tells spreads apart."""

    key: object
    count: int
    row: Callable[[Ix], Ix]


RowOf: TypeAlias = Callable[[Ix, Ix], Part]
"""From (number of the row in the spread, row in the tile) to its address part."""


def row_parts(context: Context, view: View, base: Ix, spread: Spread) -> RowOf:
    """The address parts of the rows `base` + ..., precomputed where they are costly."""
    if not view.costly_rows:
        return lambda n, row: view.row(base + row)
    em = context.em
    depth = max(base.depth, context.role.thread.depth)
    key = ("rows", view, em.scopes[depth], frozenset(base.terms.items()), base.const, spread.key)
    if key not in context.cache:
        with em.at_depth(depth):
            context.cache[key] = _precompute(context, view, base, spread)
    arrays = context.cache[key]
    assert isinstance(arrays, list)
    if isinstance(view, Im2col):
        return lambda n, row: _kept_window(context, arrays, n)  # pyright: ignore[reportUnknownArgumentType]

    def kept(n: Ix, row: Ix) -> Part:
        total = context.expr(view.extents[-2])
        return Part(em.atom(em.load(arrays[0], n)), [em.below(base + row, total)])

    return kept


def _precompute(context: Context, view: View, base: Ix, spread: Spread) -> list[SSAValue]:
    em = context.em
    names = ("row_offset", *_window_names(view)) if isinstance(view, Im2col) else ("row_offset",)
    arrays = [context.local(spread.count, index, name) for name in names]
    with em.loop(spread.count, "n") as n:
        coord = base + spread.row(n)
        part = view.row(coord)
        em.store(em.value(part.offset), arrays[0], n)
        if isinstance(view, Im2col):
            assert part.window is not None
            first, *others = (em.value(x) for x in part.window)
            rows = context.expr(product([view.dims[0], *view.op.out.exprs]))
            inside = em.below(coord, rows)
            if inside is not None:
                first = em.emit(arith.SelectOp(inside, first, em.constant(OUTSIDE))).results[0]
            for place, array in zip((first, *others), arrays[1:], strict=True):
                em.store(place, array, n)
    return arrays


def _window_names(view: Im2col) -> list[str]:
    count = len(view.kernel)
    return [f"row_{name}" for name in "dhw"[-count:]] if count <= 3 else [f"row_{i}" for i in range(count)]


def _kept_window(context: Context, arrays: list[SSAValue], n: Ix) -> Part:
    offset, *window = (context.em.atom(context.em.load(array, n)) for array in arrays)
    return Part(offset, [], tuple(window))
