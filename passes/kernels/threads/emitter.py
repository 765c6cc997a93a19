"""
Builds thread code: index arithmetic as lazy affine sums, each op at the outermost loop where its operands are known.

An `Ix` is a sum of SSA values (`Atom`: with known range and known divisor) times constants, plus a constant. `+ - * // % ^` on it fold
and simplify (`(8*a + b) // 8 == a` for b in 0..7), so that `Layout.index` and address formulas can be evaluated on IR values; ops are
made only when a sum is used (`Emitter.value`), its loop-invariant part first. Equal ops in a scope are made once.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import gcd
from typing import TypeAlias

import ml_dtypes
from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    LocationAttr,
    MemRefType,
    UnitAttr,
    f32,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from ....dialects.dtypes import NARROW_FLOATS, is_unsigned, numpy_dtype
from ....dialects.errors import PassError
from ....dialects.provenance import describe

index = IndexType()
Bound: TypeAlias = "int | None"
Like: TypeAlias = "Ix | int"


@dataclass(eq=False)
class Atom:
    """A value that sums are made of: its scope, least and greatest value (None: unknown) and a known divisor."""

    value: SSAValue
    depth: int
    lo: Bound = None
    hi: Bound = None
    multiple: int = 1


@dataclass(eq=False)
class Scope:
    """A block under construction. New ops go to its end, or before `before`; `holder` is the op that encloses the block."""

    block: Block
    holder: Operation | None = None
    before: Operation | None = None
    cache: dict[tuple[object, ...], SSAValue] = field(default_factory=dict[tuple[object, ...], SSAValue])


class Ix:
    """A lazy integer: sum of coefficient * atom, plus a constant."""

    __slots__ = ("const", "em", "terms")

    def __init__(self, em: Emitter, terms: dict[Atom, int], const: int = 0):
        self.em = em
        self.terms = {atom: c for atom, c in terms.items() if c}
        self.const = const

    @property
    def lo(self) -> Bound:
        """The least value it can have."""
        total = self.const
        for atom, c in self.terms.items():
            bound = atom.lo if c > 0 else atom.hi
            if bound is None:
                return None
            total += c * bound
        return total

    @property
    def hi(self) -> Bound:
        """The greatest value it can have."""
        low = (-self).lo
        return None if low is None else -low

    @property
    def multiple(self) -> int:
        """A number that divides it; 0 for the constant zero."""
        return gcd(self.const, *(c * a.multiple for a, c in self.terms.items()))

    @property
    def depth(self) -> int:
        """The innermost scope that it depends on."""
        return max((a.depth for a in self.terms), default=0)

    def within(self, lo: int, end: int) -> bool:
        """Whether it is known to lie in lo .. end - 1."""
        low, high = self.lo, self.hi
        return low is not None and high is not None and lo <= low and high < end

    def __add__(self, other: Like) -> Ix:
        if isinstance(other, int):
            return Ix(self.em, self.terms, self.const + other)
        terms = dict(self.terms)
        for atom, c in other.terms.items():
            terms[atom] = terms.get(atom, 0) + c
        return Ix(self.em, terms, self.const + other.const)

    __radd__ = __add__

    def __neg__(self) -> Ix:
        return Ix(self.em, {a: -c for a, c in self.terms.items()}, -self.const)

    def __sub__(self, other: Like) -> Ix:
        return self + -other

    def __rsub__(self, other: Like) -> Ix:
        return -self + other

    def __mul__(self, other: Like) -> Ix:
        if isinstance(other, int):
            return Ix(self.em, {a: c * other for a, c in self.terms.items()}, self.const * other)
        if not other.terms:
            return self * other.const
        if not self.terms:
            return other * self.const
        return self.em.product(self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Like) -> Ix:
        return self.em.divide(self, other)[0]

    def __mod__(self, other: Like) -> Ix:
        return self.em.divide(self, other, remainder=True)[1]

    def __xor__(self, other: Like) -> Ix:
        return self.em.xor(self, other if isinstance(other, Ix) else self.em.ix(other))

    def by_depth(self) -> list[Ix]:
        """The parts of the sum that belong to each scope, outermost first; the constant goes with the first."""
        parts: dict[int, dict[Atom, int]] = {}
        for atom, c in self.terms.items():
            parts.setdefault(atom.depth, {})[atom] = c
        sums = [Ix(self.em, parts[d]) for d in sorted(parts)]
        if self.const:
            sums[:1] = [sums[0] + self.const] if sums else [self.em.ix(self.const)]
        return sums


class Emitter:
    """Inserts ops; keeps track of scopes and of the known ranges and divisors of index values."""

    def __init__(self, block: Block):
        self.scopes = [Scope(block)]
        self.location: LocationAttr = UNKNOWN_LOC
        self.op: Operation | None = None
        self.atoms: dict[SSAValue, Atom] = {}
        self.depths: dict[SSAValue, int] = {}

    # Ops and scopes.

    @property
    def depth(self) -> int:
        return len(self.scopes) - 1

    def error(self, message: str) -> PassError:
        """An error that names the tile op being lowered."""
        where = describe(self.op) if self.op is not None else "kernel.func"
        return PassError(f"lower-fragments: {where}: {message}")

    def emit(self, op: Operation, depth: int | None = None) -> Operation:
        """Insert an op in the current scope, or in the outer scope `depth` before the op that leads here."""
        depth = self.depth if depth is None else depth
        scope = self.scopes[depth]
        before = scope.before if depth == self.depth else self.scopes[depth + 1].holder
        if before is None:
            scope.block.add_op(op)
        else:
            scope.block.insert_op_before(op, before)
        if op.location == UNKNOWN_LOC:
            op.location = self.location
        for result in op.results:
            self.depths[result] = depth
        return op

    def pure(
        self, key: tuple[object, ...], operands: Sequence[SSAValue], make: type[Operation], *extra: object
    ) -> SSAValue:
        """The result of a pure op, made once per scope, in the outermost scope that its operands allow."""
        depth = max((self.depth_of(o) for o in operands), default=0)
        key = (*key, *operands)
        cache = self.scopes[depth].cache
        if key not in cache:
            cache[key] = self.emit(make(*operands, *extra), depth).results[0]
        return cache[key]

    def depth_of(self, value: SSAValue) -> int:
        return self.depths.get(value, 0)

    @contextmanager
    def block(self, block: Block, holder: Operation) -> Generator[None]:
        """Build inside a block of `holder`, which has been inserted."""
        self.scopes.append(Scope(block, holder))
        for argument in block.args:
            self.depths[argument] = self.depth
        try:
            yield
        finally:
            self.scopes.pop()

    @contextmanager
    def at_depth(self, depth: int) -> Generator[None]:
        """Build in an outer scope, before the op that leads to the current one."""
        if depth >= self.depth:
            yield
            return
        inner, scope = self.scopes, self.scopes[depth]
        previous, scope.before = scope.before, inner[depth + 1].holder
        self.scopes = inner[: depth + 1]
        try:
            yield
        finally:
            self.scopes, scope.before = inner, previous

    @contextmanager
    def loop(self, count: int, hint: str = "i", *, unroll: bool = True) -> Generator[Ix]:
        """A loop of `count` turns over registers or copies; none where count is 1."""
        if count == 1:
            yield self.ix(0)
            return
        body = Block(arg_types=[index])
        body.args[0].name_hint = hint
        op = scf.ForOp(self.constant(0), self.constant(count), self.constant(1), [], Region(body))
        if unroll:
            op.attributes["unroll"] = UnitAttr()
        self.emit(op)
        with self.block(body, op):
            yield self.atom(body.args[0], 0, count - 1)
            self.emit(scf.YieldOp())

    @contextmanager
    def when(self, condition: SSAValue | None) -> Generator[None]:
        """Run only where the condition holds (None: always)."""
        if condition is None:
            yield
            return
        body = Block()
        op = scf.IfOp(condition, [], Region(body))
        self.emit(op)
        with self.block(body, op):
            yield
            self.emit(scf.YieldOp())

    # Scalars.

    def constant(self, value: int) -> SSAValue:
        return self.pure((arith.ConstantOp, value), (), arith.ConstantOp, IntegerAttr(value, index))

    def scalar(self, value: float, type_: Attribute) -> SSAValue:
        """A constant of an element type; narrow floats come from f32, as scalars exist only there, and unsigned integers (clamped to their
        range) from signed ones, as constants have no sign."""
        if type_ in NARROW_FLOATS:
            return self.pure((arith.TruncFOp, type_), (self.scalar(value, f32),), arith.TruncFOp, type_)
        if is_unsigned(type_):
            greatest = int(ml_dtypes.iinfo(numpy_dtype(type_)).max)
            number = min(max(int(value), 0), greatest)
            wide = i32 if greatest < 1 << 31 else i64
            narrow = arith.BitcastOp if greatest >= 1 << 63 else arith.TruncIOp
            signed = self.scalar(number - (1 << 64) if number >= 1 << 63 else number, wide)
            return self.pure((narrow, type_), (signed,), narrow, type_)
        if isinstance(type_, IntegerType | IndexType):
            attribute: Attribute = IntegerAttr(int(value), type_)
        else:
            assert isinstance(type_, Float32Type | Float64Type)
            attribute = FloatAttr(value, type_)
        return self.pure((arith.ConstantOp, str(value), type_), (), arith.ConstantOp, attribute)

    def load(self, array: SSAValue, position: Like) -> SSAValue:
        return self.emit(memref.LoadOp.get(array, [self.value(position)])).results[0]

    def store(self, value: SSAValue, array: SSAValue, position: Like) -> None:
        self.emit(memref.StoreOp.get(value, array, [self.value(position)]))

    @staticmethod
    def element(array: SSAValue) -> Attribute:
        """The element type of an array."""
        assert isinstance(array.type, MemRefType)
        return array.type.element_type

    # Index sums.

    def ix(self, value: int) -> Ix:
        return Ix(self, {}, value)

    def atom(self, value: SSAValue, lo: Bound = None, hi: Bound = None, multiple: int = 1) -> Ix:
        """An SSA value as a sum; its bounds and divisor are given at its first use. Equal bounds make it a constant."""
        if lo is not None and lo == hi:
            return self.ix(lo)
        if value not in self.atoms:
            self.atoms[value] = Atom(value, self.depth_of(value), lo, hi, multiple)
        return Ix(self, {self.atoms[value]: 1})

    def value(self, x: Like) -> SSAValue:
        """The sum as an SSA value; parts that outer scopes know are computed there."""
        if isinstance(x, int) or not x.terms:
            return self.constant(x if isinstance(x, int) else x.const)
        total: SSAValue | None = None
        for atom, c in sorted(x.terms.items(), key=lambda term: (term[0].depth, term[1] < 0)):
            part = atom.value if abs(c) == 1 else self._binary(arith.MuliOp, atom.value, self.constant(abs(c)))
            if total is None:
                total = part if c > 0 else self._binary(arith.SubiOp, self.constant(0), part)
            else:
                total = self._binary(arith.AddiOp if c > 0 else arith.SubiOp, total, part)
        assert total is not None
        if x.const:
            which = arith.AddiOp if x.const > 0 else arith.SubiOp
            total = self._binary(which, total, self.constant(abs(x.const)))
        return total

    def _binary(self, make: type[Operation], left: SSAValue, right: SSAValue) -> SSAValue:
        return self.pure((make,), (left, right), make)

    def product(self, x: Ix, y: Ix) -> Ix:
        """x * y, distributed over scopes so that the invariant part leaves the loop."""
        total = self.ix(0)
        for a in x.by_depth():
            for b in y.by_depth():
                if a.terms and b.terms:
                    total = total + self._product(a, b)
                else:
                    total = total + (a * b.const if a.terms else b * a.const)
        return total

    def _product(self, x: Ix, y: Ix) -> Ix:
        scale = gcd(*x.terms.values(), x.const) * gcd(*y.terms.values(), y.const)
        x, y = _reduced(x), _reduced(y)
        value = self._binary(arith.MuliOp, self.value(x), self.value(y))
        corners = [a * b for a in (x.lo, x.hi) for b in (y.lo, y.hi) if a is not None and b is not None]
        low, high = (min(corners), max(corners)) if len(corners) == 4 else (None, None)
        if low is None and x.lo is not None and y.lo is not None and x.lo >= 0 and y.lo >= 0:
            low = x.lo * y.lo
        return self.atom(value, low, high, x.multiple * y.multiple) * scale

    def divide(self, x: Ix, d: Like, *, remainder: bool = False) -> tuple[Ix, Ix]:
        """(x // d, x % d) for d > 0 and x >= 0; of a negative x only the quotient's size is wrong. Makes ops for what is asked."""
        if isinstance(d, Ix):
            if d.terms:
                return self._divide_by_value(x, d, remainder)
            d = d.const
        exact = {a: c // d for a, c in x.terms.items() if c % d == 0}
        quotient = Ix(self, exact, x.const // d)
        rest = Ix(self, {a: c for a, c in x.terms.items() if c % d}, x.const % d)
        low = rest.lo
        if low is None:
            quotient, rest = self.ix(0), x  # what is left over may be negative where x is not
        elif low < 0:
            quotient, rest = quotient + low // d, rest - low // d * d
        if rest.within(0, d):
            return quotient, rest
        big, small = _separate(rest, d)
        common = gcd(d, big.const, *big.terms.values())
        big, divisor = Ix(self, {a: c // common for a, c in big.terms.items()}, big.const // common), d // common
        if divisor == 1:
            return quotient + big, small
        if remainder:
            if big.multiple % divisor == 0:
                return quotient, small
            value = self._binary(arith.RemUIOp, self.value(big), self.constant(divisor))
            return quotient, self.atom(value, 0, divisor - 1, gcd(big.multiple, divisor)) * common + small
        value = self._binary(arith.DivUIOp, self.value(big), self.constant(divisor))
        low, high = big.lo, big.hi
        low = low // divisor if low is not None and low >= 0 else 0
        return quotient + self.atom(value, low, None if high is None else high // divisor), small

    def _divide_by_value(self, x: Ix, d: Ix, remainder: bool) -> tuple[Ix, Ix]:
        if not x.terms and x.const == 0:
            return x, x
        high, most = x.hi, d.hi
        if remainder:
            value = self._binary(arith.RemUIOp, self.value(x), self.value(d))
            return x, self.atom(value, 0, None if most is None else most - 1)
        value = self._binary(arith.DivUIOp, self.value(x), self.value(d))
        return self.atom(value, 0, None if high is None else high // max(1, d.lo or 1)), x

    def xor(self, x: Ix, y: Ix) -> Ix:
        """x xor y, leaving out of the operation the part of x above the bits of y."""
        if not y.terms and y.const == 0:
            return x
        if not x.terms and not y.terms:
            return self.ix(x.const ^ y.const)
        high = y.hi
        if high is None or (y.lo or 0) < 0:
            return self.atom(self._binary(arith.XOrIOp, self.value(x), self.value(y)))
        power = 1 << high.bit_length()
        upper = Ix(self, {a: c for a, c in x.terms.items() if c * a.multiple % power == 0}, x.const // power * power)
        lower = x - upper
        if not lower.within(0, power):
            upper, lower = self.ix(0), x
        if not lower.terms and lower.const == 0:
            return upper + y
        most = lower.hi
        bits = None if most is None else (1 << max(most, high).bit_length()) - 1
        value = self._binary(arith.XOrIOp, self.value(lower), self.value(y))
        return upper + self.atom(value, 0, bits, gcd(lower.multiple, y.multiple))

    def extremum(self, x: Like, y: Like, *, least: bool) -> Ix:
        """The smaller or larger of two signed values."""
        x, y = self._ix(x), self._ix(y)
        gap = x - y
        if (gap.hi is not None and gap.hi <= 0) or (gap.lo is not None and gap.lo >= 0):
            below = gap.hi is not None and gap.hi <= 0
            return x if below == least else y
        value = self._binary(arith.MinSIOp if least else arith.MaxSIOp, self.value(x), self.value(y))
        pick = min if least else max
        lows, highs = [b for b in (x.lo, y.lo) if b is not None], [b for b in (x.hi, y.hi) if b is not None]
        lo = pick(lows) if len(lows) == 2 else (max(lows) if lows and not least else None)
        hi = pick(highs) if len(highs) == 2 else (min(highs) if highs and least else None)
        return self.atom(value, lo, hi, gcd(x.multiple, y.multiple))

    def _ix(self, x: Like) -> Ix:
        return x if isinstance(x, Ix) else self.ix(x)

    # Conditions: an SSA value, or None for what always holds.

    def below(self, x: Like, end: Like) -> SSAValue | None:
        """0 <= x < end, for end >= 0: one unsigned comparison, none where it is known to hold."""
        x, end = self._ix(x), self._ix(end)
        low, room = x.lo, (end - x).lo
        if low is not None and low >= 0 and room is not None and room >= 1:
            return None
        if not end.terms and end.const == 0:
            return self.scalar(0, i1)
        return self.compare("ult", x, end)

    def compare(self, predicate: str, x: Like, y: Like) -> SSAValue:
        left, right = self.value(x), self.value(y)
        return self.pure((arith.CmpiOp, predicate), (left, right), arith.CmpiOp, predicate)

    def all(self, *conditions: SSAValue | None) -> SSAValue | None:
        """The conjunction, what outer scopes know first."""
        total: SSAValue | None = None
        for condition in sorted((c for c in conditions if c is not None), key=self.depth_of):
            total = condition if total is None or total is condition else self._binary(arith.AndIOp, total, condition)
        return total


def _reduced(x: Ix) -> Ix:
    scale = gcd(*x.terms.values(), x.const)
    return Ix(x.em, {a: c // scale for a, c in x.terms.items()}, x.const // scale)


def _separate(rest: Ix, d: int) -> tuple[Ix, Ix]:
    """(big, small) with rest = big + small, where some g divides d and big, and small lies in 0 .. g - 1: then
    rest // d == big // d and rest % d == big % d + small."""
    terms = sorted(rest.terms.items(), key=lambda term: gcd(d, term[1] * term[0].multiple))
    for count in range(len(terms) - 1, -1, -1):
        g = gcd(d, *(c * a.multiple for a, c in terms[count:]))
        small = Ix(rest.em, dict(terms[:count]), rest.const % g)
        if g > 1 and small.within(0, g):
            return Ix(rest.em, dict(terms[count:]), rest.const // g * g), small
    return rest, rest.em.ix(0)
