"""What several operators draw: operands that broadcast, axes, reductions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graphs import Maker


def first(names: list[str] | None) -> str | None:
    return names[0] if names else None


def broadcastable(g: Maker, shape: Sequence[int], dtype: type = np.float32) -> str:
    """A value or new constant that broadcasts with a value of this shape, of any rank."""
    if g.chance(0.5):
        found = g.pick(lambda v: v.dtype == np.dtype(dtype) and broadcasts(v.shape, shape))
        if found is not None:
            return found
    rank = g.number(0, len(shape))
    other = [1 if g.chance(0.3) else extent for extent in shape[len(shape) - rank :]]
    if g.chance(0.1):
        other = (
            [g.number(1, 3) for _ in range(g.number(1, 2))] + [1] * (len(shape) - rank) + other
            if rank == len(shape)
            else other
        )
    if g.chance(0.3):
        return g.input(len(other), dtype, other)
    return g.constant(g.data(other, dtype))


def broadcasts(a: Sequence[int], b: Sequence[int]) -> bool:
    return all(x == y or x == 1 or y == 1 for x, y in zip(a[::-1], b[::-1], strict=False))


def axes_of(g: Maker, rank: int) -> list[int]:
    count = g.number(1, rank)
    axes = [int(axis) for axis in g.rng.permutation(rank)[:count]]
    return [axis - rank if g.chance(0.4) else axis for axis in axes]


def reduce_of(g: Maker, op: str, x: str) -> None:
    rank = g.values[x].rank
    attributes: dict[str, Any] = {"keepdims": g.number(0, 1)} if g.chance(0.7) else {}
    operands = [x]
    if rank and g.chance(0.85):
        axes = axes_of(g, rank)
        if g.opset >= (13 if op == "ReduceSum" else 18):
            operands.append(g.constant(axes, np.int64))
        else:
            attributes["axes"] = axes
    elif g.opset >= (13 if op == "ReduceSum" else 18) and g.chance(0.3):
        attributes["noop_with_empty_axes"] = 1
    g.emit(op, operands, **attributes)
