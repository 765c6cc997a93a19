"""Explicit quantization: QuantizeLinear and DequantizeLinear as symmetric `quant.quantize` and `quant.dequantize`."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import i8, i32
from xdsl.ir import SSAValue

from .folding import Array
from .node import Node
from .registry import Result, onnx_op


def _axis(node: Node) -> int | None:
    """The axis of a per-channel scale; None for one scale. Blocked quantization is refused."""
    if node.int("block_size", 0):
        node.unsupported("it is quantized in blocks", "quantize per tensor or per channel")
    scale = node.shape(1)
    if all(extent.as_int() == 1 for extent in scale):
        return None
    if len(scale) != 1:
        node.unsupported(f"its scale has rank {len(scale)}", "quantize per tensor or per channel")
    return node.axis(node.int("axis", 1), node.rank(0))


def _check_zero_point(node: Node) -> None:
    if not node.has_input(2):
        return
    zero_point = node.constant(2, "zero point")
    if np.any(zero_point.astype(np.int64) != 0):
        shown = np.unique(zero_point.astype(np.int64))[:4].tolist()
        node.unsupported(
            f"its zero point is not 0 (got {shown} in {zero_point.dtype})",
            "quantize symmetrically to int8 (ActivationSymmetric and WeightSymmetric in onnxruntime.quantization)",
        )


@onnx_op("QuantizeLinear", note="int8, zero point 0, per tensor or per channel")
def quantize(node: Node) -> Result:
    axis = _axis(node)
    _check_zero_point(node)
    zero_point = node.value(2).array if node.has_input(2) else None
    if zero_point is None or zero_point.dtype != np.int8:
        got = "uint8" if zero_point is None else str(zero_point.dtype)
        node.unsupported(f"it quantizes to {got}", "quantize symmetrically to int8 (QuantType.QInt8)")
    return node.net.add_quantize(node.data(0), _scale(node, axis), axis)


@onnx_op("DequantizeLinear", note="from int8 and int32, zero point 0, per tensor or per channel")
def dequantize(node: Node) -> Result:
    axis = _axis(node)
    _check_zero_point(node)
    element_type = node.element_type(0)
    if element_type not in (i8, i32):
        node.unsupported(f"it dequantizes {element_type}", "quantize symmetrically to int8")
    return node.net.add_dequantize(node.data(0), _scale(node, axis), axis)


def _scale(node: Node, axis: int | None) -> SSAValue | Array:
    """The scale as a scalar (per tensor) or a vector (per channel)."""
    scale = node.value(1)
    if axis is None and node.rank(1) != 0:
        # Passes move ops past a quantize whose scale is one number; a reshape of an initializer would hide that number from them.
        scale.value_of(node.net, f"the scale of {node.op_type} {node.graph_node.label}, a vector of one number")
        return scale.array.reshape(()) if scale.array is not None else node.net.add_reshape(node.data(1), ())
    return node.data(1)
