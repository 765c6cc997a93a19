"""
The `kernel` dialect, tile ops: what one kernel does, in tiles, with explicit roles, shared memory and synchronisation.

A `kernel.func` is one launch. Its body works on the tile named by its coordinates (never on blockIdx), so that a persistent kernel
can call the same body. Values are fragments (tiles in registers, with a layout from the closed set of `layouts.py`), shared tiles, views
of global tensors and index values; loops are `scf.for` with fragments carried, scalar work inside `kernel.map` is arith and math.
Global tensors are written by `store`, shared tiles by `store_shared`, `load_async` and `load_tma`; a ring says when a slot may be
filled and when it may be read (docs/reference/kernel-semantics.md). Every op means something in NumPy (the simulator) and expands to
thread ops (`kernel_thread.py`) by `lower-to-threads`.

    kernel.func @relu(%x: !kernel.global<dims <N> x f32, strides <1>, align 16>, %y: ...)
        grid <(N + 1023) floordiv 1024, 1, 1> warps 4 coords(%i, %j, %k) {
      %zero = arith.constant 0 : index
      %tile = arith.constant 1024 : index
      %first = arith.muli %i, %tile : index
      %xv = kernel.view %x dims <N> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : ... -> !kernel.view<2 x f32>
      %a = kernel.load %xv[%zero, %first] : !kernel.view<2 x f32> -> !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 8>>
      %b = kernel.map (%a) : (...) -> ... { ^bb0(%s: f32): ... kernel.yield %t : f32 }
      kernel.store %b, %yv[%zero, %first] : ...
      kernel.return
    }
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from xdsl.dialects.builtin import (
    I64,
    ArrayAttr,
    DenseArrayBase,
    Float64Type,
    FloatAttr,
    IndexType,
    IntAttr,
    IntegerAttr,
    StringAttr,
    SymbolNameConstraint,
    UnitAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_region_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, IsTerminator, NoTerminator, Pure, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from .dims import ExprLike
from .dtypes import is_float
from .kernel_numbers import Number
from .kernel_types import (
    FragType,
    GlobalType,
    RingType,
    SharedType,
    TensorMapType,
    ViewType,
    bitwidth,
    parse_dims,
)
from .nn_base import DimsAttr

index = IndexType()
I64Attr: TypeAlias = IntegerAttr[I64]
F64Attr: TypeAlias = FloatAttr[Float64Type]


def int_attr(value: int) -> I64Attr:
    """An i64 attribute, which prints as a bare number."""
    return IntegerAttr(int(value), i64)


def _ints(values: Sequence[int]) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, list(values))


def _expect(condition: bool, what: str, expected: object, got: object) -> None:
    if not condition:
        raise VerifyException(f"{what}: expected {expected}, got {got}")


# Structure.


@irdl_op_definition
class ReturnOp(IRDLOperation):
    """Ends a kernel."""

    name = "kernel.return"
    traits = traits_def(IsTerminator())
    assembly_format = "attr-dict"


@irdl_op_definition
class YieldOp(IRDLOperation):
    """Ends the region of a map."""

    name = "kernel.yield"
    arguments = var_operand_def()
    traits = traits_def(IsTerminator())
    assembly_format = "attr-dict ($arguments^ `:` type($arguments))?"

    def __init__(self, *arguments: SSAValue | Operation):
        super().__init__(operands=[arguments])


@irdl_op_definition
class FuncOp(IRDLOperation):
    """
    One launch. Block arguments: the global tensors (operands, results, workspace), then the three tile coordinates. `grid` gives the
    number of tiles along x, y, z as dim expressions; `params` names the symbols the kernel reads as i32 parameters, in order; `smem`
    is its dynamic shared memory in bytes (0 until `lower-to-threads` has placed it); `pdl` marks programmatic dependent launch.
    """

    name = "kernel.func"

    sym_name = prop_def(SymbolNameConstraint())
    grid = prop_def(DimsAttr)
    warps = prop_def(I64Attr)
    cluster = prop_def(I64Attr)
    params = opt_prop_def(ArrayAttr[StringAttr])
    smem = prop_def(I64Attr)
    min_blocks = prop_def(I64Attr)
    body = region_def("single_block")

    traits = traits_def(IsolatedFromAbove(), SymbolOpInterface())

    def __init__(
        self,
        name: str,
        arguments: Sequence[GlobalType],
        grid: Sequence[ExprLike],
        warps: int,
        *,
        cluster: int = 1,
        min_blocks: int = 0,
        region: Region | None = None,
    ):
        if region is None:
            region = Region(Block(arg_types=[*arguments, index, index, index]))
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "grid": DimsAttr.get(grid),
                "warps": int_attr(warps),
                "cluster": int_attr(cluster),
                "smem": int_attr(0),
                "min_blocks": int_attr(min_blocks),
            },
            regions=[region],
        )

    @property
    def tensors(self) -> Sequence[BlockArgument]:
        """The global tensors, in launch order."""
        return self.body.block.args[:-3]

    @property
    def coords(self) -> Sequence[BlockArgument]:
        """Tile coordinates along x, y and z."""
        return self.body.block.args[-3:]

    @property
    def threads(self) -> int:
        return 32 * self.warps.value.data

    def verify_(self) -> None:
        args = self.body.block.args
        _expect(
            len(args) >= 3, f"kernel.func @{self.sym_name.data}", "three coordinates as its last arguments", len(args)
        )
        for arg in self.tensors:
            _expect(
                isinstance(arg.type, GlobalType),
                f"kernel.func @{self.sym_name.data}",
                "a !kernel.global argument",
                arg.type,
            )
        for arg in self.coords:
            _expect(arg.type == index, f"kernel.func @{self.sym_name.data}", "coordinates of type index", arg.type)
        _expect(
            len(self.grid.exprs) == 3,
            f"kernel.func @{self.sym_name.data}",
            "a grid of three extents",
            len(self.grid.exprs),
        )
        _expect(
            1 <= self.warps.value.data <= 32,
            f"kernel.func @{self.sym_name.data}",
            "1 to 32 warps",
            self.warps.value.data,
        )

    @classmethod
    def parse(cls, parser: Parser) -> FuncOp:
        name = parser.parse_symbol_name()
        tensors = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_argument)
        parser.parse_keyword("grid")
        grid = parse_dims(parser)
        parser.parse_keyword("warps")
        warps = parser.parse_integer()
        properties: dict[str, Attribute] = {"cluster": int_attr(1), "smem": int_attr(0), "min_blocks": int_attr(0)}
        for key in ("cluster", "smem", "min_blocks"):
            if parser.parse_optional_keyword(key):
                properties[key] = int_attr(parser.parse_integer())
        if parser.parse_optional_keyword("params"):
            names = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_identifier)
            properties["params"] = ArrayAttr(StringAttr(n) for n in names)
        parser.parse_keyword("coords")
        coords = parser.parse_comma_separated_list(
            parser.Delimiter.PAREN, lambda: parser.parse_argument(expect_type=False)
        )
        attributes = parser.parse_optional_attr_dict_with_keyword()
        arguments = [*tensors, *(c.resolve(index) for c in coords)]
        region = parser.parse_region(arguments)
        return cls.create(
            properties={"sym_name": name, "grid": grid, "warps": int_attr(warps), **properties},
            attributes=attributes.data if attributes else {},
            regions=[region],
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        with printer.in_parens():
            printer.print_list(self.tensors, printer.print_block_argument)
        printer.print_string(" grid ")
        self.grid.print_parameter(printer)
        printer.print_string(f" warps {self.warps.value.data}")
        for key, default in (("cluster", 1), ("smem", 0), ("min_blocks", 0)):
            value = self.properties[key]
            if isinstance(value, IntegerAttr) and value.value.data != default:
                printer.print_string(f" {key} {value.value.data}")
        if self.params is not None:
            printer.print_string(f" params({', '.join(p.data for p in self.params)})")
        printer.print_string(" coords")
        with printer.in_parens():
            printer.print_list(self.coords, lambda arg: printer.print_block_argument(arg, print_type=False))
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False, print_empty_block=False)


@irdl_op_definition
class RolesOp(IRDLOperation):
    """
    Runs each region by its own consecutive warps, all at once: `warps` gives each role's share, in order; `registers` the registers a
    thread may use afterwards (0: unchanged; sm_90a setmaxnreg). The regions may use values from outside that are the same for the block.
    """

    name = "kernel.roles"
    warps = prop_def(DenseArrayBase[I64])
    registers = prop_def(DenseArrayBase[I64])
    names = prop_def(ArrayAttr[StringAttr])
    roles = var_region_def("single_block")

    traits = traits_def(NoTerminator())
    assembly_format = "$names `warps` $warps `registers` $registers attr-dict-with-keyword $roles"

    def __init__(self, names: Sequence[str], warps: Sequence[int], registers: Sequence[int], roles: Sequence[Region]):
        super().__init__(
            properties={
                "names": ArrayAttr(StringAttr(n) for n in names),
                "warps": _ints(warps),
                "registers": _ints(registers),
            },
            regions=[list(roles)],
        )

    def verify_(self) -> None:
        n = len(self.roles)
        for what in (self.warps, self.registers, self.names):
            _expect(len(what) == n, "kernel.roles", f"{n} entries, one per region", len(what))


@irdl_op_definition
class ExprOp(IRDLOperation):
    """The value of a dim expression over the kernel's symbols."""

    name = "kernel.expr"
    expr = prop_def(DimsAttr)
    result = result_def(IndexType)
    traits = traits_def(Pure())
    assembly_format = "$expr attr-dict"

    def __init__(self, expr: ExprLike):
        super().__init__(properties={"expr": DimsAttr.get([expr])}, result_types=[index])


@irdl_op_definition
class ClusterRankOp(IRDLOperation):
    """The rank of this block in its cluster."""

    name = "kernel.cluster_rank"
    result = result_def(IndexType)
    traits = traits_def(Pure())
    assembly_format = "attr-dict"

    def __init__(self):
        super().__init__(result_types=[index])


# Memory.


@irdl_op_definition
class ViewOp(IRDLOperation):
    """
    A tensor seen through coordinate groups: group g = [d0, d1, ...] is one coordinate running over those dimensions, row-major; an empty
    group has extent one. `dims`, `strides` and `offset` (elements) replace the tensor's own: a broadcast has stride 0, a transpose
    permuted strides, a slice an offset.
    """

    name = "kernel.view"
    source = operand_def(GlobalType)
    dims = prop_def(DimsAttr)
    strides = prop_def(DimsAttr)
    offset = prop_def(DimsAttr)
    groups = prop_def(ArrayAttr[DenseArrayBase[I64]])
    result = result_def(ViewType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = (
        "$source `dims` $dims `strides` $strides `offset` $offset `groups` $groups attr-dict "
        "`:` type($source) `->` type($result)"
    )

    def __init__(
        self,
        source: SSAValue,
        groups: Sequence[Sequence[int]],
        dims: Sequence[ExprLike] | None = None,
        strides: Sequence[ExprLike] | None = None,
        offset: ExprLike = 0,
    ):
        type_ = source.type
        assert isinstance(type_, GlobalType)
        super().__init__(
            operands=[source],
            properties={
                "dims": type_.dims if dims is None else DimsAttr.get(dims),
                "strides": type_.strides if strides is None else DimsAttr.get(strides),
                "offset": DimsAttr.get([offset]),
                "groups": ArrayAttr(_ints(g) for g in groups),
            },
            result_types=[ViewType(IntAttr(len(groups)), type_.element_type)],
        )

    def group_dims(self) -> list[list[int]]:
        """The dimensions of each coordinate."""
        return [[int(d) for d in group.iter_values()] for group in self.groups]

    def verify_(self) -> None:
        rank = len(self.dims.exprs)
        _expect(len(self.strides.exprs) == rank, "kernel.view", f"{rank} strides", len(self.strides.exprs))
        used = sorted(d for group in self.group_dims() for d in group)
        _expect(used == list(range(rank)), "kernel.view", f"groups that use dimensions 0 to {rank - 1} once", used)
        _expect(
            len(self.groups) == self.result.type.rank.data, "kernel.view", "one group per coordinate", len(self.groups)
        )


@irdl_op_definition
class Im2colOp(IRDLOperation):
    """
    A convolution's or pool's input as a matrix: coordinates (group, row, column) with row = (n, p, q) over the output pixels and column =
    (r, s, c) over the window and one group's channels. The tensor is N, H, W, C; elements outside it (padding) are absent: a load gives its
    fill. `out` holds the output's P, Q.
    """

    name = "kernel.im2col"
    source = operand_def(GlobalType)
    out = prop_def(DimsAttr)
    kernel = prop_def(DenseArrayBase[I64])
    strides = prop_def(DenseArrayBase[I64])
    pads = prop_def(DenseArrayBase[I64])
    dilations = prop_def(DenseArrayBase[I64])
    groups = prop_def(I64Attr)
    result = result_def(ViewType)

    traits = traits_def(Pure())
    assembly_format = (
        "$source `out` $out `kernel` $kernel `strides` $strides `pads` $pads `dilations` $dilations `groups` $groups "
        "attr-dict `:` type($source) `->` type($result)"
    )

    def __init__(
        self,
        source: SSAValue,
        out: Sequence[ExprLike],
        kernel: Sequence[int],
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int] = (1, 1),
        groups: int = 1,
    ):
        type_ = source.type
        assert isinstance(type_, GlobalType)
        super().__init__(
            operands=[source],
            properties={
                "out": DimsAttr.get(out),
                "kernel": _ints(kernel),
                "strides": _ints(strides),
                "pads": _ints(pads[:2]),
                "dilations": _ints(dilations),
                "groups": int_attr(groups),
            },
            result_types=[ViewType(IntAttr(3), type_.element_type)],
        )

    def verify_(self) -> None:
        type_ = self.source.type
        assert isinstance(type_, GlobalType)
        _expect(
            len(type_.dims.exprs) == 4, "kernel.im2col", "a tensor N, H, W, C", f"{len(type_.dims.exprs)} dimensions"
        )
        _expect(len(self.out.exprs) == 2, "kernel.im2col", "two output extents", len(self.out.exprs))
        for what in (self.kernel, self.strides, self.pads, self.dilations):
            _expect(len(what) == 2, "kernel.im2col", "two values (height, width) per attribute", len(what))


@irdl_op_definition
class LoadOp(IRDLOperation):
    """
    The tile of the view at the coordinates (the last two: its first row and column), as a fragment. Elements outside the view, also at
    negative coordinates, are `fill`. A rows fragment takes column `coords[-1]` of each row.
    """

    name = "kernel.load"
    view = operand_def(ViewType)
    coords = var_operand_def(IndexType())
    fill = prop_def(F64Attr)
    result = result_def(FragType)

    custom_directives = (Number,)
    assembly_format = "$view `[` $coords `]` `fill` custom<Number>($fill) attr-dict `:` type($view) `->` type($result)"

    def __init__(self, view: SSAValue, coords: Sequence[SSAValue], result: FragType, fill: float = 0.0):
        super().__init__(operands=[view, coords], properties={"fill": FloatAttr(fill, f64)}, result_types=[result])

    def verify_(self) -> None:
        _verify_access(self, self.view, self.coords, self.result.type)


@irdl_op_definition
class ValidOp(IRDLOperation):
    """Which elements of the tile lie inside the view, as a fragment of i1."""

    name = "kernel.valid"
    view = operand_def(ViewType)
    coords = var_operand_def(IndexType())
    result = result_def(FragType)

    traits = traits_def(Pure())
    assembly_format = "$view `[` $coords `]` attr-dict `:` type($view) `->` type($result)"

    def __init__(self, view: SSAValue, coords: Sequence[SSAValue], result: FragType):
        super().__init__(operands=[view, coords], result_types=[result])


@irdl_op_definition
class GatherOp(IRDLOperation):
    """As `load`, but each row's row coordinate comes from `rows` (a rows fragment of i32); a row outside the view is `fill`."""

    name = "kernel.gather"
    view = operand_def(ViewType)
    rows = operand_def(FragType)
    coords = var_operand_def(IndexType())
    fill = prop_def(F64Attr)
    result = result_def(FragType)

    custom_directives = (Number,)
    assembly_format = (
        "$view `rows` $rows `[` $coords `]` `fill` custom<Number>($fill) attr-dict "
        "`:` type($view) `,` type($rows) `->` type($result)"
    )

    def __init__(self, view: SSAValue, rows: SSAValue, coords: Sequence[SSAValue], result: FragType, fill: float = 0.0):
        """`coords`: the leading coordinates and the first column, without the row."""
        super().__init__(
            operands=[view, rows, coords], properties={"fill": FloatAttr(fill, f64)}, result_types=[result]
        )


@irdl_op_definition
class StoreOp(IRDLOperation):
    """Writes a fragment's elements that lie inside the view at the coordinates. A rows fragment writes column `coords[-1]` of each row."""

    name = "kernel.store"
    value = operand_def(FragType)
    view = operand_def(ViewType)
    coords = var_operand_def(IndexType())

    assembly_format = "$value `,` $view `[` $coords `]` attr-dict `:` type($value) `,` type($view)"

    def __init__(self, value: SSAValue, view: SSAValue, coords: Sequence[SSAValue]):
        super().__init__(operands=[value, view, coords])

    def verify_(self) -> None:
        _verify_access(self, self.view, self.coords, self.value.type)


def _verify_access(op: Operation, view: SSAValue, coords: Sequence[SSAValue], frag: Attribute) -> None:
    type_ = view.type
    assert isinstance(type_, ViewType) and isinstance(frag, FragType)
    _expect(len(coords) == type_.rank.data, op.name, f"{type_.rank.data} coordinates", len(coords))
    _expect(frag.element_type == type_.element_type, op.name, f"elements of {type_.element_type}", frag.element_type)
    _expect(
        isinstance(view.owner, ViewOp | Im2colOp), op.name, "a view made by kernel.view or kernel.im2col", view.owner
    )


@irdl_op_definition
class AllocOp(IRDLOperation):
    """Shared memory of the block, its contents undefined. With `over` it takes the bytes of another allocation, whose contents it ends."""

    name = "kernel.alloc"
    over = opt_operand_def(SharedType)
    result = result_def(SharedType)
    offset = opt_prop_def(I64Attr)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "(`over` $over^ `:` type($over))? attr-dict `->` type($result)"

    def __init__(self, result: SharedType, over: SSAValue | None = None):
        super().__init__(operands=[over], result_types=[result])


@irdl_op_definition
class SlotOp(IRDLOperation):
    """One stage of a staged shared tile; the index is taken modulo the stages."""

    name = "kernel.slot"
    source = operand_def(SharedType)
    position = operand_def(IndexType())
    result = result_def(SharedType)

    traits = traits_def(Pure())
    assembly_format = "$source `[` $position `]` attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, position: SSAValue):
        type_ = source.type
        assert isinstance(type_, SharedType)
        super().__init__(operands=[source, position], result_types=[type_.slot])


@irdl_op_definition
class LoadSharedOp(IRDLOperation):
    """The fragment at (row, column) of a shared tile. mma operands come by ldmatrix where the element size allows. `transposed`: the
    shared tile holds the fragment's transpose, and (row, column) count in the fragment's sense."""

    name = "kernel.load_shared"
    source = operand_def(SharedType)
    row = operand_def(IndexType())
    column = operand_def(IndexType())
    transposed = opt_prop_def(UnitAttr)
    result = result_def(FragType)

    assembly_format = (
        "$source `[` $row `,` $column `]` (`transposed` $transposed^)? attr-dict `:` type($source) `->` type($result)"
    )

    def __init__(
        self, source: SSAValue, row: SSAValue, column: SSAValue, result: FragType, *, transposed: bool = False
    ):
        super().__init__(
            operands=[source, row, column],
            properties={"transposed": UnitAttr() if transposed else None},
            result_types=[result],
        )


@irdl_op_definition
class StoreSharedOp(IRDLOperation):
    """Writes a fragment to (row, column) of a shared tile."""

    name = "kernel.store_shared"
    value = operand_def(FragType)
    target = operand_def(SharedType)
    row = operand_def(IndexType())
    column = operand_def(IndexType())

    assembly_format = "$value `,` $target `[` $row `,` $column `]` attr-dict `:` type($value) `,` type($target)"

    def __init__(self, value: SSAValue, target: SSAValue, row: SSAValue, column: SSAValue):
        super().__init__(operands=[value, target, row, column])


@irdl_op_definition
class LoadAsyncOp(IRDLOperation):
    """
    Starts copying the tile of a view at the coordinates into a shared tile, by all threads of the block (cp.async; where a copy is under
    4 bytes or not aligned, a load and a store). Elements outside the view become zero. Readable after the ring's `wait`. A tile of
    narrower floats than the view's takes them rounded to nearest even, by loads and stores.
    """

    name = "kernel.load_async"
    view = operand_def(ViewType)
    coords = var_operand_def(IndexType())
    target = operand_def(SharedType)

    assembly_format = "$view `[` $coords `]` `to` $target attr-dict `:` type($view) `,` type($target)"

    def __init__(self, view: SSAValue, coords: Sequence[SSAValue], target: SSAValue):
        super().__init__(operands=[view, coords, target])

    def verify_(self) -> None:
        view, target = self.view.type, self.target.type
        assert isinstance(view, ViewType) and isinstance(target, SharedType)
        source, element = view.element_type, target.element_type
        _expect(len(self.coords) == view.rank.data, self.name, f"{view.rank.data} coordinates", len(self.coords))
        narrows = is_float(source) and is_float(element) and bitwidth(source) > bitwidth(element)
        _expect(source == element or narrows, self.name, f"a tile of {source} or of narrower floats", element)


@irdl_op_definition
class TensorMapOp(IRDLOperation):
    """
    A TMA descriptor of a view: dimensions innermost last as in the view, one box extent for each of the view's last two coordinates (rows,
    columns). Of an im2col view it is an im2col descriptor. A kernel parameter; the host encodes it.
    """

    name = "kernel.tensor_map"
    view = operand_def(ViewType)
    result = result_def(TensorMapType)

    traits = traits_def(Pure())
    assembly_format = "$view attr-dict `:` type($view) `->` type($result)"

    def __init__(self, view: SSAValue, result: TensorMapType):
        super().__init__(operands=[view], result_types=[result])


@irdl_op_definition
class LoadTmaOp(IRDLOperation):
    """
    One thread starts a TMA copy of the box at the coordinates into a shared tile; its bytes count towards slot `position` of the ring.
    `multicast`: the box lands in the same place of each block of the cluster named by the bit mask, counting towards that block's ring.
    """

    name = "kernel.load_tma"
    map = operand_def(TensorMapType)
    coords = var_operand_def(IndexType())
    target = operand_def(SharedType)
    ring = operand_def(RingType)
    position = operand_def(IndexType())
    row = opt_operand_def(IndexType())
    multicast = opt_prop_def(I64Attr)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    assembly_format = (
        "$map `[` $coords `]` `to` $target (`row` $row^)? `ring` $ring `[` $position `]` (`multicast` $multicast^)? attr-dict `:` "
        "type($map) `,` type($target) `,` type($ring)"
    )

    def __init__(
        self,
        map: SSAValue,
        coords: Sequence[SSAValue],
        target: SSAValue,
        ring: SSAValue,
        position: SSAValue,
        row: SSAValue | None = None,
        multicast: int | None = None,
    ):
        """`row`: the first row of the target that the box fills (none: row 0)."""
        super().__init__(
            operands=[[map], coords, [target], [ring], [position], [] if row is None else [row]],
            properties={"multicast": None if multicast is None else int_attr(multicast)},
        )


@irdl_op_definition
class StoreTmaOp(IRDLOperation):
    """
    One thread starts a TMA copy of a shared tile to the box at the coordinates; elements outside the tensor are dropped. Writes to the tile
    by ordinary stores need `fence_async` and a barrier first. The tile may be reused after `store_wait`.
    """

    name = "kernel.store_tma"
    source = operand_def(SharedType)
    map = operand_def(TensorMapType)
    coords = var_operand_def(IndexType())

    assembly_format = "$source `,` $map `[` $coords `]` attr-dict `:` type($source) `,` type($map)"

    def __init__(self, source: SSAValue, map: SSAValue, coords: Sequence[SSAValue]):
        super().__init__(operands=[source, map, coords])


@irdl_op_definition
class StoreWaitOp(IRDLOperation):
    """The issuing thread waits until all but `pending` of its TMA stores have read their tiles, and the role meets."""

    name = "kernel.store_wait"
    pending = prop_def(I64Attr)
    assembly_format = "$pending attr-dict"

    def __init__(self, pending: int = 0):
        super().__init__(properties={"pending": int_attr(pending)})


# Synchronisation.


@irdl_op_definition
class RingOp(IRDLOperation):
    """A ring of slots, all free. Made once, before the roles part."""

    name = "kernel.ring"
    result = result_def(RingType)
    assembly_format = "attr-dict `->` type($result)"

    def __init__(self, result: RingType):
        super().__init__(result_types=[result])


class _RingStep(IRDLOperation):
    ring = operand_def(RingType)
    position = operand_def(IndexType())

    def __init__(self, ring: SSAValue, position: SSAValue):
        super().__init__(operands=[ring, position])


@irdl_op_definition
class AcquireOp(_RingStep):
    """Producer: waits until the slot of fill number `position` is free, that is, released by every consumer of fill `position - stages`."""

    name = "kernel.acquire"
    assembly_format = "$ring `[` $position `]` attr-dict `:` type($ring)"


@irdl_op_definition
class CommitOp(_RingStep):
    """Producer: all copies for fill `position` have been started; `bytes` is what TMA will deliver (mbarrier rings)."""

    name = "kernel.commit"
    bytes = prop_def(I64Attr)
    assembly_format = "$ring `[` $position `]` `bytes` $bytes attr-dict `:` type($ring)"

    def __init__(self, ring: SSAValue, position: SSAValue, bytes: int = 0):
        IRDLOperation.__init__(self, operands=[ring, position], properties={"bytes": int_attr(bytes)})


@irdl_op_definition
class WaitOp(_RingStep):
    """Consumer: waits until fill `position` has landed and is visible to the role. `later` fills may have been committed after it."""

    name = "kernel.wait"
    later = prop_def(I64Attr)
    assembly_format = "$ring `[` $position `]` `later` $later attr-dict `:` type($ring)"

    def __init__(self, ring: SSAValue, position: SSAValue, later: int = 0):
        IRDLOperation.__init__(self, operands=[ring, position], properties={"later": int_attr(later)})


@irdl_op_definition
class ReleaseOp(_RingStep):
    """Consumer: has done with fill `position`."""

    name = "kernel.release"
    assembly_format = "$ring `[` $position `]` attr-dict `:` type($ring)"


@irdl_op_definition
class BarrierOp(IRDLOperation):
    """All threads of the role (outside roles: of the block) meet; shared memory written before is visible after."""

    name = "kernel.barrier"
    assembly_format = "attr-dict"


@irdl_op_definition
class FenceAsyncOp(IRDLOperation):
    """Makes this thread's ordinary writes to shared memory visible to TMA and wgmma (fence.proxy.async)."""

    name = "kernel.fence_async"
    assembly_format = "attr-dict"


@irdl_op_definition
class ClusterBarrierOp(IRDLOperation):
    """All threads of the cluster meet."""

    name = "kernel.cluster_barrier"
    assembly_format = "attr-dict"


@irdl_op_definition
class GridWaitOp(IRDLOperation):
    """Waits until the launches before this one have finished (programmatic dependent launch); a no-op without it."""

    name = "kernel.grid_wait"
    assembly_format = "attr-dict"


@irdl_op_definition
class GridSignalOp(IRDLOperation):
    """Lets the next launch start its prologue."""

    name = "kernel.grid_signal"
    assembly_format = "attr-dict"


# Compute.


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
    Applies a scalar region (arith, math) to each element. Operands are fragments of the result's layout, rows fragments of it (one value a
    row) or scalars (the same for all). Several results come from several yielded values.
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
        _expect(
            len(block.args) == len(self.arguments),
            "kernel.map",
            f"{len(self.arguments)} block arguments",
            len(block.args),
        )
        for argument, operand in zip(block.args, self.arguments, strict=True):
            _expect(
                argument.type == scalar_type(operand.type),
                "kernel.map",
                f"a block argument of {scalar_type(operand.type)}",
                argument.type,
            )
        last = block.last_op
        assert isinstance(last, YieldOp)
        _expect(
            len(last.arguments) == len(self.res), "kernel.map", f"{len(self.res)} yielded values", len(last.arguments)
        )
        for value, result in zip(last.arguments, self.res, strict=True):
            assert isinstance(result.type, FragType)
            _expect(
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
                _expect(
                    same and (type_.is_rows or not first.is_rows), "kernel.map", f"fragments laid out as {first}", type_
                )

    @classmethod
    def parse(cls, parser: Parser) -> MapOp:
        arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        parser.parse_punctuation(":")
        type_ = parser.parse_type()
        from xdsl.dialects.builtin import FunctionType

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
    """Reduces a fragment's columns: one value per row, held by all threads that hold an element of the row. Any order of combination."""

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
        _expect(self.kind.data in REDUCTIONS, "kernel.reduce", f"a kind among {', '.join(REDUCTIONS)}", self.kind.data)
        type_ = self.value.type
        assert isinstance(type_, FragType)
        _expect(self.result.type == type_.rows, "kernel.reduce", type_.rows, self.result.type)


@irdl_op_definition
class MmaOp(IRDLOperation):
    """
    acc + A B^T, with A [M, K] and B [N, K]. mma.sync and FMA take fragments (layouts mma_a, mma_b, or outer_a, outer_b) and are done at
    once; wgmma takes B, and A unless it is a wgmma_a fragment, from shared tiles, and is done after `mma_wait`. f32 operands in mma
    layouts are rounded to TF32. Accumulates in f32 (i32 for i8).
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
            properties={"transposed_b": UnitAttr() if transposed_b else None},
            result_types=[acc.type],
        )

    def verify_(self) -> None:
        a, b, acc = self.a.type, self.b.type, self.acc.type
        assert isinstance(acc, FragType)
        if not isinstance(a, FragType | SharedType) or not isinstance(b, FragType | SharedType):
            raise VerifyException(f"kernel.mma: expected fragments or shared tiles, got {a} and {b}")
        shape_b = b.tile[::-1] if self.transposed_b is not None else b.tile
        _expect(
            a.tile[0] == acc.tile[0] and shape_b[0] == acc.tile[1] and a.tile[1] == shape_b[1],
            "kernel.mma",
            f"A {acc.tile[0]}xK and B {acc.tile[1]}xK",
            f"{a.tile[0]}x{a.tile[1]} and {shape_b[0]}x{shape_b[1]}",
        )
        _expect(
            a.element_type == b.element_type, "kernel.mma", f"operands of one type, {a.element_type}", b.element_type
        )

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
        _expect(a.layout == b.layout and a.extents[0] == b.extents[0], "kernel.columns", f"rows and layout of {a}", b)
        unit, first = a.layout.unit()[1], self.first.value.data
        _expect(first % unit == 0, "kernel.columns", f"a first column divisible by {unit}", first)


@irdl_op_definition
class ConvertLayoutOp(IRDLOperation):
    """
    The same tile in another layout. Without scratch only where every thread already holds what it needs (wgmma_acc to wgmma_a, mma_acc to
    mma_a); otherwise through a shared tile of the fragment's shape, with the barriers that this needs.
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
        _expect(
            a.extents == b.extents and a.element_type == b.element_type, "kernel.convert_layout", f"a tile like {a}", b
        )


TILE_OPS: tuple[type[Operation], ...] = (
    ReturnOp, YieldOp, FuncOp, RolesOp, ExprOp, ClusterRankOp,
    ViewOp, Im2colOp, LoadOp, ValidOp, GatherOp, StoreOp,
    AllocOp, SlotOp, LoadSharedOp, StoreSharedOp, LoadAsyncOp, TensorMapOp, LoadTmaOp, StoreTmaOp, StoreWaitOp,
    RingOp, AcquireOp, CommitOp, WaitOp, ReleaseOp, BarrierOp, FenceAsyncOp, ClusterBarrierOp, GridWaitOp, GridSignalOp,
    FillOp, CoordOp, MapOp, ReduceOp, MmaOp, MmaWaitOp, ColumnsOp, ConvertLayoutOp,
)  # fmt: skip
