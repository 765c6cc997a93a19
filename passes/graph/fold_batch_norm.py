"""`fold-batch-norm`: batch normalisation and other affine maps by constants go into the weights before them.

    %1 = nn.conv %x, %w
    %2 = nn.batch_norm %1, %scale, %bias, %mean, %variance {epsilon = 1.0e-05 : f64}
  becomes, with constants that `fold-constants` then evaluates,
    %w2 = nn.mul %w, %factor            // per output channel
    %1 = nn.conv %x, %w2
    %2 = nn.add %1, %shift

Step by step: a batch_norm becomes a multiplication and an addition; a multiplication by constants per channel moves up through an
addition of constants and into the weights of a conv or matmul that nobody else uses, or into those of the conv or matmul behind it;
neighbouring additions merge. Refused where the product feeds others too, or where factors do not lie along the channels. Rounding
changes in the last bits, so the pass reassociates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, bf16, f16, f32
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.dtypes import is_float, numpy_dtype
from ...dialects.nn import element_of, rank_of, shape_of
from ...dialects.provenance import fuse
from ..remarks import remark
from ..rewriting import apply_patterns
from .editing import depends_on_constants_only, per_channel, rebuilt

NAME = "fold-batch-norm"


def _single_use(value: SSAValue) -> bool:
    return value.has_one_use()


def _constant_operand(op: Operation) -> tuple[SSAValue, SSAValue] | None:
    """(data, factor) of an op with two operands of which one, per channel of the result, depends on constants only."""
    result = op.results[0]
    if not is_float(element_of(result)) or rank_of(result) == 0:
        return None
    for data, factor in ((op.operands[0], op.operands[1]), (op.operands[1], op.operands[0])):
        if (
            shape_of(data) == shape_of(result)
            and depends_on_constants_only(factor)
            and not depends_on_constants_only(data)
        ):
            return (data, factor) if per_channel(factor, shape_of(result)[-1]) else None
    return None


def _weighted(value: SSAValue) -> nn.ConvOp | nn.MatmulOp | None:
    """The conv or matmul by constant weights that defines a value."""
    owner = value.owner
    if not isinstance(owner, nn.ConvOp | nn.MatmulOp) or not is_float(element_of(value)):
        return None
    if not depends_on_constants_only(owner.operands[1]):
        return None
    return owner if isinstance(owner, nn.ConvOp) or rank_of(owner.operands[1]) == 2 else None


def _is_transposed(op: Operation) -> bool:
    return isinstance(op, nn.MatmulOp) and op.transpose_b is not None


class DecomposeBatchNorm(RewritePattern):
    """batch_norm -> mul by `scale * rsqrt(variance + epsilon)`, add `bias - mean * that`; in f32 where x is narrower, unless the
    factor will go into the weights before it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BatchNormOp, rewriter: PatternRewriter, /) -> None:
        own = element_of(op.operands[0])
        wide = f32 if own in (f16, bf16) and not _absorbs_factor(op.operands[0]) else own
        new: list[Operation] = []

        def cast(value: SSAValue, element: Attribute) -> SSAValue:
            if element_of(value) == element:
                return value
            new.append(nn.CastOp(value, element))
            return new[-1].results[0]

        def add(made: Operation) -> SSAValue:
            new.append(made)
            return made.results[0]

        parameters = element_of(op.operands[4]) if wide is own else wide
        x, scale, bias, mean, variance = (op.operands[0], *(cast(v, parameters) for v in op.operands[1:]))
        epsilon = add(nn.ConstantOp(np.asarray(op.epsilon.value.data, numpy_dtype(parameters))))
        factor = add(nn.MulOp(scale, add(nn.RsqrtOp(add(nn.AddOp(variance, epsilon))))))
        shift = add(nn.SubOp(bias, add(nn.MulOp(mean, factor))))
        product = add(nn.MulOp(cast(x, wide), cast(factor, wide)))
        result = add(nn.AddOp(product, cast(shift, wide)))
        cast(result, own)
        rewriter.replace(op, new)


class SubToAdd(RewritePattern):
    """x - c -> x + (-c), exact."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SubOp, rewriter: PatternRewriter, /) -> None:
        if (
            not is_float(element_of(op.result))
            or not depends_on_constants_only(op.rhs)
            or depends_on_constants_only(op.lhs)
        ):
            return
        negated = nn.NegOp(op.rhs)
        rewriter.replace(op, [negated, nn.AddOp(op.lhs, negated)])


class DivToMul(RewritePattern):
    """conv / c -> conv * (1 / c), where the factor can go into the weights."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DivOp, rewriter: PatternRewriter, /) -> None:
        if not depends_on_constants_only(op.rhs) or not _absorbs_factor(op.lhs):
            return
        inverse = nn.ReciprocalOp(op.rhs)
        rewriter.replace(op, [inverse, nn.MulOp(op.lhs, inverse)])


def _absorbs_factor(value: SSAValue) -> bool:
    """Whether a factor on the value would reach the weights of a conv or matmul."""
    if not _single_use(value):
        return False
    if isinstance(value.owner, nn.AddOp | nn.MulOp):
        parts = _constant_operand(value.owner)
        return parts is not None and _absorbs_factor(parts[0])
    return _weighted(value) is not None


class MulThroughAdd(RewritePattern):
    """(conv + b) * c -> conv * c + b * c."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MulOp, rewriter: PatternRewriter, /) -> None:
        outer = _constant_operand(op)
        if outer is None or not isinstance(outer[0].owner, nn.AddOp):
            return
        inner = _constant_operand(outer[0].owner)
        if inner is None or not _absorbs_factor(outer[0]):
            return
        product = nn.MulOp(inner[0], outer[1])
        shift = nn.MulOp(inner[1], outer[1])
        rewriter.replace(op, [product, shift, nn.AddOp(product, shift)])


class MergeConstants(RewritePattern):
    """(x + a) + b -> x + (a + b), and the same for products."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op, nn.AddOp | nn.MulOp):
            return
        outer = _constant_operand(op)
        if outer is None or type(outer[0].owner) is not type(op) or not _single_use(outer[0]):
            return
        assert isinstance(outer[0].owner, nn.AddOp | nn.MulOp)
        inner = _constant_operand(outer[0].owner)
        if inner is None:
            return
        merged = type(op)(inner[1], outer[1])
        rewriter.replace(op, [merged, type(op)(inner[0], merged)])


class ScaleWeights(RewritePattern):
    """conv(x, w) * c -> conv(x, w * c), c per output channel."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MulOp, rewriter: PatternRewriter, /) -> None:
        parts = _constant_operand(op)
        if parts is None or (product := _weighted(parts[0])) is None:
            return
        if not _single_use(parts[0]):
            remark(op, "missed", NAME, f"factor not folded into {product.name}: its unscaled result has other users")
            return
        weights = product.operands[1]
        leading = isinstance(product, nn.ConvOp) or _is_transposed(product)
        factor, dims = _as_vector(parts[1], shape_of(weights)[0] if leading else shape_of(weights)[-1])
        if leading:
            factor.append(
                nn.ReshapeOp(factor[-1] if factor else parts[1], [*dims, *[const(1)] * (rank_of(weights) - 1)])
            )
        scaled = nn.MulOp(weights, factor[-1] if factor else parts[1])
        again = rebuilt(product, [product.operands[0], scaled.results[0]], product.result_types)
        again.location = fuse(product.location, op.location)
        remark(op, "applied", NAME, f"factor folded into the weights of {product.name}")
        rewriter.replace(op, [*factor, scaled, again])
        rewriter.erase(product)


class ScaleInputs(RewritePattern):
    """conv(x * c, w) -> conv(x, w * c), c per input channel; zero padding stays zero."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        product = _weighted(op.results[0]) if op.results else None
        if product is None or not isinstance(op.operands[0].owner, nn.MulOp) or not _single_use(op.operands[0]):
            return
        parts = _constant_operand(op.operands[0].owner)
        if parts is None or (isinstance(product, nn.ConvOp) and product.groups.value.data != 1):
            return
        weights = product.operands[1]
        last = isinstance(product, nn.ConvOp) or _is_transposed(product)
        factor, dims = _as_vector(parts[1], shape_of(weights)[-1 if last else 0])
        if not last:
            factor.append(nn.ReshapeOp(factor[-1] if factor else parts[1], [*dims, const(1)]))
        scaled = nn.MulOp(weights, factor[-1] if factor else parts[1])
        remark(op, "applied", NAME, f"factor on the input folded into the weights of {product.name}")
        again = rebuilt(product, [parts[0], scaled.results[0]], product.result_types)
        again.location = fuse(op.operands[0].owner.location, product.location)
        rewriter.replace(product, [*factor, scaled, again])


def _as_vector(factor: SSAValue, channels: Expr) -> tuple[list[Operation], list[Expr]]:
    """Ops that make a factor a vector, and its dims: [channels], or [1] for one number."""
    dims = [channels] if any(d == channels for d in shape_of(factor)[-1:]) else [const(1)]
    return ([] if rank_of(factor) == 1 else [nn.ReshapeOp(factor, dims)]), dims


@dataclass(frozen=True)
class FoldBatchNormPass(ModulePass):
    """Fold batch normalisation and affine maps per channel into weights and biases."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        patterns = [
            DecomposeBatchNorm(),
            SubToAdd(),
            DivToMul(),
            MulThroughAdd(),
            MergeConstants(),
            ScaleWeights(),
            ScaleInputs(),
        ]
        apply_patterns(op, patterns)
