"""The values of each element type that rules tend to forget, and what it means that two arrays hold the same."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from trtc.dialects.meaning.arithmetic import SMALL_INTEGERS

Array = np.ndarray[Any, Any]


def specials(dtype: np.dtype[Any]) -> Array:
    """Sixteen values: zeros of both signs, NaN, infinities, extremes with their neighbours, halves, small numbers."""
    if dtype.kind == "b":
        return np.arange(16) % 2 == 1
    if dtype in SMALL_INTEGERS:
        return np.arange(16).astype(dtype)
    if dtype.kind in "iu":
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        values = [0, 1, 2, 3, 7, high, high - 1, low, low + 1, high // 2, 63, 100, 5]
        return np.array([*values, *([-1, -2, -7] if low else [128, 200, 254])], dtype)
    info = ml_dtypes.finfo(dtype)
    edges = [info.smallest_subnormal, -info.smallest_normal, info.max, info.min]
    return np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1, -1, 0.5, -0.5, 2, -7, 3.7, *edges], np.float64).astype(
        dtype
    )


def pairs(dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Every special value with every other."""
    values = specials(dtype)
    return np.repeat(values, values.size), np.tile(values, values.size)


def same(a: Array, b: Array) -> Array:
    """Where two arrays hold the same: NaN and NaN, anything else bit for bit."""
    assert a.dtype == b.dtype and a.shape == b.shape
    if a.dtype.kind in "biu" or a.dtype in SMALL_INTEGERS:
        return a == b
    with np.errstate(all="ignore"):
        return (np.isnan(a) & np.isnan(b)) | (a.view(f"u{a.itemsize}") == b.view(f"u{b.itemsize}"))
