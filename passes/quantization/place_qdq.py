"""`place-qdq`: moves quantize up and dequantize down, so that more of the graph carries i8.

    %0 = quant.dequantize %q, %s                      %0 = nn.max_pool %q           // on i8
    %1 = nn.max_pool %0                         ->    %1 = quant.dequantize %0, %s
    %2 = quant.quantize %1, %s                        (and the pair with %2 is removed, its scales being equal)

What is monotonic or only moves elements commutes with a symmetric scale, exactly: max_pool, relu, reshape, transpose, slice, gather
and concat of equal scales. This holds of NaN too: a max_pool gives NaN where a window holds one, and quantized it is 127, which no
other integer of the window exceeds. Scales per channel move only past max_pool and relu (which keep the axis) and transpose (which
renumbers it). In the end each op that computes gets a dequantize of its own, so that fusion can take it into that op's group. A
quantize that follows a dequantize by another scale stays: it rounds. So does one by a scale that does not restore each
integer: 0, or so large or small that products with it are infinite or lose digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn, quant
from ...dialects.dtypes import numpy_dtype
from ...dialects.meaning.quant import saturate_i8
from ...dialects.meaning.registry import widen
from ...dialects.nn import element_of, shape_of
from ..graph.editing import depends_on_constants_only, functions, rebuilt
from ..remarks import remark
from ..rewriting import apply_patterns

NAME = "place-qdq"
_WHY = "place-qdq moves and removes quantize and dequantize ops by their scales"
_MOVES_ELEMENTS = (nn.ReshapeOp, nn.SliceOp, nn.RollOp, nn.GatherOp)
_KEEPS_AXES = (nn.MaxPoolOp, nn.ReluOp)


def same_scale(a: quant.ScaledOp, b: quant.ScaledOp) -> bool:
    """Whether two quantize or dequantize ops have the same scale: the same value, or constants of equal numbers, along the same axis."""
    if a.axis != b.axis:
        return False
    if a.scale == b.scale:
        return True
    left, right = (nn.value_of(mark.scale, _WHY, pin=True) for mark in (a, b))
    return left is not None and right is not None and left.dtype == right.dtype and np.array_equal(left, right)


def _positive(mark: quant.ScaledOp) -> bool:
    """Whether the scale is known to be positive and finite, without which order is not kept: 0 times infinity is NaN."""
    scale = nn.value_of(mark.scale, _WHY, pin=True)
    return scale is not None and bool(np.all((scale > 0) & np.isfinite(scale)))


def _round_trips(mark: quant.DequantizeOp) -> bool:
    """Whether the scale is known, and each i8, dequantized and quantized by it, is itself again."""
    scale = nn.value_of(mark.scale, _WHY, pin=True)
    if scale is None:
        return False
    integers = np.arange(-128, 128)[:, None]
    factors = widen(scale).reshape(1, -1)
    with np.errstate(all="ignore"):
        numbers = (integers * factors).astype(factors.dtype).astype(numpy_dtype(element_of(mark.result)))
        return bool(np.all(saturate_i8(widen(numbers) / factors) == integers))


def _keeps_scales(op: Operation, mark: quant.ScaledOp) -> bool:
    """Whether each result of a pool or relu is one of the elements that one positive scale is for."""
    axis = None if mark.axis is None else mark.axis.value.data
    mixed = isinstance(op, nn.MaxPoolOp) and axis in range(1, len(shape_of(op.x)) - 1)
    return _positive(mark) and not mixed


def _moved_axis(op: Operation, mark: quant.ScaledOp) -> tuple[bool, int | None]:
    """(whether a mark commutes with the op, its axis on the op's other side)."""
    axis = None if mark.axis is None else mark.axis.value.data
    if isinstance(op, nn.MaxPoolOp) and not nn.windows_meet(op, shape_of(op.x)[1:-1], nn.values_of(op.pads)):
        return False, None  # -inf, and not the least integer
    if isinstance(op, _KEEPS_AXES):
        return _keeps_scales(op, mark), axis
    if isinstance(op, nn.TransposeOp):
        return True, None if axis is None else nn.values_of(op.permutation).index(axis)
    # An index out of range takes +0, which a negative scale would make -0 and an infinite one NaN.
    if isinstance(op, nn.GatherOp) and not _positive(mark):
        return False, None
    return isinstance(op, _MOVES_ELEMENTS) and axis is None, None


def _on_integers(op: Operation, operands: list[SSAValue]) -> Operation:
    return rebuilt(op, operands, [nn.with_element(op.results[0], element_of(operands[0]))])


class DequantizeDown(RewritePattern):
    """op(dequantize(q)) -> dequantize(op(q))."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op, _KEEPS_AXES + _MOVES_ELEMENTS + (nn.TransposeOp,)):
            return
        mark = op.operands[0].owner
        if not isinstance(mark, quant.DequantizeOp):
            return
        commutes, axis = _moved_axis(op, mark)
        if not commutes:
            remark(
                op,
                "missed",
                NAME,
                f"dequantize stays before {op.name}: its scale is per channel or not known to be positive, or padding fills a window",
            )
            return
        inner = _on_integers(op, [mark.x, *op.operands[1:]])
        rewriter.replace(op, [inner, quant.DequantizeOp(inner.results[0], mark.scale, axis, element_of(op.results[0]))])


class ConcatDown(RewritePattern):
    """concat of dequantized tensors of one scale -> dequantize of the concat."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConcatOp, rewriter: PatternRewriter, /) -> None:
        marks = [v.owner for v in op.inputs]
        first = marks[0]
        if not isinstance(first, quant.DequantizeOp) or first.axis is not None:
            if any(isinstance(mark, quant.DequantizeOp) for mark in marks):
                why = "its scale is per channel" if isinstance(first, quant.DequantizeOp) else "not all are dequantized"
                remark(op, "missed", NAME, f"dequantize stays before nn.concat: {why}")
            return
        parts: list[SSAValue] = []
        for mark in marks:
            if (
                not isinstance(mark, quant.DequantizeOp)
                or element_of(mark.x) != element_of(first.x)
                or not same_scale(mark, first)
            ):
                remark(op, "missed", NAME, "dequantize stays before nn.concat: its operands differ in scale")
                return
            parts.append(mark.x)
        inner = _on_integers(op, parts)
        rewriter.replace(op, [inner, quant.DequantizeOp(inner.results[0], first.scale, None, element_of(op.result))])


class QuantizeUp(RewritePattern):
    """quantize(op(x)) -> op(quantize(x)), where op(x) has no other reader."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: quant.QuantizeOp, rewriter: PatternRewriter, /) -> None:
        inner = op.x.owner
        if not isinstance(inner, nn.MaxPoolOp | nn.ReshapeOp):
            return
        if (why := _stays_behind(op, inner)) is not None:
            remark(op, "missed", NAME, f"quantize stays behind {inner.name}: {why}")
            return
        axis = None if op.axis is None else op.axis.value.data
        quantized = quant.QuantizeOp(inner.operands[0], op.scale, axis)
        rewriter.replace(op, [quantized, _on_integers(inner, [quantized.result])])


def _stays_behind(op: quant.QuantizeOp, inner: nn.MaxPoolOp | nn.ReshapeOp) -> str | None:
    """Why a quantize does not move up past an op, or None."""
    if not op.x.has_one_use():
        return "its result has other readers"
    if isinstance(inner, nn.MaxPoolOp):
        return None if _keeps_scales(inner, op) else "its scale lies along a window or is not known to be positive"
    return None if op.axis is None else "its scale is per channel"


class RemovePair(RewritePattern):
    """quantize(dequantize(q)) by one scale -> q."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: quant.QuantizeOp, rewriter: PatternRewriter, /) -> None:
        mark = op.x.owner
        if not isinstance(mark, quant.DequantizeOp):
            return
        if (why := _no_pair(op, mark)) is not None:
            remark(op, "missed", NAME, f"a dequantize and a quantize stay: {why}")
            return
        remark(op, "applied", NAME, "a dequantize and a quantize of one scale removed")
        rewriter.replace(op, [], [mark.x])


def _no_pair(op: quant.QuantizeOp, mark: quant.DequantizeOp) -> str | None:
    """Why a quantize does not undo a dequantize, or None."""
    if element_of(mark.x) != element_of(op.result):
        return f"{element_of(mark.x)} becomes {element_of(op.result)}"
    if not same_scale(op, mark):
        return "their scales differ"
    return None if _round_trips(mark) else "their scale does not lead back to each integer"


def _give_each_user_its_own(mark: quant.DequantizeOp) -> None:
    """A dequantize of its own, right after the first, for each op that computes from it."""
    uses = list(mark.result.uses)
    for use in uses[1:]:
        copy = mark.clone()
        assert mark.parent is not None
        mark.parent.insert_op_after(copy, mark)
        use.operation.operands[use.index] = copy.result


@dataclass(frozen=True)
class PlaceQdqPass(ModulePass):
    """Move quantize up and dequantize down, and remove pairs of one scale."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [RemovePair(), DequantizeDown(), ConcatDown(), QuantizeUp()])
        for func in functions(op):
            for inner in list(func.body.block.ops):
                if isinstance(inner, quant.DequantizeOp) and not depends_on_constants_only(inner.x):
                    _give_each_user_its_own(inner)
