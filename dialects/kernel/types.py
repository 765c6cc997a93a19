"""
Types and attributes of the `kernel` dialect: the target, a schedule's choice, global and shared tiles, fragments, rings.
See `structure.py`, `tile/` and `thread/` for the ops and docs/reference/kernel-semantics.md for what they guarantee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd, prod

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FixedBitwidthType,
    IntAttr,
    IntegerAttr,
    StringAttr,
)
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ..dims import ExprLike, as_expr
from ..nn.base import DimsAttr
from ..strided import row_major_strides
from .layouts import Layout

SWIZZLES = (0, 32, 64, 128)
TMA_ALIGNMENT = 16
"""Bytes that divide the address and the strides of a tensor that TMA walks."""
WIDEST_ACCESS = 16
"""Bytes of the widest access of a thread; also the alignment of tensors that TMA requires."""
CHOICE = "kernel.choice"
"""The attribute of an outlined group, then of its kernels, that holds the `Choice`."""


def bitwidth(element: Attribute) -> int:
    """Bits of a scalar type as stored in memory; i1 takes a byte, `index` counts as 32 (kernels index with 32 bits)."""
    if isinstance(element, FixedBitwidthType):
        return max(8, element.bitwidth)
    return 32


def parse_dims(parser: AttrParser) -> DimsAttr:
    """Dim expressions in angle brackets."""
    return DimsAttr(DimsAttr.parse_parameter(parser))


def _print_shape(printer: Printer, shape: Sequence[int], element: Attribute) -> None:
    for extent in shape:
        printer.print_string(f"{extent}x")
    printer.print_attribute(element)


def _parse_shape(parser: AttrParser) -> tuple[ArrayAttr[IntAttr], Attribute]:
    shape, element = parser.parse_ranked_shape()
    return ArrayAttr(IntAttr(extent) for extent in shape), element


@irdl_attr_definition
class Target(ParametrizedAttribute):
    """The GPU that a kernel is compiled for: `#kernel.target<"sm_90a", sms = 132, smem = 232448>` (smem: bytes per block, at most)."""

    name = "kernel.target"

    arch: StringAttr = param_def()
    sms: IntAttr = param_def()
    smem: IntAttr = param_def()

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            arch = parser.parse_str_literal()
            parser.parse_punctuation(",")
            parser.parse_keyword("sms")
            parser.parse_punctuation("=")
            sms = parser.parse_integer()
            parser.parse_punctuation(",")
            parser.parse_keyword("smem")
            parser.parse_punctuation("=")
            smem = parser.parse_integer()
        return [StringAttr(arch), IntAttr(sms), IntAttr(smem)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(self.arch.data)
            printer.print_string(f", sms = {self.sms.data}, smem = {self.smem.data}")

    @property
    def capability(self) -> int:
        """Compute capability as an int: 80, 86, 89, 90, 100, 120."""
        return int(self.arch.data.removeprefix("sm_").rstrip("af"))

    @property
    def dependent_launches(self) -> bool:
        """Whether a launch may begin before the previous one has ended (programmatic dependent launch)."""
        return self.capability >= 90


@irdl_attr_definition
class GlobalType(ParametrizedAttribute, TypeAttribute):
    """
    A tensor in global memory: extents and strides (elements) are dim expressions; `align` is the number of bytes known to divide
    its address. `!kernel.global<dims <N, 64> x f16, strides <64, 1>, align 16>`.
    """

    name = "kernel.global"

    dims: DimsAttr = param_def()
    element_type: Attribute = param_def()
    strides: DimsAttr = param_def()
    align: IntAttr = param_def()

    @classmethod
    def of(
        cls, dims: Sequence[ExprLike], element: Attribute, strides: Sequence[ExprLike] | None = None, align: int = 16
    ) -> GlobalType:
        """A global tile; without `strides` row-major."""
        if strides is None:
            strides = row_major_strides([as_expr(d) for d in dims])
        return cls(DimsAttr.get(dims), element, DimsAttr.get(strides), IntAttr(align))

    @property
    def needs(self) -> int:
        """The alignment of the address at a launch, in bytes: that of the widest access that `align` allows."""
        return gcd(self.align.data, WIDEST_ACCESS)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            parser.parse_keyword("dims")
            dims = parse_dims(parser)
            parser.parse_keyword("x")
            element = parser.parse_type()
            parser.parse_punctuation(",")
            parser.parse_keyword("strides")
            strides = parse_dims(parser)
            parser.parse_punctuation(",")
            parser.parse_keyword("align")
            align = parser.parse_integer()
        return [dims, element, strides, IntAttr(align)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string("dims ")
            self.dims.print_parameter(printer)
            printer.print_string(" x ")
            printer.print_attribute(self.element_type)
            printer.print_string(", strides ")
            self.strides.print_parameter(printer)
            printer.print_string(f", align {self.align.data}")

    def verify(self) -> None:
        if len(self.dims.exprs) != len(self.strides.exprs):
            raise VerifyException(
                f"{self.name}: expected one stride per extent, got {len(self.strides.exprs)} strides for {len(self.dims.exprs)} extents"
            )


@irdl_attr_definition
class Choice(ParametrizedAttribute):
    """
    The schedule of a group, its tunables, and the tensors between its launches if it has several:
    `#kernel.choice<"gemm_mma", {bm = 128 : i64, stages = 3 : i64}>`, `#kernel.choice<"reduce_split", {spans = 64 : i64}, workspace [..]>`.
    """

    name = "kernel.choice"

    schedule: StringAttr = param_def()
    tunables: DictionaryAttr = param_def()
    workspace: ArrayAttr[GlobalType] = param_def()

    @classmethod
    def of(cls, schedule: str, tunables: Mapping[str, int | str], workspace: Sequence[GlobalType] = ()) -> Choice:
        """A choice from Python values; ints become i64 attributes, strings string attributes."""
        attributes: dict[str, Attribute] = {
            key: IntegerAttr(value, 64) if isinstance(value, int) else StringAttr(value)
            for key, value in sorted(tunables.items())
        }
        return cls(StringAttr(schedule), DictionaryAttr(attributes), ArrayAttr(workspace))

    @property
    def values(self) -> dict[str, int | str]:
        """The tunables as Python values."""
        values: dict[str, int | str] = {}
        for key, value in self.tunables.data.items():
            if isinstance(value, IntegerAttr):
                values[key] = value.value.data
            elif isinstance(value, StringAttr):
                values[key] = value.data
        return values

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            schedule = StringAttr(parser.parse_str_literal())
            parser.parse_punctuation(",")
            tunables = parser.parse_attribute()
            workspace: list[GlobalType] = []
            if parser.parse_optional_punctuation(",") is not None:
                parser.parse_keyword("workspace")
                types = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_type)
                for type_ in types:
                    if not isinstance(type_, GlobalType):
                        parser.raise_error(f"kernel.choice: expected workspace tensors of !kernel.global, got {type_}")
                    workspace.append(type_)
        return [schedule, tunables, ArrayAttr(workspace)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(self.schedule.data)
            printer.print_string(", ")
            printer.print_attribute(self.tunables)
            if self.workspace.data:
                printer.print_string(", workspace [")
                printer.print_list(self.workspace.data, printer.print_attribute)
                printer.print_string("]")


@irdl_attr_definition
class ViewType(ParametrizedAttribute, TypeAttribute):
    """
    A global tensor addressed by `rank` coordinates, each running over one group of its dimensions: the last two span the tiles that
    load and store move, the others select one. `!kernel.view<3 x f16>`.
    """

    name = "kernel.view"

    rank: IntAttr = param_def()
    element_type: Attribute = param_def()

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            rank = parser.parse_integer()
            parser.parse_keyword("x")
            return [IntAttr(rank), parser.parse_type()]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.rank.data} x ")
            printer.print_attribute(self.element_type)

    def verify(self) -> None:
        if self.rank.data < 2:
            raise VerifyException(f"{self.name}: expected at least two coordinates (row, column), got {self.rank.data}")


@irdl_attr_definition
class SharedType(ParametrizedAttribute, TypeAttribute):
    """
    A tile in shared memory, row-major, the 16-byte chunks of a row permuted by `swizzle` (0, 32, 64 or 128 bytes, as TMA does); with three
    extents the first counts ring stages. `!kernel.shared<3x128x32xf16, swizzle 64>`. `pad` elements follow each row.
    """

    name = "kernel.shared"

    shape: ArrayAttr[IntAttr] = param_def()
    element_type: Attribute = param_def()
    swizzle: IntAttr = param_def()
    pad: IntAttr = param_def()

    @classmethod
    def of(cls, shape: Sequence[int], element: Attribute, swizzle: int = 0, pad: int = 0) -> SharedType:
        return cls(ArrayAttr(IntAttr(s) for s in shape), element, IntAttr(swizzle), IntAttr(pad))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            shape, element = _parse_shape(parser)
            swizzle = pad = 0
            while parser.parse_optional_punctuation(","):
                if parser.parse_optional_keyword("swizzle"):
                    swizzle = parser.parse_integer()
                else:
                    parser.parse_keyword("pad")
                    pad = parser.parse_integer()
        return [shape, element, IntAttr(swizzle), IntAttr(pad)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            _print_shape(printer, self.extents, self.element_type)
            if self.swizzle.data:
                printer.print_string(f", swizzle {self.swizzle.data}")
            if self.pad.data:
                printer.print_string(f", pad {self.pad.data}")

    def verify(self) -> None:
        if len(self.extents) not in (2, 3):
            raise VerifyException(
                f"{self.name}: expected rows x columns or stages x rows x columns, got {len(self.extents)} extents"
            )
        if self.swizzle.data not in SWIZZLES:
            raise VerifyException(f"{self.name}: expected a swizzle of {SWIZZLES} bytes, got {self.swizzle.data}")
        if self.swizzle.data and (self.pad.data or self.row_bytes % self.swizzle.data):
            raise VerifyException(
                f"{self.name}: expected unpadded rows of a multiple of {self.swizzle.data} bytes for this swizzle, got {self.row_bytes}"
            )

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(s.data for s in self.shape)

    @property
    def tile(self) -> tuple[int, int]:
        """(rows, columns) of one stage."""
        rows, columns = self.extents[-2:]
        return rows, columns

    @property
    def stages(self) -> int:
        return self.extents[0] if len(self.extents) == 3 else 1

    @property
    def row_bytes(self) -> int:
        return (self.extents[-1] + self.pad.data) * bitwidth(self.element_type) // 8

    @property
    def stage_bytes(self) -> int:
        return self.extents[-2] * self.row_bytes

    @property
    def bytes(self) -> int:
        return self.stages * self.stage_bytes

    @property
    def slot(self) -> SharedType:
        """The type of one stage."""
        return SharedType(ArrayAttr(self.shape.data[-2:]), self.element_type, self.swizzle, self.pad)


@irdl_attr_definition
class FragType(ParametrizedAttribute, TypeAttribute):
    """
    A tile spread over the registers of a role's threads. Two extents: every element has a place in `layout`. One extent: a value per
    row of a tile of that layout and of `columns` columns, held by every thread that holds an element of the row (what `reduce` makes).
    `!kernel.frag<128x64xf32, #kernel.mma_acc<2, 2>>`, `!kernel.frag<128xf32, #kernel.mma_acc<2, 2>, rows of 64>`.
    """

    name = "kernel.frag"

    shape: ArrayAttr[IntAttr] = param_def()
    element_type: Attribute = param_def()
    layout: Layout = param_def()
    columns: IntAttr = param_def()

    @classmethod
    def of(cls, shape: Sequence[int], element: Attribute, layout: Layout, columns: int | None = None) -> FragType:
        """A fragment; `columns` only for a rows fragment (one extent)."""
        return cls(ArrayAttr(IntAttr(s) for s in shape), element, layout, IntAttr(columns or shape[-1]))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            shape, element = _parse_shape(parser)
            parser.parse_punctuation(",")
            layout = parser.parse_attribute()
            columns = shape.data[-1]
            if parser.parse_optional_punctuation(","):
                parser.parse_keyword("rows")
                parser.parse_keyword("of")
                columns = IntAttr(parser.parse_integer())
        return [shape, element, layout, columns]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            _print_shape(printer, self.extents, self.element_type)
            printer.print_string(", ")
            printer.print_attribute(self.layout)
            if self.is_rows:
                printer.print_string(f", rows of {self.columns.data}")

    def verify(self) -> None:
        if len(self.extents) not in (1, 2):
            raise VerifyException(f"{self.name}: expected one or two extents, got {len(self.extents)}")
        if reason := self.layout.check(self.tile):
            raise VerifyException(reason)

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(s.data for s in self.shape)

    @property
    def is_rows(self) -> bool:
        return len(self.extents) == 1

    @property
    def tile(self) -> tuple[int, int]:
        """(rows, columns) of the tile that the layout spreads."""
        return self.extents[0], self.columns.data

    @property
    def registers(self) -> int:
        """Elements per thread."""
        return self.layout.row_registers(self.tile) if self.is_rows else self.layout.registers(self.tile)

    @property
    def rows(self) -> FragType:
        """The type of one value per row of this fragment."""
        return FragType(ArrayAttr(self.shape.data[:1]), self.element_type, self.layout, self.columns)

    def with_element(self, element: Attribute) -> FragType:
        return FragType(self.shape, element, self.layout, self.columns)


RING_KINDS = ("cp_async", "mbarrier")


@irdl_attr_definition
class RingType(ParametrizedAttribute, TypeAttribute):
    """
    `stages` slots that producers fill and consumers empty in turn. `cp_async`: all threads of the block load and use; `mbarrier`: a
    producer role fills by TMA, `consumers` roles empty. `!kernel.ring<4, mbarrier, 2>`.
    """

    name = "kernel.ring"

    stages: IntAttr = param_def()
    kind: StringAttr = param_def()
    consumers: IntAttr = param_def()

    @classmethod
    def of(cls, stages: int, kind: str, consumers: int = 1) -> RingType:
        return cls(IntAttr(stages), StringAttr(kind), IntAttr(consumers))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            stages = parser.parse_integer()
            parser.parse_punctuation(",")
            kind = parser.parse_identifier()
            consumers = parser.parse_integer() if parser.parse_optional_punctuation(",") else 1
        return [IntAttr(stages), StringAttr(kind), IntAttr(consumers)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.stages.data}, {self.kind.data}")
            if self.consumers.data != 1:
                printer.print_string(f", {self.consumers.data}")

    def verify(self) -> None:
        if self.kind.data not in RING_KINDS:
            raise VerifyException(
                f"{self.name}: expected a ring of kind {' or '.join(RING_KINDS)}, got '{self.kind.data}'"
            )
        if self.stages.data < 1 or self.consumers.data < 1:
            raise VerifyException(
                f"{self.name}: expected at least one stage and one consumer, got {self.stages.data} and {self.consumers.data}"
            )


@irdl_attr_definition
class TensorMapType(ParametrizedAttribute, TypeAttribute):
    """A TMA descriptor, encoded by the host per context, shapes and pointers: `!kernel.tensor_map<64x128xf16, swizzle 128>` (its box)."""

    name = "kernel.tensor_map"

    box: ArrayAttr[IntAttr] = param_def()
    element_type: Attribute = param_def()
    swizzle: IntAttr = param_def()

    @classmethod
    def of(cls, box: Sequence[int], element: Attribute, swizzle: int) -> TensorMapType:
        return cls(ArrayAttr(IntAttr(b) for b in box), element, IntAttr(swizzle))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            shape, element = _parse_shape(parser)
            swizzle = 0
            if parser.parse_optional_punctuation(","):
                parser.parse_keyword("swizzle")
                swizzle = parser.parse_integer()
        return [shape, element, IntAttr(swizzle)]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            _print_shape(printer, self.extents, self.element_type)
            if self.swizzle.data:
                printer.print_string(f", swizzle {self.swizzle.data}")

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(b.data for b in self.box)

    @property
    def bytes(self) -> int:
        """Bytes that one load or store of the box moves."""
        return prod(self.extents) * bitwidth(self.element_type) // 8
