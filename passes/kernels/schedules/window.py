"""
Schedule `window`: max and average pools, where maxima are, and depthwise convolutions, with pointwise ops after.

Rows are output pixels (n, p, q; of any number of spatial dims), columns channels: a thread holds `vector` neighbouring channels of a pixel
and walks the window's taps, reading the input through its im2col view (column = tap * C + channel), whose padding is the fill. No shared
memory: neighbouring pixels find their common taps in L1. Depthwise weights [C, R, S, 1] are a view that is the same for all rows. Nothing
here is a matrix product, so the time is that of the loads: 16-byte ones wherever the channel count allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import i8, i32, i64
from xdsl.ir import Attribute, SSAValue

from ....dialects import kernel, nn
from ....dialects.dims import Expr, const, product
from ....dialects.dtypes import i16, is_float
from ....dialects.kernel.layouts import Blocked
from ....dialects.kernel.types import Choice, FragType, Target
from ..building.builder import Emitter, KernelBuilder
from ..building.group import Anchors, GroupView
from ..building.pointwise import (
    add,
    compute_type,
    convert,
    div,
    maximum,
    mul,
    refuse_pointwise,
    refuse_tensors,
    select,
    sub,
)
from ..building.schedule import OtherAnchor, Refusal
from ..building.space import Space, refuse_values
from ..building.tiling import column_threads, vector_width
from ..building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, arithmetic, cut, usual_bytes

NAME = "window"
ANCHORS = (nn.MaxPoolOp, nn.AvgPoolOp, nn.ArgMaxPoolOp, nn.ConvOp)
DEPTHWISE_INSTRUCTIONS = 30
"""Per channel and tap: weights are stored [C, R, S, 1], so that each is a load of its own and a warp's are apart; fitted."""
UNROLLED = 3
"""Taps whose loads overlap."""


@dataclass(frozen=True)
class WindowProblem:
    """A pool or depthwise convolution over x [N, H, W, C]."""

    group: GroupView
    anchor: nn.MaxPoolOp | nn.AvgPoolOp | nn.ArgMaxPoolOp | nn.ConvOp

    @property
    def image(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.anchor.x)

    @property
    def dims(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.anchor.result)

    @property
    def groups(self) -> tuple[list[int], list[int]]:
        """The dims of rows, pixels, and of columns, channels."""
        last = len(self.dims) - 1
        return list(range(last)), [last]

    @property
    def window(self) -> tuple[int, ...]:
        if isinstance(self.anchor, nn.ConvOp):
            return tuple(cast(int, e.as_int()) for e in nn.shape_of(self.anchor.w)[1:-1])
        return nn.values_of(self.anchor.kernel)

    @property
    def taps(self) -> int:
        return prod(self.window)

    @property
    def element(self) -> Attribute:
        return nn.element_of(self.anchor.x)

    @property
    def accumulator(self) -> Attribute:
        """f32 for f16 and bf16, i32 for small integers of a convolution."""
        if isinstance(self.anchor, nn.ConvOp) and not is_float(self.element):
            return i32
        return self.element if self.element in (i8, i16) else compute_type(self.element)

    def operand(self, value: SSAValue) -> int:
        """The launch position of one of the window's operands."""
        index = self.group.operand_index(value)
        assert index is not None
        return index

    @property
    def padded(self) -> bool:
        """Whether some window reaches outside the image, bottom and right included."""
        pads = nn.values_of(self.anchor.pads)
        return any(pads)


@dataclass(frozen=True)
class Window:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = tuple((anchor,) for anchor in ANCHORS)
    reads_again = True

    def match(self, view: GroupView, target: Target) -> WindowProblem | Refusal:
        anchor = view.anchor(*ANCHORS)
        if not isinstance(anchor, ANCHORS):
            return OtherAnchor("expected one max_pool, avg_pool or depthwise conv")
        if isinstance(anchor, nn.ConvOp) and (refusal := _refuse_conv(anchor)):
            return refusal
        if refusal := refuse_pointwise(view.ops) or refuse_tensors(view):
            return refusal
        operands = [anchor.x, anchor.w] if isinstance(anchor, nn.ConvOp) else [anchor.x]
        if any(view.operand_index(v) is None for v in operands):
            return Refusal("expected the window's operands from outside the group", anchor)
        problem = WindowProblem(view, anchor)
        columns = view.upper(problem.image[-1] * problem.taps)
        if columns is not None and columns >= 2**31:
            return Refusal(f"expected fewer than 2^31 window elements, got {columns}", anchor, final=True)
        return refuse_values(view, view.results, problem.dims, [anchor.result]) or problem

    def configs(self, problem: WindowProblem, target: Target) -> list[Choice]:
        group = problem.group
        vector, channels = self._vector(problem), group.usual(problem.dims[-1])
        pixels = group.usual(product(problem.dims[:-1]))
        choices: list[Choice] = []
        for threads, deep in ((128, 1), (256, 1), (128, 2)):
            columns = column_threads(channels, vector, 32)
            choices.append(Choice.of(NAME, {"threads": threads, "columns": columns, "pixels": deep, "vector": vector}))
        # Too few threads for the machine with whole vectors: hold fewer channels each.
        if vector > 2 and pixels * channels // vector < target.sms.data * 256:
            columns = column_threads(channels, 2, 32)
            choices.insert(0, Choice.of(NAME, {"threads": 128, "columns": columns, "pixels": 1, "vector": 2}))
        return choices

    def work(self, problem: WindowProblem, config: Choice, target: Target) -> list[Work]:
        """A step for each tap; neighbouring pixels find most of what they read in L1."""
        group = problem.group
        threads, columns, deep, vector = (int(config.values[k]) for k in ("threads", "columns", "pixels", "vector"))
        pixels, channels = group.usual(product(problem.dims[:-1])), group.usual(problem.dims[-1])
        blocks = cut(pixels, threads // columns * deep) * cut(channels, columns * vector)
        moved = sum(usual_bytes(group))
        tap = ACCESS_INSTRUCTIONS + vector * (DEPTHWISE_INSTRUCTIONS if isinstance(problem.anchor, nn.ConvOp) else 2)
        epilogue = vector * arithmetic(group.ops) + ACCESS_INSTRUCTIONS * (len(group.tensors) - 1)
        return [
            Work(
                blocks=blocks,
                threads=threads,
                registers=32 + 4 * deep * vector,
                steps=problem.taps,
                ahead=UNROLLED,
                operations={ISSUE: threads * deep * tap},
                l2_bytes=moved / blocks / problem.taps,
                dram_bytes=moved,
                epilogue=threads * deep * epilogue,
            )
        ]

    @staticmethod
    def _vector(problem: WindowProblem) -> int:
        group = problem.group
        accesses = [group.whole(problem.operand(problem.anchor.x))]
        accesses += [group.result_access(i) for i in range(len(group.results))]
        return vector_width(group, accesses, problem.groups)

    def lower(self, problem: WindowProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        group = problem.group
        threads, columns, deep, vector = (int(config.values[k]) for k in ("threads", "columns", "pixels", "vector"))
        frag = FragType.of(
            [threads // columns * deep, columns * vector],
            problem.accumulator,
            Blocked.of(threads // columns, columns, 1, vector),
        )
        pixels, channels = product(problem.dims[:-1]), problem.dims[-1]
        grid = [(pixels + frag.tile[0] - 1) // frag.tile[0], (channels + frag.tile[1] - 1) // frag.tile[1], 1]
        b = KernelBuilder.for_group(group, grid, threads // 32)
        coords = b.mul(b.coords[0], frag.tile[0]), b.mul(b.coords[1], frag.tile[1])
        space = Space(b, group, problem.dims, problem.groups, coords, frag)
        value = _Body(problem, space).value()
        space.store_results({problem.anchor.result: value})
        return [b.finish()]


def _refuse_conv(op: nn.ConvOp) -> Refusal | None:
    channels, outputs = nn.shape_of(op.x)[-1], nn.shape_of(op.result)[-1]
    if channels.as_int() != op.groups.value.data or outputs != channels:
        got = f"{op.groups.value.data} groups from {channels} to {outputs} channels"
        return OtherAnchor(f"expected a depthwise conv with one output per channel, got {got}", op, final=True)
    if any(e.as_int() is None for e in nn.shape_of(op.w)):
        return Refusal(f"expected weights of static shape, got {op.w.type}", op, final=True)
    return None


class _Body:
    """The loop over the taps."""

    def __init__(self, problem: WindowProblem, space: Space):
        self.problem = problem
        self.space = space
        self.b = space.b
        anchor = problem.anchor
        self.view = self.b.emit(
            kernel.Im2colOp(
                self.b.tensors[problem.operand(anchor.x)],
                problem.dims[1:-1],
                problem.window,
                nn.values_of(anchor.strides),
                nn.values_of(anchor.pads),
                nn.values_of(anchor.dilations),
            )
        )

    def value(self) -> SSAValue:
        match self.problem.anchor:
            case nn.MaxPoolOp():
                return self._max()
            case nn.ArgMaxPoolOp():
                return self._place()
            case nn.AvgPoolOp() as op:
                return self._average(op)
            case nn.ConvOp() as op:
                return self._depthwise(op)

    def _each_tap(
        self,
        start: Sequence[SSAValue],
        step: str,
        fill: float,
        *,
        valid: bool = False,
        numbered: bool = False,
        weights: SSAValue | None = None,
    ) -> list[SSAValue]:
        frag, channels = self.space.frag, self.b.expr(self.problem.image[-1])

        def body(b: KernelBuilder, tap: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            row, column = self.space.coords
            coords = [0, row, b.add(b.mul(tap, channels), column)]
            operands = [*carried, b.load(self.view, coords, frag, fill)]
            if valid:
                operands.append(b.valid(self.view, coords, frag))
            if numbered:
                operands.append(b.cast(tap, i32))
            if weights is not None:
                operands.append(b.load(weights, [tap, row, column], frag))
            return b.map(operands, [cast(FragType, c.type) for c in carried], _STEPS[step])

        return self.b.loop(0, self.problem.taps, 1, list(start), body)

    def _max(self) -> SSAValue:
        lowest = self._lowest()
        return self._each_tap([self.b.fill(lowest, self.space.frag)], "max", lowest)[0]

    def _lowest(self) -> float:
        element = self.problem.accumulator
        return float("-inf") if is_float(element) else -(2.0 ** (element.bitwidth - 1))  # pyright: ignore

    def _place(self) -> SSAValue:
        """The number of the tap that holds the maximum, then where it lies in the image."""
        b, problem, space = self.b, self.problem, self.space
        lowest, places = self._lowest(), space.frag.with_element(i32)
        start = [b.fill(lowest, space.frag), b.fill(-1, places)]
        _, tap = self._each_tap(start, "place", lowest, valid=True, numbered=True)
        pixel = b.coord(space.coords[0], 0, places)
        sizes = [b.cast(b.expr(e), i32) for e in (*problem.dims[1:-1], *problem.image[1:-1])]
        anchor, window = problem.anchor, problem.window
        strides, pads, dilations = (nn.values_of(a) for a in (anchor.strides, anchor.pads, anchor.dilations))

        def body(s: Emitter, tap: SSAValue, pixel: SSAValue, *sizes: SSAValue) -> list[SSAValue]:
            found = s.emit(arith.CmpiOp(tap, s.constant(0, i32), "sge"))
            place, inner = s.constant(0, i32), s.constant(1, i32)
            count = len(window)
            for axis in reversed(range(count)):
                taps = s.constant(window[axis], i32)
                first = mul(s, s.emit(arith.RemSIOp(pixel, sizes[axis])), s.constant(strides[axis], i32))
                within = mul(s, s.emit(arith.RemSIOp(tap, taps)), s.constant(dilations[axis], i32))
                here = sub(s, add(s, first, within), s.constant(pads[axis], i32))
                place = add(s, place, mul(s, here, inner))
                inner = mul(s, inner, sizes[count + axis])
                pixel, tap = s.emit(arith.DivSIOp(pixel, sizes[axis])), s.emit(arith.DivSIOp(tap, taps))
            return [convert(s, select(s, found, place, s.constant(0, i32)), i64)]

        return b.map([tap, pixel, *sizes], [space.frag.with_element(i64)], body)[0]

    def _average(self, op: nn.AvgPoolOp) -> SSAValue:
        frag = self.space.frag
        counted = self.problem.padded and not op.count_include_pad.value.data
        if counted:
            zero = self.b.fill(0, frag)
            total, count = self._each_tap([zero, zero], "count", 0.0, valid=True)
            return self.b.map([total, count], [frag], lambda s, a, n: [div(s, a, n)])[0]
        (total,) = self._each_tap([self.b.fill(0, frag)], "sum", 0.0)
        taps = self.problem.taps
        return self.b.map([total], [frag], lambda s, a: [div(s, a, s.constant(taps, a.type))])[0]

    def _depthwise(self, op: nn.ConvOp) -> SSAValue:
        frag, group = self.space.frag, self.problem.group
        tensor = self.problem.operand(op.w)
        channel, *steps, _ = group.strides(tensor)
        window = [const(e) for e in self.problem.window]
        count, pixels = len(window), product(self.problem.dims[:-1])
        # [taps (r, s)] [any pixel] [channel]
        weights = self.b.view(
            tensor,
            [list(range(count)), [count], [count + 1]],
            [*window, pixels, self.problem.dims[-1]],
            [*steps, const(0), channel],
        )
        return self._each_tap([self.b.fill(0, frag)], "multiply", 0.0, weights=weights)[0]


def _count(s: Emitter, total: SSAValue, count: SSAValue, x: SSAValue, inside: SSAValue) -> list[SSAValue]:
    one, zero = s.constant(1, count.type), s.constant(0, count.type)
    return [add(s, total, convert(s, x, total.type)), add(s, count, select(s, inside, one, zero))]


def _multiply(s: Emitter, acc: SSAValue, x: SSAValue, w: SSAValue) -> list[SSAValue]:
    return [add(s, acc, mul(s, convert(s, x, acc.type), convert(s, w, acc.type)))]


def _place(s: Emitter, best: SSAValue, at: SSAValue, x: SSAValue, inside: SSAValue, tap: SSAValue) -> list[SSAValue]:
    """The greatest element so far and its tap; the first NaN is greater than all."""
    x = convert(s, x, best.type)
    if is_float(best.type):
        number = s.emit(arith.CmpfOp(best, best, "oeq"))
        nan = s.emit(arith.AndIOp(number, s.emit(arith.CmpfOp(x, x, "une"))))
        better = s.emit(arith.OrIOp(nan, s.emit(arith.CmpfOp(x, best, "ogt"))))
    else:
        better = s.emit(arith.CmpiOp(x, best, "sgt"))
    none = s.emit(arith.CmpiOp(at, s.constant(0, i32), "slt"))
    better = s.emit(arith.AndIOp(inside, s.emit(arith.OrIOp(better, none))))
    return [select(s, better, x, best), select(s, better, tap, at)]


_STEPS = {
    "place": _place,
    "max": lambda s, a, x: [maximum(s, a, convert(s, x, a.type))],
    "sum": lambda s, a, x: [add(s, a, convert(s, x, a.type))],
    "count": _count,
    "multiply": _multiply,
}

SCHEDULE = Window()
