"""
h as integers of 8 bits, by the range of each sequence. A block has read all units of a sequence when it multiplies, so that it finds the
range itself: no more is exchanged than h, in f32.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from xdsl.dialects import arith, math
from xdsl.ir import Attribute, SSAValue

from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import FragType
from ...building.builder import Emitter, Index, KernelBuilder
from ...building.pointwise import convert, div, maximum, minimum, select, sub

BYTE = 255
QUANTIZE_INSTRUCTIONS = 16.0
"""Per element of h: its part in the range, a division, the bounds."""


def spread(rows: int, columns: int, element: Attribute, threads: int) -> FragType:
    """A tile of h whose rows are shared by lanes of one warp each. Columns: a multiple of 16."""
    lanes = 32 if columns % 32 == 0 else 16
    return FragType.of((rows, columns), element, Blocked.of(threads // lanes, lanes, 1, gcd(columns // lanes, 4)))


def _step_and_zero(b: KernelBuilder, low: SSAValue, high: SSAValue) -> tuple[SSAValue, SSAValue]:
    """The step and the zero point of a range per row, as rows fragments of floats."""
    type_ = low.type
    assert isinstance(type_, FragType)

    def body(s: Emitter, low: SSAValue, high: SSAValue) -> list[SSAValue]:
        nothing, byte = s.constant(0, low.type), s.constant(BYTE, low.type)
        low, high = minimum(s, low, nothing), maximum(s, high, nothing)
        step = div(s, sub(s, high, low), byte)
        step = select(s, s.emit(arith.CmpfOp(low, high, "oeq")), s.constant(1, low.type), step)
        zero = maximum(s, minimum(s, div(s, sub(s, nothing, low), step), byte), nothing)
        return [step, s.emit(math.RoundEvenOp(zero))]

    step, zero = b.map([low, high], [type_, type_], body)
    return step, zero


def integers(b: KernelBuilder, h: SSAValue, step: SSAValue, zero: SSAValue, element: Attribute) -> SSAValue:
    """A fragment of h as the integers that are multiplied: uint8 less the zero point of its row."""
    type_ = h.type
    assert isinstance(type_, FragType)

    def body(s: Emitter, x: SSAValue, step: SSAValue, zero: SSAValue) -> list[SSAValue]:
        least, most = sub(s, s.constant(0, x.type), zero), sub(s, s.constant(BYTE, x.type), zero)
        rounded = s.emit(math.RoundEvenOp(div(s, x, step)))
        return [convert(s, minimum(s, maximum(s, rounded, least), most), element)]

    return b.map([h, step, zero], [type_.with_element(element)], body)[0]


def quantize(b: KernelBuilder, h: SSAValue, element: Attribute) -> tuple[SSAValue, SSAValue]:
    """The integers of a fragment of whole rows of h, and the step of each row. What fills up the rows is 0, as in any range."""
    step, zero = _step_and_zero(b, b.reduce("min", h), b.reduce("max", h))
    return integers(b, h, step, zero, element), step


def step_and_zero(
    b: KernelBuilder, view: SSAValue, at: list[Index], units: int, tile: FragType
) -> tuple[SSAValue, SSAValue]:
    """The step and the zero point of the rows of `view` from `at` (.., row) on, read in tiles."""

    def one(b: KernelBuilder, column: SSAValue, found: Sequence[SSAValue]) -> list[SSAValue]:
        h = b.load(view, [*at, column], tile)
        return b.map([*found, h], [tile, tile], lambda s, low, high, x: [minimum(s, low, x), maximum(s, high, x)])

    low, high = b.loop(0, units, tile.extents[1], [b.fill(0.0, tile), b.fill(0.0, tile)], one, "unit")
    return _step_and_zero(b, b.reduce("min", low), b.reduce("max", high))
