"""What is true of dim expressions for every size that the ranges of their symbols allow, by trying them where they are few.

Intervals (`Expr.bounds`) take each occurrence of a symbol on its own: of `max(0, (H + 1) floordiv 2 - H floordiv 4)` they do not know that
the second value is never negative. The terms of a sum are tried together where they share symbols, else apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from math import prod

from ..limits import MAX_POINTS
from .expr import Expr

Ranges = Mapping[str, tuple[int, ...]]


def exact_bounds(expr: Expr, ranges: Ranges) -> tuple[int, int]:
    """The least and the greatest value, for symbols within `ranges`; an interval around them where there are too many sizes to try."""
    low, high = expr.bounds(ranges)
    if low == high or expr.as_symbol() is not None:
        return low, high
    known = tuple((name, ranges[name][0], ranges[name][-1]) for name in sorted(expr.symbols()))
    return _exact(expr, known)


def always_equal(a: Expr, b: Expr, ranges: Ranges) -> bool:
    """Whether two expressions have one value for every size. False where that is not known."""
    if a == b:
        return True
    if not a.symbols() | b.symbols() <= ranges.keys():
        return False
    return exact_bounds(a - b, ranges) == (0, 0)


@lru_cache(maxsize=4096)
def _exact(expr: Expr, known: tuple[tuple[str, int, int], ...]) -> tuple[int, int]:
    ranges = {name: (low, high) for name, low, high in known}
    low = high = 0
    for part in _parts(expr):
        least, greatest = _tried(part, ranges)
        low, high = low + least, high + greatest
    return low, high


def _parts(expr: Expr) -> Iterator[Expr]:
    """Sums of terms that share symbols."""
    groups: list[tuple[set[str], Expr]] = []
    for monomial, coefficient in expr.terms:
        term = Expr({monomial: coefficient})
        names = set(term.symbols())
        apart = [group for group in groups if not group[0] & names]
        for group in groups:
            if group[0] & names:
                names |= group[0]
                term = term + group[1]
        groups = [*apart, (names, term)]
    return (term for _, term in groups)


def _tried(expr: Expr, ranges: Ranges) -> tuple[int, int]:
    names = sorted(expr.symbols())
    spans = [range(ranges[name][0], ranges[name][-1] + 1) for name in names]
    if prod(map(len, spans)) > MAX_POINTS:
        return expr.bounds(ranges)
    try:
        values = [expr.evaluate(dict(zip(names, sizes, strict=True))) for sizes in product(*spans)]
    except ZeroDivisionError:
        return expr.bounds(ranges)
    return min(values), max(values)
