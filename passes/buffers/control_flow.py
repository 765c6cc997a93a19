"""Branches and loops of a host function: `scf` around the launches of the functions that `nn.if` and `nn.loop` call.

    %s = nn.loop @body index "i" count #nn.dims<T> carried (%a) captures (%x)
  becomes
    %slots = buffer.alloc #nn.dims<2, 64> : memref<2x64xf32>     // the group of %a writes the first slot
    scf.for %i = %zero to %T step %one {
      %now = buffer.view %slots offset #nn.dims<64*(i mod 2)> ...
      %next = buffer.view %slots offset #nn.dims<64*((i + 1) mod 2)> ...
      buffer.launch @step[..] ins(%now, %x : ..) outs(%next : ..)
    } {buffer.index = "i"}                                         // what follows reads %slots at offset 64*(T mod 2)

A slot takes a multiple of 256 bytes, so that kernels find a carried tensor as aligned as any other buffer. The flag of a loop with a
condition is one buffer, which the body writes after it was read. Joined slices are written where they belong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from xdsl.dialects import scf
from xdsl.dialects.builtin import IndexType, StringAttr
from xdsl.ir import Block, Operation, Region, SSAValue

from ...dialects import buffer, nn
from ...dialects.dims import Expr, ceildiv, const, product, symbol
from ...dialects.dtypes import numpy_dtype
from ...dialects.text import identifier
from .places import Place, Places


class Builder(Protocol):
    """The interface of `bufferize` that this file uses."""

    def add(self, op: Operation) -> SSAValue:
        """Appends an op where the builder stands; its first result, if it has one."""
        ...

    def value(self, value: SSAValue) -> SSAValue:
        """The memref of a tensor."""
        ...

    def index(self, value: Expr, op: Operation) -> SSAValue:
        """An expression as an index that the host computes, for `op`."""
        ...

    def flag_name(self) -> str:
        """A new name for a flag that is read."""
        ...

    def know(self, name: str, value: SSAValue) -> None:
        """Notes the index that is the value of a symbol from here on."""
        ...

    def inside(self, function: str, arguments: Sequence[Place], results: Sequence[Place]) -> None:
        """Appends the launches of a function that finds its arguments, and leaves its results, at these places."""
        ...

    def region(self, fill: Callable[[Block], None], types: Sequence[IndexType] = ()) -> Region:
        """A region of one block that `fill` fills; the builder stands in it meanwhile."""
        ...

    @property
    def places(self) -> Places: ...


def slot_elements(value: SSAValue) -> Expr:
    """Elements from one slot of a carried tensor to the next."""
    size = numpy_dtype(nn.element_of(value)).itemsize
    return ceildiv(product(nn.shape_of(value)) * size, buffer.ALIGNMENT) * (buffer.ALIGNMENT // size)


@dataclass(frozen=True)
class Slots:
    """The two slots of a carried tensor, known by the loop's result."""

    result: SSAValue

    def at(self, number: Expr) -> Place:
        """The place of the tensor after `number` iterations."""
        return replace(_whole(self.result), offset=slot_elements(self.result) * (number % 2))

    def alloc(self) -> buffer.AllocOp:
        """The buffer of both slots."""
        return buffer.AllocOp([const(2), slot_elements(self.result)], nn.element_of(self.result))


def _whole(value: SSAValue) -> Place:
    return Place.whole(value, nn.shape_of(value))


@dataclass(frozen=True)
class Rows:
    """The slices that a loop of an unknown number of iterations joins, in a buffer for the most of them, known by the loop's result."""

    result: SSAValue
    most: int

    def alloc(self) -> buffer.AllocOp:
        """The buffer."""
        return buffer.AllocOp([const(self.most), *nn.shape_of(self.result)[1:]], nn.element_of(self.result))


def prepare(op: nn.LoopOp, places: Places, ranges: Mapping[str, tuple[int, int, int]]) -> dict[SSAValue, Slots | Rows]:
    """Gives what a loop carries its places, before anything is written there; the results whose buffers are not of their own dims."""
    made: dict[SSAValue, Slots | Rows] = {}
    for initial, result in zip(op.carried, op.results, strict=False):
        made[result] = slots = Slots(result)
        places.places[initial] = slots.at(const(0))
        places.places[result] = slots.at(op.iterations)
    if op.total is not None:
        for result in op.results[len(op.carried) :]:
            made[result] = Rows(result, ranges[op.total.data][2])
    return made


def add_read(op: nn.ReadOp, builder: Builder) -> None:
    """The host reads a symbol."""
    read = buffer.ReadOp(op.symbol.data, builder.value(op.x))
    read.location = op.location
    read.result.name_hint = identifier(op.symbol.data)
    builder.know(op.symbol.data, builder.add(read))


def add_if(op: nn.IfOp, builder: Builder) -> None:
    """One of two functions is run."""
    condition = _flag(op.condition, op, builder)
    arguments = [builder.places.of(value) for value in op.captures]
    results = [builder.places.of(value) for value in op.results]

    def branch(name: str) -> Region:
        def fill(block: Block) -> None:
            builder.inside(name, arguments, results)
            block.add_op(scf.YieldOp())

        return builder.region(fill)

    made = scf.IfOp(condition, [], branch(op.callees[0]), branch(op.callees[1]))
    made.location = op.location
    builder.add(made)


def add_loop(op: nn.LoopOp, builder: Builder) -> None:
    """A function is run again and again."""
    index = op.index.data
    slots = [Slots(result) for result in op.results[: len(op.carried)]]
    captures = [builder.places.of(value) for value in op.captures]
    number = symbol(index)
    arguments = [*(slot.at(number) for slot in slots), *captures]
    results = [slot.at(number + 1) for slot in slots]
    for joined in op.results[len(slots) :]:
        whole = builder.places.of(joined)
        offset = whole.offset + whole.strides[0] * number
        results.append(replace(whole, dims=whole.dims[1:], strides=whole.strides[1:], offset=offset))
    if op.condition is None:
        made = _counted(op, builder, arguments, results)
    else:
        made = _while(op, builder, arguments, [builder.places.of(op.condition), *results])
    made.attributes[buffer.INDEX] = StringAttr(index)
    made.location = op.location
    builder.add(made)
    if op.total is not None:
        builder.know(op.total.data, builder.index(op.iterations, op))


def _counted(op: nn.LoopOp, builder: Builder, arguments: Sequence[Place], results: Sequence[Place]) -> Operation:
    zero, one = (builder.index(const(number), op) for number in (0, 1))
    count = builder.index(op.iterations, op)

    def fill(block: Block) -> None:
        block.args[0].name_hint = identifier(op.index.data)
        builder.know(op.index.data, block.args[0])
        builder.inside(op.callees[0], arguments, results)
        block.add_op(scf.YieldOp())

    return scf.ForOp(zero, count, one, [], builder.region(fill, [IndexType()]))


def _while(op: nn.LoopOp, builder: Builder, arguments: Sequence[Place], results: Sequence[Place]) -> Operation:
    assert op.condition is not None and op.total is not None
    flag = op.condition

    def before(block: Block) -> None:
        block.add_op(scf.ConditionOp(_flag(flag, op, builder)))

    def body(block: Block) -> None:
        builder.know(op.index.data, builder.index(symbol(op.index.data), op))
        builder.inside(op.callees[0], arguments, results)
        block.add_op(scf.YieldOp())

    made = scf.WhileOp([], [], builder.region(before), builder.region(body))
    made.attributes[buffer.TOTAL] = op.total
    return made


def _flag(value: SSAValue, op: Operation, builder: Builder) -> SSAValue:
    read = buffer.ReadOp(builder.flag_name(), builder.value(value))
    read.location = op.location
    return builder.add(read)
