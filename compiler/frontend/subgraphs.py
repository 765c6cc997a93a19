"""Graphs in attributes of nodes (the branches of If, the bodies of Loop and Scan): what they read of the graphs around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ...dialects.errors import UnsupportedOpError
from ...dialects.limits import MAX_SUBGRAPH_DEPTH

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

GRAPH, GRAPHS = 5, 10
"""The attribute types GRAPH and GRAPHS of ONNX."""


def graphs_of(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    """The graphs in a node's attributes, each with the attribute's name."""
    for attribute in node.attribute:
        if attribute.type == GRAPH:
            yield attribute.name, attribute.g
        elif attribute.type == GRAPHS:
            for graph in attribute.graphs:
                yield attribute.name, graph


def check_depth(graph: GraphProto, source: str) -> None:
    """Raises UnsupportedOpError for graphs that lie too deep within each other."""
    pending = [(graph, 0)]
    while pending:
        outer, depth = pending.pop()
        if depth > MAX_SUBGRAPH_DEPTH:
            raise UnsupportedOpError(
                f"{source} nests graphs more than {MAX_SUBGRAPH_DEPTH} deep, in {outer.name!r}; export the model again"
            )
        pending += [(inner, depth + 1) for node in outer.node for _, inner in graphs_of(node)]


def reads(node: NodeProto) -> set[str]:
    """The values that a node reads: its operands, and what its graphs take from outside."""
    found = set(filter(None, node.input))
    for _, graph in graphs_of(node):
        found |= captured(graph)
    return found


def captured(graph: GraphProto) -> set[str]:
    """The values of outer graphs that a graph reads, itself or in graphs of its nodes."""
    read = {value.name for value in graph.output}
    for node in graph.node:
        read |= reads(node)
    return {name for name in read if name} - _own(graph)


def _own(graph: GraphProto) -> set[str]:
    own = {value.name for value in (*graph.input, *graph.initializer)}
    return own.union(*(node.output for node in graph.node))


def all_nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """The nodes, and those of their graphs, at any depth."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        for _, graph in graphs_of(node):
            pending += graph.node


def rename_captured(graph: GraphProto, names: Mapping[str, str]) -> None:
    """Gives the values that a graph takes from outside new names, in place, where `names` has them."""
    own = _own(graph)
    outer = {name: new for name, new in names.items() if name not in own}
    for node in graph.node:
        node.input[:] = [outer.get(name, name) for name in node.input]
        for _, inner in graphs_of(node):
            rename_captured(inner, outer)
    for value in graph.output:
        value.name = outer.get(value.name, value.name)
