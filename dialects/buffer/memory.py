"""Memory of a host function: its owners, views of them, and the values that the host knows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    I8,
    I64,
    ArrayAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    NoneAttr,
    StridedLayoutAttr,
    StringAttr,
    i1,
    i8,
    i64,
)
from xdsl.dialects.func import FuncOp
from xdsl.ir import (
    Attribute,
    Block,
    BlockArgument,
    Operation,
    SSAValue,
)
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from ..dims import Expr, const, product, symbol
from ..dtypes import numpy_dtype
from ..nn.base import DimsAttr
from ..strided import View, row_major_strides

ALIGNMENT = 256
"""Bytes that divide the offset of every slot: what a memory allocation of CUDA guarantees, enough for any vector or TMA access."""

ARG_DIMS = "buffer.arg_dims"
INDEX = "buffer.index"
"""On `scf.for` and `scf.while`: the symbol that is the number of the iteration in the body, from 0 on."""
TOTAL = "buffer.total"
"""On `scf.for` and `scf.while`: the symbol that is the number of iterations that ran, after the loop."""


def memref_type(
    dims: Sequence[Expr], element_type: Attribute, strides: Sequence[Expr] | None = None, offset: Expr | None = None
) -> MemRefType:
    """The memref type of these dims; with a strided layout unless it is row-major at offset 0. Symbolic values become `?`."""
    shape = [_static(extent) for extent in dims]
    start = const(0) if offset is None else offset
    if strides is None or (tuple(strides) == row_major_strides(dims) and start == 0):
        return MemRefType(element_type, [DYNAMIC_INDEX if s is None else s for s in shape])
    layout = StridedLayoutAttr([_static(s) for s in strides], _static(start))
    return MemRefType(element_type, [DYNAMIC_INDEX if s is None else s for s in shape], layout)


def size_in_bytes(dims: Sequence[Expr], element_type: Attribute) -> Expr:
    """Bytes that a row-major buffer of these dims takes."""
    return product(dims) * numpy_dtype(element_type).itemsize


def owner_of(value: SSAValue) -> SSAValue:
    """The owner of a memref: what a view is of, or the value itself."""
    return value.owner.source if isinstance(value.owner, ViewOp) else value


def argument_dims(function: Operation) -> tuple[tuple[Expr, ...], ...]:
    """The dims of each argument of a host function, from `buffer.arg_dims`; empty when it has none."""
    listed = function.attributes.get(ARG_DIMS)
    return tuple(cast(DimsAttr, dims).exprs for dims in listed) if isinstance(listed, ArrayAttr) else ()


def host_value(value: SSAValue) -> Expr | None:
    """An index of a host function as an expression; None where the host has no name for it.

    A result of `buffer.symbol`, `buffer.read` or `buffer.value`, a constant, the variable of a loop with `buffer.index`, or an argument of
    a function whose `buffer.arg_dims` has the expression.
    """
    match value.owner:
        case SymbolOp() | ReadOp():
            return symbol(value.owner.symbol.data)
        case ValueOp():
            return value.owner.dims.exprs[0]
        case arith.ConstantOp() if isinstance(number := value.owner.value, IntegerAttr):
            return const(number.value.data)
        case Block():
            return _argument_value(cast(BlockArgument, value), value.owner.parent_op())
        case _:
            return None


def _argument_value(value: BlockArgument, parent: Operation | None) -> Expr | None:
    if isinstance(parent, scf.ForOp) and value.index == 0:
        name = loop_symbol(parent, INDEX)
        return symbol(name) if name else None
    if isinstance(parent, FuncOp) and isinstance(value.type, IndexType):
        dims = argument_dims(parent)
        return dims[value.index][0] if len(dims) > value.index and len(dims[value.index]) == 1 else None
    return None


def loop_symbol(loop: Operation, attribute: str) -> str:
    """The symbol that `buffer.index` or `buffer.total` of a loop names, "" where there is none."""
    name = loop.attributes.get(attribute)
    return name.data if isinstance(name, StringAttr) else ""


@irdl_op_definition
class SymbolOp(IRDLOperation):
    """The value of a dim symbol, read off one dim of an argument: of its expression in `buffer.arg_dims`, linear in the symbol,
    where the ops before give all other symbols."""

    name = "buffer.symbol"

    symbol = prop_def(StringAttr)
    source = operand_def(MemRefType)
    axis = prop_def(IntegerAttr[I64])
    result = result_def(IndexType())

    traits = traits_def(Pure())
    assembly_format = "$symbol `from` $source `[` $axis `]` attr-dict `:` type($source)"
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, symbol: str, source: SSAValue, axis: int):
        super().__init__(
            operands=[source],
            properties={"symbol": StringAttr(symbol), "axis": IntegerAttr(axis, i64)},
            result_types=[IndexType()],
        )

    def verify_(self) -> None:
        rank = len(_memref(self.source).get_shape())
        if not 0 <= self.axis.value.data < rank:
            raise VerifyException(f"expected an axis of the rank-{rank} source, got {self.axis.value.data}")
        if not isinstance(self.source, BlockArgument):
            raise VerifyException("expected an argument of the host function as the source, got the result of an op")


@irdl_op_definition
class ReadOp(IRDLOperation):
    """The value of a computed integer, or of an input, on the host: a flag (i1) for a condition, or a symbol of this name that later sizes,
    grids and counts use. Waits for the launches before it. `nn.symbols` bounds a symbol."""

    name = "buffer.read"

    symbol = prop_def(StringAttr)
    source = operand_def(MemRefType)
    result = result_def(IndexType | IntegerType)

    assembly_format = "$symbol `from` $source attr-dict `:` type($source) `to` type($result)"
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, symbol: str, source: SSAValue):
        flag = _memref(source).element_type == i1
        super().__init__(
            operands=[source],
            properties={"symbol": StringAttr(symbol)},
            result_types=[i1 if flag else IndexType()],
        )

    def verify_(self) -> None:
        kind = _memref(self.source)
        if any(extent != 1 for extent in kind.get_shape()) or not isinstance(kind.element_type, IntegerType):
            raise VerifyException(f"expected a memref of one integer such as memref<1xi64>, got {kind}")
        expected = i1 if kind.element_type == i1 else IndexType()
        if self.result.type != expected:
            raise VerifyException(f"expected the result type {expected} for {kind}, got {self.result.type}")


@irdl_op_definition
class ValueOp(IRDLOperation):
    """An index that the host computes from symbols: of dims, of values that it has read, and of what loops around and before it count."""

    name = "buffer.value"

    dims = prop_def(DimsAttr)
    result = result_def(IndexType())

    traits = traits_def(Pure())
    assembly_format = "qualified($dims) attr-dict"
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, value: Expr):
        super().__init__(properties={"dims": DimsAttr((value,))}, result_types=[IndexType()])

    def verify_(self) -> None:
        if len(self.dims.exprs) != 1:
            raise VerifyException(f"expected one expression, got {self.dims}")


@irdl_op_definition
class AllocOp(IRDLOperation):
    """A row-major buffer of its own, alive from its first use to its last."""

    name = "buffer.alloc"

    dims = prop_def(DimsAttr)
    result = result_def(MemRefType)

    assembly_format = "qualified($dims) attr-dict `:` type($result)"
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, dims: Sequence[Expr], element_type: Attribute):
        super().__init__(properties={"dims": DimsAttr(tuple(dims))}, result_types=[memref_type(dims, element_type)])

    def verify_(self) -> None:
        _verify_row_major(self.result, self.dims)


@irdl_op_definition
class WeightOp(IRDLOperation):
    """A constant that the engine stores, by the name under which `@weights` exports it. Read only."""

    name = "buffer.weight"

    label = prop_def(StringAttr)
    result = result_def(MemRefType)

    traits = traits_def(Pure())
    assembly_format = "$label attr-dict `:` type($result)"
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, label: str, result_type: MemRefType):
        super().__init__(properties={"label": StringAttr(label)}, result_types=[result_type])

    def verify_(self) -> None:
        if not _memref(self.result).has_static_shape() or not isinstance(_memref(self.result).layout, NoneAttr):
            raise VerifyException(f"expected a static row-major memref for weight {self.label}, got {self.result.type}")


@irdl_op_definition
class ArenaOp(IRDLOperation):
    """The one allocation of an execution context; its type gives the number of bytes."""

    name = "buffer.arena"

    result = result_def(MemRefType)

    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, size: int):
        super().__init__(result_types=[MemRefType(i8, [size])])

    @property
    def size(self) -> int:
        """Bytes."""
        return _memref(self.result).get_shape()[0]

    def verify_(self) -> None:
        kind = _memref(self.result)
        if kind.element_type != i8 or len(kind.get_shape()) != 1 or not kind.has_static_shape():
            raise VerifyException(f"expected an arena of a static number of bytes such as memref<4096xi8>, got {kind}")


@irdl_op_definition
class SlotOp(IRDLOperation):
    """A row-major buffer at a byte offset of the arena. `size` is what the plan reserves, in bytes, for the whole profile."""

    name = "buffer.slot"

    arena = operand_def(MemRefType[I8])
    offset = prop_def(IntegerAttr[I64])
    size = prop_def(IntegerAttr[I64])
    dims = prop_def(DimsAttr)
    result = result_def(MemRefType)

    traits = traits_def(Pure())
    assembly_format = (
        "$arena `offset` $offset `size` $size `dims` qualified($dims) attr-dict `:` type($arena) `to` type($result)"
    )
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, arena: SSAValue, offset: int, size: int, dims: DimsAttr, result_type: MemRefType):
        super().__init__(
            operands=[arena],
            properties={"offset": IntegerAttr(offset, i64), "size": IntegerAttr(size, i64), "dims": dims},
            result_types=[result_type],
        )

    def verify_(self) -> None:
        if not isinstance(self.arena.owner, ArenaOp):
            raise VerifyException("expected the result of buffer.arena as the arena")
        begin, size = self.offset.value.data, self.size.value.data
        if begin % ALIGNMENT or begin < 0:
            raise VerifyException(f"expected an offset that {ALIGNMENT} divides, got {begin}")
        if begin + size > self.arena.owner.size:
            raise VerifyException(
                f"expected a slot within the arena's {self.arena.owner.size} bytes, got its end at {begin + size}"
            )
        _verify_row_major(self.result, self.dims)
        needed = size_in_bytes(self.dims.exprs, _memref(self.result).element_type).as_int()
        if needed is not None and needed > size:
            raise VerifyException(f"expected a slot of at least {needed} bytes for {self.result.type}, got {size}")


@irdl_op_definition
class ViewOp(IRDLOperation):
    """Other dims and strides over an owner's memory. `offset` and `strides` count elements."""

    name = "buffer.view"

    source = operand_def(MemRefType)
    offset = prop_def(DimsAttr)
    dims = prop_def(DimsAttr)
    strides = prop_def(DimsAttr)
    result = result_def(MemRefType)

    traits = traits_def(Pure())
    assembly_format = (
        "$source `offset` qualified($offset) `dims` qualified($dims) `strides` qualified($strides) attr-dict `:` "
        "type($source) `to` type($result)"
    )
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, source: SSAValue, offset: Expr, dims: Sequence[Expr], strides: Sequence[Expr]):
        element_type = _memref(source).element_type
        super().__init__(
            operands=[source],
            properties={
                "offset": DimsAttr((offset,)),
                "dims": DimsAttr(tuple(dims)),
                "strides": DimsAttr(tuple(strides)),
            },
            result_types=[memref_type(dims, element_type, strides, offset)],
        )

    @property
    def view(self) -> View[SSAValue]:
        """The source with the dims, strides and offset of the result, in elements."""
        return View(self.source, self.dims.exprs, self.strides.exprs, self.offset.exprs[0])

    def verify_(self) -> None:
        source, result = _memref(self.source), _memref(self.result)
        if isinstance(self.source.owner, ViewOp):
            raise VerifyException("expected a view of an owner (argument, weight, alloc or slot), got a view of a view")
        if len(self.offset.exprs) != 1 or len(self.dims.exprs) != len(self.strides.exprs):
            raise VerifyException("expected one offset and as many strides as dims")
        expected = memref_type(self.dims.exprs, source.element_type, self.strides.exprs, self.offset.exprs[0])
        if result != expected:
            raise VerifyException(f"expected the result type {expected}, got {result}")
        self._verify_bounds(source)

    def _verify_bounds(self, source: MemRefType) -> None:
        """Checks a static view of a static source: its last element must lie inside."""
        numbers = (*self.offset.exprs, *self.dims.exprs, *self.strides.exprs)
        if not source.has_static_shape() or any(e.as_int() is None for e in numbers):
            return
        reach = self.view.bind({}).reach
        if reach is None:
            return
        (low, high), elements = reach, prod(source.get_shape())
        if low < 0 or high >= elements:
            raise VerifyException(
                f"expected a view within the {elements} elements of its source, got elements {low} to {high}"
            )


def _memref(value: SSAValue) -> MemRefType:
    return cast(MemRefType, value.type)


def _static(expr: Expr) -> int | None:
    return expr.as_int()


def _verify_row_major(value: SSAValue, dims: DimsAttr) -> None:
    kind = _memref(value)
    expected = memref_type(dims.exprs, kind.element_type)
    if kind != expected:
        raise VerifyException(f"expected the row-major type {expected} for dims {dims}, got {kind}")
