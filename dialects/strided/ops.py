"""View-like `nn` ops on views: from the view of an operand to that of the result, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from xdsl.ir import Operation

from .. import nn
from .view import View

Owner = TypeVar("Owner")

VIEW_OPS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastToOp)
"""The ops whose result may be a view of their operand."""


def result_view(op: Operation, source: View[Owner]) -> View[Owner] | str:
    """The view of an op's result if it can be a view of an operand at `source`, or the reason why it cannot."""
    match op:
        case nn.ReshapeOp():
            return source.reshaped(nn.shape_of(op.result))
        case nn.TransposeOp():
            return source.transposed(nn.values_of(op.permutation))
        case nn.SliceOp():
            return source.sliced(op.starts.exprs, nn.values_of(op.steps), nn.shape_of(op.result))
        case nn.BroadcastToOp():
            return source.broadcast(nn.shape_of(op.result))
        case _:
            return f"the result of {op.name} is no view of an operand"


def through(ops: Iterable[Operation], source: View[Owner]) -> View[Owner] | str:
    """The view at the end of a chain of view-like ops, the one nearest to `source` first, or the reason why one of them is no view."""
    at: View[Owner] | str = source
    for op in ops:
        if isinstance(at, str):
            break
        at = result_view(op, at)
    return at


def operand_views(op: Operation, result: View[Owner]) -> Sequence[View[Owner]] | str:
    """The view of each operand of an op if it is to lie in the result, at `result`, or the reason why it cannot. Linear in the number of
    operands."""
    match op:
        case nn.ReshapeOp():
            view = result.reshaped(nn.shape_of(op.x))
            return view if isinstance(view, str) else (view,)
        case nn.TransposeOp():
            return (result.untransposed(nn.values_of(op.permutation)),)
        case nn.ConcatOp():
            return tuple(result.parts(op.axis.value.data, [nn.shape_of(value) for value in op.inputs]))
        case _:
            return f"the operands of {op.name} are no views of its result"
