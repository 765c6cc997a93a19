"""Scans: CumSum, CumProd."""

from __future__ import annotations

from functools import reduce as chain

from .node import Node
from .registry import Result, onnx_op


@onnx_op("CumSum", "CumProd")
def cumulative(node: Node) -> Result:
    """A scan; an axis that the model computes chooses among the scans along all of them."""
    net, x, rank = node.net, node.data(0), node.rank(0)
    kind = "sum" if node.op_type == "CumSum" else "prod"
    exclusive, reverse = bool(node.int("exclusive", 0)), bool(node.int("reverse", 0))

    def scan(axis: int):
        return net.add_cumulative(kind, x, axis, exclusive=exclusive, reverse=reverse)

    if not node.value(1).is_open:
        return scan(node.axis(node.known_ints(1, "axis")[0], rank))
    axis = net.add_reshape(node.data(1), ())
    axis = net.add_where(net.add_compare("lt", axis, 0), net.add_binary("add", axis, rank), axis)
    scans = [scan(i) for i in range(rank)]
    return chain(
        lambda found, i: net.add_where(net.add_compare("eq", axis, i), scans[i], found), range(1, rank), scans[0]
    )
