"""Pointwise `nn` ops on the bits of integers: logic, shifts, and the same bits in another type."""

from __future__ import annotations

from xdsl.dialects.builtin import AnyTensorType, FixedBitwidthType, i1
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, result_def, traits_def
from xdsl.traits import Commutative, Pure

from ...dtypes import is_integer, is_small
from ..base import NnOp, Pointwise, Tensor, Value, element_of, require, ty, with_element
from .binary import BinaryOp
from .unary import UnaryOp


def _require_integers(name: str, x: Attribute) -> None:
    require(
        is_integer(element_of(x)) and not is_small(element_of(x)),
        lambda: f"{name}: expected a tensor of integers, got {x}; insert an nn.cast",
    )


def _bits(element: Attribute) -> int:
    """The bits of an element; a truth value is a byte."""
    assert isinstance(element, FixedBitwidthType)
    return 8 if element == i1 else element.bitwidth


class BitBinaryOp(BinaryOp):
    """Base of binary ops on the bits of integers."""

    def check(self) -> None:
        _require_integers(self.name, self.lhs.type)


@irdl_op_definition
class BitAndOp(BitBinaryOp):
    """The bits that are set in both."""

    name = "nn.bit_and"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class BitOrOp(BitBinaryOp):
    """The bits that are set in one or both."""

    name = "nn.bit_or"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class BitXorOp(BitBinaryOp):
    """The bits that are set in exactly one."""

    name = "nn.bit_xor"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class ShiftLeftOp(BitBinaryOp):
    """`lhs * 2 ** rhs`, wrapped around; 0 for a count that is negative or not below the number of bits."""

    name = "nn.shift_left"


@irdl_op_definition
class ShiftRightOp(BitBinaryOp):
    """`lhs / 2 ** rhs` rounded down; for a count that is negative or not below the number of bits, 0, or -1 for a negative `lhs`."""

    name = "nn.shift_right"


@irdl_op_definition
class BitNotOp(UnaryOp):
    """Every bit inverted."""

    name = "nn.bit_not"

    def check(self) -> None:
        _require_integers(self.name, self.x.type)


@irdl_op_definition
class BitcastOp(NnOp):
    """The same bits as another element type of the same size; a NaN of a float of less than 32 bits is the usual quiet one."""

    name = "nn.bitcast"

    x = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, element_type: Attribute):
        super().__init__(operands=[x], result_types=[self.infer(ty(x), element_type)])

    @classmethod
    def infer(cls, x: Attribute, element_type: Attribute) -> AnyTensorType:
        same = _bits(element_of(x)) == _bits(element_type)
        require(same, lambda: f"{cls.name}: expected types of one size, got {element_of(x)} and {element_type}")
        return with_element(x, element_type)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, element_of(self.result))]


BITS = (BitAndOp, BitOrOp, BitXorOp, ShiftLeftOp, ShiftRightOp)
"""The binary ones."""
