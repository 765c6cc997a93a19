"""Where a tensor lies inside another's buffer: offset and strides as dim expressions, in elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from xdsl.ir import SSAValue

from ...dialects.dims import Expr, const, product
from ...dialects.fusion import LayoutAttr, row_major_strides
from ...dialects.nn import shape_of

_MOST_ALIGN = 64
"""Elements; the buffers themselves are aligned to at least 256 bytes."""


@dataclass(frozen=True)
class Placement:
    """A tensor as a view of the buffer of `root`, which is row-major."""

    root: SSAValue
    offset: Expr
    strides: tuple[Expr, ...]

    @staticmethod
    def own(value: SSAValue) -> Placement:
        """A value in a buffer of its own."""
        return Placement(value, const(0), row_major_strides(shape_of(value)))


def is_row_major(dims: Sequence[Expr], strides: Sequence[Expr]) -> bool:
    """Whether the strides leave no gaps and keep the order; strides of dims of size 1 do not count."""
    return all(d.as_int() == 1 or s == r for d, s, r in zip(dims, strides, row_major_strides(dims), strict=True))


def _known_factor(expr: Expr) -> int:
    """An integer that surely divides the expression; 0 for the constant 0."""
    return gcd(*(coefficient for _, coefficient in expr.terms)) if expr.terms else 0


def layout_of(value: SSAValue, placement: Placement) -> LayoutAttr:
    """The layout attribute of a value placed there. The strides of a row-major tensor do not lower its `align`."""
    dims = shape_of(value)
    strides = None if is_row_major(dims, placement.strides) else placement.strides
    factors = [_known_factor(placement.offset)]
    factors += [
        _known_factor(s) for d, s in zip(dims, strides or (), strict=False) if d.as_int() != 1 and s.as_int() != 1
    ]
    return LayoutAttr.get(strides, gcd(*factors, _MOST_ALIGN))


def transposed(placement: Placement, permutation: Sequence[int]) -> Placement:
    """The placement of a transpose of what is placed there."""
    return Placement(placement.root, placement.offset, tuple(placement.strides[p] for p in permutation))


def untransposed(placement: Placement, permutation: Sequence[int]) -> Placement:
    """The placement of a value whose transpose is placed there."""
    strides = dict(zip(permutation, placement.strides, strict=True))
    return Placement(placement.root, placement.offset, tuple(strides[i] for i in range(len(permutation))))


def sliced(placement: Placement, starts: Sequence[Expr], steps: Sequence[int]) -> Placement:
    """The placement of a slice of what is placed there."""
    offset = sum((start * stride for start, stride in zip(starts, placement.strides, strict=True)), placement.offset)
    return Placement(placement.root, offset, tuple(s * step for s, step in zip(placement.strides, steps, strict=True)))


def broadcast(placement: Placement, dims: Sequence[Expr], wide: Sequence[Expr]) -> Placement:
    """The placement of a broadcast from `dims` to `wide`: stride 0 where elements repeat."""
    missing = len(wide) - len(dims)
    strides = [const(0)] * missing
    for d, w, s in zip(dims, wide[missing:], placement.strides, strict=True):
        strides.append(const(0) if d.as_int() == 1 and w.as_int() != 1 else s)
    return Placement(placement.root, placement.offset, tuple(strides))


def reshaped(placement: Placement, dims: Sequence[Expr], new_dims: Sequence[Expr]) -> Placement | None:
    """The placement of a reshape of what is placed there; None if no strides describe it, so that it needs a copy."""
    strides = reshaped_strides(dims, placement.strides, new_dims)
    return None if strides is None else Placement(placement.root, placement.offset, strides)


def reshaped_strides(
    dims: Sequence[Expr], strides: Sequence[Expr], new_dims: Sequence[Expr]
) -> tuple[Expr, ...] | None:
    """The strides under which `new_dims` see the same elements in the same order; None if there are none."""
    if is_row_major(dims, strides):
        return row_major_strides(new_dims)
    blocks = _blocks(dims, strides)
    found: list[Expr] = []
    pending = list(reversed(new_dims))
    for size, inner in blocks:
        covered = const(1)
        while covered != size or (pending and pending[0].as_int() == 1):
            if not pending:
                return None
            dim = pending.pop(0)
            found.append(inner * covered)
            covered = covered * dim
            if _surely_greater(covered, size):
                return None
    if any(d.as_int() != 1 for d in pending):
        return None
    found += [const(0)] * len(pending)
    return tuple(reversed(found))


def _blocks(dims: Sequence[Expr], strides: Sequence[Expr]) -> list[tuple[Expr, Expr]]:
    """(size, innermost stride) of the longest runs of dims that lie without gaps, innermost first; dims of size 1 left out."""
    blocks: list[tuple[Expr, Expr]] = []
    for dim, stride in reversed(list(zip(dims, strides, strict=True))):
        if dim.as_int() == 1:
            continue
        if blocks and stride == blocks[-1][0] * blocks[-1][1]:
            blocks[-1] = (blocks[-1][0] * dim, blocks[-1][1])
        else:
            blocks.append((dim, stride))
    return blocks


def _surely_greater(a: Expr, b: Expr) -> bool:
    left, right = a.as_int(), b.as_int()
    return left is not None and right is not None and left > right


def is_whole(value: SSAValue, placement: Placement) -> bool:
    """Whether a value is all of its root's buffer, in row-major order."""
    same_size = product(shape_of(value)) == product(shape_of(placement.root))
    return same_size and placement.offset == 0 and is_row_major(shape_of(value), placement.strides)
