"""`decompose-attention`: an `nn.attention` that no schedule takes becomes the products and the softmax that it stands for.

    %0 = nn.attention %q, %k, %v {scale = 0.125 : f64}
  becomes
    %s = nn.matmul %q, %k {transpose_b}
    %t = nn.mul %s, %scale
    %p = nn.softmax %t
    %0 = nn.matmul %p, %v

Runs right before `fuse-groups`: each op is shown to the schedules as the group that it would be alone, and stays where one takes it.
The refusals are remarks. Values between the parts are stored in the type that the op multiplies in, where that is narrow.
Values and results are bit for bit those of the op. Linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn
from ...dialects.provenance import get_names, set_names
from ..graph.amplified import CoarseSums
from ..graph.editing import erase_unused, fed_by_constants_only, functions, insert_before
from ..graph.known_numbers import KnownNumbers
from ..kernels.building.group import GroupView
from ..kernels.schedules.matching import Answer, Matcher
from ..remarks import remark
from .attention_parts import Shared, parts_of
from .storage import answer_of

NAME = "decompose-attention"
TARGET = "kernel.target"


def check(op: nn.AttentionOp, constants: set[SSAValue], matcher: Matcher) -> Answer | None:
    """The refusals of all schedules; None where one takes the op."""
    view = GroupView.of_region("attention", [op], op.result)
    _, answer = answer_of(view, view.operands, constants, matcher)
    return answer if answer.schedule is None else None


def rewrite(op: nn.AttentionOp, shared: Shared, sums: CoarseSums) -> None:
    """Put the parts of an op in its place; those before it in the block `shared` bounds with it."""
    parts = parts_of(op, shared, sums)
    for part in parts:
        insert_before(op, part, location=part.location)
    set_names(parts[-1], get_names(op))
    op.result.replace_all_uses_with(parts[-1].results[0])
    made = op.k.owner
    erase_unused([made, op] if isinstance(made, nn.TransposeOp) else [op])


@dataclass(frozen=True)
class DecomposeAttentionPass(ModulePass):
    """Decompose what no schedule computes in one launch."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        matcher = Matcher(op.attributes.get(TARGET))
        for func in functions(op):
            found = [inner for inner in func.body.block.ops if isinstance(inner, nn.AttentionOp)]
            shared: Shared = {}
            constants = fed_by_constants_only(func.body.block) if found else set[SSAValue]()
            sums = CoarseSums(KnownNumbers(NAME), constants)
            for attention in found:
                answer = check(attention, constants, matcher)
                if answer is None:
                    continue
                for declined in answer.missed:
                    remark(attention, "missed", NAME, f"decomposed: no schedule takes it: {declined}")
                if not answer.missed:
                    remark(attention, "missed", NAME, f"decomposed: no schedule takes it: {answer.why}")
                rewrite(attention, shared, sums)
