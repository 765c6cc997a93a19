"""Element types of tensors and the NumPy dtypes that hold them."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import (
    BFloat16Type,
    Float8E4M3FNType,
    Float8E5M2Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IntegerType,
    Signedness,
    bf16,
    f16,
    f32,
    f64,
    i1,
    i8,
    i32,
    i64,
)
from xdsl.ir import Attribute

from .errors import InvalidModelError

i4 = IntegerType(4)
ui4 = IntegerType(4, Signedness.UNSIGNED)
i16 = IntegerType(16)
ui8 = IntegerType(8, Signedness.UNSIGNED)
ui16 = IntegerType(16, Signedness.UNSIGNED)
ui32 = IntegerType(32, Signedness.UNSIGNED)
ui64 = IntegerType(64, Signedness.UNSIGNED)
f8e4m3 = Float8E4M3FNType()
f8e5m2 = Float8E5M2Type()

_DTYPES: dict[Attribute, np.dtype] = {
    f64: np.dtype(np.float64),
    f32: np.dtype(np.float32),
    f16: np.dtype(np.float16),
    bf16: np.dtype(ml_dtypes.bfloat16),
    f8e4m3: np.dtype(ml_dtypes.float8_e4m3fn),
    f8e5m2: np.dtype(ml_dtypes.float8_e5m2),
    i1: np.dtype(np.bool_),
    i4: np.dtype(ml_dtypes.int4),
    ui4: np.dtype(ml_dtypes.uint4),
    i8: np.dtype(np.int8),
    i16: np.dtype(np.int16),
    i32: np.dtype(np.int32),
    i64: np.dtype(np.int64),
    ui8: np.dtype(np.uint8),
    ui16: np.dtype(np.uint16),
    ui32: np.dtype(np.uint32),
    ui64: np.dtype(np.uint64),
}
_ELEMENT_TYPES = {dtype: element_type for element_type, dtype in _DTYPES.items()}

FLOATS = (Float64Type, Float32Type, Float16Type, BFloat16Type, Float8E4M3FNType, Float8E5M2Type)

NARROW_FLOATS = (f16, bf16, f8e4m3, f8e5m2)
"""Floats that are stored only: arithmetic on them is in f32."""


def numpy_dtype(element_type: Attribute) -> np.dtype:
    """The NumPy dtype (ml_dtypes for bf16 and f8) that holds an element type. Raises InvalidModelError for others."""
    dtype = _DTYPES.get(element_type)
    if dtype is None:
        raise InvalidModelError(f"element type: expected one of {_names()}, got {element_type}")
    return dtype


def element_type_of(dtype: np.dtype | type) -> Attribute:
    """The element type of a NumPy dtype. Raises InvalidModelError for dtypes that no tensor may have."""
    element_type = _ELEMENT_TYPES.get(np.dtype(dtype))
    if element_type is None:
        raise InvalidModelError(f"dtype: expected one of {[str(d) for d in _ELEMENT_TYPES]}, got {np.dtype(dtype)}")
    return element_type


def is_float(element_type: Attribute) -> bool:
    """Whether the element type is a floating-point type."""
    return isinstance(element_type, FLOATS)


def is_integer(element_type: Attribute) -> bool:
    """Whether the element type is an integer of more than one bit."""
    return isinstance(element_type, IntegerType) and element_type != i1


def is_small(element_type: Attribute) -> bool:
    """Whether the element type is an integer of less than a byte, which is stored in one, and only moved and converted."""
    return element_type in (i4, ui4)


def is_unsigned(element_type: Attribute) -> bool:
    """Whether the element type is an integer without a sign."""
    return isinstance(element_type, IntegerType) and element_type.signedness.data == Signedness.UNSIGNED


def _names() -> list[str]:
    return [str(t) for t in _DTYPES]
