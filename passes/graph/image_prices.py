"""Prices of a first conv that reads its image as it is, and of one that reads an image which a launch has padded (`pad-channels`)."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Attribute, Block, Operation, SSAValue

from ...dialects import nn
from ...dialects.fusion import LayoutAttr
from ...dialects.nn import stored_of, with_element
from ...dialects.strided import View, through
from ..kernels.building.group import GroupView
from ..kernels.schedules.competition import Prices
from .editing import rebuilt

ALONE, PADDED = "as it is", "padded"


def image_prices(op: nn.ConvOp, padded: nn.ConvOp, source: SSAValue, prices: Prices) -> dict[str, float]:
    """
    Microseconds by option, in order of preference. `padded` is what would replace `op`; `source` is the image as it lies in memory before
    what leads from it to either conv: at most a transpose, which is a view, and a cast, and for `padded` a pad and a reshape.
    """
    wanted, stored = nn.multiplied_in(op), stored_of(source)
    before, pads = (_moves(source, conv.x) for conv in (op, padded))
    seen = through(before, _whole(source))
    assert not isinstance(seen, str), seen
    inside = _conv(op, op, stored, prices, seen)
    ready = _launch(op, source, before, wanted, prices) + _conv(op, op, wanted, prices)
    prepared = _launch(op, source, pads, wanted, prices) + _conv(op, padded, wanted, prices)
    return {ALONE: min(inside, ready), PADDED: prepared}


def _whole(value: SSAValue) -> View[int]:
    return View.whole(0, nn.shape_of(value))


def _moves(source: SSAValue, value: SSAValue) -> list[Operation]:
    """The transpose and the pad that make `value` from `source`; a cast joins them, a reshape of whole rows does nothing."""
    found: list[Operation] = []
    while value is not source:
        assert isinstance(value.owner, Operation)
        if not isinstance(value.owner, nn.CastOp | nn.ReshapeOp):
            found.append(value.owner)
        value = value.owner.operands[0]
    return found[::-1]


def _launch(scope: Operation, source: SSAValue, ops: Sequence[Operation], element: Attribute, prices: Prices) -> float:
    """Ops that move elements, in one launch that writes them as `element`; 0 where there is nothing to do."""
    block = Block(arg_types=[with_element(source, stored_of(source))])
    value: SSAValue = block.args[0]
    for op in ops:
        block.add_op(moved := rebuilt(op, [value], [with_element(op.results[0], stored_of(source))]))
        value = moved.results[0]
    if element != stored_of(source):
        block.add_op(cast := nn.CastOp(value, element))
        value = cast.result
    if value is block.args[0]:
        return 0.0
    return prices.of(GroupView(scope, "pointwise", list(block.ops), block.args, [value]))


def _conv(
    scope: Operation, conv: nn.ConvOp, element: Attribute, prices: Prices, seen: View[int] | None = None
) -> float:
    """A conv that reads an image of `element` as `seen` in memory, and casts it on the way where it multiplies another type."""
    wanted = nn.multiplied_in(conv)
    block = Block(arg_types=[with_element(conv.x, element), with_element(conv.w, wanted)])
    image, weights = block.args
    value: SSAValue = image
    if element != wanted:
        block.add_op(cast := nn.CastOp(image, wanted))
        value = cast.result
    made = nn.ConvOp(
        value, weights, nn.values_of(conv.strides), nn.values_of(conv.pads), nn.values_of(conv.dilations), element_type=wanted
    )  # fmt: skip
    block.add_op(made)
    layouts = [LayoutAttr.of(view) for view in (seen or _whole(image), _whole(weights), _whole(made.result))]
    return prices.of(GroupView(scope, "conv", list(block.ops), block.args, [made.result], layouts=layouts))
