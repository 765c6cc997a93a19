"""`merge-siblings`: sibling convs and matmuls over one value become one with stacked weights, whose readers read parts of its result.

    %1 = nn.conv %x, %v : 1x28x28x64                        %w = nn.concat %v, %u {axis = 0}          // before the run
    %2 = nn.relu %1                                         %1 = nn.conv %x, %w : 1x28x28x160
    %3 = nn.conv %x, %u : 1x28x28x96                        %2 = nn.relu %1
    %4 = nn.relu %3                                  ->     %3 = nn.slice %2 [0, 0, 0, 0] : 1x28x28x64
                                                            %4 = nn.slice %2 [0, 0, 0, 64] : 1x28x28x96

Q, K and V of attention, the 1x1 convs of inception modules, the heads of detectors. What follows each sibling alike is stacked too
(siblings.py); what does not reads its part. `assign-destinations` makes a part a view, so that it costs nothing where schedules read it
strided. A part that goes straight into a concat of channels is written there: the parts beside it lie in the same buffer, before or after
the channels of the concat, which becomes a slice of a larger one:

    %c = nn.concat %2, %5 : 64 + 32 channels         ->     %c' = nn.concat %m, %5 : (96 + 64) + 32 channels
                                                            %c = nn.slice %c' [0, 0, 0, 96] : 96 channels

Convs of one form over parts of one value that lie side by side, as the second layers of a detector's heads, become groups of one conv.

Each merge is a decision between prices (`cost/decision.py`), copies included. Weights must be known at build time, or be initializers: the
concat of weights goes to `@weights`. Siblings without numbers to add or to multiply by get zeros or ones. Linear.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ...dialects.dims import const
from ...dialects.nn import rank_of, shape_of
from ...dialects.provenance import get_names, helper_location, set_names
from ..graph.editing import computed_functions, fed_by_constants_only
from ..kernels.cost.decision import decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from .families import NAME, Family, Run, families, missed, sliced_values, twins
from .fuse_groups import TARGET
from .homes import Home, grow, home_of, is_aligned, only_concat
from .regions import Growth
from .sibling_prices import SiblingPrices
from .siblings import Anchor, Sibling, aligned, sibling_of, steps_taken
from .stacking import Stack, step_ops

MERGED, FEWER, APART = "as one", "those without copies as one", "apart"


@dataclass
class _Merging:
    """The merges in one block."""

    block: Block
    growth: Growth
    prices: SiblingPrices
    always: bool
    is_sorted: bool = False
    """Whether constants stand before everything else."""

    def run(self) -> None:
        """Siblings over one value; then those over parts of what was merged or was sliced before, until there are none."""
        for family in list(families(self.block, self.growth.constants)):
            self._family(family)
        pending = deque(sliced_values(self.block))
        while pending:
            for family in list(twins(pending.popleft(), self.growth)):
                merged = self._family(family)
                pending += [merged] if merged is not None else []

    def _family(self, family: Family) -> SSAValue | None:
        """Decide about a family; the merged result, where there is one."""
        siblings = [sibling_of(anchor, self.growth) for anchor in family.anchors]
        whole = self._stacked(siblings, family.run)
        blockers = self._blockers(whole)
        for index, why in blockers.items():
            missed(whole.siblings[index].anchor, f"without a copy of its part: {why}")
        free = [s for i, s in enumerate(whole.siblings) if i not in blockers]
        fewer = self._stacked(free) if blockers and len(free) > 1 and family.run is None else None
        stacks = {key: stack for key, stack in ((FEWER, fewer), (MERGED, whole)) if stack is not None}
        costs = {APART: _total(self._apart(siblings))}
        for key, stack in stacks.items():
            inside = {s.anchor for s in stack.siblings}
            costs[key] = _total([self._cost(stack), *self._apart([s for s in siblings if s.anchor not in inside])])
        # Where prices do not tell, the fewest launches; where these do not either, as they are. A copy must at least save a launch.
        copying = MERGED if blockers and costs.get(MERGED, costs[APART])[0] >= costs[APART][0] else None
        order = sorted((key for key in costs if key != copying), key=lambda key: (costs[key][0], key != APART))
        if len(order) == 1:
            missed(family.anchors[0], "a copy of a part would be a launch of its own, as many as they take apart")
        chosen = APART if len(order) == 1 else self._choose(family.anchors, {key: costs[key][1] for key in order})
        for key, stack in stacks.items():
            if key != chosen:
                self.growth.constants.difference_update(stack.constants)
                stack.drop()
        if chosen in stacks:
            self._apply(stacks[chosen])
        self.growth.taken.clear()
        return stacks[chosen].result if chosen in stacks else None

    def _apart(self, siblings: Sequence[Sibling]) -> list[tuple[int, float]]:
        """Launches and microseconds of each of these siblings, which stand apart from all others."""
        anchors = {s.anchor for s in siblings}
        return [self.prices.apart(s, anchors) for s in siblings]

    def _choose(self, anchors: Sequence[Anchor], options: dict[str, float]) -> str:
        if self.always:
            return next(key for key in (FEWER, MERGED) if key in options)
        decision = decide(f"{len(anchors)} siblings", options)
        if decision.chosen == APART or options[decision.chosen] == inf:
            missed(anchors[0], str(decision))
            return APART
        remark(anchors[0], "analysis", NAME, str(decision))
        return decision.chosen

    def _stacked(self, siblings: Sequence[Sibling], run: Run | None = None) -> Stack:
        """Siblings as one product, those that a concat reads side by side in its order."""
        rows = aligned(siblings, self.growth.constants)
        parts = [s.result(steps_taken(rows, i)) for i, s in enumerate(siblings)]
        home = self._home(siblings, parts)
        order = list(range(len(siblings)))
        if home is not None:
            inside = {v: i for i, v in enumerate(home.concat.inputs) if home.first <= i < home.first + home.count}
            rank = {i: inside.get(v, -1 if home.before else len(home.concat.inputs)) for i, v in enumerate(parts)}
            order.sort(key=lambda i: rank[i])
            if run is not None and order != sorted(order):
                home, order = None, sorted(order)  # what they read has their order already
        stack = Stack([siblings[i] for i in order], [tuple(row[i] for i in order) for row in rows], home, run)
        self.growth.constants.update(stack.constants)
        return stack

    def _home(self, siblings: Sequence[Sibling], parts: Sequence[SSAValue]) -> Home | None:
        """The concat that parts are written into, where its readers can do with it."""
        home = home_of(siblings, parts)
        if home is None or not home.is_grown:
            return home
        pitch = home.channels.as_int()
        why = next(iter(self.prices.blockers(home.concat.result, home.own_place())), None)
        if pitch is None or not is_aligned(pitch, home.concat.result):
            why = "its channels are no multiple of 16 bytes"
        if why is not None:
            remark(home.concat, "missed", NAME, f"not grown by the parts of siblings that it does not read: {why}")
            return None
        return home

    def _blockers(self, stack: Stack) -> dict[int, str]:
        """By number of a sibling why its part must be copied."""
        found: dict[int, str] = {}
        for index, part in enumerate(stack.parts):
            if stack.rest(index) or (stack.home is not None and only_concat(part) is stack.home.concat):
                continue
            why = next(iter(self.prices.blockers(part, stack.part_place(index))), None)
            if not all(is_aligned(n, part) for n in (stack.starts[index], stack.pitch)):
                why = f"at channel {stack.starts[index]} of {stack.pitch} it does not start at a multiple of 16 bytes"
            if why is not None:
                found[index] = why
        return found

    def _cost(self, stack: Stack) -> tuple[int, float]:
        """Launches and microseconds of the merged group, of what follows its parts, and of copies."""
        scope = stack.siblings[0].anchor
        price = self.prices.product(stack.ops[0], stack.ops, stack.result, scope, stack.places())
        blockers, launches = self._blockers(stack), 1
        free = (i for i in range(len(stack.parts)) if i not in blockers)
        joined = any(stack.rest(i) or self.prices.is_read_by_element(stack.parts[i]) for i in free)
        for index, (sibling, part) in enumerate(zip(stack.siblings, stack.parts, strict=True)):
            at, rest = stack.part_place(index), stack.rest(index)
            if self.prices.is_taken(rest, part, [s.anchor for s in stack.siblings]):
                continue
            price += self.prices.pointwise(rest, sibling.region.result, {part: at})
            price += self.prices.copy(part, at, joined=joined) if index in blockers else 0.0
            launches += bool(rest) + (index in blockers and not joined)
        return launches, price

    def _apply(self, stack: Stack) -> None:
        """Put the merged product in place of the siblings."""
        if not self.is_sorted:
            _constants_first(self.block, self.growth.constants)
            self.is_sorted = True
        first = min((s.anchor for s in stack.siblings), key=lambda op: self.growth.position[op])
        Rewriter.insert_op([*stack.weights, *stack.before, *stack.ops], InsertPoint.before(first))
        slices = [self._slice(stack, index) for index in range(len(stack.parts))]
        Rewriter.insert_op(slices, InsertPoint.before(first))
        home = stack.home
        inside = [v for v in stack.parts if home is not None and only_concat(v) is home.concat]
        if home is not None:
            grow(home, stack.result)
        for part, made in zip(stack.parts, slices, strict=True):
            part.replace_all_uses_with(made.result)
            if part in inside:
                made.detach()
                made.erase()
        for op in reversed(self.growth.in_order(step_ops(stack))):
            op.detach()
            op.erase()
        count, what = len(stack.siblings), stack.ops[0].name
        value = "one value as one" if stack.run is None else "parts of one value as groups of one"
        where = " into a concat" if home is not None else ""
        remark(stack.ops[0], "applied", NAME, f"{count} {what} over {value}{where}")

    def _slice(self, stack: Stack, index: int) -> nn.SliceOp:
        part = stack.parts[index]
        starts = [const(0)] * (rank_of(part) - 1) + [const(stack.starts[index])]
        made = nn.SliceOp(stack.result, starts, shape_of(part))
        assert isinstance(part.owner, Operation)
        nn.copy_stored(part.owner, made)
        made.location = helper_location("slice", part.owner.location)
        set_names(made, get_names(part.owner))
        return made


def _total(costs: Iterable[tuple[int, float]]) -> tuple[int, float]:
    """Launches and microseconds of several."""
    launches, prices = zip(*costs, strict=True)
    return sum(launches), sum(prices)


def _constants_first(block: Block, constants: set[SSAValue]) -> None:
    """Move what is computed of constants alone to the start of a block: weights then stand before every product."""
    known = [op for op in block.ops if op.results and op.results[0] in constants]
    first = next((op for op in block.ops if not op.results or op.results[0] not in constants), None)
    for op in known:
        op.detach()
        assert first is not None
        block.insert_op_before(op, first)


@dataclass(frozen=True)
class MergeSiblingsPass(ModulePass):
    """Merge sibling convs and matmuls over one value where that costs less.

    `always`: wherever it can be done, whatever it costs.
    """

    name = "merge-siblings"
    numerics: ClassVar[str] = "reassociates"
    always: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        matcher, prices = Matcher(target), Prices(target)
        for func in computed_functions(op):
            block = func.body.block
            constants = fed_by_constants_only(block)
            growth = Growth(block, constants)
            _Merging(block, growth, SiblingPrices(growth, matcher, prices), self.always).run()
