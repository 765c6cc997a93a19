"""How `nn.constant` prints its elements: `dense<[0.5, 1.0]>`, or as bytes, `dense<"0x...">`, where decimals would not parse back.

xDSL prints infinities, NaN and floats of many digits as the bits of single elements, which its parser reads as integers.
"""

from __future__ import annotations

from typing import cast

from xdsl.dialects.builtin import AnyFloat, DenseIntOrFPElementsAttr
from xdsl.ir import Attribute
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
class Elements(CustomDirective):
    """`custom<Elements>($value)`: a dense attribute or a blob, so that what is parsed equals what was printed."""

    value: AttributeVariable

    def parse(self, parser: Parser, state: ParsingState) -> None:
        self.value.set(state, parser.parse_attribute())

    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        state.print_whitespace(printer)
        _print_elements(printer, cast(Attribute, self.value.get(op)))


@irdl_custom_directive
class InitialValue(CustomDirective):
    """`custom<InitialValue>($value)`: `= ` and a dense attribute or a blob, or nothing."""

    value: AttributeVariable

    def parse(self, parser: Parser, state: ParsingState) -> None:
        if parser.parse_optional_punctuation("=") is not None:
            self.value.set(state, parser.parse_attribute())

    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        attribute = self.value.get(op)
        if attribute is not None:
            printer.print_string(" = ")
            _print_elements(printer, attribute)


def _print_elements(printer: Printer, attribute: Attribute) -> None:
    if (
        isinstance(attribute, DenseIntOrFPElementsAttr)
        and isinstance(attribute.get_element_type(), AnyFloat)
        and "0x" in str(attribute)
    ):
        printer.print_string(f'dense<"0x{attribute.data.data.hex().upper()}"> : {attribute.type}')
    else:
        printer.print_attribute(attribute)
