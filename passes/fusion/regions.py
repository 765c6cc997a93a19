"""Which ops may share a group, by structure alone: growing a region of ops around an anchor.

A region has one value that the rest of the function sees, its result, and perhaps others that ops outside read too (results.py). All of
these users come after the region's last op: no cycle can go through outside ops.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from xdsl.ir import Block, Operation, SSAValue, Use

from ...dialects import nn, quant
from ...dialects.dims import Expr
from ...dialects.errors import PassError
from ...dialects.kernel.types import bitwidth
from ...dialects.nn import shape_of
from ...dialects.provenance import describe
from .results import comes_from_a_fusing_op, first_position, keeps_results, refuse_result
from .rolled_rows import columns_of, rolled_rows
from .small_operands import MOST_BESIDE, broadcasts

VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.ConcatOp, nn.BroadcastToOp)
ROW = (nn.SoftmaxOp, nn.LogSoftmaxOp, nn.LayerNormOp, nn.NormalizeOp, nn.L2NormalizeOp, nn.ReduceOp, nn.LrnOp)
_WINDOW = (nn.MaxPoolOp, nn.AvgPoolOp, nn.ArgMaxPoolOp)
_GATHER = (nn.GatherOp, nn.GatherNdOp)
_POSITIONS = (nn.ArgsortOp, nn.CumulativeOp, nn.ScatterOp)
_COPIES = (nn.PadOp, nn.RollOp, nn.SliceOp, nn.IotaOp, nn.ShapeValueOp, nn.SizeOp)

MOST_OPS = 200
"""About the most ops of a region: a larger kernel takes longer to compile than one launch less saves."""
_RECONVERGENCE_LIMIT = 24
"""Ops that one step of growth looks at: the longest detour (GELU by tanh has 9) that still fuses as a whole."""


_LOOKUP_LIMIT = 400
"""The same for a block that gathers elements: between the coordinate of a resampling and its result lie 16 taps."""


def is_table(use: Use) -> bool:
    """Whether a value is read as the table of a lookup, which lies in memory."""
    return (nn.is_lookup(use.operation) or nn.gathers_rows(use.operation)) and use.index == 0


def is_view(op: Operation) -> bool:
    """Whether a group may read the op's result in the buffer of its operand. A slice that runs backwards is a copy: kernels and
    hosts take addresses that grow from a tensor's first element on."""
    backward = isinstance(op, nn.SliceOp) and min(nn.values_of(op.steps), default=1) < 0
    return isinstance(op, VIEWS) and not backward


def anchor_kind(op: Operation) -> str:
    """The kind of group that an op anchors."""
    if isinstance(op, nn.ConvOp):
        return "window" if op.is_depthwise else "conv"
    if isinstance(op, nn.MatmulOp):
        return "matmul"
    if isinstance(op, nn.AttentionOp):
        return "attention"
    if isinstance(op, nn.RnnOp):
        return "rnn"
    if nn.is_lookup(op):
        return "pointwise"
    for kind, classes in (
        ("row", (*ROW, *nn.MOMENTS)),
        ("window", _WINDOW),
        ("gather", _GATHER),
        ("positions", _POSITIONS),
        ("pointwise", _COPIES),
    ):
        if isinstance(op, classes):
            return kind
    if nn.is_pointwise(op):
        return "pointwise"
    fix = (
        "fold-batch-norm"
        if isinstance(op, nn.BatchNormOp)
        else "the passes of the phases before (--stop-after=quantize)"
    )
    raise PassError(
        f"fuse-groups: {describe(op)}: expected an op that can stand in a group, got {op.name}; run {fix} before"
    )


def _bits(value: SSAValue) -> int:
    """Bits of one element in memory."""
    return bitwidth(nn.element_of(value))


def _computes_on_load(op: Operation) -> bool:
    """Whether an op of another group can compute what it reads, element by element."""
    return isinstance(op, ROW) or nn.is_pointwise(op)


@dataclass
class Region:
    """Ops that may become one group."""

    kind: str
    anchor: Operation
    prologue: list[Operation] = field(default_factory=list)
    """Ops before the anchor that it reads, nearest first."""
    epilogue: list[Operation] = field(default_factory=list)
    """Ops after the anchor, in block order, and what only they read."""
    cuts: list[tuple[int, SSAValue]] = field(default_factory=list)
    """Lengths of `epilogue` at which the region may end, and its result there; from 0 on."""
    splits: list[int] = field(default_factory=list)
    """Numbers of the cuts whose results ops outside read as well as ops of the region."""
    limit: int = sys.maxsize
    """Position of the first op outside that reads another value of the region than its result: its last op stands before."""
    small: set[Operation] = field(default_factory=set[Operation])
    """Ops of it whose results broadcast to its values."""
    left_out: list[tuple[Operation, str]] = field(default_factory=list)
    """Neighbours that are not part of the region, and why."""

    def __post_init__(self) -> None:
        self.cuts = [(0, self.anchor.results[0])]

    @property
    def result(self) -> SSAValue:
        return self.cuts[-1][1]


@dataclass
class Growth:
    """The ops of a block by position, and which of them belong to a region already."""

    block: Block
    constants: set[SSAValue]
    position: dict[Operation, int] = field(default_factory=dict)
    taken: set[Operation] = field(default_factory=set)

    reported: set[Operation] = field(default_factory=set)
    """Views that a remark names already: the regions on both sides meet them."""
    reach: int = _RECONVERGENCE_LIMIT
    """Ops that one step looks at."""
    reserved: dict[Operation, Operation] = field(default_factory=dict)
    """Dequantize ops that are kept for the anchor that reads them, so that the tensor in memory before it is i8; and what adds constants to
    a pad, which would only copy without it."""

    def __post_init__(self) -> None:
        self.position = {op: index for index, op in enumerate(self.block.ops)}
        if any(map(nn.is_lookup, self.position)):
            self.reach = _LOOKUP_LIMIT
        for op in self.position:
            if isinstance(op, (nn.ConvOp, nn.MatmulOp, *ROW)):
                marks = [
                    p for p in self._producers([op]) if isinstance(p, quant.DequantizeOp) and p.result.has_one_use()
                ]
                self.reserved.update((mark, op) for mark in marks)
            elif isinstance(op, nn.PadOp) and (user := self._only_with_constants(op.result)) is not None:
                self.reserved[user] = op

    def _only_with_constants(self, value: SSAValue) -> Operation | None:
        """The pointwise op that alone reads a value, and beside it constants only."""
        user = value.get_user_of_unique_use()
        if user is None or not nn.is_pointwise(user) or shape_of(user.results[0]) != shape_of(value):
            return None
        return user if all(v is value or v in self.constants for v in user.operands) else None

    def in_order(self, ops: Iterable[Operation]) -> list[Operation]:
        return sorted(ops, key=lambda op: self.position[op])

    def refuse_join(self, op: Operation, region: Region, dims: tuple[Expr, ...] | None = None) -> str | None:
        """Why an op cannot join the region as a pointwise part with a result of shape `dims`, or None."""
        if op not in self.position or op in self.taken:
            return "it is in another group"
        lookup = nn.is_lookup(op) and region.kind in ("pointwise", "row")
        counts = isinstance(op, nn.IotaOp) and region.kind == "pointwise"
        normalises = isinstance(op, nn.ApplyMomentsOp) and isinstance(region.anchor, nn.MatmulOp)
        if not (nn.is_pointwise(op) or lookup or counts or normalises):
            return "views stay outside groups" if is_view(op) else "it is not a pointwise op"
        reserved = self.reserved.get(op, region.anchor)
        if reserved is not region.anchor:
            return f"{reserved.name} is fused with it"
        if len(op.results) != 1:
            return "it has several results"
        if op.results[0] in self.constants:
            return "it reads constants only"
        if dims is not None and shape_of(op.results[0]) != dims:
            return f"its result has another shape, {op.results[0].type}"
        if self.position[op] > region.limit:
            return "an op before it reads another result of the group"
        return None

    def refuse_gather(self, op: Operation, region: Region, dims: tuple[Expr, ...]) -> str | None:
        """Why the region, whose values have shape `dims` there, cannot load what a gather of rows gives from its table, or None."""
        assert isinstance(op, nn.GatherOp)
        if op not in self.position or op in self.taken:
            return "it is in another group"
        if op.result in self.constants:
            return "it reads constants only"
        anchor, columns = region.anchor, nn.rank_of(op.x) - 1
        if isinstance(anchor, nn.GatherOp):
            fits = nn.gathers_rows(anchor) and nn.rank_of(anchor.x) - 1 == columns
        elif isinstance(anchor, nn.ROW_WISE):
            reduced = list(range(len(dims) - columns, len(dims)))
            fits = shape_of(anchor.x) == dims and nn.reduced_axes(anchor) == reduced
        else:
            fits = False
        if not fits or shape_of(op.result)[-columns:] != dims[-columns:]:
            return f"the rows that it gathers are not those of {anchor.name}"
        return None

    def grow(self, region: Region) -> None:
        """Extend a region by pointwise ops after it, then by those before that only it reads; not far beyond `MOST_OPS`."""
        self.taken.add(region.anchor)
        while step := self._step_down(region):
            if len(region.epilogue) >= MOST_OPS:
                self._part(region)
                break
            self.taken.update(step)
            region.epilogue += step
            region.epilogue += self._absorb_operands(region, step, shape_of(region.result))
            region.cuts.append((len(region.epilogue), step[-1].results[0]))
        self._leave_to_readers(region)
        if region.kind in ("row", "pointwise") and region.anchor.operands:
            by_element = nn.is_pointwise(region.anchor) or nn.is_lookup(region.anchor)
            dims = shape_of(region.result if by_element else region.anchor.operands[0])
            region.prologue = self._absorb_operands(region, [region.anchor], dims, keep=True)
        elif isinstance(region.anchor, nn.ConvOp | nn.MatmulOp):
            region.prologue = self._absorb_dequantize(region.anchor) or self._absorb_before_a(region)
        if region.kind not in ("row", "pointwise"):
            self._leave_out_operands(region)

    def _part(self, region: Region) -> None:
        """
        Cut a region of `MOST_OPS` ops in its second half, after the value that is cheapest to write and read again: the last of those of
        the narrowest element type. The ops after it are free again.
        """
        late = [i for i, (length, _) in enumerate(region.cuts) if length >= MOST_OPS // 2]
        best = min(late, key=lambda i: (_bits(region.cuts[i][1]), -i))
        self._end_at(region, best)
        length, value = region.cuts[-1]
        for use in value.uses:
            region.left_out.append((use.operation, f"the group has {length + 1} ops, of at most about {MOST_OPS}"))

    def _end_at(self, region: Region, cut: int) -> None:
        """End the region at a cut; the ops after it are free again."""
        del region.cuts[cut + 1 :]
        region.splits = [split for split in region.splits if split < cut]
        length = region.cuts[-1][0]
        self.taken.difference_update(region.epilogue[length:])
        del region.epilogue[length:]

    def _leave_to_readers(self, region: Region) -> None:
        """Give back what follows another result of the region where only row and pointwise ops read it: they compute it as they load."""
        while region.splits and all(_computes_on_load(use.operation) for use in region.result.uses):
            names = ", ".join(sorted({use.operation.name for use in region.result.uses}))
            self._end_at(region, region.splits[-1])
            readers = [use.operation for use in region.result.uses]
            region.left_out += [(op, f"{names} alone reads what follows, and fuses it") for op in readers]

    def _leave_out_operands(self, region: Region) -> None:
        """Note the producers of an anchor that reads its operands from memory only."""
        noted = {*region.prologue, *(op for op, _ in region.left_out)}
        for op in self._producers([region.anchor, *region.prologue]):
            if op not in noted:
                reason = f"a {region.kind} reads this operand from memory"
                region.left_out.append((op, "views stay outside groups" if is_view(op) else reason))

    def _step_down(self, region: Region) -> list[Operation]:
        """The fewest ops after the region that leave it with one result again; empty if there are none, which `left_out` explains."""
        result = region.result
        dims = shape_of(result)
        limit = region.limit
        open_uses = {result: 0}
        heap: list[tuple[int, Operation]] = []
        seen: set[Operation] = set()

        def reach(value: SSAValue) -> bool:
            """Note the users of a value; False if one of them cannot join, which `left_out` explains for each. The result so far may
            stay one of its results."""
            nonlocal limit
            open_uses[value] = 0
            joining: dict[Operation, None] = {}
            outside: Operation | None = None
            outer: list[Use] = []
            for use in value.uses:
                user = use.operation
                open_uses[value] += 1
                if user in seen:
                    continue
                reason = "it reads it as a table" if is_table(use) else self.refuse_join(user, region, dims)
                if reason is None and self.position[user] > limit:
                    reason = "an op before it reads another result of the group"
                if reason:
                    region.left_out.append((user, reason))
                    outside = outside or user
                    outer.append(use)
                else:
                    joining[user] = None
            if outside is not None and value is result and joining and keeps_results(region.kind, region.anchor):
                first = first_position(outer, self.position)
                if first > max(self.position[user] for user in joining):
                    limit, outside = min(limit, first), None
                    open_uses[value] -= len(outer)
            if outside is not None:
                region.left_out += [(user, f"{outside.name} reads the same value from memory") for user in joining]
                return False
            seen.update(joining)
            for user in joining:
                heappush(heap, (self.position[user], user))  # positions are unique, so ops are never compared
            return True

        def part(why: str) -> list[Operation]:
            """No step, for this reason."""
            nearest = {use.operation for use in result.uses}
            region.left_out += [(op, why) for op in (*step, *(op for _, op in heap)) if op in nearest]
            return []

        step: list[Operation] = []
        if not reach(result):
            return []
        while heap and len(step) < self.reach:
            _, op = heappop(heap)
            step.append(op)
            for operand in op.operands:
                if operand in open_uses:
                    open_uses[operand] -= 1
            if not any(open_uses.values()):
                refusal = refuse_result(result, op.results[0]) if limit < region.limit else None
                if refusal is not None:
                    return part(f"the value before it has other users, and {refusal}")
                if limit < region.limit:
                    region.splits.append(len(region.cuts) - 1)
                region.limit = limit
                return step
            if not reach(op.results[0]):
                return part("what reads its result does not join the group, which would have several results")
        return part(f"more than {self.reach} ops lie between one result and the next")

    def _absorb_operands(
        self,
        region: Region,
        ops: list[Operation],
        dims: tuple[Expr, ...],
        nearest: Iterable[Operation] | None = None,
        *,
        keep: bool = False,
    ) -> list[Operation]:
        """Pointwise ops with results of shape `dims`, and gathers of rows, before `ops` whose results only the region uses; nearest first.
        They are found from `nearest` on, by default all that makes an operand of `ops`. `keep`: what ops outside read too may become a
        result."""
        inside = {region.anchor, *region.epilogue, *ops}
        absorbed: list[Operation] = []
        heap = [(-self.position[p], p) for p in (self._producers(ops) if nearest is None else nearest)]
        heap.sort(key=lambda item: item[0])
        while heap and len(absorbed) < self.reach:
            _, op = heappop(heap)
            if op in inside:
                continue
            columns = columns_of(region.kind, region.anchor, dims)
            rolled = rolled_rows(op, dims, columns, self.position, self.taken, region.limit)
            if isinstance(rolled, list):
                inside.update(rolled)
                absorbed += rolled
                self.taken.update(rolled)
                continue
            reason = rolled or self._refuse_operand(op, region, dims)
            if reason is None and any(is_table(use) or use.operation not in inside for use in op.results[0].uses):
                reason = self._refuse_keeping(region, op, inside) if keep else "ops outside the group read it too"
            if reason is not None:
                region.left_out.append((op, reason))
                continue
            inside.add(op)
            absorbed.append(op)
            self.taken.add(op)
            if isinstance(op, nn.ReduceOp) or (nn.is_pointwise(op) and broadcasts(op, dims)):
                region.small.add(op)
            known = {entry for _, entry in heap}
            for producer in self._producers([op]):
                if producer not in known:
                    heappush(heap, (-self.position[producer], producer))
        more = f"the group has {self.reach} ops before it already"
        region.left_out += [(op, more) for _, op in heap if op not in inside]
        return absorbed

    def _refuse_operand(self, op: Operation, region: Region, dims: tuple[Expr, ...]) -> str | None:
        """Why an op before others of a region, whose values have shape `dims` there, cannot join them, or None."""
        if nn.gathers_rows(op):
            return self.refuse_gather(op, region, dims)
        small = region.kind in ("row", "pointwise") and nn.is_pointwise(op) and broadcasts(op, dims)
        if not small and not (isinstance(op, nn.ReduceOp) and isinstance(region.anchor, nn.ReduceOp)):
            return self.refuse_join(op, region, dims)
        beside = isinstance(op, nn.ReduceOp)
        if (reason := self._refuse_beside(op, region) if beside else self.refuse_join(op, region)) is not None:
            return reason
        fusing = (*ROW, *_WINDOW, *_GATHER, *_POSITIONS, nn.RnnOp)
        taken_in = comes_from_a_fusing_op(
            op, fusing, lambda o: o not in self.taken and self._refuse_beside(o, region) is not None
        )
        return "what makes its operand fuses it" if taken_in and not beside else None

    def _refuse_beside(self, op: Operation, region: Region) -> str | None:
        """Why an op cannot reduce its elements while the region's reduction walks its own, or None."""
        anchor = region.anchor
        if not isinstance(op, nn.ReduceOp) or not isinstance(anchor, nn.ReduceOp):
            return "it is not a pointwise op"
        if op in self.taken or op not in self.position:
            return "it is in another group"
        if op.result in self.constants:
            return "it reads constants only"
        if sum(isinstance(other, nn.ReduceOp) for other in region.small) >= MOST_BESIDE:
            return f"the group has {MOST_BESIDE} reductions beside its own"
        before = op.x.owner
        if (
            isinstance(before, Operation)
            and nn.is_pointwise(before)
            and before not in self.taken
            and op.x.has_one_use()
        ):
            return f"it fuses {before.name}"
        return nn.refuse_beside(op, anchor)

    def _refuse_keeping(self, region: Region, op: Operation, inside: set[Operation]) -> str | None:
        """Why an op before a row op cannot be part of its group, which stores its result for the ops outside that read it too."""
        value = op.results[0]
        refusal = "ops outside the group read it too"
        if region.kind != "row" or not keeps_results(region.kind, region.anchor):
            return refusal
        first = first_position((u for u in value.uses if u.operation not in inside), self.position)
        last = max(self.position[member] for member in (region.anchor, *region.epilogue))
        fusing = (*_GATHER, *_WINDOW, *_POSITIONS, nn.RnnOp)
        if first <= last or comes_from_a_fusing_op(
            op, fusing, lambda o: self._anchors_apart(o, region, shape_of(value))
        ):
            return refusal
        if (why := refuse_result(value, region.result)) is not None:
            return f"{refusal}, and {why}"
        region.limit = min(region.limit, first)
        return None

    def _anchors_apart(self, op: Operation, region: Region, dims: tuple[Expr, ...]) -> bool:
        """Whether an op that can anchor a group stays free to do so: a gather of rows may be loaded by the region instead."""
        joins = nn.gathers_rows(op) and self.refuse_gather(op, region, dims) is None
        return op not in self.taken and not joins

    def _producers(self, ops: Iterable[Operation]) -> Iterator[Operation]:
        found: dict[Operation, None] = {}
        for op in ops:
            reads = () if nn.gathers_rows(op) else op.operands[1:] if nn.is_lookup(op) else op.operands
            for operand in reads:
                owner = operand.owner
                if isinstance(owner, Operation) and owner in self.position and not isinstance(owner, nn.SizeOp):
                    found[owner] = None
        return iter(found)

    def _absorb_dequantize(self, anchor: Operation) -> list[Operation]:
        """The dequantize ops, on weights too, that only the anchor reads."""
        absorbed: list[Operation] = []
        for producer in self._producers([anchor]):
            if self.reserved.get(producer) is anchor and producer not in self.taken:
                absorbed.append(producer)
                self.taken.add(producer)
        return absorbed

    def _absorb_before_a(self, region: Region) -> list[Operation]:
        """The pointwise ops before operand A of a product that only it reads, nearest first."""
        value = region.anchor.operands[0]
        op = value.owner
        if not isinstance(op, Operation) or op not in self.position or not nn.is_pointwise(op):
            return []
        reason = self.refuse_join(op, region)
        if reason is None and not value.has_one_use():
            reason = "ops outside the group read it too"
        if reason is not None:
            if isinstance(op, nn.CastOp):
                region.left_out.append((op, reason))
            return []
        absorbed = self._absorb_operands(region, [region.anchor], shape_of(value), [op])
        for before in self._producers(absorbed):
            if before not in self.taken and self._takes_in_after(before, absorbed, shape_of(value)):
                self.taken.difference_update(absorbed)
                region.left_out.append((op, f"{before.name} fuses it, and stores the result"))
                return []
        return absorbed

    def _takes_in_after(self, op: Operation, ops: list[Operation], dims: tuple[Expr, ...]) -> bool:
        """Whether an op will anchor a group of its own that can hold `ops`, all that reads its result."""
        if len(op.results) != 1 or is_view(op) or nn.is_pointwise(op) or isinstance(op, (*nn.SOURCES, *nn.CONTROL)):
            return False
        result = op.results[0]
        inside = set(ops)
        return (
            result not in self.constants
            and shape_of(result) == dims
            and anchor_kind(op) in ("row", "window", "gather", "positions", "rnn")
            and all(use.operation in inside for use in result.uses)
        )
