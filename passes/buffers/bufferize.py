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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, cast

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import buffer, fusion, kernel, nn
from ...dialects.dims import Expr
from ...dialects.dims.solving import sources
from ...dialects.errors import PassError
from ...dialects.kernel.accesses import stated_accesses
from ...dialects.kernel.types import CHOICE, Choice, launches_of
from ...dialects.provenance import describe, get_names
from ...dialects.strided import VIEW_OPS, View, operand_views, result_view, same_strides
from ...dialects.text import identifier

VIEW_LIKE = (*VIEW_OPS, nn.ConcatOp)
Place: TypeAlias = View[SSAValue]


def _fail(message: str) -> PassError:
    return PassError(f"bufferize: {message}")


def _alias(op: Operation) -> fusion.Alias:
    alias = fusion.alias_of(op)
    if alias is None:
        raise _fail(
            f"{describe(op)} has no {fusion.ALIAS}: expected assign-destinations to have decided who owns its memory."
        )
    return alias


class _Places:
    """The place of each tensor of `@main`. Owners are values: a call's result stands for its own alloc, a returned value for its
    output argument."""

    def __init__(self, function: FuncOp):
        last = function.body.block.last_op
        if not isinstance(last, ReturnOp):
            raise _fail("expected @main to end in func.return.")
        self.returned = list(last.arguments)
        self.places: dict[SSAValue, Place] = {}
        self.operands: dict[Operation, Sequence[Place] | str] = {}
        """Those of the operands of `dest` ops, found once for all operands of an op."""

    def of(self, value: SSAValue) -> Place:
        """The place of a tensor."""
        if value not in self.places:
            self.places[value] = self._find(value)
        return self.places[value]

    def check_returned(self) -> None:
        """Raises unless each returned tensor is all of an owner of its own, which becomes the output argument."""
        owners: set[SSAValue] = set()
        for index, value in enumerate(self.returned):
            place = self.of(value)
            if (
                place.owner is not value
                or isinstance(value, BlockArgument)
                or isinstance(value.owner, nn.WeightOp | nn.ConstantOp)
            ):
                raise _fail(
                    f"output {index} is a view, an input or a weight: expected assign-destinations to have made a copy of it."
                )
            if value in owners:
                raise _fail(
                    f"output {index} is returned twice: expected assign-destinations to have made a copy of it."
                )
            owners.add(value)

    def _find(self, value: SSAValue) -> Place:
        into = [
            use
            for use in value.uses
            if isinstance(use.operation, VIEW_LIKE) and _alias(use.operation) is fusion.Alias.DEST
        ]
        producer = value.owner
        if len(into) > 1:
            raise _fail(f"{_what(value)} has {len(into)} destinations: expected one and copies for the others.")
        if isinstance(producer, VIEW_LIKE) and _alias(producer) is fusion.Alias.SOURCE:
            if into:
                raise _fail(
                    f"{_what(value)} is a view of its operand and of its user's result at once: expected one of them."
                )
            return _checked(result_view(producer, self.of(producer.operands[0])), producer)
        if into:
            user = into[0].operation
            if not isinstance(producer, Operation) or isinstance(producer, nn.WeightOp | nn.ConstantOp):
                raise _fail(f"{_what(value)} exists already and cannot be written into the result of {describe(user)}.")
            if user not in self.operands:
                self.operands[user] = operand_views(user, self.of(user.results[0]))
            places = self.operands[user]
            return _checked(places if isinstance(places, str) else places[into[0].index], user)
        return View.whole(value, nn.shape_of(value))


def _checked(place: Place | str, op: Operation) -> Place:
    if isinstance(place, str):
        raise _fail(
            f"{describe(op)} cannot be a view: {place}; expected assign-destinations to have made a copy of it."
        )
    return place


class _Rewrite:
    """Builds the new body next to the old one."""

    def __init__(self, module: ModuleOp, function: FuncOp):
        self.module = module
        self.function = function
        self.places = _Places(function)
        self.block = Block()
        self.owners: dict[SSAValue, SSAValue] = {}
        self.views: dict[Place, SSAValue] = {}
        self.symbols: dict[str, SSAValue] = {}
        self.functions = {f.sym_name.data: f for f in module.body.block.ops if isinstance(f, FuncOp)}
        self.kernels = {f.sym_name.data: f for f in module.body.block.ops if isinstance(f, kernel.FuncOp)}
        self.constants: list[tuple[str, nn.ConstantOp]] = []

    def run(self) -> None:
        self.places.check_returned()
        self._arguments()
        for op in self.function.body.block.ops:
            match op:
                case fusion.CallOp():
                    self._call(op)
                case nn.WeightOp() | nn.ConstantOp() | ReturnOp():
                    pass
                case nn.ShapeValueOp() if op.result.first_use is None:
                    pass
                case _ if isinstance(op, VIEW_LIKE):
                    _alias(op)
                    for value in (*op.operands, *op.results):  # also what no launch reads or writes must have a place
                        self.places.of(value)
                case _:
                    raise _fail(f"{describe(op)} is left in @main: expected fuse-groups to have put it into a group.")
        self.block.add_op(ReturnOp())
        self._finish()

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
        ins = [self._value(operand) for operand in op.operands]
        outs = [self._value(result) for result in op.results]
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
            self.block.add_op(alloc)
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
        names |= _symbols_inside(callee) if callee is not None else set()
        missing = sorted(names - self.symbols.keys())
        if missing:
            raise _fail(
                f"{describe(op)} depends on '{missing[0]}', which is not a dim of any input: expected an input with a dim of that name."
            )
        return [self.symbols[name] for name in sorted(names)]

    def _value(self, value: SSAValue) -> SSAValue:
        """The memref of a tensor, made where the builder stands if it does not exist yet."""
        place = self.places.of(value)
        owner = self._owner(place.owner)
        if place.is_whole(nn.shape_of(place.owner)):
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
        self.block.add_op(op)
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
                raise _fail(
                    f"{describe(op)} calls @{callee} with {_what(value)} at strides [{_list(place.strides)}]: "
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


def _symbols_inside(function: FuncOp) -> set[str]:
    """The symbols that the ops of a group compute with, besides those of its operands and results: starts of slices, sizes."""
    exprs = {
        expr
        for op in function.walk()
        for attribute in op.properties.values()
        if isinstance(attribute, nn.DimsAttr)
        for expr in attribute.exprs
    }
    return {name for expr in exprs for name in expr.symbols()}


def _location_of(value: SSAValue):
    return value.location if isinstance(value, BlockArgument) else cast(Operation, value.owner).location


def _what(value: SSAValue) -> str:
    return (
        describe(value.owner) if isinstance(value.owner, Operation) else f"argument {cast(BlockArgument, value).index}"
    )


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
