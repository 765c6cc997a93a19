"""What values a dim expression takes: compiled to a function, and bounded by intervals. The expressions themselves: `expr.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import gcd
from typing import Protocol, TypeAlias

Evaluator: TypeAlias = Callable[[Mapping[str, int]], int]


class Atom(Protocol):
    """The interface of `expr.Atom` that this file uses."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def args(self) -> Sequence[Expr]: ...


class Expr(Protocol):
    """The interface of `expr.Expr` that this file uses."""

    @property
    def terms(self) -> Sequence[tuple[Sequence[tuple[Atom, int]], int]]: ...
    def as_int(self) -> int | None: ...
    def as_symbol(self) -> str | None: ...


def compile_expr(expr: Expr) -> Evaluator:
    """A function from the values of the symbols to the value of the expression."""
    value = expr.as_int()
    if value is not None:
        return lambda env: value
    name = expr.as_symbol()
    if name is not None:
        return lambda env: env[name]
    terms = [(c, [_compile_atom(a) for a, p in m for _ in range(p)]) for m, c in expr.terms]
    if len(terms) == 1 and terms[0][0] == 1 and len(terms[0][1]) == 1:
        return terms[0][1][0]

    def evaluate(env: Mapping[str, int]) -> int:
        total = 0
        for coefficient, factors in terms:
            for factor in factors:
                coefficient *= factor(env)
            total += coefficient
        return total

    return evaluate


def _compile_atom(atom: Atom) -> Evaluator:
    if atom.kind == "symbol":
        name = atom.name
        return lambda env: env[name]
    args = [compile_expr(arg) for arg in atom.args]
    if atom.kind == "min":
        return lambda env: min(arg(env) for arg in args)
    if atom.kind == "max":
        return lambda env: max(arg(env) for arg in args)
    left, right = args
    if atom.kind == "floordiv":
        return lambda env: left(env) // right(env)
    return lambda env: left(env) % right(env)


def divisor_of(expr: Expr) -> int:
    """A number that divides an expression whatever its symbols are; 0 for zero."""
    return gcd(*(coefficient for _, coefficient in expr.terms))


def bounds_of(expr: Expr, ranges: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """An interval that holds every value of the expression. Raises KeyError naming a symbol that `ranges` lacks."""
    low = high = 0
    for monomial, coefficient in expr.terms:
        term = (coefficient, coefficient)
        for atom, power in monomial:
            interval = _atom_bounds(atom, ranges)
            for _ in range(power):
                term = _interval_product(term, interval)
        low, high = low + term[0], high + term[1]
    return low, high


def _interval_product(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def _atom_bounds(atom: Atom, ranges: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    if atom.kind == "symbol":
        if atom.name not in ranges:
            raise KeyError(atom.name)
        return ranges[atom.name][0], ranges[atom.name][-1]
    intervals = [bounds_of(arg, ranges) for arg in atom.args]
    if atom.kind in ("min", "max"):
        pick = min if atom.kind == "min" else max
        return pick(low for low, _ in intervals), pick(high for _, high in intervals)
    (low, high), (least, most) = intervals
    least, most = max(least, 1), max(most, 1)
    if atom.kind == "floordiv":
        corners = [x // y for x in (low, high) for y in (least, most)]
        return min(corners), max(corners)
    return (low, high) if low >= 0 and high < least else (0, most - 1)


_EACH_BY_ITSELF = 4
"""Symbols that `corners` takes to one end while all others are at the other end."""


def corners(ranges: Mapping[str, tuple[int, int, int]]) -> list[dict[str, int]]:
    """Points of the ranges to check: all symbols at min, at opt and at max, and the first few each at the opposite end of the others."""
    found = [{name: entries[pick] for name, entries in ranges.items()} for pick in range(3)]
    for name, (low, _, high) in list(ranges.items())[:_EACH_BY_ITSELF]:
        found += [{**found[0], name: high}, {**found[2], name: low}]
    return [corner for number, corner in enumerate(found) if corner not in found[:number]]
