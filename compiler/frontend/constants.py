"""Constants and shape values: Constant, ConstantOfShape, Shape, Size, Range."""

from __future__ import annotations

import math
from math import prod

import numpy as np

from ...dialects import dims
from ...dialects.limits import MAX_FOLDED
from ..budget import check_rank
from . import computed
from .folding import Array, as_int, elements, simplified
from .node import Node
from .registry import Result, onnx_fold, onnx_op
from .value import Value


@onnx_op("Constant", note="numbers and booleans; no strings, no sparse tensors")
def constant(node: Node) -> Result:
    if node.has("value"):
        return Value("", array=node.tensor("value"))
    if node.has("value_float"):
        return Value("", array=np.array(node.float("value_float"), np.float32))
    if node.has("value_floats"):
        return Value("", array=np.array(node.floats("value_floats"), np.float32))
    if node.has("value_int"):
        return Value("", array=np.array(node.int("value_int"), np.int64))
    if node.has("value_ints"):
        return Value("", array=np.array(node.ints("value_ints"), np.int64))
    node.unsupported("its constant is a string or sparse tensor", "store it as a dense tensor of numbers")


@onnx_op("ConstantOfShape")
def constant_of_shape(node: Node) -> Result:
    fill = node.tensor("value") if node.has("value") else np.zeros(1, np.float32)
    if fill.size != 1:
        node.invalid(f"attribute 'value' should have one element, got {fill.size}")
    shape = [simplified(element) for element in node.known(0, "shape").reshape(-1)]
    static = [as_int(element) for element in shape]
    if any(extent is not None and extent < 0 for extent in static):
        node.invalid(f"its shape {shape} has a negative extent")
    scalar = fill.reshape(())
    check_rank("its result", len(shape))
    if None not in static:
        extents = [extent for extent in static if extent is not None]
        node.net.budget.spend(prod(extents) * scalar.itemsize)
        return Value("", array=np.broadcast_to(scalar, extents))
    return node.net.add_broadcast_to(node.net.add_constant(scalar), [dims.as_expr(element) for element in shape])


@onnx_op("Shape")
def shape(node: Node) -> Result:
    extents = node.shape(0)
    start, end = 0, len(extents)
    if node.opset >= 15:
        start, end = node.int("start", 0), node.int("end", len(extents))
    return Value("", exprs=elements(extents[start:end]), dtype=np.dtype(np.int64))


@onnx_op("Size")
def size(node: Node) -> Result:
    return Value("", exprs=elements([dims.product(node.shape(0))], ()), dtype=np.dtype(np.int64))


@onnx_fold("Range")
def fold_range(node: Node, operands: list[Array]) -> Array | None:
    bounds = [as_int(operand.reshape(-1)[0]) for operand in operands]
    start, limit, step = bounds
    if start is None or limit is None or not step or (limit - start) // step > MAX_FOLDED:
        return None
    return elements(range(start, limit, step))


@onnx_op("Range", note="start, limit and step are constants or functions of input shapes")
def range_(node: Node) -> Result:
    """start + i * step for each index i."""
    net = node.net
    if any(computed.is_computed(node, i) for i in range(3)):
        return computed.range_(node)
    if any(node.value(i).known() is None for i in range(3)):
        start, limit, step = (node.constant(i, what).reshape(()) for i, what in enumerate(("start", "limit", "step")))
        if not step:
            node.invalid("its step is 0")
        span = (float(limit) - float(start)) / float(step)
        if not math.isfinite(span):
            node.invalid(f"its start {start}, limit {limit} and step {step} give no number of elements")
        count = dims.const(max(math.ceil((limit.item() - start.item()) / step.item()), 0))
        first, delta = net.add_constant(start), net.add_constant(step)
    else:
        begin, end, by = (node.known(i, "bounds").reshape(-1)[0] for i in range(3))
        stride = as_int(by)
        if not stride:
            node.unsupported("its step is zero or not a constant", "use a constant step")
        span = dims.as_expr(end) - begin if stride > 0 else dims.as_expr(begin) - end
        count = dims.ceildiv(span, abs(stride))
        if count.bounds(net.ranges)[0] < 0:
            count = dims.maximum(count, 0)
        first = None if as_int(begin) == 0 else net.add_cast(net.add_shape_value([begin], ()), node.element_type(0))
        delta = None if stride == 1 else net.operand(stride, node.data(2))
    result = net.add_iota([count], 0, node.element_type(0))
    result = result if delta is None else net.add_binary("mul", result, delta)
    return result if first is None else net.add_binary("add", result, first)
