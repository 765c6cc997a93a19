"""A pattern of `canonicalize-nn` and `fold-batch-norm`: pointwise ops move before the views that join a transposed convolution's convs.

    %0 = nn.conv %x, %v : ... -> 1x8x8x32                        %0 = nn.conv %x, %v
    %1 = nn.reshape %0 : 1x8x8x32 -> 1x8x1x16x16                 %1 = nn.add %0, %bb          // b twice
    %2 = ... of another conv                              ->     %2 = nn.reshape %1
    %3 = nn.concat %1, %2 {axis = 2}                             ...
    %4 = nn.reshape %3 : 1x8x2x16x16 -> 1x16x16x16               %5 = nn.reshape %4
    %5 = nn.add %4, %b : 16

There they join the convs' groups, and factors reach their weights. Only what has one user moves, and only with numbers and vectors
per channel that are known at build time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from ...dialects import nn
from ...dialects.dims import const
from ...dialects.nn import rank_of, shape_of
from ...dialects.provenance import helper_location
from ..remarks import remark
from .editing import depends_on_constants_only, rebuilt

_JOINS = (nn.SliceOp, nn.ReshapeOp, nn.TransposeOp, nn.ConcatOp)
_LONGEST = 16
"""Views in a row: a transposed convolution of three dims has eight."""
_MOST = 256
"""Views that are looked at: those of 27 convs, of a stride of 3 in three dims, and more."""


class PointwiseAboveInterleaving(RewritePattern):
    """f(interleaved convs, numbers per channel) -> interleaved f(conv, numbers per channel)."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not nn.is_pointwise(op) or op.name.startswith("quant.") or len(op.results) != 1:
            return
        joined = [v for v in op.operands if isinstance(v.owner, nn.SliceOp | nn.ReshapeOp)]
        joined = [v for v in joined if not depends_on_constants_only(v)]
        if len(joined) != 1 or shape_of(joined[0]) != shape_of(op.results[0]):
            return
        found = _found(joined[0])
        if found is None:
            return
        others = [v for v in op.operands if v is not joined[0]]
        if len(others) + 1 != len(op.operands) or not all(map(_is_per_channel, others)):
            remark(
                op,
                "missed",
                "canonicalize-nn",
                "not moved before the views of a transposed convolution: it reads another tensor",
            )
            return
        if not found:
            remark(
                op,
                "missed",
                "canonicalize-nn",
                "not moved before the views of a transposed convolution: they have other users",
            )
            return
        lift = _Lift(op, joined[0])
        lift.made(joined[0], [lift.vector(v) for v in others])
        rewriter.replace(op, lift.new)


def _is_per_channel(value: SSAValue) -> bool:
    """Whether a value is a number, or has one per channel, the last dim; known at build time."""
    return all(d.as_int() == 1 for d in shape_of(value)[:-1]) and depends_on_constants_only(value)


def _found(value: SSAValue, depth: int = _LONGEST) -> bool | None:
    """None where a value is not a few convs interleaved; else whether no view of them has other users."""
    interleaves, alone, pending, seen = False, True, [(value, depth)], 0
    while pending:
        value, depth = pending.pop()
        owner, seen = value.owner, seen + 1
        if seen > _MOST:
            return None
        alone = alone and value.has_one_use()
        if isinstance(owner, nn.ConvOp) or (isinstance(owner, Operation) and nn.is_pointwise(owner)):
            continue
        if not isinstance(owner, _JOINS) or depth == 0 or not _keeps_channels(owner):
            return None
        interleaves = interleaves or isinstance(owner, nn.ConcatOp) or _repeats(owner) > 1
        pending += [(operand, depth - 1) for operand in owner.operands]
    return alone if interleaves else None


def _keeps_channels(op: Operation) -> bool:
    """Whether the last dim of a view's result is that of its operands, or a part of it."""
    shape, last = shape_of(op.operands[0]), rank_of(op.operands[0]) - 1
    match op:
        case nn.SliceOp():
            whole = op.starts.exprs[-1].as_int() == 0 and shape_of(op.result)[-1] == shape[-1]
            return whole and set(nn.values_of(op.steps)) == {1}
        case nn.ConcatOp():
            return op.axis.value.data != last
        case nn.TransposeOp():
            return nn.values_of(op.permutation)[-1] == last
        case _:
            return rank_of(op.results[0]) > 0 and _repeats(op) > 0


def _repeats(op: Operation) -> int:
    """How often the channels of a reshape's result come in a row of its operand; 0 where they do not."""
    if not isinstance(op, nn.ReshapeOp) or not rank_of(op.x):
        return 0
    outer, inner = shape_of(op.x)[-1].as_int(), shape_of(op.result)[-1].as_int()
    return 0 if not outer or not inner or outer % inner else outer // inner


@dataclass
class _Lift:
    """Makes a pointwise op anew before the views of its operand `data`."""

    op: Operation
    data: SSAValue
    new: list[Operation] = field(default_factory=list[Operation])

    def made(self, value: SSAValue, vectors: Sequence[SSAValue]) -> SSAValue:
        """The op applied to a value that the views show, `vectors` being its other operands."""
        owner = value.owner
        result = nn.with_element(value, nn.element_of(self.op.results[0]))
        if not isinstance(owner, _JOINS):
            others = iter(vectors)
            operands = [value if operand is self.data else next(others) for operand in self.op.operands]
            return self._add(rebuilt(self.op, operands, [result]))
        if (count := _repeats(owner)) > 1:
            vectors = [self._repeated(vector, count) for vector in vectors]
        return self._add(rebuilt(owner, [self.made(operand, vectors) for operand in owner.operands], [result]))

    def _repeated(self, vector: SSAValue, count: int) -> SSAValue:
        """A vector several times in a row; a number stays itself."""
        size = shape_of(vector)[-1] if rank_of(vector) else const(1)
        if size.as_int() == 1:
            return vector
        rows = self._helped(nn.ReshapeOp(vector, [const(1), size]))
        return self._helped(nn.ReshapeOp(self._helped(nn.BroadcastToOp(rows, [const(count), size])), [size * count]))

    def vector(self, value: SSAValue) -> SSAValue:
        """A value per channel without the dims before the channels."""
        return value if rank_of(value) < 2 else self._helped(nn.ReshapeOp(value, shape_of(value)[-1:]))

    def _helped(self, op: Operation) -> SSAValue:
        op.location = helper_location(op.name.partition(".")[2], self.op.location)
        return self._add(op)

    def _add(self, op: Operation) -> SSAValue:
        self.new.append(op)
        return op.results[0]
