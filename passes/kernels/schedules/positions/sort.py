"""
Schedule `sort`: nn.argsort. The first launch orders chunks of each line, every further one merges pairs of ordered runs.

- In a chunk an element's place is the number of elements that come before it, which its thread counts.
- In a merge it is the place in the own run plus the number of elements of the other run that come before it, by binary search.

All threads work at once and write positions to where they belong; equal elements keep their order since the run to the left comes first.
Positions go back and forth between the result and a workspace, and end in the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import i1, i32
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dtypes import is_float
from .....dialects.kernel.types import Choice, GlobalType, Target
from ...building.builder import Emitter
from ...building.group import Anchors, GroupView
from ...building.pointwise import add, convert, select, sub
from ...building.schedule import Refusal, choice_of
from ...building.work import Work, usual_bytes
from .lines import LineProblem, Lines, Place, match, repeat

NAME = "sort"
_COMPARE = 12.0
"""Instructions of one comparison: an address, two loads, and the order of NaN."""


@dataclass(frozen=True)
class Sort:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.ArgsortOp,),)
    reads_again = True

    def match(self, view: GroupView, target: Target) -> LineProblem | Refusal:
        return match(view, nn.ArgsortOp)

    def configs(self, problem: LineProblem, target: Target) -> list[Choice]:
        return [choice_of(self, problem, {"chunk": chunk}) for chunk in (32, 128, 512)]

    def workspace(self, problem: LineProblem, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        return [GlobalType.of(problem.dims, i32)] if _merges(problem, int(tunables["chunk"])) else []

    def work(self, problem: LineProblem, config: Choice, target: Target) -> list[Work]:
        chunk, moved = int(config.values["chunk"]), float(sum(usual_bytes(problem.group)))
        counted = min(chunk, problem.group.usual(problem.extent))
        first = problem.work(_COMPARE * max(1, counted), moved)
        return [first, *(problem.work(_COMPARE * 2 * run.bit_length(), moved) for run in _merges(problem, chunk))]

    def lower(self, problem: LineProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        chunk = int(config.values["chunk"])
        workspace = self.workspace(problem, config.values)
        merges = _merges(problem, chunk)
        result, spare = 1, 2
        to = result if len(merges) % 2 == 0 else spare
        launches = [_order_chunks(Lines(problem, 0, workspace), chunk, to)]
        for number, run in enumerate(merges, 1):
            source, to = to, spare if to == result else result
            launches.append(_merge(Lines(problem, number, workspace), run, source, to))
        return launches


def _merges(problem: LineProblem, chunk: int) -> list[int]:
    """The lengths of the runs that each launch after the first merges in pairs."""
    runs: list[int] = []
    while chunk < problem.longest:
        runs.append(chunk)
        chunk *= 2
    return runs


def _before(lines: Lines, s: Emitter, a: SSAValue, b: SSAValue) -> SSAValue:
    """Whether a comes before b whatever their positions."""
    anchor = lines.problem.anchor
    assert isinstance(anchor, nn.ArgsortOp)
    if anchor.descending is not None:
        a, b = b, a
    if not is_float(a.type):
        return s.emit(arith.CmpiOp(a, b, "ult" if a.type == i1 else "slt"))
    nan, number = s.emit(arith.CmpfOp(b, b, "uno")), s.emit(arith.CmpfOp(a, a, "oeq"))
    return s.emit(arith.OrIOp(s.emit(arith.CmpfOp(a, b, "olt")), s.emit(arith.AndIOp(nan, number))))


def _not(s: Emitter, x: SSAValue) -> SSAValue:
    return s.emit(arith.XOrIOp(x, s.constant(1, i1)))


def _order_chunks(lines: Lines, chunk: int, to: int) -> kernel.FuncOp:
    """Each element's place in its chunk: the number of those before it."""
    x = lines.table(0)

    def body(lines: Lines, s: Emitter, place: Place) -> Sequence[SSAValue]:
        key = lines.fetch(s, x, place.flat)
        start = sub(s, place.position, s.emit(arith.RemSIOp(place.position, s.constant(chunk, i32))))

        def count(s: Emitter, turn: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            other = add(s, start, turn)
            inside = s.emit(arith.CmpiOp(other, lines.extent, "slt"))
            its = lines.fetch(s, x, lines.number(s, place, other, inside))
            earlier = s.emit(arith.CmpiOp(other, place.position, "slt"))
            equal = s.emit(arith.AndIOp(earlier, _not(s, _before(lines, s, key, its))))
            first = s.emit(arith.OrIOp(_before(lines, s, its, key), equal))
            return [add(s, carried[0], convert(s, s.emit(arith.AndIOp(inside, first)), i32))]

        (rank,) = repeat(s, min(chunk, max(1, lines.problem.longest)), [s.constant(0, i32)], count)
        return [place.position, lines.number(s, place, add(s, start, rank), lines.exists(s, place))]

    positions, numbers = lines.map([i32, i32], body)
    lines.scatter(positions, to, numbers)
    return lines.finish()


def _merge(lines: Lines, run: int, source: int, to: int) -> kernel.FuncOp:
    """Each element's place in a pair of runs of `run` elements."""
    x, order = lines.table(0), lines.table(source)

    def body(lines: Lines, s: Emitter, place: Place) -> Sequence[SSAValue]:
        zero, half = s.constant(0, i32), s.constant(run, i32)
        within = s.emit(arith.RemSIOp(place.position, s.constant(2 * run, i32)))
        pair = sub(s, place.position, within)
        left = s.emit(arith.CmpiOp(within, half, "slt"))
        other = add(s, pair, select(s, left, half, zero))
        length = s.emit(arith.MinSIOp(s.emit(arith.MaxSIOp(sub(s, lines.extent, other), zero)), half))
        position = lines.fetch(s, order, select(s, lines.exists(s, place), place.flat, s.constant(-1, i32)))
        key = lines.fetch(s, x, lines.number(s, place, position))

        def halve(s: Emitter, turn: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            low, high = carried
            open_ = s.emit(arith.CmpiOp(low, high, "slt"))
            middle = s.emit(arith.ShRSIOp(add(s, low, high), s.constant(1, i32)))
            at = lines.fetch(s, order, lines.number(s, place, add(s, other, middle), open_))
            its = lines.fetch(s, x, lines.number(s, place, at, open_))
            first = select(s, left, _before(lines, s, its, key), _not(s, _before(lines, s, key, its)))
            up = s.emit(arith.AndIOp(open_, first))
            down = s.emit(arith.AndIOp(open_, _not(s, first)))
            return [select(s, up, add(s, middle, s.constant(1, i32)), low), select(s, down, middle, high)]

        before, _ = repeat(s, run.bit_length(), [zero, length], halve)
        own = sub(s, within, select(s, left, zero, half))
        target = add(s, pair, add(s, own, before))
        return [position, lines.number(s, place, target, lines.exists(s, place))]

    positions, numbers = lines.map([i32, i32], body)
    lines.scatter(positions, to, numbers)
    return lines.finish()


SCHEDULE = Sort()
