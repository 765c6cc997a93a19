"""
The online softmax of the attention schedules (Milakov and Gimelshein 2018): a running row maximum and row sum over tiles of keys.

Where scores only have to be scaled and hidden, scale and log2(e) are one factor: a probability is exp2(x * factor - row_max * factor), one
FMA and one instruction of the special function unit. Otherwise scores are first what the model has softmax take, in f32, and a probability
is exp2((x - row_max) * log2(e)): a mask of the lowest float must not overflow. exp2 is the hardware's, of 2 units in the last place in
f32, where probabilities are rounded to f16 or bf16.

Scores of keys that a query does not see are minus infinity. The maximum starts at a finite number (`lowest`), so that a row which has seen
no key yet stays free of NaN; one that has seen none at its end divides 0 by 0.
"""

from __future__ import annotations

import math as numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f32, i1, i32
from xdsl.dialects.utils import FastMathFlag
from xdsl.ir import SSAValue

from .....dialects import nn
from .....dialects.dims import ceildiv
from .....dialects.kernel import ConvertLayoutOp
from .....dialects.kernel.types import FragType
from .....dialects.strided import space_axes
from ...building.builder import Emitter, KernelBuilder
from ...building.pointwise import convert, lowest
from ...building.space import Space
from .problem import SPACE, AttentionProblem, Place, hides, is_boolean, offset_of

LOG2E = 1.0 / numbers.log(2.0)
APPROXIMATE = arith.FastMathFlagsAttr([FastMathFlag.APPROX_FUNC])


class State(NamedTuple):
    """What the loop over keys carries: row maxima and row sums, and the output, not yet divided, in pieces of columns."""

    row_max: SSAValue
    row_sum: SSAValue
    out: Sequence[SSAValue]


def flat(state: State) -> list[SSAValue]:
    """A state as values that a loop carries."""
    return [state.row_max, state.row_sum, *state.out]


def state_of(values: Sequence[SSAValue]) -> State:
    """What `flat` has made a list of."""
    row_max, row_sum, *out = values
    return State(row_max, row_sum, out)


@dataclass(frozen=True)
class Softmax:
    """The softmax of one block's scores, which are fragments of `frag`'s shape and layout; `keys` columns per tile."""

    problem: AttentionProblem
    place: Place
    frag: FragType

    @property
    def keys(self) -> int:
        return self.frag.extents[1]

    @property
    def scale(self) -> float:
        return float(self.problem.anchor.scale.value.data)

    @property
    def is_scaled_only(self) -> bool:
        """Whether the softmax takes the scores times a positive number, or minus infinity."""
        anchor = self.problem.anchor
        adds = anchor.mask is not None and not is_boolean(anchor.mask)
        return self.scale > 0 and not adds and anchor.softcap is None and anchor.scores is None

    @property
    def factor(self) -> float:
        """What turns a difference of scores into the exponent of 2."""
        return self.scale * LOG2E if self.is_scaled_only else LOG2E

    def start(self, b: KernelBuilder, pieces: Sequence[FragType]) -> State:
        """Before the first tile."""
        rows = self.frag.rows
        # Times the factor, and less such a product, it must be finite.
        least = lowest(f32) / (2 * max(1.0, self.factor)) if self.is_scaled_only else lowest(f32)
        out = [b.fill(0.0, piece, "out") for piece in pieces]
        return State(b.fill(least, rows, "row_max"), b.fill(0.0, rows, "row_sum"), out)

    def mask(self, b: KernelBuilder, tile: SSAValue) -> list[SSAValue]:
        """The mask of a tile of keys, if there is one: to be loaded while the products are under way."""
        mask, problem, place = self.problem.anchor.mask, self.problem, self.place
        if mask is None:
            return []
        own, (*lead, rows, keys) = nn.shape_of(mask), problem.mask_dims
        if own[2] == 1:
            # One row serves all, those past the end too: then the rows of a thread share their loads.
            rows = ceildiv(rows, self.frag.extents[0]) * self.frag.extents[0]
        dims = (*lead, rows, keys)
        batch = b.rem(place.batch, b.expr(lead[0])) if problem.anchor.mask_repeats else place.batch
        at = batch, place.head, place.row, b.mul(tile, self.keys)
        space = Space(b, problem.group, dims, SPACE, at, self.frag)
        fill = 0.0 if is_boolean(mask) else float("-inf")
        return [space.load(mask, space_axes(own, dims), fill)]

    def scores(
        self, b: KernelBuilder, products: SSAValue, tile: SSAValue, mask: Sequence[SSAValue], *, bounds: bool
    ) -> SSAValue:
        """The scores of a tile of keys from the products; `bounds`: some query may not see some key for its place."""
        operands: list[SSAValue] = [*mask]
        steps: list[Step] = [] if self.is_scaled_only else [self._scaled]
        if mask:
            steps.append(_masked)
        if bounds and (found := self._bounds(b)) is not None:
            limits, lows = found
            operands += [b.coord(b.mul(tile, self.keys), 1, self.frag), *limits, *lows]
            steps.append(_bounded(bool(limits), bool(lows)))
        if (rounded := self.problem.anchor.scores) is not None:
            steps.append(lambda s, x, rest: convert(s, convert(s, x, rounded), f32))
        if not steps:
            return products

        def body(s: Emitter, x: SSAValue, *rest: SSAValue) -> list[SSAValue]:
            left = list(rest)
            for step in steps:
                x = step(s, x, left)
            return [x]

        (scores,) = b.map([products, *operands], [self.frag], body)
        scores.name_hint = "scores"
        return scores

    def _scaled(self, s: Emitter, x: SSAValue, rest: list[SSAValue]) -> SSAValue:
        x = s.emit(arith.MulfOp(x, s.constant(self.scale, f32)))
        softcap = self.problem.anchor.softcap
        if softcap is None:
            return x
        cap = softcap.value.data
        # tanh(y) = 1 - 2 / (1 + exp(2 y)), exact to some 1e-7 of the cap.
        power = s.emit(math.Exp2Op(s.emit(arith.MulfOp(x, s.constant(2 * LOG2E / cap, f32))), APPROXIMATE))
        below = s.emit(arith.AddfOp(power, s.constant(1.0, f32)))
        part = s.emit(arith.DivfOp(s.constant(2 * cap, f32), below, APPROXIMATE))
        return s.emit(arith.SubfOp(s.constant(cap, f32), part))

    def _bounds(self, b: KernelBuilder) -> tuple[list[SSAValue], list[SSAValue]] | None:
        """For each row the last key that it sees, and the one before its first, where there are such bounds."""
        anchor, rows = self.problem.anchor, self.frag.rows.with_element(i32)
        own = b.add(self.place.row, offset_of(b, self.problem))
        limits = [] if anchor.causal is None else [b.coord(own, 0, rows)]
        # Where queries and keys end together no query sees past the end.
        ends = anchor.causal is not None and anchor.causal.data is nn.Causal.END
        if hides(self.problem, self.keys) and not ends:
            last = b.cast(b.sub(b.expr(self.problem.keys), 1), i32)
            limits = (
                b.map([limits[0], last], [rows], lambda s, x, y: [s.emit(arith.MinSIOp(x, y))]) if limits else [last]
            )
        lows = [] if anchor.window is None else [b.coord(b.sub(own, anchor.window.value.data), 0, rows)]
        return (limits, lows) if limits or lows else None

    def probabilities(
        self, b: KernelBuilder, scores: SSAValue, state: State, *, only: bool = False
    ) -> tuple[SSAValue, State]:
        """
        exp(score - row maximum), rounded to what is multiplied, and the state in which the output is scaled to the new maximum. `only`:
        there is no other tile, so that the state before does not count.
        """
        rows = self.frag.rows
        (row_max,) = b.map([state.row_max, b.reduce("max", scores)], [rows], _maximum)
        row_max.name_hint = "row_max"
        # One rows fragment less to keep: the maximum enters as what is added to the exponent.
        (shift,) = b.map([row_max], [rows], self._shift)
        probs, narrow = b.map(
            [scores, shift],
            [self.frag, self.frag.with_element(self.problem.element)],
            lambda s, x, m: _both(s, self._power(s, x, m), self.problem),
        )
        probs.name_hint = narrow.name_hint = "probs"
        total = b.reduce("sum", probs)
        if only:
            return narrow, State(row_max, total, state.out)
        (correction,) = b.map([state.row_max, shift], [rows], lambda s, old, m: [self._power(s, old, m)])
        correction.name_hint = "correction"
        (row_sum,) = b.map([state.row_sum, correction, total], [rows], lambda s, x, f, y: [s.emit(math.FmaOp(x, f, y))])
        row_sum.name_hint = "row_sum"
        return narrow, State(row_max, row_sum, [_times(b, piece, correction, "out") for piece in state.out])

    def _shift(self, s: Emitter, row_max: SSAValue) -> list[SSAValue]:
        if not self.is_scaled_only:
            return [s.emit(arith.NegfOp(row_max))]
        return [s.emit(arith.MulfOp(row_max, s.constant(-self.factor, f32)))]

    def _power(self, s: Emitter, x: SSAValue, shift: SSAValue) -> SSAValue:
        factor = s.constant(self.factor, f32)
        if self.is_scaled_only:
            return s.emit(math.Exp2Op(s.emit(math.FmaOp(x, factor, shift)), APPROXIMATE))
        return s.emit(math.Exp2Op(s.emit(arith.MulfOp(s.emit(arith.AddfOp(x, shift)), factor)), APPROXIMATE))

    def finish(self, b: KernelBuilder, state: State) -> list[SSAValue]:
        """The output, divided by the row sums."""

        def inverse(s: Emitter, total: SSAValue) -> list[SSAValue]:
            quotient = s.emit(arith.DivfOp(s.constant(1.0, f32), total))
            if self.problem.anchor.zero_masked is None:
                return [quotient]
            none = s.emit(arith.CmpfOp(total, s.constant(0.0, f32), "oeq"))
            return [s.emit(arith.SelectOp(none, s.constant(0.0, f32), quotient))]

        (scale,) = b.map([state.row_sum], [self.frag.rows], inverse)
        return [_times(b, piece, scale, "out") for piece in state.out]


Step = Callable[[Emitter, SSAValue, list[SSAValue]], SSAValue]
"""One step of what becomes of a score, which takes its operands off the front of a list."""


def _maximum(s: Emitter, x: SSAValue, y: SSAValue) -> list[SSAValue]:
    return [s.emit(arith.MaximumfOp(x, y))]


def _both(s: Emitter, x: SSAValue, problem: AttentionProblem) -> list[SSAValue]:
    return [x, convert(s, x, problem.element)]


def _masked(s: Emitter, x: SSAValue, rest: list[SSAValue]) -> SSAValue:
    mask = rest.pop(0)
    if mask.type == i1:
        return s.emit(arith.SelectOp(mask, x, s.constant(float("-inf"), f32)))
    return s.emit(arith.AddfOp(x, convert(s, mask, f32)))


def _bounded(limited: bool, windowed: bool) -> Step:
    def step(s: Emitter, x: SSAValue, rest: list[SSAValue]) -> SSAValue:
        column = rest.pop(0)
        seen = [s.emit(arith.CmpiOp(column, rest.pop(0), "sle"))] if limited else []
        seen += [s.emit(arith.CmpiOp(column, rest.pop(0), "sgt"))] if windowed else []
        inside = seen[0] if len(seen) == 1 else s.emit(arith.AndIOp(seen[0], seen[1]))
        return s.emit(arith.SelectOp(inside, x, s.constant(float("-inf"), f32)))

    return step


def _times(b: KernelBuilder, piece: SSAValue, rows: SSAValue, name: str) -> SSAValue:
    """Each row of a fragment times its factor, whose fragment may be that of other columns."""
    type_ = piece.type
    assert isinstance(type_, FragType)
    if rows.type != type_.rows:
        rows = b.emit(ConvertLayoutOp(rows, type_.rows))
    (made,) = b.map([piece, rows], [type_], lambda s, x, f: [s.emit(arith.MulfOp(x, f))])
    made.name_hint = name
    return made
