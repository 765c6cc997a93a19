"""Ops that find or mark positions: ArgMax, ArgMin, TopK, OneHot, ReverseSequence."""

from __future__ import annotations

from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dtypes import is_float
from .computed import is_computed
from .folding import as_int
from .node import Node
from .places import along, extent, pick
from .registry import Result, onnx_op
from .value import Value

_BEYOND = 2**31 - 1
"""Greater than every position."""


@onnx_op("ArgMax", "ArgMin", note="the first NaN is found, if there is one, as NumPy does")
def arg_extremum(node: Node) -> Result:
    """The least (or greatest) position of an element that is the extremum: two reductions."""
    net, x, shape = node.net, node.data(0), node.shape(0)
    axis = node.axis(node.int("axis", 0), len(shape))
    if net.element(x) == i1:
        x = net.add_cast(x, "i8")
    peak = net.add_reduce("max" if node.op_type == "ArgMax" else "min", x, [axis], keepdims=True)
    found = net.add_compare("eq", x, peak)
    if is_float(net.element(x)):
        found = net.add_binary("logical_or", found, net.add_unary("isnan", x))
    positions = along(net, net.add_iota([shape[axis]], 0, "i32"), axis, len(shape))
    last = node.int("select_last_index", 0)
    marked = net.add_where(found, positions, -1 if last else _BEYOND)
    result = net.add_reduce("max" if last else "min", marked, [axis], keepdims=bool(node.int("keepdims", 1)))
    return net.add_cast(result, "i64")


@onnx_op("TopK", note="k is constant or computed from input shapes; NaN counts as the greatest number")
def top_k(node: Node) -> Result:
    """The first k of the elements in order; equal ones stay in theirs."""
    net, x, shape = node.net, node.data(0), list(node.shape(0))
    axis = node.axis(node.int("axis", -1), len(shape))
    most = node.most(0, axis, shape[axis].bounds(net.ranges)[1])
    count = dims.as_expr(node.int("k") if node.opset < 10 else node.known(1, "k", [most]).reshape(-1)[0])
    if ((spare := (shape[axis] - count).as_int()) is not None and spare < 0) or (count.as_int() or 0) < 0:
        node.invalid(f"its k is {count}, expected 0 to {shape[axis]}, the extent of axis {axis}")
    if count.as_int() is not None and (shape[axis] - count).bounds(net.ranges)[0] < 0:
        node.unsupported(
            f"its k is {count}, and axis {axis} of extent {shape[axis]} may be shorter",
            "raise the minimum of the profile",
        )
    order = net.add_argsort(x, axis, descending=bool(node.int("largest", 1)))
    sizes = [*shape[:axis], count, *shape[axis + 1 :]]
    first = net.add_slice(order, [0] * len(shape), sizes)
    values = pick(net, x, sizes, [first if d == axis else None for d in range(len(shape))])
    return [values, net.add_cast(first, "i64")]


@onnx_op("OneHot", note="the depth is constant or computed from input shapes")
def one_hot(node: Node) -> Result:
    """`on` where the new dim's coordinate is the index, or the index plus the depth where it is negative."""
    net, rank = node.net, node.rank(0)
    axis = node.axis(node.int("axis", -1), rank + 1)
    if is_computed(node, 1) and is_float(node.element_type(1)):
        node.inputs[1] = Value("", ssa=net.add_cast(node.data(1), "i64"))
    depth = dims.as_expr(node.known(1, "depth", [node.most(0, axis)]).reshape(-1)[0])
    if (size := as_int(depth)) is not None and size < 0:
        node.invalid(f"its depth is {size}, expected 0 or more")
    values = node.data(2)
    off, on = (net.add_reshape(net.add_slice(values, [i], [1]), ()) for i in range(2))
    indices = net.add_cast(node.data(0), "i64")
    at = net.add_where(
        net.add_compare("lt", indices, 0), net.add_binary("add", indices, extent(net, depth, "i64")), indices
    )
    shape = list(node.shape(0))
    at = net.add_reshape(at, [*shape[:axis], dims.const(1), *shape[axis:]])
    classes = along(net, net.add_iota([depth], 0, "i64"), axis, rank + 1)
    return net.add_where(net.add_compare("eq", at, classes), on, off)


@onnx_op("ReverseSequence")
def reverse_sequence(node: Node) -> Result:
    """Element t of a sequence of length n is element n - 1 - t, from n on it stays."""
    net, shape = node.net, list(node.shape(0))
    time, batch = node.axis(node.int("time_axis", 0), len(shape)), node.axis(node.int("batch_axis", 1), len(shape))
    if {time, batch} != {0, 1}:
        node.invalid(f"its time_axis is {time} and its batch_axis {batch}; expected 0 and 1 in either order")
    lengths = along(net, net.add_cast(node.data(1), "i32"), batch, len(shape))
    steps = along(net, net.add_iota([shape[time]], 0, "i32"), time, len(shape))
    mirrored = net.add_binary("sub", net.add_binary("sub", lengths, 1), steps)
    places: list[SSAValue | None] = [None] * len(shape)
    places[time] = net.add_where(net.add_compare("lt", steps, lengths), mirrored, steps)
    return pick(net, node.data(0), shape, places)
