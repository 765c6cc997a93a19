"""Pointwise `nn` ops of one tensor: functions, bounds and casts."""

from __future__ import annotations

from math import ceil, floor
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import AnyTensorType, FloatAttr, TensorType, bf16, f16, i1
from xdsl.ir import Attribute, Operation
from xdsl.irdl import (
    BaseAttr,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from ...dtypes import is_float, is_small, numpy_dtype
from ..base import (
    NnOp,
    Pointwise,
    SameTypeOp,
    Tensor,
    Value,
    double,
    element_of,
    require,
    ty,
    with_element,
)


class UnaryOp(SameTypeOp):
    """Base of ops with one operand and a result of the same type."""

    T: ClassVar = VarConstraint("T", BaseAttr(TensorType))

    x = operand_def(T)
    result = result_def(T)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$x attr-dict `:` type($result)"

    def __init__(self, x: Value):
        super().__init__(operands=[x], result_types=[self.infer(ty(x))])

    def check(self) -> None:
        require_numbers(self.name, self.x.type)


class FloatUnaryOp(UnaryOp):
    """Base of unary ops that are defined on floating-point tensors only."""

    def check(self) -> None:
        require_float(self.name, self.x.type)


class ApproximableOp(FloatUnaryOp):
    """Base of float ops that kernels may approximate: `fast` is a type, f16 or bf16, in which the result is stored where it is stored, and
    of which its error may be one unit in the last place (`approximate-functions`)."""

    fast = opt_prop_def(Attribute)

    def check(self) -> None:
        super().check()
        require_fast(self.name, self.fast)


def fast_of(op: Operation) -> Attribute | None:
    """The type of which the error of an op may be one unit in the last place; None where it must be computed as it is defined."""
    return op.properties.get("fast")


def require_fast(name: str, fast: Attribute | None) -> None:
    require(fast in (None, f16, bf16), lambda: f"{name}: expected fast to be f16 or bf16, got {fast}")


def require_numbers(name: str, x: Attribute) -> None:
    require(
        element_of(x) != i1 and not is_small(element_of(x)),
        lambda: f"{name}: expected a tensor of numbers, got {x}; use a logical op, or insert an nn.cast",
    )


def require_float(name: str, x: Attribute) -> None:
    require(is_float(element_of(x)), lambda: f"{name}: expected a floating-point tensor, got {x}; insert an nn.cast")


@irdl_op_definition
class NegOp(UnaryOp):
    """`-x`."""

    name = "nn.neg"


@irdl_op_definition
class AbsOp(UnaryOp):
    """`|x|`; the least integer, which has no opposite, stays itself."""

    name = "nn.abs"


@irdl_op_definition
class ExpOp(ApproximableOp):
    """`e ** x`."""

    name = "nn.exp"


@irdl_op_definition
class LogOp(FloatUnaryOp):
    """Natural logarithm; NaN below 0, -inf at 0."""

    name = "nn.log"


@irdl_op_definition
class SqrtOp(FloatUnaryOp):
    """Square root; NaN below 0."""

    name = "nn.sqrt"


@irdl_op_definition
class RsqrtOp(FloatUnaryOp):
    """`1 / sqrt(x)`."""

    name = "nn.rsqrt"


@irdl_op_definition
class ReciprocalOp(FloatUnaryOp):
    """`1 / x`."""

    name = "nn.reciprocal"


@irdl_op_definition
class ErfOp(FloatUnaryOp):
    """The Gauss error function."""

    name = "nn.erf"


@irdl_op_definition
class TanhOp(ApproximableOp):
    """Hyperbolic tangent."""

    name = "nn.tanh"


@irdl_op_definition
class SigmoidOp(ApproximableOp):
    """`1 / (1 + e ** -x)`."""

    name = "nn.sigmoid"


@irdl_op_definition
class ReluOp(UnaryOp):
    """`max(x, 0)`: +0 for -0; NaN stays NaN."""

    name = "nn.relu"


@irdl_op_definition
class FloorOp(FloatUnaryOp):
    """Rounding down."""

    name = "nn.floor"


@irdl_op_definition
class CeilOp(FloatUnaryOp):
    """Rounding up."""

    name = "nn.ceil"


@irdl_op_definition
class RoundOp(FloatUnaryOp):
    """Rounding to the nearest integer, halves to even."""

    name = "nn.round"


@irdl_op_definition
class SignOp(UnaryOp):
    """-1, 1, or +0 for either zero; NaN stays NaN."""

    name = "nn.sign"


@irdl_op_definition
class SinOp(FloatUnaryOp):
    """Sine of radians."""

    name = "nn.sin"


@irdl_op_definition
class CosOp(FloatUnaryOp):
    """Cosine of radians."""

    name = "nn.cos"


@irdl_op_definition
class AsinOp(FloatUnaryOp):
    """Inverse sine, in radians; NaN outside of -1 to 1."""

    name = "nn.asin"


@irdl_op_definition
class AcosOp(FloatUnaryOp):
    """Inverse cosine, in radians; NaN outside of -1 to 1."""

    name = "nn.acos"


@irdl_op_definition
class AtanOp(FloatUnaryOp):
    """Inverse tangent, in radians."""

    name = "nn.atan"


@irdl_op_definition
class AsinhOp(FloatUnaryOp):
    """Inverse hyperbolic sine."""

    name = "nn.asinh"


@irdl_op_definition
class AcoshOp(FloatUnaryOp):
    """Inverse hyperbolic cosine; NaN below 1."""

    name = "nn.acosh"


@irdl_op_definition
class AtanhOp(FloatUnaryOp):
    """Inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond."""

    name = "nn.atanh"


@irdl_op_definition
class LogicalNotOp(UnaryOp):
    """Logical negation of an i1 tensor."""

    name = "nn.logical_not"

    def check(self) -> None:
        require(element_of(self.x) == i1, lambda: f"{self.name}: expected an i1 tensor, got {self.x.type}")


@irdl_op_definition
class IsNanOp(NnOp):
    """Whether each element is NaN."""

    name = "nn.isnan"

    x = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value):
        super().__init__(operands=[x], result_types=[self.infer(ty(x))])

    @classmethod
    def infer(cls, x: Attribute) -> AnyTensorType:
        return with_element(x, i1)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type)]

    def check(self) -> None:
        require_float(self.name, self.x.type)


@irdl_op_definition
class ClipOp(UnaryOp):
    """
    `min(max(x, min), max)` as `nn.max` and `nn.min` compute it; NaN stays NaN. For integers the bounds are rounded inwards and clamped to
    the type's range, so that a lower bound of -inf or an upper bound of inf does nothing.
    """

    name = "nn.clip"

    min = prop_def(FloatAttr)
    max = prop_def(FloatAttr)

    def __init__(self, x: Value, min: float = float("-inf"), max: float = float("inf")):
        super(UnaryOp, self).__init__(
            operands=[x], properties={"min": double(min), "max": double(max)}, result_types=[self.infer(ty(x))]
        )

    def check(self) -> None:
        super().check()
        low, high = self.min.value.data, self.max.value.data
        require(low <= high, lambda: f"{self.name}: expected min <= max, got min = {low} and max = {high}")


def clip_bounds(op: ClipOp) -> tuple[float | int, float | int]:
    """The bounds of a clip as numbers that its element type holds."""
    low, high, element = op.min.value.data, op.max.value.data, element_of(op.result)
    if is_float(element):
        return low, high
    info = np.iinfo(numpy_dtype(element))
    least, greatest = int(info.min), int(info.max)
    return (
        least if low <= least else greatest if low > greatest else ceil(low),
        greatest if high >= greatest else least if high < least else floor(high),
    )


@irdl_op_definition
class LeakyReluOp(FloatUnaryOp):
    """`x` where `x >= 0`, else `alpha * x`."""

    name = "nn.leaky_relu"

    alpha = prop_def(FloatAttr)

    def __init__(self, x: Value, alpha: float = 0.01):
        super(UnaryOp, self).__init__(
            operands=[x], properties={"alpha": double(alpha)}, result_types=[self.infer(ty(x))]
        )


@irdl_op_definition
class CastOp(NnOp):
    """
    Converts the element type. Anything to i1 is `x != 0`, so NaN is true. To a float: rounded to nearest even, overflow to infinity, f16
    and bf16 via f32. Integer to integer: the low bits. Float to integer: truncated toward zero to i64 (for i64) or i32 (for all others),
    whose least value stands for anything out of range, NaN included; narrower types keep the low bits.
    """

    name = "nn.cast"

    x = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, element_type: Attribute):
        super().__init__(operands=[x], result_types=[self.infer(ty(x), element_type)])

    @classmethod
    def infer(cls, x: Attribute, element_type: Attribute) -> AnyTensorType:
        return with_element(x, element_type)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, element_of(self.result))]


UNARY = (
    NegOp, AbsOp, ExpOp, LogOp, SqrtOp, RsqrtOp, ReciprocalOp, ErfOp, TanhOp, SigmoidOp, ReluOp, FloorOp, CeilOp, RoundOp,
    SignOp, SinOp, CosOp, AsinOp, AcosOp, AtanOp, AsinhOp, AcoshOp, AtanhOp, LogicalNotOp,
)  # fmt: skip
