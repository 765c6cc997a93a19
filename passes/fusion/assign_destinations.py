"""`assign-destinations`: decides, on tensors, which values share a buffer, so that concat, slice and other views cost nothing.

    %0 = fusion.group "conv" ...                     %0 = fusion.group "conv" ... attributes {layouts = [..., #fusion.layout<[48, 12, 1]>]}
    %1 = fusion.group "conv" ...                     %1 = fusion.group "conv" ... attributes {layouts = [...]}
    %2 = nn.concat %0, %1 {axis = 2}            ->   %2 = nn.concat %0, %1 {axis = 2, fusion.alias = #fusion.alias<dest>}

First from the last op to the first (destinations.py): producers that can write straight into the buffer of a concat, of a reshape
that is a graph output, or of a transpose that must end row-major, or is read at a lower price if it does, do. Then from the first to the
last: every other view (reshape, transpose, slice, broadcast_to) reads in its operand's buffer. Offsets and strides are dim expressions.
Each group gets `layouts` for its operands and results; the schedules are asked whether they accept them, and where they refuse, a copy
group makes the tensor row-major. Graph outputs end whole and row-major in buffers of their own. Every copy and refusal is a remark. Linear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import fusion, nn
from ...dialects.fusion import Alias, AliasAttr, GroupOp, LayoutAttr
from ...dialects.strided import VIEW_OPS, result_view
from ..graph import editing
from ..kernels.building.group import GroupView
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from .building import copy_group
from .destinations import Destinations, Place, Slices, own_place
from .fuse_groups import TARGET

NAME = "assign-destinations"


@dataclass
class _Layouter:
    """The walk from first to last op: views, layouts of groups, and the copies that they need."""

    destinations: Destinations
    matcher: Matcher
    slices: Slices | None = None
    """What a loop joins of this function's results."""
    places: dict[SSAValue, Place] = field(default_factory=dict)
    copies: dict[SSAValue, SSAValue] = field(default_factory=dict)
    outputs: set[SSAValue] = field(default_factory=set)
    """Buffers that are graph outputs already."""

    def at(self, value: SSAValue) -> Place:
        return self.places.get(value) or self.destinations.homes.get(value) or own_place(value)

    def copied(self, value: SSAValue, before: Operation, why: str) -> SSAValue:
        """The value in a buffer of its own, made by one copy group that all its users share."""
        if value not in self.copies:
            group = copy_group([value], why)
            self.copies[value] = editing.insert_before(before, group, location=group.location).results[0]
            self.write_layouts(group)
            remark(before, "missed", NAME, f"copied: {why}")
        return self.copies[value]

    def write_layouts(self, group: GroupOp) -> None:
        values = (*group.operands, *group.results)
        fusion.set_layouts(group, [LayoutAttr.of(self.at(v)) for v in values])

    def refusal(self, group: GroupOp) -> str | None:
        """Why no schedule accepts the group with the layouts written on it, or None."""
        answer = self.matcher.answer(GroupView.of(group))
        return None if answer.schedule is not None else answer.why

    def lay_out(self, group: GroupOp) -> None:
        """Write a group's layouts; copy operands whose layout no schedule accepts."""
        self.write_layouts(group)
        strided = [i for i, v in enumerate(group.operands) if not self.at(v).is_row_major]
        if not strided or self.refusal(group) is None:
            return
        values = list(group.operands)
        for index in strided:
            alone = [v if i == index or i not in strided else None for i, v in enumerate(values)]
            fusion.set_layouts(
                group,
                [
                    LayoutAttr.of(self.at(v) if kept is not None else own_place(v))
                    for v, kept in zip(values, alone, strict=True)
                ]
                + [LayoutAttr.of(self.at(r)) for r in group.results],
            )
            reason = self.refusal(group)
            if reason is not None:
                group.operands[index] = self.copied(values[index], group, f"operand {index} is strided and {reason}")
        self.write_layouts(group)
        reason = self.refusal(group)
        if reason is None:
            return
        for index in strided:
            if group.operands[index] is values[index]:
                group.operands[index] = self.copied(
                    values[index], group, f"operand {index} is strided, as others are, and {reason}"
                )
        self.write_layouts(group)

    def view(self, op: Operation) -> None:
        """Place the result of a view in its operand's buffer, after a copy where no strides describe it."""
        result = result_view(op, self.at(op.operands[0]))
        if isinstance(result, str):
            op.operands[0] = self.copied(op.operands[0], op, result)
            result = result_view(op, self.at(op.operands[0]))
        assert not isinstance(result, str), result
        self.places[op.results[0]] = result
        op.attributes[fusion.ALIAS] = AliasAttr(Alias.SOURCE)

    def control(self, op: nn.IfOp | nn.LoopOp) -> None:
        """Let a function of a branch or a body find what it reads row-major in aligned buffers, and a loop what it carries in buffers of
        its own, which become those of the iterations."""
        operands = list(op.operands)
        kept = range(len(operands) - len(op.captures)) if isinstance(op, nn.LoopOp) else range(0)
        for index, value in enumerate(operands):
            at = self.at(value)
            if index in kept:
                own = isinstance(value.owner, GroupOp) and value.has_one_use() and at == own_place(value)
                if not own:
                    group = copy_group([value], "a loop carries it in a buffer of its own")
                    operands[index] = editing.insert_before(op, group, location=group.location).results[0]
                    self.write_layouts(group)
                    remark(op, "missed", NAME, f"copied: carried value {index} must be in a buffer of its own")
            elif at != own_place(value) and not (isinstance(op, nn.IfOp) and index == 0):
                operands[index] = self.copied(value, op, f"operand {index} of {op.name} is a view")
        op.operands = operands

    def finish(self, op: ReturnOp) -> None:
        """Let each graph output be all of a buffer that a group writes, and no buffer two outputs."""
        operands = list(op.operands)
        for index, value in enumerate(operands):
            if self.slices is not None and index >= self.slices.first:
                continue  # in the buffer of the loop's result
            at = self.at(value)
            reason = None
            if not _writes_whole(at.owner) and at.owner not in self.destinations.roots:
                reason = "a graph output must be written by a group"
            elif at.owner in self.outputs:
                reason = "two graph outputs would share a buffer"
            elif at != own_place(value):
                reason = "a graph output must be row-major and all of its buffer"
            if reason is None:
                self.outputs.add(at.owner)
                continue
            group = copy_group([value], reason)
            operands[index] = editing.insert_before(op, group, location=group.location).results[0]
            self.write_layouts(group)
            remark(group, "missed", NAME, f"copied: {reason}")
        if any(new is not old for new, old in zip(operands, op.operands, strict=True)):
            op.operands = operands

    def run(self, block: Block, constants: set[SSAValue]) -> None:
        for op in list(block.ops):
            if isinstance(op, GroupOp):
                self.lay_out(op)
                _explain_move(op)
            elif isinstance(op, ReturnOp):
                self.finish(op)
            elif isinstance(op, nn.IfOp | nn.LoopOp):
                self.control(op)
            elif op.results and op.results[0] in constants:
                continue
            elif op in self.destinations.taken:
                op.attributes[fusion.ALIAS] = AliasAttr(Alias.DEST)
                remark(op, "applied", NAME, f"{op.name}: its operands are written into its result")
            elif isinstance(op, VIEW_OPS):
                self.view(op)


def _explain_move(group: GroupOp) -> None:
    """Say of a group that only moves elements, as its ops ask for, that it is a copy."""
    ops = group.ops()
    if (
        fusion.COPIED not in group.attributes
        and ops
        and all(nn.rearranges(op) and not isinstance(op, nn.CastOp) for op in ops)
    ):
        why = f"{' and '.join(dict.fromkeys(op.name for op in ops))} of the model, which nothing reads or writes in its place"
        group.attributes[fusion.COPIED] = StringAttr(why)
        remark(group, "missed", NAME, f"copied: {why}")


def _writes_whole(value: SSAValue) -> bool:
    """Whether a value can be given a buffer to be written to: a group's result, that of a branch, or joined slices of a loop."""
    producer = value.owner
    if isinstance(producer, nn.LoopOp):
        return producer.condition is None and value in producer.results[len(producer.carried) :]
    return isinstance(producer, GroupOp | nn.IfOp)


def _joined(module: ModuleOp) -> dict[str, Slices]:
    """For each body of a loop that joins slices of its results, which they are."""
    return {
        op.callees[0]: Slices(op.index.data, len(op.carried) + (op.condition is not None))
        for op in nn.control_ops(module)
        if isinstance(op, nn.LoopOp) and op.slices
    }


@dataclass(frozen=True)
class AssignDestinationsPass(ModulePass):
    """Decide which tensors share buffers, and every group's layouts."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        matcher, prices = Matcher(target), Prices(target)
        joined = _joined(op)
        for func in editing.computed_functions(op):
            block = func.body.block
            constants = editing.fed_by_constants_only(block, weights=False)
            destinations = Destinations(block, matcher, prices, constants)
            slices = joined.get(func.sym_name.data)
            destinations.find(slices)
            _Layouter(destinations, matcher, slices).run(block, constants)
