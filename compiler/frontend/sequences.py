"""Sequences of tensors whose length is known: SequenceConstruct, SequenceAt, SequenceMap and their like.

A sequence is a list of values at import and nothing afterwards: its tensors are results of the ops that make them. One that an input or
an output would hold is refused, and one that a loop carries which the host runs, unless that only appends to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims
from .control import graphs_of_node
from .folding import as_int
from .node import Node
from .places import extent
from .registry import Result, onnx_op
from .shapes import cut
from .value import Value


def _sequence_of(node: Node) -> tuple[list[Value], Value | None]:
    """The tensors of operand 0, which must be a sequence, and its stack."""
    value = node.value(0)
    if value.items is None:
        node.invalid("its operand is a tensor; expected a sequence")
    return value.items, value.stack


def _items(node: Node) -> list[Value]:
    """The tensors of operand 0, a sequence whose length is known."""
    items, stack = _sequence_of(node)
    if stack is not None:
        node.unsupported(
            "it takes a sequence that a loop appended to, of a length that is not known at import",
            "use ConcatFromSequence, SequenceAt or SequenceLength, or a tensor with one more dim",
        )
    return items


def _sequence(items: Sequence[Value]) -> Value:
    return Value("", items=list(items))


def _position(node: Node, index: int, length: int) -> int:
    """Operand `index`, a position that counts from the end where it is negative."""
    position = node.known_ints(index, "position")[0]
    if not -length <= position < length:
        node.invalid(f"its position is {position}, and the sequence has {length} tensors")
    return position % length


@onnx_op(
    "SequenceEmpty",
    note="at import: a sequence is no input or output, and what a loop carries that runs is only appended to",
)
def sequence_empty(node: Node) -> Result:
    return _sequence([])


@onnx_op("SequenceConstruct", note="as SequenceEmpty")
def sequence_construct(node: Node) -> Result:
    return _sequence([node.value(index) for index in range(len(node.inputs))])


@onnx_op("SequenceAt", note="the position is constant, or the sequence made by a loop alone")
def sequence_at(node: Node) -> Result:
    items, stack = _sequence_of(node)
    if stack is None or items:
        return _items(node)[_position(node, 1, len(items))]
    net = node.net
    position = net.add_cast(net.add_reshape(node.data(1), ()), "i64")
    from_end = net.add_binary("add", position, extent(net, stack.shape[0], "i64"))
    return net.add_gather(
        stack.materialise(net), net.add_where(net.add_compare("lt", position, 0), from_end, position), 0
    )


@onnx_op("SequenceLength")
def sequence_length(node: Node) -> Result:
    items, stack = _sequence_of(node)
    length = np.empty((), object)
    length[()] = dims.const(len(items)) + (0 if stack is None else stack.shape[0])
    return Value("", exprs=length, dtype=np.dtype(np.int64))


@onnx_op("SequenceInsert", note="the position is constant")
def sequence_insert(node: Node) -> Result:
    items = list(_items(node))
    place = node.known_ints(2, "position")[0] if node.has_input(2) else len(items)
    if not -len(items) <= place <= len(items):
        node.invalid(f"its position is {place}, and the sequence has {len(items)} tensors")
    items.insert(place, node.value(1))  # a negative one is before the tensor that it counts to
    return _sequence(items)


@onnx_op("SequenceErase", note="the position is constant")
def sequence_erase(node: Node) -> Result:
    items = list(_items(node))
    del items[_position(node, 1, len(items)) if node.has_input(1) else -1]
    return _sequence(items)


@onnx_op("ConcatFromSequence")
def concat_from_sequence(node: Node) -> Result:
    net, (items, stack) = node.net, _sequence_of(node)
    first = items[0].shape if items else stack.shape[1:] if stack is not None else None
    if first is None:
        node.invalid("its sequence is empty; expected a tensor or more")
    new = node.int("new_axis", 0)
    axis = node.axis(node.int("axis"), len(first) + new)
    tensors: list[SSAValue] = []
    for item in items:
        tensor, shape = item.materialise(net), list(item.shape)
        tensors.append(net.add_reshape(tensor, [*shape[:axis], 1, *shape[axis:]]) if new else tensor)
    if stack is not None:
        count, *shape = stack.shape
        tensor = net.add_transpose(stack.materialise(net), [*range(1, axis + 1), 0, *range(axis + 1, len(shape) + 1)])
        joined = [] if new else [*shape[:axis], count * shape[axis], *shape[axis + 1 :]]
        tensors.append(tensor if new else net.add_reshape(tensor, joined))
    return net.add_concat(tensors, axis) if len(tensors) > 1 else tensors[0]


@onnx_op("SplitToSequence", note="one size for all is constant, and the dim then too")
def split_to_sequence(node: Node) -> Result:
    """Slices of the given sizes, of one size (the last may be smaller), or without sizes of 1, which may then lose the dim."""
    shape = list(node.shape(0))
    axis = node.axis(node.int("axis", 0), len(shape))
    if node.has_input(1) and node.rank(1):
        most = [shape[axis].bounds(node.net.ranges)[1]] * (dims.product(node.shape(1)).as_int() or 0)
        sizes = [dims.as_expr(size) for size in node.known(1, "sizes", most).reshape(-1)]
    else:
        size = node.known_ints(1, "sizes")[0] if node.has_input(1) else 1
        sizes = [dims.const(part) for part in _equal(node, size, as_int(shape[axis]))]
    left = (shape[axis] - sum(sizes, dims.const(0))).as_int()
    if left not in (0, None) or any((size.as_int() or 0) < 0 for size in sizes):
        node.invalid(f"its sizes are {', '.join(map(str, sizes))}, and the dim is {shape[axis]}")
    parts = cut(node, axis, sizes)
    if not node.has_input(1) and not node.int("keepdims", 1):
        parts = [node.net.add_reshape(part, [*shape[:axis], *shape[axis + 1 :]]) for part in parts]
    return _sequence([Value("", ssa=part) for part in parts])


def _equal(node: Node, size: int, extent: int | None) -> list[int]:
    if extent is None:
        node.unsupported(
            "it cuts a dim that depends on dynamic dims into parts of one size",
            "fix that dim in the profile (min = opt = max)",
        )
    if size <= 0:
        node.invalid(f"its size is {size}, expected 1 or more")
    return [size] * (extent // size) + [extent % size] * (extent % size > 0)


@onnx_op("SequenceMap")
def sequence_map(node: Node) -> Result:
    """The graph once for each tensor of the first sequence, and what stands at its place in others."""
    graphs, first = graphs_of_node(node), _items(node)
    operands = [node.value(index) for index in range(len(node.inputs))]
    lengths = {len(value.items) for value in operands if value.items is not None}
    if len(lengths) > 1:
        node.invalid(f"its sequences have {sorted(lengths)} tensors; expected one length")
    columns: list[list[Value]] = []
    for place in range(len(first)):
        given = [value if value.items is None else value.items[place] for value in operands]
        columns.append(graphs.inlined("body", given, f"{place}/"))
    return [_sequence([made[index] for made in columns]) for index in range(node.output_count)]
