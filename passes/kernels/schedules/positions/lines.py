"""
What the schedules of sorts and scans share: a tensor as lines along one axis, walked by launches in which a thread makes one element and
reads others of its line at computed places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType, i32
from xdsl.ir import Attribute, Block, Region, SSAValue

from .....dialects import kernel, nn
from .....dialects.dims import Expr, product
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import FragType, GlobalType
from ...building.builder import Emitter, KernelBuilder
from ...building.group import GroupView
from ...building.pointwise import add, extend, mul, refuse_tensors, select, sub
from ...building.schedule import OtherAnchor, Refusal
from ...building.work import ISSUE, Work, cut

THREADS = 256


@dataclass(frozen=True)
class LineProblem:
    """Lines of `extent` elements that are `inner` apart in a row-major tensor."""

    group: GroupView
    anchor: nn.ArgsortOp | nn.CumulativeOp

    @property
    def axis(self) -> int:
        return self.anchor.axis.value.data

    @property
    def dims(self) -> tuple[Expr, ...]:
        return nn.shape_of(self.anchor.x)

    @property
    def extent(self) -> Expr:
        return self.dims[self.axis]

    @property
    def inner(self) -> Expr:
        return product(self.dims[self.axis + 1 :])

    @property
    def total(self) -> Expr:
        return product(self.dims)

    @property
    def longest(self) -> int:
        """The extent at the upper ends of the ranges of its symbols; `match` refuses a line without one."""
        longest = self.group.upper(self.extent)
        assert longest is not None
        return longest

    def work(self, instructions: float, moved: float) -> Work:
        """A launch whose threads each take this many instructions."""
        blocks = cut(self.group.usual(self.total), THREADS)
        return Work(
            blocks=blocks,
            threads=THREADS,
            registers=32,
            operations={ISSUE: THREADS * instructions},
            l2_bytes=moved / blocks,
            dram_bytes=moved,
        )


def match(view: GroupView, op_class: type[nn.ArgsortOp | nn.CumulativeOp]) -> LineProblem | Refusal:
    """The lines of a group with one op of the class and no other, or why it has none."""
    anchor = view.anchor(op_class)
    if not isinstance(anchor, op_class):
        return OtherAnchor(f"expected one {op_class.name}")
    if len(view.ops) > 1 or view.operand_index(anchor.x) is None:
        return Refusal(f"expected {anchor.name} alone, of an operand", anchor)
    problem = LineProblem(view, anchor)
    if view.upper(problem.extent) is None:
        return Refusal(f"expected a range for the symbols of the extent {problem.extent}", anchor)
    return refuse_tensors(view) or problem


Body: TypeAlias = Callable[["Lines", Emitter, "Place"], Sequence[SSAValue]]


@dataclass(frozen=True)
class Place:
    """Where a thread's element is, as i32 scalars: its number in the tensor, its position in the line, the number of the line's first."""

    flat: SSAValue
    position: SSAValue
    base: SSAValue


class Lines:
    """One launch; `number` is its place among the group's."""

    def __init__(self, problem: LineProblem, number: int, workspace: Sequence[GlobalType]):
        group = problem.group
        self.problem = problem
        self.b = KernelBuilder.for_group(
            group,
            [(problem.total + (THREADS - 1)) // THREADS, 1, 1],
            THREADS // 32,
            name=f"{group.name}_stage{number}" if number else None,
            workspace=workspace,
        )
        self.frag = FragType.of([1, THREADS], i32, Blocked.of(1, THREADS, 1, 1))
        self.first = self.b.mul(self.b.coords[0], THREADS)
        self.extent, self.inner, self.total = (
            self.b.cast(self.b.expr(e), i32) for e in (problem.extent, problem.inner, problem.total)
        )

    def table(self, tensor: int) -> SSAValue:
        """The view of a tensor of the launch at coordinates 0 and the number of an element."""
        type_ = self.b.tensors[tensor].type
        assert isinstance(type_, GlobalType)
        return self.b.view(tensor, [[], list(range(len(type_.dims.exprs)))])

    def map(self, results: Sequence[Attribute], body: Body) -> list[SSAValue]:
        """`kernel.map` over the launch's elements; the body gets the place of each."""

        def scalars(s: Emitter, flat: SSAValue) -> Sequence[SSAValue]:
            position = s.emit(arith.RemSIOp(s.emit(arith.DivSIOp(flat, self.inner)), self.extent))
            return body(self, s, Place(flat, position, sub(s, flat, mul(s, position, self.inner))))

        coords = self.b.coord(self.first, 1, self.frag)
        return self.b.map([coords], [self.frag.with_element(element) for element in results], scalars)

    def number(self, s: Emitter, place: Place, position: SSAValue, inside: SSAValue | None = None) -> SSAValue:
        """The number in the tensor of a position of the same line, -1 where `inside` does not hold."""
        flat = add(s, place.base, mul(s, position, self.inner))
        return flat if inside is None else select(s, inside, flat, s.constant(-1, i32))

    def fetch(self, s: Emitter, table: SSAValue, number: SSAValue, fill: float = 0.0) -> SSAValue:
        """An element by its number, in its compute type; `fill` for -1."""
        return extend(s, s.emit(kernel.FetchOp(table, [s.constant(0, i32), number], fill)))

    def exists(self, s: Emitter, place: Place) -> SSAValue:
        """Whether the thread has an element at all."""
        return s.emit(arith.CmpiOp(place.flat, self.total, "slt"))

    def scatter(self, value: SSAValue, tensor: int, numbers: SSAValue) -> None:
        """Write each thread's value to the element of this number."""
        rows = self.b.fill(0, self.frag)
        self.b.insert(kernel.ScatterOp(value, self.table(tensor), [rows, numbers]))

    def store(self, value: SSAValue, tensor: int) -> None:
        """Write each thread's value to its own element."""
        self.b.store(value, self.table(tensor), [0, self.first])

    def finish(self) -> kernel.FuncOp:
        return self.b.finish()


def repeat(
    s: Emitter,
    count: int,
    carried: Sequence[SSAValue],
    body: Callable[[Emitter, SSAValue, Sequence[SSAValue]], Sequence[SSAValue]],
) -> list[SSAValue]:
    """A loop in a map: `body(emitter, turn, values)` gives the values for the next turn, `turn` being i32."""
    index = IndexType()
    block = Block(arg_types=[index, *(value.type for value in carried)])
    inner = Emitter(block, s.location)
    turn = inner.emit(arith.IndexCastOp(block.args[0], i32))
    inner.insert(scf.YieldOp(*body(inner, turn, block.args[1:])))
    start, end, step = (s.constant(n, index) for n in (0, count, 1))
    return list(s.insert(scf.ForOp(start, end, step, list(carried), Region(block))).results)
