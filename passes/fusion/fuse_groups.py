"""`fuse-groups`: puts every op that computes into a `fusion.group`, with what can run along with it.

    %0 = nn.conv %x, %w                                  %2 = fusion.group "conv" (%a = %x, %b = %w, %c = %bias) -> (T) {
    %1 = nn.add %0, %bias                                  %0 = nn.conv %a, %b
    %2 = nn.relu %1                                        %1 = nn.add %0, %c
  becomes                                                  %2 = nn.relu %1
                                                           fusion.yield %2
                                                         }

Convs and matmuls are served first, then row ops, windows and gathers, then what is left of the pointwise ops. A region grows
structurally (regions.py); whether its group can run is the schedules' answer, and there is no second rule list here: a refused group
is cut back to the longest prefix that is accepted, with a remark for each refusal, and what was cut off tries again as its own group.
A conv takes in the cast of its image where a schedule converts on the way; of a widening cast with several users each gets its
own. Numbers become immediates of the group. Views (reshape, transpose, slice, concat, broadcast_to) and ops on constants stay
outside. Groups have one result. Horizontal fusion is not done here.
Linear: each op is looked at a bounded number of times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, bf16, f16
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ...dialects.dtypes import is_float
from ...dialects.fusion import CallOp, GroupOp
from ...dialects.nn import element_of, shape_of
from ...dialects.provenance import NAMES, get_names, set_names
from ..graph.editing import WEIGHTS, erase_unused, fed_by_constants_only, functions, rebuilt
from ..remarks import remark
from .building import ask_schedules, build_group, replace_by_group
from .realize_integer import integer_form
from .regions import ROW, Growth, Region, anchor_kind, is_view

NAME = "fuse-groups"
TARGET = "kernel.target"
_PRIORITY = ("conv", "matmul", "row", "window", "gather", "pointwise")
_UNARY_VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastToOp)
_UNGROUPED = (nn.ConstantOp, nn.WeightOp, nn.ExportOp, GroupOp, CallOp, ReturnOp)


def _prefixes(region: Region) -> Iterator[tuple[list[Operation], list[Operation], SSAValue]]:
    """(prologue, epilogue, result) from the whole region down to its anchor alone; shorter epilogues before no prologue."""
    for prologue in (region.prologue, []) if region.prologue else ([],):
        for length, result in reversed(region.cuts):
            yield prologue, region.epilogue[:length], result


def _ask(group: GroupOp, target: Attribute | None) -> tuple[str | None, list[str]]:
    """What the schedules say about a group that stands in its function: as `realize-integer` will leave it, or else as it is."""
    form = integer_form(group)
    if isinstance(form, tuple):
        integer, before = form
        assert group.parent is not None
        group.parent.insert_ops_before([*before, integer], group)
        schedule, _ = ask_schedules(integer, target)
        for op in (integer, *reversed(before)):
            op.detach()
            op.erase()
        if schedule is not None:
            return schedule, []
    return ask_schedules(group, target)


def _commit(region: Region, growth: Growth, target: Attribute | None) -> None:
    """Turn the longest accepted part of a region into a group and free the rest."""
    for prologue, epilogue, result in _prefixes(region):
        ops = growth.in_order([*prologue, region.anchor, *epilogue])
        group = build_group(region.kind, ops, result)
        Rewriter.insert_op(group, InsertPoint.before(ops[-1]))
        schedule, reasons = _ask(group, target)
        alone = len(ops) == 1
        if schedule is not None or alone:
            break
        group.detach()
        group.erase()
        part = f"{len(prologue)} ops before and {len(epilogue)} behind"
        remark(
            region.anchor,
            "missed",
            NAME,
            f"{region.anchor.name} with {part}: no schedule accepts it: {'; '.join(reasons)}",
        )
    else:
        raise AssertionError("a region has at least its anchor")
    if schedule is None:
        remark(region.anchor, "missed", NAME, f"{region.anchor.name}: no schedule accepts it: {'; '.join(reasons)}")
    kept = set(ops)
    growth.taken.difference_update(op for op in (*region.prologue, *region.epilogue) if op not in kept)
    replace_by_group(ops, result, group)
    if not alone:
        remark(group, "applied", NAME, f"{region.kind} group of {', '.join(op.name for op in group.ops())}")


def _grouped(op: Operation, constants: set[SSAValue]) -> bool:
    return not (isinstance(op, _UNGROUPED) or is_view(op)) and bool(op.results) and op.results[0] not in constants


def _spread_widening_casts(block: Block) -> None:
    """A cast from f16 or bf16 moves behind the views of its result, and is made anew for each op that can take it in: a load
    converts for nothing, a store of its result costs memory traffic and a launch."""
    pending = [op for op in block.ops if isinstance(op, nn.CastOp) and _widens(op)]
    while pending:
        cast = pending.pop()
        uses = list(cast.result.uses)
        pending += [_behind(use.operation, cast) for use in uses if isinstance(use.operation, _UNARY_VIEWS)]
        readers = [use for use in cast.result.uses if _takes_in(use.operation, cast.result)]
        for use in readers[1:]:
            copy = cast.clone()
            copy.attributes.pop(NAMES, None)
            block.insert_op_after(copy, cast)
            use.operation.operands[use.index] = copy.result
        erase_unused([cast])


def _widens(op: nn.CastOp) -> bool:
    return element_of(op.x) in (f16, bf16) and is_float(element_of(op.result))


def _behind(view: Operation, cast: nn.CastOp) -> nn.CastOp:
    """view(cast(x)) as cast(view(x)): the new cast, which replaces the view's result."""
    narrow = rebuilt(view, [cast.x], [nn.with_element(view.results[0], element_of(cast.x))])
    narrow.attributes.pop(NAMES, None)
    wide = nn.CastOp(narrow.results[0], element_of(cast.result))
    wide.location = cast.location
    set_names(wide, get_names(view))
    Rewriter.insert_op([narrow, wide], InsertPoint.before(view))
    view.results[0].replace_all_uses_with(wide.result)
    erase_unused([view])
    return wide


def _takes_in(user: Operation, value: SSAValue) -> bool:
    """Whether a group around `user` can compute `value` element by element as it reads it."""
    read = user.operands[0] if isinstance(user, ROW) else user.results[0] if nn.is_pointwise(user) else None
    return read is not None and shape_of(read) == shape_of(value)


def fuse_block(block: Block, target: Attribute | None) -> None:
    """Group the ops of a function's block."""
    _spread_widening_casts(block)
    growth = Growth(block, fed_by_constants_only(block))
    anchors = [(op, anchor_kind(op)) for op in block.ops if _grouped(op, growth.constants)]
    for kind in _PRIORITY:
        for op, own_kind in anchors:
            if own_kind != kind or op in growth.taken:
                continue
            region = Region(kind, op)
            growth.grow(region)
            _commit(region, growth, target)


@dataclass(frozen=True)
class FuseGroupsPass(ModulePass):
    """Vertical fusion into groups that one schedule each can run."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        for func in functions(op):
            if func.sym_name.data == WEIGHTS:
                continue
            fuse_block(func.body.block, target)
            kinds = Counter(o.anchor.data for o in func.body.block.ops if isinstance(o, GroupOp))
            remark(
                func,
                "analysis",
                NAME,
                f"{kinds.total()} groups: {', '.join(f'{n} {k}' for k, n in kinds.items()) or 'none'}",
            )
