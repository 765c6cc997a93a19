"""Symbolic integers for shapes, offsets and grids.

An `Expr` is immutable and canonical: an integer polynomial (sum of products, like terms collected, constants folded) over
*atoms*. An atom is a symbol (`N`) or one of `floordiv`, `mod`, `min`, `max` that could not be simplified away. Equal
expressions therefore usually compare equal:

    (H + 2 - 3) floordiv 2 + 1   ->  (H + 1) floordiv 2
    (2*S) floordiv 2             ->  S
    (B*S*384) floordiv 384       ->  B*S

`ceildiv` is written by means of `floordiv`. Divisors are assumed positive, as sizes are; a constant divisor <= 0 is an error.
A symbol may be called by any text; one that is not a plain ASCII name is written as a string: `"batch size" + 1`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

from .. import limits
from ..errors import UnsupportedOpError
from ..text import is_unicode, quoted
from .values import Evaluator, bounds_of, compile_expr

Monomial: TypeAlias = "tuple[tuple[Atom, int], ...]"
"""Atoms with their powers, sorted; the empty tuple is the constant term."""
Size: TypeAlias = "Expr | int"
"""What the operators accept."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DIVISIONS = ("floordiv", "ceildiv", "mod")
RESERVED = frozenset({*DIVISIONS, "min", "max"})


class Atom:
    """A factor that the polynomial cannot look into: a symbol, or a division, remainder, minimum or maximum."""

    __slots__ = ("_hash", "args", "count", "depth", "key", "kind", "name")

    def __init__(self, kind: str, args: tuple[Expr, ...], name: str = "") -> None:
        self.kind = kind
        self.args = args
        self.name = name
        """The name of a symbol, unquoted; "" for other kinds."""
        # Before any text is made: parts that expressions share are printed once for each use.
        factors = [factor for arg in args for monomial, _ in arg.terms for factor in monomial]
        self.depth = 1 + max((atom.depth for atom, _ in factors), default=-1)
        self.count = sum(atom.count * power for atom, power in factors) or 1
        if self.depth > limits.MAX_NESTING or self.count > limits.MAX_ATOMS:
            raise _too_large(
                f"nests {self.depth} divisions, minima and maxima around {self.count} symbols",
                f"{limits.MAX_NESTING} around {limits.MAX_ATOMS}",
            )
        if kind == "symbol":
            self.key = name if NAME.fullmatch(name) and name not in RESERVED else quoted(name)
        elif kind in ("min", "max"):
            self.key = f"{kind}({', '.join(map(str, args))})"
        else:
            self.key = f"{_parenthesised(args[0])} {kind} {_parenthesised(args[1])}"
        self._hash = hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.key == other.key

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Atom({self.key})"


class Expr:
    """A canonical symbolic integer. Build one with `symbol`, `const`, `parse_expr` and the operators `+ - * // %`."""

    __slots__ = ("_evaluator", "_hash", "_text", "_value", "terms")

    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        kept = [(m, c) for m, c in terms.items() if c]
        if len(kept) > limits.MAX_TERMS:
            raise _too_large(f"has {len(kept)} terms", f"{limits.MAX_TERMS}")
        self.terms = tuple(sorted(kept, key=_term_order) if len(kept) > 1 else kept)
        self._value = 0 if not kept else kept[0][1] if len(kept) == 1 and not kept[0][0] else None
        self._hash = hash(self.terms)
        self._text: str | None = None
        self._evaluator: Evaluator | None = None

    def __deepcopy__(self, memo: object) -> Expr:
        """Itself, as it cannot change."""
        return self

    # Structure.

    def as_int(self) -> int | None:
        """The value if the expression is a constant, else None."""
        return self._value

    def as_symbol(self) -> str | None:
        """The name if the expression is one bare symbol, else None."""
        match self.terms:
            case ((((atom, 1),), 1),) if atom.kind == "symbol":
                return atom.name
            case _:
                return None

    def symbols(self) -> frozenset[str]:
        """The names of all symbols in the expression."""
        found: set[str] = set()
        for atom in self._atoms():
            if atom.kind == "symbol":
                found.add(atom.name)
            for arg in atom.args:
                found |= arg.symbols()
        return frozenset(found)

    def _atoms(self) -> Iterable[Atom]:
        return (atom for monomial, _ in self.terms for atom, _ in monomial)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Expr):
            return self.terms == other.terms
        if isinstance(other, int):
            return self.as_int() == other
        return NotImplemented

    def __hash__(self) -> int:
        value = self.as_int()
        return self._hash if value is None else hash(value)

    # Arithmetic.

    def __add__(self, other: Size) -> Expr:
        other = _expr(other)
        if self._value is not None and other._value is not None:
            return const(self._value + other._value)
        terms = dict(self.terms)
        for monomial, coefficient in other.terms:
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return Expr(terms)

    __radd__ = __add__

    def __neg__(self) -> Expr:
        if self._value is not None:
            return const(-self._value)
        return Expr({m: -c for m, c in self.terms})

    def __sub__(self, other: Size) -> Expr:
        return self + -_expr(other)

    def __rsub__(self, other: Size) -> Expr:
        return _expr(other) + -self

    def __mul__(self, other: Size) -> Expr:
        other = _expr(other)
        if self._value is not None and other._value is not None:
            return const(self._value * other._value)
        terms: dict[Monomial, int] = {}
        if len(self.terms) * len(other.terms) > limits.MAX_TERMS**2 // 4:
            raise _too_large(f"multiplies {len(self.terms)} by {len(other.terms)} terms", f"{limits.MAX_TERMS} terms")
        for m1, c1 in self.terms:
            for m2, c2 in other.terms:
                product = _multiply(m1, m2)
                terms[product] = terms.get(product, 0) + c1 * c2
        if any(abs(coefficient) > limits.MAX_COEFFICIENT for coefficient in terms.values()):
            raise _too_large("has a factor that no 64-bit integer holds", "64 bits")
        return Expr(terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Expr:
        return _floordiv(self, _expr(other))

    def __rfloordiv__(self, other: Size) -> Expr:
        return _floordiv(_expr(other), self)

    def __mod__(self, other: Size) -> Expr:
        return _mod(self, _expr(other))

    def __rmod__(self, other: Size) -> Expr:
        return _mod(_expr(other), self)

    # Meaning.

    def evaluate(self, env: Mapping[str, int]) -> int:
        """The value for the given symbols. Raises KeyError naming a symbol that `env` lacks."""
        if self._evaluator is None:
            self._evaluator = compile_expr(self)
        return self._evaluator(env)

    def substitute(self, env: Mapping[str, Size]) -> Expr:
        """The expression with some symbols replaced."""
        total = const(0)
        for monomial, coefficient in self.terms:
            product = const(coefficient)
            for atom, power in monomial:
                factor = _substitute_atom(atom, env)
                for _ in range(power):
                    product = product * factor
            total = total + product
        return total

    def bounds(self, ranges: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
        """An interval that holds every value, for symbols within `ranges` (first and last entry of each tuple count).

        The interval is sound, not always tight: different occurrences of one symbol are taken as independent.
        """
        return bounds_of(self, ranges)

    # Text.

    def __str__(self) -> str:
        if self._text is None:
            self._text = _print(self)
        return self._text

    def __repr__(self) -> str:
        return f"Expr({self})"


@lru_cache(maxsize=1 << 14)
def const(value: int) -> Expr:
    """The constant expression `value`."""
    return Expr({(): int(value)})


def symbol(name: str) -> Expr:
    """The symbol `name`, any Unicode text that is not empty; ValueError otherwise. In an expression's text it is `str(symbol(name))`."""
    if not name or not is_unicode(name):
        raise ValueError(f"dim symbol: expected a name such as N, seq_len or 'batch size' in Unicode, got {name!r}")
    return Expr({((Atom("symbol", (), name), 1),): 1})


def _expr(value: Size) -> Expr:
    return value if isinstance(value, Expr) else const(operator.index(value))


def product(values: Iterable[Size]) -> Expr:
    """The product of the values; 1 for none."""
    total = const(1)
    for value in values:
        total = total * _expr(value)
    return total


def ceildiv(a: Size, b: Size) -> Expr:
    """`a / b` rounded up, for positive `b`."""
    return (_expr(a) + _expr(b) - 1) // b


def minimum(*values: Size) -> Expr:
    """The least of the values."""
    return _extremum("min", values)


def maximum(*values: Size) -> Expr:
    """The greatest of the values."""
    return _extremum("max", values)


# Canonical forms.


def _too_large(what: str, most: str) -> UnsupportedOpError:
    return UnsupportedOpError(
        f"a dim expression {what}; expected at most {most}. Give the dims fixed sizes in the profile, or compute less on shapes"
    )


def _term_order(term: tuple[Monomial, int]) -> tuple[bool, int, tuple[tuple[str, int], ...]]:
    """Symbols first, the constant last, so that `H + 1` prints as it is written."""
    monomial = term[0]
    return (not monomial, -sum(p for _, p in monomial), tuple((a.key, -p) for a, p in monomial))


def _multiply(m1: Monomial, m2: Monomial) -> Monomial:
    if not m1 or not m2:
        return m1 or m2
    powers = dict(m1)
    for atom, power in m2:
        powers[atom] = powers.get(atom, 0) + power
    if (degree := sum(powers.values())) > limits.MAX_DEGREE:
        raise _too_large(f"multiplies {degree} dims", f"{limits.MAX_DEGREE}")
    return tuple(sorted(powers.items(), key=lambda item: item[0].key))


def _divide(m1: Monomial, m2: Monomial) -> Monomial | None:
    powers = dict(m1)
    for atom, power in m2:
        left = powers.get(atom, 0) - power
        if left < 0:
            return None
        powers[atom] = left
    return tuple(item for item in powers.items() if item[1])


def _lead(expr: Expr) -> tuple[Monomial, int]:
    """The leading term in graded lexicographic order, the monomial order of the division below."""
    names = sorted({a.key for m, _ in expr.terms for a, _ in m})

    def order(term: tuple[Monomial, int]) -> tuple[int, tuple[int, ...]]:
        powers = {a.key: p for a, p in term[0]}
        return sum(powers.values()), tuple(powers.get(n, 0) for n in names)

    return max(expr.terms, key=order)


def _exact_quotient(a: Expr, b: Expr) -> Expr | None:
    """The polynomial q with `a == q * b`, if there is one."""
    lead, coefficient = _lead(b)
    quotient, rest = const(0), a
    for _ in range(64):
        if not rest.terms:
            return quotient
        rest_lead, rest_coefficient = _lead(rest)
        monomial = _divide(rest_lead, lead)
        if monomial is None or rest_coefficient % coefficient:
            return None
        term = Expr({monomial: rest_coefficient // coefficient})
        quotient, rest = quotient + term, rest - term * b
    return None


def _split(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """`(q, r)` with `a == q * b + r`, where `b` divides every term of `q * b` and as few terms as possible are left in r."""
    if len(b.terms) == 1:
        monomial, coefficient = b.terms[0]
        quotient: dict[Monomial, int] = {}
        rest: dict[Monomial, int] = {}
        for m, c in a.terms:
            divided = _divide(m, monomial)
            if divided is not None and c % coefficient == 0:
                quotient[divided] = c // coefficient
            elif not m and not monomial:
                quotient[m], rest[m] = divmod(c, coefficient)
            else:
                rest[m] = c
        return Expr(quotient), Expr(rest)
    exact = _exact_quotient(a, b)
    return (exact, const(0)) if exact is not None else (const(0), a)


def _check_divisor(b: Expr) -> int | None:
    value = b.as_int()
    if value is not None and value <= 0:
        raise ValueError(f"dim expression: expected a positive divisor, got {value}")
    return value


def _floordiv(a: Expr, b: Expr) -> Expr:
    divisor = _check_divisor(b)
    if divisor == 1 or not a.terms:
        return a
    value = a.as_int()
    if value is not None and divisor is not None:
        return const(value // divisor)
    quotient, rest = _split(a, b)
    if not rest.terms:
        return quotient
    if divisor is None:
        rest, b = _reduced(rest, b)
        return quotient + (_floordiv(rest, b) if b.as_int() is not None else _atom("floordiv", rest, b))
    value = rest.as_int()
    if value is not None:
        return quotient + value // divisor
    common = _common_factor(rest, divisor)
    if common > 1:
        # floor((g*x + k) / (g*d)) == floor((x + floor(k / g)) / d)
        rest, divisor = Expr({m: c // common for m, c in rest.terms}), divisor // common
        return quotient + _floordiv(rest, const(divisor))
    nested = _nested_division(rest)
    if nested is not None:
        # ((x floordiv d) + k) floordiv b == (x + k*d) floordiv (d*b)
        inner, inner_divisor, offset = nested
        return quotient + _floordiv(inner + offset * inner_divisor, const(inner_divisor * divisor))
    return quotient + _atom("floordiv", rest, const(divisor))


def _reduced(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Both without the numbers and dims that divide every term: floor((g*x) / (g*y)) == floor(x / y)."""
    from math import gcd

    terms = (*a.terms, *b.terms)
    number = gcd(*(c for _, c in terms))
    powers = [dict(m) for m, _ in terms]
    shared = {atom: min(each.get(atom, 0) for each in powers) for atom in powers[0]}
    monomial = tuple(sorted(((atom, p) for atom, p in shared.items() if p), key=lambda item: item[0].key))
    if number == 1 and not monomial:
        return a, b
    factor = Expr({monomial: number})
    return _split(a, factor)[0], _split(b, factor)[0]


def _common_factor(rest: Expr, divisor: int) -> int:
    from math import gcd

    return gcd(divisor, *(c for m, c in rest.terms if m))


def _nested_division(rest: Expr) -> tuple[Expr, int, int] | None:
    """`(x, d, k)` if `rest` is `(x floordiv d) + k` with constants d and k."""
    symbolic = [(m, c) for m, c in rest.terms if m]
    if len(symbolic) != 1 or symbolic[0][1] != 1 or len(symbolic[0][0]) != 1:
        return None
    (atom, power) = symbolic[0][0][0]
    if atom.kind != "floordiv" or power != 1:
        return None
    divisor = atom.args[1].as_int()
    return None if divisor is None else (atom.args[0], divisor, dict(rest.terms).get((), 0))


def _mod(a: Expr, b: Expr) -> Expr:
    divisor = _check_divisor(b)
    if divisor == 1 or not a.terms:
        return const(0)
    _, rest = _split(a, b)
    if divisor is not None:
        rest = Expr({m: c % divisor for m, c in rest.terms})
        value = rest.as_int()
        if value is not None:
            return const(value % divisor)
    return _atom("mod", rest, b) if rest.terms else rest


def _extremum(kind: str, values: Iterable[Size]) -> Expr:
    flat: list[Expr] = []
    for value in map(_expr, values):
        match value.terms:
            case ((((atom, 1),), 1),) if atom.kind == kind:
                flat += atom.args
            case _:
                flat.append(value)
    if len(flat) > limits.MAX_OPERANDS:
        raise _too_large(f"takes the {kind} of {len(flat)} values", f"{limits.MAX_OPERANDS}")
    kept: list[Expr] = []
    for value in flat:
        for index, other in enumerate(kept):
            difference = (value - other).as_int()
            if difference is not None:
                if (difference < 0) == (kind == "min"):
                    kept[index] = value
                break
        else:
            kept.append(value)
    if not kept:
        raise ValueError(f"dim expression: {kind} needs at least one value")
    if len(kept) == 1:
        return kept[0]
    return _atom(kind, *sorted(kept, key=str))


def _atom(kind: str, *args: Expr) -> Expr:
    return Expr({((Atom(kind, args), 1),): 1})


# Substitution.


def _substitute_atom(atom: Atom, env: Mapping[str, Size]) -> Expr:
    if atom.kind == "symbol":
        return _expr(env[atom.name]) if atom.name in env else symbol(atom.name)
    args = [arg.substitute(env) for arg in atom.args]
    if atom.kind in ("min", "max"):
        return _extremum(atom.kind, args)
    return args[0] // args[1] if atom.kind == "floordiv" else args[0] % args[1]


# Text.


def _parenthesised(expr: Expr) -> str:
    text = str(expr)
    simple = expr.as_symbol() is not None or (expr.as_int() or -1) >= 0 or text == "0"
    return text if simple else f"({text})"


def _print(expr: Expr) -> str:
    parts: list[str] = []
    for monomial, coefficient in expr.terms:
        alone = len(monomial) == 1 and monomial[0][1] == 1 and abs(coefficient) == 1 and len(expr.terms) == 1
        factors = [_print_factor(atom, alone and coefficient == 1) for atom, power in monomial for _ in range(power)]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        sign = " - " if coefficient < 0 else " + "
        parts += [sign if parts else sign.strip().replace("+", ""), "*".join(factors)]
    return "".join(parts) or "0"


def _print_factor(atom: Atom, alone: bool) -> str:
    return f"({atom.key})" if atom.kind in DIVISIONS and not alone else atom.key
