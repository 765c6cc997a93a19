"""
Operators on quantized tensors, each with a scale and a zero point: QLinearAdd, QLinearConcat and their like.

All compute on the real numbers that their operands stand for, in f32, and quantize the result; fused, no real number crosses memory.
"""

from __future__ import annotations

from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from ..calls import called
from ..node import Node
from ..quantization import MICROSOFT, dequantized, quantized, zero_point
from ..registry import Result, onnx_op


def _number(node: Node, index: int) -> SSAValue:
    """A scale per tensor as an f32 scalar."""
    return node.net.add_reshape(node.net.add_cast(node.data(index), f32), ())


def _zero(node: Node, index: int) -> SSAValue | None:
    value = zero_point(node, index)
    return None if value is None else node.net.add_reshape(value.materialise(node.net), ())


def real(node: Node, index: int, scale: int) -> SSAValue:
    """The numbers that operand `index` stands for, with its scale at `scale` and its zero point behind it."""
    return dequantized(node.net, node.data(index), _number(node, scale), _zero(node, scale + 1))


def stored(node: Node, x: SSAValue, scale: int) -> SSAValue:
    """Real numbers quantized by the scale at operand `scale` and the zero point behind it, to the type of operand 0's like."""
    to = node.element_type(scale + 1) if node.has_input(scale + 1) else node.element_type(0)
    return quantized(node.net, x, _number(node, scale), _zero(node, scale + 1), to)


@onnx_op("QLinearAdd", "QLinearMul", domain=MICROSOFT)
def binary(node: Node) -> Result:
    kind = {"QLinearAdd": "add", "QLinearMul": "mul"}[node.op_type]
    return stored(node, node.net.add_binary(kind, real(node, 0, 1), real(node, 3, 4)), 6)


@onnx_op("QLinearSigmoid", "QLinearLeakyRelu", domain=MICROSOFT)
def unary(node: Node) -> Result:
    x = real(node, 0, 1)
    if node.op_type == "QLinearSigmoid":
        return stored(node, node.net.add_unary("sigmoid", x), 3)
    return stored(node, node.net.add_leaky_relu(x, node.float("alpha", 0.01)), 3)


@onnx_op("QLinearSoftmax", domain=MICROSOFT)
def softmax(node: Node) -> Result:
    result = called(node, "Softmax", [real(node, 0, 1)], opset=node.int("opset", 13), axis=node.int("axis", -1))
    return stored(node, result, 3)


@onnx_op("QLinearWhere", domain=MICROSOFT)
def where(node: Node) -> Result:
    net = node.net
    to = node.element_type(8) if node.has_input(8) else node.element_type(1)
    result = net.add_where(node.data(0), real(node, 1, 2), real(node, 4, 5))
    return quantized(net, result, _number(node, 7), _zero(node, 8), to)


@onnx_op("QLinearConcat", domain=MICROSOFT)
def concat(node: Node) -> Result:
    net = node.net
    parts = [real(node, i, i + 1) for i in range(2, len(node.inputs), 3)]
    joined = net.add_concat(parts, node.int("axis"))
    return quantized(net, joined, _number(node, 0), _zero(node, 1), node.element_type(1))


@onnx_op("QLinearReduceMean", domain=MICROSOFT)
def reduce_mean(node: Node) -> Result:
    x, rank = real(node, 0, 1), node.rank(0)
    axes = [node.axis(axis, rank) for axis in node.ints("axes", list(range(rank)))]
    return stored(node, node.net.add_reduce("mean", x, axes, keepdims=bool(node.int("keepdims", 1))), 3)


@onnx_op("QLinearAveragePool", "QLinearGlobalAveragePool", domain=MICROSOFT, note="channels first or last")
def average_pool(node: Node) -> Result:
    net, rank = node.net, node.rank(0)
    last = bool(node.int("channels_last", 0))
    x = real(node, 0, 1)
    if last:
        x = net.add_transpose(x, (0, rank - 1, *range(1, rank - 1)))
    if node.op_type == "QLinearAveragePool":
        names = ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")
        x = called(node, "AveragePool", [x], **node.given(names))
    else:
        x = net.add_reduce("mean", x, list(range(2, rank)), keepdims=True)
    result = stored(node, x, 3)
    return net.add_transpose(result, (0, *range(2, rank), 1)) if last else result
