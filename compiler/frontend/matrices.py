"""Matrices and one-hot vectors: Det, EyeLike, Hardmax."""

from __future__ import annotations

from functools import reduce

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from ...dialects import dims
from ..network import Network
from .node import Node
from .random import first_greatest
from .registry import Result, onnx_op

_LARGEST = 4


@onnx_op("EyeLike")
def eye_like(node: Node) -> Result:
    if node.rank(0) != 2:
        node.invalid(f"expected a matrix, got an operand of rank {node.rank(0)}")
    net, (rows, columns) = node.net, node.shape(0)
    wanted = node.onnx_type(node.int("dtype")) if node.has("dtype") else node.element_type(0)
    diagonal = net.add_binary("add", net.add_iota((rows, 1), 0, "i64"), node.int("k", 0))
    return net.add_cast(net.add_compare("eq", diagonal, net.add_iota((1, columns), 1, "i64")), wanted)


@onnx_op("Hardmax")
def hardmax(node: Node) -> Result:
    """Before opset 13 over all dims from the axis on, taken as one."""
    net, x, shape = node.net, node.data(0), node.shape(0)
    axis = node.axis(node.int("axis", 1 if node.opset < 13 else -1), len(shape))
    if node.opset >= 13:
        return _one_hot(net, x, axis)
    flat = net.add_reshape(x, (dims.product(shape[:axis]), dims.product(shape[axis:])))
    return net.add_reshape(_one_hot(net, flat, 1), shape)


def _one_hot(net: Network, x: SSAValue, axis: int) -> SSAValue:
    shape = net.shape(x)
    along = [shape[axis] if i == axis else dims.const(1) for i in range(len(shape))]
    chosen = first_greatest(net, x, axis, i32, keepdims=True)
    return net.add_cast(net.add_compare("eq", net.add_iota(along, axis, "i32"), chosen), net.element(x))


@onnx_op("Det", note=f"matrices of up to {_LARGEST} rows, by cofactors")
def det(node: Node) -> Result:
    node.in_f32()
    shape = node.shape(0)
    size = shape[-1].as_int() if len(shape) > 1 and shape[-1] == shape[-2] else None
    if size is None or not 1 <= size <= _LARGEST:
        node.unsupported(
            f"its matrices are {' x '.join(map(str, shape[-2:]))}", f"use square ones of up to {_LARGEST} rows"
        )
    columns = list(range(size))
    return node.net.add_reshape(_cofactors(node.net, node.data(0), columns), shape[:-2])


def _cofactors(net: Network, x: SSAValue, columns: list[int]) -> SSAValue:
    """The determinant of the last `len(columns)` rows in these columns."""
    outer = net.shape(x)[:-2]
    row = (net.shape(x)[-1].as_int() or 0) - len(columns)
    one = [*outer, 1, 1]
    entries = [net.add_slice(x, [*[0] * len(outer), row, column], one) for column in columns]
    if len(columns) == 1:
        return entries[0]
    terms = [
        net.add_binary("mul", entry, _cofactors(net, x, [c for c in columns if c != column]))
        for entry, column in zip(entries, columns, strict=True)
    ]
    signed = [term if i % 2 == 0 else net.add_unary("neg", term) for i, term in enumerate(terms)]
    return reduce(lambda a, b: net.add_binary("add", a, b), signed)
