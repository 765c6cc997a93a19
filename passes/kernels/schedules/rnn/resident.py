"""
Schedule `rnn_resident`: recurrences whose weights stay on the SM, a team of blocks for each batch tile and direction.

A block owns `units` units with all their gates: its rows of R are loaded once, into registers or shared memory where they fit, and its
states stay in registers. In each step it multiplies h by its rows on tensor cores or FMA units, and hands on its units of the next h
(exchange.py). Its warps share the columns of R too where the gates are few, and the sums of the parts meet in shared memory. Weights that
do not fit are read from L2 in each step. The number of units decides how many blocks there are, and with it how a team meets.

A step's critical path is the product, the cell, and the meeting, which waits for everything written before: the inputs of the next step are
loaded a step ahead, and the result's row is written after the meeting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from xdsl.dialects.builtin import f64
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr, as_expr, ceildiv
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import Choice, FragType, GlobalType, Target, bitwidth
from ...building.builder import Index, KernelBuilder, named
from ...building.group import Anchors, GroupView
from ...building.pointwise import add
from ...building.schedule import Refusal, choice_of
from ...building.work import ISSUE, Work, usual_bytes
from ...cost.price import RESERVED_SMEM
from ..gemm.tiles import SCRATCH_PAD
from .exchange import Exchange, exchange_of
from .problem import RnnProblem, rnn_of
from .products import PAD_BYTES, Shape, layouts_of, shapes
from .quantized import QUANTIZE_INSTRUCTIONS
from .steps import Cells, State, exchange_types
from .streamed import CELL_INSTRUCTIONS
from .team import CELL_WAITS, WAITS, Team, first_turn, teams_of

NAME = "rnn_resident"
NOWHERE, SHARED, REGISTERS = 0, 1, 2
"""Where the weights stay (`resident`)."""
REMOTE_STORE = 24.0
"""Instructions that a store to another block of a cluster counts as."""
LONG = 16384
"""Bytes of h from which on it comes in two pieces."""
WEIGHT_REGISTERS = 128
"""32-bit registers of a thread that weights may take."""
MOST_HELD = 64
"""Elements of h that a thread quantizes at once: their range comes first."""


@dataclass(frozen=True)
class ResidentTile:
    """How a block multiplies (`Shape`); `chunk` columns of h per piece that comes from L2; `blocks` of a team and how they meet."""

    rows: int
    units: int
    wm: int
    wn: int
    parts: int
    chunk: int
    resident: int
    blocks: int
    meeting: str

    @classmethod
    def of(cls, choice: Choice) -> ResidentTile:
        values = choice.values
        rows, units, wm, wn, parts, chunk, resident, blocks = (
            int(values[key]) for key in ("rows", "units", "wm", "wn", "parts", "chunk", "resident", "blocks")
        )
        return cls(rows, units, wm, wn, parts, chunk, resident, blocks, str(values["meeting"]))

    @property
    def shape(self) -> Shape:
        return Shape(self.rows, self.units, self.wm, self.wn, self.parts)

    def exchange(self, problem: RnnProblem) -> Exchange:
        shape = self.shape
        return exchange_of(problem, self.meeting, self.rows, self.chunk, shape.width(problem), shape.threads)

    def smem(self, problem: RnnProblem) -> int:
        """Bytes of weights, of h, and of sums."""
        shape, size = self.shape, bitwidth(problem.element) // 8
        row = shape.width(problem) * size + PAD_BYTES
        weights = problem.gates * self.units * row if self.resident == SHARED else 0
        sums = self.parts * self.rows * (shape.columns(problem) + SCRATCH_PAD) * bitwidth(problem.wide) // 8
        return weights + self.exchange(problem).smem + sums

    def team(self, problem: RnnProblem) -> Team:
        return Team(self.blocks, self.meeting, self.teams(problem))

    def teams(self, problem: RnnProblem) -> Expr:
        return ceildiv(problem.anchor.batch, self.rows) * problem.directions


@dataclass(frozen=True)
class RnnResident:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.RnnOp,),)

    def match(self, view: GroupView, target: Target) -> RnnProblem | Refusal:
        problem = rnn_of(view)
        if isinstance(problem, Refusal):
            return problem
        if not self._tiles(problem, target):
            why = (
                f"expected a number of units that a team of blocks shares evenly, and blocks that run at once on {target.sms.data} SMs, "
                f"got {problem.units} units and a batch of {problem.anchor.batch}"
            )
            return Refusal(why, problem.anchor)
        return problem

    def _tiles(self, problem: RnnProblem, target: Target) -> list[ResidentTile]:
        found: list[ResidentTile] = []
        for shape in shapes(problem):
            blocks = problem.units // shape.units
            teams = ceildiv(problem.anchor.batch, shape.rows) * problem.directions
            for meeting in teams_of(blocks, teams, problem.group.upper(teams), target, exact=True):
                found += self._fitting(problem, shape, meeting, target)
        return found

    def _fitting(self, problem: RnnProblem, shape: Shape, team: Team, target: Target) -> Iterator[ResidentTile]:
        """One for each place of the weights; those that are nowhere only where nothing else fits."""
        for resident in (REGISTERS, SHARED, NOWHERE):
            if resident == REGISTERS and not _held(problem, shape):
                continue
            tiles = [
                ResidentTile(**asdict(shape), chunk=chunk, resident=resident, blocks=team.blocks, meeting=team.meeting)
                for chunk in _chunks(problem, shape, team)
            ]
            fitting = [tile for tile in tiles if tile.smem(problem) + RESERVED_SMEM <= target.smem.data]
            yield from fitting[:1]
            if fitting and resident == SHARED:
                break

    def configs(self, problem: RnnProblem, target: Target) -> list[Choice]:
        return [choice_of(self, problem, asdict(tile)) for tile in self._tiles(problem, target)]

    def workspace(self, problem: RnnProblem, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        teams = ceildiv(problem.anchor.batch, int(tunables["rows"])) * problem.directions
        team = Team(int(tunables["blocks"]), str(tunables["meeting"]), teams)
        return [*(exchange_types(problem) if team.meeting == "grid" else []), *team.counters]

    def work(self, problem: RnnProblem, config: Choice, target: Target) -> list[Work]:
        """A step for each product of a step of the sequence, with the waits that it depends on."""
        group, tile = problem.group, ResidentTile.of(config)
        team, width = tile.team(problem), tile.shape.width(problem)
        steps, teams = max(1, group.usual(problem.anchor.steps)), max(1, group.usual(as_expr(team.teams)))
        size, phases = bitwidth(problem.element) // 8, len(problem.phases)
        columns, fetched = problem.gates * tile.units, tile.rows * width * size
        through_l2, held = tile.meeting == "grid", tile.resident == REGISTERS
        depth, cells = layouts_of(problem, tile.shape).k_step * tile.parts, tile.rows * tile.units
        handed = team.cluster * cells / tile.shape.beside(problem) * REMOTE_STORE if team.cluster > 1 else 0.0
        quantizing = tile.rows * width * QUANTIZE_INSTRUCTIONS * problem.quantized
        return [
            *team.first_work(group),
            Work(
                blocks=team.blocks * teams,
                threads=tile.shape.threads,
                registers=128,
                smem=tile.smem(problem),
                steps=steps * phases,
                latency=WAITS[tile.meeting] + CELL_WAITS + (width / depth / 2 if tile.resident == NOWHERE else 0),
                operations={
                    f"mma_{problem.kind}": tile.rows * columns * width / phases / tile.shape.fma_share(problem, held),
                    ISSUE: cells * CELL_INSTRUCTIONS + tile.shape.traffic(problem, held) + handed + quantizing,
                },
                l2_bytes=fetched * through_l2 + (0 if tile.resident else columns * width * size / phases),
                dram_bytes=sum(usual_bytes(group)),
                whole_waves=True,
            ),
        ]

    def lower(self, problem: RnnProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        tile, workspace = ResidentTile.of(config), self.workspace(problem, config.values)
        launches = tile.team(problem).first_launch(problem.group, workspace)
        name = problem.group.name + (f"_stage{len(launches)}" if launches else "")
        return [*launches, _Kernel(problem, tile, workspace, name).build()]


def _held(problem: RnnProblem, shape: Shape) -> bool:
    """Whether the weights fit the registers of the block's threads, and few steps multiply them all."""
    words = problem.gates * shape.units * shape.width(problem) * bitwidth(problem.element) // 32
    depth = layouts_of(problem, shape).k_step * shape.parts
    if problem.element == f64:  # the sums of each part take two registers, and what is added to them three more
        words += 5 * shape.rows * problem.gates * shape.units * shape.parts // shape.wm
    return words * shape.wm <= WEIGHT_REGISTERS * shape.threads and shape.width(problem) // depth <= UNROLLED


def _chunks(problem: RnnProblem, shape: Shape, team: Team) -> list[int]:
    """The columns of a piece of h."""
    width, depth = shape.width(problem), layouts_of(problem, shape).k_step * shape.parts
    if problem.quantized and shape.rows * width > MOST_HELD * shape.threads:
        return []
    if team.meeting != "grid":
        # h is in shared memory whole, and must be without columns that nobody writes.
        return [width] if width == problem.units else []
    if problem.quantized:
        return [width]
    # Two pieces overlap with each other's products, where that is worth a barrier.
    long = shape.rows * width * bitwidth(problem.element) // 8 >= LONG
    return [width // pieces for pieces in ((2, 1, 4, 8) if long else (1, 2, 4, 8)) if width % (pieces * depth) == 0]


class _Kernel:
    """Builds the kernel."""

    def __init__(self, problem: RnnProblem, tile: ResidentTile, workspace: Sequence[GlobalType], name: str):
        self.problem, self.tile, self.team = problem, tile, tile.team(problem)
        self.shape, threads = tile.shape, tile.shape.threads
        rows = ceildiv(problem.anchor.batch, tile.rows)
        b = self.b = KernelBuilder.for_group(
            problem.group, [tile.blocks, rows, as_expr(problem.directions)], threads // 32, name=name, workspace=workspace,
            cluster=self.team.cluster, min_blocks=1,
        )  # fmt: skip
        self.layouts = layouts_of(problem, self.shape)
        self.depth = self.layouts.k_step * tile.parts
        beside = tile.shape.beside(problem)
        across = min(tile.units // beside, threads)
        self.frag = FragType.of((tile.rows, tile.units), problem.wide, Blocked.of(threads // across, across, 1, beside))
        self.direction, self.unit = b.coords[2], named(b.mul(b.coords[0], tile.units), "unit")
        self.row = named(b.mul(b.coords[1], tile.rows), "row")
        self.number = b.add(b.mul(b.coords[2], b.expr(rows)), b.coords[1])
        self.exchange = tile.exchange(problem)
        self.cells = Cells(problem, b, self.frag, self.row, self.direction, self.exchange.hand_on)
        self.weights_view = self._weights_view()

    def _weights_view(self) -> SSAValue:
        """(direction, block, gate and unit of the block, column)."""
        problem, units = self.problem, self.tile.units
        number = problem.group.operand_index(problem.anchor.weights)
        assert number is not None
        d, row, column = problem.group.strides(number)
        sizes = (problem.directions, problem.gates, problem.units // units, units, problem.units)
        strides = [d, row * problem.units, row * units, row, column]
        return self.b.view(number, ([0], [2], [1, 3], [4]), [as_expr(size) for size in sizes], strides)

    def build(self) -> kernel.FuncOp:
        b, problem, tile, cells = self.b, self.problem, self.tile, self.cells
        columns, width = self.shape.columns(problem), self.shape.width(problem)
        self.exchange.start(b)
        stack = (tile.parts * tile.rows, columns)
        self.sums = b.alloc(stack, problem.wide, pad=SCRATCH_PAD, name="sums")
        self.weights: SSAValue | None = None
        self.held: list[list[SSAValue]] = []
        if tile.resident == REGISTERS:
            self.held = [
                [self._load_weights(b, gates, at) for at in range(0, width, self.depth)] for gates in problem.phases
            ]
        if tile.resident == SHARED:
            shape, pad = (1, problem.gates * tile.units, width), PAD_BYTES * 8 // bitwidth(problem.element)
            self.weights = b.slot(b.alloc(shape, problem.element, pad=pad, name="r_shared"), 0)
            b.insert(kernel.LoadAsyncOp(self.weights_view, self._at(b, 0, 0), self.weights))
        state, self.constants = cells.initial(b, self.unit), cells.constants(b, self.unit)
        self.scales = cells.scales_at(b, self.unit)
        if tile.meeting == "cluster":
            # A block's shared memory is there once it has begun.
            self.team.meet(b, self.number, 0)
        cells.exchange(b, state.h, 0, 0, self.unit)
        # The weights have landed with the first piece of h that comes from L2; else they are waited for, by a barrier of the block too.
        waits = tile.resident == SHARED and (tile.meeting != "grid" or problem.quantized)
        if not (waits and tile.meeting == "block"):
            self.team.meet(b, self.number, 0)
        if waits:
            ring = b.ring(1, "cp_async")
            b.commit(ring, 0)
            b.wait(ring, 0)

        kept, phases = len(state.values), [len(gates) for gates in problem.phases]

        def inputs_at(b: KernelBuilder, number: Index) -> list[SSAValue]:
            return [x for gates in problem.phases for x in cells.inputs_at(b, number, self.unit, gates)]

        def step(b: KernelBuilder, number: SSAValue, values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            # After the last step come those of the first one, for nobody.
            later = inputs_at(b, b.rem(b.add(number, 1), cells.steps))
            inputs = [values[kept : kept + phases[0]], values[kept + phases[0] :]]
            return [*self._step(b, number, State.of(values[:kept]), inputs).values, *later]

        last = b.loop(0, cells.steps, 1, [*state.values, *inputs_at(b, 0)], step, "step")
        cells.finish(b, State.of(last[:kept]), self.unit)
        return b.finish()

    def _load_weights(self, b: KernelBuilder, gates: range, column: Index) -> SSAValue:
        """The weights of some gates that one step of the columns multiplies."""
        type_ = FragType.of((len(gates) * self.tile.units, self.depth), self.problem.element, self.layouts.b)
        return b.load(self.weights_view, self._at(b, gates.start * self.tile.units, column), type_)

    def _at(self, b: KernelBuilder, row: Index, column: Index) -> list[SSAValue]:
        return [b.index(at) for at in (self.direction, self.b.coords[0], row, column)]

    def _step(self, b: KernelBuilder, step: SSAValue, state: State, inputs: Sequence[Sequence[SSAValue]]) -> State:
        """`inputs` by phase."""
        cells, problem, unit = self.cells, self.problem, self.unit
        phases = problem.phases
        turn = first_turn(b, step, len(phases))
        products = self._multiply(b, 0, b.rem(step, 2), phases[0])
        if problem.resets_before:
            z = cells.reset_gates(b, unit, inputs[0], products, state.h)
            self.team.meet(b, self.number, turn)
            products = self._multiply(b, 1, 0, phases[1])
            state, row = cells.candidate(b, step, unit, inputs[1], products, z, state.h)
            turn = b.add(turn, 1)
        else:
            state, row = cells.advance(b, step, unit, inputs[0], products, state, self.constants)
        self.team.meet(b, self.number, turn)
        cells.write(b, step, unit, row)
        return state

    def _multiply(self, b: KernelBuilder, number: int, slot: Index, gates: range) -> list[SSAValue]:
        """h R^T, or r h R^T, of some gates, as fragments of cells: parts of the sums meet in shared memory."""
        tile, problem = self.tile, self.problem
        columns = len(gates) * tile.units
        acc_type = FragType.of((tile.parts * tile.rows, columns), problem.wide, self.layouts.acc)

        def piece(b: KernelBuilder, h: SSAValue, first: int, acc: SSAValue) -> SSAValue:
            return self._piece(b, h, first, gates, acc)

        at = [b.index(at) for at in (slot, self.direction, self.row)]
        total = self.exchange.take(b, self.cells, number, at, piece, b.fill(0.0, acc_type))
        zero = b.index(0)
        b.insert(kernel.StoreSharedOp(total, self.sums, zero, zero))
        b.insert(kernel.BarrierOp())

        def gate(place: int) -> SSAValue:
            parts = [
                b.emit(
                    kernel.LoadSharedOp(self.sums, b.index(part * tile.rows), b.index(place * tile.units), self.frag)
                )
                for part in range(tile.parts)
            ]
            return _sum(b, parts, self.frag)

        products = [gate(place) for place in range(len(gates))]
        if self.exchange.steps is None:
            return products
        step = b.emit(kernel.LoadSharedOp(self.exchange.steps, zero, zero, self.frag.rows))
        return self.cells.scaled(b, products, step, self.scales)

    def _piece(self, b: KernelBuilder, h: SSAValue, first: int, gates: range, acc: SSAValue) -> SSAValue:
        """Adds the products of the columns from `first` on, of which `h` has the tile."""
        tile, depth = self.tile, self.depth
        a_type = FragType.of((tile.rows, depth), self.problem.element, self.layouts.a)
        b_type = FragType.of((len(gates) * tile.units, depth), self.problem.element, self.layouts.b)

        def multiply(b: KernelBuilder, column: Index, r: SSAValue, acc: SSAValue) -> SSAValue:
            x = b.emit(kernel.LoadSharedOp(h, b.index(0), b.index(column), a_type))
            return b.emit(kernel.MmaOp(x, r, acc))

        if self.held:
            for column in range(0, tile.chunk, depth):
                r = self.held[self.problem.phases.index(gates)][(first + column) // depth]
                acc = multiply(b, column, r, acc)
            return acc

        def some(b: KernelBuilder, column: Index, values: Sequence[SSAValue]) -> list[SSAValue]:
            there = b.add(column, first)
            if self.weights is not None:
                row = b.index(gates.start * tile.units)
                r = b.emit(kernel.LoadSharedOp(self.weights, row, b.index(there), b_type))
            else:
                r = self._load_weights(b, gates, there)
            return [multiply(b, column, r, values[0])]

        return b.loop(0, tile.chunk, depth, [acc], some, "k", unroll=tile.chunk // depth <= UNROLLED)[0]


UNROLLED = 16
"""Steps of the columns up to which the loop is unrolled, so that loads run ahead of products."""


def _sum(b: KernelBuilder, parts: Sequence[SSAValue], type_: FragType) -> SSAValue:
    """The sum, in pairs."""
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [b.map([x, y], [type_], lambda s, *v: [add(s, *v)])[0] for x, y in pairs]
    return parts[0]


SCHEDULE = RnnResident()
