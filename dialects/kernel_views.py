"""What a `kernel.view` means in addresses: the dims behind each coordinate, merged where memory is contiguous."""

from __future__ import annotations

from typing import TypeAlias

from .dims import Expr, product
from .kernel_tile import ViewOp

Dim: TypeAlias = tuple[Expr, Expr]
"""Extent and stride (elements)."""


def merged_groups(view: ViewOp) -> list[list[Dim]]:
    """
    For each coordinate of the view the (extent, stride) pairs that it runs over, outermost first: dims of extent one are left out, and
    neighbours that one stride walks through are one. A TMA descriptor has these dims, in this order, outermost first.
    """
    dims, strides = view.dims.exprs, view.strides.exprs
    groups: list[list[Dim]] = []
    for group in view.group_dims():
        merged: list[Dim] = []
        for d in reversed(group):
            extent, stride = dims[d], strides[d]
            if extent == 1:
                continue
            if merged and stride == merged[0][1] * merged[0][0]:
                merged[0] = (extent * merged[0][0], merged[0][1])
            else:
                merged.insert(0, (extent, stride))
        groups.append(merged)
    return groups


def group_extents(view: ViewOp) -> list[Expr]:
    """The number of values of each coordinate."""
    return [product(view.dims.exprs[d] for d in group) for group in view.group_dims()]
