"""
Attention for Hopper (sm_90a) in one launch: softmax(scale(Q K^T)) V with the scores never leaving registers.

A block owns 64 or 128 queries of one head. A producer brings Q once, then tiles of K and of V by TMA, each through a ring of its own. A
consumer warpgroup per 64 queries computes scores by wgmma, turns them into probabilities (`softmax.py`) in the layout of wgmma's A operand,
where each thread already holds what it needs, and multiplies them by V, which wgmma reads transposed from shared memory (FlashAttention-2
and 3, Dao 2023, Shah et al. 2024). The product for the next tile of keys starts before the softmax of the present one. Tiles that no query
of the block sees are left out; only tiles at a bound compare places. Where all keys fit one tile there is no loop and nothing is rescaled.

Head sizes are cut into pieces of 64, 32 and 16 columns, each a line of a swizzle; TMA fills up with zeros what is past the head.

Registers: with two consumer warpgroups 128 threads x 40 + 256 x 232 = 64,512 of 65,536; with one, a producer of a single warp leaves room
for a second block beside it where tiles are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.kernel.layouts import WgmmaA, WgmmaAcc
from .....dialects.kernel.types import Choice, FragType, SharedType, Target, TensorMapType
from ...building.builder import Index, KernelBuilder
from ...building.group import Anchors, GroupView
from ...building.schedule import Refusal
from ...building.work import Work
from ...cost.price import price
from ..gemm.sm90 import CONSUMER_REGISTERS, PRODUCER_REGISTERS, REGISTERS, fits_tma
from .counting import attention_work
from .problem import ANCHORS, SPACE, AttentionProblem, batch_and_head, grid, hides, place_of, problem_of
from .results import is_staged, staging, store_results
from .softmax import Softmax, State, flat, state_of

PIECES = (64, 32, 16)
"""Columns of a shared tile: a line of the 128, 64 or 32-byte swizzle."""
BOX_ROWS = 256
"""Rows that one TMA copy brings, at most; also the columns of a wgmma."""

AHEAD = 64
"""The head size at which it is faster to start the product of the next tile first; prices are the same. With 32 columns registers do not
last, with 80 it does not matter, and with 96 and 128 two consumers fill each other's waits (H200: 147 us against 154, 175 against 195)."""
WAITS = 0.023
"""Issue slots per multiply-add in which the softmax waits for products: almost four tenths of their time."""


@dataclass(frozen=True)
class Tile:
    """64 * groups queries of `groups` consumer warpgroups, tiles of `keys` keys in rings of `stages`."""

    groups: int
    keys: int
    stages: int
    ahead: int = 0
    """Whether the product for the next tile of keys starts before the softmax of the present one."""

    @property
    def queries(self) -> int:
        return 64 * self.groups

    @property
    def threads(self) -> int:
        return 160 if self.groups == 1 else 128 * (1 + self.groups)

    def smem(self, problem: AttentionProblem) -> int:
        """Bytes of Q, the rings, the result on its way out, and the barriers."""
        sizes = problem.head, problem.value_head
        result = problem.value_head if is_staged(problem) else 0
        elements = self.queries * (problem.head + result) + self.stages * self.keys * sum(sizes)
        alignment = 1024 * sum(len(pieces(size)) for size in (problem.head, *sizes, result))
        return 2 * elements + alignment + 16 * (1 + 2 * self.stages)

    def holds_all(self, problem: AttentionProblem) -> bool:
        """Whether one tile has all keys, so that nothing is rescaled."""
        return problem.most_keys is not None and problem.most_keys <= self.keys

    def registers(self, problem: AttentionProblem) -> int:
        """
        Per consumer thread, estimated: scores, of the next tile too or their probabilities; a mask; the output, of which ptxas holds parts
        twice; places and rows.
        """
        scores = self.keys if self.ahead else self.keys * 3 // 4
        return scores + problem.mask_registers(self.keys // 2) + problem.value_head * 5 // 8 + 24

    def fits(self, problem: AttentionProblem) -> bool:
        """Whether registers are enough; seen in SASS, where more spill."""
        return self.registers(problem) <= (240 if self.groups == 1 else 220)

    def allocated(self, problem: AttentionProblem) -> int:
        """Per thread, what ptxas takes: of all keys in one tile less than `registers`, since the output comes after the scores."""
        if self.groups == 1 and self.stages == 1:
            return self.keys // 2 + problem.value_head * 5 // 8 + 4
        return REGISTERS // self.threads // (2 if self.shares(problem) else 1)

    def shares(self, problem: AttentionProblem) -> bool:
        """Whether the registers of an SM are enough for two blocks, 168 for each thread. Seen in SASS, where more spill: with the next
        tile's scores too they do for few head sizes, without a mask, and not where the bounds of causal loops are known."""
        if self.groups > 1:
            return False
        if self.ahead:
            known = problem.bounded and problem.keys.as_int() is not None
            return 64 <= problem.value_head <= 80 and problem.anchor.mask is None and not known
        return self.registers(problem) <= 192


def pieces(size: int) -> list[tuple[int, int]]:
    """(first column, columns) of the pieces of a head."""
    found: list[tuple[int, int]] = []
    first = 0
    while first < size:
        width = next(w for w in PIECES if w <= size - first)
        found.append((first, width))
        first += width
    return found


class AttentionSm90:
    """See the module's text."""

    name = "attention_sm90"
    anchors: Sequence[Anchors] = ANCHORS

    def match(self, view: GroupView, target: Target) -> AttentionProblem | Refusal:
        if target.arch.data != "sm_90a":
            return Refusal(f"wgmma needs sm_90a, got {target.arch.data}", final=True)
        problem = problem_of(view)
        if isinstance(problem, Refusal):
            return problem
        anchor = problem.anchor
        if problem.narrows:
            stored = nn.element_of(anchor.q)
            return Refusal(
                f"expected q, k and v stored as {problem.element}, got {stored}; TMA copies bytes", anchor, final=True
            )
        for name, value in zip("qkv", (anchor.q, anchor.k, anchor.v), strict=True):
            access = problem.access(value)
            assert access is not None
            if reason := fits_tma(view, access, SPACE):
                outside = view.operand_index(value) is not None
                return Refusal(f"{name}: {reason}", anchor, final=outside)
        if not _tiles(problem, target.smem.data):
            why = f"expected registers and shared memory for a head size of {problem.value_head}, got {target.smem.data} bytes"
            return Refusal(why, anchor, final=True)
        return problem

    def configs(self, problem: AttentionProblem, target: Target) -> list[Choice]:
        choices = [Choice.of(self.name, asdict(tile)) for tile in _tiles(problem, target.smem.data)]
        return sorted(choices, key=lambda choice: price(self.work(problem, choice, target), target))

    def work(self, problem: AttentionProblem, config: Choice, target: Target) -> list[Work]:
        tile = _tile(config)
        return [
            attention_work(
                problem, tile.queries, tile.keys, f"wgmma_{problem.element}",
                threads=tile.threads,
                registers=tile.allocated(problem),
                smem=tile.smem(problem),
                ahead=tile.stages / 2,
                tma=True,
                waits=WAITS,
                refill=4.0 if tile.groups == 1 else 6.0,
            )
        ]  # fmt: skip

    def lower(self, problem: AttentionProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        return [_Builder(problem, _tile(config)).build()]


def _tile(config: Choice) -> Tile:
    return Tile(**{k: int(v) for k, v in config.values.items()})


def _tiles(problem: AttentionProblem, smem: int) -> list[Tile]:
    """Candidates: all keys in one tile where they are few, and the widest tiles that registers and shared memory hold."""

    def fits(tile: Tile) -> bool:
        return tile.fits(problem) and tile.smem(problem) <= smem

    most = problem.most_keys
    found: list[Tile] = []
    for groups in (1, 2):
        if most is not None and most <= BOX_ROWS:
            single = Tile(groups, max(16, -(-most // 16) * 16), 1)
            found += [single] if fits(single) else []
        for ahead in (1, 0) if problem.value_head == AHEAD else (0, 1):
            tiles = [Tile(groups, keys, 2, ahead) for keys in (128, 96, 64, 48, 32)]
            found += [tile for tile in tiles if fits(tile) and not tile.holds_all(problem)][:1]
    return found


@dataclass(frozen=True)
class _Operand:
    """Q, K or V: for each piece of the head its first column, tensor map and shared tile; its batch and head; rows of a tile."""

    parts: Sequence[tuple[int, SSAValue, SSAValue]]
    batch: SSAValue
    head: SSAValue
    rows: int

    def fetch(self, b: KernelBuilder, ring: SSAValue, fill: Index, row: Index) -> None:
        """The producer's part for one fill of the ring: the tile from `row` on."""
        b.acquire(ring, fill)
        for first, map_, tile in self.parts:
            at = [self.batch, self.head, b.index(row), b.index(first)]
            b.insert(kernel.LoadTmaOp(map_, at, b.slot(tile, fill), ring, b.index(fill)))
        width = sum(_columns(tile) for _, _, tile in self.parts)
        b.commit(ring, fill, 2 * self.rows * width)


def _columns(tile: SSAValue) -> int:
    assert isinstance(tile.type, SharedType)
    return tile.type.tile[1]


class _Builder:
    """Builds one kernel."""

    def __init__(self, problem: AttentionProblem, tile: Tile):
        self.problem, self.tile = problem, tile
        warps = 4 * tile.groups + (4 if tile.groups > 1 else 1)
        blocks = 2 if tile.shares(problem) else 1
        self.b = KernelBuilder.for_group(problem.group, grid(problem, tile.queries), warps, min_blocks=blocks)
        layout = WgmmaAcc.of(tile.groups)
        self.score_type = FragType.of((tile.queries, tile.keys), f32, layout)
        self.probs_type = FragType.of((tile.queries, tile.keys), problem.element, WgmmaA.of(tile.groups))
        self.out_pieces = pieces(problem.value_head)
        self.out_types = [FragType.of((tile.queries, width), f32, layout) for _, width in self.out_pieces]

    def build(self) -> kernel.FuncOp:
        b, tile, anchor = self.b, self.tile, self.problem.anchor
        self.place = place_of(b, self.problem, tile.queries, tile.keys)
        self.q = self._operand("q", anchor.q, tile.queries, 1)
        self.k = self._operand("k", anchor.k, tile.keys, tile.stages)
        self.v = self._operand("v", anchor.v, tile.keys, tile.stages)
        self.staged = staging(b, self.problem, tile.queries, [width for _, width in self.out_pieces])
        self.q_ring = b.ring(1, "mbarrier", "q_ring")
        self.k_ring = b.ring(tile.stages, "mbarrier", "k_ring")
        self.v_ring = b.ring(tile.stages, "mbarrier", "v_ring")
        if tile.groups == 1:
            # wgmma needs four warps from a multiple of four on.
            b.roles({"consumer": (4, 0, self._consume), "producer": (1, 0, self._produce)})
        else:
            b.roles(
                {
                    "producer": (4, PRODUCER_REGISTERS, self._produce),
                    "consumer": (4 * tile.groups, CONSUMER_REGISTERS, self._consume),
                }
            )
        return b.finish()

    def _operand(self, name: str, value: SSAValue, rows: int, stages: int) -> _Operand:
        """The tensor maps and shared tiles of one operand, a pair for each piece of the head."""
        b, element = self.b, self.problem.element
        access = self.problem.access(value)
        assert access is not None
        view = b.view_of(access, SPACE)
        parts: list[tuple[int, SSAValue, SSAValue]] = []
        for first, width in pieces(self.problem.value_head if name == "v" else self.problem.head):
            map_ = b.emit(kernel.TensorMapOp(view, TensorMapType.of((rows, width), element, 2 * width)), f"{name}_map")
            tile = b.alloc((stages, rows, width), element, swizzle=2 * width, name=f"{name}_shared")
            parts.append((first, map_, tile))
        batch, head = batch_and_head(b, self.problem, self.place, value)
        return _Operand(parts, batch, head, rows)

    # The producer.

    def _produce(self, b: KernelBuilder) -> None:
        place, keys = self.place, self.tile.keys
        self.q.fetch(b, self.q_ring, 0, place.row)

        def step(b: KernelBuilder, fill: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            row = b.mul(b.add(place.first, fill), keys)
            self.k.fetch(b, self.k_ring, fill, row)
            self.v.fetch(b, self.v_ring, fill, row)
            return []

        if self.tile.holds_all(self.problem):
            step(b, b.index(0), [])
        else:
            b.loop(0, place.count, 1, [], step, "fill")

    # The consumers.

    def _consume(self, b: KernelBuilder) -> None:
        softmax = Softmax(self.problem, self.place, self.score_type)
        b.wait(self.q_ring, 0)
        state = softmax.start(b, self.out_types)
        ahead = self.tile.ahead and not self.tile.holds_all(self.problem)
        state = self._walk_ahead(b, softmax, state) if ahead else self._walk(b, softmax, state)
        at = self.place.batch, self.place.head, self.place.row
        columns = [first for first, _ in self.out_pieces]
        store_results(b, self.problem, softmax.finish(b, state), columns, at, self.staged)

    def _walk(self, b: KernelBuilder, softmax: Softmax, state: State) -> State:
        """One tile of keys after the other. Those at a bound come last, so that the others compare nothing."""
        last = b.sub(self.place.count, 1)
        carried, begin = flat(state), b.index(0)
        bounded, tail = self.problem.bounded, hides(self.problem, self.tile.keys)
        if self.tile.holds_all(self.problem):
            loops = [(self.place.count, bounded or tail)]
        elif bounded:
            loops = [(self.place.plain, False), (self.place.count, True)]
        else:
            loops = [(last, False), (self.place.count, True)] if tail else [(self.place.count, False)]
        for end, bounds in loops:
            # Nobody waits for the slots of the last tile. Where the loop before may run no time, ptxas spills what goes past it into
            # straight code, and none of it into a loop.
            static = self.problem.keys.as_int() is not None
            is_last = self.tile.holds_all(self.problem) or (begin is last and static)

            def step(
                b: KernelBuilder,
                fill: SSAValue,
                values: Sequence[SSAValue],
                bounds: bool = bounds,
                is_last: bool = is_last,
            ) -> list[SSAValue]:
                b.wait(self.k_ring, fill)
                coming = self._multiply(b, fill)
                mask = softmax.mask(b, self._tile(b, fill))
                products = b.emit(kernel.MmaWaitOp(coming, 0), "products")
                if not is_last:
                    b.release(self.k_ring, fill)
                state = state_of(values)
                probs, state = self._probabilities(b, softmax, products, mask, fill, state, bounds=bounds)
                state, _ = self._weighed(b, probs, state, fill)
                if not is_last:
                    b.release(self.v_ring, fill)
                return flat(state)

            if is_last:
                carried = step(b, last, carried)
            else:
                carried = b.loop(begin, end, 1, carried, step, "tile")
            begin = end
        return state_of(carried)

    def _walk_ahead(self, b: KernelBuilder, softmax: Softmax, state: State) -> State:
        """The same with the products of the next tile under way during the softmax of the present one; the last tile has no next."""
        last = b.sub(self.place.count, 1)
        b.wait(self.k_ring, 0)
        products = b.emit(kernel.MmaWaitOp(self._multiply(b, 0), 0), "products")
        b.release(self.k_ring, 0)
        carried, begin = [products, *flat(state)], b.index(0)
        bounded = self.problem.bounded
        for end, bounds in [(self.place.plain, False), (last, True)] if bounded else [(last, False)]:

            def step(
                b: KernelBuilder, fill: SSAValue, values: Sequence[SSAValue], bounds: bool = bounds
            ) -> list[SSAValue]:
                products, *rest = values
                following = b.add(fill, 1)
                b.wait(self.k_ring, following)
                coming = self._multiply(b, following)
                mask, state = softmax.mask(b, self._tile(b, fill)), state_of(rest)
                probs, state = self._probabilities(b, softmax, products, mask, fill, state, bounds=bounds)
                state, done = self._weighed(b, probs, state, fill, [coming])
                b.release(self.k_ring, following)
                b.release(self.v_ring, fill)
                return [*done, *flat(state)]

            carried = b.loop(begin, end, 1, carried, step, "tile")
            begin = end
        products, *rest = carried
        bounds = bounded or hides(self.problem, self.tile.keys)
        mask, state = softmax.mask(b, self._tile(b, last)), state_of(rest)
        probs, state = self._probabilities(b, softmax, products, mask, last, state, bounds=bounds)
        return self._weighed(b, probs, state, last)[0]

    def _weighed(
        self, b: KernelBuilder, probs: SSAValue, state: State, fill: Index, coming: Sequence[SSAValue] = ()
    ) -> tuple[State, Sequence[SSAValue]]:
        """The state after the product of probabilities and values, and products `coming` meanwhile, when all are done."""
        b.wait(self.v_ring, fill)
        under_way = [*coming, *self._weigh(b, probs, state.out, fill)]
        done = [b.emit(kernel.MmaWaitOp(value, 0), value.name_hint) for value in under_way]
        return state._replace(out=done[len(coming) :]), done[: len(coming)]

    def _multiply(self, b: KernelBuilder, fill: Index) -> SSAValue:
        """Starts Q K^T of one fill of the ring."""
        products = b.fill(0.0, self.score_type, "products")
        for (_, _, q), (_, _, k) in zip(self.q.parts, self.k.parts, strict=True):
            products = b.emit(kernel.MmaOp(b.slot(q, 0, "q_slot"), b.slot(k, fill, "k_slot"), products), "products")
        return products

    def _tile(self, b: KernelBuilder, fill: Index) -> SSAValue:
        """The number of the tile of keys in one fill of the rings."""
        return b.add(self.place.first, fill)

    def _probabilities(
        self,
        b: KernelBuilder,
        softmax: Softmax,
        products: SSAValue,
        mask: Sequence[SSAValue],
        fill: Index,
        state: State,
        *,
        bounds: bool,
    ) -> tuple[SSAValue, State]:
        scores = softmax.scores(b, products, self._tile(b, fill), mask, bounds=bounds)
        probs, state = softmax.probabilities(b, scores, state, only=self.tile.holds_all(self.problem))
        return b.emit(kernel.ConvertLayoutOp(probs, self.probs_type), "probs"), state

    def _weigh(self, b: KernelBuilder, probs: SSAValue, out: Sequence[SSAValue], fill: Index) -> list[SSAValue]:
        """Starts the product of probabilities and values of one fill of the ring."""
        made: list[SSAValue] = []
        for piece, (_, _, v) in zip(out, self.v.parts, strict=True):
            made.append(b.emit(kernel.MmaOp(probs, b.slot(v, fill, "v_slot"), piece, transposed_b=True), "out"))
        return made


SCHEDULE = AttentionSm90()
