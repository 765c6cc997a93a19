"""
Builds kernel IR: constants and dim expressions once at the kernel's entry, index arithmetic with folding, loops, views, tiles.

    b = KernelBuilder.for_group(group, grid=[(total + 1023) // 1024, 1, 1], warps=4)
    first = b.mul(b.coords[0], 1024)
    tile = b.load(view, [b.index(0), first], frag)
    b.store(tile, other, [b.index(0), first])
    return [b.finish()]

Index operands are SSA values or Python ints everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import UNKNOWN_LOC, FloatAttr, IndexType, IntegerAttr, IntegerType, LocationAttr, i1, i32
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from ....dialects import kernel
from ....dialects.dims import Expr, ExprLike, as_expr
from ....dialects.dtypes import is_float
from ....dialects.kernel.types import FragType, GlobalType
from ....dialects.strided import collapse
from .group import Access, GroupView

Index: TypeAlias = SSAValue | int
Groups: TypeAlias = Sequence[Sequence[int]]
index = IndexType()


def constant_value(value: Index) -> int | None:
    """The value of an index that is known while building."""
    if isinstance(value, int):
        return value
    if isinstance(value.owner, arith.ConstantOp) and isinstance(value.owner.value, IntegerAttr):
        return value.owner.value.value.data
    return None


def named(value: SSAValue, name: str) -> SSAValue:
    """The value, called `name` in printed IR and CUDA C unless it is a constant or has a name."""
    if value.name_hint is None and constant_value(value) is None:
        value.name_hint = name
    return value


class _Entry:
    """What stands at the head of a kernel: constants and expressions, each once."""

    def __init__(self, block: Block):
        self.block = block
        self.last: Operation | None = None
        self.values: dict[object, SSAValue] = {}

    def get(self, key: object, make: Callable[[], Operation]) -> SSAValue:
        if key not in self.values:
            op = make()
            if self.last is not None:
                self.block.insert_op_after(op, self.last)
            elif self.block.first_op is not None:
                self.block.insert_op_before(op, self.block.first_op)
            else:
                self.block.add_op(op)
            self.last = op
            self.values[key] = op.results[0]
        return self.values[key]


class Emitter:
    """Appends ops to a block, giving each the kernel's location where it has none."""

    def __init__(self, block: Block, location: LocationAttr = UNKNOWN_LOC):
        self.block = block
        self.location = location
        self.local: dict[object, SSAValue] = {}

    def insert(self, op: Operation) -> Operation:
        for inner in op.walk():
            if inner.location == UNKNOWN_LOC:
                inner.location = self.location
        self.block.add_op(op)
        return op

    def emit(self, op: Operation, name: str | None = None) -> SSAValue:
        """Append an op and give its only result, called `name` in printed IR and CUDA C."""
        result = self.insert(op).results[0]
        if name is not None:
            result.name_hint = name
        return result

    def constant(self, value: float | int, type_: Attribute) -> SSAValue:
        """A scalar constant in this block."""
        key = (str(value), type_)
        if key not in self.local:
            self.local[key] = self.emit(scalar_constant(value, type_))
        return self.local[key]


def scalar_constant(value: float | int, type_: Attribute) -> arith.ConstantOp:
    """`arith.constant` of a float or integer type."""
    if is_float(type_):
        return arith.ConstantOp(FloatAttr(float(value), type_))  # pyright: ignore
    assert isinstance(type_, IntegerType | IndexType)
    if type_ == i1:
        return arith.ConstantOp(IntegerAttr.from_bool(bool(value)))
    return arith.ConstantOp(IntegerAttr(int(value), type_))


class KernelBuilder(Emitter):
    """Builds the body of one `kernel.func`, or of a loop or role inside it."""

    def __init__(self, func: kernel.FuncOp, block: Block, entry: _Entry, location: LocationAttr):
        super().__init__(block, location)
        self.func = func
        self.entry = entry

    @classmethod
    def for_group(
        cls,
        group: GroupView,
        grid: Sequence[ExprLike],
        warps: int,
        *,
        name: str | None = None,
        workspace: Sequence[GlobalType] = (),
        cluster: int = 1,
        min_blocks: int = 0,
    ) -> KernelBuilder:
        """A kernel with the group's tensors (operands, results, then workspace) as arguments."""
        arguments = [*group.global_types(), *workspace]
        func = kernel.FuncOp(name or group.name, arguments, grid, warps, cluster=cluster, min_blocks=min_blocks)
        func.location = group.location
        block = func.body.block
        for i, argument in enumerate(block.args[:-3]):
            if i < len(group.operands):
                argument.name_hint = group.tensors[i].name_hint
            else:
                argument.name_hint = "y" if i < len(group.tensors) else "workspace"
        return cls(func, block, _Entry(block), group.location)

    def inner(self, block: Block) -> KernelBuilder:
        """A builder for a nested block (loop body, role)."""
        return KernelBuilder(self.func, block, self.entry, self.location)

    @property
    def coords(self) -> Sequence[SSAValue]:
        """The tile's coordinates."""
        return self.func.coords

    @property
    def tensors(self) -> Sequence[SSAValue]:
        """The global tensors in launch order."""
        return self.func.tensors

    def finish(self) -> kernel.FuncOp:
        """End the kernel."""
        self.insert(kernel.ReturnOp())
        return self.func

    # Index arithmetic. The dim expressions of a kernel count as non-negative, as sizes are.

    def index(self, value: Index) -> SSAValue:
        """An index constant, at the kernel's entry; a value stays itself."""
        if isinstance(value, SSAValue):
            return value
        return self.entry.get(value, lambda: self._located(arith.ConstantOp(IntegerAttr(value, index))))

    def expr(self, value: ExprLike) -> SSAValue:
        """A dim expression's value, at the kernel's entry."""
        expr = as_expr(value)
        known = expr.as_int()
        if known is not None:
            return self.index(known)
        return self.entry.get(expr, lambda: self._located(kernel.ExprOp(expr)))

    def scalar(self, value: float | int, type_: Attribute) -> SSAValue:
        """A scalar constant at the kernel's entry, for operands of `kernel.map`."""
        return self.entry.get((str(value), type_), lambda: self._located(scalar_constant(value, type_)))

    def _located(self, op: Operation) -> Operation:
        op.location = self.location
        return op

    def _binary(
        self, op: type[Operation], fold: Callable[[int, int], int], a: Index, b: Index, neutral: int | None
    ) -> SSAValue:
        x, y = constant_value(a), constant_value(b)
        if x is not None and y is not None:
            return self.index(fold(x, y))
        if y is not None and y == neutral:
            return self.index(a)
        return self.emit(op(self.index(a), self.index(b)))  # pyright: ignore[reportCallIssue]

    def add(self, a: Index, b: Index) -> SSAValue:
        if constant_value(a) == 0:
            return self.index(b)
        return self._binary(arith.AddiOp, lambda x, y: x + y, a, b, 0)

    def sub(self, a: Index, b: Index) -> SSAValue:
        return self._binary(arith.SubiOp, lambda x, y: x - y, a, b, 0)

    def mul(self, a: Index, b: Index) -> SSAValue:
        if constant_value(a) == 1:
            return self.index(b)
        if 0 in (constant_value(a), constant_value(b)):
            return self.index(0)
        return self._binary(arith.MuliOp, lambda x, y: x * y, a, b, 1)

    def div(self, a: Index, b: Index) -> SSAValue:
        """Quotient of non-negative values."""
        return self._binary(arith.DivSIOp, lambda x, y: x // y, a, b, 1)

    def rem(self, a: Index, b: Index) -> SSAValue:
        """Remainder of non-negative values."""
        if constant_value(b) == 1:
            return self.index(0)
        return self._binary(arith.RemSIOp, lambda x, y: x % y, a, b, None)

    def ceildiv(self, a: Index, b: int) -> SSAValue:
        return self.div(self.add(a, b - 1), b)

    def min(self, a: Index, b: Index) -> SSAValue:
        return self._binary(arith.MinSIOp, min, a, b, None)

    def max(self, a: Index, b: Index) -> SSAValue:
        return self._binary(arith.MaxSIOp, max, a, b, None)

    def compare(self, a: Index, predicate: str, b: Index) -> SSAValue:
        """`arith.cmpi` of two indices: eq, ne, slt, sle, sgt, sge."""
        return self.emit(arith.CmpiOp(self.index(a), self.index(b), predicate))

    def cast(self, value: Index, type_: Attribute) -> SSAValue:
        """An index as an integer scalar."""
        known = constant_value(value)
        if known is not None:
            return self.scalar(known, type_)
        return self.emit(arith.IndexCastOp(self.index(value), type_))

    # Control flow.

    def loop(
        self,
        lower: Index,
        upper: Index,
        step: Index,
        carried: Sequence[SSAValue],
        body: Callable[[KernelBuilder, SSAValue, Sequence[SSAValue]], Sequence[SSAValue]],
        name: str | None = None,
    ) -> list[SSAValue]:
        """`scf.for`; `body(builder, position, values)` gives the values for the next round; `name` is the position's."""
        block = Block(arg_types=[index, *(v.type for v in carried)])
        for argument, hint in zip(block.args, (name, *(v.name_hint for v in carried)), strict=True):
            argument.name_hint = hint
        inner = self.inner(block)
        inner.insert(scf.YieldOp(*body(inner, block.args[0], block.args[1:])))
        loop = scf.ForOp(self.index(lower), self.index(upper), self.index(step), list(carried), Region(block))
        for result, value in zip(loop.results, carried, strict=True):
            result.name_hint = value.name_hint
        return list(self.insert(loop).results)

    def roles(self, roles: Mapping[str, tuple[int, int, Callable[[KernelBuilder], None]]]) -> None:
        """`kernel.roles`: for each name warps, registers and what fills the role's body."""
        regions: list[Region] = []
        for _, _, fill in roles.values():
            block = Block()
            fill(self.inner(block))
            regions.append(Region(block))
        warps, registers = [r[0] for r in roles.values()], [r[1] for r in roles.values()]
        self.insert(kernel.RolesOp(list(roles), warps, registers, regions))

    # Tiles.

    def view(
        self,
        tensor: int,
        groups: Groups,
        dims: Sequence[Expr] | None = None,
        strides: Sequence[Expr] | None = None,
        offset: ExprLike = 0,
    ) -> SSAValue:
        """A view of a tensor argument, at the kernel's entry; without dims and strides its own. Dims that one stride walks are merged."""
        source = self.tensors[tensor]
        type_ = source.type
        assert isinstance(type_, GlobalType)
        own_dims, own_strides = type_.dims.exprs, type_.strides.exprs
        d, s, g = collapse(own_dims if dims is None else dims, own_strides if strides is None else strides, groups)
        key = (tensor, *d, ":", *s, ":", str(g), as_expr(offset))
        view = self.entry.get(key, lambda: self._located(kernel.ViewOp(source, g, d, s, offset)))
        return named(view, f"{source.name_hint}_view") if source.name_hint is not None else view

    def view_of(self, access: Access, groups: Groups) -> SSAValue:
        """A view of an access, with one coordinate for each group of its dims."""
        return self.view(access.owner, groups, access.dims, access.strides, access.offset)

    def load(self, view: SSAValue, coords: Sequence[Index], frag: FragType, fill: float = 0.0) -> SSAValue:
        """The tile at the coordinates; `frag`'s element type is replaced by the view's."""
        source = view.owner.source.name_hint if isinstance(view.owner, kernel.ViewOp) else None
        name = f"{source}_tile" if source is not None else None
        return self.emit(kernel.LoadOp(view, self._indices(coords), _like(frag, view), fill), name)

    def valid(self, view: SSAValue, coords: Sequence[Index], frag: FragType) -> SSAValue:
        """Which elements of the tile lie inside the view."""
        return self.emit(kernel.ValidOp(view, self._indices(coords), frag.with_element(i1)))

    def gather(
        self, view: SSAValue, rows: SSAValue, coords: Sequence[Index], frag: FragType, fill: float = 0.0
    ) -> SSAValue:
        """Rows of the view named by a rows fragment."""
        return self.emit(kernel.GatherOp(view, rows, self._indices(coords), _like(frag, view), fill))

    def store(self, value: SSAValue, view: SSAValue, coords: Sequence[Index]) -> None:
        self.insert(kernel.StoreOp(value, view, self._indices(coords)))

    def _indices(self, coords: Sequence[Index]) -> list[SSAValue]:
        return [self.index(c) for c in coords]

    def fill(self, value: float, frag: FragType, name: str | None = None) -> SSAValue:
        return self.emit(kernel.FillOp(value, frag), name)

    def coord(self, base: Index, axis: int, frag: FragType) -> SSAValue:
        """`base` plus each element's row (0) or column (1), i32 in the fragment's layout."""
        return self.emit(kernel.CoordOp(self.index(base), axis, frag.with_element(i32)))

    def map(
        self, operands: Sequence[SSAValue], results: Sequence[FragType], body: Callable[..., Sequence[SSAValue]]
    ) -> list[SSAValue]:
        """`kernel.map`; `body(emitter, *scalars)` gives the yielded scalars."""
        op = kernel.MapOp(list(operands), list(results))
        block = op.body.block
        inner = Emitter(block, self.location)
        inner.insert(kernel.YieldOp(*body(inner, *block.args)))
        return list(self.insert(op).results)

    def reduce(self, kind: str, value: SSAValue, scratch: SSAValue | None = None) -> SSAValue:
        """One value a row, of the fragment's element type."""
        return self.emit(kernel.ReduceOp(kind, value, scratch))


def _like(frag: FragType, view: SSAValue) -> FragType:
    type_ = view.type
    assert isinstance(type_, kernel.ViewType)
    return frag.with_element(type_.element_type)
