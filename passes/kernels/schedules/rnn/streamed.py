"""
Schedule `rnn_streamed`: recurrences of any size and type, a team of blocks for each batch tile and direction.

A block walks its tiles of units in every step. It reads h and the recurrent weights through L1 and L2 straight into fragments, whatever
their number, and keeps states in global memory, so that nothing limits the sizes; one block alone needs no other to run at once. The other
schedules are faster where they match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr, as_expr, ceildiv
from .....dialects.kernel.types import Choice, FragType, GlobalType, Target, bitwidth
from ...building.builder import Index, KernelBuilder, named
from ...building.group import Anchors, GroupView
from ...building.schedule import Refusal, choice_of
from ...building.work import ISSUE, Work, cut, usual_bytes
from ..gemm.mma import Layouts, layouts_for
from ..gemm.tiles import FMA, Tile
from .problem import RnnProblem, rnn_of
from .quantized import QUANTIZE_INSTRUCTIONS, integers, spread, step_and_zero
from .steps import Cells, State, exchange_types
from .team import CELL_WAITS, LARGEST_CLUSTER, WAITS, Team, first_turn, teams_of

NAME = "rnn_streamed"
CELL_INSTRUCTIONS = 120.0
"""Per unit of one sequence and step: activations, loads and stores."""
LOAD_INSTRUCTIONS = 3.0
"""Per register of a fragment that comes straight from memory."""


@dataclass(frozen=True)
class RnnStreamed:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.RnnOp,),)

    def match(self, view: GroupView, target: Target) -> RnnProblem | Refusal:
        return rnn_of(view)

    def configs(self, problem: RnnProblem, target: Target) -> list[Choice]:
        if problem.kind in FMA:
            shapes = [(8, 32, 1, 2), (8, 64, 1, 4), (32, 32, 2, 4)]
        else:
            shapes = [(16, 32, 1, 4), (16, 64, 1, 8), (32, 32, 2, 4)]
        return [
            choice_of(
                self, problem, {"rows": m, "units": n, "wm": wm, "wn": wn, "blocks": t.blocks, "meeting": t.meeting}
            )
            for m, n, wm, wn in shapes
            for t in self._teams(problem, m, n, target)
        ]

    def _teams(self, problem: RnnProblem, rows: int, units: int, target: Target) -> list[Team]:
        """A block alone, and as many as there are tiles of units, or as can run at once."""
        teams = _teams(problem, rows)
        tiles, most = cut(problem.units, units), problem.group.upper(teams)
        room = target.sms.data // most if most else 1
        counts = dict.fromkeys((1, min(tiles, LARGEST_CLUSTER), max(1, min(tiles, room))))
        return [team for blocks in counts for team in teams_of(blocks, teams, most, target)]

    def workspace(self, problem: RnnProblem, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        dims = [1, problem.directions, problem.anchor.batch, problem.units]
        kept = 1 + problem.is_lstm + problem.resets_before
        team = Team(int(tunables["blocks"]), str(tunables["meeting"]), _teams(problem, int(tunables["rows"])))
        return [*exchange_types(problem), *(GlobalType.of(dims, problem.wide) for _ in range(kept)), *team.counters]

    def work(self, problem: RnnProblem, config: Choice, target: Target) -> list[Work]:
        """A step for each block of columns of each product."""
        group, tile, team = problem.group, _tile(config), _team(problem, config)
        layouts = layouts_for(problem.kind, tile)
        units, batch, steps = (
            problem.units,
            max(1, group.usual(problem.anchor.batch)),
            group.usual(problem.anchor.steps),
        )
        size = bitwidth(problem.element) // 8
        turns, products = cut(cut(units, tile.bn), team.blocks), cut(units, layouts.k_step)
        loaded = (tile.bm + problem.gates * tile.bn) * layouts.k_step
        quantizing = tile.bm * layouts.k_step * QUANTIZE_INSTRUCTIONS * problem.quantized
        return [
            *team.first_work(group),
            Work(
                blocks=cut(batch, tile.bm) * problem.directions * team.blocks,
                threads=tile.threads,
                registers=128,
                steps=max(1, steps)
                * (turns * products + round(len(problem.phases) * (WAITS[team.meeting] + CELL_WAITS))),
                ahead=2.0,
                operations={
                    f"mma_{problem.kind}": problem.gates * tile.bm * tile.bn * layouts.k_step,
                    ISSUE: loaded * LOAD_INSTRUCTIONS + quantizing + CELL_INSTRUCTIONS * tile.bm * tile.bn / products,
                },
                l2_bytes=loaded * size,
                dram_bytes=sum(usual_bytes(group)),
            ),
        ]

    def lower(self, problem: RnnProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        team, workspace = _team(problem, config), self.workspace(problem, config.values)
        launches = team.first_launch(problem.group, workspace)
        name = problem.group.name + (f"_stage{len(launches)}" if launches else "")
        return [*launches, _Kernel(problem, _tile(config), team, workspace, name).build()]


def _tile(config: Choice) -> Tile:
    rows, units, wm, wn = (int(config.values[key]) for key in ("rows", "units", "wm", "wn"))
    return Tile(rows, units, 0, wm, wn, 1)


def _teams(problem: RnnProblem, rows: int) -> Expr:
    return ceildiv(problem.anchor.batch, rows) * problem.directions


def _team(problem: RnnProblem, config: Choice) -> Team:
    values = config.values
    return Team(int(values["blocks"]), str(values["meeting"]), _teams(problem, int(values["rows"])))


class _Kernel:
    """Builds the kernel."""

    def __init__(self, problem: RnnProblem, tile: Tile, team: Team, workspace: Sequence[GlobalType], name: str):
        self.problem, self.tile, self.team = problem, tile, team
        self.layouts: Layouts = layouts_for(problem.kind, tile)
        self.frag = FragType.of((tile.bm, tile.bn), problem.wide, self.layouts.acc)
        rows = ceildiv(problem.anchor.batch, tile.bm)
        b = self.b = KernelBuilder.for_group(
            problem.group, [team.blocks, rows, as_expr(problem.directions)], tile.wm * tile.wn, name=name, workspace=workspace,
            cluster=team.cluster, min_blocks=1,
        )  # fmt: skip
        self.number = b.add(b.mul(b.coords[2], b.expr(rows)), b.coords[1])
        row = named(b.mul(b.coords[1], tile.bm), "row")
        self.cells = Cells(problem, b, self.frag, row, b.coords[2])
        self.weights = problem.weights(b)
        self.ranges: SSAValue | None = None
        """Where h is quantized: the step and the zero point of each row."""
        if problem.quantized:
            self.ranges = b.alloc((tile.bm, 2), problem.wide, name="ranges")
        first = len(problem.group.tensors) + 1 + problem.resets_before
        count = 1 + problem.is_lstm + problem.resets_before
        self.kept = [self.cells.between(b, first + number) for number in range(count)]
        """h, c of an LSTM, and z between the halves of a step."""

    def build(self) -> kernel.FuncOp:
        b, cells = self.b, self.cells
        self._units(b, self._start)
        self.team.meet(b, self.number, 0)

        def step(b: KernelBuilder, number: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            halves = (self._reset, self._candidate) if self.problem.resets_before else (self._advance,)
            if self.ranges is not None:
                self._find_ranges(b, b.rem(number, 2), self.ranges)
            for turn, half in enumerate(halves):
                self._units(b, lambda b, unit, half=half: half(b, number, unit))
                self.team.meet(b, self.number, b.add(first_turn(b, number, len(halves)), turn))
            return []

        b.loop(0, cells.steps, 1, [], step, "step")
        if self.problem.anchor.without_last is None:
            self._units(b, lambda b, unit: cells.finish(b, self._state(b, unit), unit))
        return b.finish()

    def _units(self, b: KernelBuilder, body: object) -> None:
        """A loop over the block's tiles of units, as many for each block."""

        def one(b: KernelBuilder, first: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            body(b, b.add(first, b.mul(self.b.coords[0], self.tile.bn)) if self.team.blocks > 1 else first)  # type: ignore[operator]
            return []

        b.loop(0, self.problem.units, self.tile.bn * self.team.blocks, [], one, "unit")

    # States in memory.

    def _state(self, b: KernelBuilder, unit: Index) -> State:
        count = 2 if self.problem.is_lstm else 1
        return State.of([self._kept(b, view, unit) for view in self.kept[:count]])

    def _kept(self, b: KernelBuilder, view: SSAValue, unit: Index) -> SSAValue:
        return self.cells.load(b, view, [0, self.cells.direction], unit)

    def _keep(self, b: KernelBuilder, state: State, unit: Index) -> None:
        for value, view in zip(state.values, self.kept, strict=False):
            self.cells.store(b, value, view, [0, self.cells.direction], unit)

    # The parts of a step.

    def _start(self, b: KernelBuilder, unit: SSAValue) -> None:
        state = self.cells.initial(b, unit)
        self._keep(b, state, unit)
        self.cells.exchange(b, state.h, 0, 0, unit)

    def _advance(self, b: KernelBuilder, step: SSAValue, unit: SSAValue) -> None:
        gates = range(self.problem.gates)
        products = self._multiply(b, self.cells.exchanged[0], b.rem(step, 2), unit, gates)
        inputs = self.cells.inputs_at(b, step, unit, gates)
        constants = self.cells.constants(b, unit)
        state, row = self.cells.advance(b, step, unit, inputs, products, self._state(b, unit), constants)
        self.cells.write(b, step, unit, row)
        self._keep(b, state, unit)

    def _reset(self, b: KernelBuilder, step: SSAValue, unit: SSAValue) -> None:
        products = self._multiply(b, self.cells.exchanged[0], b.rem(step, 2), unit, range(2))
        inputs = self.cells.inputs_at(b, step, unit, range(2))
        z = self.cells.reset_gates(b, unit, inputs, products, self._state(b, unit).h)
        self.cells.store(b, z, self.kept[-1], [0, self.cells.direction], unit)

    def _candidate(self, b: KernelBuilder, step: SSAValue, unit: SSAValue) -> None:
        products = self._multiply(b, self.cells.exchanged[1], 0, unit, range(2, 3))
        inputs = self.cells.inputs_at(b, step, unit, range(2, 3))
        z = self._kept(b, self.kept[-1], unit)
        state, row = self.cells.candidate(b, step, unit, inputs, products, z, self._state(b, unit).h)
        self.cells.write(b, step, unit, row)
        self._keep(b, state, unit)

    def _find_ranges(self, b: KernelBuilder, slot: Index, ranges: SSAValue) -> None:
        cells, tile = self.cells, self.tile
        type_ = spread(tile.bm, 128, self.problem.wide, tile.threads)
        found = step_and_zero(b, cells.exchanged[0], [slot, cells.direction, cells.row], self.problem.units, type_)
        for column, value in enumerate(found):
            b.insert(kernel.StoreSharedOp(value, ranges, b.index(0), b.index(column)))
        b.insert(kernel.BarrierOp())

    def _range(self, b: KernelBuilder, column: int, like: FragType) -> SSAValue:
        """The step (0) or the zero point (1) of each row of a fragment."""
        assert self.ranges is not None
        type_ = like.with_element(self.problem.wide).rows
        return b.emit(kernel.LoadSharedOp(self.ranges, b.index(0), b.index(column), type_))

    def _multiply(self, b: KernelBuilder, source: SSAValue, slot: Index, unit: Index, gates: range) -> list[SSAValue]:
        """h R^T of the gates, one accumulator for each."""
        width, element, d = self.layouts.k_step, self.problem.element, self.cells.direction
        quantized = self.problem.quantized
        a_type = FragType.of((self.tile.bm, width), element, self.layouts.a)
        b_type = FragType.of((self.tile.bn, width), element, self.layouts.b)
        marks = (self._range(b, 0, a_type), self._range(b, 1, a_type)) if quantized else None

        def one(b: KernelBuilder, column: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
            h = b.load(source, [slot, d, self.cells.row, column], a_type)
            if marks is not None:
                h = integers(b, h, *marks, element)
            rows = [b.load(self.weights, [d, gate, unit, column], b_type) for gate in gates]
            return [b.emit(kernel.MmaOp(h, r, acc)) for r, acc in zip(rows, sums, strict=True)]

        zeros = [b.fill(0.0, self.frag) for _ in gates]
        sums = b.loop(0, self.problem.units, width, zeros, one, "k")
        if not quantized:
            return sums
        return self.cells.scaled(b, sums, self._range(b, 0, self.frag), self.cells.scales_at(b, unit))


SCHEDULE = RnnStreamed()
