"""What schedules share when they cut an iteration space into tiles: vector widths, thread grids, powers of two."""

from __future__ import annotations

from collections.abc import Iterable

from ....dialects import nn
from ....dialects.dims import Expr, const
from ....dialects.kernel.types import bitwidth
from ....dialects.strided import collapse
from .builder import Groups
from .group import Access, GroupView

VECTOR_BYTES = 16
"""The widest access of one thread."""
WIDEST = 8
"""Neighbouring elements of one thread, at most."""


def divides(factor: int, expr: Expr) -> bool:
    """Whether `factor` divides the expression for all values of its symbols."""
    return factor == 1 or (expr % factor).as_int() == 0


def power_of_two_at_least(value: int) -> int:
    return 1 << max(0, value - 1).bit_length()


def largest_divisor(expr: Expr, limit: int) -> int:
    """The largest power of two up to `limit` that divides the expression."""
    width = limit
    while width > 1 and not divides(width, expr):
        width //= 2
    return width


def item_bytes(group: GroupView, tensor: int) -> int:
    return bitwidth(nn.element_of(group.tensors[tensor])) // 8


def vector_width(group: GroupView, accesses: Iterable[Access], groups: Groups, limit: int = WIDEST) -> int:
    """
    Neighbouring columns that one thread should hold so that contiguous tensors move in 16-byte pieces: the largest power of two up to
    `limit` for which every access that runs along its columns stays aligned. Broadcast and strided ones do not count.
    """
    width = 0
    for access in accesses:
        dims, strides, parts = collapse(access.dims, access.strides, groups)
        columns = parts[-1]
        if not columns or strides[columns[-1]] != const(1):
            continue
        size = item_bytes(group, access.owner)
        widest = max(1, min(limit, VECTOR_BYTES // size, group.align(access.owner) // size))
        others = [s for i, s in enumerate(strides) if i != columns[-1]]
        for expr in (dims[columns[-1]], access.offset, *others):
            widest = largest_divisor(expr, widest)
        if widest == 1:
            return 1
        width = max(width, widest)
    return max(1, width)


def column_threads(columns: int, vector: int, threads: int) -> int:
    """Threads along the columns of a tile, a power of two: enough for all columns, at most `threads`."""
    return min(threads, power_of_two_at_least(-(-columns // vector)))
