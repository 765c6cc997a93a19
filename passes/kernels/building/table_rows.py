"""
Gathers of whole rows beside an anchor that works on such rows: loads whose row comes from an index.

    %0 = nn.gather %table, %ids {axis = 0}         [v, w], [b, s] -> [b, s, w]
    %1 = nn.add %0, %positions                     rows b, s and columns w:
    %2 = nn.layer_norm %1, ... {axis = 2}          row (i, j) of %0 is row ids[i, j] of the table

The slices that the gather copies are the columns of the iteration space, and its indices run over dims of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xdsl.ir import Operation

from ....dialects import nn
from ....dialects.dims import Expr
from ....dialects.strided import Axes, space_axes
from .group import Access, GroupView
from .tiling import WIDEST, vector_width


class TableRows(NamedTuple):
    """What a gather of rows reads: the table over its own dims, the indices over the iteration space."""

    table: Access
    indices: Access

    @property
    def groups(self) -> tuple[list[int], list[int]]:
        """The dims of the table that are rows and columns."""
        return [0], list(range(1, len(self.table.dims)))


def gathers_of(group: GroupView) -> list[nn.GatherOp]:
    """The gathers of rows of a group, but for its anchor."""
    return [op for op in group.ops if isinstance(op, nn.GatherOp) and nn.gathers_rows(op) and op not in group.anchors]


def table_rows(
    group: GroupView, op: Operation | None, axes: Axes, dims: tuple[Expr, ...], groups: Sequence[Sequence[int]]
) -> TableRows | str:
    """How an op of the group, whose result has `axes` in the iteration space `dims`, is such a load; or why it is none. `groups`: the dims
    of the space that are rows and columns."""
    if not isinstance(op, nn.GatherOp) or not nn.gathers_rows(op):
        return "expected a gather of whole rows"
    rows, columns = groups
    split = nn.rank_of(op.indices)
    if list(axes[split:]) != list(columns) or any(axis is not None and axis not in rows for axis in axes[:split]):
        return "expected a gather whose slices are the columns next to the anchor"
    own = nn.shape_of(op.x)
    table = group.access(op.x, space_axes(own, own), own)
    indices = group.access(op.indices, axes[:split], dims)
    if table is None or indices is None:
        return "expected a gather of operands of the group"
    return TableRows(table, indices)


def table_vector(group: GroupView) -> int:
    """Neighbouring columns that a thread may take at once from each table of a group that was not refused."""
    width = WIDEST
    for op in gathers_of(group):
        own = nn.shape_of(op.x)
        access = group.access(op.x, space_axes(own, own), own)
        assert access is not None, "match refuses tables that are not in memory"
        width = min(width, vector_width(group, [access], ([0], list(range(1, len(own))))))
    return width
