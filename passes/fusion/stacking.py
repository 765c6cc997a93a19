"""One product of several siblings, built but not yet inserted: stacked weights, stacked numbers after it, and where its parts lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.dtypes import numpy_dtype
from ...dialects.kernel.types import bitwidth
from ...dialects.nn import element_of, rank_of, shape_of, stored_of, tensor_type
from ...dialects.provenance import fuse, helper_location
from ...dialects.strided import View
from ..graph.editing import location_of, rebuilt
from .destinations import Place
from .siblings import Row, Sibling, Step, neutral_numbers, reads_of, steps_taken, weight_axis, weights_of

VECTOR = 16
"""Bytes: what TMA asks of addresses and strides, and the widest access of a thread."""


def is_aligned(channels: int, value: SSAValue) -> bool:
    """Whether so many elements of a value's stored type are whole vectors."""
    return channels * bitwidth(stored_of(value)) // 8 % VECTOR == 0


@dataclass(frozen=True)
class Home:
    """A concat of channels that reads results of siblings, which are part of the merged result, in which the others lie beside it."""

    concat: nn.ConcatOp
    first: int
    count: int
    """Which of its operands the siblings are."""
    before: int
    """Channels of other siblings, or of nothing, before the concat's own: where they lie."""
    after: int

    @property
    def is_grown(self) -> bool:
        return bool(self.before or self.after)

    @property
    def channels(self) -> Expr:
        return shape_of(self.concat.result)[-1] + self.before + self.after

    def place(self, result: SSAValue) -> Place:
        """Where the merged result, of which it is `owner`, lies in the buffer of the grown concat."""
        channels = shape_of(self.concat.result)[-1]
        dims = (*shape_of(result)[:-1], self.channels)
        own = [shape_of(v)[-1] for v in self.concat.inputs]
        start = sum(own[: self.first], const(0)) if not self.before else const(0)
        assert channels is not None
        return _channels(View.whole(result, dims), start, shape_of(result)[-1])

    def own_place(self) -> Place:
        """Where the concat's result lies."""
        result = self.concat.result
        whole = View.whole(result, (*shape_of(result)[:-1], self.channels))
        return _channels(whole, const(self.before), shape_of(result)[-1])


def _channels(place: Place, start: Expr, count: Expr) -> Place:
    rank = len(place.dims)
    return place.sliced([const(0)] * (rank - 1) + [start], [1] * rank, (*place.dims[:-1], count))


@dataclass
class Stack:
    """Siblings as one product. `ops` are detached."""

    siblings: Sequence[Sibling]
    rows: Sequence[Row]
    home: Home | None = None
    ops: list[Operation] = field(default_factory=list[Operation])
    weights: list[Operation] = field(default_factory=list[Operation])
    """What is computed of weights alone, before `ops`."""
    parts: list[SSAValue] = field(default_factory=list[SSAValue])
    """What each sibling leaves to read, of which the merged result is made."""

    def __post_init__(self) -> None:
        self.parts = [s.result(steps_taken(self.rows, i)) for i, s in enumerate(self.siblings)]
        self._product()
        for row in self.rows:
            self._row(row)

    @property
    def result(self) -> SSAValue:
        return self.ops[-1].results[0]

    @property
    def constants(self) -> list[SSAValue]:
        return [op.results[0] for op in self.weights]

    def rest(self, sibling: int) -> list[Operation]:
        return self.siblings[sibling].rest(steps_taken(self.rows, sibling))

    def starts(self) -> list[int]:
        """The first channel of each sibling in the result."""
        starts, start = list[int](), 0
        for sibling in self.siblings:
            starts.append(start)
            start += sibling.channels
        return starts

    def place(self) -> Place:
        """Where the result lies."""
        return self.home.place(self.result) if self.home is not None else View.whole(self.result, shape_of(self.result))

    def part_place(self, sibling: int) -> Place:
        return _channels(self.place(), const(self.starts()[sibling]), const(self.siblings[sibling].channels))

    def drop(self) -> None:
        """Erase all that was built."""
        for op in reversed([*self.weights, *self.ops]):
            op.erase()

    def _product(self) -> None:
        anchors = [s.anchor for s in self.siblings]
        weights = self._weight(nn.ConcatOp(list(map(weights_of, anchors)), weight_axis(anchors[0])), anchors[0])
        self._add(anchors, [anchors[0].operands[0], weights])

    def _row(self, row: Row) -> None:
        """One step of all: its ops on stacked numbers."""
        steps = [step for step in row if step is not None]
        if len(steps) < len(row) and isinstance(steps[0].ops[0], nn.ReluOp):
            self._partial_relu(row, [step.ops[0] for step in steps])
            return
        made = [{step.head: self.result} for step in steps]
        for number, like in enumerate(steps[0].ops):
            sources = [step.ops[number] for step in steps]
            columns = zip(*(reads_of(op, known) for op, known in zip(sources, made, strict=True)), strict=True)
            operands: list[SSAValue] = []
            for values in columns:
                known = made[0].get(values[0])
                operands.append(known if known is not None else self._numbers(row, values, like))
            result = self._add(sources, operands)
            for op, known in zip(sources, made, strict=True):
                known[op.results[0]] = result

    def _partial_relu(self, row: Row, sources: Sequence[Operation]) -> None:
        """The relu of some siblings: the maximum with 0, and with -inf for the others."""
        before, (like, *_) = self.result, sources
        dtype = numpy_dtype(element_of(like.results[0]))
        least = [
            np.full(s.channels, -inf if step is None else 0, dtype) for s, step in zip(self.siblings, row, strict=True)
        ]
        made = nn.MaxOp(before, self._weight(nn.ConstantOp(np.concatenate(least)), like, before))
        nn.copy_stored(like, made)
        made.location = fuse(*(op.location for op in sources))
        self.ops.append(made)

    def _add(self, sources: Sequence[Operation], operands: Sequence[SSAValue]) -> SSAValue:
        """An op like those of the siblings, over all channels."""
        like = sources[0]
        total = sum(s.channels for s in self.siblings)
        dims = [*shape_of(like.results[0])[:-1], const(total)]
        new = rebuilt(like, operands, [tensor_type(dims, element_of(like.results[0]))])
        new.location = fuse(*(op.location for op in sources))
        self.ops.append(new)
        return new.results[0]

    def _numbers(self, row: Row, found: Sequence[SSAValue], user: Operation) -> SSAValue:
        """The numbers that the siblings with a step in this row read there, as numbers per channel of all."""
        first, remaining = found[0], iter(found)
        values = [next(remaining) if step is not None else None for step in row]
        if all(v is first for v in values) and all(d.as_int() == 1 for d in shape_of(first)):
            return first
        parts = [self._line(v, s.channels, user, first) for v, s in zip(values, self.siblings, strict=True)]
        return self._weight(nn.ConcatOp(parts, 0), user)

    def _line(self, value: SSAValue | None, channels: int, user: Operation, like: SSAValue) -> SSAValue:
        """Numbers per channel as a tensor of one dim."""
        if value is None:
            return self._weight(nn.ConstantOp(neutral_numbers(user, channels, like)), user, like)
        if [d.as_int() for d in shape_of(value)] == [channels]:
            return value
        count = shape_of(value)[-1].as_int() if rank_of(value) else 1
        line = self._weight(nn.ReshapeOp(value, [count or 1]), user) if rank_of(value) != 1 else value
        return line if count == channels else self._weight(nn.BroadcastToOp(line, [channels]), user)

    def _weight(self, op: Operation, user: Operation, like: SSAValue | None = None) -> SSAValue:
        """An op on weights, stored as what it reads or as `like`."""
        sources = list(op.operands) or [like]
        kinds = {stored_of(v) for v in sources if v is not None}
        if len(kinds) == 1:
            nn.set_stored(op, *kinds)
        op.location = helper_location("stack", location_of(op.operands) if op.operands else user.location)
        self.weights.append(op)
        return op.results[0]


def step_ops(stack: Stack) -> list[Operation]:
    """The siblings' own ops that the stack stands for."""
    found: list[Operation] = []
    for index, sibling in enumerate(stack.siblings):
        taken: list[Step] = list(sibling.steps[: steps_taken(stack.rows, index)])
        found += [sibling.anchor, *(op for step in taken for op in step.ops)]
    return found
