"""Ops that only rearrange: Reshape, Transpose, Squeeze, Expand, Tile, Concat, Split, DepthToSpace, SpaceToDepth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.nn import broadcast_dims
from . import computed
from .choices import by_axes
from .folding import Array, as_int, check_size, simplified
from .node import Node
from .registry import Result, onnx_fold, onnx_op


def cancelled_quotient(numerator: Sequence[Expr], denominator: Sequence[Expr]) -> Expr:
    """prod(numerator) / prod(denominator), equal factors cancelled first, so that the quotient stays simple."""
    left = list(numerator)
    right: list[Expr] = []
    for factor in denominator:
        if factor in left:
            left.remove(factor)
        else:
            right.append(factor)
    return dims.product(left) // dims.product(right)


def reshaped(node: Node, source: Sequence[Expr], target: Sequence[int | Expr], allow_zero: bool) -> list[Expr]:
    """The shape of Reshape's `target`: 0 copies a dim (unless `allow_zero`), -1 is the remaining extent."""
    shape: list[Expr | None] = []
    for index, element in enumerate(target):
        value = as_int(element)
        if value == 0 and not allow_zero:
            if index >= len(source):
                node.invalid(
                    f"its shape {list(map(str, target))} copies dim {index} of an operand of rank {len(source)}"
                )
            shape.append(source[index])
        elif value == -1:
            shape.append(None)
        elif value is not None and value < 0:
            node.invalid(f"its shape {list(map(str, target))} has the extent {value}")
        else:
            shape.append(dims.as_expr(element))
    fixed = [extent for extent in shape if extent is not None]
    if shape.count(None) > 1:
        node.invalid(f"its shape {list(map(str, target))} has more than one -1")
    if None not in shape:
        return fixed
    if any(extent.as_int() == 0 for extent in fixed):
        node.invalid(f"its shape {list(map(str, target))} has a 0 and a -1, so that -1 is not defined")
    rest = cancelled_quotient(source, fixed)
    return [rest if extent is None else extent for extent in shape]


@onnx_op("Reshape", note="the shape is constant or computed from input shapes")
def reshape(node: Node) -> Result:
    if computed.is_computed(node, 1):
        return computed.reshape(node)
    target = [simplified(element) for element in node.known(1, "shape").reshape(-1)]
    return node.net.add_reshape(node.data(0), reshaped(node, node.shape(0), target, bool(node.int("allowzero", 0))))


@onnx_fold("Reshape")
def fold_reshape(node: Node, operands: list[Array]) -> Array | None:
    values = operands[0]
    target = [as_int(element) for element in operands[1].reshape(-1)]
    if None in target:
        return None
    source = [dims.const(extent) for extent in values.shape]
    shape = reshaped(node, source, [t for t in target if t is not None], bool(node.int("allowzero", 0)))
    return values.reshape([extent.as_int() or 0 for extent in shape])


@onnx_op("Flatten")
def flatten(node: Node) -> Result:
    shape, axis = node.shape(0), node.int("axis", 1)
    if not -len(shape) <= axis <= len(shape):
        node.invalid(f"axis {axis} is out of range for rank {len(shape)}")
    axis += len(shape) if axis < 0 else 0
    return node.net.add_reshape(node.data(0), (dims.product(shape[:axis]), dims.product(shape[axis:])))


def _axes_operand(node: Node) -> list[int] | None:
    """The axes of Squeeze and Unsqueeze: an attribute before opset 13, an operand since."""
    if node.opset < 13:
        return node.ints("axes") if node.has("axes") else None
    return node.known_ints(1, "axes") if node.has_input(1) else None


@onnx_op("Squeeze")
@by_axes(1)
def squeeze(node: Node) -> Result:
    shape, axes = node.shape(0), _axes_operand(node)
    if axes is None:
        drop = {i for i, extent in enumerate(shape) if extent.as_int() == 1}
    else:
        drop = {node.axis(axis, len(shape)) for axis in axes}
    wrong = [str(shape[i]) for i in sorted(drop) if shape[i].as_int() not in (1, None)]
    if wrong:
        node.invalid(f"it squeezes dims of extent {', '.join(wrong)}; expected 1")
    return node.net.add_reshape(node.data(0), [extent for i, extent in enumerate(shape) if i not in drop])


@onnx_op("Unsqueeze")
@by_axes(1, inserted=True)
def unsqueeze(node: Node) -> Result:
    shape, axes = list(node.shape(0)), _axes_operand(node) or []
    rank = len(shape) + len(axes)
    for axis in sorted(node.axis(axis, rank) for axis in axes):
        shape.insert(axis, dims.const(1))
    return node.net.add_reshape(node.data(0), shape)


@onnx_fold("Squeeze", "Unsqueeze", "Flatten")
def fold_unit_dims(node: Node, operands: list[Array]) -> Array | None:
    values = operands[0]
    if node.op_type == "Flatten":
        axis = node.int("axis", 1)
        return values.reshape(int(np.prod(values.shape[:axis], dtype=np.int64)), -1) if values.size else None
    axes = _axes_operand(node)
    if node.op_type == "Squeeze":
        return np.squeeze(values, None if axes is None else tuple(node.axis(axis, values.ndim) for axis in axes))
    rank = values.ndim + len(axes or [])
    return np.expand_dims(values, tuple(node.axis(axis, rank) for axis in axes or []))


@onnx_op("Transpose")
def transpose(node: Node) -> Result:
    rank = node.rank(0)
    permutation = node.ints("perm", list(range(rank))[::-1])
    if sorted(permutation) != list(range(rank)):
        node.invalid(f"attribute 'perm' should be a permutation of the {rank} dims, got {permutation}")
    return node.net.add_transpose(node.data(0), permutation)


@onnx_fold("Transpose")
def fold_transpose(node: Node, operands: list[Array]) -> Array | None:
    permutation = node.ints("perm", list(range(operands[0].ndim))[::-1])
    return operands[0].transpose(permutation)


@onnx_op("Expand", note="the shape is constant or computed from input shapes")
def expand(node: Node) -> Result:
    if computed.is_computed(node, 1):
        return computed.expand(node)
    net, source = node.net, node.shape(0)
    target = [dims.as_expr(element) for element in node.known(1, "shape").reshape(-1)]
    shape = broadcast_dims("Expand", source, target)
    return node.value(0) if shape == tuple(source) else net.add_broadcast_to(node.data(0), shape)


@onnx_fold("Expand", "Tile")
def fold_repeat(node: Node, operands: list[Array]) -> Array | None:
    values, counts = operands[0], [as_int(element) for element in operands[1].reshape(-1)]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or min(known, default=0) < 0:
        return None
    if node.op_type == "Expand":
        shape = np.broadcast_shapes(values.shape, tuple(known))
        check_size(shape)
        return np.broadcast_to(values, shape)
    if len(known) != values.ndim:
        node.invalid(f"it has {len(known)} repeats for rank {values.ndim}")
    check_size(tuple(extent * count for extent, count in zip(values.shape, known, strict=True)))
    return np.tile(values, known)


@onnx_op("Tile", note="the repeats are constant or computed from input shapes")
def tile(node: Node) -> Result:
    if computed.is_computed(node, 1):
        computed.vector_length(node, 1, "repeats")
    shape, repeats = node.shape(0), [dims.as_expr(element) for element in node.known(1, "repeats").reshape(-1)]
    if len(repeats) != len(shape):
        node.invalid(f"it has {len(repeats)} repeats for rank {len(shape)}")
    wide: list[Expr] = []
    repeated: list[Expr] = []
    for extent, times in zip(shape, repeats, strict=True):
        plain = times.as_int() == 1
        wide += [extent] if plain else [dims.const(1), extent]
        repeated += [extent] if plain else [times, extent]
    if len(wide) == len(shape):
        return node.value(0)
    result = node.net.add_broadcast_to(node.net.add_reshape(node.data(0), wide), repeated)
    return node.net.add_reshape(result, [extent * times for extent, times in zip(shape, repeats, strict=True)])


@onnx_op("Concat")
def concat(node: Node) -> Result:
    if not node.inputs:
        node.invalid("it has no operand; expected at least one")
    axis = node.axis(node.int("axis"), node.rank(0))
    operands = [node.data(i) for i in range(len(node.inputs))]
    distinct = list(dict.fromkeys(operands))
    extents = [node.net.shape(value)[axis].as_int() for value in distinct]
    if (
        len(operands) < _MANY
        or 2 * len(distinct) > len(operands)
        or None in extents
        or _length(node, operands, axis) > _LONG
    ):
        return node.net.add_concat(operands, axis)
    # Each operand of a concat is copied on its own; many repeated operands are gathered at once instead.
    sizes = [extent for extent in extents if extent is not None]
    parts = {
        value: np.arange(start, start + size)
        for value, start, size in zip(distinct, accumulate(sizes, initial=0), sizes, strict=False)
    }
    whole = node.net.add_concat(distinct, axis)
    return node.net.add_gather(whole, np.concatenate([parts[value] for value in operands]), axis)


_MANY = 64
"""Operands of a concat from which on repeated ones are gathered."""
_LONG = 1 << 20
"""The longest result, in elements along the axis, that is gathered: its indices are a constant."""


def _length(node: Node, operands: Sequence[SSAValue], axis: int) -> int:
    return sum(node.net.shape(value)[axis].as_int() or 0 for value in operands)


@onnx_fold("Concat")
def fold_concat(node: Node, operands: list[Array]) -> Array | None:
    return np.concatenate(operands, node.int("axis"))


@onnx_op("Split", note="the sizes are constant or computed from input shapes")
def split(node: Node) -> Result:
    axis = node.axis(node.int("axis", 0), node.rank(0))
    return cut(node, axis, _split_sizes(node, node.shape(0)[axis]))


def cut(node: Node, axis: int, parts: Sequence[Expr]) -> list[SSAValue]:
    """The first operand in parts of these sizes along an axis."""
    net, x, shape = node.net, node.data(0), node.shape(0)
    results: list[SSAValue] = []
    start = dims.const(0)
    for size in parts:
        if node.has_input(1) and (start + size - shape[axis]).as_int() is None:
            # Sizes that data says may sum to more than there is.
            size = dims.const(0) if shape[axis].as_int() == 0 else dims.minimum(size, shape[axis] - start)
        starts, sizes = [dims.const(0)] * len(shape), list(shape)
        starts[axis], sizes[axis] = start, size
        results.append(net.add_slice(x, starts, sizes))
        start = start + size
    return results


@onnx_fold("Split")
def fold_split(node: Node, operands: list[Array]) -> list[Array] | None:
    values = operands[0]
    axis = node.axis(node.int("axis", 0), values.ndim)
    sizes = [size.as_int() for size in _split_sizes(node, dims.const(values.shape[axis]))]
    known = [size for size in sizes if size is not None]
    return None if len(known) < len(sizes) else np.split(values, list(accumulate(known))[:-1], axis)


def _split_sizes(node: Node, extent: Expr) -> list[Expr]:
    if node.opset < 13 and node.has("split"):
        sizes = [dims.const(size) for size in node.ints("split")]
    elif node.opset >= 13 and node.has_input(1):
        upper = [extent.bounds(node.net.ranges)[1]] * node.output_count
        sizes = [dims.as_expr(size) for size in node.known(1, "sizes", upper).reshape(-1)]
    else:
        count = node.int("num_outputs", node.output_count)
        chunk = dims.ceildiv(extent, count)
        sizes = [chunk] * (count - 1) + [extent - chunk * (count - 1)]
    if len(sizes) != node.output_count:
        node.invalid(f"it has {len(sizes)} sizes for {node.output_count} outputs")
    total = sum(sizes, dims.const(0))
    if (total - extent).as_int() not in (0, None):
        node.invalid(f"its sizes sum to {total}, but the dim is {extent}")
    return sizes


@onnx_op("DepthToSpace")
def depth_to_space(node: Node) -> Result:
    net, x, block = node.net, node.data(0), node.int("blocksize")
    batch, channels, height, width = _image(node)
    depth = channels // (block * block)
    if node.string("mode", "DCR") == "DCR":
        shape, order = (batch, block, block, depth, height, width), (0, 3, 4, 1, 5, 2)
    else:
        shape, order = (batch, depth, block, block, height, width), (0, 1, 4, 2, 5, 3)
    moved = net.add_transpose(net.add_reshape(x, shape), order)
    return net.add_reshape(moved, (batch, depth, height * block, width * block))


@onnx_op("SpaceToDepth")
def space_to_depth(node: Node) -> Result:
    net, x, block = node.net, node.data(0), node.int("blocksize")
    batch, channels, height, width = _image(node)
    cut = net.add_reshape(x, (batch, channels, height // block, block, width // block, block))
    moved = net.add_transpose(cut, (0, 3, 5, 1, 2, 4) if node.string("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4))
    return net.add_reshape(moved, (batch, channels * (block * block), height // block, width // block))


def _image(node: Node) -> tuple[Expr, ...]:
    if node.rank(0) != 4:
        node.invalid(f"expected an operand of rank 4, got rank {node.rank(0)}")
    return node.shape(0)
