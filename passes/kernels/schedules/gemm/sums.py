"""
The sum of two products in one accumulator: a shortcut conv and the last conv of a residual block.

    %0 = nn.conv %h, %w                one loop over the steps of K of both products: the first pair of operands, then the second
    %1 = nn.conv %x, %v
    %2 = nn.add %0, %1
    %3 = nn.relu %2

The first product's result stands for the whole accumulator, the second one's for zero: true where both reach one sum through additions
alone, of biases on the way.
"""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from .....dialects import nn
from ...building.group import GroupView
from ...building.schedule import Refusal

Product = nn.ConvOp | nn.MatmulOp


def products_of(group: GroupView) -> list[Product]:
    """The one or two products that a group is about, none where it has other anchors."""
    found = [op for op in group.anchors if isinstance(op, nn.ConvOp | nn.MatmulOp)]
    return found if len(found) == len(group.anchors) and len(found) < 3 else []


def refuse_sum(group: GroupView, first: Product, second: Product) -> Refusal | None:
    """Why two products cannot share an accumulator, or None."""
    for op in (first, second):
        if isinstance(op, nn.ConvOp) and op.groups.value.data != 1:
            return Refusal(f"expected the sum of two products of one group, got {op.groups.value.data}", op)
        before = group.maker(op.operands[0])
        if before is not None and nn.is_pointwise(before):
            return Refusal("expected the sum of two products whose operands are in memory", op)
        if op.result in group.results:
            return Refusal("expected the sum of two products as a result, got one of the two", op)
    if type(first) is not type(second) or nn.shape_of(first.result) != nn.shape_of(second.result):
        return Refusal(
            f"expected two products of one kind and shape, got {first.result.type} and {second.result.type}", second
        )
    if [nn.element_of(v) for v in first.operands] != [nn.element_of(v) for v in second.operands]:
        return Refusal("expected two products of the same element types", second)
    if isinstance(first, nn.MatmulOp) and isinstance(second, nn.MatmulOp) and first.transpose_b != second.transpose_b:
        return Refusal("expected both second operands stored in one order", second)
    ways = [_additions(group, op.result) for op in (first, second)]
    if not set(ways[0]) & set(ways[1]):
        return Refusal("expected two products that reach one sum through additions alone", second)
    return None


def _additions(group: GroupView, value: SSAValue) -> list[Operation]:
    """The additions that follow a value one after the other while nothing else reads what they give."""
    inside = set(group.ops)
    found: list[Operation] = []
    while True:
        users = [use.operation for use in value.uses if use.operation in inside]
        if len(users) != 1 or not isinstance(users[0], nn.AddOp) or value in group.results:
            return found
        found.append(users[0])
        value = users[0].result
