"""`widen-sums`: sums of a model's own f16 and bf16 values stay f32, and so does what is computed from such sums alone.

    %s = nn.reduce sum %x : f16 -> f16               %s = nn.reduce sum %x : f16 -> f32
    %y = nn.div %x, %s : f16                   ->    %w = nn.cast %x : f16 -> f32
                                                     %d = nn.div %w, %s : f32
                                                     %y = nn.cast %d : f32 -> f16

A sum of 4096 numbers of 20 overflows f16, and a sum is small next to what it sums, so that storing it narrow saves little. Kernels
compute in f32 anyway, so this costs nothing. A pointwise op that reads such a sum is computed in f32; unless its other operands are such
sums or constants, its result is cast back. Any other op reads and gives the types that it did. Means, maxima and sums of f32 are not
touched. Linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn, quant
from ...dialects.nn import element_of
from ...dialects.provenance import get_names, helper_location, set_names
from ..remarks import remark
from . import editing

NAME = "widen-sums"
_SUMS = (nn.ReduceKind.SUM, nn.ReduceKind.SUMSQ, nn.ReduceKind.PROD)


def _widen_block(block: Block) -> None:
    constants = editing.fed_by_constants_only(block)
    wide: dict[SSAValue, SSAValue] = {}
    """For a narrow value that a sum gives, the f32 one."""
    replaced: list[Operation] = []
    for op in list(block.ops):
        if len(op.results) != 1 or op.regions or not op.operands:
            continue
        (result,) = op.results
        sums = isinstance(op, nn.ReduceOp) and op.kind.data in _SUMS and element_of(result) in nn.NARROW
        if sums:
            new = editing.rebuilt(op, list(op.operands), [nn.with_element(result, f32)])
            remark(op, "applied", NAME, f"a sum of {element_of(result)} stays f32")
        elif _computes_on(op, wide):
            operands = [_in_f32(operand, wide, op) for operand in op.operands]
            new = editing.rebuilt(op, operands, [nn.with_element(result, f32)])
        else:
            if any(operand in wide for operand in op.operands):
                remark(op, "missed", NAME, f"reads a sum as {_narrow_of(op, wide)}: it is not arithmetic of that type")
            continue
        editing.insert_before(op, new, location=op.location)
        narrow = nn.CastOp(new.results[0], element_of(result))
        editing.insert_before(op, narrow, location=helper_location("cast", op.location))
        set_names(narrow, get_names(op))
        if sums or all(operand in wide or operand in constants for operand in op.operands):
            wide[narrow.result] = new.results[0]
        result.replace_all_uses_with(narrow.result)
        replaced += [op, narrow]
    editing.erase_unused(replaced)


def _narrow_of(op: Operation, wide: dict[SSAValue, SSAValue]) -> Attribute:
    """The type of the first sum that an op reads."""
    return next(element_of(operand) for operand in op.operands if operand in wide)


def _computes_on(op: Operation, wide: dict[SSAValue, SSAValue]) -> bool:
    """Whether an op is pointwise arithmetic of one narrow type, and a sum is among what it reads."""
    if (
        not nn.is_pointwise(op)
        or isinstance(op, nn.CastOp | quant.ScaledOp)
        or element_of(op.results[0]) not in nn.NARROW
    ):
        return False
    return any(operand in wide for operand in op.operands)


def _in_f32(value: SSAValue, wide: dict[SSAValue, SSAValue], user: Operation) -> SSAValue:
    """A narrow operand in f32; one of another type, such as a condition, as it is."""
    if value in wide:
        return wide[value]
    if element_of(value) not in nn.NARROW:
        return value
    return editing.insert_before(user, nn.CastOp(value, f32), location=helper_location("cast", user.location)).results[
        0
    ]


@dataclass(frozen=True)
class WidenSumsPass(ModulePass):
    """Keep sums of a model's own f16 and bf16 in f32."""

    name = NAME
    numerics: ClassVar[str] = "changes-precision"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for func in editing.functions(op):
            _widen_block(func.body.block)
