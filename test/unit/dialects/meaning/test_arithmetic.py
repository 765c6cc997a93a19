"""The scalar arithmetic of the reference semantics, value by value where NumPy and C leave something open."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trtc.dialects.meaning import arithmetic

INF, NAN = math.inf, math.nan
I8, I32, I64 = np.int8, np.int32, np.int64
LEAST = -(2**31)


def same(got: Any, expected: Any) -> bool:
    """NaN is one value, and zeros have signs."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.dtype.kind != "f":
        return bool(got == expected)
    return bool(np.isnan(got) if np.isnan(expected) else got == expected and np.signbit(got) == np.signbit(expected))


BINARY = [
    (arithmetic.maximum, np.float32, [
        (-0.0, 0.0, 0.0), (0.0, -0.0, 0.0), (-0.0, -0.0, -0.0), (NAN, 1, NAN), (1, NAN, NAN), (-INF, -3, -3),
    ]),
    (arithmetic.minimum, np.float32, [(-0.0, 0.0, -0.0), (0.0, -0.0, -0.0), (0.0, 0.0, 0.0), (NAN, 1, NAN), (1, NAN, NAN), (INF, 3, 3)]),
    (arithmetic.maximum, I32, [(-1, 2, 2), (3, 2, 3)]),
    (arithmetic.divide_integers, I32, [(7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3), (-8, 2, -4), (5, 0, 0), (LEAST, -1, LEAST)]),
    (arithmetic.remainder_of_integers, I32, [(7, 2, 1), (-7, 2, -1), (7, -2, 1), (-7, -2, -1), (-8, 2, 0), (5, 0, 0)]),
    (arithmetic.power, np.float32, [
        (-INF, 0.5, INF), (-0.0, 0.5, 0.0), (4, 0.5, 2), (-1, 0.5, NAN), (-3, 2, 9), (-0.0, -1, -INF), (0.0, -1, INF), (2, 10, 1024),
        (NAN, 0, 1), (1, NAN, 1), (-8, 3, -512),
    ]),
    (arithmetic.power, I32, [
        (3, 4, 81), (2, 31, LEAST), (2, 32, 0), (0, -1, 0), (0, -2, 0), (1, -5, 1), (-1, -5, -1), (-1, -4, 1), (2, -1, 0), (0, 0, 1),
    ]),
    (arithmetic.power, I8, [(2, 7, -128), (-2, 7, -128), (5, 3, 125), (-128, 0, 1)]),
]  # fmt: skip


@pytest.mark.parametrize("function, dtype, cases", BINARY, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_of_two_numbers(
    function: Callable[..., Any], dtype: type, cases: list[tuple[float, float, float]]
) -> None:
    for a, b, expected in cases:
        got = function(np.array([a], dtype), np.array([b], dtype))[0]
        assert same(got, np.array(expected, dtype)), (a, b, got)


@pytest.mark.parametrize("x, expected", [(-0.0, 0.0), (0.0, 0.0), (-3, 0.0), (NAN, NAN), (2.5, 2.5), (-INF, 0.0)])
def test_relu_gives_no_negative_zero(x: float, expected: float) -> None:
    assert same(arithmetic.relu(np.array(x, np.float32)), np.float32(expected))


def test_extrema_of_rows_tell_zeros_apart() -> None:
    x = np.array([[-0.0, 0.0, -1], [-0.0, -0.0, -1], [1, NAN, 2]], np.float32)
    assert [same(a, b) for a, b in zip(arithmetic.greatest(x, 1), [0.0, -0.0, NAN], strict=True)] == [True] * 3
    assert [same(a, b) for a, b in zip(arithmetic.least(-x, 1), [-0.0, 0.0, NAN], strict=True)] == [True] * 3


CONVERSIONS = [
    (np.float32, np.bool_, [(0.5, True), (-0.0, False), (NAN, True), (1e-40, True)]),
    (np.int32, np.bool_, [(2, True), (256, True), (0, False)]),
    (np.float32, I32, [(1.9, 1), (-1.9, -1), (NAN, LEAST), (INF, LEAST), (-INF, LEAST), (3e9, LEAST), (-2147483648.0, LEAST)]),
    (np.float64, I64, [(2.0**53 + 2, 2**53 + 2), (2.0**63, -(2**63)), (NAN, -(2**63))]),
    (np.float32, I8, [(127.9, 127), (128, -128), (255, -1), (300, 44), (-129, 127), (1e10, 0), (NAN, 0)]),
    (np.int32, I8, [(128, -128), (-129, 127), (511, -1)]),
    (np.bool_, np.float32, [(True, 1.0), (False, 0.0)]),
    (np.float32, np.float16, [(65504, 65504), (65520, INF), (2049, 2048), (2051, 2052), (-1e-8, -0.0)]),
    (np.float64, np.float16, [(1 + 2.0**-11 + 2.0**-40, 1.0)]),
    (np.float32, ml_dtypes.bfloat16, [(1.00390625, 1.0), (1.01171875, 1.015625), (3.4e38, INF)]),
    (ml_dtypes.bfloat16, I32, [(2.5, 2), (NAN, LEAST)]),
]  # fmt: skip


@pytest.mark.parametrize("of, to, cases", CONVERSIONS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_conversions(of: type, to: type, cases: list[tuple[Any, Any]]) -> None:
    for x, expected in cases:
        got = arithmetic.convert(np.array([x], of), np.dtype(to))
        assert got.dtype == to
        assert same(np.float64(got[0]) if np.dtype(to).kind in "fV" else got[0], expected), (x, got[0])
