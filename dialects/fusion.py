"""The `fusion` dialect: which ops are scheduled as one, and where their results land.

A `fusion.group` is one scheduling unit, isolated from above; its string is the kind of its anchor. Inside are `nn` and `quant`
ops with their names and locations. `assign-destinations` writes layouts and aliases, `outline-groups` turns each group into a
private function and leaves a `fusion.call`.

    %r = fusion.group "conv" (%a = %x : tensor<1x8x8x3xf32>, %b = %w : tensor<4x3x3x3xf32>) -> (tensor<1x6x6x4xf32>) {
      %0 = nn.conv %a, %b {...} : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<1x6x6x4xf32>
      fusion.yield %0 : tensor<1x6x6x4xf32>
    }
    %s = fusion.call @conv_relu_3(%x, %w) : (tensor<1x8x8x3xf32>, tensor<4x3x3x3xf32>) -> tensor<1x6x6x4xf32>
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd
from typing import Any, cast

from xdsl.dialects.builtin import AnyTensorType, ArrayAttr, StringAttr, SymbolRefAttr
from xdsl.dialects.utils import AbstractYieldOperation, EnumAttribute
from xdsl.ir import Attribute, Block, Data, Dialect, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    lazy_traits_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import AttrParser, Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, IsolatedFromAbove, IsTerminator, Pure, SingleBlockImplicitTerminator
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum

from .dims import Expr, ExprLike, as_expr, divisor_of, parse_exprs
from .nn.base import Tensor, Value, compatible, shape_of, verify_tensor_type
from .strided import View, row_major_strides

ANCHORS = ("conv", "matmul", "attention", "row", "window", "gather", "positions", "rnn", "pointwise")
"""The kinds of group. `row`: softmax, layer_norm, reduce, lrn; `window`: pools and depthwise conv; `pointwise`: also copies."""

ALIAS = "fusion.alias"
LAYOUTS = "layouts"
ANCHOR = "fusion.anchor"
FUNCTION_LAYOUTS = "fusion.layouts"
COPIED = "fusion.copied"
"""On a group that only moves elements, its call and its launch: why no view does it."""
_MOST_ALIGN = 64
"""Elements; the buffers themselves are aligned to at least 256 bytes."""


class Alias(StrEnum):
    """`source`: the result is a view of the operand. `dest`: the operands are views of the result."""

    SOURCE = "source"
    DEST = "dest"


@irdl_attr_definition
class AliasAttr(EnumAttribute[Alias]):
    """`#fusion.alias<source>` or `#fusion.alias<dest>`, the attribute `fusion.alias` of a view-like op."""

    name = "fusion.alias"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Alias:
        with parser.in_angle_brackets():
            return parser.parse_str_enum(Alias)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data.value)


class MemoryLayout(tuple[tuple[Expr, ...] | None, int]):
    """Strides in elements (None: row-major) and the number of elements that offset and strides are known to be multiples of."""

    @property
    def strides(self) -> tuple[Expr, ...] | None:
        return self[0]

    @property
    def align(self) -> int:
        return self[1]


@irdl_attr_definition
class LayoutAttr(Data[MemoryLayout]):
    """Where a group's operand or result lies: `#fusion.layout<contiguous>` or `#fusion.layout<[H*64, 64, 1], align = 8>`.

    Strides count elements. `align` is a number of elements that divides the offset and every stride but the unit one; it
    defaults to 1 and is then not printed.
    """

    name = "fusion.layout"

    @staticmethod
    def get(  # pyright: ignore[reportIncompatibleMethodOverride]
        strides: Iterable[ExprLike] | None = None, align: int = 1
    ) -> LayoutAttr:
        """A layout with these strides (None: row-major)."""
        return LayoutAttr(MemoryLayout((None if strides is None else tuple(as_expr(s) for s in strides), align)))

    @staticmethod
    def of(view: View[Any]) -> LayoutAttr:
        """The layout of a tensor that is this view. The strides of a row-major tensor do not lower its `align`."""
        strides = None if view.is_row_major else view.strides
        numbers = [s for d, s in zip(view.dims, strides or (), strict=False) if d != 1 and s != 1]
        return LayoutAttr.get(strides, gcd(_MOST_ALIGN, *map(divisor_of, [view.offset, *numbers])))

    @property
    def strides(self) -> tuple[Expr, ...] | None:
        """Strides in elements, or None for row-major."""
        return self.data.strides

    @property
    def align(self) -> int:
        return self.data.align

    def strides_for(self, dims: Sequence[Expr]) -> tuple[Expr, ...]:
        """The strides, written out for a tensor with these dims."""
        if self.strides is not None:
            return self.strides
        return row_major_strides(dims)

    def verify(self) -> None:
        if self.align < 1:
            raise VerifyException(f"{self.name}: expected align of 1 or more elements, got {self.align}")

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> MemoryLayout:
        with parser.in_angle_brackets():
            strides: tuple[Expr, ...] | None = None
            if parser.parse_optional_keyword("contiguous") is None:
                parser.parse_punctuation("[")
                words: list[str] = []
                start = parser.pos
                while (word := parser._current_token.span.text) not in ("]", ""):  # pyright: ignore[reportPrivateUsage]
                    words.append(word)
                    parser._consume_token()  # pyright: ignore[reportPrivateUsage]
                try:
                    strides = parse_exprs(" ".join(words))
                except ValueError as error:
                    parser.raise_error(str(error), start, parser.pos)
                parser.parse_punctuation("]")
            align = 1
            if parser.parse_optional_punctuation(",") is not None:
                parser.parse_keyword("align")
                parser.parse_punctuation("=")
                align = parser.parse_integer(allow_boolean=False, allow_negative=False)
            return MemoryLayout((strides, align))

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            strides = self.strides
            printer.print_string("contiguous" if strides is None else f"[{', '.join(map(str, strides))}]")
            if self.align != 1:
                printer.print_string(f", align = {self.align}")


@irdl_op_definition
class YieldOp(AbstractYieldOperation[Attribute]):
    """Ends a group with its results."""

    name = "fusion.yield"

    traits = lazy_traits_def(lambda: (IsTerminator(), Pure(), HasParent(GroupOp)))


@irdl_op_definition
class GroupOp(IRDLOperation):
    """One scheduling unit: a region of `nn` and `quant` ops, isolated from above, ending in `fusion.yield`.

    Syntax: `fusion.group "anchor" (%inner = %outer : type, ...) -> (types) attributes {dict}? { ops }`.
    """

    name = "fusion.group"

    inputs = var_operand_def(Tensor)
    outputs = var_result_def(Tensor)
    anchor = prop_def(StringAttr)
    body = region_def("single_block")

    traits = traits_def(Pure(), IsolatedFromAbove(), SingleBlockImplicitTerminator(YieldOp))

    def __init__(
        self, anchor: str, inputs: Sequence[Value], result_types: Sequence[Attribute], body: Region | None = None
    ):
        """With no body, an empty block with one argument per input; add ops and a `YieldOp` to `group.block`."""
        if body is None:
            body = Region(Block(arg_types=[SSAValue.get(v).type for v in inputs]))
        super().__init__(
            operands=[list(inputs)],
            result_types=[list(result_types)],
            properties={"anchor": StringAttr(anchor)},
            regions=[body],
        )

    @property
    def block(self) -> Block:
        """The only block."""
        return self.body.block

    @property
    def yield_op(self) -> YieldOp:
        """The terminator."""
        last = self.body.block.last_op
        if not isinstance(last, YieldOp):
            raise VerifyException(
                f"{self.name}: expected fusion.yield as the last op, got {last.name if last else 'none'}"
            )
        return last

    def ops(self) -> list[Operation]:
        """The ops of the body without the yield."""
        return [op for op in self.body.block.ops if not isinstance(op, YieldOp)]

    def verify_(self) -> None:
        if self.anchor.data not in ANCHORS:
            raise VerifyException(f"{self.name}: expected an anchor of {', '.join(ANCHORS)}, got {self.anchor.data!r}")
        for value in (*self.operands, *self.results):
            verify_tensor_type(cast(AnyTensorType, value.type))
        _verify_types(f"{self.name} block arguments", self.operand_types, [a.type for a in self.block.args])
        _verify_types(f"{self.name} yielded values", self.result_types, self.yield_op.operand_types)
        _verify_layouts(self.name, self.attributes.get(LAYOUTS), [*self.operand_types, *self.result_types])

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.anchor)
        printer.print_string(" ")

        def print_input(pair: tuple[SSAValue, SSAValue]) -> None:
            inner, outer = pair
            printer.print_ssa_value(inner)
            printer.print_string(" = ")
            printer.print_ssa_value(outer)
            printer.print_string(" : ")
            printer.print_attribute(outer.type)

        with printer.in_parens():
            printer.print_list(zip(self.block.args, self.inputs, strict=False), print_input)
        printer.print_string(" -> ")
        with printer.in_parens():
            printer.print_list(self.result_types, printer.print_attribute)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False, print_empty_block=False)

    @classmethod
    def parse(cls, parser: Parser) -> GroupOp:
        anchor = parser.parse_str_literal()
        arguments: list[Parser.Argument] = []
        inputs: list[SSAValue] = []

        def parse_input() -> None:
            inner = parser.parse_argument(expect_type=False)
            parser.parse_punctuation("=")
            outer = parser.parse_unresolved_operand()
            parser.parse_punctuation(":")
            input_type = parser.parse_type()
            arguments.append(inner.resolve(input_type))
            inputs.append(parser.resolve_operand(outer, input_type))

        parser.parse_comma_separated_list(parser.Delimiter.PAREN, parse_input)
        parser.parse_punctuation("->")
        results = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        group = GroupOp(anchor, inputs, results, parser.parse_region(arguments))
        if attributes is not None:
            group.attributes |= attributes.data
        return group


@irdl_op_definition
class CallOp(IRDLOperation):
    """Calls an outlined group: a private `func.func` with the attributes `fusion.anchor` and `fusion.layouts`."""

    name = "fusion.call"

    callee = prop_def(SymbolRefAttr)
    inputs = var_operand_def(Tensor)
    outputs = var_result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$callee `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs)"

    def __init__(self, callee: str | SymbolRefAttr, inputs: Sequence[Value], result_types: Sequence[Attribute]):
        reference = SymbolRefAttr(callee) if isinstance(callee, str) else callee
        super().__init__(operands=[list(inputs)], result_types=[list(result_types)], properties={"callee": reference})

    def verify_(self) -> None:
        for value in (*self.operands, *self.results):
            verify_tensor_type(cast(AnyTensorType, value.type))


def layouts_of(op: Operation) -> list[LayoutAttr]:
    """The layouts of a group's or an outlined function's operands and then results; row-major without the attribute."""
    attribute = op.attributes.get(LAYOUTS, op.attributes.get(FUNCTION_LAYOUTS))
    if isinstance(attribute, ArrayAttr):
        return [a for a in attribute.data if isinstance(a, LayoutAttr)]
    types = getattr(op, "function_type", None)
    count = len(op.operands) + len(op.results) if types is None else len(types.inputs.data) + len(types.outputs.data)
    return [LayoutAttr.get()] * count


def set_layouts(op: Operation, layouts: Sequence[LayoutAttr]) -> None:
    """Write the layouts of a group (`layouts`) or of an outlined function (`fusion.layouts`)."""
    op.attributes[LAYOUTS if isinstance(op, GroupOp) else FUNCTION_LAYOUTS] = ArrayAttr(layouts)


def alias_of(op: Operation) -> Alias | None:
    """The `fusion.alias` of a view-like op, or None."""
    attribute = op.attributes.get(ALIAS)
    return attribute.data if isinstance(attribute, AliasAttr) else None


def _verify_layouts(name: str, layouts: Attribute | None, types: Sequence[Attribute]) -> None:
    if layouts is None:
        return
    listed = layouts.data if isinstance(layouts, ArrayAttr) else ()
    if len(listed) != len(types) or not all(isinstance(a, LayoutAttr) for a in listed):
        raise VerifyException(f"{name}: expected `{LAYOUTS}` with {len(types)} #fusion.layout, got {layouts}")
    for layout, ty in zip(cast("Sequence[LayoutAttr]", listed), types, strict=True):
        rank = len(shape_of(ty))
        if layout.strides is not None and len(layout.strides) != rank:
            raise VerifyException(f"{name}: expected {rank} strides for {ty}, got {layout}")


def _verify_types(what: str, want: Sequence[Attribute], got: Sequence[Attribute]) -> None:
    if len(want) != len(got) or not all(map(compatible, want, got)):
        raise VerifyException(f"{what}: expected types ({_types(want)}), got ({_types(got)})")


def _types(types: Iterable[Attribute]) -> str:
    return ", ".join(map(str, types))


FUSION = Dialect("fusion", [GroupOp, YieldOp, CallOp], [AliasAttr, LayoutAttr])
