"""NonMaxSuppression: a loop that takes the best box that is left in each class, and takes out those that overlap it too much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ..network import Network
from .compaction import coordinates, kept
from .node import Node
from .places import pick
from .registry import Result, onnx_op

_OUT = float("-inf")
"""The score of a box that is taken, or taken out."""


@dataclass
class _Boxes:
    """Boxes as their least and greatest corners, and areas: each f32 [batch, boxes]."""

    low: tuple[SSAValue, SSAValue]
    high: tuple[SSAValue, SSAValue]
    area: SSAValue


@onnx_op("NonMaxSuppression", note="as many results as batches, classes and boxes allow, or as `bounds` allows")
def non_max_suppression(node: Node) -> Result:
    net = node.net
    batch, boxes = node.shape(0)[0], node.shape(0)[1]
    classes = node.shape(1)[1]
    groups = batch * classes
    most = _most_per_class(node, boxes)
    low_score = net.add_reshape(node.data(4), ()) if node.has_input(4) else None
    overlap = net.add_reshape(node.data(3), ()) if node.has_input(3) else net.add_constant(np.array(0, np.float32))
    corners = _corners(node)
    scores = net.add_reshape(node.data(1), [groups, boxes])
    if low_score is None:
        alive = net.add_where(net.add_unary("isnan", scores), _OUT, scores)
    else:
        alive = net.add_where(net.add_compare("gt", scores, low_score), scores, _OUT)
    taken = _taken(node, corners, alive, overlap, most, classes)
    flat = net.add_reshape(net.add_transpose(taken, (1, 0)), [groups * most])
    mask = net.add_compare("ge", flat, 0)
    found = kept(node, mask, node.most(0, 0, dims.product([groups, most]).bounds(net.ranges)[1]))
    box = net.add_gather(flat, found.positions, 0)
    entry, class_, _ = coordinates(net, found.positions, [batch, classes, most])
    columns = [net.add_reshape(column, [found.count, 1]) for column in (entry, class_, box)]
    return net.add_cast(net.add_concat(columns, 1), "i64")


def _most_per_class(node: Node, boxes: Expr) -> Expr:
    """How many boxes are taken in a class at most."""
    if not node.has_input(2):
        return dims.const(0)
    limit = boxes.bounds(node.net.ranges)[1]
    most = dims.as_expr(node.known(2, "max_output_boxes_per_class", [limit], clip=True).reshape(-1)[0])
    low, high = most.bounds(node.net.ranges)
    if low < 0:
        most = dims.maximum(most, 0)
    return boxes if low >= limit else most if high <= boxes.bounds(node.net.ranges)[0] else dims.minimum(most, boxes)


def _corners(node: Node) -> _Boxes:
    """The corners of all boxes, which the model gives in any order, or as centers with sizes."""
    net, x, shape = node.net, node.data(0), list(node.shape(0))
    columns = [net.add_reshape(net.add_slice(x, [0, 0, k], [shape[0], shape[1], 1]), shape[:2]) for k in range(4)]
    if node.int("center_point_box", 0):
        centers, halves = columns[:2], [net.add_binary("mul", size, 0.5) for size in columns[2:]]
        low = tuple(net.add_binary("sub", c, h) for c, h in zip(centers, halves, strict=True))
        high = tuple(net.add_binary("add", c, h) for c, h in zip(centers, halves, strict=True))
    else:
        low = tuple(net.add_binary("min", columns[k], columns[k + 2]) for k in range(2))
        high = tuple(net.add_binary("max", columns[k], columns[k + 2]) for k in range(2))
    sides = [net.add_binary("sub", b, a) for a, b in zip(low, high, strict=True)]
    return _Boxes((low[0], low[1]), (high[0], high[1]), net.add_binary("mul", *sides))


def _taken(node: Node, boxes: _Boxes, alive: SSAValue, overlap: SSAValue, most: Expr, classes: Expr) -> SSAValue:
    """For each step and class the box that is taken, -1 for none: i32 [most, groups]."""
    net = node.net
    limit = most.bounds(net.ranges)[1]
    index = net.new_symbol(f"{node.graph_node.label}_i", (0, limit // 2, max(limit - 1, 0)))
    body = net.branch()
    scores = body.argument(alive.type)
    captured = [*boxes.low, *boxes.high, boxes.area, overlap]
    inner = [body.argument(value.type) for value in captured]
    here = _Boxes((inner[0], inner[1]), (inner[2], inner[3]), inner[4])
    best, remaining = _step(body, here, scores, inner[5], classes)
    name = net.function(f"{node.graph_node.label}_step", body, [remaining, best])
    _, taken = net.loop(name, index, [alive], captured, [best.type], count=most)
    return taken


def _step(net: Network, boxes: _Boxes, scores: SSAValue, overlap: SSAValue, classes: Expr) -> tuple[SSAValue, SSAValue]:
    """The best box of each group, -1 where none is left, and the scores without it and those that overlap it."""
    groups, count = net.shape(scores)
    peak = net.add_reduce("max", scores, [1], keepdims=True)
    numbers = net.add_iota([1, count], 1, "i32")
    first = net.add_where(net.add_compare("eq", scores, peak), numbers, 2**31 - 1)
    best = net.add_reduce("min", first, [1], keepdims=True)
    left = net.add_compare("gt", peak, _OUT)
    batch = net.shape(boxes.area)[0]
    place = net.add_reshape(best, [batch, classes])

    def spread(value: SSAValue) -> SSAValue:
        """A property of all boxes, for each class: [batch, classes, boxes]."""
        return net.add_reshape(value, [batch, 1, count])

    def chosen(value: SSAValue) -> SSAValue:
        """That of the best box: [batch, classes, 1]."""
        return net.add_reshape(pick(net, value, [batch, classes], [None, place]), [batch, classes, 1])

    sides: list[SSAValue] = []
    for low, high in zip(boxes.low, boxes.high, strict=True):
        begin = net.add_binary("max", spread(low), chosen(low))
        end = net.add_binary("min", spread(high), chosen(high))
        sides.append(net.add_binary("max", net.add_binary("sub", end, begin), 0.0))
    common = net.add_binary("mul", *sides)
    union = net.add_binary("sub", net.add_binary("add", spread(boxes.area), chosen(boxes.area)), common)
    valid = net.add_binary("logical_and", net.add_compare("gt", union, 0.0), net.add_compare("gt", common, 0.0))
    ratio = net.add_binary("div", common, union)
    out = net.add_binary("logical_and", valid, net.add_compare("gt", ratio, overlap))
    out = net.add_binary("logical_or", net.add_reshape(out, [groups, count]), net.add_compare("eq", numbers, best))
    remaining = net.add_where(out, _OUT, scores)
    return net.add_reshape(net.add_where(left, best, -1), [groups]), remaining
