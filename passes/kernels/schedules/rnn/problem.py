"""The recurrence in a group: its sizes, what it multiplies, and views of its tensors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects.builtin import f32, f64
from xdsl.ir import Attribute, SSAValue

from .....dialects import nn
from .....dialects.dims import as_expr
from ...building.builder import KernelBuilder
from ...building.group import GroupView
from ...building.pointwise import refuse_tensors
from ...building.schedule import OtherAnchor, Refusal

Coordinates = tuple[list[int], ...]


@dataclass(frozen=True)
class RnnProblem:
    """A group that is one `nn.rnn`."""

    group: GroupView
    anchor: nn.RnnOp

    @property
    def units(self) -> int:
        known = self.anchor.units.as_int()
        assert known is not None
        return known

    @property
    def gates(self) -> int:
        return self.anchor.gates

    @property
    def is_lstm(self) -> bool:
        return self.anchor.cell_kind is nn.RnnKind.LSTM

    @property
    def is_gru(self) -> bool:
        return self.anchor.cell_kind is nn.RnnKind.GRU

    @property
    def resets_before(self) -> bool:
        """Whether the hidden gate multiplies r h, which takes a second exchange in each step."""
        return self.is_gru and self.anchor.reset_after is None

    @property
    def directions(self) -> int:
        return self.anchor.directions

    @cached_property
    def element(self) -> Attribute:
        """The type of what is multiplied, and of the weights in memory."""
        return nn.element_of(self.anchor.weights)

    @property
    def quantized(self) -> bool:
        """Whether h is quantized by its range, which a block knows once it has read all units."""
        return self.anchor.scales is not None

    @property
    def exchanged(self) -> Attribute:
        """The type in memory of the h that blocks exchange."""
        return self.wide if self.quantized else self.element

    @cached_property
    def wide(self) -> Attribute:
        """The type of the states and of all arithmetic."""
        return f64 if self.element == f64 else f32

    @cached_property
    def kind(self) -> str:
        """f16, bf16, tf32 (tensor cores), fma (strict f32) or fma64 (f64)."""
        if self.anchor.math is not None:
            return "tf32"
        return "fma" if self.element == f32 else "fma64" if self.element == f64 else str(self.element)

    @property
    def phases(self) -> list[range]:
        """The gates that are multiplied between one exchange and the next."""
        return [range(2), range(2, 3)] if self.resets_before else [range(self.gates)]

    # Views, with coordinates (.., direction, sequence, unit), or with `across` (.., direction, unit, sequence).

    def inputs(self, b: KernelBuilder, *, across: bool) -> SSAValue:
        """(step, direction, gate, sequence, unit)."""
        number = self._number(self.anchor.inputs)
        steps, batch, directions, _ = self.group.dims(number)
        t, n, d, u = self.group.strides(number)
        dims = [steps, batch, directions, as_expr(self.gates), as_expr(self.units)]
        return b.view(number, _turned(([0], [2], [3], [1], [4]), across), dims, [t, n, d, u * self.units, u])

    def weights(self, b: KernelBuilder) -> SSAValue:
        """(direction, gate, unit, unit of the product)."""
        number = self._number(self.anchor.weights)
        d, row, column = self.group.strides(number)
        sizes = (self.directions, self.gates, self.units, self.units)
        return b.view(number, ([0], [1], [2], [3]), [as_expr(s) for s in sizes], [d, row * self.units, row, column])

    def state(self, b: KernelBuilder, value: SSAValue, *, across: bool) -> SSAValue:
        """An initial state."""
        return b.view(self._number(value), _turned(([0], [1], [2]), across))

    def per_unit(self, b: KernelBuilder, value: SSAValue, part: int, *, across: bool) -> SSAValue:
        """The bias, or one of the peepholes or scales, for every sequence."""
        number = self._number(value)
        d, u = self.group.strides(number)
        dims = [as_expr(self.directions), self.anchor.batch, as_expr(self.units)]
        return b.view(number, _turned(([0], [1], [2]), across), dims, [d, as_expr(0), u], u * (part * self.units))

    def lengths(self, b: KernelBuilder, value: SSAValue, *, across: bool) -> SSAValue:
        """(sequence, unit): the same for every unit."""
        number = self._number(value)
        dims, strides = [self.anchor.batch, as_expr(self.units)], [*self.group.strides(number), as_expr(0)]
        return b.view(number, _turned(([0], [1]), across), dims, strides)

    def result(self, b: KernelBuilder, *, across: bool) -> SSAValue:
        """(row, direction, sequence, unit)."""
        return b.view(self.group.result_index(0), _turned(([0], [2], [1], [3]), across))

    def _number(self, value: SSAValue) -> int:
        number = self.group.operand_index(value)
        assert number is not None
        return number


def _turned(coordinates: Coordinates, across: bool) -> Coordinates:
    """The coordinates of a view, the last two exchanged where rows run over units."""
    *lead, row, column = coordinates
    return (*lead, column, row) if across else coordinates


def rnn_of(view: GroupView) -> RnnProblem | Refusal:
    """The recurrence in a group, or why it is not just one."""
    anchor = view.anchor(nn.RnnOp)
    if not isinstance(anchor, nn.RnnOp):
        return OtherAnchor("expected one rnn")
    if len(view.ops) > 1 or list(view.results) != [anchor.result]:
        return Refusal("expected no other op beside rnn", next(op for op in view.ops if op is not anchor))
    if refusal := refuse_tensors(view):
        return refusal
    if anchor.units.as_int() is None:
        return Refusal(f"expected hidden units that are known when the engine is built, got {anchor.units}", anchor)
    if anchor.math is not None and anchor.math.data is not nn.Math.TF32:
        return Refusal(f"expected weights that are stored as {anchor.math.data}, got {anchor.weights.type}", anchor)
    return RnnProblem(view, anchor)
