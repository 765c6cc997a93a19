"""`analyze-ranges{mode=...}`: which f32 values must stay wide when others are stored or multiplied as f16 or bf16, and why.

    %f = nn.cast %i : i64 -> f32                %f = nn.cast %i {nn.wide = "integers, which f16 holds up to 2048 only"}
    %s = nn.reduce sum %x             ->        %s = nn.reduce sum %x {nn.wide = "a sum"}

Nothing is known about the numbers of a run, so kinds of values are marked that are known not to fit (ranges.py says how each op passes
them on): integers carried in floats (ids, positions, lengths), and what integer and constant arithmetic makes of them; what floor, round
or a cast to integers reads; sums, squares and exponentials; what a constant is added to, or multiplied by, that the type cannot hold or
that underflows in it; large additive masks; and graph inputs, which may be of any size, except images: what a conv of at most four
channels reads is assumed to fit. So is what convs, matmuls and normalisations compute.

Values that fit are marked where what reads them amplifies their rounding (amplified.py). So are, for tf32, products of that kind: TF32 has
no more digits than f16. Nothing is marked for fp32. `assign-precision` reads the marks. Each is a remark. A few walks: linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, f32
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn
from ...dialects.nn import element_of
from ..remarks import remark
from . import editing
from .amplified import COARSE, amplified_values, coarse_masks
from .known_numbers import KnownNumbers
from .ranges import Ranges, exact_values
from .storage_types import NARROW_TYPES, check_mode

NAME = "analyze-ranges"


def wide_values(func: FuncOp, narrow: Attribute) -> dict[SSAValue, str]:
    """The f32 values of a function that must not be stored as `narrow`, and why."""
    block = func.body.block
    exact = exact_values(block)
    ranges = Ranges(narrow)
    for argument in block.args:
        ranges.argument(argument)
    for op in block.ops:
        ranges.visit(op)
    wide = {value: found.reason for value, found in ranges.found.items()}
    for value in exact:
        if isinstance(value.owner, Operation) and not (value in ranges.constants or value in ranges.small):
            wide.setdefault(value, "floor, round or a cast to integers reads it")
    for value, reason in amplified_values(block).items():
        wide.setdefault(value, reason)
    for mask in coarse_masks(block, narrow, KnownNumbers(NAME)):
        wide.setdefault(mask, COARSE)
    _share_buffers(block, wide)
    return wide


def _share_buffers(block: Block, wide: dict[SSAValue, str]) -> None:
    """What a concat joins lies in one buffer, of one type."""
    for op in reversed(list(block.ops)):
        if isinstance(op, nn.ConcatOp) and op.result in wide:
            for piece in op.inputs:
                wide.setdefault(piece, "it is joined with values that stay wide")


def _amplified_products(func: FuncOp) -> dict[SSAValue, str]:
    found = amplified_values(func.body.block).items()
    return {
        value: reason for value, reason in found if isinstance(value.owner, nn.ConvOp | nn.MatmulOp | nn.AttentionOp)
    }


@dataclass(frozen=True)
class AnalyzeRangesPass(ModulePass):
    """Mark the values that must stay wide, with the reason."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    mode: str = "fp32"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        check_mode(NAME, self.mode)
        if self.mode == "fp32":
            return
        narrow = NARROW_TYPES.get(self.mode)
        for func in editing.functions(op):
            wide = _amplified_products(func) if narrow is None else wide_values(func, narrow)
            for value, reason in wide.items():
                if isinstance(value.owner, Operation) and element_of(value) == f32:
                    value.owner.attributes[nn.WIDE] = StringAttr(reason)
                    remark(value.owner, "analysis", NAME, f"stays wide: {reason}")
