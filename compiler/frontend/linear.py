"""Matrix products: MatMul, Gemm."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dtypes import is_float
from ..network import Network
from .computed import is_computed
from .integer_products import explicit_gemm, explicit_product, integer_matmul
from .node import Node
from .registry import Result, onnx_op


@onnx_op("MatMul")
def matmul(node: Node) -> Result:
    if (on_integers := explicit_product(node, integer_matmul, node.rank(1) - 1)) is not None:
        return on_integers
    net, a, b = node.net, node.data(0), node.data(1)
    left, right = node.shape(0), node.shape(1)
    if not left or not right:
        node.invalid("an operand is a scalar; expected rank 1 or more")
    # A vector takes part as a matrix with one row or column, which then leaves the result.
    if len(left) == 1:
        a = net.add_reshape(a, (1, *left))
    if len(right) == 1:
        b = net.add_reshape(b, (*right, 1))
    result = net.add_matmul(a, b) if is_float(node.element_type(0)) else _integer_product(net, a, b)
    if len(left) > 1 and len(right) > 1:
        return result
    shape = list(net.shape(result))
    if len(right) == 1:
        del shape[-1]
    if len(left) == 1:
        del shape[-1 if len(right) == 1 else -2]
    return net.add_reshape(result, shape)


@onnx_op("Gemm")
def gemm(node: Node) -> Result:
    net = node.net
    if all(node.value(i).constant() is not None for i in (0, 1)):
        node.in_f32()
    a, b = node.data(0), node.data(1)
    if node.rank(0) != 2 or node.rank(1) != 2:
        node.invalid(f"expected two matrices, got operands of rank {node.rank(0)} and {node.rank(1)}")
    if node.int("transA", 0):
        a = net.add_transpose(a, (1, 0))
    result = explicit_gemm(node)
    if result is None and not is_float(node.element_type(0)):
        result = _integer_product(net, a, net.add_transpose(b, (1, 0)) if node.int("transB", 0) else b)
    if result is None:
        result = net.add_matmul(a, b, transpose_b=bool(node.int("transB", 0)))
    alpha, beta = node.float("alpha", 1.0), node.float("beta", 1.0)
    if alpha != 1.0 or beta not in (0.0, 1.0):
        node.in_f32()
    result = _scaled(node, node.widened(result), alpha)
    if node.has_input(2) and beta != 0.0:
        result = net.add_binary("add", result, _scaled(node, node.data(2), beta))
    return result


def _integer_product(net: Network, a: SSAValue, b: SSAValue) -> SSAValue:
    """Sums of products in the operands' own type, wrapped around: no tensor core has them, and the products fuse into the sums."""
    left, right = net.shape(a), net.shape(b)
    columns = net.add_transpose(b, [*range(len(right) - 2), len(right) - 1, len(right) - 2])
    rows = net.add_reshape(a, (*left[:-1], 1, left[-1]))
    across = net.add_reshape(columns, (*right[:-2], 1, right[-1], right[-2]))
    return net.add_reduce("sum", net.add_binary("mul", rows, across), [-1])


def _scaled(node: Node, value: SSAValue, factor: float) -> SSAValue:
    if factor == 1.0:
        return value
    if not is_float(node.element_type(0)) and factor != int(factor):
        node.unsupported(f"it scales integers by {factor}", "use whole numbers for alpha and beta")
    return node.net.add_binary("mul", value, factor)


def _diagonal(node: Node) -> SSAValue | int:
    """The number of the diagonal, which may be data."""
    if not node.has_input(1):
        return 0
    if is_computed(node, 1):
        return node.net.add_cast(node.net.add_reshape(node.data(1), ()), np.int64)
    return node.known_ints(1, "diagonal")[0]


@onnx_op("Trilu")
def trilu(node: Node) -> Result:
    net, x, shape = node.net, node.data(0), node.shape(0)
    if len(shape) < 2:
        node.invalid(f"expected a matrix or a stack of them, got rank {len(shape)}")
    offset = _diagonal(node)
    row = net.add_iota((shape[-2], dims.const(1)), 0, np.int64)
    column = net.add_iota((shape[-1],), 0, np.int64)
    diagonal = row if offset == 0 else net.add_binary("add", row, offset)
    keep = net.add_compare("ge" if node.int("upper", 1) else "le", column, diagonal)
    zero = net.add_constant(np.zeros((), net.dtype(x)))
    return net.add_where(keep, x, zero)
