"""
Explicit quantization: QuantizeLinear and DequantizeLinear, of ONNX and of com.microsoft.

Symmetric int8 per tensor or per channel becomes `quant.quantize` and `quant.dequantize`, which passes move and realise in integers. Every
other form (zero points, other types, blocks) becomes its arithmetic in f32: `(q - zero) * scale`, `saturate(round(x / scale) + zero)`.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import bf16, f16, f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from ...dialects import dims, nn
from ...dialects.dims import Expr
from ...dialects.dtypes import is_float, numpy_dtype, ui8
from ..network import Network
from .folding import Array
from .node import Node
from .registry import Result, onnx_op
from .value import Quantized, Value

MICROSOFT = "com.microsoft"
_FORMS = "per tensor, per channel or in blocks; zero points"


# Arithmetic, also for the other quantized operators.


def dequantized(net: Network, x: SSAValue, scale: SSAValue, zero: SSAValue | None = None) -> SSAValue:
    """`(x - zero) * scale` in f32; the operands broadcast, the difference is exact."""
    if zero is not None:
        # An i32 less a zero point may need all 32 bits, which f32 does not have; narrower integers have room in it.
        wide = i32 if nn.element_of(x) == i32 else f32
        x = net.add_binary("sub", net.add_cast(x, wide), net.add_cast(zero, wide))
    return net.add_binary("mul", net.add_cast(x, f32), net.add_cast(scale, f32))


def quantized(net: Network, x: SSAValue, scale: SSAValue | None, zero: SSAValue | None, to: Attribute) -> SSAValue:
    """`saturate(round(x / scale) + zero)` of an f32 tensor, halves to even. ONNX leaves NaN open; it becomes what a cast of NaN gives."""
    if scale is not None:
        x = net.add_binary("div", x, net.add_cast(scale, f32))
    x = net.add_unary("round", x)
    if zero is not None:
        x = net.add_binary("add", x, net.add_cast(zero, f32))
    limits = ml_dtypes.iinfo(numpy_dtype(to))
    return net.add_cast(net.add_clip(x, float(limits.min), float(limits.max)), to)


def zero_point(node: Node, index: int) -> Value | None:
    """The zero point at operand `index`; None where there is none, or it is known to be 0."""
    if not node.has_input(index):
        return None
    value = node.value(index)
    constant = value.value_of(node.net, f"the zero point of {node.op_type} {node.graph_node.label}")
    return None if constant is not None and not np.any(constant.astype(np.int64)) else value


# Which elements share a scale.


def _axis(node: Node) -> int | None:
    """The axis of a scale per channel or per block; None for one scale."""
    scale = node.shape(1)
    if not node.int("block_size", 0):
        if all(extent.as_int() == 1 for extent in scale):
            return None
        if len(scale) != 1:
            node.invalid(f"its scale has rank {len(scale)}; expected one number, a vector, or attribute 'block_size'")
    elif len(scale) != node.rank(0):
        node.invalid(f"its scale has rank {len(scale)}, and its blocks need that of its operand, {node.rank(0)}")
    return node.axis(node.int("axis", 1), node.rank(0))


def _blocks(node: Node, axis: int) -> tuple[Expr, ...] | None:
    """The operand's shape with the dim `axis` cut in blocks; None where they do not divide it."""
    shape, size, count = node.shape(0), node.int("block_size"), node.shape(1)[axis]
    if (shape[axis] - count * size).as_int() != 0:
        return None
    return (*shape[:axis], count, dims.const(size), *shape[axis + 1 :])


def _spread(node: Node, value: SSAValue, axis: int | None) -> SSAValue:
    """A scale or zero point shaped to broadcast against the operand, whose dim `axis` is cut where blocks divide it."""
    net, rank = node.net, node.rank(0)
    if axis is None:
        return net.add_reshape(value, ())
    if not node.int("block_size", 0):
        return net.add_reshape(value, (*net.shape(value), *[1] * (rank - 1 - axis)))
    shape = net.shape(value)
    if _blocks(node, axis) is not None:
        return net.add_reshape(value, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
    extent = node.shape(0)[axis].as_int()
    if extent is None:
        node.unsupported(
            f"its blocks need not divide the dynamic dim {node.shape(0)[axis]}", "fix the dim in the profile"
        )
    return net.add_gather(value, np.arange(extent) // node.int("block_size"), axis)


# The operators.


@onnx_op("QuantizeLinear", note=f"{_FORMS}; symmetric int8 divides in f32 unless `precision` is another type")
@onnx_op("QuantizeLinear", domain=MICROSOFT, note=_FORMS)
def quantize(node: Node) -> Result:
    net, axis, to = node.net, _axis(node), _result_type(node)
    zero, asked = zero_point(node, 2), _precision(node)
    plain = to == i8 and zero is None and not node.int("block_size", 0) and asked in (None, f32)
    if plain and is_float(node.element_type(0)):
        return net.add_quantize(node.data(0), _scale(node, axis), axis)
    x, grouped = node.data(0), _blocks(node, axis) if axis is not None and node.int("block_size", 0) else None
    if grouped is not None:
        x = net.add_reshape(x, grouped)
    # Before opset 23, ONNX leaves open what is divided in.
    precision = asked or (node.element_type(1) if node.opset >= 23 else f32)
    x, scale = _rounded(net, x, precision), _spread(node, _rounded(net, node.data(1), precision), axis)
    quotient = _rounded(net, net.add_binary("div", x, scale), precision)
    if is_float(to):
        if zero is not None and zero.constant() is not None:
            node.invalid(f"expected zero point 0 of {to}, got {zero.constant()}", "quantize float8 symmetrically")
        result = _as_float8(node, quotient, to)
    else:
        spread = None if zero is None else _spread(node, zero.materialise(net), axis)
        result = quantized(net, quotient, None, spread, to)
    return net.add_reshape(result, node.shape(0))


def _rounded(net: Network, x: SSAValue, to: Attribute) -> SSAValue:
    """x in f32, rounded to a narrower type. A cast rounds in kernels, arithmetic in that type does not: it would stay in f32."""
    return net.add_cast(net.add_cast(x, to), f32)


def _precision(node: Node) -> Attribute | None:
    """What attribute `precision` says that the division is done in; None where there is none."""
    if not (code := node.int("precision", 0)):
        return None
    known = {1: f32, 10: f16, 16: bf16}
    if code not in known:
        node.invalid(f"attribute 'precision' is {code}; expected 1 (float), 10 (float16) or 16 (bfloat16)")
    return known[code]


def _result_type(node: Node) -> Attribute:
    """The element type of the zero point, else that of `output_dtype`, else uint8."""
    from_attribute = node.int("output_dtype", 0)
    if node.has_input(2):
        return node.element_type(2)
    return node.onnx_type(from_attribute or 2)


def _as_float8(node: Node, x: SSAValue, to: Attribute) -> SSAValue:
    """Cast, with numbers beyond the greatest becoming that unless `saturate` is 0."""
    if node.int("saturate", 1):
        greatest = float(ml_dtypes.finfo(numpy_dtype(to)).max)
        x = node.net.add_clip(x, -greatest, greatest)
    return node.net.add_cast(x, to)


@onnx_op("DequantizeLinear", note=_FORMS)
@onnx_op("DequantizeLinear", domain=MICROSOFT, note=_FORMS)
def dequantize(node: Node) -> Result:
    net, axis, zero = node.net, _axis(node), zero_point(node, 2)
    to = node.onnx_type(code) if (code := node.int("output_dtype", 0)) else node.element_type(1)
    if node.element_type(0) in (i8, i32) and zero is None and not node.int("block_size", 0):
        return _marked(node, net.add_cast(net.add_dequantize(node.data(0), _scale(node, axis), axis), to), axis)
    x, scale = node.data(0), _spread(node, net.add_cast(node.data(1), f32), axis)
    grouped = _blocks(node, axis) if axis is not None and node.int("block_size", 0) else None
    if grouped is not None:
        x = net.add_reshape(x, grouped)
    spread = None if zero is None else _spread(node, zero.materialise(net), axis)
    return _marked(node, net.add_reshape(net.add_cast(dequantized(net, x, scale, spread), to), node.shape(0)), axis)


def _marked(node: Node, result: SSAValue, axis: int | None) -> Value:
    """The result with what it was dequantized from."""
    bytes_ = node.element_type(0) in (i8, ui8) and not node.int("block_size", 0)
    source = Quantized(node.value(0), node.value(1), zero_point(node, 2), axis) if bytes_ else None
    return Value("", ssa=result, quantized=source)


def _scale(node: Node, axis: int | None) -> SSAValue | Array:
    """The scale as a scalar (per tensor) or a vector (per channel)."""
    scale = node.value(1)
    if axis is None and node.rank(1) != 0:
        # Passes move ops past a quantize whose scale is one number; a reshape of an initializer would hide that number from them.
        scale.value_of(node.net, f"the scale of {node.op_type} {node.graph_node.label}, a vector of one number")
        return scale.array.reshape(()) if scale.array is not None else node.net.add_reshape(node.data(1), ())
    return node.data(1)


@onnx_op("DynamicQuantizeLinear")
def dynamic_quantize(node: Node) -> Result:
    """uint8 by the range of all elements, widened to hold 0: the result, its scale and its zero point. Of nothing but zeros all are 0."""
    net, x = node.net, node.data(0)
    axes = list(range(node.rank(0)))
    low = net.add_binary("min", net.add_reduce("min", x, axes), 0.0)
    high = net.add_binary("max", net.add_reduce("max", x, axes), 0.0)
    scale = net.add_binary("div", net.add_binary("sub", high, low), 255.0)
    zero = quantized(net, net.add_binary("div", net.add_binary("sub", 0.0, low), scale), None, None, ui8)
    return [quantized(net, x, scale, zero, ui8), scale, zero]
