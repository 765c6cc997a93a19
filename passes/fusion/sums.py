"""Sums of two products: whether a group around one of them takes in the other, so that both use one accumulator.

%0 = nn.conv %h, %w
%1 = nn.conv %x, %v         one group of both convs where a schedule takes it (kernels/schedules/gemm/sums.py) and one launch
%2 = nn.add %0, %1          costs no more than two, of which one writes a tensor that the other reads
%3 = nn.relu %2
"""

from __future__ import annotations

from math import inf

from xdsl.ir import Operation

from ...dialects import nn, quant
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import UNCERTAINTY, decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from .regions import Growth, Region
from .results import results_of
from .storage import answer_of, price_of

ONE, TWO = "in one accumulator", "a launch of its own"


def with_second_product(
    region: Region, view: GroupView, ops: list[Operation], growth: Growth, matcher: Matcher, prices: Prices, name: str
) -> tuple[GroupView, list[Operation]]:
    """The group with another product that only its sum reads, where that pays; else the group as it is. Remarks are in the name of the
    pass `name`."""
    second = _second_product(region.anchor, ops, growth)
    if second is None:
        return view, ops
    together = growth.in_order([*ops, second])
    whole = GroupView.of_region(region.kind, together, results_of(together, view.results[0]))
    alone = GroupView.of_region(region.kind, [second], second.results[0])
    apart, both = (price_of(part, growth.constants, matcher, prices) for part in (view, whole))
    if both == inf:
        _, answer = answer_of(whole, whole.operands, growth.constants, matcher)
        why = "; ".join(map(str, answer.missed)) or answer.why
        remark(second, "missed", name, f"not added to {region.anchor.name} in one accumulator: {why}")
        return view, ops
    decision = decide(
        "sum of products", {ONE: both, TWO: apart + price_of(alone, growth.constants, matcher, prices)}, UNCERTAINTY
    )
    if decision.chosen == TWO:
        remark(second, "missed", name, f"not added to {region.anchor.name} in one accumulator: {decision}")
        return view, ops
    remark(second, "analysis", name, str(decision))
    growth.taken.add(second)
    return whole, together


def _second_product(anchor: Operation, ops: list[Operation], growth: Growth) -> Operation | None:
    """A product of no group yet that only an addition of this group reads."""
    if not isinstance(anchor, nn.ConvOp | nn.MatmulOp) or any(isinstance(op, quant.DequantizeOp) for op in ops):
        return None
    inside = set(ops)
    for op in ops:
        for operand in op.operands if isinstance(op, nn.AddOp) else ():
            maker = operand.owner
            if (
                isinstance(maker, type(anchor))
                and maker in growth.position
                and maker not in growth.taken
                and maker not in inside
                and operand.has_one_use()
                and operand.type == anchor.results[0].type
                and operand not in growth.constants
                and maker not in growth.reserved.values()
            ):
                return maker
    return None
