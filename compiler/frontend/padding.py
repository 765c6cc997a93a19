"""Padding: Pad in all modes. What negative pads crop is sliced off first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from . import computed_padding
from .computed import is_computed
from .folding import Array, as_int, check_size
from .node import Node
from .registry import Result, onnx_fold, onnx_op

MODES = ("constant", "reflect", "edge", "wrap")


@onnx_op(
    "Pad",
    note="all modes; negative pads crop; computed from data, they at most double a dim and add 64, or as `bounds` allows",
)
def pad(node: Node) -> Result:
    net, shape = node.net, node.shape(0)
    mode = node.string("mode", "constant")
    if mode not in MODES:
        node.invalid(f"attribute 'mode' should be one of {', '.join(MODES)}, got {mode!r}")
    if node.opset >= 18 and is_computed(node, 3):
        return computed_padding.padded(node, None, mode)
    if node.opset >= 11 and is_computed(node, 1):
        return computed_padding.padded(node, _axes(node, len(shape)), mode)
    below, above = _pads(node, len(shape))
    if not any(count.as_int() != 0 for count in (*below, *above)):
        return node.value(0)
    x = _cropped(node, node.data(0), below, above)
    low, high = ([_at_least_0(node, count) for count in counts] for counts in (below, above))
    if all(count.as_int() == 0 for count in (*low, *high)):
        return x
    if mode != "constant":
        _check_not_empty(node, net.shape(x), low, high)
        return net.add_pad(x, low, high, mode=mode)
    return _padded(node, x, low, high)


def _pads(node: Node, rank: int) -> tuple[list[Expr], list[Expr]]:
    """What is added before and after each dim; less than 0 is cropped. Attributes before opset 11, operands since."""
    axes = _axes(node, rank)
    if node.opset < 2:
        pads = [dims.const(count) for count in node.ints("paddings")]
    elif node.opset < 11:
        pads = [dims.const(count) for count in node.ints("pads")]
    else:
        pads = [dims.as_expr(count) for count in node.known(1, "pads").reshape(-1)]
    if len(pads) != 2 * len(axes):
        node.invalid(f"it has {len(pads)} pads for {len(axes)} dims; expected {2 * len(axes)}")
    below, above = [dims.const(0)] * rank, [dims.const(0)] * rank
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        below[axis], above[axis] = before, after
    return below, above


def _axes(node: Node, rank: int) -> list[int]:
    if node.opset < 18 or not node.has_input(3):
        return list(range(rank))
    axes = [node.axis(axis, rank) for axis in node.known_ints(3, "axes")]
    if len(set(axes)) != len(axes):
        node.invalid(f"its axes {axes} name a dim twice")
    return axes


def resized(node: Node, x: SSAValue, below: Sequence[Expr], above: Sequence[Expr]) -> SSAValue:
    """x with zeros before and after each dim, or cropped where a count is negative."""
    x = _cropped(node, x, below, above)
    low, high = ([_at_least_0(node, count) for count in counts] for counts in (below, above))
    return x if all(count.as_int() == 0 for count in (*low, *high)) else node.net.add_pad(x, low, high)


def _cropped(node: Node, x: SSAValue, below: Sequence[Expr], above: Sequence[Expr]) -> SSAValue:
    """x without what negative pads remove."""
    net, shape = node.net, node.net.shape(x)
    starts = [_at_least_0(node, -count) for count in below]
    ends = [_at_least_0(node, -count) for count in above]
    if all(count.as_int() == 0 for count in (*starts, *ends)):
        return x
    sizes = [extent - a - z for extent, a, z in zip(shape, starts, ends, strict=True)]
    for axis, size in enumerate(sizes):
        if size.bounds(net.ranges)[1] < 0:
            node.invalid(f"its pads crop dim {axis}, of {shape[axis]} elements, to {size}")
        if size.bounds(net.ranges)[0] < 0:
            sizes[axis] = dims.maximum(size, 0)
    return net.add_slice(x, starts, sizes)


def _at_least_0(node: Node, count: Expr) -> Expr:
    low, high = count.bounds(node.net.ranges)
    return count if low >= 0 else dims.const(0) if high <= 0 else dims.maximum(count, 0)


def _check_not_empty(node: Node, shape: Sequence[Expr], low: Sequence[Expr], high: Sequence[Expr]) -> None:
    for axis, (extent, a, z) in enumerate(zip(shape, low, high, strict=True)):
        grows = a.as_int() != 0 or z.as_int() != 0
        if grows and extent.bounds(node.net.ranges)[0] == 0:
            node.invalid(f"dim {axis} may have no element to repeat", "narrow the profile of its symbols")


def _padded(node: Node, x: SSAValue, low: Sequence[Expr], high: Sequence[Expr]) -> SSAValue:
    """Padding by a number, which may be data."""
    net = node.net
    if node.opset < 11:
        return net.add_pad(x, low, high, node.float("value", 0.0))
    known = node.value(2).value_of(net, f"the padding value of {node.op_type}") if node.has_input(2) else np.zeros(1)
    if known is not None and known.size != 1:
        node.invalid(f"its padding value has {known.size} elements; expected 1")
    if known is not None:
        value = known.reshape(()).item()
        if not isinstance(value, int) or int(float(value)) == value:
            return net.add_pad(x, low, high, value)
    # nn.pad holds its value as f64: it has too few digits for this one, or none.
    fill = node.data(2)
    fill = fill if not node.rank(2) else net.add_reshape(fill, ())
    inside = net.add_pad(net.add_full(True, net.shape(x), np.bool_), low, high)
    return net.add_where(inside, net.add_pad(x, low, high), fill)


@onnx_fold("Pad")
def fold_pad(node: Node, operands: list[Array]) -> Array | None:
    """A list of dims padded by constants, as models complete the shape of a tensor."""
    if node.opset < 11 or node.string("mode", "constant") != "constant" or node.has_input(3):
        return None
    values, counts = operands[0], [as_int(count) for count in operands[1].reshape(-1)]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or len(known) != 2 * values.ndim or min(known, default=0) < 0:
        return None
    pairs = list(zip(known[: values.ndim], known[values.ndim :], strict=True))
    check_size(tuple(extent + a + z for extent, (a, z) in zip(values.shape, pairs, strict=True)))
    fill = operands[2].reshape(-1)[0] if node.has_input(2) else 0
    result = np.empty([extent + a + z for extent, (a, z) in zip(values.shape, pairs, strict=True)], object)
    result[...] = fill
    result[tuple(slice(a, a + extent) for extent, (a, _) in zip(values.shape, pairs, strict=True))] = values
    return result
