"""Schedule `swish`: a kernel for `swish.swish` as it is, where `expand-swish` did not write it in ops of `nn`.

Each thread computes `vector` neighbouring elements. trtc's own schedules refuse an op whose scalar form they do not know; where several
schedules take a group, their prices decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from trtc.dialects import kernel
from trtc.dialects.dims import product
from trtc.dialects.kernel.layouts import Blocked
from trtc.dialects.kernel.types import Choice, FragType, Target
from trtc.dialects.nn import element_of, shape_of
from trtc.dialects.strided import space_axes
from trtc.passes.kernels.building.builder import Emitter, KernelBuilder
from trtc.passes.kernels.building.group import Access, Anchors, GroupView
from trtc.passes.kernels.building.schedule import Refusal
from trtc.passes.kernels.building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, cut, usual_bytes

from .dialect import SwishOp

SWISH_INSTRUCTIONS = 17.0
"""For one element: an exponential, a sum, an exact division."""


@dataclass(frozen=True)
class SwishProblem:
    """What the kernel reads, in the group that it is for."""

    group: GroupView
    source: Access


class SwishSchedule:
    """See the module's docstring."""

    name = "swish"
    anchors: Sequence[Anchors] = ((),)  # `swish.swish` is pointwise, so a group of it has no anchor

    def match(self, view: GroupView, target: Target) -> SwishProblem | Refusal:
        if len(view.ops) != 1 or not isinstance(op := view.ops[0], SwishOp):
            return Refusal(f"expected one swish.swish alone, got {', '.join(op.name for op in view.ops) or 'no op'}")
        if element_of(op.x) != f32:
            return Refusal(f"expected f32, got {element_of(op.x)}", op, final=True)
        if (reason := view.too_large()) is not None:
            return Refusal(reason, op, final=True)
        dims = shape_of(op.x)
        source = view.access(op.x, space_axes(dims, dims), dims)
        assert source is not None, "the operand of the only op comes from outside"
        return SwishProblem(view, source)

    def configs(self, problem: SwishProblem, target: Target) -> list[Choice]:
        return [Choice.of(self.name, {"threads": threads, "vector": 1}) for threads in (128, 256)]

    def work(self, problem: SwishProblem, config: Choice, target: Target) -> list[Work]:
        threads, vector = (int(config.values[key]) for key in ("threads", "vector"))
        blocks, moved = (
            cut(problem.group.usual(product(problem.source.dims)), threads * vector),
            usual_bytes(problem.group),
        )
        return [
            Work(
                blocks=blocks,
                threads=threads,
                registers=32,
                operations={ISSUE: threads * (SWISH_INSTRUCTIONS * vector + 2 * ACCESS_INSTRUCTIONS)},
                l2_bytes=sum(moved) / blocks,
                dram_bytes=sum(moved),
            )
        ]

    def lower(self, problem: SwishProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        threads, vector = (int(config.values[key]) for key in ("threads", "vector"))
        group, dims = problem.group, problem.source.dims
        frag = FragType.of([1, threads * vector], f32, Blocked.of(1, threads, 1, vector))
        width = frag.tile[1]
        b = KernelBuilder.for_group(group, [(product(dims) + width - 1) // width, 1, 1], threads // 32)
        flat = [[], list(range(len(dims)))]  # one coordinate walks all dims
        at = [0, b.mul(b.coords[0], width)]

        def swish(s: Emitter, x: SSAValue) -> list[SSAValue]:
            exp = s.emit(math.ExpOp(s.emit(arith.NegfOp(x))))
            return [s.emit(arith.DivfOp(x, s.emit(arith.AddfOp(s.constant(1, f32), exp))))]

        (y,) = b.map([b.load(b.view_of(problem.source, flat), at, frag)], [frag], swish)
        b.store(y, b.view_of(group.result_access(0), flat), at)
        return [b.finish()]


SCHEDULE = SwishSchedule()
