"""`nest-concats`: concats that join the same tensors share them, so that each tensor has one place in memory.

    %2 = nn.concat %0, %1 {axis = 3}                       %2 = nn.concat %0, %1 {axis = 3}
    %3 = nn.concat %0, %1, %a {axis = 3}            ->     %3 = nn.concat %2, %a {axis = 3}
    %4 = nn.concat %1, %a {axis = 3}                       %4 = nn.slice %3 {starts = #nn.dims<0, 0, 0, 64>, ...}

A tensor can be written straight into the buffer of one concat only; into any other it is copied. A run of operands that an earlier concat
joins becomes that concat's result (DenseNet, whose layers join all results before them), operands that an earlier concat joins among others
become a slice of its result, and neighbouring slices of one tensor that continue one another one slice, or the tensor (C2f blocks, which
split a tensor and join its halves with what they make of one). Every element keeps its place in the result.

Runs are found in a tree of the operand lists of the concats so far. Each operand of a concat starts at most one walk in it, which ends
where no earlier list goes on: linear, unless many concats begin alike and then differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.nn import shape_of
from ...dialects.provenance import fuse, get_names, helper_location, set_names
from ..remarks import remark, removing
from ..replacing import Replacements
from . import editing

NAME = "nest-concats"
_CANDIDATES = 4
"""Concats in which a run that begins with a tensor is looked for."""


@dataclass
class _Runs:
    """The operand lists of the concats so far, as they were before the pass."""

    steps: dict[tuple[int, SSAValue], int] = field(default_factory=dict[tuple[int, SSAValue], int])
    """A tree: from a node, by an operand, to the next; the roots are -1 - axis."""
    ends: dict[int, SSAValue] = field(default_factory=dict[int, SSAValue])
    """The results of the concats whose lists end at a node."""
    places: dict[tuple[int, SSAValue], list[tuple[SSAValue, Sequence[SSAValue], int]]] = field(
        default_factory=dict[tuple[int, SSAValue], list[tuple[SSAValue, Sequence[SSAValue], int]]]
    )
    """By axis and operand: the results of concats, what they join, and where among that the operand is."""

    def add(self, axis: int, operands: Sequence[SSAValue], result: SSAValue) -> None:
        node = -1 - axis
        for index, operand in enumerate(operands):
            node = self.steps.setdefault((node, operand), len(self.steps))
            found = self.places.setdefault((axis, operand), [])
            if len(found) < _CANDIDATES:
                found.append((result, operands, index))
        self.ends.setdefault(node, result)

    def longest(self, axis: int, operands: Sequence[SSAValue], first: int) -> tuple[int, SSAValue] | None:
        """The longest run from `first` on that an earlier concat of several tensors joins: its end, and the result of the concat."""
        node, found = -1 - axis, None
        for end in range(first, len(operands)):
            following = self.steps.get((node, operands[end]))
            if following is None:
                break
            node = following
            if node in self.ends and end > first:
                found = end + 1, self.ends[node]
        return found

    def around(self, axis: int, operands: Sequence[SSAValue]) -> tuple[SSAValue, Sequence[SSAValue], int] | None:
        """The result of an earlier concat that joins all these operands one after the other, what else it joins, and where they begin."""
        for result, joined, index in self.places.get((axis, operands[0]), ()):
            if joined[index : index + len(operands)] == operands:
                return result, joined, index
        return None


def _sum(values: Sequence[SSAValue], axis: int) -> Expr:
    return sum((shape_of(value)[axis] for value in values), const(0))


def _part(x: SSAValue, starts: Sequence[Expr], result: Sequence[Expr], before: Operation) -> SSAValue:
    """A slice of `x`, or `x` where that is all of it."""
    if tuple(result) == shape_of(x):
        return x
    made = nn.SliceOp(x, starts, result)
    return editing.insert_before(before, made, location=helper_location("slice", before.location)).results[0]


def _continues(last: SSAValue, value: SSAValue, axis: int) -> bool:
    """Whether two tensors are slices of one whose elements along the axis follow one another."""
    a, b = last.owner, value.owner
    if not isinstance(a, nn.SliceOp) or not isinstance(b, nn.SliceOp) or a.x is not b.x:
        return False
    if set(nn.values_of(a.steps)) | set(nn.values_of(b.steps)) != {1}:
        return False
    ends = [start + (shape_of(last)[d] if d == axis else 0) for d, start in enumerate(a.starts.exprs)]
    return ends == list(b.starts.exprs)


def _merged_slices(op: nn.ConcatOp, operands: Sequence[SSAValue], axis: int) -> list[SSAValue]:
    """The operands with slices that continue one another as one slice."""
    runs: list[list[SSAValue]] = []
    for value in operands:
        if runs and _continues(runs[-1][-1], value, axis):
            runs[-1].append(value)
        else:
            runs.append([value])
    merged: list[SSAValue] = []
    for run in runs:
        first = run[0].owner
        if len(run) > 1 and isinstance(first, nn.SliceOp):
            dims = [_sum(run, axis) if d == axis else extent for d, extent in enumerate(shape_of(run[0]))]
            merged.append(_part(first.x, first.starts.exprs, dims, op))
            remark(op, "applied", NAME, f"{len(run)} slices that it joins are one part of a tensor")
        else:
            merged.append(run[0])
    return merged


def _nested(op: nn.ConcatOp, operands: Sequence[SSAValue], axis: int, runs: _Runs) -> list[SSAValue]:
    """The operands with runs that earlier concats join as the results of these."""
    nested: list[SSAValue] = []
    first = 0
    while first < len(operands):
        run = runs.longest(axis, operands, first)
        if run is None:
            nested.append(operands[first])
            first += 1
            continue
        end, result = run
        nested.append(result)
        remark(op, "applied", NAME, f"operands {first} to {end - 1} are what an earlier concat joins")
        first = end
    return nested


def _replace(op: nn.ConcatOp, by: SSAValue, replaced: Replacements) -> None:
    """Let a tensor of the same elements take a concat's place."""
    removing(op.location, "what it joins lies side by side already")
    if isinstance(by.owner, Operation):
        names, (name,) = get_names(by.owner), get_names(op)
        index = by.owner.results.index(by)
        if name and not names[index]:
            names[index] = name
            set_names(by.owner, names)
        by.owner.location = (
            fuse(by.owner.location, op.location) if isinstance(by.owner, nn.SliceOp) else by.owner.location
        )
    replaced.replace_op(op, [by])


def _nest(op: nn.ConcatOp, runs: _Runs, replaced: Replacements) -> None:
    axis = op.axis.value.data
    given = [replaced.of(operand) for operand in op.operands]
    operands = _merged_slices(op, given, axis)
    around = runs.around(axis, operands) if len(operands) > 1 else None
    if around is not None:
        result, joined, index = around
        starts = [const(0)] * len(shape_of(op.result))
        starts[axis] = _sum(joined[:index], axis)
        remark(op, "applied", NAME, "an earlier concat joins its operands too, of which it is a part")
        _replace(op, _part(result, starts, shape_of(op.result), op), replaced)
        return
    nested = _nested(op, operands, axis, runs)
    if nested != operands:
        nested = _nested(op, nested, axis, runs)  # two such results side by side may be what a third concat joins
    if len(nested) == 1:
        _replace(op, nested[0], replaced)
        return
    for index, operand in enumerate(nested):
        if runs.places.get((axis, operand)):
            remark(op, "missed", NAME, f"operand {index}: an earlier concat joins it beside other tensors")
    if nested != given:
        op.operands = nested
    for joined in (operands, nested) if nested != operands else (operands,):
        runs.add(axis, joined, op.result)


def nest_concats(block: Block, replaced: Replacements) -> None:
    """Nest the concats of a block."""
    constants = editing.fed_by_constants_only(block)
    runs = _Runs()
    for op in list(block.ops):
        if isinstance(op, nn.ConcatOp) and op.result not in constants:
            _nest(op, runs, replaced)


@dataclass(frozen=True)
class NestConcatsPass(ModulePass):
    """Let concats of the same tensors share them."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        replaced = Replacements()
        for func in editing.computed_functions(op):
            nest_concats(func.body.block, replaced)
        replaced.apply()
