"""From the extents of tensors to the values of their dim symbols: `16*H` of 48 is H = 3, `past + 1` of 5 is past = 4.

A symbol is read from a dim that is the symbol itself, or else from one that is linear in it once all others are known. What no
dim determines is left to the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .expr import Expr


def is_linear(expr: Expr, name: str) -> bool:
    """Whether an expression is `a * name + b` with `a` and `b` free of that symbol."""
    found = False
    for monomial, _ in expr.terms:
        for atom, power in monomial:
            if any(name in arg.symbols() for arg in atom.args) or (atom.name == name and power > 1):
                return False
            found = found or (atom.kind == "symbol" and atom.name == name)
    return found


def sources(dims: Sequence[Expr]) -> dict[str, int]:
    """For each symbol that the dims determine, the position of the dim to read it from, in an order in which each can be solved."""
    found: dict[str, int] = {}
    for position, extent in enumerate(dims):
        name = extent.as_symbol()
        if name is not None:
            found.setdefault(name, position)
    open_ = [position for position, extent in enumerate(dims) if not extent.symbols() <= found.keys()]
    progress = True
    while progress:
        progress = False
        for position in open_:
            unknown = dims[position].symbols() - found.keys()
            if len(unknown) == 1 and is_linear(dims[position], name := next(iter(unknown))):
                found[name] = position
                progress = True
    return found


def solved(expr: Expr, name: str, size: int, known: Mapping[str, int]) -> int | None:
    """The value of `name` for which an expression linear in it has the value `size`; None where no integer gives it."""
    if expr.as_symbol() is not None:
        return size
    rest = expr.evaluate({**known, name: 0})
    slope = expr.evaluate({**known, name: 1}) - rest
    if slope == 0 or (size - rest) % slope:
        return None
    return (size - rest) // slope
