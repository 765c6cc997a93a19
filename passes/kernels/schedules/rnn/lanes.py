"""
Schedule `rnn_lanes`: recurrences of few sequences, the recurrent weights in the registers of a team of blocks for the whole sequence.

A warp owns one or a few units with all their gates. Its lanes share the columns of R: each reads its part of h, which the team exchanges
through L2, multiplies it by the weights that it holds, and shuffles sum the products, in f32. Then all lanes compute the cell of the unit,
and one writes. A step moves nothing but h, so that its time is that of one meeting, one trip to L2 and the sums. Sequences are taken
`rows` at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from xdsl.dialects.builtin import f64
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import as_expr
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import Choice, FragType, GlobalType, Target, bitwidth
from ...building.builder import Emitter, Index, KernelBuilder, named
from ...building.group import Anchors, GroupView
from ...building.pointwise import convert, mul
from ...building.schedule import Refusal, choice_of
from ...building.tiling import VECTOR_BYTES
from ...building.work import ISSUE, Work, cut, usual_bytes
from .problem import RnnProblem, rnn_of
from .quantized import QUANTIZE_INSTRUCTIONS, quantize
from .steps import Cells, State, exchange_types
from .streamed import CELL_INSTRUCTIONS
from .team import CELL_WAITS, WAITS, Team, first_turn, teams_of

NAME = "rnn_lanes"
LANES = 32
WARPS = (4, 8, 9, 10, 12, 16)
"""Warps of a block that holds the weights of as many units at least."""
WORKING = 60
"""Registers of a thread beside its weights."""


QUANTIZED_WORKING = 70
"""The same where states are quantized, without the sums of the products."""


def most_weights(warps: int, bits: int) -> int:
    """The weights that a thread of a block of so many warps can hold in its registers."""
    return _free(warps, WORKING) * 32 // max(16, bits)


def _free(warps: int, working: int) -> int:
    """Registers of a thread for weights."""
    return min(255, 65536 // (LANES * warps) // 8 * 8) - working


@dataclass(frozen=True)
class LanesTile:
    """`warps` per block with `per_warp` units each, `vector` neighbouring columns of a lane, `rows` sequences at a time, `blocks` of a
    team and how they meet, and whether both directions are one launch."""

    warps: int
    per_warp: int
    vector: int
    rows: int
    blocks: int
    meeting: str
    together: int

    @classmethod
    def of(cls, choice: Choice) -> LanesTile:
        values = choice.values
        warps, per_warp, vector, rows, blocks, together = (
            int(values[key]) for key in ("warps", "per_warp", "vector", "rows", "blocks", "together")
        )
        return cls(warps, per_warp, vector, rows, blocks, str(values["meeting"]), together)

    @property
    def units(self) -> int:
        return self.warps * self.per_warp

    def width(self, problem: RnnProblem) -> int:
        """Columns of the weights with what fills them up."""
        return cut(problem.units, LANES * self.vector) * LANES * self.vector

    def team(self, problem: RnnProblem) -> Team:
        return Team(self.blocks, self.meeting, problem.directions)


@dataclass(frozen=True)
class RnnLanes:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.RnnOp,),)

    def match(self, view: GroupView, target: Target) -> RnnProblem | Refusal:
        problem = rnn_of(view)
        if isinstance(problem, Refusal):
            return problem
        if problem.wide == f64:
            return Refusal("expected states that shuffles move, of 32 bits, got f64", problem.anchor)
        if not self._tiles(problem, target):
            why = (
                f"expected recurrent weights that fit the registers of {target.sms.data} SMs, got {problem.units} units"
            )
            return Refusal(why, problem.anchor)
        return problem

    def _tiles(self, problem: RnnProblem, target: Target) -> list[LanesTile]:
        vector = VECTOR_BYTES * 8 // bitwidth(problem.element)
        while vector > 1 and LANES * vector > problem.units:
            vector //= 2
        rows = 1 if problem.anchor.batch.as_int() == 1 else 2
        best: dict[tuple[int, str, int], LanesTile] = {}
        for warps in WARPS:
            for per_warp in (1, 2, 4, 8):
                tile = LanesTile(warps, per_warp, vector, rows, 1, "block", 1)
                if not _holds(problem, tile):
                    break
                for team, together in _teams(problem, cut(problem.units, tile.units), target):
                    # Of tiles for equally many blocks the one whose threads hold the fewest weights.
                    known = best.get((team.blocks, team.meeting, together))
                    if known is None or per_warp < known.per_warp:
                        made = replace(tile, blocks=team.blocks, meeting=team.meeting, together=together)
                        best[team.blocks, team.meeting, together] = made
        return list(best.values())

    def configs(self, problem: RnnProblem, target: Target) -> list[Choice]:
        return [choice_of(self, problem, asdict(tile)) for tile in self._tiles(problem, target)]

    def workspace(self, problem: RnnProblem, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        dims = [1, problem.directions, problem.anchor.batch, problem.units]
        kept = 1 + problem.is_lstm + problem.resets_before
        team = Team(int(tunables["blocks"]), str(tunables["meeting"]), problem.directions)
        return [*exchange_types(problem), *(GlobalType.of(dims, problem.wide) for _ in range(kept)), *team.counters]

    def work(self, problem: RnnProblem, config: Choice, target: Target) -> list[Work]:
        """A step for each product of a step of the sequence, with the waits that it depends on."""
        group, tile = problem.group, LanesTile.of(config)
        team, width = tile.team(problem), tile.width(problem)
        batch, steps = max(1, group.usual(problem.anchor.batch)), max(1, group.usual(problem.anchor.steps))
        turns = cut(batch, tile.rows)
        phases = len(problem.phases)
        weights = problem.gates * tile.per_warp * width / LANES
        per_thread = weights + width / LANES / tile.vector * 4 + problem.gates * tile.per_warp * 10 + CELL_INSTRUCTIONS
        per_thread += problem.quantized * width / LANES * QUANTIZE_INSTRUCTIONS
        launch = Work(
            blocks=team.blocks * (problem.directions if tile.together else 1),
            threads=LANES * tile.warps,
            registers=min(255, int(weights * bitwidth(problem.element) / 32) + 64),
            steps=steps * phases,
            latency=WAITS[tile.meeting] + CELL_WAITS * turns,
            operations={ISSUE: LANES * tile.warps * per_thread * batch / phases},
            l2_bytes=batch * width * bitwidth(problem.exchanged) / 8 * tile.warps,
            dram_bytes=sum(usual_bytes(group)),
            whole_waves=True,
        )
        return [*team.first_work(group), *([launch] * (1 if tile.together else problem.directions))]

    def lower(self, problem: RnnProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        tile, workspace = LanesTile.of(config), self.workspace(problem, config.values)
        launches = tile.team(problem).first_launch(problem.group, workspace)
        for direction in [None] if tile.together else range(problem.directions):
            name = problem.group.name + (f"_stage{len(launches)}" if launches else "")
            launches.append(_Kernel(problem, tile, workspace, name, direction).build())
        return launches


def _holds(problem: RnnProblem, tile: LanesTile) -> bool:
    """Whether the threads of a block hold its weights; where states are quantized, ptxas keeps weights widened to 32 bits."""
    weights = problem.gates * tile.per_warp * tile.width(problem) // LANES
    if problem.quantized:
        return weights <= _free(tile.warps, QUANTIZED_WORKING + problem.gates * tile.per_warp * tile.rows)
    return weights <= most_weights(tile.warps, bitwidth(problem.element))


def _teams(problem: RnnProblem, blocks: int, target: Target) -> list[tuple[Team, int]]:
    """How so many blocks can meet, and whether both directions are one launch, which takes twice as many that run at once."""
    together = [(team, 1) for team in teams_of(blocks, problem.directions, problem.directions, target)]
    if problem.directions > 1 and blocks * problem.directions > target.sms.data:
        return [*together, *((team, 0) for team in teams_of(blocks, 1, 1, target))]
    return together


class _Kernel:
    """Builds one launch: all directions, or one."""

    def __init__(
        self, problem: RnnProblem, tile: LanesTile, workspace: Sequence[GlobalType], name: str, direction: int | None
    ):
        self.problem, self.tile, self.team = problem, tile, tile.team(problem)
        grid = [tile.blocks, 1, as_expr(problem.directions if direction is None else 1)]
        b = self.b = KernelBuilder.for_group(
            problem.group, grid, tile.warps, name=name, workspace=workspace, cluster=self.team.cluster, min_blocks=1
        )
        self.direction = b.coords[2] if direction is None else b.index(direction)
        self.unit = named(b.mul(b.coords[0], tile.units), "unit")
        width = tile.width(problem)
        layout = Blocked.of(tile.warps, LANES, 1, tile.vector)
        self.products = FragType.of((tile.units, width), problem.wide, layout)
        self.weights_type = FragType.of((tile.units, width), problem.element, layout)
        self.first = len(problem.group.tensors)
        self.kept = 1 + problem.resets_before
        """The workspace from which on states are kept: h, c of an LSTM, z between the halves of a step."""
        self.states = 2 if problem.is_lstm else 1
        self.single = problem.anchor.batch.as_int() == 1
        self.rows: list[tuple[Cells, Index, SSAValue]] = []

    def build(self) -> kernel.FuncOp:
        b, problem = self.b, self.problem
        view = problem.weights(b)
        self.weights = [
            b.load(view, [self.direction, gate, self.unit, 0], self.weights_type) for gate in range(problem.gates)
        ]
        self._sequences(b, self._start)
        self.team.meet(b, self.direction, 0)
        halves = (self._reset, self._candidate) if problem.resets_before else (self._advance,)

        def step(b: KernelBuilder, number: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            for half, run in enumerate(halves):
                self._sequences(b, lambda b, cells, run=run: run(b, number, cells))
                self.team.meet(b, self.direction, b.add(first_turn(b, number, len(halves)), half))
            self._write_rows(b)
            return []

        b.loop(0, b.expr(problem.anchor.steps), 1, [], step, "step")
        if problem.anchor.without_last is None:
            self._sequences(b, self._finish)
        return b.finish()

    def _sequences(self, b: KernelBuilder, body: object) -> None:
        """A loop over the sequences, `rows` at a time."""

        def some(b: KernelBuilder, first: Index, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            rows = [b.add(first, number) for number in range(self.tile.rows)]
            body(b, [Cells(self.problem, b, self.products.rows, row, self.direction) for row in rows])  # type: ignore[operator]
            if not self.single:
                self._write_rows(b)
            return []

        if self.single:
            some(b, 0, [])
        else:
            b.loop(0, b.expr(self.problem.anchor.batch), self.tile.rows, [], some, "sequence")

    def _write_rows(self, b: KernelBuilder) -> None:
        """What steps have computed of the result; of one sequence after the team has met, which waits for all that was written before."""
        for cells, step, row in self.rows:
            cells.write(b, step, self.unit, row)
        self.rows.clear()

    # States in memory: all lanes of a warp read what one of them wrote.

    def _kept(self, b: KernelBuilder, cells: Cells, number: int) -> SSAValue:
        return cells.load(b, cells.between(b, self.first + self.kept + number), [0, self.direction], self.unit)

    def _state(self, b: KernelBuilder, cells: Cells) -> State:
        return State.of([self._kept(b, cells, number) for number in range(self.states)])

    def _keep(self, b: KernelBuilder, cells: Cells, number: int, value: SSAValue) -> None:
        cells.store(b, value, cells.between(b, self.first + self.kept + number), [0, self.direction], self.unit)

    def _keep_state(self, b: KernelBuilder, cells: Cells, state: State) -> None:
        for number, value in enumerate(state.values):
            self._keep(b, cells, number, value)

    # The parts of a step, for a few sequences: everything is read before anything is written, so that loads overlap.

    def _start(self, b: KernelBuilder, some: Sequence[Cells]) -> None:
        for cells, state in [(cells, cells.initial(b, self.unit)) for cells in some]:
            self._keep_state(b, cells, state)
            cells.exchange(b, state.h, 0, 0, self.unit)

    def _finish(self, b: KernelBuilder, some: Sequence[Cells]) -> None:
        for cells, state in [(cells, self._state(b, cells)) for cells in some]:
            cells.finish(b, state, self.unit)

    def _advance(self, b: KernelBuilder, step: SSAValue, some: Sequence[Cells]) -> None:
        gates = range(self.problem.gates)
        read = [
            (
                cells.inputs_at(b, step, self.unit, gates),
                self._state(b, cells),
                self._multiply(b, cells, 0, b.rem(step, 2), gates),
            )
            for cells in some
        ]
        for cells, (inputs, state, products) in zip(some, read, strict=True):
            new, row = cells.advance(b, step, self.unit, inputs, products, state, cells.constants(b, self.unit))
            self.rows.append((cells, step, row))
            self._keep_state(b, cells, new)

    def _reset(self, b: KernelBuilder, step: SSAValue, some: Sequence[Cells]) -> None:
        read = [
            (
                cells.inputs_at(b, step, self.unit, range(2)),
                self._state(b, cells),
                self._multiply(b, cells, 0, b.rem(step, 2), range(2)),
            )
            for cells in some
        ]
        for cells, (inputs, state, products) in zip(some, read, strict=True):
            self._keep(b, cells, self.states, cells.reset_gates(b, self.unit, inputs, products, state.h))

    def _candidate(self, b: KernelBuilder, step: SSAValue, some: Sequence[Cells]) -> None:
        gates = range(2, 3)
        read = [
            (
                cells.inputs_at(b, step, self.unit, gates),
                self._state(b, cells),
                self._kept(b, cells, self.states),
                self._multiply(b, cells, 1, 0, gates),
            )
            for cells in some
        ]
        for cells, (inputs, state, z, products) in zip(some, read, strict=True):
            new, row = cells.candidate(b, step, self.unit, inputs, products, z, state.h)
            self.rows.append((cells, step, row))
            self._keep_state(b, cells, new)

    def _multiply(self, b: KernelBuilder, cells: Cells, tensor: int, slot: Index, gates: range) -> list[SSAValue]:
        """h R^T of the block's units, from what is exchanged in a tensor of the workspace."""
        number = self.first + tensor
        type_ = b.tensors[number].type
        assert isinstance(type_, GlobalType)
        *dims, columns = type_.dims.exprs
        *strides, one = type_.strides.exprs
        view = b.view(
            number, ([0], [1], [2], [3], [4]), [*dims, as_expr(self.tile.units), columns], [*strides, as_expr(0), one]
        )
        h, step = b.load(view, [slot, self.direction, cells.row, 0, 0], self.weights_type), None
        if self.problem.quantized:
            h, step = quantize(b, h, self.problem.wide)

        def product(s: Emitter, r: SSAValue, x: SSAValue) -> list[SSAValue]:
            wide = self.problem.wide
            return [mul(s, convert(s, r, wide), convert(s, x, wide))]

        sums = [b.reduce("sum", b.map([self.weights[gate], h], [self.products], product)[0]) for gate in gates]
        return sums if step is None else cells.scaled(b, sums, step, cells.scales_at(b, self.unit))


SCHEDULE = RnnLanes()
