"""
Attention by mma.sync (f16, bf16), for sm_80 and later, in one launch; also where TMA cannot address an operand, or where operands are
stored in f32 and multiplied in f16 or bf16.

A block owns 16 queries of one head per warp. Its warps copy Q, then tiles of K and V into a ring by cp.async, `stages` deep. Scores of a
tile stay in the accumulators of mma.sync, whose layout is that of the A operand that the probabilities become (FlashAttention-2, Dao 2023).
V comes to registers transposed, by ldmatrix. Rows of shared tiles are padded by 16 bytes, so that eight rows fall into different banks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import gcd

from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.kernel.layouts import MmaA, MmaAcc, MmaB
from .....dialects.kernel.types import Choice, FragType, Target
from ...building.builder import Index, KernelBuilder
from ...building.group import Anchors, GroupView
from ...building.schedule import Refusal
from ...building.work import Work
from ...cost.price import price
from .counting import attention_work
from .problem import ANCHORS, SPACE, AttentionProblem, batch_and_head, grid, hides, place_of, problem_of
from .results import store_results
from .softmax import Softmax, State, flat, state_of

PAD = 8
"""Elements after each row of a shared tile."""
STEP = 16
"""Depth of one product of mma.sync."""
INSTRUCTIONS = 1 / 64 + 1 / 128
"""Of each thread per multiply-add: one mma.sync for 2048 of a warp, and an ldmatrix for two of these."""
WAITS = 0.077
"""Issue slots per multiply-add in which the softmax waits for products: eight tenths of their time."""
HELD = 128
"""Head size up to which the fragments of Q stay in registers."""
PIECE = 128
"""Columns of V and of the output in one product, at most: a fragment of V is as many rows."""


MAX_REGISTERS = 240
"""By the estimate below: with more, ptxas spills."""
MOST_COPIES = 40
"""Fewer copies of K and V than these for each thread and tile: ptxas holds their addresses, and spills."""
MOST = 8
"""Candidates that compete."""


@dataclass(frozen=True)
class Tile:
    """16 queries for each of `warps` warps, tiles of `keys` keys in a ring of `stages`."""

    warps: int
    keys: int
    stages: int

    @property
    def queries(self) -> int:
        return 16 * self.warps

    def smem(self, problem: AttentionProblem) -> int:
        """Bytes of Q and the ring."""
        q, v = problem.head + PAD, problem.value_head + PAD
        return 2 * (self.queries * q + self.stages * self.keys * (q + v))

    def registers(self, problem: AttentionProblem) -> int:
        """Per thread, estimated: scores and probabilities, the output, Q, fragments of K and V, places."""
        held = problem.head // 4 if problem.head <= HELD else 4
        return (
            self.keys * 3 // 4
            + problem.value_head // 2
            + held
            + max(self.keys, min(problem.value_head, PIECE)) // 4
            + 40
        )

    def copies(self, problem: AttentionProblem) -> int:
        """Of K and V for one tile, per thread: of 16 bytes, or of fewer where rows do not begin at such bytes."""
        heads = (nn.shape_of(value)[3].as_int() or 1 for value in (problem.anchor.k, problem.anchor.v))
        return self.keys * (problem.head + problem.value_head) // gcd(8, *heads) // (32 * self.warps)


class AttentionMma:
    """See the module's text."""

    name = "attention_mma"
    anchors: Sequence[Anchors] = ANCHORS

    def match(self, view: GroupView, target: Target) -> AttentionProblem | Refusal:
        if target.capability < 80:
            return Refusal(f"mma.sync with cp.async needs sm_80 or later, got {target.arch.data}", final=True)
        problem = problem_of(view)
        if isinstance(problem, AttentionProblem) and not _tiles(problem, target.smem.data):
            why = f"expected shared memory for tiles of 32 queries and keys, got {target.smem.data} bytes"
            return Refusal(why, problem.anchor, final=True)
        return problem

    def configs(self, problem: AttentionProblem, target: Target) -> list[Choice]:
        choices = [Choice.of(self.name, asdict(tile)) for tile in _tiles(problem, target.smem.data)]
        return sorted(choices, key=lambda choice: price(self.work(problem, choice, target), target))[:MOST]

    def work(self, problem: AttentionProblem, config: Choice, target: Target) -> list[Work]:
        tile = _tile(config)
        return [
            attention_work(
                problem, tile.queries, tile.keys, f"mma_{problem.element}",
                threads=32 * tile.warps,
                registers=tile.registers(problem),
                smem=tile.smem(problem),
                ahead=tile.stages / 2,
                tma=False,
                waits=WAITS,
                refill=10.0,
                more=(problem.head + problem.value_head) * INSTRUCTIONS,
            )
        ]  # fmt: skip

    def lower(self, problem: AttentionProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        return [_Builder(problem, _tile(config)).build()]


def _tile(config: Choice) -> Tile:
    return Tile(**{k: int(v) for k, v in config.values.items()})


def _tiles(problem: AttentionProblem, smem: int) -> list[Tile]:
    """The tiles that fit, no wider than the keys are many, and no deeper than there are tiles."""
    tiles = [Tile(warps, keys, stages) for warps in (8, 4, 2) for keys in (128, 64, 32) for stages in (3, 2)]
    fitting = [tile for tile in tiles if tile.smem(problem) <= smem and tile.registers(problem) <= MAX_REGISTERS]
    fitting = [tile for tile in fitting if tile.copies(problem) < MOST_COPIES] or fitting
    most = problem.most_keys
    useful = [t for t in fitting if most is None or (t.keys < 2 * most and t.keys * (t.stages - 2) < most)]
    return useful or fitting[-1:]


class _Builder:
    """Builds one kernel."""

    def __init__(self, problem: AttentionProblem, tile: Tile):
        self.problem, self.tile, self.element = problem, tile, problem.element
        self.b = KernelBuilder.for_group(problem.group, grid(problem, tile.queries), tile.warps, min_blocks=1)
        layout = MmaAcc.of(tile.warps, 1)
        self.a, self.operand = MmaA.of(tile.warps, 1, 2), MmaB.of(tile.warps, 1, 2)
        self.score_type = FragType.of((tile.queries, tile.keys), f32, layout)
        self.out_pieces = [
            (first, min(PIECE, problem.value_head - first)) for first in range(0, problem.value_head, PIECE)
        ]
        self.held: list[SSAValue] | None = None
        """The fragments of Q, where registers hold them all."""
        self.out_types = [FragType.of((tile.queries, width), f32, layout) for _, width in self.out_pieces]

    def build(self) -> kernel.FuncOp:
        b, tile, anchor = self.b, self.tile, self.problem.anchor
        self.place = place_of(b, self.problem, tile.queries, tile.keys)
        views = [self._view(value) for value in (anchor.q, anchor.k, anchor.v)]
        q, head, value_head = tile.queries, self.problem.head, self.problem.value_head
        self.q = b.alloc((1, q, head), self.element, pad=PAD, name="q_shared")
        k = b.alloc((tile.stages, tile.keys, head), self.element, pad=PAD, name="k_shared")
        v = b.alloc((tile.stages, tile.keys, value_head), self.element, pad=PAD, name="v_shared")
        q_ring, ring = b.ring(1, "cp_async", "q_ring"), b.ring(tile.stages, "cp_async", "ring")
        softmax = Softmax(self.problem, self.place, self.score_type)
        zero = b.index(0)

        def load(b: KernelBuilder, name: int, row: Index, slot: SSAValue) -> None:
            view, batch, head = views[name]
            b.insert(kernel.LoadAsyncOp(view, [batch, head, b.index(row), zero], slot))

        b.acquire(q_ring, 0)
        load(b, 0, self.place.row, b.slot(self.q, 0, "q_slot"))
        b.commit(q_ring, 0)

        def fetch(b: KernelBuilder, step: Index, fill: Index) -> int:
            row = b.mul(b.add(self.place.first, step), tile.keys)
            load(b, 1, row, b.slot(k, fill, "k_slot"))
            load(b, 2, row, b.slot(v, fill, "v_slot"))
            return 0

        def start() -> list[SSAValue]:
            # The first tiles are under way behind Q.
            b.wait(q_ring, 0, tile.stages - 1)
            self.held = [self._queries(b, first) for first in self._steps(head)] if head <= HELD else None
            return flat(softmax.start(b, self.out_types))

        def attend(b: KernelBuilder, step: Index, fill: Index, values: Sequence[SSAValue]) -> list[SSAValue]:
            number = b.add(self.place.first, step)
            mask = softmax.mask(b, number)
            products = self._multiply(b, b.slot(k, fill, "k_slot"))
            bounds = self.problem.bounded or hides(self.problem, tile.keys)
            scores = softmax.scores(b, products, number, mask, bounds=bounds)
            probs, state = softmax.probabilities(b, scores, state_of(values))
            return flat(self._weigh(b, probs, state, b.slot(v, fill, "v_slot")))

        state = state_of(b.pipelined(ring, self.place.count, fetch, attend, start, name="tile"))
        at = self.place.batch, self.place.head, self.place.row
        store_results(b, self.problem, softmax.finish(b, state), [first for first, _ in self.out_pieces], at)
        return b.finish()

    def _view(self, value: SSAValue) -> tuple[SSAValue, SSAValue, SSAValue]:
        """A view of an operand, and its batch and head."""
        access = self.problem.access(value)
        assert access is not None
        return self.b.view_of(access, SPACE), *batch_and_head(self.b, self.problem, self.place, value)

    def _steps(self, size: int) -> range:
        return range(0, size, STEP)

    def _queries(self, b: KernelBuilder, first: int) -> SSAValue:
        type_ = FragType.of((self.tile.queries, STEP), self.element, self.a)
        q = b.slot(self.q, 0, "q_slot")
        return b.emit(kernel.LoadSharedOp(q, b.index(0), b.index(first), type_), "q")

    def _multiply(self, b: KernelBuilder, k: SSAValue) -> SSAValue:
        """Q K^T."""
        type_ = FragType.of((self.tile.keys, STEP), self.element, self.operand)
        products = b.fill(0.0, self.score_type, "products")
        for number, first in enumerate(self._steps(self.problem.head)):
            q = self.held[number] if self.held is not None else self._queries(b, first)
            keys = b.emit(kernel.LoadSharedOp(k, b.index(0), b.index(first), type_), "keys")
            products = b.emit(kernel.MmaOp(q, keys, products), "products")
        return products

    def _weigh(self, b: KernelBuilder, probs: SSAValue, state: State, v: SSAValue) -> State:
        """The state after the product of probabilities and values."""
        tile = (self.tile.queries, self.tile.keys)
        probs = b.emit(kernel.ConvertLayoutOp(probs, FragType.of(tile, self.element, self.a)), "probs")
        made = list(state.out)
        for first in self._steps(self.tile.keys):
            part = b.emit(kernel.ColumnsOp(probs, first, STEP), "part")
            for number, (column, width) in enumerate(self.out_pieces):
                type_ = FragType.of((width, STEP), self.element, self.operand)
                load = kernel.LoadSharedOp(v, b.index(column), b.index(first), type_, transposed=True)
                made[number] = b.emit(kernel.MmaOp(part, b.emit(load, "values"), made[number]), "out")
        return state._replace(out=made)


SCHEDULE = AttentionMma()
