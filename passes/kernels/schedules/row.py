"""
Schedule `row`: softmax, layer_norm and reduce over any axes, with pointwise ops before and behind.

The dims are regrouped into rows (kept axes) and columns (reduced axes), so every case is one 2-D tile program:

- reduced axes innermost: a warp a row while a thread then holds at most 32 values (shuffles only, no barrier), else a block a row;
- other axes innermost (NHWC pooling over H, W): neighbouring threads take neighbouring rows, so that their loads are contiguous;
- rows that do not fit the registers are walked in chunks: softmax in two passes (running maximum and sum, then the quotient), layer_norm in
  three (mean, variance, result: a one-pass variance cancels in f32), reduce in one.

Statistics are f32 for f16 and bf16. Elements outside a row are the reduction's identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f64, i8, i32, i64
from xdsl.ir import Attribute, SSAValue

from ....dialects import kernel, nn
from ....dialects.dims import Expr, product
from ....dialects.dtypes import i16, is_float, ui8
from ....dialects.kernel_types import Choice, FragType, SharedType, Target
from ....dialects.layouts import Blocked
from ..builder import Emitter, Index, KernelBuilder
from ..scalar import (
    add,
    compute_type,
    convert,
    div,
    maximum,
    minimum,
    mul,
    refuse_elements,
    refuse_pointwise,
    select,
    sub,
)
from .base import Access, Group, space_axes
from .space import Space, refuse_values
from .tiling import power_of_two_at_least, vector_width

NAME = "row"
ANCHORS = (nn.SoftmaxOp, nn.LayerNormOp, nn.ReduceOp)
REGISTERS = 32
"""Values of a row that a thread keeps: with as many temporaries it stays far below 255 registers, and four blocks fit an SM."""
LOWEST = -3.4e38
"""Below every f32 that counts, yet finite: exp(-inf - LOWEST) is 0 where exp(-inf - -inf) would be NaN."""


@dataclass(frozen=True)
class Problem:
    """A row op in the form rows x columns."""

    group: Group
    anchor: nn.SoftmaxOp | nn.LayerNormOp | nn.ReduceOp

    @property
    def dims(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.anchor.x)

    @cached_property
    def reduced(self) -> list[int]:
        match self.anchor:
            case nn.SoftmaxOp():
                return [self.anchor.axis.value.data]
            case nn.LayerNormOp():
                return list(range(self.anchor.axis.value.data, len(self.dims)))
            case _:
                return sorted(nn.values_of(self.anchor.axes))

    @cached_property
    def kept(self) -> list[int]:
        return [d for d in range(len(self.dims)) if d not in self.reduced]

    @property
    def groups(self) -> tuple[list[int], list[int]]:
        return self.kept, self.reduced

    @property
    def rows(self) -> Expr:
        return product([self.dims[d] for d in self.kept])

    @property
    def columns(self) -> Expr:
        return product([self.dims[d] for d in self.reduced])

    @property
    def along_columns(self) -> bool:
        """Whether memory runs along the columns: the innermost dim of more than one element is reduced."""
        wide = [d for d in range(len(self.dims)) if self.dims[d].as_int() != 1]
        return not wide or wide[-1] in self.reduced

    @property
    def element(self) -> Attribute:
        return nn.element_of(self.anchor.x)

    @property
    def wide(self) -> Attribute:
        """The type of the statistics."""
        return i32 if self.element in (i8, ui8, i16) else compute_type(self.element)

    @property
    def shuffles(self) -> bool:
        """Whether threads of a warp can exchange the statistics: 32-bit values only."""
        return self.wide not in (f64, i64)

    def vector(self) -> int:
        """Neighbouring columns of a thread."""
        group, accesses = self.group, list[Access]()
        for argument in group.arguments:
            if len(nn.shape_of(argument)) <= len(self.dims):
                axes = space_axes(nn.shape_of(argument), self.dims)
                access = group.access(argument, axes, self.dims)
                if access is not None:
                    accesses.append(access)
        for number, result in enumerate(group.results):
            if nn.shape_of(result) == self.dims:
                accesses.append(group.result_access(number))
        return vector_width(group, accesses, self.groups)


@dataclass(frozen=True)
class Row:
    """The schedule; see the module."""

    name: str = NAME

    def accepts(self, group: Group, target: Target) -> str | None:
        anchor = group.anchor(*ANCHORS)
        if not isinstance(anchor, ANCHORS):
            return "expected one softmax, layer_norm or reduce"
        if reason := refuse_pointwise(group.ops) or refuse_elements(group.tensors) or group.too_large():
            return reason
        problem = Problem(group, anchor)
        if not problem.reduced:
            return "expected at least one reduced axis"
        inputs = [anchor.x]
        if reason := refuse_values(group, inputs, problem.dims):
            return reason
        if isinstance(anchor, nn.LayerNormOp):
            for value in (anchor.scale, anchor.bias):
                if group.access(value, space_axes(nn.shape_of(value), problem.dims), problem.dims) is None:
                    return "expected scale and bias of layer_norm from outside the group"
        known = [anchor.result] if isinstance(anchor, nn.ReduceOp) else [anchor.result, anchor.x]
        return refuse_values(group, group.results, nn.shape_of(anchor.result), known)

    def candidates(self, group: Group, target: Target) -> list[Choice]:
        anchor = group.anchor(*ANCHORS)
        assert isinstance(anchor, ANCHORS)
        problem = Problem(group, anchor)
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
        # Few long rows leave SMs idle with a warp a row: prefer the block a row then.
        if len(choices) > 1 and rows * 32 < target.sms.data * 128 and columns > 256:
            choices[0], choices[1] = choices[1], choices[0]
        return [*choices[:3], chunked]

    @staticmethod
    def _across(rows: int, columns: int, target: Target) -> list[Choice]:
        """32 neighbouring rows a warp segment; the columns of a row shared by more threads the fewer rows there are."""
        shared = 1
        while shared < 16 and rows * shared < target.sms.data * 512 and shared * 4 <= columns:
            shared *= 2
        options = list(dict.fromkeys([shared, 1, 8]))
        return [
            _choice(max(32, 128 // s), s, 1, min(8, power_of_two_at_least(-(-columns // s))), loop=1) for s in options
        ]

    def lower(self, group: Group, choice: Choice, target: Target) -> list[kernel.FuncOp]:
        anchor = group.anchor(*ANCHORS)
        assert isinstance(anchor, ANCHORS)
        return [_Kernel(Problem(group, anchor), choice).build()]


def _choice(rows: int, threads: int, vector: int, registers: int, *, loop: int) -> Choice:
    """`rows` rows a block, `threads` threads a row with `registers` values each; `loop`: in chunks of that many."""
    return Choice.of(NAME, {"rows": rows, "threads": threads, "vector": vector, "registers": registers, "loop": loop})


Body = Callable[[Space], SSAValue]


class _Kernel:
    """Builds the kernel of one problem and choice."""

    def __init__(self, problem: Problem, choice: Choice):
        self.problem = problem
        rows, threads, vector, registers, loop = (
            int(choice.values[k]) for k in ("rows", "threads", "vector", "registers", "loop")
        )
        self.loop = bool(loop)
        self.width = threads * registers
        layout = Blocked.of(rows, threads, 1, vector)
        self.frag = FragType.of([rows, self.width], problem.wide, layout)
        self.row_frag = self.frag.rows if problem.shuffles else self.frag
        self.warps_per_row = threads // 32 if threads > 32 else 0
        grid = (problem.rows + rows - 1) // rows
        self.b = KernelBuilder.for_group(problem.group, [grid, 1, 1], rows * threads // 32)
        self.first_row = self.b.mul(self.b.coords[0], rows)
        known = problem.columns.as_int()
        self.exact = known is not None and known % self.width == 0 and (self.loop or known == self.width)

    def build(self) -> kernel.FuncOp:
        match self.problem.anchor:
            case nn.SoftmaxOp():
                self._softmax_in_chunks() if self.loop else self._softmax()
            case nn.LayerNormOp() as op:
                self._layer_norm(op)
            case nn.ReduceOp() as op:
                self._reduce(op)
        return self.b.finish()

    # Tiles and passes.

    def space(self, b: KernelBuilder, column: Index) -> Space:
        p = self.problem
        return Space(b, p.group, p.dims, p.groups, (self.first_row, column), self.frag)

    def masked(self, space: Space, value: SSAValue, identity: float, *, loaded: bool = False) -> SSAValue:
        """The fragment with the identity outside the row; `loaded` says that it is there already."""
        if loaded or self.exact:
            return value
        columns = space.b.cast(space.b.expr(self.problem.columns), i32)

        def body(s: Emitter, x: SSAValue, column: SSAValue, extent: SSAValue) -> list[SSAValue]:
            inside = s.emit(arith.CmpiOp(column, extent, "slt"))
            return [select(s, inside, x, s.constant(_number(identity, x.type), x.type))]

        (made,) = space.b.map([value, space.column(), columns], [self.frag.with_element(value.type.element_type)], body)  # pyright: ignore
        return made

    def input(self, space: Space, identity: float) -> SSAValue:
        """The anchor's operand in the type of the statistics, the identity outside the row."""
        x = self.problem.anchor.x
        by_fill = space.is_loaded(x) and is_float(self.problem.element)
        return self.masked(
            space, space.wide(x, self.problem.wide, identity if by_fill else 0.0), identity, loaded=by_fill
        )

    def chunks(
        self, carried: Sequence[SSAValue], body: Callable[[Space, Sequence[SSAValue]], Sequence[SSAValue]]
    ) -> list[SSAValue]:
        """A loop over the chunks of the rows."""
        return self.b.loop(
            0,
            self.b.expr(self.problem.columns),
            self.width,
            carried,
            lambda b, column, values: body(self.space(b, column), values),
        )

    def reduce(self, kind: str, value: SSAValue) -> SSAValue:
        """One value a row; warps that share a row meet in shared memory. 64-bit values come with one column a tile: they are it."""
        if not self.problem.shuffles:
            return value
        scratch = None
        if self.warps_per_row:
            type_ = value.type
            assert isinstance(type_, FragType)
            scratch = self.b.emit(
                kernel.AllocOp(SharedType.of([self.frag.tile[0], self.warps_per_row], type_.element_type))
            )
        return self.b.reduce(kind, value, scratch)

    def total(self, kind: str, identity: float, term: Callable[[Space, SSAValue], SSAValue]) -> SSAValue:
        """The reduction over all chunks of a term of the input (given with zeros outside the row, if that is not the identity)."""
        combine = {"sum": add, "prod": mul, "max": maximum, "min": minimum}[kind]

        def step(space: Space, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            value = term(space, self.input(space, identity))
            return space.b.map([carried[0], value], [self.frag], lambda s, a, x: [combine(s, a, x)])

        number = _number(identity, self.problem.wide)
        start = self.b.fill(number if is_float(self.problem.wide) else 0, self.frag)
        if (
            not is_float(self.problem.wide) and number
        ):  # kernel.fill holds an f64, which the ends of i64's range are not
            (start,) = self.b.map([start], [self.frag], lambda s, x: [s.constant(number, x.type)])
        (acc,) = self.chunks([start], step)
        return self.reduce(kind, acc)

    # The three anchors.

    def _softmax(self) -> None:
        space = self.space(self.b, 0)
        x = self.input(space, float("-inf"))
        top = self.reduce("max", x)
        (e,) = self.b.map([x, top], [self.frag], lambda s, a, m: [s.emit(math.ExpOp(sub(s, a, m)))])
        inverse = self._reciprocal(self.reduce("sum", e))
        (y,) = self.b.map([e, inverse], [self.frag], lambda s, a, r: [mul(s, a, r)])
        self._finish(space, y, x)

    def _reciprocal(self, rows: SSAValue) -> SSAValue:
        return self.b.map([rows], [self.row_frag], lambda s, a: [div(s, s.constant(1, a.type), a)])[0]

    def _softmax_in_chunks(self) -> None:
        wide, minus = self.problem.wide, float("-inf")

        def statistics(space: Space, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            def body(s: Emitter, x: SSAValue, top: SSAValue, total: SSAValue) -> list[SSAValue]:
                new = maximum(s, top, x)
                kept = mul(s, total, s.emit(math.ExpOp(sub(s, top, new))))
                return [new, add(s, kept, s.emit(math.ExpOp(sub(s, x, new))))]

            return space.b.map([self.input(space, minus), *carried], [self.frag, self.frag], body)

        tops, totals = self.chunks([self.b.fill(LOWEST, self.frag), self.b.fill(0, self.frag)], statistics)
        top = self.reduce("max", tops)

        def rescale(s: Emitter, total: SSAValue, own: SSAValue, top: SSAValue) -> list[SSAValue]:
            return [mul(s, total, s.emit(math.ExpOp(sub(s, own, top))))]

        inverse = self._reciprocal(self.reduce("sum", self.b.map([totals, tops, top], [self.frag], rescale)[0]))

        def write(space: Space, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            x = space.wide(self.problem.anchor.x, wide, minus)
            quotient = lambda s, a, m, r: [mul(s, s.emit(math.ExpOp(sub(s, a, m))), r)]  # noqa: E731
            (y,) = space.b.map([x, top, inverse], [self.frag], quotient)
            self._finish(space, y, x)
            return []

        self.chunks([], write)

    def _count(self, b: KernelBuilder) -> SSAValue:
        """Columns as an i32 scalar."""
        return b.cast(b.expr(self.problem.columns), i32)

    def _mean(self, total: SSAValue) -> SSAValue:
        average = lambda s, a, n: [div(s, a, convert(s, n, a.type))]  # noqa: E731
        return self.b.map([total, self._count(self.b)], [self.row_frag], average)[0]

    def _layer_norm(self, op: nn.LayerNormOp) -> None:
        def rstd(s: Emitter, variance: SSAValue) -> list[SSAValue]:
            return [s.emit(math.RsqrtOp(add(s, variance, s.constant(op.epsilon.value.data, variance.type))))]

        def squares(space: Space, x: SSAValue, mean: SSAValue) -> SSAValue:
            def body(s: Emitter, a: SSAValue, m: SSAValue) -> list[SSAValue]:
                d = sub(s, a, m)
                return [mul(s, d, d)]

            return self.masked(space, space.b.map([x, mean], [self.frag], body)[0], 0.0)

        if self.loop:
            mean = self._mean(self.total("sum", 0.0, lambda _, x: x))
            variance = self._mean(self.total("sum", 0.0, lambda space, x: squares(space, x, mean)))
            scale = self.b.map([variance], [self.row_frag], rstd)[0]
            self.chunks([], lambda space, _: self._normalize(space, op, None, mean, scale))
            return
        space = self.space(self.b, 0)
        x = self.input(space, 0.0)
        mean = self._mean(self.reduce("sum", x))
        variance = self._mean(self.reduce("sum", squares(space, x, mean)))
        self._normalize(space, op, x, mean, self.b.map([variance], [self.row_frag], rstd)[0])

    def _normalize(
        self, space: Space, op: nn.LayerNormOp, x: SSAValue | None, mean: SSAValue, rstd: SSAValue
    ) -> Sequence[SSAValue]:
        x = space.wide(op.x, self.problem.wide) if x is None else x
        parameters = [space.load(v, space.axes(v)) for v in (op.scale, op.bias)]

        def body(s: Emitter, a: SSAValue, m: SSAValue, r: SSAValue, scale: SSAValue, bias: SSAValue) -> list[SSAValue]:
            normal = mul(s, sub(s, a, m), r)
            return [add(s, mul(s, normal, convert(s, scale, a.type)), convert(s, bias, a.type))]

        (y,) = space.b.map([x, mean, rstd, *parameters], [self.frag], body)
        self._finish(space, y, x)
        return []

    def _finish(self, space: Space, y: SSAValue, x: SSAValue) -> None:
        anchor = self.problem.anchor
        space.store_results({anchor.x: x, anchor.result: y})

    def _reduce(self, op: nn.ReduceOp) -> None:
        kind = op.kind.data.value
        identity = {"max": float("-inf"), "min": float("inf"), "prod": 1.0}.get(kind, 0.0)
        combine = "sum" if kind in ("mean", "sumsq") else kind

        def term(space: Space, x: SSAValue) -> SSAValue:
            if kind != "sumsq":
                return x
            return space.b.map([x], [self.frag], lambda s, a: [mul(s, a, a)])[0]

        if self.loop:
            value = self.total(combine, identity, term)
        else:
            space = self.space(self.b, 0)
            value = self.reduce(combine, term(space, self.input(space, identity)))
        if kind == "mean":
            value = self._mean(value)
        dims = nn.shape_of(op.result)
        rows = Space(self.b, self.problem.group, dims, (list(range(len(dims))), []), (self.first_row, 0), self.row_frag)
        rows.store_results({op.result: value})


def _number(value: float, type_: Attribute) -> float:
    """An identity in a type: infinities become the ends of an integer type's range."""
    if is_float(type_) or value not in (float("inf"), float("-inf")):
        return value
    bits = type_.bitwidth  # pyright: ignore
    return (1 << (bits - 1)) - 1 if value > 0 else -(1 << (bits - 1))


SCHEDULE = Row()
