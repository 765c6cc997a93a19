"""Ops that pick elements: Slice, Gather, GatherElements, GatherND."""

from __future__ import annotations

import numpy as np

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.dims.proofs import exact_bounds
from . import computed
from .folding import Array, Element, Ranges, as_int, check_size, clamp
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


def _position(element: Element, extent: Expr, ranges: Ranges, *, backward: int | None = None) -> Expr:
    """A start or end counted from the front and kept within [0, extent]; of a backward slice, within [`backward`, extent - 1]."""
    value, static = as_int(element), extent.as_int()
    low, high = (0, extent) if backward is None else (backward, extent - 1)
    if value is not None and static is not None:
        value = value + static if value < 0 else value
        return dims.const(min(max(value, as_int(low) or 0), as_int(high) or 0))
    # Bounds like INT_MAX mean "to the end", and like INT_MIN "from the front"; they would only clutter the expression.
    most = max(extent.bounds(ranges)[1], 0)
    if value is not None and value >= most:
        return dims.as_expr(high)
    if value is not None and value < -most:
        return dims.as_expr(clamp(low, low, high, ranges))
    front = dims.as_expr(element)
    least, greatest = front.bounds(ranges)
    if greatest < 0:
        front = extent + front
    elif least < 0:  # from the end where it is negative
        front = front + extent * dims.minimum(dims.maximum(-1 * front, 0), 1)
    return dims.as_expr(clamp(front, low, high, ranges))


@onnx_op("Slice", note="steps are constant, or else they and all bounds data")
def slice_(node: Node) -> Result:
    if node.opset >= 10 and any(computed.is_computed(node, index) for index in (1, 2, 3, 4)):
        return computed.slice_(node)
    shape, ranges = node.shape(0), node.net.ranges
    starts, sizes, strides = [dims.const(0)] * len(shape), list(shape), [1] * len(shape)
    for start, end, axis, step in zip(*_bounds(node), strict=True):
        axis = node.axis(axis, len(shape))
        if step == 0:
            node.invalid("a step is 0")
        kept = (0, -1) if step < 0 else (None, None)
        first, stop = (
            _position(bound, shape[axis], ranges, backward=k) for bound, k in zip((start, end), kept, strict=True)
        )
        count = dims.ceildiv(first - stop if step < 0 else stop - first, abs(step))
        least, greatest = exact_bounds(count, ranges)
        if greatest <= 0:
            count = dims.const(0)
        elif least < 0:
            count = dims.maximum(count, 0)
        starts[axis], sizes[axis], strides[axis] = first, count, step
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
