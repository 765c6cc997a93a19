"""Recurrent layers with quantized weights: DynamicQuantizeLSTM."""

from __future__ import annotations

from xdsl.dialects.builtin import f16, f32, i32
from xdsl.ir import SSAValue

from ..integer_products import Bytes, integer_matmul, signed_bytes
from ..node import Node
from ..quantization import MICROSOFT, zero_point
from ..recurrent import lengths, steps
from ..registry import Result, onnx_op
from ..value import Value
from .quantized_products import dynamic_bytes


@onnx_op(
    "DynamicQuantizeLSTM", domain=MICROSOFT,
    note="X and the state of each step are rounded to 8 bits, exact sums: X by its range, states by that of each sequence, as ONNX "
    "Runtime does with as many threads as sequences (with fewer, some sequences share a range)",
)  # fmt: skip
def dynamic_quantize_lstm(node: Node) -> Result:
    """Weights are [directions, inputs, 4 * hidden], with a scale and a zero point for each direction, or for each of its columns."""
    node.in_f32()
    net = node.net
    _check_shapes(node)
    directions, _, columns = node.shape(2)
    integers = net.add_cast(node.data(2), f32)
    if (zero := zero_point(node, 11)) is not None:
        spread = net.add_reshape(_per_column(node, zero.materialise(net)), (directions, 1, columns))
        integers = net.add_binary("sub", integers, net.add_cast(spread, f32))
    integers = net.add_transpose(net.add_cast(integers, f16), (0, 2, 1))
    scales = _per_column(node, node.data(10))
    return steps(node, "lstm", _projected(node), None, integers, scales=scales)


def _check_shapes(node: Node) -> None:
    if node.rank(0) != 3 or node.rank(1) != 3 or node.rank(2) != 3:
        node.invalid("expected X, W and R of rank 3")
    (d, features, columns), (_, _, inputs), (_, units, _) = node.shape(1), node.shape(0), node.shape(2)
    if node.shape(2) != (d, units, units * 4) or columns != units * 4 or features != inputs:
        shapes = " and ".join(f"[{', '.join(map(str, node.shape(index)))}]" for index in (1, 2))
        node.invalid(
            f"expected W [directions, {inputs}, 4 * hidden] and R [directions, hidden, 4 * hidden], got {shapes}"
        )
    for index, name in (
        (8, "the scales of W"),
        (9, "its zero points"),
        (10, "the scales of R"),
        (11, "its zero points"),
    ):
        if node.has_input(index) and node.shape(index) not in ((d,), (d, columns)):
            found = ", ".join(map(str, node.shape(index)))
            node.invalid(f"expected {name} [{d}] or [{d}, {columns}], got [{found}]")


def _projected(node: Node) -> SSAValue:
    """X W of all directions, [T, N, directions * 4 * hidden] in f32."""
    net = node.net
    directions, features, columns = node.shape(1)
    count = directions * columns
    x, scale = dynamic_bytes(node, _within_lengths(node, node.data(0)))
    w = signed_bytes(node, 1, 9)
    side_by_side = net.add_transpose(w.values.materialise(net), (1, 0, 2))
    values = Value("", ssa=net.add_reshape(side_by_side, (features, count)))
    zero = w.zero
    if zero is not None and w.number is None:
        zero = net.add_reshape(_per_column(node, zero), (count,))
    total = integer_matmul(node, x, Bytes(values, zero, w.number))
    factor = net.add_binary("mul", scale, net.add_reshape(_per_column(node, node.data(8)), (count,)))
    return net.add_binary("mul", net.add_cast(total, f32), factor)


def _within_lengths(node: Node, x: SSAValue) -> SSAValue:
    """X, with zeros where all sequences have ended: its range is that of the steps that are taken, and 0."""
    net, count = node.net, node.shape(0)[0]
    if (ends := lengths(node, count)) is None:
        return x
    last = net.add_reduce("max", net.add_cast(ends, i32), [0])
    return net.add_where(net.add_compare("lt", net.add_iota((count, 1, 1), 0, i32), last), x, 0.0)


def _per_column(node: Node, value: SSAValue) -> SSAValue:
    """One number for each direction, or for each of its columns, as [directions, columns]."""
    net, shape = node.net, node.net.shape(value)
    directions, _, columns = node.shape(2)
    return net.add_broadcast_to(
        net.add_reshape(value, (*shape, 1)) if len(shape) == 1 else value, (directions, columns)
    )
