"""Two products in one group: their sum, or two of one operand A whose results meet in the ops after them.

%0 = nn.conv %h, %w
%1 = nn.conv %x, %v         one group of both convs where a schedule takes it (kernels/schedules/gemm/sums.py) and one launch
%2 = nn.add %0, %1          costs no more than two, of which one writes a tensor that the other reads
%3 = nn.relu %2

%0 = nn.matmul %x, %w
%1 = nn.matmul %x, %v       likewise (kernels/schedules/gemm/pairs.py): the gate and up projections of a feed-forward layer
%2 = nn.silu %0
%3 = nn.mul %2, %1
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from xdsl.ir import Operation

from ...dialects import nn, quant
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import UNCERTAINTY, Decision, decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from .regions import Growth, Region
from .results import results_of
from .storage import answer_of, price_of

ONE, TWO = "in one accumulator", "a launch of its own"
BESIDE = "in one launch"


def with_second_product(
    region: Region, view: GroupView, ops: list[Operation], growth: Growth, matcher: Matcher, prices: Prices, name: str
) -> tuple[GroupView, list[Operation]]:
    """The group with another product that only its ops read, where that pays; else the group as it is. Remarks are in the name of the
    pass `name`."""
    second = second_product(region.anchor, ops, growth)
    if second is None:
        return view, ops
    together = growth.in_order([*ops, second])
    whole = GroupView.of_region(region.kind, together, results_of(together, view.results[0]))
    alone = GroupView.of_region(region.kind, [second], second.results[0])
    apart, both = (price_of(part, growth.constants, matcher, prices) for part in (view, whole))
    how = "computed beside" if _has_same_operand(region.anchor, second) else "added to"
    where = f"not {how} {region.anchor.name} {_together(region.anchor, second)}"
    if both == inf:
        _, answer = answer_of(whole, whole.operands, growth.constants, matcher)
        why = "; ".join(map(str, answer.missed)) or answer.why
        remark(second, "missed", name, f"{where}: {why}")
        return view, ops
    decision = decide_second(region.anchor, second, both, apart + price_of(alone, growth.constants, matcher, prices))
    if decision.chosen == TWO:
        remark(second, "missed", name, f"{where}: {decision}")
        return view, ops
    remark(second, "analysis", name, str(decision))
    growth.taken.add(second)
    return whole, together


def decide_second(anchor: Operation, second: Operation, both: float, apart: float) -> Decision:
    """The decision between a group of two products and a group for each, at these prices."""
    what = "products of one operand" if _has_same_operand(anchor, second) else "sum of products"
    return decide(what, {_together(anchor, second): both, TWO: apart}, UNCERTAINTY)


def second_product(
    anchor: Operation, ops: list[Operation], growth: Growth, free: Collection[Operation] = ()
) -> Operation | None:
    """A product of no group yet that only this group reads: in an addition, or of the same operand A. `free`: anchors of groups that do not
    stand yet."""
    if not isinstance(anchor, nn.ConvOp | nn.MatmulOp) or any(isinstance(op, quant.DequantizeOp) for op in ops):
        return None
    inside = set(ops)
    for op in ops:
        for operand in op.operands if nn.is_pointwise(op) or isinstance(op, nn.ApplyMomentsOp) else ():
            maker = operand.owner
            if (
                isinstance(maker, type(anchor))
                and (isinstance(op, nn.AddOp) or _has_same_operand(anchor, maker))
                and maker in growth.position
                and (maker not in growth.taken or maker in free)
                and maker not in inside
                and operand.has_one_use()
                and operand.type == anchor.results[0].type
                and operand not in growth.constants
                and maker not in growth.reserved.values()
            ):
                return maker
    return None


def _has_same_operand(anchor: Operation, second: Operation) -> bool:
    return anchor.operands[0] is second.operands[0]


def _together(anchor: Operation, second: Operation) -> str:
    return BESIDE if _has_same_operand(anchor, second) else ONE
