"""The addresses of a `kernel.view`: the dims of each coordinate, merged where memory is contiguous."""

from __future__ import annotations

from ..dims import Expr, const, product
from ..strided import Dim, merged
from .tile.memory import ViewOp


def merged_groups(view: ViewOp) -> list[list[Dim]]:
    """
    For each coordinate of the view the (extent, stride) pairs that it runs over, outermost first: dims of extent one are left out, and
    neighbours that one stride walks through are one.
    """
    dims, strides = view.dims.exprs, view.strides.exprs
    return [merged([dims[d] for d in group], [strides[d] for d in group]) for group in view.group_dims()]


def tensor_map_groups(view: ViewOp) -> list[list[Dim]]:
    """
    The dims of the view's TMA descriptor by coordinate, outermost first: the merged dims, but with at least one dim for rows and for
    columns, so that a box of several rows of a tensor of one row is filled up with zeros.
    """
    groups = merged_groups(view)
    columns = groups[-1] or [(const(1), const(1))]
    rows = groups[-2] or [(const(1), columns[-1][0])]
    return [*groups[:-2], rows, columns]


def group_extents(view: ViewOp) -> list[Expr]:
    """The number of values of each coordinate."""
    return [product(view.dims.exprs[d] for d in group) for group in view.group_dims()]
