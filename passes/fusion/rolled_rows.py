"""Rows that a roll moves, and the views on its either side: what a row or pointwise group reads where it is (building/moved_rows.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from xdsl.ir import Operation

from ...dialects import nn
from ...dialects.dims import Expr
from ...dialects.nn import shape_of
from ..kernels.building.moved_rows import MoveOp, kept_dims

_VIEWS = (nn.ReshapeOp, nn.TransposeOp)


def rolled_rows(
    op: Operation,
    dims: tuple[Expr, ...],
    columns: int | None,
    position: Mapping[Operation, int],
    taken: Collection[Operation],
    limit: int,
) -> list[MoveOp] | str | None:
    """
    The ops from `op`, which a group reads at the shape `dims`, back to a roll, where only views lie between, and what is turned before it;
    nearest first. A reason where the group cannot read these, None where there is no roll. `columns`: how many last dims the group walks
    at once for each of its rows, None where it does not read by rows; `position`: of the ops of the block; `taken`: those in other groups;
    `limit`: the last position of the group.
    """
    ops: list[MoveOp] = []
    before: object = op
    while isinstance(before, (*_VIEWS, nn.RollOp)) and before in position:
        ops.append(before)
        if isinstance(before, nn.RollOp):
            break
        before = before.x.owner
    if not ops or not isinstance(ops[-1], nn.RollOp) or shape_of(ops[0].result) != dims:
        return None
    if any(each in taken for each in ops):
        return "it is in another group"
    if columns is None:
        return "it is not read row by row"
    if min(map(kept_dims, ops)) < columns:
        return "it moves elements of the rows that are read"
    if not all(each.result.has_one_use() for each in ops):
        return "ops outside the group read it too"
    if any(position[each] > limit for each in ops):
        return "an op before it reads another result of the group"
    return ops + _turned_before(ops[-1], columns, position)


def _turned_before(op: MoveOp, columns: int, position: Mapping[Operation, int]) -> list[MoveOp]:
    """The views before a roll that a group also reads through, where one of them is a transpose: what makes its operand then need not
    write it in another order."""
    ops: list[MoveOp] = []
    before: object = op.x.owner
    while (
        isinstance(before, _VIEWS)
        and before in position
        and before.result.has_one_use()
        and kept_dims(before) >= columns
    ):
        ops.append(before)
        before = before.x.owner
    turns = [i for i, each in enumerate(ops, 1) if isinstance(each, nn.TransposeOp)]
    return ops[: turns[-1]] if turns else []


def columns_of(kind: str, anchor: Operation, dims: tuple[Expr, ...]) -> int | None:
    """How many last dims a group of a kind walks at once for each of its rows of a space `dims`; None where it does not read by rows."""
    if kind == "pointwise":
        return 1
    if kind != "row" or not isinstance(anchor, nn.ROW_WISE) or shape_of(anchor.x) != dims:
        return None
    axes = nn.reduced_axes(anchor)
    return len(axes) if axes == list(range(len(dims) - len(axes), len(dims))) else None
