"""What the ops of the `kernel` dialect share: integer attributes, the error of a verifier, and bases of ops that differ in name only."""

from __future__ import annotations

from typing import TypeAlias

from xdsl.dialects.builtin import I64, Float64Type, FloatAttr, IndexType, IntegerAttr, UnitAttr, i64
from xdsl.irdl import IRDLOperation, prop_def, result_def, traits_def
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

index = IndexType()
I64Attr: TypeAlias = IntegerAttr[I64]
F64Attr: TypeAlias = FloatAttr[Float64Type]


def int_attr(value: int) -> I64Attr:
    """An i64 attribute, which prints as a bare number."""
    return IntegerAttr(int(value), i64)


def unit(present: bool) -> UnitAttr | None:
    """A unit attribute, or none."""
    return UnitAttr() if present else None


def expect(condition: bool, what: str, expected: object, got: object) -> None:
    """Raise VerifyException saying expected and got unless the condition holds."""
    if not condition:
        raise VerifyException(f"{what}: expected {expected}, got {got}")


class PlainOp(IRDLOperation):
    """Base of ops without operands, attributes or results."""

    assembly_format = "attr-dict"


class IndexOp(IRDLOperation):
    """Base of ops whose result is an index that the hardware or the launch knows."""

    result = result_def(index)
    traits = traits_def(Pure())
    assembly_format = "attr-dict"

    def __init__(self):
        super().__init__(result_types=[index])


class PendingOp(IRDLOperation):
    """Base of ops that wait until all but the latest `pending` groups are done."""

    pending = prop_def(I64Attr)
    assembly_format = "$pending attr-dict"

    def __init__(self, pending: int = 0):
        super().__init__(properties={"pending": int_attr(pending)})
