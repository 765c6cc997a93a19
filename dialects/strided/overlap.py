"""Whether two strided arrays of one memory have a byte in common."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

_WORK = 100_000
"""Steps of the search before it gives up: it takes exponential time in the worst case."""


class Elements(NamedTuple):
    """Elements in memory: offset of the first in bytes, shape, strides in bytes, bytes per element."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    size: int


def share_bytes(a: Elements, b: Elements) -> bool:
    """Whether they have a byte in common; also True where the search takes too long."""
    if 0 in a.shape or 0 in b.shape:
        return False
    try:
        return np.shares_memory(np.asarray(_Address(a)), np.asarray(_Address(b)), max_work=cast(Any, _WORK))
    except np.exceptions.TooHardError:
        return True


class _Address:
    """An array interface over addresses that are never read, for NumPy's overlap test."""

    def __init__(self, elements: Elements):
        self.__array_interface__ = {
            "version": 3, "data": (elements.offset + (1 << 20), True), "shape": elements.shape, "strides": elements.strides,
            "typestr": f"|V{elements.size}",
        }  # fmt: skip
