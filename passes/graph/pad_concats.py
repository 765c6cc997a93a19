"""`pad-concats`: constants that are joined with a tensor, to all of which constants are added, are added to a padded tensor.

    %1 = nn.concat %token, %x {axis = 1}                       %1 = nn.pad %x {low = [0, 1, 0], high = [0, 0, 0], value = -0.0}
    %2 = nn.add %1, %positions                         ->      %2 = nn.add %1, %constants

with constants that are `token + positions` where the token was, so that the class token of a vision transformer is not copied into a
concat beside its patches: a kernel pads as it reads. Adding to -0.0 changes no number, zeros of either sign included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.dtypes import is_float
from ...dialects.nn import element_of, rank_of, shape_of
from ..remarks import remark
from ..rewriting import apply_patterns
from .editing import depends_on_constants_only

NAME = "pad-concats"


def _source(value: SSAValue) -> SSAValue:
    """What is repeated to become a value."""
    return value.owner.x if isinstance(value.owner, nn.BroadcastToOp) else value


def _is_constant(value: SSAValue) -> bool:
    return depends_on_constants_only(_source(value))


class AddPadded(RewritePattern):
    """add(concat(constants, x), constants) -> add(pad(x), constants)."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.AddOp, rewriter: PatternRewriter, /) -> None:
        for concat, added in ((op.operands[0].owner, op.operands[1]), (op.operands[1].owner, op.operands[0])):
            if isinstance(concat, nn.ConcatOp) and depends_on_constants_only(added):
                reason = self.check(op, concat, added)
                if reason is None:
                    self.rewrite(op, concat, added, rewriter)
                elif reason:
                    remark(concat, "missed", NAME, f"constants are copied beside a tensor: {reason}")
                return

    def check(self, op: nn.AddOp, concat: nn.ConcatOp, added: SSAValue) -> str | None:
        """Why the concat is no padding ("" where it has no constants), or None."""
        parts, axis = list(concat.inputs), concat.axis.value.data
        variable = [part for part in parts if not _is_constant(part)]
        if len(variable) == len(parts) or not variable:
            return ""
        if len(variable) > 1:
            return "it joins several tensors that are no constants"
        if not concat.result.has_one_use():
            return "ops other than the sum read it"
        if not is_float(element_of(op.result)) or shape_of(op.result) != shape_of(concat.result):
            return "expected a sum of its own shape in floating point"
        dims = shape_of(added)
        if len(dims) != rank_of(concat.result) or dims[axis] != shape_of(concat.result)[axis]:
            return "what is added does not differ along the axis"
        alike = [*dims[:axis], *dims[axis + 1 :]]
        for part in parts:
            own = list(shape_of(_source(part)))
            if part is not variable[0] and (
                len(own) != len(dims)
                or any(e not in (const(1), d) for e, d in zip(own[:axis] + own[axis + 1 :], alike, strict=True))
            ):
                return "a constant of it has dims that what is added has not"
        return None

    def rewrite(self, op: nn.AddOp, concat: nn.ConcatOp, added: SSAValue, rewriter: PatternRewriter) -> None:
        """Add the constants of the concat to those that are added, and these to what is left, padded."""
        axis, rank = concat.axis.value.data, rank_of(added)
        low, high = [const(0)] * rank, [const(0)] * rank
        new: list[Operation] = []
        sums: list[SSAValue] = []
        x: SSAValue | None = None
        first: Expr = const(0)
        for part in concat.inputs:
            size = shape_of(part)[axis]
            starts, dims = [const(0)] * rank, list(shape_of(added))
            starts[axis], dims[axis] = first, size
            new.append(nn.SliceOp(added, starts, dims))
            if _is_constant(part):
                new.append(nn.AddOp(_source(part), new[-1].results[0]))
                (low if x is None else high)[axis] += size
            else:
                x = part
            sums.append(new[-1].results[0])
            first = first + size
        assert x is not None
        constants, padded = nn.ConcatOp(sums, axis), nn.PadOp(x, low, high, -0.0)
        total = nn.AddOp(padded, constants)
        nn.copy_stored(op, total)
        remark(concat, "applied", NAME, f"{len(sums) - 1} constants beside a tensor are added to its padding")
        rewriter.replace(op, [*new, constants, padded, total], [total.result])
        rewriter.erase(concat)


@dataclass(frozen=True)
class PadConcatsPass(ModulePass):
    """Add constants to a padded tensor instead of copying them beside it."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [AddPadded()], recursive=False)
