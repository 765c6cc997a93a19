"""Building `fusion.group` ops from ops of a function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xdsl.dialects.builtin import ArrayAttr, LocationAttr, NameLoc, NoneAttr, StringAttr
from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects import nn
from ...dialects.fusion import COPIED, LAYOUTS, GroupOp, LayoutAttr, YieldOp, layouts_of, set_layouts
from ...dialects.nn import copy_stored_results
from ...dialects.provenance import fuse, get_names, helper_location, is_unknown, set_names
from ..graph.editing import location_of
from ..kernels.building.group import GroupView
from ..replacing import Replacements


def build_group(view: GroupView) -> GroupOp:
    """A group, not yet inserted, of clones of the ops of a region. The ops themselves stay."""
    group = GroupOp(view.kind, view.operands, [result.type for result in view.results])
    mapping: dict[SSAValue, SSAValue] = dict(zip(view.operands, group.block.args, strict=True))
    for op in view.ops:
        group.block.add_op(op.clone(mapping))
    group.block.add_op(YieldOp(*(mapping[result] for result in view.results)))
    group.location = fuse(*(op.location for op in view.ops if op not in view.constants))
    group.yield_op.location = group.location
    makers = [(result, result.owner) for result in view.results if isinstance(result.owner, Operation)]
    set_names(group, [get_names(maker)[maker.results.index(result)] for result, maker in makers])
    copy_stored_results(view.results, group)
    return group


def merged_group(groups: Sequence[GroupOp]) -> GroupOp:
    """A group, not yet inserted, that computes what several of one kind do, none of which reads another's results; these stay."""
    values = list(dict.fromkeys(value for group in groups for value in group.operands))
    made = GroupOp(groups[0].anchor.data, values, [result.type for group in groups for result in group.results])
    arguments = dict(zip(values, made.block.args, strict=True))
    yielded: list[SSAValue] = []
    for group in groups:
        mapping: dict[SSAValue, SSAValue] = {
            inner: arguments[outer] for inner, outer in zip(group.block.args, group.operands, strict=True)
        }
        for op in group.ops():
            made.block.add_op(op.clone(mapping))
        yielded += [mapping[value] for value in group.yield_op.operands]
    made.block.add_op(YieldOp(*yielded))
    made.location = made.yield_op.location = fuse(*(group.location for group in groups))
    layouts = {value: layout for group in groups for value, layout in _layouts(group)}
    if layouts:
        set_layouts(made, [layouts[value] for value in (*values, *(r for group in groups for r in group.results))])
    copied = [why.data for group in groups if isinstance(why := group.attributes.get(COPIED), StringAttr)]
    if copied:
        made.attributes[COPIED] = StringAttr("; ".join(dict.fromkeys(copied)))
    set_names(made, [name for group in groups for name in get_names(group)])
    return made


def _layouts(group: GroupOp) -> list[tuple[SSAValue, LayoutAttr]]:
    """The layouts that a group has, by what lies so."""
    return (
        list(zip((*group.operands, *group.results), layouts_of(group), strict=True))
        if LAYOUTS in group.attributes
        else []
    )


def copy_location(values: Iterable[SSAValue]) -> LocationAttr:
    """The location of a copy of values."""
    return helper_location("copy", fuse(*map(_origin, values)))


def copy_group(values: Sequence[SSAValue], why: str, axis: int = 0, location: LocationAttr | None = None) -> GroupOp:
    """A pointwise group, not yet inserted, that copies a value, and why: its body is just the yield of its argument; or that joins several
    along an axis. `location`: theirs (`copy_location`), where it is known."""
    joined = None if len(values) == 1 else nn.ConcatOp(values, axis)
    group = GroupOp("pointwise", values, [values[0].type if joined is None else joined.result.type])
    group.attributes[COPIED] = StringAttr(why)
    group.location = copy_location(values) if location is None else location
    if joined is None:
        (value,) = values
        group.block.add_op(YieldOp(group.block.args[0]))
        if isinstance(value.owner, Operation):
            set_names(group, [get_names(value.owner)[value.owner.results.index(value)]])
    else:
        joined.operands = group.block.args
        joined.location = group.location
        group.block.add_ops([joined, YieldOp(joined.result)])
    group.yield_op.location = group.location
    return group


def _origin(value: SSAValue) -> LocationAttr:
    """What a value comes from: the nodes of its op, or the input of the network that it is."""
    location = location_of([value])
    if not is_unknown(location) or not isinstance(value, BlockArgument):
        return location
    function = value.owner.parent_op()
    if function is None:
        return location
    names = function.attributes.get("nn.inputs")
    name = names.data[value.index] if isinstance(names, ArrayAttr) else None
    return NameLoc(name, NoneAttr()) if isinstance(name, StringAttr) else location


def replace_by_group(
    ops: Sequence[Operation], results: Sequence[SSAValue], group: GroupOp, replaced: Replacements
) -> None:
    """Let the group, which stands right before the last of `ops`, replace the results, and erase the ops."""
    for old, new in zip(results, group.results, strict=True):
        replaced.replace(old, new)
    for op in reversed(ops):
        replaced.erase(op)
