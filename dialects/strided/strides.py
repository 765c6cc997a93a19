"""Strides of dims, in elements, outermost first: row-major ones, which ones are alike, dims that one stride walks, reshapes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import TypeAlias

from ..dims import Expr, const

Dim: TypeAlias = tuple[Expr, Expr]
"""Extent and stride."""


def row_major_strides(dims: Sequence[Expr]) -> tuple[Expr, ...]:
    """The strides of a row-major tensor without gaps."""
    if not dims:
        return ()
    return tuple(accumulate(reversed(dims[1:]), mul, initial=const(1)))[::-1]


def same_strides(dims: Sequence[Expr], a: Sequence[Expr], b: Sequence[Expr]) -> bool:
    """Whether two lists of strides reach the same elements: strides of dims of size 1 do not count."""
    return all(extent == 1 or x == y for extent, x, y in zip(dims, a, b, strict=True))


def is_row_major(dims: Sequence[Expr], strides: Sequence[Expr]) -> bool:
    """Whether the strides leave no gaps and keep the order."""
    return same_strides(dims, strides, row_major_strides(dims))


def merged(dims: Sequence[Expr], strides: Sequence[Expr]) -> list[Dim]:
    """The same elements in the same order over as few dims as possible: those of size 1 are left out, and neighbours that one stride
    walks are one."""
    found: list[Dim] = []
    for extent, stride in zip(dims, strides, strict=True):
        if extent == 1:
            continue
        if found and found[-1][1] == stride * extent:
            found[-1] = (found[-1][0] * extent, stride)
        else:
            found.append((extent, stride))
    return found


def refined(dims: Sequence[Expr], others: Sequence[Expr]) -> tuple[Expr, ...] | None:
    """The fewest dims, none of size 1, that both lists merge to theirs; None where their bounds cross."""
    found: list[Expr] = []
    left, right = ([d for d in listed if d != 1] for listed in (dims, others))
    while left and right:
        a, b = left.pop(), right.pop()
        if a != b and (a // b) * b == a:
            left.append(a // b)
        elif a != b and (b // a) * a == b:
            right.append(b // a)
            b = a
        elif a != b:
            return None
        found.append(b)
    return None if left or right else tuple(reversed(found))


def split_runs(dims: Sequence[Expr], finer: Sequence[Expr]) -> list[list[int]] | None:
    """For each dim the numbers of those of `finer` that merge to it, one after the other; None where they do not. One of size 1 may have
    none."""
    runs: list[list[int]] = []
    number = 0
    for extent in dims:
        run, covered = list[int](), const(1)
        while covered != extent:
            if number == len(finer):
                return None
            run.append(number)
            covered = covered * finer[number]
            number += 1
        runs.append(run)
    rest = list(range(number, len(finer)))
    if any(finer[i] != 1 for i in rest) or (rest and not runs):
        return None
    if rest:
        runs[-1] += rest
    return runs


def collapse(
    dims: Sequence[Expr], strides: Sequence[Expr], groups: Sequence[Sequence[int]]
) -> tuple[list[Expr], list[Expr], list[list[int]]]:
    """Dims, strides and groups of the same coordinates over fewer dims: those of each group are merged. A group holds the numbers of
    the dims that one coordinate runs over, row-major."""
    new_dims, new_strides, new_groups = list[Expr](), list[Expr](), list[list[int]]()
    for group in groups:
        kept = merged([dims[d] for d in group], [strides[d] for d in group])
        new_groups.append(list(range(len(new_dims), len(new_dims) + len(kept))))
        new_dims += [extent for extent, _ in kept]
        new_strides += [stride for _, stride in kept]
    return new_dims, new_strides, new_groups


def reshaped_strides(
    dims: Sequence[Expr], strides: Sequence[Expr], new_dims: Sequence[Expr]
) -> tuple[Expr, ...] | None:
    """The strides with which `new_dims` give the same elements in the same order; None if there are none, so that a copy is needed."""
    if 0 in dims or is_row_major(dims, strides):  # no elements have no order
        return row_major_strides(new_dims)
    found: list[Expr] = []
    pending = list(reversed(new_dims))
    for size, inner in reversed(merged(dims, strides)):
        covered = const(1)
        while covered != size or (pending and pending[0] == 1):
            if not pending:
                return None
            extent = pending.pop(0)
            found.append(inner * covered)
            covered = covered * extent
    if any(extent != 1 for extent in pending):
        return None
    found += [const(0)] * len(pending)
    return tuple(reversed(found))
