"""Which values are written straight into the buffer of a later view: the first half of `assign-destinations`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue

from ...dialects import fusion, nn
from ...dialects.dims import const
from ...dialects.fusion import GroupOp, LayoutAttr
from ...dialects.nn import shape_of
from ..graph import editing
from ..remarks import remark
from . import placement as place
from .building import ask_schedules, copy_group
from .placement import Placement

NAME = "assign-destinations"


def accepts_layout(group: GroupOp, value: SSAValue, at: Placement, target: Attribute | None) -> str | None:
    """Why no schedule accepts the group with one operand or result placed there and all else row-major; None if one does."""
    if place.is_row_major(shape_of(value), at.strides):
        return None
    old = group.attributes.get(fusion.LAYOUTS)
    values = (*group.operands, *group.results)
    layout = place.layout_of(value, at)
    fusion.set_layouts(group, [layout if v is value else LayoutAttr.get() for v in values])
    schedule, reasons = ask_schedules(group, target)
    if old is None:
        del group.attributes[fusion.LAYOUTS]
    else:
        group.attributes[fusion.LAYOUTS] = old
    return None if schedule is not None else "; ".join(reasons)


def _is_returned(value: SSAValue) -> bool:
    return any(isinstance(use.operation, ReturnOp) for use in value.uses)


@dataclass
class Destinations:
    """The walk from last to first op."""

    block: Block
    target: Attribute | None
    constants: set[SSAValue]
    homes: dict[SSAValue, Placement] = field(default_factory=dict)
    """Values that lie in the buffer of a later op's result."""
    taken: set[Operation] = field(default_factory=set)
    """View ops whose operands lie in their results."""
    roots: set[SSAValue] = field(default_factory=set)
    """Results of such ops that have buffers of their own."""

    def find(self) -> None:
        for op in reversed(list(self.block.ops)):
            if not op.results or op.results[0] in self.constants:
                continue
            if isinstance(op, nn.ConcatOp):
                self._concat(op)
            elif isinstance(op, nn.ReshapeOp) and op.result not in self.homes and _is_returned(op.result):
                self._returned_reshape(op)
            elif isinstance(op, nn.TransposeOp | nn.ReshapeOp) and (
                op.result in self.homes or self._wants_destination(op)
            ):
                at = self._operand_place(op, self._place(op))
                assert at is not None
                self.homes[op.x] = at
                self.taken.add(op)

    def _place(self, op: Operation) -> Placement:
        """Where the result of a view lies whose operands are to lie in it."""
        result = op.results[0]
        if result not in self.homes:
            self.roots.add(result)
        return self.homes.get(result) or Placement.own(result)

    def _concat(self, op: nn.ConcatOp) -> None:
        whole, axis, start = self._place(op), op.axis.value.data, const(0)
        for index, operand in enumerate(op.operands):
            at = Placement(whole.root, whole.offset + start * whole.strides[axis], whole.strides)
            start = start + shape_of(operand)[axis]
            reason = self.blocker(operand, at, op)
            if reason is not None:
                remark(op, "missed", NAME, f"operand {index} copied into the concat: {reason}")
                group = copy_group(operand)
                operand = editing.insert_before(op, group, location=group.location).results[0]
                op.operands[index] = operand
            self.homes[operand] = at
        self.taken.add(op)

    def _returned_reshape(self, op: nn.ReshapeOp) -> None:
        """A graph output has a buffer of its own: what is reshaped to become it is written there."""
        at = self._operand_place(op, self._place(op))
        assert at is not None
        reason = self.blocker(op.x, at, op)
        if reason is not None:
            remark(op, "missed", NAME, f"copied into a graph output: {reason}")
            group = copy_group(op.x)
            op.operands[0] = editing.insert_before(op, group, location=group.location).results[0]
        self.homes[op.x] = at
        self.taken.add(op)

    def blocker(self, value: SSAValue, at: Placement, user: Operation) -> str | None:
        """Why a value cannot be written straight to a place that `user` gives it; None if it can."""
        owner = value.owner
        if not isinstance(owner, Operation):
            return "it is a graph input"
        if value in self.homes:
            return "it lies in another destination already"
        if value in self.constants:
            return "it is a constant"
        if sum(use.operation is user for use in value.uses) > 1:
            return "it comes twice"
        for reader in self._other_readers(value, user):
            if isinstance(reader, ReturnOp):
                return "it is a graph output too"
            if isinstance(reader, GroupOp) and (reason := accepts_layout(reader, value, at, self.target)) is not None:
                return f"another group reads it and {reason}"
        return self._producer_blocker(owner, value, at)

    def _other_readers(self, value: SSAValue, user: Operation) -> Iterator[Operation]:
        return (use.operation for use in value.uses if use.operation is not user)

    def _producer_blocker(self, owner: Operation, value: SSAValue, at: Placement) -> str | None:
        if isinstance(owner, nn.ConcatOp):
            return None
        if isinstance(owner, GroupOp):
            reason = accepts_layout(owner, value, at, self.target)
            return None if reason is None else f"its group cannot write strided: {reason}"
        if isinstance(owner, nn.TransposeOp | nn.ReshapeOp):
            if not owner.x.has_one_use():
                return f"it is a {owner.name} of a tensor with other users"
            inner = self._operand_place(owner, at)
            if inner is None:
                return "it is a reshape that no strides describe"
            return self.blocker(owner.x, inner, owner)
        return f"it comes from {owner.name}, not from a group"

    def _operand_place(self, op: nn.TransposeOp | nn.ReshapeOp, at: Placement) -> Placement | None:
        """Where the operand of a view lies if its result lies at `at`."""
        if isinstance(op, nn.TransposeOp):
            return place.untransposed(at, nn.values_of(op.permutation))
        return place.reshaped(at, shape_of(op.result), shape_of(op.x))

    def _wants_destination(self, op: nn.TransposeOp | nn.ReshapeOp) -> bool:
        """Whether a transpose is better written row-major by its producer than read strided by its users."""
        if not isinstance(op, nn.TransposeOp) or not op.x.has_one_use():
            return False
        at = place.transposed(Placement.own(op.x), nn.values_of(op.permutation))
        if not any(self._needs_copy(use.operation, op.result, at) for use in op.result.uses):
            return False
        inner = self._operand_place(op, Placement.own(op.result))
        assert inner is not None
        reason = self.blocker(op.x, inner, op)
        if reason is not None:
            remark(op, "missed", NAME, f"its producer does not write it row-major: {reason}")
        return reason is None

    def _needs_copy(self, reader: Operation, value: SSAValue, at: Placement) -> bool:
        if isinstance(reader, ReturnOp):
            return True
        if isinstance(reader, nn.ReshapeOp):
            return place.reshaped(at, shape_of(value), shape_of(reader.result)) is None
        return isinstance(reader, GroupOp) and accepts_layout(reader, value, at, self.target) is not None
