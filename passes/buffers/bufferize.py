"""
Turns `@main` from tensors into the host function: memrefs, views and launches.

```
func.func @main(%x : tensor<?x64xf32, ..>) -> tensor<?x64xf32, ..>   func.func @main(%x : memref<?x64xf32>, %y : memref<?x64xf32>) {
  %w = nn.weight "w" : tensor<64x64xf32>                          ->    %N = buffer.symbol "N" from %x[0] : memref<?x64xf32>
  %y = fusion.call @fc(%x, %w) : ...                                    %w = buffer.weight "w" : memref<64x64xf32>
  func.return %y                                                        buffer.launch @fc[%N] ins(%x, %w : ..) outs(%y : ..)
```

Each tensor gets a place: offset, dims and strides within one owner. A returned tensor owns its output argument; view-like ops
place their result in their operand's owner (`#fusion.alias<source>`) or their operands in their result's (`dest`, so that the
producers of a concat write straight into it); every other result of a call is an alloc of its own, and so is the workspace that
the group's `kernel.choice` asks for. Small constants that are left in `@main` become weights. A group becomes one
launch for each kernel that it lists in `kernel.launches`, all over the same tensors; a launch states how it accesses them (`accesses`)
where its kernel does. The last launch that writes a result carries its ONNX name. A function without kernels (passes run alone, IR
written by hand) is launched itself.

Assumes `assign-destinations` and `outline-groups`: a returned tensor is the result of a call, or of a `dest` op, and is returned
once; anything else is a PassError, since a copy would have to be a group of its own. Does not reorder calls.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import ArrayAttr, IndexType, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import buffer, fusion, kernel, nn
from ...dialects.dims import Expr
from ...dialects.dims.solving import sources
from ...dialects.kernel.accesses import stated_accesses
from ...dialects.kernel.marks import launches_of
from ...dialects.kernel.types import CHOICE, Choice
from ...dialects.provenance import describe, get_names
from ...dialects.strided import same_strides
from ...dialects.text import identifier
from .control_flow import Rows, Slots, add_if, add_loop, add_read, prepare
from .places import VIEW_LIKE, Place, Places, alias, failure, what


class _Rewrite:
    """Builds the new body next to the old one."""

    def __init__(self, module: ModuleOp, function: FuncOp):
        self.module = module
        self.function = function
        self.places = Places(function)
        self.main = Block()
        """The block of the host function, which holds all owners of memory."""
        self.block = self.main
        """Where launches go: this, or the block of a branch or loop."""
        self.owners: dict[SSAValue, SSAValue] = {}
        self.buffers: dict[SSAValue, Slots | Rows] = {}
        """Results of loops whose owners have other dims than they."""
        self.ranges = nn.symbol_ranges(module)
        self.views: ChainMap[Place, SSAValue] = ChainMap()
        self.symbols: ChainMap[str, SSAValue] = ChainMap()
        self.functions = {f.sym_name.data: f for f in module.body.block.ops if isinstance(f, FuncOp)}
        self.kernels = {f.sym_name.data: f for f in module.body.block.ops if isinstance(f, kernel.FuncOp)}
        self.constants: list[tuple[str, nn.ConstantOp]] = []
        self.flags = 0

    def run(self) -> None:
        self._prepare(self.function.body.block)
        self.places.check_returned()
        self._arguments()
        self._walk(self.function.body.block)
        self.block.add_op(ReturnOp())
        self._finish()

    def _prepare(self, block: Block) -> None:
        for op in block.ops:
            if isinstance(op, nn.LoopOp):
                self.buffers.update(prepare(op, self.places, self.ranges))

    def _walk(self, block: Block) -> None:
        """The launches of a function's ops."""
        for op in block.ops:
            match op:
                case fusion.CallOp():
                    self._call(op)
                case nn.ReadOp():
                    add_read(op, self)
                case nn.IfOp():
                    add_if(op, self)
                case nn.LoopOp():
                    add_loop(op, self)
                case nn.WeightOp() | nn.ConstantOp() | ReturnOp():
                    pass
                case nn.ShapeValueOp() if op.result.first_use is None:
                    pass
                case _ if isinstance(op, VIEW_LIKE):
                    alias(op)
                    for value in (*op.operands, *op.results):  # also what no launch reads or writes must have a place
                        self.places.of(value)
                case _:
                    raise failure(f"{describe(op)} is left in @main: expected fuse-groups to have put it into a group.")

    # What control_flow.py builds with.

    def add(self, op: Operation) -> SSAValue:
        self.block.add_op(op)
        return op.results[0] if op.results else cast(SSAValue, None)

    def index(self, value: Expr, op: Operation) -> SSAValue:
        name, number = value.as_symbol(), value.as_int()
        if name is not None and name in self.symbols:
            return self.symbols[name]
        made = buffer.ValueOp(value) if number is None else arith.ConstantOp(IntegerAttr(number, IndexType()))
        made.location = op.location
        return self.add(made)

    def flag_name(self) -> str:
        self.flags += 1
        return f"flag {self.flags}"

    def know(self, name: str, value: SSAValue) -> None:
        self.symbols[name] = value

    def inside(self, function: str, arguments: Sequence[Place], results: Sequence[Place]) -> None:
        callee, outer = self.functions[function], self.places
        self.places = Places(callee)
        block = callee.body.block
        self.places.places.update(zip((*block.args, *self.places.returned), (*arguments, *results), strict=True))
        self._prepare(block)
        self._walk(block)
        self.places = outer

    def region(self, fill: Callable[[Block], None], types: Sequence[IndexType] = ()) -> Region:
        outer, self.block = self.block, Block(arg_types=types)
        self.views, self.symbols = self.views.new_child(), self.symbols.new_child()
        fill(self.block)
        inner, self.block = self.block, outer
        self.views, self.symbols = self.views.parents, self.symbols.parents
        return Region(inner)

    def _arguments(self) -> None:
        old = self.function.body.block
        listed: list[nn.DimsAttr] = []
        for value in (*old.args, *self.places.returned):
            dims = nn.shape_of(value)
            argument = self.block.insert_arg(buffer.memref_type(dims, nn.element_of(value)), len(self.block.args))
            argument.name_hint = value.name_hint
            argument.location = value.location if isinstance(value, BlockArgument) else _location_of(value)
            self.owners[value] = argument
            listed.append(nn.DimsAttr(dims))
        self.function.attributes[buffer.ARG_DIMS] = ArrayAttr(listed)
        places = [(index, axis) for index, value in enumerate(old.args) for axis in range(nn.rank_of(value))]
        for name, position in sources([nn.shape_of(old.args[index])[axis] for index, axis in places]).items():
            index, axis = places[position]
            op = buffer.SymbolOp(name, self.block.args[index], axis)
            op.result.name_hint = identifier(name)
            self.block.add_op(op)
            self.symbols[name] = op.result

    def _call(self, op: fusion.CallOp) -> None:
        callee = op.callee.string_value()
        self._check_layouts(op, callee)
        symbols = self._symbols_of(op)
        ins = [self.value(operand) for operand in op.operands]
        outs = [self.value(result) for result in op.results]
        workspace = self._workspace(op, callee)
        function, names = self.functions.get(callee), get_names(op)
        kernels = (launches_of(function) if function is not None else []) or [callee]
        launches = [buffer.LaunchOp(name, symbols, ins, outs, workspace, self._accesses(name)) for name in kernels]
        unnamed = dict(enumerate(names))
        for launch in reversed(launches):
            written = launch.access_list[len(ins) : len(ins) + len(outs)]
            here = [unnamed.pop(i, "") if access.writes else "" for i, access in enumerate(written)]
            if any(here):
                launch.attributes[buffer.OUT_NAMES] = ArrayAttr(map(StringAttr, here))
            if fusion.COPIED in op.attributes:
                launch.attributes[fusion.COPIED] = op.attributes[fusion.COPIED]
            launch.location = op.location
        self.block.add_ops(launches)

    def _accesses(self, name: str) -> Sequence[buffer.Access] | None:
        """What a kernel says that it does with each tensor; None where that is what a single launch does, or there is no kernel."""
        made = self.kernels.get(name)
        return None if made is None else stated_accesses(made)

    def _workspace(self, op: Operation, callee: str) -> list[SSAValue]:
        """Allocs for the tensors between the launches of a group."""
        function = self.functions.get(callee)
        choice = function.attributes.get(CHOICE) if function is not None else None
        allocs: list[SSAValue] = []
        for tensor in choice.workspace if isinstance(choice, Choice) else ():
            alloc = buffer.AllocOp(tensor.dims.exprs, tensor.element_type)
            alloc.location = op.location
            alloc.result.name_hint = "workspace"
            self.main.add_op(alloc)
            allocs.append(alloc.result)
        return allocs

    def _symbols_of(self, op: fusion.CallOp) -> list[SSAValue]:
        names = {
            name for value in (*op.operands, *op.results) for extent in nn.shape_of(value) for name in extent.symbols()
        }
        for value in (*op.operands, *op.results):
            place = self.places.of(value)
            names |= {name for stride in place.strides for name in stride.symbols()}
        callee = self.functions.get(op.callee.string_value())
        names |= nn.symbols_inside(callee) if callee is not None else set()
        missing = sorted(names - self.symbols.keys())
        if missing:
            raise failure(
                f"{describe(op)} depends on '{missing[0]}', which is not known there: expected an input with a dim of that name, or an "
                "nn.read or a loop before that gives it."
            )
        return [self.symbols[name] for name in sorted(names)]

    def value(self, value: SSAValue) -> SSAValue:
        """The memref of a tensor, made where the builder stands if it does not exist yet."""
        place = self.places.of(value)
        owner = self._owner(place.owner)
        if place.owner not in self.buffers and place.is_whole(nn.shape_of(place.owner)):
            return owner
        if place not in self.views:
            view = buffer.ViewOp(owner, place.offset, place.dims, place.strides)
            view.location = _location_of(value)
            view.result.name_hint = value.name_hint
            self.block.add_op(view)
            self.views[place] = view.result
        return self.views[place]

    def _owner(self, value: SSAValue) -> SSAValue:
        if value in self.owners:
            return self.owners[value]
        dims, element_type = nn.shape_of(value), nn.element_of(value)
        match value.owner:
            case _ if value in self.buffers:
                op: Operation = self.buffers[value].alloc()
            case nn.WeightOp() as weight:
                op = buffer.WeightOp(weight.label.data, buffer.memref_type(dims, element_type))
            case nn.ConstantOp() as constant:
                label = f"constant.{len(self.constants)}"
                self.constants.append((label, constant))
                op = buffer.WeightOp(label, buffer.memref_type(dims, element_type))
            case _:
                op = buffer.AllocOp(dims, element_type)
        op.location = _location_of(value)
        op.results[0].name_hint = value.name_hint
        self.main.add_op(op)
        self.owners[value] = op.results[0]
        return op.results[0]

    def _check_layouts(self, op: Operation, callee: str) -> None:
        """The strides that the group was outlined for must be those of its operands and results."""
        function = self.functions.get(callee)
        listed = function.attributes.get(fusion.FUNCTION_LAYOUTS) if function is not None else None
        if not isinstance(listed, ArrayAttr):
            return
        for value, layout in zip((*op.operands, *op.results), cast(Iterable[fusion.LayoutAttr], listed), strict=False):
            place = self.places.of(value)
            expected = layout.strides_for(place.dims)
            if not same_strides(place.dims, expected, place.strides):
                raise failure(
                    f"{describe(op)} calls @{callee} with {what(value)} at strides [{_list(place.strides)}]: "
                    f"expected [{_list(expected)}] as in its {fusion.FUNCTION_LAYOUTS}."
                )

    def _finish(self) -> None:
        self.function.body.detach_block(0)
        self.function.body.add_block(self.block)
        self.function.update_function_type()
        if self.constants:
            _export(self.module, self.functions.get("weights"), self.constants)


def _export(module: ModuleOp, weights: FuncOp | None, constants: Sequence[tuple[str, nn.ConstantOp]]) -> None:
    """Moves constants to `@weights`, which is made if there is none."""
    if weights is None:
        weights = FuncOp("weights", ((), ()), Region(Block([ReturnOp()])))
        Rewriter.insert_op(weights, InsertPoint.at_end(module.body.block))
    end = cast(Operation, weights.body.block.last_op)
    for label, constant in constants:
        moved = constant.clone()
        moved.attributes.pop("nn.names", None)
        Rewriter.insert_op([moved, nn.ExportOp(label, moved.result)], InsertPoint.before(end))


def _location_of(value: SSAValue):
    return value.location if isinstance(value, BlockArgument) else cast(Operation, value.owner).location


def _list(exprs: Sequence[Expr]) -> str:
    return ", ".join(map(str, exprs))


@dataclass(frozen=True)
class BufferizePass(ModulePass):
    """Turn `@main` from tensors into the host function: memrefs, views and launches."""

    name = "bufferize"
    numerics: ClassVar = "exact"
    LOSES: ClassVar[str] = "a view: others read and write its memory"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in list(op.body.block.ops):
            if isinstance(function, FuncOp) and function.sym_name.data == "main":
                _Rewrite(op, function).run()
        for function in list(op.body.block.ops):
            if nn.is_body(function):  # its launches are where it was called
                Rewriter.erase_op(function)
