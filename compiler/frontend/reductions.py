"""Reductions: Reduce*."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce as chain
from itertools import accumulate

from xdsl.dialects.builtin import i1, i8

from ...dialects import dims
from ...dialects.dtypes import is_float
from . import folding
from .choices import by_axes
from .folding import Array, Element, as_int, elements
from .node import Node
from .registry import Result, onnx_fold, onnx_op

KINDS = {
    "ReduceSum": "sum", "ReduceMean": "mean", "ReduceMax": "max", "ReduceMin": "min", "ReduceProd": "prod",
    "ReduceSumSquare": "sumsq", "ReduceL1": "sum", "ReduceL2": "sumsq", "ReduceLogSum": "sum", "ReduceLogSumExp": "sum",
}  # fmt: skip


def _axes(node: Node, rank: int) -> list[int]:
    """The axes to reduce; none with noop_with_empty_axes, where the ops before and after the reduction still apply."""
    in_operand = node.opset >= (13 if node.op_type == "ReduceSum" else 18)
    if in_operand:
        axes = node.known_ints(1, "axes") if node.has_input(1) else []
    else:
        axes = node.ints("axes", []) if node.has("axes") else []
    if not axes:
        return [] if in_operand and node.int("noop_with_empty_axes", 0) else list(range(rank))
    return sorted(node.axis(axis, rank) for axis in axes)


@onnx_op(*KINDS)
@by_axes(1)
def reduction(node: Node) -> Result:
    if node.op_type in ("ReduceL2", "ReduceLogSum", "ReduceLogSumExp"):
        node.in_f32()
    net, x, kind = node.net, node.data(0), node.op_type
    axes = _axes(node, node.rank(0))
    keepdims = bool(node.int("keepdims", 1))
    if net.element(x) == i1:
        # The maximum of booleans is "any", the minimum is "all".
        return net.add_cast(net.add_reduce(KINDS[kind], net.add_cast(x, i8), axes, keepdims=keepdims), i1)
    if kind == "ReduceLogSumExp":
        # Shifted by the maximum, as exp overflows without; not by an infinite one, which would leave inf - inf.
        peak = net.add_reduce("max", x, axes, keepdims=True)
        infinite = net.add_compare("eq", net.add_unary("abs", peak), float("inf"))
        peak = net.add_where(infinite, 0.0, peak) if is_float(net.element(x)) else peak
        total = net.add_reduce("sum", net.add_unary("exp", net.add_binary("sub", x, peak)), axes, keepdims=keepdims)
        shape = net.shape(total)
        return net.add_binary("add", net.add_unary("log", total), net.add_reshape(peak, shape))
    if kind == "ReduceMean" and not is_float(net.element(x)):
        count = dims.product([node.shape(0)[axis] for axis in axes])
        total = net.add_reduce("sum", x, axes, keepdims=keepdims)
        divisor = net.add_cast(net.add_shape_value([count], ()), net.element(x))
        return net.add_binary("div", total, divisor)
    if kind == "ReduceL1":
        x = net.add_unary("abs", x)
    result = net.add_reduce(KINDS[kind], x, axes, keepdims=keepdims)
    if kind == "ReduceL2":
        return net.add_unary("sqrt", result)
    return net.add_unary("log", result) if kind == "ReduceLogSum" else result


_STEPS: dict[str, Callable[[Element, Element], Element]] = {
    "ReduceProd": lambda a, b: a * b,
    "ReduceSum": lambda a, b: a + b,
    "ReduceMax": folding.fold_max,
    "ReduceMin": folding.fold_min,
}


@onnx_fold("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin")
def fold_reduction(node: Node, operands: list[Array]) -> Array | None:
    """Reduces a 1-D list of dims to one value, as models compute element counts."""
    values = operands[0]
    if values.ndim != 1 or not values.size or not _axes(node, 1):
        return None
    total = chain(_STEPS[node.op_type], values.tolist())
    return elements([dims.as_expr(total)], (1,) if node.int("keepdims", 1) else ())


@onnx_fold("CumSum")
def fold_cumulative_sum(node: Node, operands: list[Array]) -> Array | None:
    """Running sums of a list of dims, as models compute offsets."""
    values, axis = operands[0], as_int(operands[1].reshape(-1)[0])
    if axis is None or values.ndim != 1 or not values.size:
        return None
    steps = values.tolist()[::-1] if node.int("reverse", 0) else values.tolist()
    sums = list(accumulate(steps, initial=0))
    sums = sums[:-1] if node.int("exclusive", 0) else sums[1:]
    return elements(sums[::-1] if node.int("reverse", 0) else sums)
