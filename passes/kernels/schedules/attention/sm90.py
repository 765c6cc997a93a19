"""
Attention for Hopper (sm_90a) in one launch: softmax(scale(Q K^T)) V with the scores never leaving registers.

A block owns 128 queries of one head: a producer warpgroup brings Q once and then K and V tiles of 128 keys by TMA; two
consumer warpgroups of 64 queries each compute the scores by wgmma, keep a running row maximum and row sum (online softmax,
Milakov and Gimelshein 2018), turn the probabilities from the accumulator's layout into that of wgmma's A operand, where
each thread already holds what it needs, and multiply them by V, which wgmma reads transposed from shared memory
(FlashAttention-2 and 3, Dao 2023, Shah et al. 2024).

Takes a group of matmul (transpose_b), pointwise, softmax over the last axis, matmul, pointwise. Not tuned; no fusion makes such groups yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr, ceildiv, product
from .....dialects.kernel.layouts import WgmmaA, WgmmaAcc
from .....dialects.kernel.types import Choice, FragType, Target, TensorMapType, bitwidth
from .....dialects.strided import Axes, space_axes
from ...building.builder import Emitter, Index, KernelBuilder
from ...building.group import Access, Anchors, GroupView
from ...building.maps import emit_pointwise
from ...building.pointwise import lowest, refuse_pointwise
from ...building.schedule import OtherAnchor, Refusal
from ...building.work import ISSUE, Work, cut, usual_bytes
from ..gemm.sm90 import CONSUMER_REGISTERS, LINE, PRODUCER_REGISTERS, REGISTERS, fits_tma

QUERIES = KEYS = 128
GROUPS = 2
ANCHORS = (nn.MatmulOp, nn.SoftmaxOp, nn.MatmulOp)
SOFTMAX_INSTRUCTIONS = 880
"""Per warp, between the two products of a tile of keys; counted in SASS."""
HEAD = 64
"""Head size: one line of the 128-byte swizzle."""


@dataclass(frozen=True)
class AttentionProblem:
    """The three ops of an attention, and the group that they anchor."""

    group: GroupView
    scores: nn.MatmulOp
    softmax: nn.SoftmaxOp
    context: nn.MatmulOp


class State(NamedTuple):
    """What the loop over keys carries: output (not yet divided), row maxima, row sums."""

    out: SSAValue
    row_max: SSAValue
    row_sum: SSAValue


def attention_of(group: GroupView) -> AttentionProblem | Refusal:
    """The attention in a group, or why there is none."""
    if tuple(type(a) for a in group.anchors) != ANCHORS:
        got = ", ".join(a.name for a in group.anchors) or "nothing"
        return OtherAnchor(f"expected matmul, softmax, matmul, got {got}")
    scores, softmax, context = group.anchors
    assert isinstance(scores, nn.MatmulOp) and isinstance(softmax, nn.SoftmaxOp) and isinstance(context, nn.MatmulOp)
    dims = nn.shape_of(scores.result)
    if scores.transpose_b is None or context.transpose_b is not None or context.a is not softmax.result:
        return Refusal("expected Q K^T (transpose_b), then the softmax times V", context)
    if softmax.axis.value.data != len(dims) - 1:
        return Refusal("expected the softmax over the keys", softmax, final=True)
    if bitwidth(nn.element_of(scores.a)) != 16:
        return Refusal(f"expected f16 or bf16, got {nn.element_of(scores.a)}", scores, final=True)
    if nn.shape_of(scores.a)[-1].as_int() != HEAD or nn.shape_of(context.b)[-1].as_int() != HEAD:
        return Refusal(f"expected a head size of {HEAD}, got {nn.shape_of(scores.a)[-1]}", scores, final=True)
    return AttentionProblem(group, scores, softmax, context)


class AttentionSm90:
    """See the module's text."""

    name = "attention_sm90"
    anchors: Sequence[Anchors] = (ANCHORS,)

    def match(self, view: GroupView, target: Target) -> AttentionProblem | Refusal:
        if target.arch.data != "sm_90a":
            return Refusal(f"wgmma needs sm_90a, got {target.arch.data}", final=True)
        found = attention_of(view)
        if isinstance(found, Refusal):
            return found
        for name, value in zip("QKV", (found.scores.a, found.scores.b, found.context.b), strict=True):
            access = _access(view, value)
            if access is None:
                return Refusal(f"expected {name} to be an argument of the group or a view of one", view.maker(value))
            if reason := fits_tma(view, access, _groups(access.dims)):
                return Refusal(f"{name}: {reason}", view.maker(value))
        too_large = view.too_large()
        return (None if too_large is None else Refusal(too_large)) or refuse_pointwise(view.ops) or found

    def configs(self, problem: AttentionProblem, target: Target) -> list[Choice]:
        return [Choice.of(self.name, {"stages": 2})]

    def work(self, problem: AttentionProblem, config: Choice, target: Target) -> list[Work]:
        """A step for each tile of keys."""
        group, stages = problem.group, int(config.values["stages"])
        *lead, queries, keys = nn.shape_of(problem.scores.result)
        element = nn.element_of(problem.scores.a)
        return [
            Work(
                blocks=cut(group.usual(queries), QUERIES) * max(1, group.usual(product(lead))),
                threads=128 * (1 + GROUPS),
                registers=REGISTERS // (128 * (1 + GROUPS)),
                smem=(QUERIES + 2 * stages * KEYS) * LINE,
                steps=cut(group.usual(keys), KEYS),
                operations={
                    f"wgmma_{element}": 2 * QUERIES * KEYS * HEAD,
                    ISSUE: SOFTMAX_INSTRUCTIONS * 32 * 4 * GROUPS,
                },
                l2_bytes=2 * KEYS * LINE,
                tma=True,
                dram_bytes=sum(usual_bytes(group)),
                refill=1.0,
                whole_waves=True,
            )
        ]

    def lower(self, problem: AttentionProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        return [_Builder(problem, int(config.values["stages"])).build()]


def _groups(dims: Sequence[Expr]) -> list[list[int]]:
    """(batch and head, row, column)."""
    rank = len(dims)
    return [list(range(rank - 2)), [rank - 2], [rank - 1]]


def _access(group: GroupView, value: SSAValue) -> Access | None:
    dims = nn.shape_of(value)
    return group.access(value, space_axes(dims, dims), dims)


class _Builder:
    """Builds one kernel."""

    def __init__(self, attention: AttentionProblem, stages: int):
        group = self.group = attention.group
        self.attention, self.stages = attention, stages
        self.dims = nn.shape_of(attention.scores.result)
        self.keys = self.dims[-1]
        grid = [ceildiv(self.dims[-2], QUERIES), product(self.dims[:-2]), 1]
        self.b = KernelBuilder.for_group(group, grid, 4 + 4 * GROUPS, min_blocks=1)
        self.element = nn.element_of(attention.scores.a)
        self.layout = WgmmaAcc.of(GROUPS)
        self.score_type = FragType.of((QUERIES, KEYS), f32, self.layout)
        self.out_type = FragType.of((QUERIES, HEAD), f32, self.layout)

    def build(self) -> kernel.FuncOp:
        b = self.b
        self.head, self.row = b.coords[1], b.mul(b.coords[0], QUERIES)
        self.steps = b.expr(ceildiv(self.keys, KEYS))
        sources = (self.attention.scores.a, self.attention.scores.b, self.attention.context.b)
        self.maps = [self._map(value) for value in sources]
        self.q = b.alloc((1, QUERIES, HEAD), self.element, swizzle=LINE)
        self.k, self.v = (b.alloc((self.stages, KEYS, HEAD), self.element, swizzle=LINE) for _ in "KV")
        self.q_ring, self.ring = b.ring(1, "mbarrier"), b.ring(self.stages, "mbarrier")
        b.roles(
            {
                "producer": (4, PRODUCER_REGISTERS, self._produce),
                "consumer": (4 * GROUPS, CONSUMER_REGISTERS, self._consume),
            }
        )
        return b.finish()

    def _map(self, value: SSAValue) -> SSAValue:
        access = _access(self.group, value)
        assert access is not None
        view = self.b.view_of(access, _groups(access.dims))
        return self.b.emit(kernel.TensorMapOp(view, TensorMapType.of((KEYS, HEAD), self.element, LINE)))

    def _load(
        self, b: KernelBuilder, ring: SSAValue, fill: Index, loads: Sequence[tuple[SSAValue, SSAValue, Index]]
    ) -> int:
        """Starts the loads of one fill, (tensor map, staged tile, first row) each; gives their bytes."""
        for map_, shared, first in loads:
            at = [self.head, b.index(first), b.index(0)]
            b.insert(kernel.LoadTmaOp(map_, at, b.slot(shared, fill), ring, b.index(fill)))
        return len(loads) * KEYS * LINE

    def _produce(self, b: KernelBuilder) -> None:
        b.acquire(self.q_ring, 0)
        b.commit(self.q_ring, 0, self._load(b, self.q_ring, 0, [(self.maps[0], self.q, self.row)]))

        def fetch(b: KernelBuilder, step: Index, fill: Index) -> int:
            first = b.mul(step, KEYS)
            return self._load(b, self.ring, fill, [(self.maps[1], self.k, first), (self.maps[2], self.v, first)])

        b.pipelined(self.ring, self.steps, fetch, None, name=None)

    def _consume(self, b: KernelBuilder) -> None:
        zero = b.index(0)
        b.wait(self.q_ring, 0)
        q = b.slot(self.q, 0)
        rows = self.score_type.rows
        start = State(b.fill(0.0, self.out_type), b.fill(lowest(f32), rows), b.fill(0.0, rows))

        def attend(b: KernelBuilder, step: Index, fill: Index, values: Sequence[SSAValue]) -> list[SSAValue]:
            return list(self._attend(b, q, step, fill, State(*values)))

        end = State(*b.pipelined(self.ring, self.steps, None, attend, list(start), name=None))
        row_sum = b.emit(kernel.ConvertLayoutOp(end.row_sum, self.out_type.rows))
        (context,) = b.map([end.out, row_sum], [self.out_type], lambda s, o, t: [s.emit(arith.DivfOp(o, t))])
        dims = nn.shape_of(self.attention.context.result)
        at = (self.head, self.row, zero)

        def load(value: SSAValue, axes: Axes) -> SSAValue:
            access = self.group.access(value, axes, dims)
            assert access is not None
            return b.load(b.view_of(access, _groups(dims)), at, self.out_type)

        wanted = [(r, space_axes(dims, dims)) for r in self.group.results]
        for i, value in enumerate(
            emit_pointwise(b, wanted, self.out_type, load, known={self.attention.context.result: context})
        ):
            b.store(value, b.view_of(self.group.result_access(i), _groups(dims)), at)

    def _attend(self, b: KernelBuilder, q: SSAValue, step: Index, fill: Index, state: State) -> State:
        """One tile of keys and values."""
        k, v = (b.slot(s, fill) for s in (self.k, self.v))
        scores = b.emit(kernel.MmaOp(q, k, b.fill(0.0, self.score_type)))
        scores = b.emit(kernel.MmaWaitOp(scores, 0))
        scores = self._scores(b, scores, b.mul(step, KEYS))
        rows = self.score_type.rows
        tile_max = b.reduce("max", scores)
        (row_max,) = b.map([state.row_max, tile_max], [rows], lambda s, x, y: [s.emit(arith.MaximumfOp(x, y))])
        (correction,) = b.map([state.row_max, row_max], [rows], lambda s, old, new: [_exp_difference(s, old, new)])
        (probs,) = b.map([scores, row_max], [self.score_type], lambda s, x, t: [_exp_difference(s, x, t)])
        sums = b.reduce("sum", probs)
        (row_sum,) = b.map([state.row_sum, correction, sums], [rows], lambda s, x, f, y: [_scaled_sum(s, x, f, y)])
        out_correction = b.emit(kernel.ConvertLayoutOp(correction, self.out_type.rows))
        (out,) = b.map([state.out, out_correction], [self.out_type], lambda s, x, f: [s.emit(arith.MulfOp(x, f))])
        narrow = self.score_type.with_element(self.element)
        (probs,) = b.map([probs], [narrow], lambda s, x: [s.emit(arith.TruncFOp(x, self.element))])
        a = b.emit(kernel.ConvertLayoutOp(probs, FragType.of((QUERIES, KEYS), self.element, WgmmaA.of(GROUPS))))
        out = b.emit(kernel.MmaOp(a, v, out, transposed_b=True))
        out = b.emit(kernel.MmaWaitOp(out, 0))
        return State(out, row_max, row_sum)

    def _scores(self, b: KernelBuilder, scores: SSAValue, first: SSAValue) -> SSAValue:
        """The scores after scale, mask and other pointwise ops before the softmax; keys past the end count as minus infinity."""
        at = (self.head, self.row, first)

        def load(value: SSAValue, axes: Axes) -> SSAValue:
            access = self.group.access(value, axes, self.dims)
            assert access is not None
            return b.load(b.view_of(access, _groups(self.dims)), at, self.score_type)

        wanted = [(self.attention.softmax.x, space_axes(self.dims, self.dims))]
        known: dict[SSAValue, SSAValue] = {self.attention.scores.result: scores}
        (scores,) = emit_pointwise(b, wanted, self.score_type, load, known=known, elements=[f32])
        if (self.keys % KEYS).as_int() == 0:
            return scores
        columns, end = b.coord(first, 1, self.score_type), b.cast(b.expr(self.keys), i32)

        def mask(s: Emitter, x: SSAValue, column: SSAValue, end: SSAValue) -> list[SSAValue]:
            inside = s.emit(arith.CmpiOp(column, end, "slt"))
            return [s.emit(arith.SelectOp(inside, x, s.constant(float("-inf"), f32)))]

        (scores,) = b.map([scores, columns, end], [self.score_type], mask)
        return scores


def _exp_difference(s: Emitter, x: SSAValue, y: SSAValue) -> SSAValue:
    return s.emit(math.ExpOp(s.emit(arith.SubfOp(x, y))))


def _scaled_sum(s: Emitter, x: SSAValue, factor: SSAValue, y: SSAValue) -> SSAValue:
    return s.emit(arith.AddfOp(s.emit(arith.MulfOp(x, factor)), y))


SCHEDULE = AttentionSm90()
