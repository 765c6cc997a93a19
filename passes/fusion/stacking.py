"""One product of several siblings, built but not yet inserted: stacked weights, stacked numbers after it, and where its parts lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, quant
from ...dialects.dims import const
from ...dialects.dtypes import numpy_dtype
from ...dialects.nn import element_of, rank_of, shape_of, stored_of, tensor_type
from ...dialects.provenance import fuse, helper_location
from ...dialects.strided import View
from ..graph.editing import location_of, rebuilt
from .destinations import Place
from .families import Run
from .homes import Home, channels_of
from .siblings import Row, Sibling, Step, neutral_numbers, quantized_of, reads_of, steps_taken, weight_axis, weights_of


@dataclass
class Stack:
    """Siblings as one product. `ops` are detached."""

    siblings: Sequence[Sibling]
    rows: Sequence[Row]
    home: Home | None = None
    run: Run | None = None
    """What the siblings read parts of, as groups of one conv."""
    before: list[Operation] = field(default_factory=list[Operation])
    """The slice that the product reads, where siblings read a part of a value all together."""
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

    @property
    def pitch(self) -> int:
        """Channels of the result."""
        return sum(s.channels for s in self.siblings)

    def place(self) -> Place:
        """Where the result lies."""
        return self.home.place(self.result) if self.home is not None else View.whole(self.result, shape_of(self.result))

    def places(self) -> dict[SSAValue, Place]:
        """Where tensors of the merged group lie that have no buffer of their own."""
        found = {self.result: self.place()} if self.home is not None else {}
        if self.before and self.run is not None:
            whole = View.whole(self.run.value, shape_of(self.run.value))
            found[self.before[0].results[0]] = channels_of(whole, const(self.run.start), const(self.run.channels))
        return found

    def part_place(self, sibling: int) -> Place:
        return channels_of(self.place(), const(self.starts()[sibling]), const(self.siblings[sibling].channels))

    def drop(self) -> None:
        """Erase all that was built."""
        for op in reversed([*self.weights, *self.before, *self.ops]):
            op.erase()

    def _product(self) -> None:
        anchors = [s.anchor for s in self.siblings]
        self._add(
            anchors, [self._read(anchors[0]), self._weights(list(map(weights_of, anchors)), weight_axis(anchors[0]))]
        )
        if self.run is not None:
            self.ops[0].properties["groups"] = nn.integer(len(anchors))

    def _weights(self, weights: Sequence[SSAValue], axis: int) -> SSAValue:
        """The weights of all; those that are dequantized as one tensor that is, so that products of it are ones of integers."""
        user = self.siblings[0].anchor
        quantized = [q for w in weights if (q := quantized_of(w)) is not None]
        if not quantized:
            return self._weight(nn.ConcatOp(weights, axis), user)
        first, numbers = quantized[0], list[SSAValue]()
        for each in quantized:
            moved = each.dequantize.x
            if each.transpose is not None:
                moved = self._weight(nn.TransposeOp(moved, nn.values_of(each.transpose.permutation)), user)
            numbers.append(moved)
        scales = [each.dequantize.scale for each in quantized]
        scale, along = scales[0], None
        if first.axis is not None or any(s is not scale for s in scales):
            lines = [self._line(s, sibling.channels, user, s) for s, sibling in zip(scales, self.siblings, strict=True)]
            scale, along = self._weight(nn.ConcatOp(lines, 0), user), axis
        joined = self._weight(nn.ConcatOp(numbers, axis), user)
        return self._weight(quant.DequantizeOp(joined, scale, along, element_of(weights[0])), user, weights[0])

    def _read(self, first: Operation) -> SSAValue:
        """What the product reads."""
        run = self.run
        if run is None or run.is_whole:
            return first.operands[0] if run is None else run.value
        rank = rank_of(run.value)
        part = nn.SliceOp(run.value, [0] * (rank - 1) + [run.start], (*shape_of(run.value)[:-1], const(run.channels)))
        nn.set_stored(part, stored_of(run.value))
        part.location = helper_location("slice", location_of([run.value]))
        self.before.append(part)
        return part.result

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
        dims = [*shape_of(like.results[0])[:-1], const(self.pitch)]
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
        sources = [like] if like is not None else list(op.operands)
        kinds = {stored_of(v) for v in sources}
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
