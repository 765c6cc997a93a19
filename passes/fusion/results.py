"""Groups of several results: which values, beside its last one, a region may leave in memory for ops outside that read them.

    %0 = nn.add %x, %y            %0:2 = fusion.group "row" ... {
    %1 = nn.layer_norm %0 ...       %0 = nn.add ...
    %2 = nn.matmul %1, %w    ->     %1 = nn.layer_norm %0
    %3 = nn.add %0, %2              fusion.yield %1, %0
                                  }

Every op outside that reads such a value stands after the last op of the region, where its group will stand: so no path leaves the group
and comes back. A value that only row ops read is left to them, since they compute it as they load.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from xdsl.ir import Operation, SSAValue, Use

from ...dialects import nn
from ...dialects.nn import shape_of

KEEPING = ("conv", "matmul", "pointwise", "row", "window", "gather")
"""The kinds of groups whose schedules store several results."""
_ELEMENTWISE = (nn.SoftmaxOp, nn.LayerNormOp, nn.NormalizeOp, nn.L2NormalizeOp)
"""Row ops whose result has the shape of what they read."""


def first_position(uses: Iterable[Use], position: Mapping[Operation, int]) -> int:
    """The position of the first of these uses; -1 where one is not known to stand in the block, or reads a lookup's table."""
    places = [-1 if nn.is_lookup(u.operation) and u.index == 0 else position.get(u.operation, -1) for u in uses]
    return min(places, default=-1)


def refuse_result(value: SSAValue, main: SSAValue) -> str | None:
    """Why a value cannot be a result beside `main`, or None."""
    if shape_of(value) != shape_of(main):
        return "it has another shape than the group's result"
    return None


def keeps_results(kind: str, anchor: Operation) -> bool:
    """Whether groups of this kind around this anchor may have several results."""
    return kind in KEEPING and (kind != "row" or isinstance(anchor, _ELEMENTWISE))


def results_of(ops: Sequence[Operation], main: SSAValue) -> list[SSAValue]:
    """The results of a group of these ops: its last value, then those that ops outside read too."""
    inside = set(ops)
    others = [r for op in ops for r in op.results if r is not main and _is_read_outside(r, inside)]
    return [main, *others]


def with_moments(ops: Sequence[Operation], taken: Collection[Operation]) -> list[Operation]:
    """The ops of a product's group, and the moments of rows of values among theirs, which are results too: no group has these yet."""
    users = [use.operation for op in ops for result in op.results for use in result.uses]
    return [*ops, *(user for user in users if isinstance(user, nn.RowMomentsOp) and user not in taken)]


def _is_read_outside(value: SSAValue, inside: Collection[Operation]) -> bool:
    return any(use.operation not in inside for use in value.uses)


def comes_from_a_fusing_op(
    op: Operation, kinds: Collection[type[Operation]], is_free: Callable[[Operation], bool]
) -> bool:
    """Whether an operand of a pointwise op is made by an op, free to do so, that will anchor a group of its own and take this op in."""
    owners = (operand.owner for operand in op.operands)
    return any(isinstance(o, Operation) and isinstance(o, tuple(kinds)) and is_free(o) for o in owners)
