"""`merge-pointwise`: groups by element that read or write parts of one value become one group, which one launch computes.

    %q = nn.slice %qkv [0, 0] : 128x1024                      %q, %k = the two slices
    %0 = fusion.group "pointwise" (%a = %q, %b = %cos) {      %0:2 = fusion.group "pointwise" (%a = %q, %b = %cos, %c = %k) {
      %1 = nn.mul %a, %b                                        %1 = nn.mul %a, %b
      fusion.yield %1 }                                         %3 = nn.mul %c, %b
    %k = nn.slice %qkv [0, 1024] : 128x256               ->     fusion.yield %1, %3 }
    %2 = fusion.group "pointwise" (%a = %k, %b = %cos) {
      %3 = nn.mul %a, %b
      fusion.yield %3 }

The rotary embeddings of queries and keys, parts of one product; the copy of a cache, beside which new keys are written. Results keep their
shapes, and each its place: the pass runs after `assign-destinations`. The merged group stands where the first one stood, so what the others
read must be computed before it; views of it and what comes of constants alone move there. Each merge is a decision between prices. Linear.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects.fusion import Alias, GroupOp, alias_of
from ...dialects.nn import shape_of, symbols_inside
from ..graph.editing import computed_functions, fed_by_constants_only
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from ..replacing import WIDE, Replacements
from .building import merged_group
from .fuse_groups import TARGET
from .regions import MOST_OPS, is_view

NAME = "merge-pointwise"
ONE, APART = "one launch", "a launch each"
MOST_RESULTS = 8
"""Of a merged group: each is written by a part of the kernel of its own."""


@dataclass
class _Merging:
    """The merges in one block."""

    block: Block
    matcher: Matcher
    prices: Prices
    constants: set[SSAValue] = field(default_factory=set[SSAValue])
    position: dict[Operation, float] = field(default_factory=dict[Operation, float])
    latest: dict[SSAValue, GroupOp] = field(default_factory=dict[SSAValue, GroupOp])
    """The last group that reads or writes parts of a value."""
    last: GroupOp | None = None
    part_of: dict[GroupOp, GroupOp] = field(default_factory=dict[GroupOp, GroupOp])
    """What has taken the place of a group."""
    replaced: Replacements = field(default_factory=Replacements)

    def run(self) -> None:
        self.constants = fed_by_constants_only(self.block)
        self.position = {op: index for index, op in enumerate(self.block.ops)}
        for op in list(self.position):
            if not isinstance(op, GroupOp) or op.anchor.data != "pointwise":
                continue
            if len(op.operands) > WIDE:
                remark(
                    op, "missed", NAME, f"not merged with others: it has {len(op.operands)} operands, of at most {WIDE}"
                )
            else:
                self._group(op)
        self.replaced.apply()

    def _group(self, group: GroupOp) -> None:
        """Merge a group into the last one before it that shares a value with it, or, where it reads arguments of the function alone, into
        the last one of all; or note it as the last one."""
        shared = self._shared(group)
        before = [self.latest[v] for v in shared if v in self.latest]
        if not before and self.last is not None and all(isinstance(v.owner, Block) for v in self._sources(group)):
            before = [self.last]
        for first in dict.fromkeys(map(self._now, before)):
            moved = self.check(first, group)
            both = moved if isinstance(moved, str) else self._cheaper(first, group)
            if not isinstance(moved, str) and not isinstance(both, str):
                self._replace(first, group, both, moved)
                group = both
                break
            remark(group, "missed", NAME, f"not merged with the launch before it: {both}")
        self.latest.update(dict.fromkeys(shared, group))
        self.last = group

    def _now(self, group: GroupOp) -> GroupOp:
        """What a group has become part of, at last."""
        while group in self.part_of:
            group = self.part_of[group]
        return group

    def _shared(self, group: GroupOp) -> list[SSAValue]:
        """What a group reads and what it writes a part of."""
        return [*map(_destination, group.results), *self._sources(group)]

    def _sources(self, group: GroupOp) -> list[SSAValue]:
        """What a group reads, or reads views of, without constants."""
        found: dict[SSAValue, None] = {}
        for value in group.operands:
            while _moves_along(value.owner):
                assert isinstance(value.owner, Operation)
                value = value.owner.operands[0]
            if value not in self.constants:
                found[value] = None
        return list(found)

    def check(self, first: GroupOp, group: GroupOp) -> list[Operation] | str:
        """The ops that must stand before the first group for the second to be part of it, each after what it reads; or why it cannot be."""
        moved: dict[Operation, None] = {}
        pending = [v.owner for v in reversed(group.operands)]
        while pending:
            op = pending[-1]
            if not isinstance(op, Operation) or op in moved or self._stands_before(op, first):
                pending.pop()
                continue
            if op is first:
                return "it reads its result"
            if not _moves_along(op) and not all(result in self.constants for result in op.results):
                return f"it reads the result of {op.name}, which is computed after that"
            needed = [v.owner for v in op.operands if isinstance(v.owner, Operation) and v.owner not in moved]
            needed = [each for each in needed if not self._stands_before(each, first)]
            if not needed:
                moved[op] = None
            pending += needed
        involved = [*group.operands, *group.results, *map(_destination, group.results)]
        if unknown := (_symbols(involved) | symbols_inside(group)) - _symbols(self.block.args):
            return f"{min(unknown)} is a size that is not known from the start"
        if len(first.ops()) + len(group.ops()) > MOST_OPS:
            return f"both have {len(first.ops()) + len(group.ops())} ops, of at most about {MOST_OPS}"
        if len(first.operands) + len(group.operands) > WIDE:
            return f"both have {len(first.operands) + len(group.operands)} operands, of at most {WIDE}"
        if len(first.results) + len(group.results) > MOST_RESULTS:
            return f"both have more than {MOST_RESULTS} results"
        return list(moved)

    def _stands_before(self, op: Operation, first: GroupOp) -> bool:
        return self.position[op] < self.position[first]

    def _cheaper(self, first: GroupOp, group: GroupOp) -> GroupOp | str:
        """Both groups as one, in the place of the first, where that costs less; or why it does not."""
        both = merged_group((first, group))
        Rewriter.insert_op(both, InsertPoint.before(first))
        view = GroupView.of(both)
        answer = self.matcher.answer(view)
        reason = answer.why
        if answer.schedule is not None:
            apart = sum(self.prices.of(GroupView.of(each)) for each in (first, group))
            decision = decide("launches by element", {ONE: self.prices.of(view), APART: apart})
            if decision.chosen == ONE:
                remark(both, "analysis", NAME, str(decision))
                return both
            reason = str(decision)
        both.detach()
        both.erase()
        return reason

    def _replace(self, first: GroupOp, group: GroupOp, both: GroupOp, moved: Sequence[Operation]) -> None:
        """Let the merged group take the place of two."""
        self.position[both] = self.position[first]
        for op in moved:
            op.detach()
            self.block.insert_op_before(op, both)
            self.position[op] = self.position[both] - 0.5
        for old, new in zip((*first.results, *group.results), both.results, strict=True):
            self.replaced.replace(old, new)
        for op in (first, group):
            self.replaced.erase(op)
        self.part_of[first] = both
        remark(both, "applied", NAME, f"{len(both.results)} results by element of one launch")


def _destination(value: SSAValue) -> SSAValue:
    """The value in whose buffer a result lies."""
    while True:
        users = [use.operation for use in value.uses if alias_of(use.operation) == Alias.DEST]
        if not users:
            return value
        value = users[0].results[0]


def _symbols(values: Iterable[SSAValue]) -> set[str]:
    return {symbol for value in values for extent in shape_of(value) for symbol in extent.symbols()}


def _moves_along(op: object) -> bool:
    """Whether an op is a view of its first operand, which may stand anywhere after that."""
    return isinstance(op, Operation) and len(op.operands) == 1 and is_view(op)


@dataclass(frozen=True)
class MergePointwisePass(ModulePass):
    """One launch for groups by element that read the same value, where that costs less."""

    name = NAME
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        matcher, prices = Matcher(target), Prices(target)
        for func in computed_functions(op):
            _Merging(func.body.block, matcher, prices).run()
