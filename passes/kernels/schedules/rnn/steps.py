"""
The program of a recurrence: the blocks of a team share the units of one batch tile in one direction, and meet after each step.

    exchange h0; meet
    for each step: multiply h by the block's rows of R, compute its units' new h and c, exchange h, meet
    write the last states

A step reads slot s mod 2 of the exchange and writes the other one, so that one meeting per step is enough. A GRU that resets h before the
product exchanges r h too and meets twice. What a schedule adds: how a block multiplies, where states stay, and how blocks meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from .....dialects import nn
from .....dialects.dims import as_expr
from .....dialects.kernel.types import FragType, GlobalType
from ...building.builder import Emitter, Index, KernelBuilder
from ...building.pointwise import add, convert, mul, select
from .cells import activate, lstm, mixed
from .problem import RnnProblem


@dataclass(frozen=True)
class State:
    """The states of a tile of units, as fragments of the wide type; `c` of an LSTM."""

    h: SSAValue
    c: SSAValue | None

    @property
    def values(self) -> list[SSAValue]:
        return [self.h] if self.c is None else [self.h, self.c]

    @classmethod
    def of(cls, values: Sequence[SSAValue]) -> State:
        return cls(values[0], values[1] if len(values) > 1 else None)


HandOn = Callable[[KernelBuilder, SSAValue, int, Index, Index], None]
"""Hands on h (0) or r h (1), in the type that is multiplied, to all blocks of the team: `(builder, value, which, slot, unit)`."""


def exchange_types(problem: RnnProblem) -> list[GlobalType]:
    """The tensors through which blocks exchange h (two slots), and r h."""
    dims = [as_expr(problem.directions), problem.anchor.batch, as_expr(problem.units)]
    types = [GlobalType.of([2, *dims], problem.exchanged)]
    return [*types, GlobalType.of([1, *dims], problem.exchanged)] if problem.resets_before else types


class Cells:
    """
    What one block computes: fragments `frag` of (sequences, units), from sequence `row` on, in direction `direction`. A rows fragment runs
    over units, and stands for the sequence `row`.
    """

    def __init__(
        self,
        problem: RnnProblem,
        b: KernelBuilder,
        frag: FragType,
        row: Index,
        direction: Index,
        hand_on: HandOn | None = None,
    ):
        self.problem, self.op, self.frag = problem, problem.anchor, frag
        self.row, self.direction = row, direction
        self.across = across = frag.is_rows
        self.hand_on = hand_on
        first = len(problem.group.tensors)
        count = 0 if hand_on is not None else 1 + problem.resets_before
        self.exchanged = [self.between(b, first + number) for number in range(count)]
        """h and r h in the workspace, unless they are handed on otherwise."""
        self.inputs, self.result = problem.inputs(b, across=across), problem.result(b, across=across)
        self.peepholes = [
            problem.per_unit(b, self.op.peepholes, part, across=across) for part in range(3) if self.op.peepholes
        ]
        self.bias = problem.per_unit(b, self.op.bias, 0, across=across) if self.op.bias else None
        self.scales = [problem.per_unit(b, self.op.scales, gate, across=across) for gate in range(4) if self.op.scales]
        self.length: SSAValue | None = None
        if self.op.lengths is not None:
            type_ = frag.rows.with_element(nn.element_of(self.op.lengths))
            self.length = b.load(problem.lengths(b, self.op.lengths, across=across), self._at((), 0), type_)
        self.steps = b.expr(self.op.steps)

    def between(self, b: KernelBuilder, tensor: int) -> SSAValue:
        """A tensor of the workspace: (slot, direction, sequence, unit)."""
        return b.view(tensor, ([0], [1], [3], [2]) if self.across else ([0], [1], [2], [3]))

    def _at(self, lead: Sequence[Index], unit: Index) -> list[Index]:
        return [*lead, unit, self.row] if self.across else [*lead, self.row, unit]

    def time(self, b: KernelBuilder, step: Index) -> SSAValue:
        """The step of the sequence that is taken as number `step`."""
        back = b.sub(b.sub(self.steps, 1), step)
        match self.op.direction.data:
            case nn.RnnDirection.FORWARD:
                return b.index(step)
            case nn.RnnDirection.REVERSE:
                return back
            case _:
                return b.add(b.mul(step, b.sub(1, self.direction)), b.mul(back, self.direction))

    # Memory.

    def load(self, b: KernelBuilder, view: SSAValue, lead: Sequence[Index], unit: Index) -> SSAValue:
        """A fragment in the view's element type."""
        return b.load(view, self._at(lead, unit), self.frag)

    def _wide(self, b: KernelBuilder, view: SSAValue, lead: Sequence[Index], unit: Index) -> SSAValue:
        return self.converted(b, self.load(b, view, lead, unit), self.frag)

    def converted(self, b: KernelBuilder, value: SSAValue, to: FragType) -> SSAValue:
        if value.type == to:
            return value
        return b.map([value], [to], lambda s, x: [convert(s, x, to.element_type)])[0]

    def store(self, b: KernelBuilder, value: SSAValue, view: SSAValue, lead: Sequence[Index], unit: Index) -> None:
        """Writes a fragment in the view's element type."""
        element = view.type.element_type  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
        made = self.converted(b, value, self.frag.with_element(element))  # pyright: ignore[reportUnknownArgumentType]
        b.store(made, view, self._at(lead, unit))

    def initial(self, b: KernelBuilder, unit: Index) -> State:
        def one(value: SSAValue | None) -> SSAValue:
            if value is None:
                return b.fill(0.0, self.frag)
            return self._wide(b, self.problem.state(b, value, across=self.across), [self.direction], unit)

        return State(one(self.op.hidden), one(self.op.cell) if self.problem.is_lstm else None)

    def exchange(self, b: KernelBuilder, value: SSAValue, which: int, slot: Index, unit: Index) -> None:
        """Hands on h (0) or r h (1)."""
        if self.hand_on is not None:
            narrow = self.converted(b, value, self.frag.with_element(self.problem.exchanged))
            self.hand_on(b, narrow, which, slot, unit)
        else:
            self.store(b, value, self.exchanged[which], [slot, self.direction], unit)

    def finish(self, b: KernelBuilder, state: State, unit: Index) -> None:
        """Writes the last states, where somebody reads them."""
        if self.op.without_last is not None:
            return
        for number, value in enumerate(state.values):
            self.store(b, value, self.result, [b.add(self.steps, number), self.direction], unit)

    # Steps.

    def constants(self, b: KernelBuilder, unit: Index) -> list[SSAValue]:
        """What `advance` takes beside inputs and states: the bias of a GRU that resets after its product, the peepholes of an LSTM."""
        views = self.peepholes if self.bias is None else [self.bias]
        return [self.load(b, view, [self.direction], unit) for view in views]

    def write(self, b: KernelBuilder, step: Index, unit: Index, row: SSAValue) -> None:
        """Writes a step's row of the result."""
        self.store(b, row, self.result, [self.time(b, step), self.direction], unit)

    def inputs_at(self, b: KernelBuilder, step: Index, unit: Index, gates: range) -> list[SSAValue]:
        time = self.time(b, step)
        return [self.load(b, self.inputs, [time, self.direction, gate], unit) for gate in gates]

    def scales_at(self, b: KernelBuilder, unit: Index) -> list[SSAValue]:
        """Those of the gates' weights, where they are integers."""
        return [self.load(b, view, [self.direction], unit) for view in self.scales]

    def scaled(
        self, b: KernelBuilder, products: Sequence[SSAValue], step: SSAValue, scales: Sequence[SSAValue]
    ) -> list[SSAValue]:
        """Products of integers as those of h, which was quantized with the step of each sequence."""

        def body(s: Emitter, product: SSAValue, step: SSAValue, scale: SSAValue) -> list[SSAValue]:
            return [mul(s, product, mul(s, step, convert(s, scale, self.frag.element_type)))]

        return [b.map([p, step, scale], [self.frag], body)[0] for p, scale in zip(products, scales, strict=True)]

    def advance(
        self,
        b: KernelBuilder,
        step: Index,
        unit: Index,
        inputs: Sequence[SSAValue],
        products: Sequence[SSAValue],
        state: State,
        constants: Sequence[SSAValue],
    ) -> tuple[State, SSAValue]:
        """The next states of a cell with one product, and the step's row of the result. h is exchanged."""
        op, count, more = self.op, len(products), constants

        def body(s: Emitter, *x: SSAValue) -> list[SSAValue]:
            wide = [convert(s, v, self.frag.element_type) for v in x[: 2 * count + len(more)]]
            sums = [add(s, wide[i], wide[count + i]) for i in range(count)]
            extra, rest = wide[2 * count :], x[2 * count + len(more) :]
            h = rest[0]
            if self.problem.is_lstm:
                new = lstm(s, op, sums, rest[1], extra)
            elif self.problem.is_gru:
                z, r = (activate(s, op, 0, gate) for gate in sums[:2])
                recurrent = add(s, wide[count + 2], extra[0]) if extra else wide[count + 2]
                candidate = activate(s, op, 1, add(s, wide[2], mul(s, r, recurrent)))
                new = (mixed(s, z, candidate, h),)
            else:
                new = (activate(s, op, 0, sums[0]),)
            return self._kept(s, list(new), rest[: len(new)], rest[len(new) :])

        return self._close(b, step, unit, [*inputs, *products, *more], state, body)

    def reset_gates(
        self, b: KernelBuilder, unit: Index, inputs: Sequence[SSAValue], products: Sequence[SSAValue], h: SSAValue
    ) -> SSAValue:
        """The first half of a step of a GRU that resets h before the product: z; r h is exchanged."""

        def body(s: Emitter, *x: SSAValue) -> list[SSAValue]:
            wide = [convert(s, v, self.frag.element_type) for v in x]
            z, r = (activate(s, self.op, 0, add(s, wide[i], wide[2 + i])) for i in range(2))
            return [z, mul(s, r, wide[4])]

        z, reset = b.map([*inputs, *products, h], [self.frag, self.frag], body)
        self.exchange(b, reset, 1, 0, unit)
        return z

    def candidate(
        self,
        b: KernelBuilder,
        step: Index,
        unit: Index,
        inputs: Sequence[SSAValue],
        products: Sequence[SSAValue],
        z: SSAValue,
        h: SSAValue,
    ) -> tuple[State, SSAValue]:
        """The second half, as `advance`."""

        def body(s: Emitter, *x: SSAValue) -> list[SSAValue]:
            wide = [convert(s, v, self.frag.element_type) for v in x[:4]]
            new = mixed(s, wide[2], activate(s, self.op, 1, add(s, wide[0], wide[1])), wide[3])
            return self._kept(s, [new], x[3:4], x[4:])

        return self._close(b, step, unit, [*inputs, *products, z], State(h, None), body)

    def _kept(
        self, s: Emitter, new: Sequence[SSAValue], old: Sequence[SSAValue], counts: Sequence[SSAValue]
    ) -> list[SSAValue]:
        """The states, then the result: where a sequence has ended the old states and zero."""
        if not counts:
            return [*new, new[0]]
        time, length = counts
        inside = s.emit(arith.CmpiOp(convert(s, time, length.type), length, "slt"))
        zero = s.constant(0, new[0].type)
        return [*(select(s, inside, x, y) for x, y in zip(new, old, strict=True)), select(s, inside, new[0], zero)]

    def _close(
        self,
        b: KernelBuilder,
        step: Index,
        unit: Index,
        operands: Sequence[SSAValue],
        state: State,
        body: Callable[..., Sequence[SSAValue]],
    ) -> tuple[State, SSAValue]:
        counts = [] if self.length is None else [b.cast(self.time(b, step), i32), self.length]
        made = b.map([*operands, *state.values, *counts], [self.frag] * (len(state.values) + 1), body)
        new = State.of(made[:-1])
        self.exchange(b, new.h, 0, b.rem(b.add(step, 1), 2), unit)
        return new, made[-1]
