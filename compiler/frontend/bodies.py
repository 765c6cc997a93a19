"""The graphs in attributes of a node that is being imported: built in place, or as functions that capture outer values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from xdsl.ir import Attribute, SSAValue

from .appending import is_appended
from .model import Graph, GraphNode, Subgraph
from .node import InvalidNode, Node, Value
from .scope import Scope
from .subgraphs import graphs_of

if TYPE_CHECKING:
    from onnx import GraphProto

    from ..network import Network


class Walker(Protocol):
    """The interface of the importer that this file uses."""

    @property
    def graph(self) -> Graph: ...
    def walk(self, scope: Scope, nodes: Sequence[GraphNode]) -> None: ...
    def loaded(self, name: str, scope: Scope) -> Value: ...
    def problem_count(self) -> int: ...
    def are_invalid(self, count: int) -> bool: ...
    def forget_problems(self, count: int) -> None: ...


@dataclass
class FunctionBody:
    """The graph of a node that becomes a function, as `node.Body`."""

    importer: Walker
    node: Node
    graph: Subgraph
    scope: Scope
    arguments: list[SSAValue]

    @property
    def net(self) -> Network:
        """As `node.Body.net`."""
        return self.scope.net

    def import_nodes(self, operands: Sequence[Value]) -> list[Value]:
        """As `node.Body.import_nodes`."""
        _check_inputs(self.node, self.graph, operands)
        self.scope.values.update(zip(self.graph.inputs, operands, strict=True))
        self.importer.walk(self.scope, self.graph.nodes)
        return [self.importer.loaded(name, self.scope) for name in self.graph.outputs]

    def capture(self, value: Value) -> Value:
        """As `node.Body.capture`."""
        return captured_value(value, value.name, self.scope)

    def finish(self, results: Sequence[SSAValue], captures: Sequence[Value] | None = None) -> str:
        """As `node.Body.finish`."""
        if captures is not None:
            own = {id(value): argument for value, argument in self.scope.captures}
            for value in captures:
                assert value.ssa is not None
                argument = self.scope.net.argument(value.ssa.type)
                if (old := own.get(id(value))) is not None:
                    old.replace_all_uses_with(argument)
                    results = [argument if result is old else result for result in results]
            for argument in own.values():
                self.scope.net.remove_argument(argument)
        return self.node.net.function(self.scope.path.rstrip("/"), self.scope.net, results)

    @property
    def captured(self) -> list[Value]:
        """As `node.Body.captured`."""
        return [value for value, _ in self.scope.captures]


class NodeGraphs:
    """The graphs in the attributes of one node, read in the scope of the node."""

    def __init__(self, importer: Walker, node: Node, scope: Scope):
        self.importer = importer
        self.node = node
        self.scope = scope

    def inlined(self, attribute: str, operands: Sequence[Value], part: str = "") -> list[Value]:
        """As `node.Graphs.inlined`."""
        graph, path = self._read(attribute, part)
        _check_inputs(self.node, graph, operands)
        values = dict(zip(graph.inputs, operands, strict=True))
        scope = Scope(self.scope.net, values, graph.used, graph.weights, graph.declared, self.scope, path)
        self.importer.walk(scope, graph.nodes)
        return [self.importer.loaded(name, scope) for name in graph.outputs]

    def body(self, attribute: str, types: Sequence[Attribute]) -> FunctionBody:
        """As `node.Graphs.body`."""
        graph, path = self._read(attribute, attribute.removesuffix("_branch") + "/")
        net = self.scope.net.branch()
        scope = Scope(net, {}, graph.used, graph.weights, graph.declared, self.scope, path)
        return FunctionBody(self.importer, self.node, graph, scope, [net.argument(type_) for type_ in types])

    def is_appended(self, number: int) -> bool:
        """As `node.Graphs.is_appended`."""
        return is_appended(self._proto("body"), number)

    def size(self, attribute: str) -> int:
        """As `node.Graphs.size`."""
        return len(self._read(attribute, "")[0].nodes)

    def problem_count(self) -> int:
        return self.importer.problem_count()

    def are_invalid(self, count: int) -> bool:
        return self.importer.are_invalid(count)

    def forget_problems(self, count: int) -> None:
        self.importer.forget_problems(count)

    def _read(self, attribute: str, part: str) -> tuple[Subgraph, str]:
        path = f"{self.scope.path}{self.node.graph_node.label}/{part}"
        opsets, names = self.node.graph_node.opsets, self.scope.names()
        return self.importer.graph.subgraph(self._proto(attribute), opsets, names, path.rstrip("/")), path

    def _proto(self, attribute: str) -> GraphProto:
        for name, graph in graphs_of(self.node.graph_node.proto):
            if name == attribute:
                return graph
        raise InvalidNode(f"attribute {attribute!r}, a graph, is missing", "export the model again")


def _check_inputs(node: Node, graph: Subgraph, operands: Sequence[Value]) -> None:
    if len(graph.inputs) != len(operands):
        node.invalid(f"its graph should have {len(operands)} inputs, got {len(graph.inputs)}", "export the model again")


def captured_value(value: Value, name: str, function: Scope) -> Value:
    """A value of an outer network inside a function: a number or shape again, anything else as an argument, the tensors of
    a sequence each by itself."""
    inner = Value(name, value.array, value.exprs, value.dtype, None, value.poisoned, limits=value.limits)
    if value.items is not None:
        inner.items = [captured_value(item, item.name, function) for item in value.items]
        inner.stack = None if value.stack is None else captured_value(value.stack, value.stack.name, function)
    elif value.held is not None and value.sources == (value,):
        inner.held, inner.sources = value.held, value.sources
    elif not value.poisoned and value.array is None and value.exprs is None:
        assert value.ssa is not None
        inner.ssa = function.net.argument(value.ssa.type)
        function.captures.append((value, inner.ssa))
    if name:
        function.values[name] = inner
    return inner
