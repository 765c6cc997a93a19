"""Placements against NumPy's own views: the same elements at the same places, and a copy only where NumPy needs one too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import Block

from trtc.dialects.dims import Expr, const, parse_expr
from trtc.passes.fusion.placement import (
    Placement,
    broadcast,
    is_row_major,
    is_whole,
    layout_of,
    reshaped,
    sliced,
    transposed,
    untransposed,
)

Array = np.ndarray[Any, Any]


def exprs(values: Any) -> list[Expr]:
    return [const(int(v)) for v in values]


def own(*shape: int) -> tuple[Placement, Array]:
    value = Block(arg_types=[TensorType(f32, shape)]).args[0]
    return Placement.own(value), np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


def seen(placement: Placement, buffer: Array, shape: tuple[int, ...]) -> Array:
    """What the placement makes of the root's buffer."""
    offset, strides = placement.offset.as_int(), [s.as_int() for s in placement.strides]
    assert offset is not None and None not in strides
    return as_strided(buffer.reshape(-1)[offset:], shape, [4 * (s or 0) for s in strides], writeable=False)


def step(rng: np.random.Generator, placement: Placement, view: Array) -> tuple[Placement, Array]:
    """One random view of a view."""
    rank, kind = view.ndim, rng.integers(4)
    if kind == 0:
        order = [int(i) for i in rng.permutation(rank)]
        return transposed(placement, order), view.transpose(order)
    if kind == 1:
        starts = [int(rng.integers(d)) for d in view.shape]
        steps = [int(rng.integers(1, 3)) for _ in view.shape]
        return sliced(placement, exprs(starts), steps), view[
            tuple(slice(a, None, s) for a, s in zip(starts, steps, strict=True))
        ]
    if kind == 2:
        wide = [2 if d == 1 and rng.random() < 0.5 else d for d in view.shape]
        wide = [2, *wide] if rng.random() < 0.3 and rank < 5 else wide
        return broadcast(placement, exprs(view.shape), exprs(wide)), np.broadcast_to(view, wide)
    return placement, view


@pytest.mark.parametrize("seed", range(0, 400, 50))
def test_views_of_views_see_what_numpy_sees(seed: int) -> None:
    for each in range(seed, seed + 50):
        chain(np.random.default_rng(each))


def chain(rng: np.random.Generator) -> None:
    placement, buffer = own(*(int(d) for d in rng.choice([1, 2, 3, 4, 6], rng.integers(1, 5))))
    view = buffer
    for _ in range(4):
        placement, view = step(rng, placement, view)
        np.testing.assert_array_equal(seen(placement, buffer, view.shape), view)
    for shape in [(view.size,), (1, view.size, 1), *((n, view.size // n) for n in (2, 3, 4, 6) if view.size % n == 0)]:
        new = reshaped(placement, exprs(view.shape), exprs(shape))
        if new is None:
            assert not np.shares_memory(view.reshape(shape), buffer), (
                f"NumPy needs no copy from {view.shape} to {shape}"
            )
        else:
            np.testing.assert_array_equal(seen(new, buffer, shape), view.reshape(shape))


def test_a_rotation_is_undone_by_its_inverse_only() -> None:
    placement, _ = own(2, 3, 4)
    turned = transposed(placement, [1, 2, 0])
    assert [s.as_int() for s in turned.strides] == [4, 1, 12]
    assert untransposed(turned, [1, 2, 0]) == placement
    assert [s.as_int() for s in untransposed(placement, [1, 2, 0]).strides] == [1, 12, 4]


def test_row_major_and_whole() -> None:
    placement, _ = own(2, 3)
    value = placement.root
    assert is_whole(value, placement)
    assert not is_whole(value, transposed(placement, [1, 0]))
    assert not is_whole(value, Placement(value, const(1), placement.strides))
    part = Block(arg_types=[TensorType(f32, [1, 3])]).args[0]
    assert not is_whole(part, placement)
    assert is_row_major(exprs([1, 3]), exprs([17, 1])), "the stride of a dim of size 1 does not count"
    assert not is_row_major(exprs([2, 3]), exprs([6, 1]))


@pytest.mark.parametrize(
    ("offset", "strides", "align"),
    [
        ("0", ("3", "1"), 64), ("3", ("3", "1"), 1), ("8", ("3", "1"), 8), ("0", ("12", "1"), 4), ("6", ("12", "1"), 2),
        ("8*N", ("12", "1"), 4), ("N", ("12", "1"), 1),
    ],
)  # fmt: skip
def test_alignment_is_what_divides_offset_and_strides(offset: str, strides: tuple[str, ...], align: int) -> None:
    placement, _ = own(2, 3)
    moved = Placement(placement.root, parse_expr(offset), tuple(map(parse_expr, strides)))
    assert layout_of(placement.root, moved).align == align
