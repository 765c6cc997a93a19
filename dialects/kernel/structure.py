"""
Tile ops of the `kernel` dialect that hold others: the kernel and its roles; and those for a block's place. Tile ops describe one kernel in
tiles, with explicit roles, shared memory and synchronisation.

A `kernel.func` is one launch. Its body works on the tile at its coordinates (never on blockIdx), so that a persistent kernel can run
the same body. Values are fragments (tiles in registers, with a layout from the closed set of `layouts.py`), shared tiles, views
of global tensors and index values; loops are `scf.for` with fragments carried, scalar work inside `kernel.map` is arith and math.
Global tensors are written by `store`, shared tiles by `store_shared`, `load_async` and `load_tma`; a ring orders the filling and reading
of its slots (docs/reference/kernel-semantics.md). The simulator executes every op in NumPy, and the passes of phase `threads` expand it to
thread ops.

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

from xdsl.dialects.builtin import (
    I64,
    ArrayAttr,
    DenseArrayBase,
    IndexType,
    IntegerAttr,
    StringAttr,
    SymbolNameConstraint,
)
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_region_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, IsTerminator, NoTerminator, Pure, SymbolOpInterface

from ..dims import ExprLike
from ..nn.base import DimsAttr, ints
from .base import I64Attr, IndexOp, PlainOp, expect, index, int_attr
from .types import GlobalType, parse_dims


@irdl_op_definition
class ReturnOp(PlainOp):
    """Ends a kernel."""

    name = "kernel.return"
    traits = traits_def(IsTerminator())


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
    is its dynamic shared memory in bytes (0 until `place-shared-memory` has placed it).
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
        what, args, warps = f"kernel.func @{self.sym_name.data}", self.body.block.args, self.warps.value.data
        expect(len(args) >= 3, what, "three coordinates as its last arguments", len(args))
        for arg in self.tensors:
            expect(isinstance(arg.type, GlobalType), what, "a !kernel.global argument", arg.type)
        for arg in self.coords:
            expect(arg.type == index, what, "coordinates of type index", arg.type)
        expect(len(self.grid.exprs) == 3, what, "a grid of three extents", len(self.grid.exprs))
        expect(1 <= warps <= 32, what, "1 to 32 warps", warps)

    @classmethod
    def parse(cls, parser: Parser) -> FuncOp:
        name = parser.parse_symbol_name()
        tensors = parser.parse_comma_separated_list(parser.Delimiter.PAREN, lambda: _tensor(parser))
        parser.parse_keyword("grid")
        grid = parse_dims(parser)
        parser.parse_keyword("warps")
        warps = parser.parse_integer()
        properties: dict[str, Attribute] = {"cluster": int_attr(1), "smem": int_attr(0), "min_blocks": int_attr(0)}
        for key in ("cluster", "smem", "min_blocks"):
            if parser.parse_optional_keyword(key):
                properties[key] = int_attr(parser.parse_integer())
        if parser.parse_optional_keyword("params"):
            names = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_identifier_or_str_literal)
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
            printer.print_string(" params")
            with printer.in_parens():
                printer.print_list(self.params, lambda name: printer.print_identifier_or_string_literal(name.data))
        printer.print_string(" coords")
        with printer.in_parens():
            printer.print_list(self.coords, lambda arg: printer.print_block_argument(arg, print_type=False))
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False, print_empty_block=False)


def _tensor(parser: Parser) -> Parser.Argument:
    """A tensor argument. A location in the text is skipped: the argument has that of the kernel."""
    argument = parser.parse_argument()
    parser.parse_optional_location()
    return argument


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
                "warps": ints(warps),
                "registers": ints(registers),
            },
            regions=[list(roles)],
        )

    def verify_(self) -> None:
        n = len(self.roles)
        for what in (self.warps, self.registers, self.names):
            expect(len(what) == n, "kernel.roles", f"{n} entries, one per region", len(what))


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
class ClusterRankOp(IndexOp):
    """The rank of this block in its cluster."""

    name = "kernel.cluster_rank"


STRUCTURE: tuple[type[Operation], ...] = (ReturnOp, YieldOp, FuncOp, RolesOp, ExprOp, ClusterRankOp)
