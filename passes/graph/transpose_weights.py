"""`transpose-weights`: constant second operands of matmuls are stored [N, K], the order in which tensor cores read them.

    %1 = nn.matmul %a, %w : (tensor<8x64xf16>, tensor<64x32xf16>) -> tensor<8x32xf16>
  becomes, with a transpose that `fold-constants` evaluates or `hoist-weights` moves to the build,
    %t = nn.transpose %w {permutation = array<i64: 1, 0>} : tensor<64x32xf16> -> tensor<32x64xf16>
    %1 = nn.matmul %a, %t {transpose_b} : (tensor<8x64xf16>, tensor<32x64xf16>) -> tensor<8x32xf16>

Does not touch a B that is computed at run time: moving it would cost a launch, and schedules transpose 16-bit elements on the way
from shared memory. It only says where weights lie, so every result is bit for bit what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ..remarks import remark
from ..rewriting import apply_patterns
from .editing import depends_on_constants_only

NAME = "transpose-weights"


class TransposeConstantB(RewritePattern):
    """matmul a, constant [.., K, N] -> matmul a, transposed [.., N, K] {transpose_b}."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MatmulOp, rewriter: PatternRewriter, /) -> None:
        if op.transpose_b is not None:
            return
        if not depends_on_constants_only(op.b):
            remark(op, "missed", NAME, "B is computed at run time; it keeps its order [K, N]")
            return
        rank = nn.rank_of(op.b)
        transposed = nn.TransposeOp(op.b, [*range(rank - 2), rank - 1, rank - 2])
        math = op.math.data.value if op.math is not None else None
        product = nn.MatmulOp(op.a, transposed, True, math, nn.element_of(op.result))
        nn.copy_stored(op, product)
        remark(op, "applied", NAME, "the constant B is stored [N, K]")
        rewriter.replace(op, [transposed, product], [product.result])


@dataclass(frozen=True)
class TransposeWeightsPass(ModulePass):
    """Store constant second operands of matmuls in the order in which tensor cores read them."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [TransposeConstantB()], recursive=False)
