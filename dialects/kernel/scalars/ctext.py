"""
CUDA C of scalars: types and literals. `index` is a 32-bit int. Floats of less than 32 bits are storage only (typedefs such as `f16`): the
only operations on them are conversions from and to float.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isinf, isnan
from typing import TypeAlias

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float8E4M3FNType,
    Float8E5M2Type,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    Signedness,
)
from xdsl.ir import Attribute

from ...errors import TrtcError
from ..instruction import Wrapper
from .wrappers import TYPES

Needs: TypeAlias = Callable[[Wrapper], str]
"""Requests an entry of the prelude, and returns its name."""


_INTEGERS = {1: "bool", 4: "signed char", 8: "signed char", 16: "short", 32: "int", 64: "long long"}
_FLOATS: dict[type[Attribute], str] = {
    Float64Type: "double",
    Float32Type: "float",
    Float16Type: "f16",
    BFloat16Type: "bf16",
    Float8E4M3FNType: "f8e4m3",
    Float8E5M2Type: "f8e5m2",
}


def c_type(type_: Attribute, needs: Needs) -> str:
    """The C type of a scalar. Raises TrtcError for types that kernels do not compute with or store."""
    if isinstance(type_, IndexType):
        return "int"
    if isinstance(type_, IntegerType) and type_.bitwidth in _INTEGERS:
        name = _INTEGERS[type_.bitwidth]
        return f"unsigned {name.removeprefix('signed ')}" if type_.signedness.data == Signedness.UNSIGNED else name
    if (name := _FLOATS.get(type(type_))) is not None:
        return needs(TYPES[name]) if name in TYPES else name
    raise TrtcError(
        f"CUDA C: expected a scalar of type index, i1, i8, i16, i32, i64, f8, f16, bf16, f32 or f64, got {type_}"
    )


def literal(value: Attribute) -> str:
    """A constant as a C literal of exactly its value."""
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
