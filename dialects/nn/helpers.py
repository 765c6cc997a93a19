"""Helper ops: they serve a node without computing it, such as changes of layout, padding and casts around a conv.

    %0 = nn.transpose %x {permutation = array<i64: 0, 2, 3, 1>}  loc(callsite("transpose" at "conv1"("Conv#12")))
    %1 = nn.conv %0, %w                                          loc("conv1"("Conv#12"))

Such an op may end up in the group of a neighbour; that does not make the node part of the group.
"""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import Operation

from ..provenance import helper_location
from .data import BroadcastToOp, ConcatOp, ReshapeOp, SliceOp, TransposeOp
from .padding import PadOp
from .pointwise import CastOp
from .rolls import RollOp
from .weights import SOURCES, WeightOp

REARRANGING = (TransposeOp, ReshapeOp, SliceOp, ConcatOp, BroadcastToOp, PadOp, RollOp, CastOp)
_SOURCES = (*SOURCES, WeightOp)


def rearranges(op: Operation) -> bool:
    """Whether an op computes no new numbers: it moves, pads or converts those that are there."""
    return isinstance(op, REARRANGING)


def mark_helpers(ops: Iterable[Operation]) -> None:
    """Marks as helpers those of one node's ops that rearrange, where another op of the node computes. A node that only rearranges, such as
    a Transpose or a Flatten, has no helpers."""
    made = [op for op in ops if not isinstance(op, _SOURCES)]
    if all(map(rearranges, made)):
        return
    for op in filter(rearranges, made):
        op.location = helper_location(op.name.partition(".")[2], op.location)
