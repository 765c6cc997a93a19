"""
The C expressions of scalar ops, by kind: an expression is a function from an op, the C texts of its operands (in parentheses where they
need them) and `needs`, which requests an entry of the prelude, to C text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from xdsl.dialects import arith
from xdsl.dialects.builtin import Float32Type, Float64Type, IndexType, IntegerType
from xdsl.ir import Operation

from ...dtypes import NARROW_FLOATS, i4, ui4
from ...errors import TrtcError
from ...provenance import describe
from ..instruction import Wrapper
from ..types import bitwidth
from .ctext import Needs, c_type
from .numerics import approximate
from .parentheses import bare
from .wrappers import CONVERSIONS

Expression: TypeAlias = Callable[[Operation, list[str], Needs], str]


def bits(op: Operation) -> int:
    return bitwidth(op.operands[0].type)


def listed(x: list[str]) -> str:
    return ", ".join(map(bare, x))


def infix(symbol: str) -> Expression:
    return lambda op, x, needs: f"{x[0]} {symbol} {x[1]}"


def wrapping(symbol: str) -> Expression:
    """Signed overflow is undefined in C, so integers wrap as unsigned ones; an `index` never overflows, and narrow ones are `int` in C."""

    def express(op: Operation, x: list[str], needs: Needs) -> str:
        type_ = op.results[0].type
        if isinstance(type_, IndexType) or bits(op) < 32:
            return f"{x[0]} {symbol} {x[1]}"
        a, b = (as_unsigned(part, bits(op)) for part in x)
        return f"({c_type(type_, needs)})({a} {symbol} {b})"

    return express


def call(wrapper: Wrapper) -> Expression:
    return lambda op, x, needs: f"{needs(wrapper)}({listed(x)})"


def unsigned(symbol: str) -> Expression:
    """An operation on the operands' bits taken as unsigned."""

    def express(op: Operation, x: list[str], needs: Needs) -> str:
        a, b = (as_unsigned(part, bits(op)) for part in x)
        return f"{symbol}({a}, {b})" if symbol.isalpha() else f"{a} {symbol} {b}"

    return express


_UNSIGNED = {8: "unsigned char", 16: "unsigned short", 32: "unsigned", 64: "unsigned long long"}


def as_unsigned(text: str, bits: int) -> str:
    """A value's bits as unsigned; a literal gets a suffix instead of a cast."""
    return f"{text}u" if bits == 32 and text.isdigit() else f"({_UNSIGNED[bits]}){text}"


def function(name: str, fast: str | Wrapper | None = None) -> Expression:
    """
    A function of the C library, which NVRTC declares without headers, in float or double; `fast` (an intrinsic or a wrapper) is used in
    float where the op's fastmath flags allow approximation.
    """

    def express(op: Operation, x: list[str], needs: Needs) -> str:
        if isinstance(op.operands[0].type, Float64Type):
            return f"{name}({listed(x)})"
        if not isinstance(op.operands[0].type, Float32Type):
            raise TrtcError(f"CUDA C, {describe(op)}: expected operands of f32 or f64, got {op.operands[0].type}")
        chosen = fast if fast and approximate(op) else f"{name}f"
        return f"{needs(chosen) if isinstance(chosen, Wrapper) else chosen}({listed(x)})"

    return express


_INTEGER_PREDICATES = ("==", "!=", "<", "<=", ">", ">=", "<", "<=", ">", ">=")


def cmpi(op: Operation, x: list[str], needs: Needs) -> str:
    assert isinstance(op, arith.CmpiOp)
    predicate = op.predicate.value.data
    symbol = _INTEGER_PREDICATES[predicate]
    return unsigned(symbol)(op, x, needs) if predicate >= 6 else f"{x[0]} {symbol} {x[1]}"


# Predicates of cmpf in the order of their numbers; ordered ones are C's operators, unordered ones negate the opposite.
_FLOAT_PREDICATES = (
    "false", "{0} == {1}", "{0} > {1}", "{0} >= {1}", "{0} < {1}", "{0} <= {1}", "{0} < {1} || {0} > {1}", "{0} == {0} && {1} == {1}",
    "!({0} < {1} || {0} > {1})", "!({0} <= {1})", "!({0} < {1})", "!({0} >= {1})", "!({0} > {1})", "{0} != {1}",
    "{0} != {0} || {1} != {1}", "true",
)  # fmt: skip


def cmpf(op: Operation, x: list[str], needs: Needs) -> str:
    assert isinstance(op, arith.CmpfOp)
    return _FLOAT_PREDICATES[op.predicate.value.data].format(*x)


def extf(op: Operation, x: list[str], needs: Needs) -> str:
    source, target = op.operands[0].type, op.results[0].type
    if source in NARROW_FLOATS and isinstance(target, Float32Type):
        return f"{needs(CONVERSIONS[f'{source}_to_f32'])}({bare(x[0])})"
    if isinstance(source, Float32Type):
        return f"(double){x[0]}"
    raise TrtcError(
        f"CUDA C, {describe(op)}: expected a float of less than 32 bits to f32, or f32 to f64, got {source} to {target}"
    )


def truncf(op: Operation, x: list[str], needs: Needs) -> str:
    source, target = op.operands[0].type, op.results[0].type
    if isinstance(source, Float32Type) and target in NARROW_FLOATS:
        return f"{needs(CONVERSIONS[f'f32_to_{target}'])}({bare(x[0])})"
    if isinstance(source, Float64Type) and isinstance(target, Float32Type):
        return f"(float){x[0]}"
    raise TrtcError(
        f"CUDA C, {describe(op)}: expected f32 to a float of less than 32 bits, or f64 to f32, got {source} to {target}"
    )


def cast(op: Operation, x: list[str], needs: Needs) -> str:
    return f"({c_type(op.results[0].type, needs)}){x[0]}"


def extend(op: Operation, x: list[str], needs: Needs) -> str:
    """Sign extension: true is -1; of four bits in a byte the others mean nothing."""
    if op.operands[0].type == i4:
        return f"(int)({x[0]} << 28) >> 28"
    return f"-(int){x[0]}" if op.operands[0].type == IntegerType(1) else cast(op, x, needs)


def from_signed(op: Operation, x: list[str], needs: Needs) -> str:
    value = extend(op, x, needs) if op.operands[0].type == IntegerType(1) else x[0]
    return f"({c_type(op.results[0].type, needs)})({bare(value)})"


def from_unsigned(op: Operation, x: list[str], needs: Needs) -> str:
    if op.operands[0].type == IntegerType(1):
        return cast(op, x, needs)
    if op.operands[0].type == ui4:
        return f"{x[0]} & 15"
    return f"({c_type(op.results[0].type, needs)}){as_unsigned(x[0], bits(op))}"


def truncate(op: Operation, x: list[str], needs: Needs) -> str:
    """The low bits."""
    to = op.results[0].type
    return f"{x[0]} & 1" if to == IntegerType(1) else f"{x[0]} & 15" if to in (i4, ui4) else cast(op, x, needs)


_BITCASTS = {
    ("f32", "i32"): "__float_as_int", ("i32", "f32"): "__int_as_float",
    ("f32", "ui32"): "__float_as_uint", ("ui32", "f32"): "__uint_as_float",
    ("f64", "i64"): "__double_as_longlong", ("i64", "f64"): "__longlong_as_double",
}  # fmt: skip


def bitcast(op: Operation, x: list[str], needs: Needs) -> str:
    source, target = str(op.operands[0].type), str(op.results[0].type)
    if (name := _BITCASTS.get((source, target))) is not None:
        return f"{name}({bare(x[0])})"
    if (source, target) == ("f64", "ui64"):
        return f"({c_type(op.results[0].type, needs)})__double_as_longlong({bare(x[0])})"
    if (source, target) == ("ui64", "f64"):
        return f"__longlong_as_double((long long){x[0]})"
    if (
        {source, target} <= {"f16", "bf16", "i16", "ui16"}
        or {source, target} <= {"f8E4M3FN", "f8E5M2", "i8", "ui8"}
        or (not {source, target} & {"f16", "bf16", "f32", "f64", "f8E4M3FN", "f8E5M2"})
    ):
        return cast(op, x, needs)
    raise TrtcError(
        f"CUDA C, {describe(op)}: expected a bitcast between types that one function converts, got {source} to {target}"
    )


def extremum(single: Wrapper, double: Wrapper) -> Expression:
    """maximumf and minimumf propagate NaN and order -0 before +0, in double too."""

    def express(op: Operation, x: list[str], needs: Needs) -> str:
        wrapper = double if isinstance(op.operands[0].type, Float64Type) else single
        return f"{needs(wrapper)}({listed(x)})"

    return express


def divf(op: Operation, x: list[str], needs: Needs) -> str:
    return f"__fdividef({listed(x)})" if approximate(op) else f"{x[0]} / {x[1]}"
