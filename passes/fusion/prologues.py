"""Whether a product computes the pointwise ops before its operand A itself, or a launch of its own does before it.

In the product they cost instructions in every block that reads the operand, and a schedule that does not take what TMA brings as it is;
alone they cost a launch, and a tensor that is written and read again. Both sides are priced with their tensors as they will lie in memory.
"""

from __future__ import annotations

from collections.abc import Collection

from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import UNCERTAINTY, Decision, decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from .storage import price_of

_PRODUCTS = {nn.ConvOp: "conv", nn.MatmulOp: "matmul"}


def decide_prologue(
    anchor: Operation,
    prologue: list[Operation],
    view: GroupView,
    apart: GroupView,
    constants: Collection[SSAValue],
    matcher: Matcher,
    prices: Prices,
) -> Decision | None:
    """The decision between a group with the ops before its product (`view`) and without (`apart`); None where there is no choice, since
    they dequantize and the product computes on integers."""
    if not isinstance(anchor, nn.ConvOp | nn.MatmulOp) or not prologue or not nn.is_pointwise(prologue[0]):
        return None
    if anchor.operands[0].owner is not prologue[0] or any(op.name.startswith("quant.") for op in prologue):
        return None

    alone = GroupView.of_region("pointwise", prologue[::-1], anchor.operands[0])
    inside, rest, before = (price_of(part, constants, matcher, prices) for part in (view, apart, alone))
    options = {f"in the {_PRODUCTS[type(anchor)]}": inside, "a launch of its own": rest + before}
    if [type(op) for op in prologue] == [nn.CastOp]:
        return decide("cast of the image", options)
    # The launch of its own is small and leaves its result in L2: its price is better known than those of launches that differ.
    return decide("prologue", options, UNCERTAINTY)
