"""
Scalars in CUDA C: types, literals, and the expression that each arith and math op becomes.

`index` is a 32-bit int. f16 and bf16 are storage only (`f16`, `bf16` typedefs): the one arithmetic on them is conversion from and to
float. `EXPRESSIONS` maps an op class to a function from the op and its operands' C texts (in parentheses where they need them) to a C
expression; `needs(name)` asks for a wrapper of the prelude.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isinf, isnan

import ml_dtypes
import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    Signedness,
)
from xdsl.dialects.utils import FastMathFlag
from xdsl.ir import Attribute, Operation

from ....dialects import kernel
from ....dialects.errors import TrtcError
from ....dialects.kernel.types import bitwidth
from ....dialects.provenance import describe
from .parentheses import bare

Needs = Callable[[str], str]
Expression = Callable[[Operation, list[str], Needs], str]

_INTEGERS = {1: "bool", 8: "signed char", 16: "short", 32: "int", 64: "long long"}
_FLOATS: dict[type[Attribute], str] = {
    Float64Type: "double",
    Float32Type: "float",
    Float16Type: "f16",
    BFloat16Type: "bf16",
}


def c_type(type_: Attribute, needs: Needs) -> str:
    """The C type of a scalar. Raises TrtcError for types that kernels do not compute with or store."""
    if isinstance(type_, IndexType):
        return "int"
    if isinstance(type_, IntegerType) and type_.bitwidth in _INTEGERS:
        name = _INTEGERS[type_.bitwidth]
        return f"unsigned {name.removeprefix('signed ')}" if type_.signedness.data == Signedness.UNSIGNED else name
    if (name := _FLOATS.get(type(type_))) is not None:
        return needs(name) if name in ("f16", "bf16") else name
    raise TrtcError(
        f"CUDA C: expected a scalar of type index, i1, i8, i16, i32, i64, f16, bf16, f32 or f64, got {type_}"
    )


def literal(value: Attribute) -> str:
    """A constant as a C literal that means exactly its value."""
    if isinstance(value, IntegerAttr):
        number = value.value.data
        if isinstance(value.type, IntegerType):
            if value.type.bitwidth == 1:
                return "true" if number else "false"
            if value.type.bitwidth == 64:
                return f"{number}ll" if number != -(2**63) else "(-9223372036854775807ll - 1)"
        return str(number) if number != -(2**31) else "(-2147483647 - 1)"
    if isinstance(value, FloatAttr):
        return _float(value.value.data, value.type)
    raise TrtcError(f"CUDA C: expected a scalar constant, got {value}")


def _float(number: float, type_: Attribute) -> str:
    double = isinstance(type_, Float64Type)
    if isinstance(type_, Float16Type | BFloat16Type):
        # Stored as their bits, as all 16-bit floats are.
        dtype = np.float16 if isinstance(type_, Float16Type) else ml_dtypes.bfloat16
        return f"0x{int(np.asarray(number, dtype).view(np.uint16)):04x}"
    if isnan(number):
        return "__longlong_as_double(0x7fffffffffffffffll)" if double else "__int_as_float(0x7fffffff)"
    if isinf(number):
        text = "__longlong_as_double(0x7ff0000000000000ll)" if double else "__int_as_float(0x7f800000)"
        return text if number > 0 else f"-{text}"
    text = repr(float(number)) if double else str(np.float32(number))
    return text if double else f"{text}f"


def _bits(op: Operation) -> int:
    return bitwidth(op.operands[0].type)


def _listed(x: list[str]) -> str:
    return ", ".join(map(bare, x))


def _infix(symbol: str) -> Expression:
    return lambda op, x, needs: f"{x[0]} {symbol} {x[1]}"


def _wrapping(symbol: str) -> Expression:
    """Signed overflow is undefined in C, so integers wrap as unsigned ones; an `index` never overflows, and narrow ones are `int` in C."""

    def express(op: Operation, x: list[str], needs: Needs) -> str:
        type_ = op.results[0].type
        if isinstance(type_, IndexType) or _bits(op) < 32:
            return f"{x[0]} {symbol} {x[1]}"
        a, b = (_as_unsigned(part, _bits(op)) for part in x)
        return f"({c_type(type_, needs)})({a} {symbol} {b})"

    return express


def _call(name: str) -> Expression:
    return lambda op, x, needs: f"{needs(name)}({_listed(x)})"


def _unsigned(symbol: str) -> Expression:
    """An operation on the operands' bits taken as unsigned."""

    def express(op: Operation, x: list[str], needs: Needs) -> str:
        a, b = (_as_unsigned(part, _bits(op)) for part in x)
        return f"{symbol}({a}, {b})" if symbol.isalpha() else f"{a} {symbol} {b}"

    return express


_UNSIGNED = {8: "unsigned char", 16: "unsigned short", 32: "unsigned", 64: "unsigned long long"}


def _as_unsigned(text: str, bits: int) -> str:
    """A value's bits as unsigned; a literal gets a suffix instead of a cast."""
    return f"{text}u" if bits == 32 and text.isdigit() else f"({_UNSIGNED[bits]}){text}"


def _function(name: str, fast: str | None = None) -> Expression:
    """A function of the C library, in float or double; `fast` is used in float where the op's fastmath flags allow approximation."""

    def express(op: Operation, x: list[str], needs: Needs) -> str:
        if isinstance(op.operands[0].type, Float64Type):
            return f"{name}({_listed(x)})"
        if not isinstance(op.operands[0].type, Float32Type):
            raise TrtcError(f"CUDA C, {describe(op)}: expected operands of f32 or f64, got {op.operands[0].type}")
        chosen = fast if fast and _approximate(op) else f"{name}f"
        return f"{needs(chosen)}({_listed(x)})"

    return express


def _approximate(op: Operation) -> bool:
    flags = op.properties.get("fastmath")
    return isinstance(flags, arith.FastMathFlagsAttr) and FastMathFlag.APPROX_FUNC in flags.data


_INTEGER_PREDICATES = ("==", "!=", "<", "<=", ">", ">=", "<", "<=", ">", ">=")


def _cmpi(op: Operation, x: list[str], needs: Needs) -> str:
    assert isinstance(op, arith.CmpiOp)
    predicate = op.predicate.value.data
    symbol = _INTEGER_PREDICATES[predicate]
    return _unsigned(symbol)(op, x, needs) if predicate >= 6 else f"{x[0]} {symbol} {x[1]}"


# Predicates of cmpf in the order of their numbers; ordered ones are C's operators, unordered ones negate the opposite.
_FLOAT_PREDICATES = (
    "false", "{0} == {1}", "{0} > {1}", "{0} >= {1}", "{0} < {1}", "{0} <= {1}", "{0} < {1} || {0} > {1}", "{0} == {0} && {1} == {1}",
    "!({0} < {1} || {0} > {1})", "!({0} <= {1})", "!({0} < {1})", "!({0} >= {1})", "!({0} > {1})", "{0} != {1}",
    "{0} != {0} || {1} != {1}", "true",
)  # fmt: skip


def _cmpf(op: Operation, x: list[str], needs: Needs) -> str:
    assert isinstance(op, arith.CmpfOp)
    return _FLOAT_PREDICATES[op.predicate.value.data].format(*x)


def _extf(op: Operation, x: list[str], needs: Needs) -> str:
    source, target = op.operands[0].type, op.results[0].type
    if isinstance(source, Float16Type | BFloat16Type) and isinstance(target, Float32Type):
        return f"{needs(f'{source}_to_f32')}({bare(x[0])})"
    if isinstance(source, Float32Type):
        return f"(double){x[0]}"
    raise TrtcError(f"CUDA C, {describe(op)}: expected f16 or bf16 to f32, or f32 to f64, got {source} to {target}")


def _truncf(op: Operation, x: list[str], needs: Needs) -> str:
    source, target = op.operands[0].type, op.results[0].type
    if isinstance(source, Float32Type) and isinstance(target, Float16Type | BFloat16Type):
        return f"{needs(f'f32_to_{target}')}({bare(x[0])})"
    if isinstance(source, Float64Type) and isinstance(target, Float32Type):
        return f"(float){x[0]}"
    raise TrtcError(f"CUDA C, {describe(op)}: expected f32 to f16 or bf16, or f64 to f32, got {source} to {target}")


def _cast(op: Operation, x: list[str], needs: Needs) -> str:
    return f"({c_type(op.results[0].type, needs)}){x[0]}"


def _extend_i1(op: Operation, x: list[str], needs: Needs) -> str:
    """Sign extension: true is -1."""
    return f"-(int){x[0]}" if op.operands[0].type == IntegerType(1) else _cast(op, x, needs)


def _from_signed(op: Operation, x: list[str], needs: Needs) -> str:
    value = _extend_i1(op, x, needs) if op.operands[0].type == IntegerType(1) else x[0]
    return f"({c_type(op.results[0].type, needs)})({bare(value)})"


def _from_unsigned(op: Operation, x: list[str], needs: Needs) -> str:
    if op.operands[0].type == IntegerType(1):
        return _cast(op, x, needs)
    return f"({c_type(op.results[0].type, needs)}){_as_unsigned(x[0], _bits(op))}"


_BITCASTS = {("f32", "i32"): "__float_as_int", ("i32", "f32"): "__int_as_float"}


def _bitcast(op: Operation, x: list[str], needs: Needs) -> str:
    source, target = str(op.operands[0].type), str(op.results[0].type)
    if (name := _BITCASTS.get((source, target))) is not None:
        return f"{name}({bare(x[0])})"
    if {source, target} <= {"f16", "bf16", "i16"}:
        return _cast(op, x, needs)
    raise TrtcError(
        f"CUDA C, {describe(op)}: expected a bitcast between i32 and f32 or among 16-bit types, got {source} to {target}"
    )


def _extremum(name: str) -> Expression:
    """maximumf and minimumf pass NaN on and tell the zeros apart, in double too."""

    def express(op: Operation, x: list[str], needs: Needs) -> str:
        wide = "_f64" if isinstance(op.operands[0].type, Float64Type) else ""
        return f"{needs(name + wide)}({_listed(x)})"

    return express


def _divf(op: Operation, x: list[str], needs: Needs) -> str:
    return f"__fdividef({_listed(x)})" if _approximate(op) else f"{x[0]} / {x[1]}"


EXPRESSIONS: dict[type[Operation], Expression] = {
    arith.AddiOp: _wrapping("+"),
    arith.SubiOp: _wrapping("-"),
    arith.MuliOp: _wrapping("*"),
    arith.DivSIOp: _infix("/"),
    arith.RemSIOp: _infix("%"),
    arith.DivUIOp: _unsigned("/"),
    arith.RemUIOp: _unsigned("%"),
    arith.FloorDivSIOp: _call("floor_div"),
    arith.CeilDivSIOp: _call("ceil_div"),
    arith.AndIOp: _infix("&"),
    arith.OrIOp: _infix("|"),
    arith.XOrIOp: _infix("^"),
    arith.ShLIOp: _infix("<<"),
    arith.ShRSIOp: _infix(">>"),
    arith.ShRUIOp: _unsigned(">>"),
    arith.MinSIOp: lambda op, x, needs: f"min({_listed(x)})",
    arith.MaxSIOp: lambda op, x, needs: f"max({_listed(x)})",
    arith.MinUIOp: _unsigned("min"),
    arith.MaxUIOp: _unsigned("max"),
    arith.CmpiOp: _cmpi,
    arith.CmpfOp: _cmpf,
    arith.SelectOp: lambda op, x, needs: f"{x[0]} ? {x[1]} : {x[2]}",
    arith.AddfOp: _infix("+"),
    arith.SubfOp: _infix("-"),
    arith.MulfOp: _infix("*"),
    arith.DivfOp: _divf,
    arith.NegfOp: lambda op, x, needs: f"-({x[0]})" if x[0].startswith("-") else f"-{x[0]}",
    arith.MaximumfOp: _extremum("max_nan"),
    arith.MinimumfOp: _extremum("min_nan"),
    arith.MaxnumfOp: _function("fmax"),
    arith.MinnumfOp: _function("fmin"),
    arith.ExtFOp: _extf,
    arith.TruncFOp: _truncf,
    arith.ExtSIOp: _extend_i1,
    arith.ExtUIOp: _from_unsigned,
    arith.TruncIOp: lambda op, x, needs: f"{x[0]} & 1" if op.results[0].type == IntegerType(1) else _cast(op, x, needs),
    arith.SIToFPOp: _from_signed,
    arith.UIToFPOp: _from_unsigned,
    arith.FPToSIOp: _cast,
    arith.FPToUIOp: lambda op, x, needs: f"({c_type(op.results[0].type, needs)})(unsigned){x[0]}",
    arith.IndexCastOp: _cast,
    arith.BitcastOp: _bitcast,
    math.AbsFOp: _function("fabs"),
    math.AbsIOp: lambda op, x, needs: f"{x[0]} < 0 ? -{x[0]} : {x[0]}",
    math.CeilOp: _function("ceil"),
    math.CopySignOp: _function("copysign"),
    math.CosOp: _function("cos", "__cosf"),
    math.ErfOp: _function("erf"),
    math.Exp2Op: _function("exp2", "exp2_approx"),
    math.ExpM1Op: _function("expm1"),
    math.ExpOp: _function("exp", "__expf"),
    math.FloorOp: _function("floor"),
    math.FmaOp: _function("fma"),
    kernel.FmodOp: _function("fmod"),
    math.Log10Op: _function("log10"),
    math.Log1pOp: _function("log1p"),
    math.Log2Op: _function("log2", "__log2f"),
    math.LogOp: _function("log", "__logf"),
    math.IPowIOp: lambda op, x, needs: f"{needs(f'ipow_i{_bits(op)}')}({_listed(x)})",
    math.PowFOp: _function("pow"),
    math.RoundEvenOp: _function("rint"),
    math.RoundOp: _function("round"),
    math.RsqrtOp: _function("rsqrt"),
    math.SinOp: _function("sin", "__sinf"),
    math.SqrtOp: _function("sqrt"),
    math.TanhOp: _function("tanh", "tanh_approx"),
    math.TruncOp: _function("trunc"),
}
