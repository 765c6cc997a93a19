"""Building `fusion.group` ops from ops of a function, and asking the schedules about them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Attribute, Operation, SSAValue

from ...dialects import nn
from ...dialects.fusion import GroupOp, YieldOp
from ...dialects.provenance import fuse, get_names, set_names
from ..graph.editing import location_of
from ..kernels.schedules.registry import accepting


def ask_schedules(group: GroupOp, target: Attribute | None) -> tuple[str | None, list[str]]:
    """The schedule that accepts the group, or None, and what the others said against it."""
    return accepting(group, target)


def _is_immediate(value: SSAValue, user: Operation) -> bool:
    """Whether a constant is one number that a pointwise op reads: it moves into the group, where it becomes an immediate."""
    if not isinstance(value.owner, nn.ConstantOp) or not nn.is_pointwise(user):
        return False
    return all(d.as_int() == 1 for d in nn.shape_of(value))


def build_group(anchor: str, ops: Sequence[Operation], result: SSAValue) -> GroupOp:
    """A group, not yet inserted, of clones of `ops` (in block order) that yields the clone of `result`.

    Its operands are the values that the ops read from outside, in order of first use. The ops themselves stay.
    """
    inside: set[SSAValue] = {r for op in ops for r in op.results}
    inputs: dict[SSAValue, None] = {}
    immediates: dict[SSAValue, Operation] = {}
    for op in ops:
        for operand in op.operands:
            if operand in inside:
                continue
            if isinstance(operand.owner, Operation) and _is_immediate(operand, op):
                immediates[operand] = operand.owner
            else:
                inputs[operand] = None
    # A constant that one op reads as an immediate and another as a tensor is needed in both forms.
    group = GroupOp(anchor, list(inputs), [result.type])
    mapping: dict[SSAValue, SSAValue] = dict(zip(inputs, group.block.args, strict=True))
    for value, constant in immediates.items():
        clone = constant.clone()
        group.block.add_op(clone)
        mapping.setdefault(value, clone.results[0])
    for op in ops:
        group.block.add_op(op.clone(mapping))
    group.block.add_op(YieldOp(mapping[result]))
    group.location = fuse(*(op.location for op in ops))
    group.yield_op.location = group.location
    if isinstance(result.owner, Operation):
        set_names(group, [get_names(result.owner)[result.owner.results.index(result)]])
    return group


def copy_group(value: SSAValue) -> GroupOp:
    """A pointwise group, not yet inserted, that copies a value: its body is just the yield of its argument."""
    group = GroupOp("pointwise", [value], [value.type])
    group.block.add_op(YieldOp(group.block.args[0]))
    group.location = location_of([value])
    if isinstance(value.owner, Operation):
        set_names(group, [get_names(value.owner)[value.owner.results.index(value)]])
    group.yield_op.location = group.location
    return group


def replace_by_group(ops: Sequence[Operation], result: SSAValue, group: GroupOp) -> None:
    """Let the group, which stands right before the last of `ops`, replace `result`, and erase the ops."""
    result.replace_all_uses_with(group.results[0])
    for op in reversed(ops):
        op.detach()
        op.erase()
