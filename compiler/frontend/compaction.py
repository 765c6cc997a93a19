"""Ops whose results have as many elements as data decides: NonZero, Compress, Unique.

The elements to keep are counted and numbered by a scan, and their positions scattered into a tensor of the most that there may be; the host
reads the count, and what follows works on that many. A position beyond the bound writes nothing, and the read refuses its count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.dtypes import is_float
from ...dialects.limits import MAX_UNROLLED_NODES
from ..network import Network
from .node import Node
from .places import NOWHERE, extent
from .registry import Result, onnx_op


@dataclass
class Kept:
    """The elements of a vector that a mask keeps."""

    positions: SSAValue
    """Where they lie, ascending: i32 [count]."""
    count: Expr
    numbers: SSAValue
    """For each element of the vector, how many before it are kept: i32."""


def kept(node: Node, mask: SSAValue, most: int) -> Kept:
    """What an i1 vector keeps; `most` bounds the count."""
    net = node.net
    size = net.shape(mask)[0]
    marks = net.add_cast(mask, "i32")
    numbers = net.add_cumulative("sum", marks, 0, exclusive=True)
    places = net.add_where(mask, numbers, NOWHERE)
    total = net.add_reduce("sum", marks, [0], keepdims=True)
    count = net.read(total, f"{node.graph_node.label}_{node.op_type}", (0, max(most // 2, min(most, 1)), most))
    buffer = net.add_full(0, [most], "i32")
    positions = net.add_scatter(buffer, places, net.add_iota([size], 0, "i32"))
    return Kept(net.add_slice(positions, [0], [count]), count, numbers)


@onnx_op("NonZero", note="as many results as the tensor has elements, or as `bounds` allows")
def non_zero(node: Node) -> Result:
    net, x, shape = node.net, node.data(0), node.shape(0)
    mask = net.add_reshape(_truth(net, x), [dims.product(shape)])
    found = kept(node, mask, _most(node, dims.product(shape), 1))
    if not shape:
        return net.add_full(0, [0, found.count], "i64")
    rows = [net.add_reshape(row, [1, found.count]) for row in coordinates(net, found.positions, shape)]
    return net.add_cast(rows[0] if len(rows) == 1 else net.add_concat(rows, 0), "i64")


def _truth(net: Network, x: SSAValue) -> SSAValue:
    return x if net.element(x) == i1 else net.add_compare("ne", x, 0)


def _most(node: Node, elements: Expr, axis: int) -> int:
    return node.most(0, axis, elements.bounds(node.net.ranges)[1])


def coordinates(net: Network, positions: SSAValue, shape: Sequence[Expr]) -> list[SSAValue]:
    """The coordinates of row-major positions, one vector for each dim."""
    rows: list[SSAValue] = []
    rest = positions
    for axis in range(len(shape) - 1, 0, -1):
        size = extent(net, shape[axis])
        outer = net.add_binary("div", rest, size)
        rows.append(net.add_binary("sub", rest, net.add_binary("mul", outer, size)))
        rest = outer
    return [rest, *reversed(rows)]


@onnx_op("Compress", note="as many slices as the axis has, or as `bounds` allows")
def compress(node: Node) -> Result:
    net, x, shape = node.net, node.data(0), list(node.shape(0))
    if node.has("axis"):
        axis = node.axis(node.int("axis"), len(shape))
    else:
        x, shape, axis = net.add_reshape(x, [dims.product(shape)]), [dims.product(shape)], 0
    if node.rank(1) != 1:
        node.invalid(f"its condition has rank {node.rank(1)}; expected 1")
    constant = node.value(1).constant()
    if constant is not None:
        return net.add_gather(x, net.add_constant(np.flatnonzero(constant).astype(np.int64)), axis)
    given, size = node.shape(1)[0], shape[axis]
    if (given - size).bounds(net.ranges)[1] > 0:
        node.unsupported(
            f"its condition has {given} elements, more than the {size} slices of axis {axis} for some sizes"
        )
    found = kept(node, node.data(1), _most(node, given, axis))
    return net.add_gather(x, found.positions, axis)


@onnx_op(
    "Unique",
    note="as many results as there are elements, or as `bounds` allows; along an axis only of few elements per slice",
)
def unique(node: Node) -> Result:
    net, x, shape = node.net, node.data(0), list(node.shape(0))
    axis = node.axis(node.int("axis"), len(shape)) if node.has("axis") else None
    rows = net.add_reshape(x, [dims.product(shape), 1]) if axis is None else _rows(node, x, axis)
    size = net.shape(rows)[0]
    order = _order(net, rows)
    first = _begins_run(net, net.add_gather(rows, order, 0))
    found = kept(node, first, _most(node, size, 0 if axis is None else axis))
    runs = net.add_binary("sub", net.add_cumulative("sum", net.add_cast(first, "i32"), 0), 1)
    indices = net.add_gather(order, found.positions, 0)
    inverse = net.add_scatter(net.add_full(0, [size], "i32"), order, runs)
    ones = net.add_full(1, [size], "i32")
    counts = net.add_scatter(net.add_full(0, [found.count], "i32"), runs, ones, kind="add")
    if not node.int("sorted", 1):
        rank = net.add_argsort(indices, 0)
        numbers = net.add_iota([found.count], 0, "i32")
        inverse = net.add_gather(net.add_scatter(net.add_full(0, [found.count], "i32"), rank, numbers), inverse, 0)
        indices, counts = net.add_gather(indices, rank, 0), net.add_gather(counts, rank, 0)
    values = net.add_gather(net.add_reshape(x, [dims.product(shape)]) if axis is None else x, indices, axis or 0)
    return [values, *(net.add_cast(value, "i64") for value in (indices, inverse, counts))]


def _rows(node: Node, x: SSAValue, axis: int) -> SSAValue:
    """The slices along an axis as rows."""
    net = node.net
    shape = list(net.shape(x))
    others = [*shape[:axis], *shape[axis + 1 :]]
    width = dims.product(others)
    if (length := width.as_int()) is None or length > MAX_UNROLLED_NODES:
        node.unsupported(
            f"its slices have {width} elements, each of which is a sort",
            f"make that a number of at most {MAX_UNROLLED_NODES}",
        )
    order = [axis, *(d for d in range(len(shape)) if d != axis)]
    return net.add_reshape(net.add_transpose(x, order), [shape[axis], width])


def _order(net: Network, rows: SSAValue) -> SSAValue:
    """The positions of rows in lexicographic order: sorted by the last column first, equal ones staying in their order."""
    size, width = net.shape(rows)
    order: SSAValue | None = None
    for column in reversed(range(width.as_int() or 0)):
        keys = net.add_reshape(net.add_slice(rows, [0, column], [size, 1]), [size])
        if net.element(keys) == i1:
            keys = net.add_cast(keys, "i32")
        step = net.add_argsort(keys if order is None else net.add_gather(keys, order, 0), 0)
        order = step if order is None else net.add_gather(order, step, 0)
    return net.add_iota([size], 0, "i32") if order is None else order


def _begins_run(net: Network, rows: SSAValue) -> SSAValue:
    """Which rows of sorted ones differ from the row before; the first does. NaN equals NaN."""
    size, width = net.shape(rows)
    before = net.add_gather(rows, _clipped(net, size), 0)
    differs = net.add_compare("ne", rows, before)
    if is_float(net.element(rows)):
        both = net.add_binary("logical_and", net.add_unary("isnan", rows), net.add_unary("isnan", before))
        differs = net.add_binary("logical_and", differs, net.add_unary("logical_not", both))
    any_ = (
        net.add_reduce("max", net.add_cast(differs, "i32"), [1]) if width.as_int() else net.add_full(0, [size], "i32")
    )
    leads = net.add_compare("eq", net.add_iota([size], 0, "i32"), 0)
    return net.add_binary("logical_or", net.add_compare("ne", any_, 0), leads)


def _clipped(net: Network, size: Expr) -> SSAValue:
    """The position before each one, and 0 for the first."""
    return net.add_binary("max", net.add_binary("sub", net.add_iota([size], 0, "i32"), 1), 0)
