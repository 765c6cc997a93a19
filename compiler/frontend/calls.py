"""Rows that are built of other operators: `call` runs the row of an ONNX operator inside another node's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xdsl.ir import SSAValue

from .model import GraphNode
from .node import Node
from .registry import load_tables
from .value import Value

OPSET = 24
"""The opset whose meaning `call` gives an operator, unless another is asked for."""


def call(
    node: Node,
    op_type: str,
    operands: Sequence[SSAValue | Value | None],
    outputs: int = 1,
    opset: int = OPSET,
    **attributes: Any,
) -> list[Value]:
    """The results of an ONNX operator as part of `node`. Attributes that are None are left out."""
    import onnx.helper

    values = [Value("", ssa=each) if isinstance(each, SSAValue) else each for each in operands]
    given = {name: value for name, value in attributes.items() if value is not None}
    proto = onnx.helper.make_node(
        op_type, ["" if value is None else value.name for value in values], [f"{i}" for i in range(outputs)], **given
    )
    graph_node = GraphNode(proto, node.graph_node.index, node.graph_node.opsets)
    used = frozenset(proto.output)
    inner = replace(
        node, graph_node=graph_node, inputs=values, opset=opset, used=used, narrow=None, result_dtype=None, graphs=None
    )
    return inner.results(load_tables()["", op_type].row(inner))


def called(
    node: Node, op_type: str, operands: Sequence[SSAValue | Value | None], *, opset: int = OPSET, **attributes: Any
) -> SSAValue:
    """The only result of an ONNX operator, as data."""
    return call(node, op_type, operands, opset=opset, **attributes)[0].materialise(node.net)
