"""Scalar arithmetic over NumPy arrays where NumPy's own is unspecified or differs from C's.

Used by the reference semantics of pointwise ops and by the simulator, so that both agree for every operand; kernels compute the same. The
sign and payload of a NaN result are not specified. Integer division rounds toward zero and never fails: anything divided by zero is 0, and
so is its remainder.
"""

from __future__ import annotations

from typing import TypeAlias

import ml_dtypes
import numpy as np

SMALL_INTEGERS = (np.dtype(ml_dtypes.int4), np.dtype(ml_dtypes.uint4))
"""Integers of less than a byte: NumPy takes their kind for that of a narrow float."""
Axes: TypeAlias = "int | tuple[int, ...] | None"


def maximum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The greater one, +0 being greater than -0; NaN if either is."""
    result = np.maximum(a, b)
    zeros = (a == 0) & (b == 0) if result.dtype.kind in "fV" else np.False_
    return np.where(zeros, a + b, result) if np.any(zeros) else result


def minimum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smaller one, -0 being smaller than +0; NaN if either is."""
    result = np.minimum(a, b)
    zeros = (a == 0) & (b == 0) if result.dtype.kind in "fV" else np.False_
    return np.where(zeros, -(-a + -b), result) if np.any(zeros) else result


def greatest(x: np.ndarray, axis: Axes = None, keepdims: bool = False) -> np.ndarray:
    """The `maximum` of all elements along axes."""
    result = np.max(x, axis=axis, keepdims=keepdims)
    if x.dtype.kind != "f" or not np.any(result == 0):
        return result
    positive = np.any((x == 0) & ~np.signbit(x), axis=axis, keepdims=keepdims)
    return np.where(result == 0, np.where(positive, x.dtype.type(0), -x.dtype.type(0)), result)


def least(x: np.ndarray, axis: Axes = None, keepdims: bool = False) -> np.ndarray:
    """The `minimum` of all elements along axes."""
    return -greatest(-x, axis, keepdims) if x.dtype.kind == "f" else np.min(x, axis=axis, keepdims=keepdims)


def combine_at(target: np.ndarray, places: np.ndarray, values: np.ndarray, kind: str) -> None:
    """
    Combines values with the elements of a flat array at places, one after the other: `set` (the last one stays), `add`, `mul`, `max` or
    `min`. Each step is rounded to the array's type; NaN stays NaN.
    """
    if kind == "set":
        target[places] = values
        return
    combine = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}[kind]
    combine.at(target, places, values)


def relu(x: np.ndarray) -> np.ndarray:
    """`maximum(x, 0)`: adding 0 leaves no -0."""
    zero = x.dtype.type(0)
    return np.maximum(x, zero) + zero


def reciprocal_root(x: np.ndarray) -> np.ndarray:
    return (1 / np.sqrt(x)).astype(np.asarray(x).dtype, copy=False)


def divide_integers(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The quotient rounded toward zero, wrapped around; 0 where `b` is 0."""
    divisor = np.where(b == 0, np.ones_like(b), b)
    quotient = a // divisor
    inexact = (quotient * divisor != a) & ((a < 0) != (divisor < 0))
    return np.where(b == 0, np.zeros_like(b), quotient + inexact.astype(quotient.dtype))


def remainder_of_integers(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The remainder of `divide_integers`, with the sign of `a`; 0 where `b` is 0."""
    return np.where(b == 0, np.zeros_like(b), a - divide_integers(a, b) * b)


def power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a ** b`: of floats C's `pow`, with the exponents 2, 0.5 and -1 as `a * a`, a correctly rounded root and `1 / a`."""
    a, b = np.broadcast_arrays(a, b)
    if a.dtype.kind != "f":
        return integer_power(a, b)
    result = np.power(a, b)
    result = np.where(b == 2, a * a, result)
    result = np.where(b == -1, 1 / a, result)
    # As C's pow has it: +0 for -0, +inf for -inf.
    return np.where(b == 0.5, np.where(a == -np.inf, -a, np.sqrt(a + a.dtype.type(0))), result)


def integer_power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a ** b`, wrapped around; for a negative `b`, `1 / a ** -b` rounded toward zero, and 0 where `a` is 0."""
    one = a.dtype.type(1)
    result, square, rest = np.full(np.broadcast(a, b).shape, one), a, b
    while np.any(rest > 0):
        result = np.where(rest & one > 0, result * square, result)
        square, rest = square * square, rest >> one
    inverse = np.where(np.abs(a) == one, np.where(b & one > 0, a, one), np.zeros_like(a))
    return np.where(b < 0, inverse, result)


def shift_left(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a * 2 ** b`, wrapped around; 0 where `b` is no count below the number of bits."""
    fits = (b >= 0) & (b < 8 * a.dtype.itemsize)
    return np.where(fits, a << np.where(fits, b, 0).astype(a.dtype), a.dtype.type(0))


def shift_right(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a / 2 ** b` rounded down; what an infinite count leaves where `b` is no count below the number of bits."""
    fits = (b >= 0) & (b < 8 * a.dtype.itemsize)
    rest = np.where(a < 0, ~a.dtype.type(0), a.dtype.type(0)) if a.dtype.kind == "i" else a.dtype.type(0)
    return np.where(fits, a >> np.where(fits, b, 0).astype(a.dtype), rest)


def to_integer(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """
    Floats truncated toward zero. Values outside the wide type (int64 for integers of 64 bits and uint32, int32 for all others), NaN
    included, become its least value; a narrower type then keeps the low bits. uint64 has the values from 2 ** 63 on as well.
    """
    wide = np.dtype(np.int64 if dtype.itemsize == 8 or dtype == np.uint32 else np.int32)
    if dtype == np.uint64:
        top = (x >= 2.0**63) & (x < 2.0**64)
        low = to_integer(np.where(top, x - x.dtype.type(2.0**63), x), wide).astype(np.uint64)
        return np.where(top, low | np.uint64(1 << 63), low)
    limit = 2.0 ** (8 * wide.itemsize - 1)
    held = np.abs(x) < limit
    return np.where(held, np.where(held, x, 0).astype(wide), np.iinfo(wide).min).astype(dtype)


def convert(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """
    Another element type. To bool: `x != 0`, true for NaN. To a float: rounded to nearest even, to and from those of less than 32 bits by
    way of float32. Float to integer: `to_integer`. Integer to integer: the low bits.
    """
    if x.dtype in SMALL_INTEGERS and x.dtype != dtype:
        x = x.astype(np.int8)
    if dtype in SMALL_INTEGERS and x.dtype != dtype:
        low = convert(x, np.dtype(np.int8)) & 15
        return (low if dtype == SMALL_INTEGERS[1] else (low ^ 8) - 8).astype(dtype)
    if dtype.kind == "b":
        return np.asarray(x != 0)
    if x.dtype.kind in "fV" and dtype.kind in "iu":
        return to_integer(_wide(x), dtype)
    if x.dtype != dtype and dtype.kind in "fV" and dtype.itemsize < 4:
        x = x.astype(np.float32)
    return _wide(x).astype(dtype) if x.dtype != dtype else x


def _wide(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) if x.dtype.kind in "fV" and x.dtype.itemsize < 4 else x
