"""The layout of tiles that groups of warps share, each group with a part of another layout (layouts.py)."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.builtin import IntAttr
from xdsl.ir import Attribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from .layouts import Layout, Shape


@irdl_attr_definition
class Grouped(Layout):
    """
    `count` groups of warps that share the rows (`axis` 0) or columns (`axis` 1) of a tile evenly, each with its part laid out by `inner`:
    `#kernel.grouped<4, 1, #kernel.mma_a<1, 2, 2>>`. Operands of a product that are grouped by columns give each group a part of the sum;
    the accumulator, grouped by rows, is a stack of these.
    """

    name = "kernel.grouped"

    count: IntAttr = param_def()
    axis: IntAttr = param_def()
    inner: Layout = param_def()

    @classmethod
    def by(cls, count: int, axis: int, inner: Layout) -> Layout:
        """`inner` itself for one group."""
        return inner if count == 1 else cls(IntAttr(count), IntAttr(axis), inner)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            count = parser.parse_integer()
            parser.parse_punctuation(",")
            axis = parser.parse_integer()
            parser.parse_punctuation(",")
            inner = parser.parse_attribute()
        if not isinstance(inner, Layout):
            parser.raise_error(f"{cls.name} expects a layout of the parts, got {inner}")
        return [IntAttr(count), IntAttr(axis), inner]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.count.data}, {self.axis.data}, ")
            printer.print_attribute(self.inner)

    def verify(self) -> None:
        if self.count.data < 2 or self.axis.data not in (0, 1):
            raise VerifyException(
                f"{self.name}: expected 2 or more groups and axis 0 or 1, got {self.count.data} and axis {self.axis.data}"
            )
        if isinstance(self.inner, Grouped) or self.inner.threads() % 32:
            raise VerifyException(
                f"{self.name}: expected a layout of whole warps, itself not grouped, got {self.inner}"
            )

    def part(self, shape: Shape) -> Shape:
        """The shape of one group's part."""
        rows, columns = shape
        count = self.count.data
        return (rows, columns // count) if self.axis.data else (rows // count, columns)

    def threads(self) -> int:
        return self.count.data * self.inner.threads()

    def unit(self) -> Shape:
        rows, columns = self.inner.unit()
        count = self.count.data
        return (rows, columns * count) if self.axis.data else (rows * count, columns)

    def registers(self, shape: Shape) -> int:
        return self.inner.registers(self.part(shape))

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        part, threads = self.part(shape), self.inner.threads()
        row, column = self.inner.index(part, thread % threads, register)
        first = thread // threads * part[self.axis.data]
        return (row, column + first) if self.axis.data else (row + first, column)

    def contiguous(self, shape: Shape) -> int:
        return self.inner.contiguous(self.part(shape))

    def row_register(self, shape: Shape, register: Any) -> Any:
        return self.inner.row_register(self.part(shape), register)

    def row_registers(self, shape: Shape) -> int:
        return self.inner.row_registers(self.part(shape))


def of_group(layout: Layout, shape: Shape) -> tuple[Layout, Shape]:
    """The layout and the shape of what one group of a grouped layout has; of other layouts themselves."""
    return (layout.inner, layout.part(shape)) if isinstance(layout, Grouped) else (layout, shape)
