"""Tile ops of the `kernel` dialect that compute on fragments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, FunctionType, IndexType, StringAttr, UnitAttr, f32, f64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    AnyOf,
    EqAttrConstraint,
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from ..base import F64Attr, I64Attr, expect, int_attr, unit
from ..grouped import Grouped
from ..numbers import Number
from ..structure import YieldOp
from ..types import FragType, SharedType


@irdl_op_definition
class FillOp(IRDLOperation):
    """A fragment of one value."""

    name = "kernel.fill"
    value = prop_def(F64Attr)
    result = result_def(FragType)
    traits = traits_def(Pure())
    custom_directives = (Number,)
    assembly_format = "custom<Number>($value) attr-dict `:` type($result)"

    def __init__(self, value: float, result: FragType):
        super().__init__(properties={"value": FloatAttr(value, f64)}, result_types=[result])


@irdl_op_definition
class FmodOp(IRDLOperation):
    """The remainder of two f32 or f64 scalars with the sign of the dividend, exact (C `fmod`): `math` has no op for it."""

    name = "kernel.fmod"
    T: ClassVar = VarConstraint("T", AnyOf((EqAttrConstraint(f32), EqAttrConstraint(f64))))
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$lhs `,` $rhs attr-dict `:` type($result)"

    def __init__(self, lhs: SSAValue, rhs: SSAValue):
        super().__init__(operands=[lhs, rhs], result_types=[lhs.type])


@irdl_op_definition
class ReciprocalOp(IRDLOperation):
    """1 / x of an f32 scalar within a unit in the last place (`rcp.approx.ftz`): numbers below 2**-126 count as zero and become zero."""

    name = "kernel.reciprocal"
    operand = operand_def(EqAttrConstraint(f32))
    result = result_def(EqAttrConstraint(f32))
    traits = traits_def(Pure())
    assembly_format = "$operand attr-dict `:` type($result)"

    def __init__(self, operand: SSAValue):
        super().__init__(operands=[operand], result_types=[f32])


@irdl_op_definition
class CoordOp(IRDLOperation):
    """`base` plus each element's row (axis 0) or column (axis 1) in the tile, as i32; a rows fragment has axis 0 only."""

    name = "kernel.coord"
    base = operand_def(IndexType())
    axis = prop_def(I64Attr)
    result = result_def(FragType)
    traits = traits_def(Pure())
    assembly_format = "$base `axis` $axis attr-dict `:` type($result)"

    def __init__(self, base: SSAValue, axis: int, result: FragType):
        super().__init__(operands=[base], properties={"axis": int_attr(axis)}, result_types=[result])


@irdl_op_definition
class MapOp(IRDLOperation):
    """
    Applies a scalar region (arith, math) to each element. Operands are fragments of the result's layout, rows fragments of it (one value
    per row) or scalars (the same for all). There is one result per yielded value.
    """

    name = "kernel.map"
    arguments = var_operand_def()
    body = region_def("single_block")
    res = var_result_def(FragType)

    def __init__(self, arguments: Sequence[SSAValue], results: Sequence[FragType], body: Region | None = None):
        if body is None:
            body = Region(Block(arg_types=[scalar_type(a.type) for a in arguments]))
        super().__init__(operands=[arguments], result_types=[results], regions=[body])

    def verify_(self) -> None:
        block = self.body.block
        expect(
            len(block.args) == len(self.arguments),
            "kernel.map",
            f"{len(self.arguments)} block arguments",
            len(block.args),
        )
        for argument, operand in zip(block.args, self.arguments, strict=True):
            expect(
                argument.type == scalar_type(operand.type),
                "kernel.map",
                f"a block argument of {scalar_type(operand.type)}",
                argument.type,
            )
        last = block.last_op
        assert isinstance(last, YieldOp)
        expect(
            len(last.arguments) == len(self.res), "kernel.map", f"{len(self.res)} yielded values", len(last.arguments)
        )
        for value, result in zip(last.arguments, self.res, strict=True):
            assert isinstance(result.type, FragType)
            expect(
                value.type == result.type.element_type,
                "kernel.map",
                f"a yielded {result.type.element_type}",
                value.type,
            )
        first = self.res[0].type
        assert isinstance(first, FragType)
        for type_ in [*(a.type for a in self.arguments), *(r.type for r in self.res)]:
            if isinstance(type_, FragType):
                same = type_.layout == first.layout and type_.tile == first.tile
                expect(
                    same and (type_.is_rows or not first.is_rows), "kernel.map", f"fragments laid out as {first}", type_
                )

    @classmethod
    def parse(cls, parser: Parser) -> MapOp:
        arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        parser.parse_punctuation(":")
        type_ = parser.parse_type()
        assert isinstance(type_, FunctionType)
        operands = parser.resolve_operands(arguments, type_.inputs.data, parser.pos)
        region = parser.parse_region()
        return cls.create(operands=operands, result_types=type_.outputs.data, regions=[region])

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        with printer.in_parens():
            printer.print_list(self.arguments, printer.print_ssa_value)
        printer.print_string(" : ")
        printer.print_function_type([a.type for a in self.arguments], [r.type for r in self.res])
        printer.print_string(" ")
        printer.print_region(self.body)


def scalar_type(type_: Attribute) -> Attribute:
    """The type of one element of a fragment; a scalar's own type otherwise."""
    return type_.element_type if isinstance(type_, FragType) else type_


REDUCTIONS = ("sum", "max", "min", "prod")


@irdl_op_definition
class ReduceOp(IRDLOperation):
    """Reduces a fragment's columns: one value per row, held by all threads that hold an element of the row. The order is not specified."""

    name = "kernel.reduce"
    value = operand_def(FragType)
    kind = prop_def(StringAttr)
    scratch = opt_operand_def(SharedType)
    result = result_def(FragType)

    assembly_format = (
        "$kind $value (`through` $scratch^ `:` type($scratch))? attr-dict `:` type($value) `->` type($result)"
    )

    def __init__(self, kind: str, value: SSAValue, scratch: SSAValue | None = None):
        """`scratch`: a shared tile [rows, warps per row] of the element type, needed where several warps share a row."""
        type_ = value.type
        assert isinstance(type_, FragType)
        super().__init__(operands=[value, scratch], properties={"kind": StringAttr(kind)}, result_types=[type_.rows])

    def verify_(self) -> None:
        expect(self.kind.data in REDUCTIONS, "kernel.reduce", f"a kind among {', '.join(REDUCTIONS)}", self.kind.data)
        type_ = self.value.type
        assert isinstance(type_, FragType)
        expect(self.result.type == type_.rows, "kernel.reduce", type_.rows, self.result.type)


@irdl_op_definition
class MmaOp(IRDLOperation):
    """
    acc + A B^T, with A [M, K] and B [N, K]. mma.sync and FMA take fragments (layouts mma_a, mma_b, or outer_a, outer_b) and complete
    immediately; wgmma takes B, and A unless it is a wgmma_a fragment, from shared tiles, and completes at `mma_wait`. f32 operands in mma
    layouts are rounded to TF32. Accumulates in f32 (i32 for i8, f64 for f64). Fragments that are grouped (A and B by columns, acc
    [groups M, N] by rows) make one partial product per group, of its columns.
    """

    name = "kernel.mma"
    a = operand_def()
    b = operand_def()
    acc = operand_def(FragType)
    result = result_def(FragType)
    transposed_b = opt_prop_def(UnitAttr)

    assembly_format = (
        "$a `,` $b `,` $acc (`transposed_b` $transposed_b^)? attr-dict "
        "`:` type($a) `,` type($b) `,` type($acc) `->` type($result)"
    )

    def __init__(self, a: SSAValue, b: SSAValue, acc: SSAValue, *, transposed_b: bool = False):
        """`transposed_b` (wgmma): the shared tile B is stored [K, N]."""
        super().__init__(
            operands=[a, b, acc],
            properties={"transposed_b": unit(transposed_b)},
            result_types=[acc.type],
        )

    def verify_(self) -> None:
        a, b, acc = self.a.type, self.b.type, self.acc.type
        assert isinstance(acc, FragType)
        if not isinstance(a, FragType | SharedType) or not isinstance(b, FragType | SharedType):
            raise VerifyException(f"kernel.mma: expected fragments or shared tiles, got {a} and {b}")
        shape_b = b.tile[::-1] if self.transposed_b is not None else b.tile
        groups = [
            (t.layout.count.data, t.layout.axis.data)
            for t in (a, b, acc)
            if isinstance(t, FragType) and isinstance(t.layout, Grouped)
        ]
        count = self.groups
        expect(
            groups in ([], [(count, 1), (count, 1), (count, 0)]),
            "kernel.mma",
            "operands grouped by columns and an accumulator by rows, all in as many groups, or none",
            f"{a}, {b} and {acc}",
        )
        expect(
            a.tile[0] * count == acc.tile[0] and shape_b[0] == acc.tile[1] and a.tile[1] == shape_b[1],
            "kernel.mma",
            f"A {acc.tile[0] // count}xK and B {acc.tile[1]}xK",
            f"{a.tile[0]}x{a.tile[1]} and {shape_b[0]}x{shape_b[1]}",
        )
        expect(
            a.element_type == b.element_type, "kernel.mma", f"operands of one type, {a.element_type}", b.element_type
        )

    @property
    def groups(self) -> int:
        """The groups of warps that share the columns of A and B."""
        acc = self.acc.type
        assert isinstance(acc, FragType)
        return acc.layout.count.data if isinstance(acc.layout, Grouped) else 1

    @property
    def is_async(self) -> bool:
        """wgmma: B comes from shared memory."""
        return isinstance(self.b.type, SharedType)


@irdl_op_definition
class MmaWaitOp(IRDLOperation):
    """Waits until all but the `pending` latest wgmma groups of the role are done; the accumulator may be used only after `mma_wait 0`."""

    name = "kernel.mma_wait"
    acc = operand_def(FragType)
    pending = prop_def(I64Attr)
    result = result_def(FragType)
    assembly_format = "$acc `pending` $pending attr-dict `:` type($acc) `->` type($result)"

    def __init__(self, acc: SSAValue, pending: int = 0):
        super().__init__(operands=[acc], properties={"pending": int_attr(pending)}, result_types=[acc.type])


@irdl_op_definition
class ColumnsOp(IRDLOperation):
    """The columns from `first` on of a fragment, as many as the result has, in the same layout; every thread holds its part already."""

    name = "kernel.columns"
    value = operand_def(FragType)
    first = prop_def(I64Attr)
    result = result_def(FragType)
    traits = traits_def(Pure())
    assembly_format = "$value `from` $first attr-dict `:` type($value) `->` type($result)"

    def __init__(self, value: SSAValue, first: int, count: int):
        type_ = value.type
        assert isinstance(type_, FragType)
        result = FragType.of((type_.extents[0], count), type_.element_type, type_.layout)
        super().__init__(operands=[value], properties={"first": int_attr(first)}, result_types=[result])

    def verify_(self) -> None:
        a, b = self.value.type, self.result.type
        assert isinstance(a, FragType) and isinstance(b, FragType)
        expect(a.layout == b.layout and a.extents[0] == b.extents[0], "kernel.columns", f"rows and layout of {a}", b)
        unit, first = a.layout.unit()[1], self.first.value.data
        expect(first % unit == 0, "kernel.columns", f"a first column divisible by {unit}", first)


@irdl_op_definition
class ConvertLayoutOp(IRDLOperation):
    """
    The same tile in another layout. Without scratch only where every thread already holds its elements (wgmma_acc to wgmma_a, mma_acc to
    mma_a); otherwise through a shared tile of the fragment's shape, with the barriers that this requires.
    """

    name = "kernel.convert_layout"
    value = operand_def(FragType)
    scratch = opt_operand_def(SharedType)
    result = result_def(FragType)

    assembly_format = "$value (`through` $scratch^ `:` type($scratch))? attr-dict `:` type($value) `->` type($result)"

    def __init__(self, value: SSAValue, result: FragType, scratch: SSAValue | None = None):
        super().__init__(operands=[value, scratch], result_types=[result])

    def verify_(self) -> None:
        a, b = self.value.type, self.result.type
        assert isinstance(a, FragType) and isinstance(b, FragType)
        expect(
            a.extents == b.extents and a.element_type == b.element_type, "kernel.convert_layout", f"a tile like {a}", b
        )


COMPUTE: tuple[type[Operation], ...] = (
    FillOp,
    CoordOp,
    FmodOp,
    ReciprocalOp,
    MapOp,
    ReduceOp,
    MmaOp,
    MmaWaitOp,
    ColumnsOp,
    ConvertLayoutOp,
)
