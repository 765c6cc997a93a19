"""`outline-groups`: each group becomes a private function; equal groups share one.

    %2 = fusion.group "conv" (%a = %x : T, %b = %w : T) -> (T) attributes {layouts = [...]} { ... }
  becomes
    %2 = fusion.call @conv_relu(%x, %w) : (T, T) -> T
    func.func private @conv_relu(%a : T, %b : T) -> T attributes {fusion.anchor = "conv", fusion.layouts = [...]} { ... }

Groups are equal if their bodies (ops, attributes, types, how values connect), anchors, types and layouts are. Names and locations do not
count: the call keeps the group's fused location and its ONNX names, while the shared function has the location of the first group and
no names. Functions are called after what they compute, with a number if that is taken. Linear.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import ClassVar, cast

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.irdl import IRDLOperation
from xdsl.passes import ModulePass

from ...dialects import fusion, nn
from ...dialects.provenance import NAMES, get_names, set_names
from ..graph.editing import functions
from ..kernels.building.group import GroupView
from ..kernels.building.moved_rows import MOVES
from ..remarks import remark
from ..replacing import Replacements

NAME = "outline-groups"
_NAME_WORDS = 4
"""Ops that a function's name lists before it stops."""


def base_name(group: fusion.GroupOp) -> str:
    """A function's name from the ops inside: `conv_add_relu`."""
    unnamed = (nn.ConstantOp, *MOVES) if group.anchor.data == "row" else (nn.ConstantOp,)
    words = [op.name.split(".")[1] for op in group.ops() if not isinstance(op, unnamed) and not _at_boundary(op)]
    if not words:
        words = ["cast" for op in group.ops() if isinstance(op, nn.CastOp)][:1]
    if not words:
        return "copy"
    return "_".join(words[:_NAME_WORDS]) + (f"_and_{len(words) - _NAME_WORDS}" if len(words) > _NAME_WORDS else "")


def _at_boundary(op: Operation) -> bool:
    """Whether an op is a cast between f32 and the narrow type in which a tensor of the group is stored."""
    if not isinstance(op, nn.CastOp):
        return False
    narrows = nn.element_of(op.result) in nn.NARROW and nn.element_of(op.x) == f32
    widens = nn.element_of(op.x) in nn.NARROW and nn.element_of(op.result) == f32
    stored = all(isinstance(use.operation, fusion.YieldOp) for use in op.result.uses)
    return (narrows and stored) or (widens and _is_read(op.x))


def _is_read(value: SSAValue) -> bool:
    """Whether a value is an operand of the group, or one that is moved."""
    while isinstance(value.owner, MOVES):
        value = value.owner.x
    return isinstance(value, BlockArgument)


def _name_arguments(block: Block) -> None:
    """Calls each argument what the first op that takes it does (`x`, `w`, `rhs`): the names that kernels and CUDA C show."""
    for op in block.ops:
        if _at_boundary(op) and op.results[0].first_use is not None:
            continue  # the op that reads the result in f32 says what it is
        names = [name for name, _ in cast(IRDLOperation, op).get_irdl_definition().operands]
        for i, operand in enumerate(op.operands):
            if isinstance(operand.owner, Operation) and _at_boundary(operand.owner):
                (operand,) = operand.owner.operands
            if isinstance(operand, BlockArgument) and operand.name_hint is None:
                operand.name_hint = names[min(i, len(names) - 1)]


@dataclass
class _Outliner:
    taken: set[str]
    known: dict[Hashable, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    outlined: list[FuncOp] = field(default_factory=list)
    replaced: Replacements = field(default_factory=Replacements)

    def fresh(self, base: str) -> str:
        while True:
            number = self.counts.get(base, 0)
            self.counts[base] = number + 1
            name = f"{base}_{number}" if number else base
            if name not in self.taken:
                self.taken.add(name)
                return name

    def outline(self, group: fusion.GroupOp) -> None:
        key = GroupView.of(group).signature
        name = self.known.get(key)
        if name is not None:
            remark(group, "applied", NAME, f"shares @{name}")
        else:
            name = self.known[key] = self.fresh(base_name(group))
            self.outlined.append(_function(name, group))
        operands = [self.replaced.of(operand) for operand in group.operands]
        call = fusion.CallOp(SymbolRefAttr(name), operands, list(group.result_types))
        call.location = group.location
        set_names(call, get_names(group))
        if fusion.COPIED in group.attributes:
            call.attributes[fusion.COPIED] = group.attributes[fusion.COPIED]
        assert group.parent is not None
        group.parent.insert_op_before(call, group)
        self.replaced.replace_op(group, call.results)


def _function(name: str, group: fusion.GroupOp) -> FuncOp:
    block = Block(arg_types=group.operand_types)
    mapping: dict[SSAValue, SSAValue] = dict(zip(group.block.args, block.args, strict=True))
    for op in group.ops():
        clone: Operation = op.clone(mapping)
        clone.attributes.pop(NAMES, None)
        block.add_op(clone)
    _name_arguments(block)
    results = ReturnOp(*(mapping[v] for v in group.yield_op.operands))
    results.location = group.location
    block.add_op(results)
    func = FuncOp(name, (group.operand_types, group.result_types), Region(block), visibility="private")
    func.location = group.location
    func.attributes[fusion.ANCHOR] = group.anchor
    fusion.set_layouts(func, fusion.layouts_of(group))
    return func


@dataclass(frozen=True)
class OutlineGroupsPass(ModulePass):
    """Turn groups into private functions, one per signature."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        outliner = _Outliner({f.sym_name.data for f in op.ops if isinstance(f, FuncOp)})
        for func in list(functions(op)):
            for inner in list(func.body.block.ops):
                if isinstance(inner, fusion.GroupOp):
                    outliner.outline(inner)
        outliner.replaced.apply()
        op.body.block.add_ops(outliner.outlined)
