"""`expand-swish`: writes `swish.swish` in ops of `nn`.

  %y = swish.swish %x : tensor<1x4xf32>
becomes
  %0 = nn.sigmoid %x : tensor<1x4xf32>
  %y = nn.mul %x, %0 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from trtc.dialects.nn import MulOp, SigmoidOp
from trtc.passes.remarks import remark
from trtc.passes.rewriting import apply_patterns

from .dialect import SwishOp


class ExpandSwish(RewritePattern):
    """`swish(x)` -> `x * sigmoid(x)`."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: SwishOp, rewriter: PatternRewriter) -> None:
        remark(op, "applied", "expand-swish", "written as x * sigmoid(x)")
        sigmoid = SigmoidOp(op.x)
        rewriter.replace(op, [sigmoid, MulOp(op.x, sigmoid.result)])


@dataclass(frozen=True)
class ExpandSwishPass(ModulePass):
    """Write `swish.swish` in ops of `nn`."""

    name = "expand-swish"
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [ExpandSwish()])
