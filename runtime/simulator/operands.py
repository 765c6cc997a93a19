"""Addresses in shared memory of wgmma operands and TMA boxes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...dialects.kernel.layouts import swizzled


@lru_cache(1024)
def operand_addresses(start: int, rows: int, bytes_: int, swizzle: int, granule: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Byte addresses [rows, bytes_] in shared memory of a wgmma operand that starts at byte `start`, its rows of `swizzle` bytes following one
    another; and the granules that they lie in.
    """
    address = swizzled(start + np.arange(rows)[:, None] * swizzle + np.arange(bytes_)[None, :], swizzle)
    return address, np.unique(address // granule)


@lru_cache(256)
def box_addresses(start: int, bytes_: int, swizzle: int, granule: int) -> tuple[np.ndarray, np.ndarray]:
    """Byte addresses of a TMA box in shared memory, in its order, and their granules."""
    address = swizzled(start + np.arange(bytes_), swizzle)
    return address, np.unique(address // granule)
