"""
Places every buffer in one arena, so that buffers which are never needed at once share bytes.

```
%a = buffer.alloc #nn.dims<N, 64> : memref<?x64xf32>       %arena = buffer.arena : memref<2048xi8>
%b = buffer.alloc #nn.dims<N, 64> : memref<?x64xf32>  ->   %a = buffer.slot %arena offset 0 size 1024 dims ...
                                                           %b = buffer.slot %arena offset 1024 size 1024 dims ...
```

Two buffers may share bytes only if every use of one comes before every use of the other in `order` (`dialects/host/order.py`), which is
what streams and events realise; that it holds all that the launches require of each other is checked first. On one stream launches run
in the order of the host function, so a buffer is needed from the first launch that uses it to the last one; uses through views count,
and those in bodies that are called. What a loop uses it needs from its first launch to its last, since a later iteration may read what
an earlier one wrote. Sizes are taken at the maximum of the profile, which keeps offsets static and valid for every shape in it.
Placement is greedy: the largest buffer first, each into the smallest gap that holds it, and among a few such orders the one with the
lowest peak wins.

Assumes `bufferize`. Does not reorder launches to lower the peak, nor let buffers of one iteration share bytes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import buffer
from ...dialects.errors import OptionError, PassError
from ...dialects.host.control import If, Loop, Step
from ...dialects.host.order import read_order
from ...dialects.host.structure import EventNode, LaunchNode, Node, Place, ReadNode, functions_of, read_structure
from ...dialects.nn import symbol_ranges
from ...dialects.provenance import describe
from ..remarks import remark


@dataclass(frozen=True)
class Lifetime:
    """A buffer to place: bytes, and the numbers of the first and the last launch that uses it, inclusive. Two buffers may not share
    bytes if one launch uses both, or if launches that use them may run at the same time, which they may up to launch `until`."""

    size: int
    first: int
    last: int
    until: int = -1
    """The last launch that may run at the same time as one that uses it; no later than `last` where there is one stream."""

    @property
    def end(self) -> int:
        """The last launch that uses the buffer or may run at the same time as one that does."""
        return max(self.last, self.until)


Apart = Callable[[int, int], bool]
"""Whether two buffers, given by index, may share bytes although the second is used before all launches that may overlap the first end."""


@dataclass(frozen=True)
class Plan:
    """Byte offsets, one for each lifetime, and the bytes that the arena needs for them."""

    offsets: tuple[int, ...]
    peak: int


def plan_offsets(
    lifetimes: Sequence[Lifetime], alignment: int = buffer.ALIGNMENT, apart: Apart = lambda first, second: False
) -> Plan:
    """Byte offsets, multiples of `alignment`, at which no two lifetimes that overlap share a byte. Two that overlap only because of
    `until` may, where `apart` says so."""
    orders: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-lifetimes[i].size, lifetimes[i].first, i),
        lambda i: (lifetimes[i].first, -lifetimes[i].size, i),
        lambda i: (lifetimes[i].first - lifetimes[i].last, -lifetimes[i].size, i),
    )
    plans = [_place(lifetimes, sorted(range(len(lifetimes)), key=order), alignment, apart) for order in orders]
    return min(plans, key=lambda plan: plan.peak)


def lower_bound(lifetimes: Sequence[Lifetime], alignment: int = buffer.ALIGNMENT) -> int:
    """Bytes that no plan can go below: the most that one launch needs at once."""
    changes: dict[int, int] = {}
    for lifetime in lifetimes:
        size = _round_up(lifetime.size, alignment)
        changes[lifetime.first] = changes.get(lifetime.first, 0) + size
        changes[lifetime.last + 1] = changes.get(lifetime.last + 1, 0) - size
    return max(accumulate(changes[launch] for launch in sorted(changes)), default=0)


def _place(lifetimes: Sequence[Lifetime], order: Sequence[int], alignment: int, apart: Apart) -> Plan:
    placed = _Placed(1 + max((lifetime.end for lifetime in lifetimes), default=0))

    def clash(a: int, b: int) -> bool:
        first, second = (a, b) if lifetimes[a].first < lifetimes[b].first else (b, a)
        return lifetimes[second].first <= lifetimes[first].last or not apart(first, second)

    spans: list[tuple[int, int]] = [(0, 0)] * len(lifetimes)
    for index in order:
        lifetime = lifetimes[index]
        size = _round_up(lifetime.size, alignment)
        taken = [spans[other] for other in placed.overlapping(lifetime) if clash(index, other)]
        begin = _best_fit(sorted(taken), size)
        spans[index] = (begin, begin + size)
        placed.add(index, lifetime)
    return Plan(tuple(begin for begin, _ in spans), max((end for _, end in spans), default=0))


class _Placed:
    """The lifetimes placed so far; finds those that overlap a given one without a scan of all.

    They are the ones that hold its first launch, found in a segment tree over the launches, and the ones that begin later but
    before its end, found in a sorted list.
    """

    def __init__(self, launches: int) -> None:
        self._launches = launches
        self._nodes: dict[int, list[int]] = {}
        self._beginnings: list[tuple[int, int]] = []

    def add(self, index: int, lifetime: Lifetime) -> None:
        insort(self._beginnings, (lifetime.first, index))
        low, high = lifetime.first + self._launches, lifetime.end + 1 + self._launches
        while low < high:
            if low & 1:
                self._nodes.setdefault(low, []).append(index)
                low += 1
            if high & 1:
                high -= 1
                self._nodes.setdefault(high, []).append(index)
            low, high = low >> 1, high >> 1

    def overlapping(self, lifetime: Lifetime) -> list[int]:
        """The indices of placed lifetimes that some launch needs together with this one, each once."""
        start = bisect_left(self._beginnings, (lifetime.first + 1, 0))
        stop = bisect_left(self._beginnings, (lifetime.end + 1, 0))
        found = [index for _, index in self._beginnings[start:stop]]
        node = lifetime.first + self._launches
        while node:
            found += self._nodes.get(node, ())
            node >>= 1
        return found


def _best_fit(taken: Sequence[tuple[int, int]], size: int) -> int:
    """The start of the smallest gap of at least `size` between the intervals (sorted by begin), else the end of the last."""
    best: tuple[int, int] | None = None
    end = 0
    for begin, stop in taken:
        if begin - end >= size and (best is None or begin - end < best[0]):
            best = (begin - end, end)
        end = max(end, stop)
    return end if best is None else best[1]


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


@dataclass(frozen=True)
class PlanArenaPass(ModulePass):
    """Place every buffer in one arena. `memory_limit` bounds it, in bytes; more is an OptionError that names the largest buffers."""

    name = "plan-arena"
    numerics: ClassVar = "exact"

    memory_limit: int | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = functions_of(op)
        if "main" in functions:
            main = functions["main"]
            self._plan(main, read_structure(main, functions), symbol_ranges(op))

    def _plan(self, function: FuncOp, steps: Sequence[Step[Node]], ranges: Mapping[str, tuple[int, int, int]]) -> None:
        allocs = [op for op in function.body.block.ops if isinstance(op, buffer.AllocOp)]
        if any(isinstance(op, buffer.ArenaOp) for op in function.walk()):
            if allocs:
                raise PassError(
                    f"plan-arena: @{function.sym_name.data} has an arena and {len(allocs)} allocs; expected only one of them."
                )
            return
        order = read_order(steps)
        uses = _Uses()
        uses.visit(steps, set())
        for alloc in allocs:
            if alloc.result not in uses.positions:
                Rewriter.erase_op(alloc)
        used = [alloc for alloc in allocs if alloc.result in uses.positions]
        needs = [uses.positions[alloc.result] for alloc in used]
        lifetimes = [
            Lifetime(_bytes_at_most(alloc, ranges), needed[0], needed[-1], max(map(order.until, needed)))
            for alloc, needed in zip(used, needs, strict=True)
        ]
        plan = plan_offsets(lifetimes, apart=lambda first, second: order.all_before(needs[first], needs[second]))
        total = sum(_round_up(lifetime.size, buffer.ALIGNMENT) for lifetime in lifetimes)
        if self.memory_limit is not None and plan.peak > self.memory_limit:
            raise OptionError(_too_large(plan, lifetimes, used, self.memory_limit))
        if used:
            _replace(function, used, lifetimes, plan)
        remark(
            function,
            "analysis",
            self.name,
            f"arena of {plan.peak} bytes for {len(used)} buffers: {total} without sharing, at least {lower_bound(lifetimes)}",
        )


@dataclass
class _Uses:
    """One walk over the steps: for each owner the launches and reads that need it, by number, in order. In a loop it is needed by the first
    and by the last."""

    positions: dict[SSAValue, list[int]] = field(default_factory=dict[SSAValue, list[int]])
    position: int = 0

    def visit(self, steps: Sequence[Step[Node]], written: set[SSAValue]) -> set[SSAValue]:
        """Counts steps; adds to `written` the owners that they write whatever is decided, and returns those that they use."""
        used: set[SSAValue] = set()
        for step in steps:
            match step:
                case If():
                    then, otherwise = set(written), set(written)
                    used |= self.visit(step.then, then) | self.visit(step.otherwise, otherwise)
                    written |= then & otherwise
                case Loop():
                    begin = self.position
                    inside = self.visit(step.before, written) | self.visit(step.body, written)
                    for owner in inside:
                        needed = self.positions[owner]
                        while needed and needed[-1] >= begin:
                            needed.pop()
                        needed += (begin, self.position - 1)
                    used |= inside
                case LaunchNode():
                    used |= self._launch(step, written)
                case ReadNode():
                    self._check_written(step.op, step.source, written)
                    self._need(step.source.owner)
                    used.add(step.source.owner)
                    self.position += 1
                case EventNode():
                    pass
        return used

    def _launch(self, node: LaunchNode, written: set[SSAValue]) -> set[SSAValue]:
        every = node.touched
        targets = {touched.place.owner for touched in every if touched.writes}
        for touched in every:
            if touched.reads and not touched.writes and touched.place.owner not in targets:
                self._check_written(node.op, touched.place, written)
        owners = {touched.place.owner for touched in every}
        for owner in owners:
            self._need(owner)
        written |= targets
        self.position += 1
        return owners

    def _need(self, owner: SSAValue) -> None:
        self.positions.setdefault(owner, []).append(self.position)

    def _check_written(self, op: Operation, source: Place, written: set[SSAValue]) -> None:
        """Nothing may read what was not written: its value would be whatever the arena held before."""
        alloc = source.owner.owner
        if isinstance(alloc, buffer.AllocOp) and source.owner not in written:
            what = f"launch of {op.callee}" if isinstance(op, buffer.LaunchOp) else describe(op)
            raise PassError(f"plan-arena: {what} reads {describe(alloc)} before any launch writes it.")


def _bytes_at_most(alloc: buffer.AllocOp, ranges: Mapping[str, tuple[int, int, int]]) -> int:
    size = buffer.size_in_bytes(alloc.dims.exprs, alloc.result.type.element_type)
    unbounded = sorted(size.symbols() - ranges.keys())
    if unbounded:
        raise PassError(
            f"plan-arena: buffer of {alloc.result.type} depends on '{unbounded[0]}', which has no range in nn.symbols."
        )
    return size.bounds(ranges)[1]


def _replace(function: FuncOp, allocs: Sequence[buffer.AllocOp], lifetimes: Sequence[Lifetime], plan: Plan) -> None:
    arena = buffer.ArenaOp(plan.peak)
    Rewriter.insert_op(arena, InsertPoint.at_start(function.body.block))
    for alloc, lifetime, offset in zip(allocs, lifetimes, plan.offsets, strict=True):
        slot = buffer.SlotOp(arena.result, offset, lifetime.size, alloc.dims, alloc.result.type)
        slot.location = alloc.location
        slot.attributes.update(alloc.attributes)
        Rewriter.replace_op(alloc, slot)


def _too_large(plan: Plan, lifetimes: Sequence[Lifetime], allocs: Sequence[buffer.AllocOp], limit: int) -> str:
    ranked = sorted(zip(lifetimes, allocs, strict=True), key=lambda pair: -pair[0].size)[:3]
    largest = ", ".join(f"{lifetime.size} bytes for {describe(alloc)}" for lifetime, alloc in ranked)
    return (
        f"option memory_limit: the arena needs {plan.peak} bytes, more than the limit of {limit} (no plan needs less than "
        f"{lower_bound(lifetimes)}); the largest buffers are {largest}; raise the limit or lower the max of a profile."
    )
