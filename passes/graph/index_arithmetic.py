"""Reshapes below the arithmetic of indices and masks, for `sink-reshapes`: they move above it, to the inputs, where they are views.

    %0 = nn.cast %mask : [b, s]                    %0 = nn.reshape %mask : [b, s] -> [b, 1, 1, s]
    %1 = nn.mul %0, %low                    ->     %1 = nn.cast %0
    %2 = nn.reshape %1 : -> [b, 1, 1, s]           %2 = nn.mul %1, %low

Only reshapes that add or drop dims of 1, of what a few pointwise ops compute from integer or boolean inputs and numbers: what reads the
result may then compute it. Ops whose results other reshapes read too are repeated.
"""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Block, Operation, SSAValue

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.nn import element_of, rank_of, shape_of
from ...dialects.provenance import get_names, set_names
from ..remarks import remark, removing
from . import editing

MOST_OPS = 8
"""Ops between a reshape and the inputs."""
Dims = tuple[Expr, ...]


def lift_reshapes(block: Block, constants: set[SSAValue], name: str) -> None:
    """Move the reshapes of a block up where the ops above them are such arithmetic."""
    for reshape in [op for op in block.ops if isinstance(op, nn.ReshapeOp) and op.result not in constants]:
        if isinstance(reshape.x.owner, Operation) and (ops := _arithmetic(reshape, constants)):
            remark(reshape, "applied", name, f"moved above {len(ops)} ops on indices")
            _lift(reshape, ops)


def _arithmetic(reshape: nn.ReshapeOp, constants: set[SSAValue]) -> list[Operation]:
    """The ops above a reshape in block order, of a few of which it is the shape of the result; none where it stays."""
    dims = shape_of(reshape.x)
    if [d for d in dims if d != 1] != [d for d in shape_of(reshape.result) if d != 1]:
        return []
    found: dict[Operation, None] = {}
    pending = [reshape.x.owner]
    while pending:
        op = pending.pop()
        if not isinstance(op, Operation) or not nn.is_pointwise(op) or op.name.startswith("quant."):
            return []
        if op in found:
            continue
        found[op] = None
        if len(found) > MOST_OPS or len(op.results) != 1 or shape_of(op.results[0]) != dims:
            return []
        for operand in op.operands:
            if operand in constants and all(d == 1 for d in shape_of(operand)):
                continue
            if isinstance(operand.owner, Operation):
                pending.append(operand.owner)
            elif shape_of(operand) != dims or not isinstance(element_of(operand), IntegerType):
                return []
    readers = (use.operation for op in found for use in op.results[0].uses)
    return _in_order(found) if all(isinstance(op, nn.ReshapeOp) or op in found for op in readers) else []


def _in_order(ops: dict[Operation, None]) -> list[Operation]:
    """Ops after what they read, found from the last one on."""
    placed: dict[Operation, None] = {}
    pending = [next(iter(ops))]
    while pending:
        reads = [v.owner for v in pending[-1].operands if isinstance(v.owner, Operation)]
        missing = [op for op in reads if op in ops and op not in placed]
        if missing:
            pending += missing
        else:
            placed[pending.pop()] = None
    return list(placed)


def _lift(reshape: nn.ReshapeOp, ops: list[Operation]) -> None:
    dims = shape_of(reshape.result)
    new: dict[SSAValue, SSAValue] = {}
    for op in ops:
        operands: list[SSAValue] = []
        for operand in op.operands:
            is_input = not isinstance(operand.owner, Operation)
            if operand not in new and (is_input or rank_of(operand) > len(dims)):
                view = nn.ReshapeOp(operand, dims if is_input else [const(1)] * len(dims))
                new[operand] = editing.insert_before(reshape, view, location=reshape.location).results[0]
            operands.append(new.get(operand, operand))
        ty = nn.tensor_type(dims, element_of(op.results[0]))
        made = editing.rebuilt(op, operands, [ty])
        new[op.results[0]] = editing.insert_before(reshape, made, location=op.location).results[0]
    last = new[reshape.x].owner
    assert isinstance(last, Operation)
    set_names(last, get_names(reshape))
    removing(reshape.location, "it is a view of what the ops above it read")
    reshape.result.replace_all_uses_with(new[reshape.x])
    editing.erase_unused([*ops, reshape])
