"""`nn` ops along axes: reductions and normalisations."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.dialects.builtin import (
    AnyTensorType,
    BoolAttr,
    FloatAttr,
    IntegerAttr,
    bf16,
    f16,
    f32,
    i1,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, SpacedOpaqueSyntaxAttribute
from xdsl.irdl import (
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.str_enum import StrEnum

from ..dims import const
from ..dtypes import is_float, ui64
from ..errors import InvalidModelError
from .base import (
    Ints,
    NnOp,
    SameTypeOp,
    Tensor,
    Value,
    broadcast_dims,
    double,
    element_of,
    integer,
    ints,
    normalize_axis,
    rank_of,
    require,
    require_axis,
    same_dim,
    shape_of,
    tensor_type,
    ty,
    unrounded,
    values_of,
)

_COMPUTED_IN_F32 = {f16, bf16, f32}


class ReduceKind(StrEnum):
    """How `nn.reduce` combines elements; `sumsq` is the sum of squares."""

    SUM = "sum"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    PROD = "prod"
    SUMSQ = "sumsq"


@irdl_attr_definition
class ReduceKindAttr(EnumAttribute[ReduceKind], SpacedOpaqueSyntaxAttribute):
    name = "nn.reduce_kind"


@irdl_op_definition
class ReduceOp(NnOp):
    """Combines all elements along `axes`; with `keepdims` these dims stay as 1.

    f16 and bf16 accumulate in f32 and round once to the result type (the operand's or f32).
    """

    name = "nn.reduce"

    x = operand_def(Tensor)
    kind = prop_def(ReduceKindAttr)
    axes = prop_def(Ints)
    keepdims = prop_def(BoolAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$kind $x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, kind: str, axes: Iterable[int], keepdims: bool = True):
        axes = sorted(normalize_axis(self.name, a, rank_of(ty(x))) for a in axes)
        super().__init__(
            operands=[x],
            properties={
                "kind": ReduceKindAttr(ReduceKind(kind)),
                "axes": ints(axes),
                "keepdims": BoolAttr.from_bool(keepdims),
            },
            result_types=[self.infer(ty(x), axes, keepdims)],
        )

    @classmethod
    def infer(cls, x: Attribute, axes: Iterable[int], keepdims: bool = True) -> AnyTensorType:
        axes, dims = list(axes), shape_of(x)
        require(
            len(set(axes)) == len(axes) and all(0 <= a < len(dims) for a in axes),
            lambda: f"{cls.name}: expected distinct axes in [0, {len(dims)}), got {axes}",
        )
        kept = [const(1) if a in axes else d for a, d in enumerate(dims) if keepdims or a not in axes]
        return tensor_type(kept, element_of(x))

    def inferred(self) -> list[Attribute]:
        return [unrounded(self.infer(self.x.type, values_of(self.axes), bool(self.keepdims)), self.result)]

    def check(self) -> None:
        element = element_of(self.x)
        mean = self.kind.data == ReduceKind.MEAN
        require(
            element != i1 and (is_float(element) or not mean),
            lambda: f"{self.name}: expected numbers (floats for mean), got {self.x.type}",
        )
        require(
            element != ui64 or self.kind.data not in (ReduceKind.MAX, ReduceKind.MIN),
            lambda: (
                f"{self.name}: expected numbers that i64 orders, got {self.x.type}; bitcast them, with the sign bit inverted"
            ),
        )


class AlongAxisOp(SameTypeOp):
    """Base of ops on the elements along one axis of floats."""

    x = operand_def(Tensor)
    axis = prop_def(IntegerAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, axis: int = -1):
        axis = normalize_axis(self.name, axis, rank_of(ty(x)))
        super().__init__(operands=[x], properties={"axis": integer(axis)}, result_types=[self.infer(ty(x))])

    def inferred(self) -> list[Attribute]:
        return [unrounded(self.infer(self.x.type), self.result)]

    def check(self) -> None:
        require(
            is_float(element_of(self.x)), lambda: f"{self.name}: expected a floating-point tensor, got {self.x.type}"
        )
        require_axis(self.name, self.axis.value.data, rank_of(self.x))


@irdl_op_definition
class SoftmaxOp(AlongAxisOp):
    """
    `exp(x - max) / sum(exp(x - max))` along one axis. f16 and bf16 compute in f32 and round once to the result type (the operand's or f32).
    """

    name = "nn.softmax"


@irdl_op_definition
class LogSoftmaxOp(AlongAxisOp):
    """
    `x - max - log(sum(exp(x - max)))` along one axis: the logarithm of a softmax, which would round small probabilities to 0. Types as for
    `nn.softmax`.
    """

    name = "nn.log_softmax"


@irdl_op_definition
class LayerNormOp(NnOp):
    """Normalises over all axes from `axis` on to mean 0 and variance 1, then multiplies by `scale` and adds `bias`.

    Statistics are computed in f32 for f16 and bf16, and the result is rounded once, to the type of x or f32. Scale and bias have the
    type of x, or any of f16, bf16 and f32 where x has one of these.
    """

    name = "nn.layer_norm"

    x = operand_def(Tensor)
    scale = operand_def(Tensor)
    bias = operand_def(Tensor)
    axis = prop_def(IntegerAttr)
    epsilon = prop_def(FloatAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x `,` $scale `,` $bias attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, scale: Value, bias: Value, axis: int = -1, epsilon: float = 1e-5):
        axis = normalize_axis(self.name, axis, rank_of(ty(x)))
        super().__init__(
            operands=[x, scale, bias],
            properties={"axis": integer(axis), "epsilon": double(epsilon)},
            result_types=[self.infer(ty(x), ty(scale), ty(bias), axis)],
        )

    @classmethod
    def infer(cls, x: Attribute, scale: Attribute, bias: Attribute, axis: int) -> AnyTensorType:
        dims = shape_of(x)
        require(is_float(element_of(x)), lambda: f"{cls.name}: expected a floating-point tensor, got {x}")
        require_axis(cls.name, axis, len(dims))
        for what, operand in (("scale", scale), ("bias", bias)):
            wide = broadcast_dims(f"{cls.name} {what}", dims[axis:], shape_of(operand))
            same = element_of(operand) == element_of(x) or {element_of(operand), element_of(x)} <= _COMPUTED_IN_F32
            if not (len(wide) == len(dims) - axis and same):
                raise InvalidModelError(
                    f"{cls.name}: expected {what} to broadcast to dims {axis}.. of {x} with its element type, got {operand}"
                )
        return tensor_type(dims, element_of(x))

    def inferred(self) -> list[Attribute]:
        return [unrounded(self.infer(self.x.type, self.scale.type, self.bias.type, self.axis.value.data), self.result)]


def _normalized(name: str, x: Attribute, axes: Iterable[int]) -> AnyTensorType:
    """The type of x normalised over its axes."""
    axes, rank = list(axes), rank_of(x)
    require(is_float(element_of(x)), lambda: f"{name}: expected a floating-point tensor, got {x}")
    require(
        bool(axes) and len(set(axes)) == len(axes) and all(0 <= a < rank for a in axes),
        lambda: f"{name}: expected distinct axes in [0, {rank}), one at least, got {axes}",
    )
    return tensor_type(shape_of(x), element_of(x))


@irdl_op_definition
class NormalizeOp(NnOp):
    """
    `(x - mean) / sqrt(variance + epsilon)` over `axes`: what layer, group and instance normalisation have in common. Without `centred`,
    `x / sqrt(mean of x * x + epsilon)`, as in RMS normalisation. Scales and biases are pointwise ops after it.

    Statistics are computed in f32 for f16 and bf16, and the result is rounded once, to the type of x or f32.
    """

    name = "nn.normalize"

    x = operand_def(Tensor)
    axes = prop_def(Ints)
    epsilon = prop_def(FloatAttr)
    centred = prop_def(BoolAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, axes: Iterable[int], epsilon: float = 1e-5, centred: bool = True):
        axes = sorted(normalize_axis(self.name, a, rank_of(ty(x))) for a in axes)
        super().__init__(
            operands=[x],
            properties={"axes": ints(axes), "epsilon": double(epsilon), "centred": BoolAttr.from_bool(centred)},
            result_types=[_normalized(self.name, ty(x), axes)],
        )

    def inferred(self) -> list[Attribute]:
        return [unrounded(_normalized(self.name, self.x.type, values_of(self.axes)), self.result)]


@irdl_op_definition
class L2NormalizeOp(NnOp):
    """
    `x / max(sqrt(sum of x * x), epsilon)` over `axes`: vectors of length 1, but for those shorter than `epsilon`. Where that is 0, a vector
    of zeros becomes NaN.

    The length is computed in f32 for f16 and bf16, and the result is rounded once, to the type of x or f32.
    """

    name = "nn.l2_normalize"

    x = operand_def(Tensor)
    axes = prop_def(Ints)
    epsilon = prop_def(FloatAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, axes: Iterable[int], epsilon: float = 1e-12):
        axes = sorted(normalize_axis(self.name, a, rank_of(ty(x))) for a in axes)
        super().__init__(
            operands=[x],
            properties={"axes": ints(axes), "epsilon": double(epsilon)},
            result_types=[_normalized(self.name, ty(x), axes)],
        )

    def inferred(self) -> list[Attribute]:
        return [unrounded(_normalized(self.name, self.x.type, values_of(self.axes)), self.result)]

    def check(self) -> None:
        epsilon = self.epsilon.value.data
        require(0 <= epsilon < float("inf"), lambda: f"{self.name}: expected a finite epsilon >= 0, got {epsilon}")


@irdl_op_definition
class BatchNormOp(NnOp):
    """`(x - mean) / sqrt(variance + epsilon) * scale + bias` with one value of each per channel, the last axis of x."""

    name = "nn.batch_norm"

    x = operand_def(Tensor)
    scale = operand_def(Tensor)
    bias = operand_def(Tensor)
    mean = operand_def(Tensor)
    variance = operand_def(Tensor)
    epsilon = prop_def(FloatAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x `,` $scale `,` $bias `,` $mean `,` $variance attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, scale: Value, bias: Value, mean: Value, variance: Value, epsilon: float = 1e-5):
        operands = [x, scale, bias, mean, variance]
        super().__init__(
            operands=operands,
            properties={"epsilon": double(epsilon)},
            result_types=[self.infer(*map(ty, operands))],
        )

    @classmethod
    def infer(cls, x: Attribute, *parameters: Attribute) -> AnyTensorType:
        dims = shape_of(x)
        require(
            is_float(element_of(x)) and rank_of(x) >= 1,
            lambda: f"{cls.name}: expected a floating-point tensor [..., C], got {x}",
        )
        for parameter in parameters:
            if not (
                rank_of(parameter) == 1
                and same_dim(shape_of(parameter)[0], dims[-1])
                and is_float(element_of(parameter))
            ):
                raise InvalidModelError(
                    f"{cls.name}: expected scale, bias, mean and variance of shape [{dims[-1]}], got {parameter}"
                )
        return tensor_type(dims, element_of(x))

    def inferred(self) -> list[Attribute]:
        return [self.infer(*(v.type for v in self.operands))]


@irdl_op_definition
class LrnOp(SameTypeOp):
    """Local response normalisation over channels, the last axis.

    `x / (bias + alpha / size * sum of x^2 over size channels around) ** beta`; the window reaches `(size - 1) floordiv 2`
    channels back and `size floordiv 2` forward.
    """

    name = "nn.lrn"

    x = operand_def(Tensor)
    size = prop_def(IntegerAttr)
    alpha = prop_def(FloatAttr)
    beta = prop_def(FloatAttr)
    bias = prop_def(FloatAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0):
        super().__init__(
            operands=[x],
            properties={"size": integer(size), "alpha": double(alpha), "beta": double(beta), "bias": double(bias)},
            result_types=[self.infer(ty(x))],
        )

    def inferred(self) -> list[Attribute]:
        return [unrounded(self.infer(self.x.type), self.result)]

    def check(self) -> None:
        require(
            is_float(element_of(self.x)) and rank_of(self.x) >= 1 and self.size.value.data > 0,
            lambda: (
                f"{self.name}: expected a floating-point tensor [..., C] and size > 0, got {self.x.type} and {self.size.value.data}"
            ),
        )


ROW_WISE = (ReduceOp, SoftmaxOp, LogSoftmaxOp, LayerNormOp, NormalizeOp, L2NormalizeOp)
"""Ops that combine the elements along some dims."""


def reduced_axes(op: ReduceOp | AlongAxisOp | LayerNormOp | NormalizeOp | L2NormalizeOp) -> list[int]:
    """The dims of x that an op combines, in order."""
    match op:
        case AlongAxisOp():
            return [op.axis.value.data]
        case LayerNormOp():
            return list(range(op.axis.value.data, rank_of(op.x)))
        case _:
            return sorted(values_of(op.axes))


def refuse_beside(op: ReduceOp, main: ReduceOp) -> str | None:
    """Why a reduction cannot combine its elements while another one walks its own, or None: its operand broadcasts to the other's along
    dims that are kept."""
    own, wide, axes = shape_of(op.x), shape_of(main.x), reduced_axes(main)
    if reduced_axes(op) != axes or op.keepdims != main.keepdims:
        return "it reduces other dims"
    if len(own) != len(wide) or any(
        d != w and (d != 1 or i in axes) for i, (d, w) in enumerate(zip(own, wide, strict=True))
    ):
        return "its operand does not broadcast to that of the other along dims that are kept"
    if element_of(op.x) != element_of(main.x):
        return "its operand has another type"
    return None


ROWS: tuple[type[NnOp], ...] = (
    ReduceOp,
    SoftmaxOp,
    LogSoftmaxOp,
    LayerNormOp,
    NormalizeOp,
    L2NormalizeOp,
    BatchNormOp,
    LrnOp,
)
