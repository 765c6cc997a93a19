"""
Schedule `row`: softmax, log_softmax, layer_norm, normalize, l2_normalize and reduce over any axes, with pointwise ops before and after.

The dims are regrouped into rows (kept axes) and columns (reduced axes), so every case is one 2-D tile program:

Rows that are rolled, and reshaped or transposed on the way (windows of an image), are read where they are.

- reduced axes innermost: one warp per row while a thread then holds at most 32 values (shuffles only, no barrier), else one block per row;
- other axes innermost (NHWC pooling over H, W): neighbouring threads take neighbouring rows, so that their loads are contiguous;
- rows that do not fit the registers are walked in chunks: softmax in two passes (running maximum and sum, then the quotient), layer_norm in
  three (mean, variance, result: a one-pass variance cancels in f32), normalize likewise, or in two without the mean, as l2_normalize is,
  reduce in one.

Statistics are f32 for f16 and bf16. Elements outside a row are the reduction's identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from xdsl.dialects import math
from xdsl.ir import Operation, SSAValue

from .....dialects import kernel, nn
from .....dialects.kernel.types import Choice, Target
from .....dialects.strided import space_axes
from ...building.builder import Emitter, KernelBuilder
from ...building.group import Anchors, GroupView
from ...building.pointwise import add, convert, div, lowest, maximum, mul, refuse_pointwise, refuse_tensors, sub
from ...building.schedule import OtherAnchor, Refusal
from ...building.space import Space, refuse_leaves, refuse_values
from ...building.tiling import power_of_two_at_least
from ...building.work import Work, arithmetic, cut, usual_bytes
from .tiles import Reduction, RowKernel, RowProblem, RowTile, row_work

NAME = "row"
ANCHORS = nn.ROW_WISE
REGISTERS = 32
"""Values of a row per thread: with as many temporaries that stays far below 255 registers, and four blocks fit an SM."""


_EFFORT: Mapping[type[Operation], tuple[float, int]] = {
    nn.SoftmaxOp: (16, 2),
    nn.LogSoftmaxOp: (16, 2),
    nn.LayerNormOp: (10, 3),
    nn.NormalizeOp: (8, 3),
    nn.L2NormalizeOp: (14, 2),
    nn.ReduceOp: (3, 1),
}
"""Instructions per element, and how often rows that do not fit the registers are read."""


@dataclass(frozen=True)
class Row:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = (*((anchor,) for anchor in ANCHORS), *((nn.ReduceOp,) * count for count in (2, 3)))

    def match(self, view: GroupView, target: Target) -> RowProblem | Refusal:
        anchor, *others = _main_first(view.anchors) or [None]
        if not isinstance(anchor, ANCHORS) or not all(isinstance(other, nn.ReduceOp) for other in others):
            return OtherAnchor("expected one softmax, log_softmax, layer_norm, normalize, l2_normalize or reduce")
        if refusal := refuse_pointwise(view.ops) or refuse_tensors(view):
            return refusal
        problem = RowProblem(view, anchor, tuple(op for op in others if isinstance(op, nn.ReduceOp)))
        if not problem.reduced:
            return Refusal("expected at least one reduced axis", anchor, final=True)
        for other in problem.others:
            why = nn.refuse_beside(other, anchor) if isinstance(anchor, nn.ReduceOp) else f"{anchor.name} is none"
            if why is not None:
                return Refusal(f"expected reductions that walk the same elements: {why}", other)
            if refusal := refuse_leaves(view, other.x, problem.dims, groups=problem.groups):
                return refusal
        inputs = [anchor.x]
        if refusal := refuse_values(view, inputs, problem.dims, groups=problem.groups):
            return refusal
        if isinstance(anchor, nn.LayerNormOp):
            for value in (anchor.scale, anchor.bias):
                if view.access(value, space_axes(nn.shape_of(value), problem.dims), problem.dims) is None:
                    return Refusal("expected scale and bias of layer_norm from outside the group", anchor)
        if isinstance(anchor, nn.ReduceOp):
            known = [anchor.result, *(other.result for other in problem.others)]
            return refuse_values(view, view.results, nn.shape_of(anchor.result), known) or problem
        known = [anchor.result, anchor.x]
        return refuse_values(view, view.results, problem.dims, known, problem.groups) or problem

    def configs(self, problem: RowProblem, target: Target) -> list[Choice]:
        group = problem.group
        rows, columns = group.usual(problem.rows), group.usual(problem.columns)
        longest = group.upper(problem.columns)
        if not problem.shuffles:
            return [_choice(32, 1, 1, 1, loop=1), _choice(128, 1, 1, 1, loop=1)]
        if not problem.along_columns:
            return self._across(rows, columns, target)
        vector = problem.vector()
        choices: list[Choice] = []
        for threads in (32, 128, 256, 512, 1024):
            width = -(-longest // (threads * vector)) * threads * vector if longest is not None else 0
            if not 0 < width <= REGISTERS * threads:
                continue
            per_block = max(1, 128 // threads)
            choices.append(_choice(per_block, threads, vector, width // threads, loop=0))
        chunked = _choice(1, 256, vector, max(vector, 8), loop=1)
        # Few long rows leave SMs idle with one warp per row: prefer one block per row then.
        if len(choices) > 1 and rows * 32 < target.sms.data * 128 and columns > 256:
            choices[0], choices[1] = choices[1], choices[0]
        return [*choices[:3], chunked]

    @staticmethod
    def _across(rows: int, columns: int, target: Target) -> list[Choice]:
        """32 neighbouring rows per warp; the fewer rows there are, the more threads share the columns of one."""
        shared = 1
        while shared < 16 and rows * shared < target.sms.data * 512 and shared * 4 <= columns:
            shared *= 2
        options = list(dict.fromkeys([shared, 1, 8]))
        return [
            _choice(max(32, 128 // s), s, 1, min(8, power_of_two_at_least(-(-columns // s))), loop=1) for s in options
        ]

    def work(self, problem: RowProblem, config: Choice, target: Target) -> list[Work]:
        group, tile = problem.group, RowTile.of(config)
        instructions, passes = _EFFORT[type(problem.anchor)]
        instructions *= 1 + len(problem.others)
        if not tile.loop:
            passes = 1
        blocks, columns = cut(group.usual(problem.rows), tile.rows), max(1, group.usual(problem.columns))
        read, moved = max(usual_bytes(group)[: len(group.operands)]), sum(usual_bytes(group))
        moved += (passes - 1) * read
        return [
            row_work(
                problem, tile, columns, passes, instructions / passes + arithmetic(group.ops),
                blocks=blocks, l2_bytes=moved / blocks / (passes * cut(columns, tile.width)), dram_bytes=moved,
            )
        ]  # fmt: skip

    def lower(self, problem: RowProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        return [_Kernel(problem, RowTile.of(config)).build()]


def _main_first(anchors: Sequence[Operation]) -> Sequence[Operation]:
    """The anchors, first the reduction that the others stand beside, if there are several."""
    reductions = [op for op in anchors if isinstance(op, nn.ReduceOp)]
    for op in reductions:
        others = [other for other in anchors if other is not op]
        if all(isinstance(other, nn.ReduceOp) and nn.refuse_beside(other, op) is None for other in others):
            return [op, *others]
    return anchors


def _choice(rows: int, threads: int, vector: int, registers: int, *, loop: int) -> Choice:
    return Choice.of(NAME, RowTile(rows, threads, vector, registers, loop).tunables())


class _Kernel(RowKernel):
    """Builds the kernel of one problem and choice."""

    def __init__(self, problem: RowProblem, tile: RowTile):
        grid = (problem.rows + tile.rows - 1) // tile.rows
        super().__init__(problem, tile, KernelBuilder.for_group(problem.group, [grid, 1, 1], tile.warps))

    def build(self) -> kernel.FuncOp:
        match self.problem.anchor:
            case nn.SoftmaxOp() | nn.LogSoftmaxOp():
                self._softmax_in_chunks() if self.loop else self._softmax()
            case nn.LayerNormOp() | nn.NormalizeOp() as op:
                self._layer_norm(op)
            case nn.L2NormalizeOp() as op:
                self._l2_normalize(op)
            case nn.ReduceOp() as op:
                self._reduce(op)
        return self.b.finish()

    # The three anchors.

    def _softmax(self) -> None:
        space = self.space(self.b, 0)
        x = self.input(space, float("-inf"))
        row_max = self.reduce("max", x)
        (e,) = self.b.map([x, row_max], [self.frag], lambda s, a, m: [s.emit(math.ExpOp(sub(s, a, m)))])
        total = self.reduce("sum", e)
        if isinstance(self.problem.anchor, nn.LogSoftmaxOp):
            self._finish(space, self._below_logarithm(space, x, row_max, self._logarithm(total)), x)
            return
        (y,) = self.b.map([e, self._reciprocal(total)], [self.frag], lambda s, a, r: [mul(s, a, r)])
        self._finish(space, y, x)

    def _reciprocal(self, rows: SSAValue) -> SSAValue:
        return self.b.map([rows], [self.row_frag], lambda s, a: [div(s, s.constant(1, a.type), a)])[0]

    def _logarithm(self, rows: SSAValue) -> SSAValue:
        return self.b.map([rows], [self.row_frag], lambda s, a: [s.emit(math.LogOp(a))])[0]

    def _below_logarithm(self, space: Space, x: SSAValue, row_max: SSAValue, logarithm: SSAValue) -> SSAValue:
        body = lambda s, a, m, t: [sub(s, sub(s, a, m), t)]  # noqa: E731
        return space.b.map([x, row_max, logarithm], [self.frag], body)[0]

    def _softmax_in_chunks(self) -> None:
        wide, minus = self.problem.wide, float("-inf")

        def statistics(space: Space, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            def body(s: Emitter, x: SSAValue, old: SSAValue, total: SSAValue) -> list[SSAValue]:
                new = maximum(s, old, x)
                corrected = mul(s, total, s.emit(math.ExpOp(sub(s, old, new))))
                return [new, add(s, corrected, s.emit(math.ExpOp(sub(s, x, new))))]

            return space.b.map([self.input(space, minus), *carried], [self.frag, self.frag], body)

        maxima, sums = self.chunks([self.b.fill(lowest(wide), self.frag), self.b.fill(0, self.frag)], statistics)
        row_max = self.reduce("max", maxima)

        def rescale(s: Emitter, total: SSAValue, own: SSAValue, row_max: SSAValue) -> list[SSAValue]:
            return [mul(s, total, s.emit(math.ExpOp(sub(s, own, row_max))))]

        total = self.reduce("sum", self.b.map([sums, maxima, row_max], [self.frag], rescale)[0])
        logarithm = isinstance(self.problem.anchor, nn.LogSoftmaxOp)
        last = self._logarithm(total) if logarithm else self._reciprocal(total)

        def write(space: Space, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            x = space.wide(self.problem.anchor.x, wide, minus)
            quotient = lambda s, a, m, r: [mul(s, s.emit(math.ExpOp(sub(s, a, m))), r)]  # noqa: E731
            if logarithm:
                y = self._below_logarithm(space, x, row_max, last)
            else:
                (y,) = space.b.map([x, row_max, last], [self.frag], quotient)
            self._finish(space, y, x)
            return []

        self.chunks([], write)

    def _layer_norm(self, op: nn.LayerNormOp | nn.NormalizeOp) -> None:
        def rstd(s: Emitter, variance: SSAValue) -> list[SSAValue]:
            return [s.emit(math.RsqrtOp(add(s, variance, s.constant(op.epsilon.value.data, variance.type))))]

        def squares(space: Space, x: SSAValue, mean: SSAValue | None) -> SSAValue:
            def body(s: Emitter, a: SSAValue, *m: SSAValue) -> list[SSAValue]:
                d = sub(s, a, *m) if m else a
                return [mul(s, d, d)]

            values = [x] if mean is None else [x, mean]
            return self.masked(space, space.b.map(values, [self.frag], body)[0], 0.0)

        centred = isinstance(op, nn.LayerNormOp) or bool(op.centred)
        if self.loop:
            mean = self.mean(self.total("sum", 0.0, lambda space: self.input(space, 0.0))) if centred else None
            variance = self.mean(self.total("sum", 0.0, lambda space: squares(space, self.input(space, 0.0), mean)))
            scale = self.b.map([variance], [self.row_frag], rstd)[0]
            self.chunks([], lambda space, _: self._normalize(space, op, None, mean, scale))
            return
        space = self.space(self.b, 0)
        x = self.input(space, 0.0)
        mean = self.mean(self.reduce("sum", x)) if centred else None
        variance = self.mean(self.reduce("sum", squares(space, x, mean)))
        self._normalize(space, op, x, mean, self.b.map([variance], [self.row_frag], rstd)[0])

    def _normalize(
        self,
        space: Space,
        op: nn.LayerNormOp | nn.NormalizeOp,
        x: SSAValue | None,
        mean: SSAValue | None,
        rstd: SSAValue,
    ) -> Sequence[SSAValue]:
        x = space.wide(op.x, self.problem.wide) if x is None else x
        affine = (op.scale, op.bias) if isinstance(op, nn.LayerNormOp) else ()
        parameters = [space.load(v, space.axes(v)) for v in affine]

        def body(s: Emitter, a: SSAValue, r: SSAValue, *others: SSAValue) -> list[SSAValue]:
            shift, rest = (others[:1], others[1:]) if mean is not None else ((), others)
            normal = mul(s, sub(s, a, *shift) if shift else a, r)
            if not rest:
                return [normal]
            scale, bias = rest
            return [add(s, mul(s, normal, convert(s, scale, a.type)), convert(s, bias, a.type))]

        (y,) = space.b.map([x, rstd, *([] if mean is None else [mean]), *parameters], [self.frag], body)
        self._finish(space, y, x)
        return []

    def _l2_normalize(self, op: nn.L2NormalizeOp) -> None:
        def squares(space: Space, x: SSAValue) -> SSAValue:
            return space.b.map([x], [self.frag], lambda s, a: [mul(s, a, a)])[0]

        def bounded(s: Emitter, total: SSAValue) -> list[SSAValue]:
            return [maximum(s, s.emit(math.SqrtOp(total)), s.constant(op.epsilon.value.data, total.type))]

        def write(space: Space, x: SSAValue, total: SSAValue) -> Sequence[SSAValue]:
            (length,) = space.b.map([total], [self.row_frag], bounded)
            (y,) = space.b.map([x, length], [self.frag], lambda s, a, n: [div(s, a, n)])
            self._finish(space, y, x)
            return []

        if self.loop:
            total = self.total("sum", 0.0, lambda space: squares(space, self.input(space, 0.0)))
            self.chunks([], lambda space, _: write(space, space.wide(op.x, self.problem.wide), total))
            return
        space = self.space(self.b, 0)
        x = self.input(space, 0.0)
        write(space, x, self.reduce("sum", squares(space, x)))

    def _finish(self, space: Space, y: SSAValue, x: SSAValue) -> None:
        anchor = self.problem.anchor
        space.store_results({anchor.x: x, anchor.result: y})

    def _reduce(self, op: nn.ReduceOp) -> None:
        ops = [op, *self.problem.others]
        found = [Reduction.of(each) for each in ops]
        if self.loop:
            values = self.totals([(how.kind, how.identity, partial(how.term, self)) for how in found])
        else:
            space = self.space(self.b, 0)
            values = [self.reduce(how.kind, how.term(self, space)) for how in found]
        means = [each.kind.data is nn.ReduceKind.MEAN for each in ops]
        made = [self.mean(value) if mean else value for value, mean in zip(values, means, strict=True)]
        self.store_rows({each.result: value for each, value in zip(ops, made, strict=True)})


SCHEDULE = Row()
