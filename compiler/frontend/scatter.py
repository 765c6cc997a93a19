"""Ops that write to computed places: ScatterElements, ScatterND, Scatter, TensorScatter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ..network import Network
from .folding import Array, as_int
from .node import Node
from .places import NOWHERE, along, extent, from_front, linear
from .registry import Result, onnx_fold, onnx_op

_KINDS = {"none": "set", "add": "add", "mul": "mul", "max": "max", "min": "min"}


def _kind(node: Node) -> str:
    reduction = node.string("reduction", "none")
    if reduction not in _KINDS:
        node.invalid(f"attribute 'reduction' should be one of {', '.join(_KINDS)}, got {reduction!r}")
    return _KINDS[reduction]


def _written(net: Network, x: SSAValue, index: SSAValue, updates: SSAValue, kind: str) -> SSAValue:
    """Elements of `updates` written to the elements of x at row-major indices."""
    shape = net.shape(x)
    made = net.add_scatter(net.add_reshape(x, [dims.product(shape)]), index, updates, kind=kind)
    return net.add_reshape(made, shape)


@onnx_op(
    "ScatterElements", "Scatter", note="of several updates for one element any may stay, or their sum in any order"
)
def scatter_elements(node: Node) -> Result:
    net, shape = node.net, node.shape(0)
    axis = node.axis(node.int("axis", 0), len(shape))
    indices, updates = node.data(1), node.data(2)
    written = node.shape(1)
    if len(written) != len(shape) or len(node.shape(2)) != len(shape):
        node.invalid(f"its indices have rank {len(written)} and its updates rank {node.rank(2)}, expected {len(shape)}")
    place, inside = from_front(net, indices, shape[axis])
    places = [place if d == axis else None for d in range(len(shape))]
    index = linear(net, written, shape, places, inside)
    return _written(net, node.data(0), net.add_broadcast_to(index, written), updates, _kind(node))


@onnx_op("ScatterND", note="of several updates for one place any may stay, or their sum in any order")
def scatter_nd(node: Node) -> Result:
    net, shape, places = node.net, node.shape(0), node.shape(1)
    depth = places[-1].as_int()
    if depth is None or depth > len(shape):
        node.unsupported(f"its index tuples have {places[-1]} entries for rank {len(shape)}", "fix their length")
    index, inside = _rows(net, node.data(1), shape[:depth])
    slices = shape[depth:]
    x = net.add_reshape(node.data(0), [dims.product(shape[:depth]), *slices])
    index = net.add_where(inside, index, NOWHERE)
    updates = net.with_dims(node.data(2), [*places[:-1], *slices])
    return net.add_reshape(net.add_scatter(x, index, updates, kind=_kind(node)), shape)


@onnx_fold("ScatterND")
def fold_scatter_nd(node: Node, operands: list[Array]) -> Array | None:
    """Entries of a list of dims replaced, as models change one extent of a shape."""
    values, indices, updates = operands
    places = [as_int(element) for element in indices.reshape(-1)]
    if node.string("reduction", "none") != "none" or None in places or not indices.ndim:
        return None
    taken = np.array(places, np.int64).reshape(indices.shape)
    result = values.copy()
    result[tuple(np.moveaxis(taken, -1, 0))] = updates
    return result


def _rows(net: Network, tuples: SSAValue, extents: Sequence[Expr]) -> tuple[SSAValue, SSAValue]:
    """The row-major number of each index tuple, and whether it lies in the dims."""
    shape = list(net.shape(tuples))
    total = net.add_full(0, shape[:-1], "i32")
    inside = net.add_full(True, shape[:-1], np.bool_)
    for axis, size in enumerate(extents):
        entry = net.add_slice(tuples, [*[0] * (len(shape) - 1), axis], [*shape[:-1], dims.const(1)])
        place, fits = from_front(net, net.add_reshape(entry, shape[:-1]), size)
        total = net.add_binary("add", net.add_binary("mul", total, extent(net, size)), place)
        inside = net.add_binary("logical_and", inside, fits)
    return total, inside


@onnx_op("TensorScatter")
def tensor_scatter(node: Node) -> Result:
    """Row t of each batch entry's update goes to row `write_indices[batch] + t` of the cache, from the start again if it is circular."""
    net, shape, written = node.net, node.shape(0), node.shape(1)
    rank = len(shape)
    axis = node.axis(node.int("axis", -2), rank)
    if axis == 0:
        node.invalid("its axis is the batch dim")
    row = net.add_iota([written[axis]], 0, "i32")
    place = along(net, row, axis, rank)
    if node.has_input(2):
        place = net.add_binary("add", place, along(net, net.add_cast(node.data(2), "i32"), 0, rank))
    size = extent(net, shape[axis])
    if node.string("mode", "linear") == "circular":
        place = net.add_binary("mod", place, size)
    inside = net.add_binary("logical_and", net.add_compare("ge", place, 0), net.add_compare("lt", place, size))
    # Rows are what follows the axis; before it each update keeps its own coordinates.
    lead, slices = shape[:axis], shape[axis + 1 :]
    flat = [*written[: axis + 1], *[dims.const(1)] * (rank - axis - 1)]
    index = linear(
        net, flat, [*shape[: axis + 1], *flat[axis + 1 :]], [*[None] * axis, place, *[None] * (rank - axis - 1)], inside
    )
    index = net.add_reshape(net.add_broadcast_to(index, flat), written[: axis + 1])
    x = net.add_reshape(node.data(0), [dims.product([*lead, shape[axis]]), *slices])
    return net.add_reshape(net.add_scatter(x, index, node.data(1)), shape)
