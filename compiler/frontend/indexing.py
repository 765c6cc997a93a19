"""Ops that pick elements: Slice, Gather, GatherElements, GatherND."""

from __future__ import annotations

import numpy as np

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.dims.proofs import exact_bounds
from . import computed
from .folding import Array, Element, as_int, check_size, clamp
from .node import Node
from .places import from_front, pick
from .registry import Result, onnx_fold, onnx_op


def _bounds(node: Node) -> tuple[list[Element], list[Element], list[int], list[int]]:
    """Starts, ends, axes and steps of a Slice: attributes before opset 10, operands since."""
    if node.opset < 10:
        starts: list[Element] = list(node.ints("starts"))
        ends: list[Element] = list(node.ints("ends"))
        axes = node.ints("axes", list(range(len(starts))))
        steps = [1] * len(starts)
    else:
        starts, ends = (list(node.known(i, what).reshape(-1)) for i, what in ((1, "starts"), (2, "ends")))
        axes = node.known_ints(3, "axes") if node.has_input(3) else list(range(len(starts)))
        steps = node.known_ints(4, "steps") if node.has_input(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        node.invalid(f"it has {len(starts)} starts, {len(ends)} ends, {len(axes)} axes and {len(steps)} steps")
    return starts, ends, axes, steps


def _position(node: Node, element: Element, extent: Expr) -> Element:
    """A start or end counted from the front and kept within the dim."""
    value, ranges = as_int(element), node.net.ranges
    if value is not None:
        static = extent.as_int()
        if static is not None:
            return min(max(value + static if value < 0 else value, 0), static)
        # Bounds like INT_MAX mean "to the end"; they would only clutter the expression.
        if value >= max(extent.bounds(ranges)[1], 0):
            return extent
        return clamp(extent + value if value < 0 else value, 0, extent, ranges)
    low, high = dims.as_expr(element).bounds(ranges)
    if high < 0:
        element = extent + element
    elif low < 0:
        node.unsupported(f"its bound {element} may be negative or not", "narrow the profile of its symbols")
    return clamp(element, 0, extent, ranges)


def _backward(node: Node, start: Element, end: Element, extent: Expr) -> tuple[Expr, Expr]:
    """The first position of a backward slice and the one that it stops before (-1: none)."""
    first = _backward_bound(node, as_int(start), extent, before_front=0)
    last = _backward_bound(node, as_int(end), extent, before_front=-1)
    if first is None or last is None:
        node.unsupported(
            f"it runs backwards over the dynamic dim {extent} from {start} to {end}",
            "fix the dim in the profile (min = opt = max), or use bounds that lie on one side of it for all of its profile",
        )
    return first, last


def _backward_bound(node: Node, bound: int | None, extent: Expr, before_front: int) -> Expr | None:
    """A bound of a backward slice counted from the front; None where the dim's range does not decide it."""
    low, high = extent.bounds(node.net.ranges)
    if bound is None:
        return None
    if bound >= high - 1:
        return extent - 1
    if bound < -high:
        return dims.const(before_front)
    if -low <= bound < low:
        return extent + bound if bound < 0 else dims.const(bound)
    return None


@onnx_op(
    "Slice", note="bounds are constant or computed from input shapes; backwards over a dynamic dim between fixed ends"
)
def slice_(node: Node) -> Result:
    if node.opset >= 10 and any(computed.is_computed(node, index) for index in (1, 2, 3, 4)):
        return computed.slice_(node)
    shape, ranges = node.shape(0), node.net.ranges
    starts, sizes, strides = [dims.const(0)] * len(shape), list(shape), [1] * len(shape)
    for start, end, axis, step in zip(*_bounds(node), strict=True):
        axis = node.axis(axis, len(shape))
        if step == 0:
            node.invalid("a step is 0")
        if step < 0:
            last, stop = _backward(node, start, end, shape[axis])
            count = dims.ceildiv(last - stop, -step)
            fits = exact_bounds(last - stop, ranges)[0] >= 0
            starts[axis], sizes[axis], strides[axis] = last, count if fits else dims.maximum(count, 0), step
            continue
        first = _position(node, start, shape[axis])
        count = dims.ceildiv(dims.as_expr(_position(node, end, shape[axis])) - first, step)
        least, greatest = exact_bounds(count, ranges)
        if least < 0:
            count = dims.const(0) if greatest <= 0 else dims.maximum(count, 0)
        starts[axis], sizes[axis], strides[axis] = dims.as_expr(first), count, step
    if sizes == list(shape) and min(strides, default=1) > 0:
        return node.value(0)
    return node.net.add_slice(node.data(0), starts, sizes, strides)


@onnx_fold("Slice")
def fold_slice(node: Node, operands: list[Array]) -> Array | None:
    values = operands[0]
    index = [slice(None)] * values.ndim
    for start, end, axis, step in zip(*_bounds(node), strict=True):
        first, last = as_int(start), as_int(end)
        if first is None or last is None or step == 0:
            return None
        if step < 0 and last < -values.shape[axis]:
            index[axis] = slice(first, None, step)
        else:
            index[axis] = slice(first, last, step)
    return values[tuple(index)]


@onnx_op("Gather")
def gather(node: Node) -> Result:
    axis = node.axis(node.int("axis", 0), node.rank(0))
    _check_indices(node, node.value(1).constant(), node.shape(0)[axis])
    return node.net.add_gather(node.data(0), node.data(1), axis)


def _check_indices(node: Node, indices: Array | None, extent: Expr) -> None:
    """Refuses constant indices that are out of range for all sizes of the dim."""
    greatest = extent.bounds(node.net.ranges)[1]
    if indices is None or not indices.size or -greatest <= int(indices.min()) <= int(indices.max()) < greatest:
        return
    node.invalid(
        f"its indices ({node.value(1).name!r}) run from {indices.min()} to {indices.max()}, expected [{-greatest}, {greatest})"
    )


@onnx_fold("Gather")
def fold_gather(node: Node, operands: list[Array]) -> Array | None:
    values, indices = operands
    positions = [as_int(element) for element in indices.reshape(-1)]
    if None in positions:
        return None
    taken = np.array(positions, np.int64).reshape(indices.shape)
    axis = node.axis(node.int("axis", 0), values.ndim)
    check_size((*values.shape[:axis], *taken.shape, *values.shape[axis + 1 :]))
    return np.asarray(np.take(values, taken, axis), object)


@onnx_op("GatherND")
def gather_nd(node: Node) -> Result:
    batch, indices = node.int("batch_dims", 0), node.value(1).constant()
    if indices is not None and indices.ndim:
        for i, extent in enumerate(node.shape(0)[batch : batch + indices.shape[-1]]):
            _check_indices(node, indices[..., i], extent)
    return node.net.add_gather_nd(node.data(0), node.data(1), batch)


@onnx_op("GatherElements")
def gather_elements(node: Node) -> Result:
    """Along `axis` the index selects; along the other dims an element keeps its own coordinate."""
    net, rank, extents = node.net, node.rank(0), node.shape(1)
    if node.rank(1) != rank:
        node.invalid(f"its indices have rank {node.rank(1)}, expected {rank}")
    axis = node.axis(node.int("axis", 0), rank)
    _check_indices(node, node.value(1).constant(), node.shape(0)[axis])
    place, inside = from_front(net, node.data(1), node.shape(0)[axis])
    return pick(net, node.data(0), extents, [place if d == axis else None for d in range(rank)], inside)
