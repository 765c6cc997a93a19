"""Shapes that data decides: the host reads the sizes, and what is placed by them is gathered at computed positions.

An operand that says a shape (the limit of a Range, the ends of a Slice, the shape of a Reshape) and is neither constant nor known from
input shapes is a *shape input*: its numbers are computed on the device, brought into the form of a size there, and read as symbols.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims, nn
from ...dialects.dims import Expr
from ...dialects.dtypes import is_float, is_integer
from ...dialects.limits import MAX_READS
from ..network import Network
from .node import Node
from .places import extent


def is_computed(node: Node, index: int) -> bool:
    """Whether an operand is given and computed from data."""
    return node.has_input(index) and node.value(index).is_open and node.value(index).known() is None


def vector_length(node: Node, index: int, what: str) -> int:
    """The number of elements of an operand whose numbers the host reads."""
    shape = node.shape(index)
    length = dims.product(shape).as_int()
    if (
        length is None
        and len(shape) == 1
        and shape[0].bounds(node.net.ranges)[1] == 1
        and node.net.agree(shape[0], dims.const(1))
    ):
        length = 1  # a slice of one element, which could be empty
    if length is None or length > MAX_READS or not is_integer(node.element_type(index)):
        node.unsupported(
            f"its {what}{node.called(index)} is computed from data, of type {node.element_type(index)} and shape "
            f"[{', '.join(map(str, shape))}]",
            f"give it as at most {MAX_READS} integers",
        )
    return length


def vector(node: Node, index: int, length: int) -> SSAValue:
    """The integers of an operand of so many elements, i64 [length]."""
    return node.net.with_dims(node.net.add_cast(node.data(index), "i64"), [dims.const(length)])


def range_(node: Node) -> SSAValue:
    """Range with operands that are data: start + i * step for as many i as come before the limit."""
    net = node.net
    start, limit, step = (net.add_reshape(node.data(index), ()) for index in range(3))
    element = net.element(start)
    wide = "f64" if is_float(element) else "i64"
    low, high, by = (net.add_cast(value, wide) for value in (start, limit, step))
    span = net.add_binary("sub", high, low)
    if is_float(element):
        count = net.add_cast(net.add_unary("ceil", net.add_binary("div", span, by)), "i64")
    else:
        count = _quotient_up(net, span, by)
    count = net.add_reshape(net.add_binary("max", count, 0), [1])
    size = node.read_sizes(count, node.most_of_each(1), "count")
    steps = net.add_iota(size, 0, "i64" if wide == "i64" else element)
    if wide == "i64":
        steps = net.add_cast(steps, element)
    return net.add_binary("add", net.add_binary("mul", steps, step), start)


def _quotient_up(net: Network, a: SSAValue, b: SSAValue) -> SSAValue:
    """a / b rounded up, of integers of any sign."""
    quotient = net.add_binary("div", a, b)
    exact = net.add_compare("eq", net.add_binary("mul", quotient, b), a)
    same_sign = net.add_compare("eq", net.add_compare("lt", a, 0), net.add_compare("lt", b, 0))
    more = net.add_binary("logical_and", net.add_unary("logical_not", exact), same_sign)
    return net.add_binary("add", quotient, net.add_cast(more, "i64"))


def reshape(node: Node) -> SSAValue:
    """Reshape to sizes that are data. A shape with other than the operand's number of elements reads or leaves out some."""
    net, source = node.net, node.shape(0)
    length = vector_length(node, 1, "shape")
    target = vector(node, 1, length)
    if not node.int("allowzero", 0):
        copied = [source[axis] if axis < len(source) else dims.const(0) for axis in range(length)]
        target = net.add_where(net.add_compare("eq", target, 0), net.add_shape_value(copied), target)
    rest = net.add_compare("lt", target, 0)
    others = net.add_reduce("prod", net.add_where(rest, 1, target), [0], keepdims=True)
    total = net.add_shape_value([dims.product(source)])
    sizes = net.add_where(rest, net.add_binary("div", total, others), target)
    most = dims.product(source).bounds(net.ranges)[1]
    shape = node.read_sizes(sizes, node.most_of_each(length, None if _declares(node) else [most] * length), "shape")
    return elements(net, node.data(0), shape)


def _declares(node: Node) -> bool:
    """Whether the model declares a static shape for the first result."""
    shape = node.declared.get(node.graph_node.proto.output[0])
    return shape is not None and None not in shape


def elements(net: Network, x: SSAValue, shape: Sequence[Expr]) -> SSAValue:
    """The elements of x in order, under other dims that only data says."""
    flat = net.add_reshape(x, [dims.product(net.shape(x))])
    positions = net.add_iota([dims.product(shape)], 0, "i32")
    return net.add_reshape(net.add_gather(flat, positions, 0), shape)


def expand(node: Node) -> SSAValue:
    """Expand to sizes that are data; dims of the operand other than 1 stay."""
    net, source = node.net, list(node.shape(0))
    length = vector_length(node, 1, "shape")
    rank = max(length, len(source))
    source = [dims.const(1)] * (rank - len(source)) + source
    target = vector(node, 1, length)
    open_ = [axis for axis in range(rank - length, rank) if source[axis].as_int() == 1]
    shape = list(source)
    for axis in open_:
        one = net.add_slice(target, [axis - (rank - length)], [1])
        (shape[axis],) = node.read_sizes(one, [node.most(0, axis)], f"shape_{axis}")
    return net.add_broadcast_to(net.add_reshape(node.data(0), source), shape)


def slice_(node: Node) -> SSAValue:
    """Slice with operands that are data. Axes that are data, too, cost a read for each dim."""
    net, x = node.net, node.data(0)
    length, rank = vector_length(node, 1, "starts"), node.rank(0)
    starts, ends = (_vector(node, index, length) for index in (1, 2))
    steps = _vector(node, 4, length) if node.has_input(4) else net.add_constant(np.ones(length, np.int64))
    if node.has_input(3) and is_computed(node, 3):
        axes = front_axes(net, _vector(node, 3, length), rank)
        starts, ends, steps = (
            spread(net, values, axes, rank, default) for values, default in ((starts, 0), (ends, _FAR), (steps, 1))
        )
        numbers = list(range(rank))
    else:
        given = node.known_ints(3, "axes") if node.has_input(3) else list(range(length))
        numbers = [node.axis(axis, rank) for axis in given]
        if len(numbers) != length:
            node.invalid(f"it has {length} starts and {len(numbers)} axes")
    for number, axis in enumerate(numbers):
        each = (starts, ends, steps)
        first, end, step = each if len(numbers) == 1 else (net.add_slice(values, [number], [1]) for values in each)
        x = _sliced(node, x, axis, first, end, step)
    return x


_FAR = 2**62
"""An end beyond every dim."""


def _vector(node: Node, index: int, length: int) -> SSAValue:
    count = dims.product(node.shape(index))
    if count.as_int() != length and not (count.as_symbol() and node.net.agree(count, dims.const(length))):
        node.invalid(
            f"operand {index} should have {length} elements, got shape [{', '.join(map(str, node.shape(index)))}]"
        )
    return vector(node, index, length)


def front_axes(net: Network, axes: SSAValue, rank: int) -> SSAValue:
    """Axes that are data, counted from the front."""
    axes = net.add_cast(axes, "i64")
    return net.add_where(net.add_compare("lt", axes, 0), net.add_binary("add", axes, rank), axes)


def spread(net: Network, values: SSAValue, axes: SSAValue, rank: int, default: int) -> SSAValue:
    """For each dim the value whose axis it is, or a default."""
    length = net.shape(values)[0]
    mine = net.add_compare(
        "eq", net.add_reshape(axes, [1, length]), net.add_reshape(net.add_iota([rank], 0, "i64"), [rank, 1])
    )
    found = net.add_reduce("sum", net.add_where(mine, net.add_reshape(values, [1, length]), 0), [1])
    count = net.add_reduce("sum", net.add_cast(mine, "i64"), [1])
    return net.add_where(net.add_compare("gt", count, 0), found, default)


def _sliced(node: Node, x: SSAValue, axis: int, start: SSAValue, end: SSAValue, step: SSAValue) -> SSAValue:
    """A slice along one axis: start, end and step are vectors of one element."""
    net = node.net
    size = nn.shape_of(x)[axis]
    limit = extent(net, size, "i64")
    forward = net.add_compare("gt", step, 0)
    last = net.add_binary("sub", net.operand(limit, start), 1)
    low, high = net.add_where(forward, 0, net.operand(-1, start)), net.add_where(forward, limit, last)
    first, stop = (_position(net, value, limit, low, high) for value in (start, end))
    first = net.add_binary("max", first, 0)
    count = net.add_binary("max", _quotient_up(net, net.add_binary("sub", stop, first), step), 0)
    most = max(size.bounds(net.ranges)[1], 0)
    distance = net.distance(end, start)
    if distance is not None and distance > 0 and nn.splat_of(step, "the step of Range") == 1:
        most = min(most, distance)
    (taken,) = node.read_sizes(count, [node.most(0, axis, most)], f"size_{axis}")
    offsets = net.add_binary("mul", net.add_iota([taken], 0, "i64"), step)
    return net.add_gather(x, net.add_binary("add", offsets, first), axis)


def _position(
    net: Network, value: SSAValue, limit: SSAValue | int, low: SSAValue | int, high: SSAValue | int
) -> SSAValue:
    """An end counted from the front and kept within the dim."""
    front = net.add_where(net.add_compare("lt", value, 0), net.add_binary("add", value, limit), value)
    return net.add_binary("min", net.add_binary("max", front, low), high)
