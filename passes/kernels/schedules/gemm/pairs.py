"""
Two products of one operand A whose results the epilogue combines: the gate and the up projection of a feed-forward layer.

    %0 = nn.matmul %x, %w              a block's tile has half of its columns from each B: A is read once, and both accumulators
    %1 = nn.matmul %x, %v              are in registers where the epilogue computes an element of the result
    %2 = nn.silu %0
    %3 = nn.mul %2, %1
"""

from __future__ import annotations

from .....dialects import nn
from .....dialects.dtypes import is_float
from ...building.group import GroupView
from ...building.schedule import Refusal
from .sums import Product, refuse_sum


def is_pair(group: GroupView, first: Product, second: Product) -> bool:
    """Whether two products read one A, and are no sum, which needs one accumulator only."""
    return first.operands[0] is second.operands[0] and refuse_sum(group, first, second) is not None


def refuse_pair(group: GroupView, first: Product, second: Product) -> Refusal | None:
    """Why two products of one A cannot be computed side by side, or None."""
    differing = [
        name
        for name in sorted({*first.properties, *second.properties})
        if first.properties.get(name) != second.properties.get(name)
    ]
    if type(first) is not type(second) or differing:
        return Refusal(f"expected two products of one form, got other {', '.join(differing) or 'ops'}", second)
    if nn.shape_of(first.operands[1]) != nn.shape_of(second.operands[1]):
        return Refusal(
            f"expected second operands of one shape, got {first.operands[1].type} and {second.operands[1].type}", second
        )
    for op in (first, second):
        if isinstance(op, nn.ConvOp) and op.groups.value.data != 1:
            return Refusal(f"expected two products of one group, got {op.groups.value.data}", op)
        if not is_float(nn.element_of(op.result)):
            return Refusal(f"expected two float products, got {nn.element_of(op.result)}", op)
        if nn.element_of(op.operands[1]) != nn.element_of(first.operands[1]):
            return Refusal("expected two products of the same element types", op)
    before = group.maker(first.operands[0])
    if before is not None and nn.is_pointwise(before):
        return Refusal("expected two products of an operand in memory", first)
    return None
