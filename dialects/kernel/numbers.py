"""How `kernel` ops print a float: as a literal, or as `inf`, `-inf` and `nan`, for which MLIR has no bare literals."""

from __future__ import annotations

import math
from typing import cast

from xdsl.dialects.builtin import Float64Type, FloatAttr, f64
from xdsl.irdl import IRDLOperation
from xdsl.irdl.declarative_assembly_format import (
    AttributeVariable,
    CustomDirective,
    ParsingState,
    PrintingState,
    irdl_custom_directive,
)
from xdsl.parser import Parser
from xdsl.printer import Printer


@irdl_custom_directive
class Number(CustomDirective):
    """`custom<Number>($fill)`: the value of an f64 attribute, without its type."""

    value: AttributeVariable

    def parse(self, parser: Parser, state: ParsingState) -> None:
        self.value.set(state, FloatAttr(_parse_number(parser), f64))

    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        state.print_whitespace(printer)
        attribute = cast(FloatAttr[Float64Type], self.value.get(op))
        number = attribute.value.data
        if math.isfinite(number) and float(f"{number:e}") == number:
            attribute.print_without_type(printer)
        else:
            printer.print_string(_exact(number))


def _exact(number: float) -> str:
    """All digits of a number, with the decimal point that MLIR requires."""
    digits, exponent, power = repr(number).partition("e")
    return f"{digits}{'' if '.' in digits or not math.isfinite(number) else '.0'}{exponent}{power}"


def _parse_number(parser: Parser) -> float:
    if parser.parse_optional_keyword("inf"):
        return math.inf
    if parser.parse_optional_keyword("nan"):
        return math.nan
    if parser.parse_optional_punctuation("-"):
        return -math.inf if parser.parse_optional_keyword("inf") else -parser.parse_float(allow_negative=False)
    return parser.parse_float()
