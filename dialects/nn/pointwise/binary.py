"""Pointwise `nn` ops of several tensors: arithmetic, logic, comparison and selection."""

from __future__ import annotations

from xdsl.dialects.builtin import AnyTensorType, i1
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, SpacedOpaqueSyntaxAttribute
from xdsl.irdl import (
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Commutative, Pure
from xdsl.utils.str_enum import StrEnum

from ...errors import InvalidModelError
from ..base import (
    NnOp,
    Pointwise,
    Tensor,
    Value,
    broadcast_dims,
    element_of,
    plain,
    require,
    shape_of,
    tensor_type,
    ty,
    with_element,
)
from .unary import require_fast, require_numbers


class BinaryOp(NnOp):
    """Base of ops with two operands of one element type, broadcast against each other."""

    lhs = operand_def(Tensor)
    rhs = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)"

    def __init__(self, lhs: Value, rhs: Value):
        super().__init__(operands=[lhs, rhs], result_types=[self.infer(ty(lhs), ty(rhs))])

    @classmethod
    def infer(cls, lhs: Attribute, rhs: Attribute) -> AnyTensorType:
        return _broadcast(cls.name, lhs, rhs)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.lhs.type, self.rhs.type)]

    def check(self) -> None:
        require_numbers(self.name, self.lhs.type)


def _broadcast(name: str, *types: Attribute) -> AnyTensorType:
    if all(ty is types[0] for ty in types):
        return plain(types[0])
    elements = [element_of(t) for t in types]
    require(
        all(element == elements[0] for element in elements),
        lambda: (
            f"{name}: expected operands of one element type, got {' and '.join(map(str, elements))}; insert an nn.cast"
        ),
    )
    return tensor_type(broadcast_dims(name, *map(shape_of, types)), elements[0])


class LogicalBinaryOp(BinaryOp):
    """Base of binary ops on i1 tensors."""

    def check(self) -> None:
        for value in self.operands:
            if element_of(value) != i1:
                raise InvalidModelError(f"{self.name}: expected i1 tensors, got {value.type}")


@irdl_op_definition
class AddOp(BinaryOp):
    """`lhs + rhs`; integers wrap around."""

    name = "nn.add"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class SubOp(BinaryOp):
    """`lhs - rhs`; integers wrap around."""

    name = "nn.sub"


@irdl_op_definition
class MulOp(BinaryOp):
    """`lhs * rhs`; integers wrap around."""

    name = "nn.mul"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class DivOp(BinaryOp):
    """
    `lhs / rhs`; integers round toward zero and wrap around, and divided by 0 are 0. `fast`, f16 or bf16: a float by a constant may be a
    product with its reciprocal, as for `nn.exp`.
    """

    name = "nn.div"

    fast = opt_prop_def(Attribute)

    def check(self) -> None:
        super().check()
        require_fast(self.name, self.fast)


@irdl_op_definition
class PowOp(BinaryOp):
    """
    `lhs ** rhs`. Of floats, C's `pow`, with the exponents 2, 0.5 and -1 as a product, a root and a quotient (+0 ** 0.5 and -0 ** 0.5 are
    +0, -inf ** 0.5 is +inf). Integers wrap around; a negative exponent gives `1 / lhs ** -rhs` rounded toward zero, and 0 for `lhs` 0.
    """

    name = "nn.pow"


@irdl_op_definition
class MinOp(BinaryOp):
    """The smaller of both, -0 being smaller than +0; NaN if either is NaN."""

    name = "nn.min"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class MaxOp(BinaryOp):
    """The greater of both, +0 being greater than -0; NaN if either is NaN."""

    name = "nn.max"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class ModOp(BinaryOp):
    """Remainder: integers with the sign of the divisor, 0 for divisor 0; floats with the sign of the dividend (C `fmod`)."""

    name = "nn.mod"


@irdl_op_definition
class LogicalAndOp(LogicalBinaryOp):
    """Logical and of i1 tensors."""

    name = "nn.logical_and"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class LogicalOrOp(LogicalBinaryOp):
    """Logical or of i1 tensors."""

    name = "nn.logical_or"
    traits = traits_def(Pure(), Pointwise(), Commutative())


@irdl_op_definition
class LogicalXorOp(LogicalBinaryOp):
    """Exclusive or of i1 tensors."""

    name = "nn.logical_xor"
    traits = traits_def(Pure(), Pointwise(), Commutative())


class Predicate(StrEnum):
    """The comparison of `lhs` and `rhs` in `nn.compare`; on NaN only `ne` holds."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


@irdl_attr_definition
class PredicateAttr(EnumAttribute[Predicate], SpacedOpaqueSyntaxAttribute):
    name = "nn.predicate"


@irdl_op_definition
class CompareOp(NnOp):
    """Compares two broadcast tensors of one element type; the result is i1."""

    name = "nn.compare"

    lhs = operand_def(Tensor)
    rhs = operand_def(Tensor)
    predicate = prop_def(PredicateAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$predicate $lhs `,` $rhs attr-dict `:` functional-type(operands, results)"

    def __init__(self, lhs: Value, rhs: Value, predicate: str):
        super().__init__(
            operands=[lhs, rhs],
            properties={"predicate": PredicateAttr(Predicate(predicate))},
            result_types=[self.infer(ty(lhs), ty(rhs))],
        )

    @classmethod
    def infer(cls, lhs: Attribute, rhs: Attribute) -> AnyTensorType:
        return with_element(_broadcast(cls.name, lhs, rhs), i1)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.lhs.type, self.rhs.type)]


@irdl_op_definition
class WhereOp(NnOp):
    """Takes each element from `on_true` where `condition` (i1) holds, else from `on_false`; all three broadcast."""

    name = "nn.where"

    condition = operand_def(Tensor)
    on_true = operand_def(Tensor)
    on_false = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$condition `,` $on_true `,` $on_false attr-dict `:` functional-type(operands, results)"

    def __init__(self, condition: Value, on_true: Value, on_false: Value):
        types = [ty(v) for v in (condition, on_true, on_false)]
        super().__init__(operands=[condition, on_true, on_false], result_types=[self.infer(*types)])

    @classmethod
    def infer(cls, condition: Attribute, on_true: Attribute, on_false: Attribute) -> AnyTensorType:
        require(element_of(condition) == i1, lambda: f"{cls.name}: expected an i1 condition, got {condition}")
        branches = _broadcast(cls.name, on_true, on_false)
        dims = broadcast_dims(cls.name, shape_of(condition), shape_of(branches))
        return tensor_type(dims, branches.element_type)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.condition.type, self.on_true.type, self.on_false.type)]


BINARY = (AddOp, SubOp, MulOp, DivOp, PowOp, MinOp, MaxOp, ModOp, LogicalAndOp, LogicalOrOp, LogicalXorOp)
