"""
Schedule `rnn_resident`: recurrences of a batch, by tensor cores or FMA, the recurrent weights in the shared memory of a team of blocks.

A block owns `units` units with all their gates: their rows of R stay in shared memory for the whole sequence where they fit (`resident`),
else each step reads them through L2. In a step it copies h of its `rows` sequences, which the team exchanges through L2, in pieces of
`chunk` columns, multiplies them by its rows, and passes the sums through shared memory to the threads that compute the cells; states stay
in registers. Accumulators of neighbouring columns of h are apart, so that products need not wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr, as_expr, ceildiv
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import Choice, FragType, GlobalType, Target, bitwidth
from ...building.builder import Index, KernelBuilder, named
from ...building.group import Anchors, GroupView
from ...building.pointwise import add
from ...building.schedule import Refusal, choice_of
from ...building.work import ISSUE, Work, cut, usual_bytes
from ...cost.price import RESERVED_SMEM
from ..gemm.mma import layouts_for
from ..gemm.tiles import FMA, FMA_PAD, SCRATCH_PAD, Tile
from .problem import RnnProblem, rnn_of
from .quantized import QUANTIZE_INSTRUCTIONS, quantize, spread
from .steps import Cells, State, exchange_types
from .streamed import CELL_INSTRUCTIONS
from .team import CELL_WAITS, WAITS, Team, first_turn, teams_of

NAME = "rnn_resident"
LINE = 128
"""Bytes of a row of shared memory that the widest swizzle permutes."""
APART = 4
"""Accumulators of a product, for as many neighbouring steps of its columns."""
SLOTS = 2
"""Pieces of h under way where it comes in several."""
MOST_HELD = 64
"""Elements of h that a thread quantizes."""


@dataclass(frozen=True)
class ResidentTile:
    """`rows` sequences and `units` units of a block of wm x wn warps; `chunk` columns of h per piece; `blocks` of a team and how they
    meet."""

    rows: int
    units: int
    wm: int
    wn: int
    chunk: int
    resident: int
    blocks: int
    meeting: str

    @classmethod
    def of(cls, choice: Choice) -> ResidentTile:
        values = choice.values
        rows, units, wm, wn, chunk, resident, blocks = (
            int(values[key]) for key in ("rows", "units", "wm", "wn", "chunk", "resident", "blocks")
        )
        return cls(rows, units, wm, wn, chunk, resident, blocks, str(values["meeting"]))

    @property
    def threads(self) -> int:
        return 32 * self.wm * self.wn

    def width(self, problem: RnnProblem) -> int:
        """Columns of the weights with what fills up the last piece."""
        return cut(problem.units, self.chunk) * self.chunk

    def smem(self, problem: RnnProblem) -> int:
        """Bytes of weights, pieces of h, and sums."""
        size, pad = bitwidth(problem.element) // 8, FMA_PAD if problem.kind in FMA else 0
        width, counts = self.width(problem), [_filled(phase) for phase in problem.phases]
        slots = min(SLOTS, width // self.chunk)
        weights = sum(counts) * self.units * (width + pad) * size * self.resident
        sums = self.rows * (max(counts) * self.units + SCRATCH_PAD) * bitwidth(problem.wide) // 8
        steps = self.rows * 4 * problem.quantized
        return weights + slots * self.rows * (self.chunk + pad) * size + sums + steps

    def holds(self, problem: RnnProblem) -> bool:
        """Whether threads hold all of h, as they do to quantize it: its range comes first."""
        return not problem.quantized or self.rows * self.chunk <= MOST_HELD * self.threads

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
        for rows, units, wm, wn in _shapes(problem):
            if problem.units % units:
                continue
            blocks = problem.units // units
            teams = ceildiv(problem.anchor.batch, rows) * problem.directions
            for meeting in teams_of(blocks, teams, problem.group.upper(teams), target):
                for resident, chunk in _pieces(problem):
                    tile = ResidentTile(rows, units, wm, wn, chunk, resident, meeting.blocks, meeting.meeting)
                    if tile.smem(problem) + RESERVED_SMEM <= target.smem.data and tile.holds(problem):
                        found.append(tile)
                        break
        return found

    def configs(self, problem: RnnProblem, target: Target) -> list[Choice]:
        return [choice_of(self, problem, asdict(tile)) for tile in self._tiles(problem, target)]

    def workspace(self, problem: RnnProblem, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        teams = ceildiv(problem.anchor.batch, int(tunables["rows"])) * problem.directions
        team = Team(int(tunables["blocks"]), str(tunables["meeting"]), teams)
        return [*exchange_types(problem), *team.counters]

    def work(self, problem: RnnProblem, config: Choice, target: Target) -> list[Work]:
        """A step for each product of a step of the sequence, with the waits that it depends on."""
        group, tile = problem.group, ResidentTile.of(config)
        team, width = tile.team(problem), tile.width(problem)
        steps, teams = max(1, group.usual(problem.anchor.steps)), max(1, group.usual(as_expr(team.teams)))
        size, columns = bitwidth(problem.element) // 8, sum(map(_filled, problem.phases)) * tile.units
        phases, fetched = len(problem.phases), tile.rows * width * size
        quantizing = tile.rows * width * QUANTIZE_INSTRUCTIONS * problem.quantized
        # Every column of warps reads all rows of h, every row of warps all weights of the block, 128 bytes a cycle.
        shared = tile.wn * fetched + tile.wm * columns * width * size * tile.resident / phases
        return [
            *team.first_work(group),
            Work(
                blocks=team.blocks * teams,
                threads=tile.threads,
                registers=128,
                smem=tile.smem(problem),
                steps=steps * phases,
                latency=WAITS[tile.meeting] + CELL_WAITS + cut(width, tile.chunk) / SLOTS,
                operations={
                    f"mma_{problem.kind}": tile.rows * columns * width / phases,
                    ISSUE: tile.rows * tile.units * CELL_INSTRUCTIONS + shared + quantizing,
                },
                l2_bytes=tile.rows * width * bitwidth(problem.exchanged) // 8
                + (0 if tile.resident else columns * width * size / phases),
                dram_bytes=sum(usual_bytes(group)),
                whole_waves=True,
            ),
        ]

    def lower(self, problem: RnnProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        tile, workspace = ResidentTile.of(config), self.workspace(problem, config.values)
        launches = tile.team(problem).first_launch(problem.group, workspace)
        name = problem.group.name + (f"_stage{len(launches)}" if launches else "")
        return [*launches, _Kernel(problem, tile, workspace, name).build()]


def _shapes(problem: RnnProblem) -> Iterator[tuple[int, int, int, int]]:
    """(rows, units, wm, wn) whose fragments are whole for the gates of each phase, and leave each thread cells of its own."""
    fma = problem.kind in FMA
    columns = 4 if fma else 8
    for rows, wm in ((8, 1), (16, 2), (32, 2), (32, 4)) if fma else ((16, 1), (32, 2), (64, 4)):
        for units in (4, 8, 16, 32, 64, 128):
            counts = [_filled(phase) * units for phase in problem.phases]
            fitting = [
                wn
                for wn in (1, 2, 4, 8)
                if all(count % (columns * wn) == 0 for count in counts) and 32 * wm * wn <= min(512, rows * units)
            ]
            if fitting:
                yield rows, units, wm, fitting[-1]


def _pieces(problem: RnnProblem) -> Iterator[tuple[int, int]]:
    """(resident, columns of a piece of h), the preferred first."""
    line = LINE * 8 // bitwidth(problem.element)
    whole = cut(problem.units, line) * line
    for resident in (1, 0):
        yield resident, whole
        for pieces in () if problem.quantized else (2, 4, 8):
            if whole % (pieces * line) == 0:
                yield resident, whole // pieces


def _filled(phase: range) -> int:
    """The gates of a phase as a power of two, which any number of warps can share: three take the room of four, one being zero."""
    return 4 if len(phase) == 3 else len(phase)


class _Kernel:
    """Builds the kernel."""

    def __init__(self, problem: RnnProblem, tile: ResidentTile, workspace: Sequence[GlobalType], name: str):
        self.problem, self.tile, self.team = problem, tile, tile.team(problem)
        rows = ceildiv(problem.anchor.batch, tile.rows)
        b = self.b = KernelBuilder.for_group(
            problem.group, [tile.blocks, rows, as_expr(problem.directions)], tile.wm * tile.wn, name=name, workspace=workspace,
            cluster=self.team.cluster, min_blocks=1,
        )  # fmt: skip
        self.layouts = layouts_for(
            problem.kind, Tile(tile.rows, tile.units * _filled(problem.phases[-1]), 0, tile.wm, tile.wn, 1)
        )
        across = min(tile.units, tile.threads)
        self.frag = FragType.of((tile.rows, tile.units), problem.wide, Blocked.of(tile.threads // across, across, 1, 1))
        self.direction, self.unit = b.coords[2], named(b.mul(b.coords[0], tile.units), "unit")
        self.row = named(b.mul(b.coords[1], tile.rows), "row")
        self.number = b.add(b.mul(b.coords[2], b.expr(rows)), b.coords[1])
        self.cells = Cells(problem, b, self.frag, self.row, self.direction)
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
        fma, element = problem.kind in FMA, problem.element
        pad, swizzle = (FMA_PAD, 0) if fma else (0, LINE)
        width = tile.width(problem)
        self.pieces = width // tile.chunk
        self.slots = min(SLOTS, self.pieces)
        self.h = b.alloc((self.slots, tile.rows, tile.chunk), element, swizzle=swizzle, pad=pad, name="h_shared")
        counts = [_filled(phase) for phase in problem.phases]
        self.sums = b.alloc((tile.rows, max(counts) * tile.units), problem.wide, pad=SCRATCH_PAD, name="sums")
        self.weights: SSAValue | None = None
        if tile.resident:
            shape = (1, sum(counts) * tile.units, width)
            whole = b.alloc(shape, element, swizzle=swizzle, pad=pad, name="r_shared")
            self.weights = b.slot(whole, 0)
            # These copies are part of the first fill of h, whose wait is theirs too.
            b.insert(kernel.LoadAsyncOp(self.weights_view, self._at(b, 0, 0), self.weights))
        self.steps: SSAValue | None = None
        """Where h is quantized: the step of each sequence."""
        if problem.quantized:
            self.steps = b.alloc((tile.rows, 1), problem.wide, name="steps")
        state = self._start(b)
        self.team.meet(b, self.number, 0)

        def step(b: KernelBuilder, number: SSAValue, values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return self._step(b, number, State.of(values)).values

        last = b.loop(0, cells.steps, 1, state.values, step, "step")
        cells.finish(b, State.of(last), self.unit)
        return b.finish()

    def _at(self, b: KernelBuilder, row: Index, column: Index) -> list[SSAValue]:
        return [b.index(at) for at in (self.direction, self.b.coords[0], row, column)]

    def _start(self, b: KernelBuilder) -> State:
        state = self.cells.initial(b, self.unit)
        self.cells.exchange(b, state.h, 0, self.unit)
        return state

    def _step(self, b: KernelBuilder, step: SSAValue, state: State) -> State:
        cells, problem = self.cells, self.problem
        phases = problem.phases
        turn = first_turn(b, step, len(phases))
        inputs = [cells.inputs_at(b, step, self.unit, gates) for gates in phases]
        products = self._multiply(b, cells.exchanged, b.rem(step, 2), phases[0])
        if problem.resets_before:
            assert cells.reset is not None
            z = cells.reset_gates(b, self.unit, inputs[0], products, state.h)
            self.team.meet(b, self.number, turn)
            products = self._multiply(b, cells.reset, 0, phases[1])
            state = cells.candidate(b, step, self.unit, inputs[1], products, z, state.h)
            turn = b.add(turn, 1)
        else:
            state = cells.advance(b, step, self.unit, inputs[0], products, state)
        self.team.meet(b, self.number, turn)
        return state

    def _multiply(self, b: KernelBuilder, source: SSAValue, slot: Index, gates: range) -> list[SSAValue]:
        """h R^T of some gates, as fragments of cells: pieces of h one after the other, then sums through shared memory."""
        if self.steps is None:
            sums = self._copied(b, source, slot, gates)
        else:
            self._quantize(b, source, slot, self.steps)
            sums = self._piece(b, 0, gates, self._zeros(b, gates))
        (total,) = b.map(sums, [self._sum_type(gates)], lambda s, *x: [add(s, add(s, x[0], x[1]), add(s, x[2], x[3]))])
        zero = b.index(0)
        b.insert(kernel.StoreSharedOp(total, self.sums, zero, zero))
        b.insert(kernel.BarrierOp())
        products = [
            b.emit(kernel.LoadSharedOp(self.sums, zero, b.index(number * self.tile.units), self.frag))
            for number in range(len(gates))
        ]
        if self.steps is None:
            return products
        step = b.emit(kernel.LoadSharedOp(self.steps, zero, zero, self.frag.rows))
        return self.cells.scaled(b, products, step, self.unit)

    def _quantize(self, b: KernelBuilder, source: SSAValue, slot: Index, steps: SSAValue) -> None:
        """h of the block's sequences as integers in shared memory, and the step of each."""
        tile, zero = self.tile, b.index(0)
        type_ = spread(tile.rows, tile.chunk, self.problem.wide, tile.wm * tile.wn)
        h = b.load(source, [slot, self.direction, self.row, 0], type_)
        values, step = quantize(b, h, self.problem.element)
        b.insert(kernel.StoreSharedOp(values, b.slot(self.h, 0), zero, zero))
        b.insert(kernel.StoreSharedOp(step, steps, zero, zero))
        if self.weights is None:
            b.insert(kernel.BarrierOp())
            return
        ring = b.ring(1, "cp_async")
        b.acquire(ring, 0)
        b.commit(ring, 0)
        b.wait(ring, 0)

    def _sum_type(self, gates: range) -> FragType:
        columns = _filled(gates) * self.tile.units
        return FragType.of((self.tile.rows, columns), self.problem.wide, self.layouts.acc)

    def _zeros(self, b: KernelBuilder, gates: range) -> list[SSAValue]:
        return [b.fill(0.0, self._sum_type(gates)) for _ in range(APART)]

    def _copied(self, b: KernelBuilder, source: SSAValue, slot: Index, gates: range) -> list[SSAValue]:
        """The products of all pieces of h, which are copied while others are multiplied."""
        ring = b.ring(self.slots, "cp_async")

        def fetch(piece: int) -> None:
            b.acquire(ring, piece)
            at = [b.index(i) for i in (slot, self.direction, self.row, piece * self.tile.chunk)]
            b.insert(kernel.LoadAsyncOp(source, at, b.slot(self.h, piece)))
            b.commit(ring, piece)

        for piece in range(self.slots):
            fetch(piece)
        sums = self._zeros(b, gates)
        for piece in range(self.pieces):
            b.wait(ring, piece, min(self.slots - 1, self.pieces - 1 - piece))
            sums = self._piece(b, piece, gates, sums)
            b.release(ring, piece)
            if piece + self.slots < self.pieces:
                fetch(piece + self.slots)
        return sums

    def _piece(self, b: KernelBuilder, piece: int, gates: range, sums: list[SSAValue]) -> list[SSAValue]:
        """Adds the products of one piece of h."""
        tile, element, width = self.tile, self.problem.element, self.layouts.k_step
        a_type = FragType.of((tile.rows, width), element, self.layouts.a)
        b_type = FragType.of((_filled(gates) * tile.units, width), element, self.layouts.b)
        h, first = b.slot(self.h, piece), gates.start * tile.units

        def some(b: KernelBuilder, column: Index, sums: Sequence[SSAValue]) -> list[SSAValue]:
            made: list[SSAValue] = []
            for number, acc in enumerate(sums):
                here = b.add(column, number * width)
                x = b.emit(kernel.LoadSharedOp(h, b.index(0), here, a_type))
                there = b.add(here, piece * tile.chunk)
                if self.weights is not None:
                    r = b.emit(kernel.LoadSharedOp(self.weights, b.index(first), there, b_type))
                else:
                    r = b.load(self.weights_view, self._at(b, first, there), b_type)
                made.append(b.emit(kernel.MmaOp(x, r, acc)))
            return made

        return b.loop(0, tile.chunk, APART * width, sums, some, "k")


SCHEDULE = RnnResident()
