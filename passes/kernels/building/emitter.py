"""Appends ops to a block: the base of kernel builders, and what fills the scalar regions of `kernel.map`."""

from __future__ import annotations

from typing import TypeAlias

from xdsl.dialects import arith
from xdsl.dialects.builtin import UNKNOWN_LOC, FloatAttr, IndexType, IntegerAttr, IntegerType, LocationAttr, i1
from xdsl.ir import Attribute, Block, Operation, SSAValue

from ....dialects.dtypes import is_float

Index: TypeAlias = SSAValue | int


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
