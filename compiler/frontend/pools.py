"""Pools: MaxPool with Indices, AveragePool, LpPool, and those over the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from xdsl.ir import Attribute, SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.dtypes import is_float, numpy_dtype
from .node import Node
from .padding import resized
from .registry import Result, onnx_op
from .spans import Windows, windows_of, with_ceil_mode


def _pooled(node: Node) -> Windows:
    """The windows of a pool, with those that ceil_mode adds."""
    if node.rank(0) < 3:
        node.invalid(f"its operand has rank {node.rank(0)}; expected N, C and at least one spatial dim")
    kernel = node.ints("kernel_shape")
    if len(kernel) != node.rank(0) - 2:
        node.invalid(f"attribute 'kernel_shape' should have {node.rank(0) - 2} entries, got {kernel}")
    windows = windows_of(node, kernel)
    return with_ceil_mode(node, windows) if node.int("ceil_mode", 0) else windows


def _lowest(element: Attribute) -> float:
    return float("-inf") if is_float(element) else float(np.iinfo(numpy_dtype(element)).min)


@onnx_op("MaxPool", note="any number of spatial dims; auto_pad, ceil_mode, dilations, Indices in either storage_order")
def max_pool(node: Node) -> Result:
    net, windows = node.net, _pooled(node)
    x = windows.around(node, node.data(0), _lowest(node.element_type(0)))
    results = [
        layer(x, windows.kernel, strides=windows.strides, pads=windows.pads, dilations=windows.dilations)
        for layer in (net.add_max_pool, net.add_arg_max_pool)[: 2 if node.wants(1) else 1]
    ]
    values, *places = (windows.kept(node, result) for result in results)
    return [values, *(_indices(node, windows, place, net.shape(x)[2:]) for place in places)]


def _indices(node: Node, windows: Windows, places: SSAValue, padded: Sequence[Expr]) -> SSAValue:
    """Places in padded images as indices into the whole operand, each image row-major or (storage_order 1) column-major."""
    net, (batch, channels, *image) = node.net, node.shape(0)
    column_major = node.int("storage_order", 0) == 1
    if windows.is_grown or (column_major and len(image) > 1):
        axes = range(len(image))
        strides = [dims.product(image[:axis] if column_major else image[axis + 1 :]) for axis in axes]
        total: SSAValue | None = None
        for axis in reversed(axes):
            size = _number(node, padded[axis])
            coordinate = net.add_binary("mod", places, size) if axis else places
            places = net.add_binary("div", places, size) if axis else places
            inside = net.add_binary("sub", coordinate, _number(node, windows.grown[axis][0]))
            part = net.add_binary("mul", inside, _number(node, strides[axis]))
            total = part if total is None else net.add_binary("add", total, part)
        assert total is not None
        places = total
    maps = net.add_reshape(net.add_iota([batch * channels], 0, "i64"), (batch, channels, *[1] * len(image)))
    return net.add_binary("add", places, net.add_binary("mul", maps, _number(node, dims.product(image))))


def _number(node: Node, expr: Expr) -> SSAValue:
    """A size as an i64 scalar."""
    known = expr.as_int()
    return node.net.add_shape_value([expr], ()) if known is None else node.net.add_constant(np.array(known, np.int64))


@onnx_op("AveragePool", note="any number of spatial dims; auto_pad, ceil_mode, dilations, count_include_pad")
def average_pool(node: Node) -> Result:
    net, windows = node.net, _pooled(node)
    counted, own = bool(node.int("count_include_pad", 0)), windows_of(node, windows.kernel)
    x = node.data(0)
    if windows.is_grown and not counted:
        # The mean over the image is that over the window divided by the same mean of ones.
        node.in_f32()
        one = net.add_full(1.0, (1, 1, *node.shape(0)[2:]), net.element(node.data(0)))
        total, share = (_mean(node, windows, windows.around(node, v, 0.0), True) for v in (node.data(0), one))
        return windows.kept(node, net.add_binary("div", total, share))
    x = windows.around(node, x, 0.0)
    if counted and windows.after != own.after:
        # The model's pads count and those that ceil_mode adds do not: the former become zeros of the image, the latter pads.
        x = net.add_pad(x, [0, 0, *own.before], [0, 0, *own.after])
        added = [more - pad for more, pad in zip(windows.after, own.after, strict=True)]
        windows, counted = replace(windows, before=[0] * len(added), after=added), False
    return windows.kept(node, _mean(node, windows, x, counted))


def _mean(node: Node, windows: Windows, x: SSAValue, counted: bool) -> SSAValue:
    return node.net.add_avg_pool(
        x,
        windows.kernel,
        strides=windows.strides,
        pads=windows.pads,
        dilations=windows.dilations,
        count_include_pad=counted,
    )


@onnx_op("LpPool", note="any number of spatial dims; auto_pad, ceil_mode, dilations")
def lp_pool(node: Node) -> Result:
    """(sum of |x| ** p) ** (1 / p): the sum is a mean over all of the window, padding included, times its size."""
    net, windows, p = node.net, _pooled(node), node.int("p", 2)
    node.in_f32()
    x = windows.around(node, _power(node, node.data(0), p), 0.0)
    total = net.add_binary("mul", _mean(node, windows, x, True), float(np.prod(windows.kernel)))
    return windows.kept(node, _root(node, total, p))


@onnx_op("GlobalLpPool")
def global_lp_pool(node: Node) -> Result:
    p = node.int("p", 2)
    node.in_f32()
    _check_spatial(node)
    total = node.net.add_reduce("sum", _power(node, node.data(0), p), list(range(2, node.rank(0))), keepdims=True)
    return _root(node, total, p)


def _power(node: Node, x: SSAValue, p: int) -> SSAValue:
    """|x| ** p."""
    if p < 1:
        node.invalid(f"attribute 'p' should be 1 or more, got {p}")
    if p == 2:
        return node.net.add_binary("mul", x, x)
    size = node.net.add_unary("abs", x)
    return size if p == 1 else node.net.add_binary("pow", size, float(p))


def _root(node: Node, total: SSAValue, p: int) -> SSAValue:
    if p == 2:
        return node.net.add_unary("sqrt", total)
    return total if p == 1 else node.net.add_binary("pow", total, 1 / p)


@onnx_op("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node) -> Result:
    kind = "mean" if node.op_type == "GlobalAveragePool" else "max"
    _check_spatial(node)
    return node.net.add_reduce(kind, node.data(0), list(range(2, node.rank(0))), keepdims=True)


def _check_spatial(node: Node) -> None:
    if node.rank(0) < 3:
        node.invalid(f"expected rank 3 or more, got {node.rank(0)}")


@onnx_op("MaxUnpool", note="indices row-major; output_shape constant or computed from input shapes")
def max_unpool(node: Node) -> Result:
    """Elements at their indices in zeros, of the size that MaxPool had before it; `output_shape` adds zeros after them, or crops."""
    net, shape = node.net, node.shape(0)
    _check_spatial(node)
    windows = windows_of(node, node.ints("kernel_shape"))
    if len(windows.kernel) != len(shape) - 2:
        node.invalid(f"attribute 'kernel_shape' should have {len(shape) - 2} entries, got {windows.kernel}")
    steps = zip(shape[2:], windows.kernel, windows.strides, windows.before, windows.after, strict=True)
    whole = [*shape[:2], *((extent - 1) * stride + size - a - z for extent, size, stride, a, z in steps)]
    zeros = net.add_full(0, [dims.product(whole)], node.element_type(0))
    count = [dims.product(shape)]
    x, places = (net.add_reshape(node.data(i), count) for i in (0, 1))
    result = net.add_reshape(net.add_scatter(zeros, places, x), whole)
    if not node.has_input(2):
        return result
    wanted = [dims.as_expr(size) for size in node.known(2, "output shape").reshape(-1)]
    if len(wanted) != len(whole):
        node.invalid(f"its output shape has {len(wanted)} entries for rank {len(whole)}")
    after = [want - extent for want, extent in zip(wanted, whole, strict=True)]
    return resized(node, result, [dims.const(0)] * len(whole), after)
