"""The `quant` dialect: symmetric uniform quantization, as quantize/dequantize pairs on the graph and as arithmetic inside groups.

A quantized value q represents `q * scale`: zero point 0, round half to even, saturation to [-128, 127]. NaN is quantized to 127, like the
greatest number: `nn.max` and `nn.max_pool` prefer it to all others too, so quantizing commutes with them. ONNX leaves it open. A scale is
a float tensor: a scalar, or 1-D with one value per index of `axis`. The importer makes these ops from Q/DQ models; `realize-integer` turns
dequantize -> op -> quantize into one integer op whose epilogue is a `quant.requantize`.

    %q = quant.quantize %x, %s : (tensor<1x8xf32>, tensor<f32>) -> tensor<1x8xi8>
    %y = quant.dequantize %q, %s : (tensor<1x8xi8>, tensor<f32>) -> tensor<1x8xf32>
    %r = quant.requantize %acc, %m : (tensor<1x8xi32>, tensor<f32>) -> tensor<1x8xi8>
"""

from __future__ import annotations

from xdsl.dialects.builtin import AnyTensorType, IntegerAttr, StringAttr, f32, i8, i32
from xdsl.ir import Attribute, Dialect
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from .dtypes import is_float
from .nn.base import (
    NnOp,
    Pointwise,
    SameTypeOp,
    Tensor,
    Value,
    element_of,
    integer,
    normalize_axis,
    rank_of,
    require,
    same_dim,
    shape_of,
    ty,
    with_element,
)


class ScaledOp(NnOp):
    """Base of ops with a scale per tensor or per index of `axis`."""

    x = operand_def(Tensor)
    scale = operand_def(Tensor)
    axis = opt_prop_def(IntegerAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$x `,` $scale attr-dict `:` functional-type(operands, results)"

    def _build(self, x: Value, scale: Value, axis: int | None, element_type: Attribute) -> None:
        if axis is not None:
            axis = normalize_axis(self.name, axis, rank_of(ty(x)))
        NnOp.__init__(
            self,
            operands=[x, scale],
            properties={"axis": None if axis is None else integer(axis)},
            result_types=[self.infer(ty(x), element_type)],
        )

    @classmethod
    def infer(cls, x: Attribute, element_type: Attribute) -> AnyTensorType:
        return with_element(x, element_type)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, element_of(self.result))]

    def check(self) -> None:
        require(
            is_float(element_of(self.scale)),
            lambda: f"{self.name}: expected a floating-point scale, got {self.scale.type}",
        )
        scale, dims = shape_of(self.scale), shape_of(self.x)
        if self.axis is None:
            require(not scale, lambda: f"{self.name}: expected a scalar scale without an axis, got {self.scale.type}")
            return
        axis = self.axis.value.data
        require(0 <= axis < len(dims), lambda: f"{self.name}: expected an axis in [0, {len(dims)}), got {axis}")
        require(
            len(scale) == 1 and same_dim(scale[0], dims[axis]),
            lambda: f"{self.name}: expected a scale of shape [{dims[axis]}] for axis {axis}, got {self.scale.type}",
        )


@irdl_op_definition
class QuantizeOp(ScaledOp):
    """`saturate(round_half_even(x / scale))` as i8; NaN is 127."""

    name = "quant.quantize"

    def __init__(self, x: Value, scale: Value, axis: int | None = None):
        self._build(x, scale, axis, i8)

    def check(self) -> None:
        super().check()
        fits = is_float(element_of(self.x)) and element_of(self.result) == i8
        require(
            fits,
            lambda: f"{self.name}: expected a float operand and an i8 result, got {self.x.type} and {self.result.type}",
        )


@irdl_op_definition
class DequantizeOp(ScaledOp):
    """`x * scale` for i8 or i32 x, computed in f32 and rounded to the result type."""

    name = "quant.dequantize"

    def __init__(self, x: Value, scale: Value, axis: int | None = None, element_type: Attribute = f32):
        self._build(x, scale, axis, element_type)

    def check(self) -> None:
        super().check()
        fits = element_of(self.x) in (i8, i32) and is_float(element_of(self.result))
        require(
            fits,
            lambda: (
                f"{self.name}: expected an i8 or i32 operand and a float result, got {self.x.type} and {self.result.type}"
            ),
        )


@irdl_op_definition
class RequantizeOp(ScaledOp):
    """`saturate(round_half_even(x * scale))` as i8 for an i32 accumulator: scale = input scale * weight scale / output scale."""

    name = "quant.requantize"

    def __init__(self, x: Value, scale: Value, axis: int | None = None):
        self._build(x, scale, axis, i8)

    def check(self) -> None:
        super().check()
        fits = element_of(self.x) == i32 and element_of(self.result) == i8
        require(
            fits,
            lambda: f"{self.name}: expected an i32 operand and an i8 result, got {self.x.type} and {self.result.type}",
        )


@irdl_op_definition
class ObserveOp(SameTypeOp):
    """The identity, marking a value whose range calibration records under a label."""

    name = "quant.observe"

    label = prop_def(StringAttr)
    x = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure(), Pointwise())
    assembly_format = "$label $x attr-dict `:` functional-type(operands, results)"

    def __init__(self, label: str, x: Value):
        super().__init__(operands=[x], properties={"label": StringAttr(label)}, result_types=[ty(x)])

    def check(self) -> None:
        require(
            is_float(element_of(self.x)), lambda: f"{self.name}: expected a floating-point tensor, got {self.x.type}"
        )


QUANT = Dialect("quant", [QuantizeOp, DequantizeOp, RequantizeOp, ObserveOp], [])
