"""`fuse-groups`: puts every op that computes into a `fusion.group`, with what can run along with it.

    %0 = nn.conv %x, %w                                  %2 = fusion.group "conv" (%a = %x, %b = %w, %c = %bias) -> (T) {
    %1 = nn.add %0, %bias                                  %0 = nn.conv %a, %b
    %2 = nn.relu %1                                        %1 = nn.add %0, %c
  becomes                                                  %2 = nn.relu %1
                                                           fusion.yield %2
                                                         }

Attention, convs and matmuls come first, then row ops, windows and gathers, then what is left of the pointwise ops. A region grows
structurally (regions.py), with a remark for each op that it leaves out; whether its group can run is the schedules' answer about the ops
where they stand, and there is no second rule list here: a refused group is cut back to the longest prefix that is accepted, with a remark
for each refusal, and what was cut off tries again as its own group. A final refusal leaves the anchor alone at once. Pointwise ops before
operand A of a conv or matmul (a BatchNorm and its ReLU, the scale of squeeze-and-excitation, a cast) are fused with it where a schedule
computes them on the way and the price is not higher than that of a launch of its own (prologues.py, `cost/decision.py`); each user of a
widening cast gets a cast of its own. Numbers become immediates of the group. Views (reshape, transpose, slice, concat, broadcast_to) and
ops on constants stay outside. Two products that are added share a group where a schedule takes both (sums.py), and so do the steps
of squeeze-and-excitation, where one launch of them costs no more (chains.py). A group has several
results where ops outside read a value in its middle (results.py). Horizontal fusion is not done here. Linear: each op is looked at a
bounded number of times.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, bf16, f16
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ...dialects.dtypes import is_float
from ...dialects.fusion import CallOp, GroupOp
from ...dialects.nn import NARROW, element_of, shape_of, stored_of
from ...dialects.provenance import NAMES, get_names, set_names
from ..graph.editing import computed_functions, erase_unused, fed_by_constants_only, rebuilt
from ..kernels.building.group import GroupView, is_immediate
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Answer, Matcher
from ..remarks import remark
from ..replacing import Replacements
from .building import build_group, replace_by_group
from .chains import Chains, may_link
from .prologues import decide_prologue
from .regions import ROW, Growth, Region, anchor_kind, is_view
from .results import results_of, with_moments
from .small_operands import APART, decide_small, feed_larger_ops
from .storage import answer_of
from .sums import with_second_product

NAME = "fuse-groups"
TARGET = "kernel.target"
_PRIORITY = ("attention", "conv", "matmul", "row", "window", "gather", "positions", "rnn", "pointwise")
_UNARY_VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastToOp, nn.RollOp)
_UNGROUPED = (*nn.SOURCES, nn.WeightOp, nn.ExportOp, *nn.CONTROL, GroupOp, CallOp, ReturnOp)


def _prefixes(region: Region) -> Iterator[tuple[list[Operation], list[Operation], SSAValue]]:
    """(prologue, epilogue, result) from the whole region down to its anchor alone; shorter epilogues before shorter prologues, of which
    there are the whole one, the cast at its end, and none."""
    whole = region.prologue
    for prologue in [
        whole,
        *([whole[:1]] if isinstance(region.anchor, nn.ConvOp) and whole[1:] else []),
        *([[]] if whole else []),
    ]:
        for length, result in reversed(region.cuts):
            yield prologue, region.epilogue[:length], result


def _parts(region: Region, growth: Growth) -> Iterator[tuple[list[Operation], SSAValue]]:
    """What may become the group, in block order, and its result; first with the moments of rows that it computes, if there are any."""
    for prologue, epilogue, result in _prefixes(region):
        ops = [*prologue, region.anchor, *epilogue]
        if isinstance(region.anchor, nn.MatmulOp) and len(more := with_moments(ops, growth.taken)) > len(ops):
            yield growth.in_order(more), result
        yield growth.in_order(ops), result


def _longest(region: Region, growth: Growth, matcher: Matcher, prices: Prices) -> tuple[GroupView, list[Operation]]:
    """The longest part of a region that a schedule takes, else its anchor alone: as a group, and its ops in block order."""
    final = False
    for ops, result in _parts(region, growth):
        if final and len(ops) > 1:
            continue
        several = region.limit < sys.maxsize or any(isinstance(op, nn.RowMomentsOp) for op in ops)
        view = GroupView.of_region(region.kind, ops, results_of(ops, result) if several else result)
        _, answer = answer_of(view, view.operands, growth.constants, matcher)
        if answer.schedule is not None:
            return _without_costly_prologue(region, view, ops, growth, matcher, prices)
        before = ops.index(region.anchor)
        part = f" with {before} ops before and {len(ops) - before - 1} after" if len(ops) > 1 else ""
        _remark_refusals(region, part, answer)
        if len(ops) == 1:
            return view, ops
        final = answer.final
    raise AssertionError("a region has at least its anchor")


def _without_costly_prologue(
    region: Region, view: GroupView, ops: list[Operation], growth: Growth, matcher: Matcher, prices: Prices
) -> tuple[GroupView, list[Operation]]:
    """The group of a product with the ops before its operand, or, where a launch of its own is cheaper for these, the group without."""
    kept = set(ops)
    prologue = [op for op in region.prologue if op in kept]
    rest = [op for op in ops if op not in set(prologue)]
    apart = GroupView.of_region(region.kind, rest, view.results)
    decision = decide_prologue(region.anchor, prologue, view, apart, growth.constants, matcher, prices)
    if decision is None:
        return view, ops
    if decision.chosen != "a launch of its own":
        remark(prologue[0], "analysis", NAME, str(decision))
        return view, ops
    remark(prologue[0], "missed", NAME, f"not fused with {region.anchor.name}: {decision}")
    return apart, rest


def _without_costly_small(
    region: Region, view: GroupView, ops: list[Operation], growth: Growth, matcher: Matcher, prices: Prices
) -> tuple[GroupView, list[Operation]]:
    """The group with its small operands, or, where a launch of their own is cheaper for these, the group without."""
    small = [op for op in ops if op in region.small]
    if not small:
        return view, ops
    rest = [op for op in ops if op not in region.small]
    if any(operand.owner in rest for op in small for operand in op.operands):
        return view, ops  # a reduction beside the other one reads what this group alone computes
    apart = GroupView.of_region(region.kind, rest, view.results)
    decision = decide_small(region.kind, small, view, apart, growth.constants, matcher, prices)
    if decision.chosen != APART:
        remark(small[0], "analysis", NAME, str(decision))
        return view, ops
    remark(small[0], "missed", NAME, f"not fused with {region.anchor.name}: {decision}")
    return apart, rest


def _remark_refusals(region: Region, part: str, answer: Answer) -> None:
    """One remark for each schedule, on the op that it names."""
    anchor = region.anchor
    message = f"{anchor.name}{part}: no schedule accepts it: "
    for declined in answer.missed:
        remark(declined.refusal.op or anchor, "missed", NAME, f"{message}{declined}")
    if not answer.missed:
        remark(anchor, "missed", NAME, f"{message}{answer.why}")


def _remark_left_out(region: Region, left_out: Iterable[tuple[Operation, str]], growth: Growth) -> None:
    """Why neighbours of a region are not part of it."""
    for op, reason in left_out:
        if is_view(op):
            if op in growth.reported or not _parts_groups(op, growth.constants):
                continue
            growth.reported.add(op)
        elif not _grouped(op, growth.constants) or _may_join(op, region):
            continue
        remark(op, "missed", NAME, f"not fused with {region.anchor.name}: {reason}")


def _commit(region: Region, growth: Growth, matcher: Matcher, prices: Prices, replaced: Replacements) -> None:
    """Turn the longest accepted part of a region into a group and free the rest."""
    _remark_left_out(region, (item for item in region.left_out if not may_link(item[0])), growth)
    _end_narrow(region)
    view, ops = _longest(region, growth, matcher, prices)
    view, ops = _without_costly_small(region, view, ops, growth, matcher, prices)
    view, ops = with_second_product(region, view, ops, growth, matcher, prices, NAME)
    view, ops, links = Chains(growth, matcher, prices, NAME, _end_narrow).extended(region, view, ops)
    kept = set(ops)
    linkable = (item for item in region.left_out if may_link(item[0]))
    _remark_left_out(region, (item for item in linkable if item[0] not in kept), growth)
    for link in links:
        _remark_left_out(link.region, (item for item in link.region.left_out if item[0] not in kept), growth)
    growth.taken |= kept
    growth.taken.difference_update(op for op in (*region.prologue, *region.epilogue) if op not in kept)
    group = build_group(view)
    Rewriter.insert_op(group, InsertPoint.before(ops[-1]))
    growth.position[group] = growth.position[ops[-1]]
    growth.taken.add(group)
    replace_by_group(ops, view.results, group, replaced)
    for op in (op for op in ops if isinstance(op, nn.ApplyMomentsOp)):
        remark(op, "missed", NAME, "not fused with what computes its moments: they are known where whole rows are")
    further = (op for op in ops if isinstance(op, nn.ConvOp | nn.MatmulOp) and op is not region.anchor)
    for op in (op for op in further if all(v.owner not in kept for v in op.operands)):
        remark(
            op,
            "missed",
            NAME,
            "not fused with what computes its operands: as a further product it reads them in memory",
        )
    if len(ops) > 1:
        several = f", {len(group.results)} results" if len(group.results) > 1 else ""
        remark(group, "applied", NAME, f"{region.kind} group of {', '.join(op.name for op in group.ops())}{several}")


def _end_narrow(region: Region) -> None:
    """Cut the region of a conv or matmul back to the last value that is stored narrow where only row ops read its result: they fuse
    the rest and compute it in f32, so that a mask of any size is added to the scores in registers and no f32 scores cross memory."""
    users = [use.operation for use in region.result.uses]
    if (
        region.kind not in ("conv", "matmul")
        or stored_of(region.result) in NARROW
        or not all(isinstance(u, ROW) for u in users)
    ):
        return
    narrow = [length for length, value in region.cuts if stored_of(value) in NARROW]
    if users and narrow:
        region.cuts = [cut for cut in region.cuts if cut[0] <= narrow[-1]]
        for op in region.epilogue[narrow[-1] :]:
            why = "only row ops read what comes of it, and compute it in f32 as they read"
            remark(op, "missed", NAME, f"not fused with {region.anchor.name}: {why}")


def _may_join(op: Operation, region: Region) -> bool:
    """Whether an op outside the region may be part of its group (`_parts`)."""
    return isinstance(op, nn.RowMomentsOp) and isinstance(region.anchor, nn.MatmulOp)


def _computes(op: Operation) -> bool:
    """Whether an op is to be in a group."""
    return not (isinstance(op, _UNGROUPED) or is_view(op)) and bool(op.results)


def _grouped(op: Operation, constants: set[SSAValue]) -> bool:
    """Whether an op is to be in a group of this block, whose `constants` are known before it runs."""
    return _computes(op) and op.results[0] not in constants


def _parts_groups(view: Operation, constants: set[SSAValue]) -> bool:
    """Whether a view lies between two ops that compute: what no op computes or reads has nothing to fuse with."""
    return all(_reaches(view, neighbours, constants) for neighbours in (_makers, _readers))


def _reaches(view: Operation, neighbours: Callable[[Operation], Iterable[Operation]], constants: set[SSAValue]) -> bool:
    """Whether an op that computes lies on this side of a view, with other views in between or not."""
    pending, seen = [view], {view}
    while pending:
        for op in neighbours(pending.pop()):
            if isinstance(op, GroupOp) or _grouped(op, constants):
                return True
            if is_view(op) and op not in seen:
                seen.add(op)
                pending.append(op)
    return False


def _makers(op: Operation) -> Iterator[Operation]:
    return (operand.owner for operand in op.operands if isinstance(operand.owner, Operation))


def _readers(op: Operation) -> Iterator[Operation]:
    return (use.operation for result in op.results for use in result.uses)


def _spread_widening_casts(block: Block) -> None:
    """Move a cast from f16 or bf16 after the views of its result, and clone it for each op that can fuse it: a load
    converts for nothing, a store of its result costs memory traffic and a launch."""
    pending = [op for op in block.ops if isinstance(op, nn.CastOp) and _widens(op)]
    while pending:
        cast = pending.pop()
        uses = list(cast.result.uses)
        pending += [_moved_after(use.operation, cast) for use in uses if isinstance(use.operation, _UNARY_VIEWS)]
        readers = [use for use in cast.result.uses if _takes_in(use.operation, cast.result)]
        for use in readers[1:]:
            copy = cast.clone()
            copy.attributes.pop(NAMES, None)
            block.insert_op_after(copy, cast)
            use.operation.operands[use.index] = copy.result
        erase_unused([cast])


def _widens(op: nn.CastOp) -> bool:
    return element_of(op.x) in (f16, bf16) and is_float(element_of(op.result))


def _moved_after(view: Operation, cast: nn.CastOp) -> nn.CastOp:
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


def fuse_block(block: Block, matcher: Matcher, prices: Prices) -> None:
    """Group the ops of a function's block."""
    _spread_widening_casts(block)
    growth = Growth(block, fed_by_constants_only(block))
    replaced = Replacements()
    sizes = [op for op in block.ops if isinstance(op, nn.SizeOp) and _is_read_as_number(op)]
    anchors = [(op, anchor_kind(op)) for op in block.ops if _grouped(op, growth.constants) and op not in sizes]
    later = feed_larger_ops(block)
    anchors.sort(key=lambda pair: pair[0] in later)
    for kind in _PRIORITY:
        for op, own_kind in anchors:
            if own_kind != kind or op in growth.taken:
                continue
            region = Region(kind, op)
            growth.grow(region)
            _commit(region, growth, matcher, prices, replaced)
    replaced.apply()
    erase_unused(sizes)


def _is_read_as_number(size: nn.SizeOp) -> bool:
    """Whether all that reads a size computes with it: each group then has it as an immediate."""
    return all(is_immediate(size.result, use.operation) for use in size.result.uses)


@dataclass(frozen=True)
class FuseGroupsPass(ModulePass):
    """Vertical fusion into groups that one schedule each can run."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        matcher, prices = Matcher(target), Prices(target)
        for func in computed_functions(op):
            fuse_block(func.body.block, matcher, prices)
            kinds = Counter(o.anchor.data for o in func.body.block.ops if isinstance(o, GroupOp))
            remark(
                func,
                "analysis",
                NAME,
                f"{kinds.total()} groups: {', '.join(f'{n} {k}' for k, n in kinds.items()) or 'none'}",
            )
