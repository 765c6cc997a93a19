"""
Schedule `scan`: nn.cumulative. Each launch combines, for every element, the results of the launch before at `RADIX` places that are
`RADIX ** launch` apart, so that after launch s an element holds the combination of `RADIX ** (s + 1)` elements: 4 launches for a million.

Neighbouring threads read neighbouring elements whatever the axis, and no block waits for another. The results between launches are kept in
the type of the accumulation. The order of the operations depends on the extent alone: equal inputs give equal bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import i8, i32
from xdsl.ir import Attribute, SSAValue

from .....dialects import kernel, nn
from .....dialects.dtypes import i16, is_float, ui8
from .....dialects.kernel.types import Choice, GlobalType, Target
from ...building.builder import Emitter
from ...building.group import Anchors, GroupView
from ...building.pointwise import add, compute_type, convert, mul, select, sub
from ...building.schedule import Refusal, choice_of
from ...building.work import Work, usual_bytes
from .lines import LineProblem, Lines, Place, match, repeat

NAME = "scan"
RADIX = 32
_TERM = 8.0
"""Instructions of one term: an address, a load, the combination."""


@dataclass(frozen=True)
class Scan:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.CumulativeOp,),)

    def match(self, view: GroupView, target: Target) -> LineProblem | Refusal:
        return match(view, nn.CumulativeOp)

    def configs(self, problem: LineProblem, target: Target) -> list[Choice]:
        return [choice_of(self, problem, {"radix": RADIX})]

    def workspace(self, problem: LineProblem, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        between = min(2, _launches(problem) - 1)
        return [GlobalType.of(problem.dims, _wide(problem))] * between

    def work(self, problem: LineProblem, config: Choice, target: Target) -> list[Work]:
        terms = min(RADIX, max(1, problem.group.usual(problem.extent)))
        moved = float(sum(usual_bytes(problem.group)))
        return [problem.work(_TERM * terms, moved)] * _launches(problem)

    def lower(self, problem: LineProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        workspace, count = self.workspace(problem, config.values), _launches(problem)
        launches: list[kernel.FuncOp] = []
        source = 0
        for number in range(count):
            to = 1 if number == count - 1 else 2 + number % 2
            launches.append(_combine(Lines(problem, number, workspace), number, source, to))
            source = to
        return launches


def _launches(problem: LineProblem) -> int:
    count, covered = 1, RADIX
    while covered < problem.longest:
        count, covered = count + 1, covered * RADIX
    return count


def _wide(problem: LineProblem) -> Attribute:
    """The type of the accumulation."""
    element = nn.element_of(problem.anchor.x)
    return i32 if element in (i8, ui8, i16) else compute_type(element)


def _combine(lines: Lines, number: int, source: int, to: int) -> kernel.FuncOp:
    """The combination of `RADIX` elements before each one, `RADIX ** number` apart."""
    anchor, wide, step = lines.problem.anchor, _wide(lines.problem), RADIX**number
    assert isinstance(anchor, nn.CumulativeOp)
    is_sum, table = anchor.kind.data == nn.CumulativeKind.SUM, lines.table(source)
    skipped = 1 if anchor.exclusive is not None and not number else 0
    turns = min(RADIX, max(1, -(-lines.problem.longest // step)))
    nothing = 1.0 if not is_sum else -0.0 if is_float(wide) else 0.0  # -0 is what a sum of zeros keeps its sign with

    def body(lines: Lines, s: Emitter, place: Place) -> Sequence[SSAValue]:
        def term(s: Emitter, turn: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            away = mul(s, add(s, turn, s.constant(skipped, i32)), s.constant(step, i32))
            other = (add if anchor.reverse is not None else sub)(s, place.position, away)
            inside = s.emit(arith.CmpiOp(other, lines.extent, "ult"))
            value = lines.fetch(s, table, lines.number(s, place, other, inside), nothing)
            return [(add if is_sum else mul)(s, carried[0], convert(s, value, wide))]

        start = s.constant(nothing if is_float(wide) else int(nothing), wide)
        if skipped and is_sum and is_float(wide):
            first = s.constant(0, i32) if anchor.reverse is None else sub(s, lines.extent, s.constant(1, i32))
            start = select(s, s.emit(arith.CmpiOp(place.position, first, "eq")), s.constant(0.0, wide), start)
        (total,) = repeat(s, turns, [start], term)
        return [convert(s, total, nn.element_of(anchor.result) if to == 1 else wide)]

    (values,) = lines.map([nn.element_of(anchor.result) if to == 1 else wide], body)
    lines.store(values, to)
    return lines.finish()


SCHEDULE = Scan()
