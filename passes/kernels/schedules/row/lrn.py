"""
Schedule `lrn`: local response normalisation over the channels, the last axis, with pointwise ops after.

Rows are pixels, columns channels. Each thread adds the squares of the `size` channels around its own, loading each neighbour at a shifted
column (zero outside): `size` loads per element, all but one of them L1 hits; one element per thread, so that a warp's loads are contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import math
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import product
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import Choice, FragType, Target
from .....dialects.strided import space_axes
from ...building.builder import Emitter, KernelBuilder
from ...building.group import Anchors, GroupView
from ...building.pointwise import add, compute_type, convert, div, mul, refuse_pointwise, refuse_tensors
from ...building.schedule import OtherAnchor, Refusal
from ...building.space import Space, refuse_values
from ...building.tiling import column_threads
from ...building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, arithmetic, cut, usual_bytes
from .tiles import UNROLLED

NAME = "lrn"
POWER = 40
"""Instructions per element of the division by a power."""


@dataclass(frozen=True)
class LrnProblem:
    """A normalisation over the last axis, and the group that it anchors."""

    group: GroupView
    anchor: nn.LrnOp


@dataclass(frozen=True)
class Lrn:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((nn.LrnOp,),)
    reads_again = True

    def match(self, view: GroupView, target: Target) -> LrnProblem | Refusal:
        anchor = view.anchor(nn.LrnOp)
        if not isinstance(anchor, nn.LrnOp):
            return OtherAnchor("expected one lrn")
        if refusal := refuse_pointwise(view.ops) or refuse_tensors(view):
            return refusal
        dims = nn.shape_of(anchor.x)
        if view.access(anchor.x, space_axes(dims, dims), dims) is None:
            return Refusal("expected the operand of lrn from outside the group", anchor)
        return refuse_values(view, view.results, dims, [anchor.result]) or LrnProblem(view, anchor)

    def configs(self, problem: LrnProblem, target: Target) -> list[Choice]:
        columns = column_threads(problem.group.usual(nn.shape_of(problem.anchor.x)[-1]), 1, 128)
        return [
            Choice.of(NAME, {"threads": t, "columns": columns, "rows": r}) for t, r in ((128, 1), (128, 4), (256, 1))
        ]

    def work(self, problem: LrnProblem, config: Choice, target: Target) -> list[Work]:
        """A step for each neighbouring channel."""
        group = problem.group
        threads, columns, deep = (int(config.values[k]) for k in ("threads", "columns", "rows"))
        *pixels, channels = nn.shape_of(problem.anchor.x)
        blocks = cut(group.usual(product(pixels)), threads // columns * deep) * cut(group.usual(channels), columns)
        moved, steps = sum(usual_bytes(group)), problem.anchor.size.value.data
        return [
            Work(
                blocks=blocks,
                threads=threads,
                registers=32 + 4 * deep,
                steps=steps,
                ahead=UNROLLED,
                operations={ISSUE: threads * deep * ACCESS_INSTRUCTIONS},
                l2_bytes=moved / blocks / steps,
                dram_bytes=moved,
                epilogue=threads * deep * (arithmetic(group.ops) + POWER + ACCESS_INSTRUCTIONS * len(group.tensors)),
            )
        ]

    def lower(self, problem: LrnProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        group, anchor = problem.group, problem.anchor
        threads, columns, deep = (int(config.values[k]) for k in ("threads", "columns", "rows"))
        dims, wide = nn.shape_of(anchor.x), compute_type(nn.element_of(anchor.x))
        frag = FragType.of([threads // columns * deep, columns], wide, Blocked.of(threads // columns, columns, 1, 1))
        pixels = product(dims[:-1])
        grid = [(pixels + frag.tile[0] - 1) // frag.tile[0], (dims[-1] + columns - 1) // columns, 1]
        b = KernelBuilder.for_group(group, grid, threads // 32)
        groups = list(range(len(dims) - 1)), [len(dims) - 1]
        first = b.mul(b.coords[0], frag.tile[0]), b.mul(b.coords[1], columns)
        space = Space(b, group, dims, groups, first, frag)
        size, back = anchor.size.value.data, (anchor.size.value.data - 1) // 2

        def step(inner: KernelBuilder, offset: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            column = inner.add(first[1], inner.sub(offset, back))
            x = Space(inner, group, dims, groups, (first[0], column), frag).load(anchor.x, space.axes(anchor.x))

            def square(s: Emitter, total: SSAValue, x: SSAValue) -> list[SSAValue]:
                x = convert(s, x, wide)
                return [add(s, total, mul(s, x, x))]

            return inner.map([carried[0], x], [frag], square)

        (total,) = b.loop(0, size, 1, [b.fill(0, frag)], step)
        alpha, beta, bias = (a.value.data for a in (anchor.alpha, anchor.beta, anchor.bias))

        def quotient(s: Emitter, x: SSAValue, total: SSAValue) -> list[SSAValue]:
            base = add(s, s.constant(bias, wide), mul(s, s.constant(alpha / size, wide), total))
            return [div(s, x, s.emit(math.PowFOp(base, s.constant(beta, wide))))]

        x = space.wide(anchor.x, wide)
        (y,) = b.map([x, total], [frag], quotient)
        space.store_results({anchor.result: y, anchor.x: x})
        return [b.finish()]


SCHEDULE = Lrn()
