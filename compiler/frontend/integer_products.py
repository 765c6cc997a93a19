"""
Products of quantized tensors: MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv.

Every product is one of int8 by int8 with an int32 sum, which tensor cores compute exactly; zero points are what integer algebra makes of
them, exact modulo 2^32:

    sum of (a - za) (b - zb)  =  sum of a b  -  za * (sum of b)  -  zb * (sum of a  -  za * number of terms)

A uint8 tensor takes part as int8, it and its zero point less 128, so that one with the zero point 128 has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from xdsl.dialects.builtin import f32, i8, i32
from xdsl.ir import SSAValue

from ...dialects.dtypes import ui8
from ..network import Network
from .calls import called
from .node import Node
from .quantization import MICROSOFT, quantized, zero_point
from .registry import Result, onnx_op
from .value import Value


@dataclass(frozen=True)
class Bytes:
    """A tensor of int8 and its zero point: an int32 tensor, or None for 0; `number` where it is one known number."""

    values: Value
    zero: SSAValue | None
    number: int | None


def signed_bytes(node: Node, index: int, zero_index: int) -> Bytes:
    """Operand `index` as int8, with its zero point at operand `zero_index`."""
    return _signed(node, node.value(index), zero_point(node, zero_index))


def _signed(node: Node, value: Value, zero: Value | None) -> Bytes:
    net = node.net
    if value.element_type not in (i8, ui8):
        node.unsupported(f"it multiplies {value.element_type}", "quantize to int8 or uint8")
    shift = 128 if value.element_type == ui8 else 0
    if shift:
        value = _shifted(net, value)
    known = np.zeros((), np.int32) if zero is None else zero.constant()
    if known is None:
        assert zero is not None
        wide = net.add_cast(zero.materialise(net), i32)
        return Bytes(value, net.add_binary("sub", wide, shift) if shift else wide, None)
    moved = known.astype(np.int32) - shift
    if moved.size and np.all(moved == moved.flat[0]):
        number = int(moved.flat[0])
        return Bytes(value, net.add_constant(np.array(number, np.int32)) if number else None, number)
    return Bytes(value, net.add_constant(moved), None)


def _shifted(net: Network, value: Value) -> Value:
    """uint8 less 128, as int8."""
    if value.array is not None:
        return Value(value.name, array=(value.array.astype(np.int16) - 128).astype(np.int8))
    wide = net.add_binary("sub", net.add_cast(value.materialise(net), i32), 128)
    return Value("", ssa=net.add_cast(wide, i8))


def _sum(net: Network, x: SSAValue, axes: Sequence[int]) -> SSAValue:
    return net.add_reduce("sum", net.add_cast(x, i32), axes, keepdims=True)


def _less(net: Network, total: SSAValue, zero: SSAValue | None, sums: SSAValue) -> SSAValue:
    """`total - zero * sums`."""
    return total if zero is None else net.add_binary("sub", total, net.add_binary("mul", zero, sums))


# Products of what DequantizeLinear made.


def explicit_product(node: Node, build: Callable[[Node, Bytes, Bytes], SSAValue], axis: int) -> SSAValue | None:
    """A product of two dequantized operands as one of their integers, scaled, or None. `axis` is that of the second operand's columns.

    Symmetric int8 is left to `realize-integer`, which asks the schedules.
    """
    left, right = (value.quantized if value is not None else None for value in node.inputs[:2])
    if left is None or right is None or left.axis is not None or right.axis not in (None, axis):
        return None
    if all(side.zero is None and side.values.element_type == i8 for side in (left, right)):
        return None
    net = node.net
    total = build(node, *(_signed(node, side.values, side.zero) for side in (left, right)))
    scales = [net.add_cast(side.scale.materialise(net), f32) for side in (left, right)]
    columns = scales[1] if right.axis is not None else net.add_reshape(scales[1], ())
    if node.op_type == "Conv":
        columns = per_channel(net, columns, node.rank(1))
    factor = net.add_binary("mul", net.add_reshape(scales[0], ()), columns)
    return net.add_cast(net.add_binary("mul", net.add_cast(total, f32), factor), node.element_type(0))


def explicit_conv(node: Node) -> SSAValue | None:
    """A Conv of dequantized tensors on their integers, with its bias, or None."""
    result = explicit_product(node, integer_conv, 0)
    if result is None or not node.has_input(2):
        return result
    return node.net.add_binary("add", result, per_channel(node.net, node.data(2), node.rank(0)))


def explicit_gemm(node: Node) -> SSAValue | None:
    """The product of a Gemm, or None."""
    if node.int("transA", 0):
        return None
    turned = bool(node.int("transB", 0))

    def build(node: Node, a: Bytes, b: Bytes) -> SSAValue:
        if turned:
            b = replace(b, values=Value("", ssa=node.net.add_transpose(b.values.materialise(node.net), (1, 0))))
        return integer_matmul(node, a, b)

    return explicit_product(node, build, 0 if turned else 1)


# Matrix products.


def integer_matmul(node: Node, a: Bytes, b: Bytes) -> SSAValue:
    """NumPy's matmul of two quantized tensors of rank 1 or more, in int32. Zero points: one, one per row of `a`, or per column of `b`;
    those of higher rank broadcast."""
    net = node.net
    left, right = a.values.materialise(net), b.values.materialise(net)
    rows, columns = net.shape(left), net.shape(right)
    if not rows or not columns:
        node.invalid("an operand is a scalar; expected rank 1 or more")
    if len(rows) == 1:
        left = net.add_reshape(left, (1, *rows))
    if len(columns) == 1:
        right = net.add_reshape(right, (*columns, 1))
    rank = len(net.shape(right))
    # Tensor cores read the bytes of B along K only.
    turned = net.add_transpose(right, [*range(rank - 2), rank - 1, rank - 2])
    total = net.add_matmul(left, turned, transpose_b=True)
    za = None if a.zero is None else per_row(net, a.zero)
    if za is not None:
        total = _less(net, total, za, _sum(net, right, [rank - 2]))
    if b.zero is not None:
        terms = net.add_cast(net.add_shape_value([net.shape(left)[-1]], ()), i32)
        sums = _less(net, _sum(net, left, [len(net.shape(left)) - 1]), za, terms)
        total = _less(net, total, b.zero, sums)
    shape = list(net.shape(total))
    if len(columns) == 1:
        del shape[-1]
    if len(rows) == 1:
        del shape[-1 if len(columns) == 1 else -2]
    return net.add_reshape(total, shape)


def per_row(net: Network, of: SSAValue) -> SSAValue:
    """A vector with one entry per row, as a column; one number as a scalar."""
    shape = net.shape(of)
    if all(extent.as_int() == 1 for extent in shape):
        return net.add_reshape(of, ())
    return net.add_reshape(of, (*shape, 1)) if len(shape) == 1 else of


@onnx_op("MatMulInteger", note="exact; zero points of every form")
def matmul_integer(node: Node) -> Result:
    return integer_matmul(node, signed_bytes(node, 0, 2), signed_bytes(node, 1, 3))


@onnx_op("QLinearMatMul", note="int8 and uint8; exact sums, rescaled in f32; zero points of every form")
def qlinear_matmul(node: Node) -> Result:
    net = node.net
    total = integer_matmul(node, signed_bytes(node, 0, 2), signed_bytes(node, 3, 5))
    scale = net.add_binary("mul", per_row(net, _scale(node, 1)), _scale(node, 4))
    return requantized(node, total, net.add_binary("div", scale, per_row(net, _scale(node, 6))), 7)


def _scale(node: Node, index: int) -> SSAValue:
    return node.net.add_cast(node.data(index), f32)


def requantized(node: Node, total: SSAValue, factor: SSAValue, zero: int) -> SSAValue:
    """`saturate(round(total * factor) + zero)`, in the type of the zero point at operand `zero`, or else that of the first operand."""
    net, offset = node.net, zero_point(node, zero)
    to = node.element_type(zero) if node.has_input(zero) else node.element_type(0)
    spread = None if offset is None else per_row(net, offset.materialise(net))
    return quantized(net, net.add_binary("mul", net.add_cast(total, f32), factor), None, spread, to)


# Convolutions.

_WINDOW = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")


def integer_conv(node: Node, x: Bytes, w: Bytes) -> SSAValue:
    """The convolution of a quantized image [N, C, ...] with filters [O, C / groups, ...], in int32. Zero points: one for the image, one or
    one per output channel for the filters. Padding stands for the real number 0, the image's zero point."""
    net, attributes = node.net, node.given(_WINDOW)
    image, filters = x.values, w.values
    rank, padded = len(image.shape), node.string("auto_pad", "NOTSET").startswith("SAME") or any(node.ints("pads", [0]))
    if padded and x.number and "pads" in attributes:
        # One pass that writes the border; the sums of the filters are then the same everywhere.
        low, high = np.split(np.array(attributes.pop("pads")), 2)
        image = Value("", ssa=net.add_pad(image.materialise(net), [0, 0, *low], [0, 0, *high], float(x.number)))
        padded = False

    def product(a: Value, b: Value) -> SSAValue:
        return called(node, "Conv", [a, b], **attributes)

    def ones(shape: Sequence[Any]) -> Value:
        return Value("", ssa=net.add_full(1, shape, i8))

    total = product(image, filters)
    if x.zero is not None:
        if padded:
            sums = product(ones((1, *image.shape[1:])), filters)
        else:
            sums = _sum(net, filters.materialise(net), list(range(1, rank)))
            sums = net.add_reshape(sums, (filters.shape[0], *[1] * (rank - 2)))
        total = _less(net, total, x.zero, sums)
    if w.zero is not None:
        # With one group, one filter of ones serves all output channels.
        box = ones((1 if node.int("group", 1) == 1 else filters.shape[0], *filters.shape[1:]))
        sums = product(image, box)
        if x.zero is not None:
            sums = _less(net, sums, x.zero, product(ones((1, *image.shape[1:])), box))
        total = _less(net, total, per_channel(net, w.zero, rank), sums)
    return total


def per_channel(net: Network, of: SSAValue, rank: int) -> SSAValue:
    """A vector with one entry per channel, shaped to broadcast against [N, C, ...]; one number as a scalar."""
    shape = net.shape(of)
    if all(extent.as_int() == 1 for extent in shape):
        return net.add_reshape(of, ())
    return net.add_reshape(of, (shape[0], *[1] * (rank - 2)))


@onnx_op("ConvInteger", note="exact; zero points of every form; else as Conv")
def conv_integer(node: Node) -> Result:
    return integer_conv(node, signed_bytes(node, 0, 2), signed_bytes(node, 1, 3))


@onnx_op("QLinearConv", note="int8 and uint8; exact sums, rescaled in f32; zero points of every form; else as Conv")
@onnx_op("QLinearConv", domain=MICROSOFT, note="also channels last")
def qlinear_conv(node: Node) -> Result:
    net, rank = node.net, node.rank(0)
    x, w = signed_bytes(node, 0, 2), signed_bytes(node, 3, 5)
    last = bool(node.int("channels_last", 0))
    if last:
        x = replace(
            x, values=Value("", ssa=net.add_transpose(x.values.materialise(net), (0, rank - 1, *range(1, rank - 1))))
        )
    total = integer_conv(node, x, w)
    if node.has_input(8):
        total = net.add_binary("add", total, per_channel(net, node.data(8), rank))
    scale = net.add_binary("mul", net.add_reshape(_scale(node, 1), ()), per_channel(net, _scale(node, 4), rank))
    result = requantized(node, total, net.add_binary("div", scale, net.add_reshape(_scale(node, 6), ())), 7)
    return net.add_transpose(result, (0, *range(2, rank), 1)) if last else result
