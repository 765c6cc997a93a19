"""Results of products that are stored with several dims in the place of one: part of `assign-destinations`.

    %0 = fusion.group "conv" ... -> tensor<1x14x14x512xf16>        %0 = fusion.group "conv" ... { ...
    %1 = nn.reshape %0 : tensor<1x14x28x256xf16>                     %r = nn.reshape %c : tensor<14x14x2x256xf16> }
    %2 = nn.concat %skip, %1 {axis = 3}                     ->     %1 = nn.reshape %0 : tensor<1x14x28x256xf16>

A reshape that parts a dim, such as the pixels of a transposed convolution, must be contiguous along it, so that the result could not be
written into a concat or transposed. With the parts as dims of its own the result has a stride for each of them.
"""

from __future__ import annotations

from xdsl.ir import SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ...dialects.dims import Expr
from ...dialects.fusion import GroupOp, LayoutAttr
from ...dialects.nn import shape_of
from ...dialects.provenance import NAMES, helper_location
from ...dialects.strided import View, refined
from ..kernels.building.group import GroupView
from ..kernels.schedules.matching import Matcher
from ..remarks import remark

NAME = "assign-destinations"


def split_result(reshape: nn.ReshapeOp, at: View[SSAValue], matcher: Matcher) -> str | None:
    """Let the group before a reshape, the only reader of its result, give this with all dims of both, for a result of the reshape at a
    place; or why it cannot."""
    group = reshape.x.owner
    if not isinstance(group, GroupOp) or len(group.results) != 1:
        return "what it reshapes is not the only result of a group"
    dims = refined(shape_of(reshape.x), shape_of(reshape.result))
    if dims is None:
        return "its dims cross those of what it reshapes"
    view = at.reshaped(dims)
    if isinstance(view, str):
        return view
    new = _with_dims(group, dims)
    Rewriter.insert_op(new, InsertPoint.before(group))
    layouts = [*(LayoutAttr.get() for _ in new.operands), LayoutAttr.of(view)]
    answer = matcher.answer(GroupView.of(new, layouts))
    if answer.schedule is None:
        new.detach()
        new.erase()
        return f"with a stride for each of its dims {answer.why}"
    reshape.operands[0] = new.results[0]
    group.detach()
    group.erase()
    remark(new, "applied", NAME, f"its result has the dims [{', '.join(map(str, dims))}], each with a stride")
    return None


def _with_dims(group: GroupOp, dims: tuple[Expr, ...]) -> GroupOp:
    """A copy of a group, not yet inserted, that ends in a reshape of its result."""
    body = group.body.clone()
    (result,) = group.results
    new = GroupOp(group.anchor.data, group.operands, [nn.tensor_type(dims, nn.element_of(result))], body)
    new.attributes.update({name: value for name, value in group.attributes.items() if name != NAMES})
    new.location = group.location
    end = new.yield_op
    reshape = nn.ReshapeOp(end.operands[0], dims)
    reshape.location = helper_location("reshape", group.location)
    new.block.insert_op_before(reshape, end)
    end.operands[0] = reshape.result
    return new
