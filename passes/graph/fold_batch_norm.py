"""`fold-batch-norm`: batch normalisation and other affine maps by constants go into the weights before them.

    %1 = nn.conv %x, %w
    %2 = nn.batch_norm %1, %scale, %bias, %mean, %variance {epsilon = 1.0e-05 : f64}
  becomes, with constants that `fold-constants` then evaluates,
    %w2 = nn.mul %w, %factor            // per output channel
    %1 = nn.conv %x, %w2
    %2 = nn.add %1, %shift

Step by step: a batch_norm becomes a multiplication and an addition; a multiplication by constants per channel moves up through an
addition of constants and into the weights of a conv or matmul without other users, or into those of the conv or matmul after it;
neighbouring additions merge. Linear. Refused where the product feeds others too, or where factors do not lie along the channels; where a
constant that is merged, inverted or scaled would be infinite or NaN, which each of the two steps that it stands for need not be; and
where a factor or the weights of a whole filter would be too small for their type, and so imprecise or zero. A batch_norm of such
numbers is computed as it is defined. Rounding changes in the last bits, so the pass reassociates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, bf16, f16, f32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.dtypes import is_float, numpy_dtype
from ...dialects.nn import element_of, rank_of, shape_of
from ...dialects.provenance import fuse
from ..remarks import remark
from ..rewriting import apply_patterns
from .affine_maps import (
    absorbs_factor,
    constant_operand,
    input_blocker,
    is_uneven,
    product_of,
    way_to_weights,
    weights_blocker,
)
from .editing import depends_on_constants_only, functions, rebuilt
from .interleaved_patterns import PointwiseAboveInterleaving
from .known_numbers import KnownNumbers

NAME = "fold-batch-norm"


def _is_transposed(op: Operation) -> bool:
    return isinstance(op, nn.MatmulOp) and op.transpose_b is not None


class WidenBatchNorm(RewritePattern):
    """A batch_norm of f16 or bf16 in f32, rounded once, unless its factor will go into the weights before it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BatchNormOp, rewriter: PatternRewriter, /) -> None:
        own = element_of(op.x)
        if own not in (f16, bf16) or absorbs_factor(op.x):
            return
        casts = {operand: nn.CastOp(operand, f32) for operand in op.operands if element_of(operand) != f32}
        wide = nn.BatchNormOp(
            *(casts[v].result if v in casts else v for v in op.operands), epsilon=op.epsilon.value.data
        )
        rewriter.replace(op, [*casts.values(), wide, nn.CastOp(wide.result, own)])


@dataclass
class DecomposeBatchNorm(RewritePattern):
    """batch_norm -> mul by `scale * rsqrt(variance + epsilon)`, add `bias - mean * that`; `(x - mean) * ... + bias` if need be."""

    numbers: KnownNumbers

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BatchNormOp, rewriter: PatternRewriter, /) -> None:
        variance = op.variance
        epsilon = nn.ConstantOp(np.asarray(op.epsilon.value.data, numpy_dtype(element_of(variance))))
        shifted = nn.AddOp(variance, epsilon)
        inverse = nn.RsqrtOp(shifted)
        factor = nn.MulOp(op.scale, inverse)
        product, constants = product_of(op.x), all(map(depends_on_constants_only, op.operands[1:]))
        if product is not None and not constants:
            remark(
                op, "missed", NAME, f"not folded into {product.name}: its scale or statistics are computed at run time"
            )
        merged = self._merged(op, factor)
        rewriter.replace(op, [epsilon, shifted, inverse, factor, *(merged or _as_defined(op, factor))])

    def _merged(self, op: nn.BatchNormOp, factor: nn.MulOp) -> list[Operation] | None:
        """`x * factor + shift`, in the type of x; None where a constant would not fit."""
        moved = nn.MulOp(op.mean, factor)
        shifts, factors = [moved, nn.SubOp(op.bias, moved)], list[Operation]()
        if (narrow := element_of(op.x)) != element_of(op.mean):
            factors, shifts = [nn.CastOp(factor, narrow)], [*shifts, nn.CastOp(shifts[-1], narrow)]
        if all(map(depends_on_constants_only, op.operands[1:])):
            otherwise = "factor and shift not merged"
            if not self.numbers.fit(op, [*factors, *shifts], otherwise, addend=True):
                return None
            if factors and not self.numbers.fit(op, [*shifts, *factors], otherwise):
                return None
        product = nn.MulOp(op.x, factors[0] if factors else factor)
        return [*factors, *shifts, product, nn.AddOp(product, shifts[-1])]


def _as_defined(op: nn.BatchNormOp, factor: nn.MulOp) -> list[Operation]:
    """`(x - mean) * factor + bias`, in the type of these."""
    wide, narrow = element_of(op.mean), element_of(op.x)
    cast = [] if wide == narrow else [nn.CastOp(op.x, wide)]
    centred = nn.SubOp(cast[0] if cast else op.x, op.mean)
    product = nn.MulOp(centred, factor)
    total = nn.AddOp(product, op.bias)
    return [*cast, centred, product, total, *([nn.CastOp(total, narrow)] if cast else [])]


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


@dataclass
class DivToMul(RewritePattern):
    """conv / c -> conv * (1 / c), where the factor can go into the weights."""

    numbers: KnownNumbers

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.DivOp, rewriter: PatternRewriter, /) -> None:
        if not depends_on_constants_only(op.rhs):
            return
        product, why = way_to_weights(op.lhs)
        if product is None or why is not None:
            if product is not None:
                remark(op, "missed", NAME, f"divisor not folded into {product.name}: {why}")
            return
        inverse = nn.ReciprocalOp(op.rhs)
        if not self.numbers.fit(op, [inverse], "quotient not made a product"):
            return
        rewriter.replace(op, [inverse, nn.MulOp(op.lhs, inverse)])


@dataclass
class MulThroughAdd(RewritePattern):
    """(conv + b) * c -> conv * c + b * c."""

    numbers: KnownNumbers

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MulOp, rewriter: PatternRewriter, /) -> None:
        outer = constant_operand(op)
        if outer is None or not isinstance(outer[0].owner, nn.AddOp):
            return
        inner = constant_operand(outer[0].owner)
        product, why = way_to_weights(outer[0])
        if inner is None or product is None or why is not None:
            if product is not None:
                remark(op, "missed", NAME, f"factor not folded into {product.name}: {why}")
            return
        shift = nn.MulOp(inner[1], outer[1])
        if not self.numbers.fit(op, [shift], "factor not moved before the addition", addend=True):
            return
        product = nn.MulOp(inner[0], outer[1])
        rewriter.replace(op, [product, shift, nn.AddOp(product, shift)])


@dataclass
class MergeConstants(RewritePattern):
    """(x + a) + b -> x + (a + b), and the same for products."""

    numbers: KnownNumbers

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op, nn.AddOp | nn.MulOp):
            return
        outer = constant_operand(op)
        if outer is None or type(outer[0].owner) is not type(op):
            return
        assert isinstance(outer[0].owner, nn.AddOp | nn.MulOp)
        inner = constant_operand(outer[0].owner)
        if inner is None:
            return
        if not outer[0].has_one_use():
            remark(op, "missed", NAME, f"constants not merged: the {op.name} before it has other users")
            return
        merged = type(op)(inner[1], outer[1])
        if not self.numbers.fit(op, [merged], "constants not merged", addend=isinstance(op, nn.AddOp)):
            return
        rewriter.replace(op, [merged, type(op)(inner[0], merged)])


@dataclass
class ScaleWeights(RewritePattern):
    """conv(x, w) * c -> conv(x, w * c), c per output channel."""

    numbers: KnownNumbers

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MulOp, rewriter: PatternRewriter, /) -> None:
        parts = constant_operand(op)
        if parts is None:
            products = [found for operand in op.operands if (found := product_of(operand)) is not None]
            if products and is_uneven(op):
                remark(
                    op, "missed", NAME, f"factor not folded into {products[0].name}: it is not one number per channel"
                )
            return
        if (product := product_of(parts[0])) is None:
            return
        if (why := weights_blocker(product)) is not None:
            remark(op, "missed", NAME, f"factor not folded into {product.name}: {why}")
            return
        if not parts[0].has_one_use():
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
        otherwise = f"factor not folded into {product.name}"
        if not self.numbers.fit(op, [*factor, scaled], otherwise, summed=_summed(product)):
            return
        self.numbers.forget(weights)
        again = rebuilt(product, [product.operands[0], scaled.results[0]], product.result_types)
        again.location = fuse(product.location, op.location)
        remark(op, "applied", NAME, f"factor folded into the weights of {product.name}")
        rewriter.replace(op, [*factor, scaled, again])
        rewriter.erase(product)


@dataclass
class ScaleInputs(RewritePattern):
    """conv(x * c, w) -> conv(x, w * c), c per input channel; zero padding stays zero."""

    numbers: KnownNumbers

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        product = product_of(op.results[0]) if op.results else None
        if product is None or not isinstance(scaling := op.operands[0].owner, nn.MulOp):
            return
        parts = constant_operand(scaling)
        if parts is None and not is_uneven(scaling):
            return
        why = input_blocker(product)
        if parts is None or why is not None:
            why = why or "it is not one number per channel"
            remark(op, "missed", NAME, f"factor on the input not folded into {product.name}: {why}")
            return
        weights = product.operands[1]
        last = isinstance(product, nn.ConvOp) or _is_transposed(product)
        factor, dims = _as_vector(parts[1], shape_of(weights)[-1 if last else 0])
        if not last:
            factor.append(nn.ReshapeOp(factor[-1] if factor else parts[1], [*dims, const(1)]))
        scaled = nn.MulOp(weights, factor[-1] if factor else parts[1])
        otherwise = f"factor on the input not folded into {product.name}"
        if not self.numbers.fit(product, [*factor, scaled], otherwise, summed=_summed(product)):
            return
        self.numbers.forget(weights)
        remark(op, "applied", NAME, f"factor on the input folded into the weights of {product.name}")
        again = rebuilt(product, [parts[0], scaled.results[0]], product.result_types)
        again.location = fuse(scaling.location, product.location)
        rewriter.replace(product, [*factor, scaled, again])


def _summed(product: nn.ConvOp | nn.MatmulOp) -> tuple[int, ...]:
    """The dims of the weights along which one number of the result is summed."""
    if isinstance(product, nn.ConvOp):
        return tuple(range(1, rank_of(product.w)))
    return (1,) if _is_transposed(product) else (0,)


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
        refittable = any(isinstance(inner, nn.InitializerOp) for func in functions(op) for inner in func.body.block.ops)
        numbers = KnownNumbers(NAME, refittable)
        patterns = [
            WidenBatchNorm(),
            DecomposeBatchNorm(numbers),
            SubToAdd(),
            DivToMul(numbers),
            MulThroughAdd(numbers),
            MergeConstants(numbers),
            ScaleWeights(numbers),
            ScaleInputs(numbers),
            PointwiseAboveInterleaving(),
        ]
        apply_patterns(op, patterns)
