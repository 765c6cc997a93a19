"""The graphs in attributes of a node that is being imported: built in place, or as functions that capture outer values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from xdsl.ir import Attribute, SSAValue

from ...dialects import dims, nn
from .appending import is_appended
from .folding import elements
from .model import Graph, GraphNode, Subgraph
from .node import Node
from .problems import InvalidNode
from .scope import Scope
from .subgraphs import graphs_of, reads
from .value import Sizes, Value

if TYPE_CHECKING:
    from onnx import GraphProto

    from ..network import Network


class Walker(Protocol):
    """The interface of the importer that this file uses."""

    @property
    def graph(self) -> Graph: ...
    def walk(self, scope: Scope, nodes: Sequence[GraphNode], outputs: Sequence[str]) -> list[Value]: ...
    def loaded(self, name: str, scope: Scope) -> Value: ...
    def problem_count(self) -> int: ...
    def are_invalid(self, count: int) -> bool: ...
    def forget_problems(self, count: int) -> None: ...


@dataclass(frozen=True)
class Rest:
    """What follows an If in its graph, which its branches take in."""

    made: Sequence[str]
    """The results of the If itself, which these nodes read."""
    nodes: Sequence[GraphNode]
    outputs: Sequence[str]
    """The outputs of the graph that the If or these nodes make."""

    @classmethod
    def after(cls, node: GraphNode, nodes: Sequence[GraphNode], outputs: Sequence[str]) -> Rest:
        """The nodes that follow one in a graph of these outputs."""
        own = {name for each in (node, *nodes) for name in each.proto.output}
        return cls(node.proto.output, nodes, [name for name in outputs if name in own])

    def taken_into(self, node: GraphNode) -> GraphNode:
        """The node as one that makes these outputs."""
        proto = type(node.proto)()
        proto.CopyFrom(node.proto)
        proto.output[:] = self.outputs
        return replace(node, proto=proto)


@dataclass
class FunctionBody:
    """The graph of a node that becomes a function, as `graphs.Body`."""

    graphs: NodeGraphs
    graph: Subgraph
    scope: Scope
    outermost: Scope
    """Of the scopes in the function, the one that captures."""
    arguments: list[SSAValue]

    @property
    def net(self) -> Network:
        """As `graphs.Body.net`."""
        return self.scope.net

    def import_nodes(self, operands: Sequence[Value]) -> list[Value]:
        """As `graphs.Body.import_nodes`."""
        return self.graphs.results(self.graph, self.scope, operands)

    def capture(self, value: Value) -> Value:
        """As `graphs.Body.capture`."""
        return captured_value(value, value.name, self.outermost)

    def finish(self, results: Sequence[SSAValue], captures: Sequence[Value] | None = None) -> str:
        """As `graphs.Body.finish`."""
        if captures is not None:
            own = {id(value): argument for value, argument in self.outermost.captures}
            for value in captures:
                assert value.ssa is not None
                argument = self.net.argument(value.ssa.type)
                if (old := own.get(id(value))) is not None:
                    old.replace_all_uses_with(argument)
                    results = [argument if result is old else result for result in results]
            for argument in own.values():
                self.net.remove_argument(argument)
        return self.graphs.node.net.function(self.scope.path.rstrip("/"), self.net, results)

    @property
    def captured(self) -> list[Value]:
        """As `graphs.Body.captured`."""
        return [value for value, _ in self.outermost.captures]


class NodeGraphs:
    """The graphs in the attributes of one node, read in the scope of the node, each with the rest of its graph where one is given."""

    def __init__(self, importer: Walker, node: Node, scope: Scope, rest: Rest | None = None):
        self.importer = importer
        self.node = node
        self.scope = scope
        self.rest = rest

    def inlined(
        self, attribute: str, operands: Sequence[Value], part: str = "", sizes: Sizes | None = None
    ) -> list[Value]:
        """As `graphs.Graphs.inlined`."""
        graph, path = self._read(attribute, part)
        return self.results(graph, self._scope(graph, path, self.scope.net, sizes or {}), operands)

    def body(self, attribute: str, types: Sequence[Attribute], sizes: Sizes | None = None) -> FunctionBody:
        """As `graphs.Graphs.body`."""
        graph, path = self._read(attribute, attribute.removesuffix("_branch") + "/")
        net = self.scope.net.branch()
        arguments = [net.argument(type_) for type_ in types]
        scope = self._scope(graph, path, net, sizes or {})
        return FunctionBody(self, graph, scope, scope.function, arguments)

    def _scope(self, graph: Subgraph, path: str, net: Network, sizes: Sizes) -> Scope:
        """A scope for a graph, within one for what surrounds it: the rest of the outer graph, and outer tensors of known sizes."""
        outer, around = self.scope, self.scope
        if self.rest is not None or sizes:
            around = Scope(net, {}, outer.used, declared=outer.declared, outer=outer, path=outer.path)
        scope = Scope(net, {}, graph.used, graph.weights, graph.declared, around, path)
        if sizes:
            wanted = graph.used.union(*(reads(node.proto) for node in self.rest.nodes) if self.rest is not None else ())
            for name in sorted(wanted & outer.names()):
                if not (value := self.importer.loaded(name, outer)).is_empty and _has_any(value, sizes):
                    around.values[name] = _sized(self.importer.loaded(name, around), sizes, net)
        return scope

    def results(self, graph: Subgraph, scope: Scope, operands: Sequence[Value]) -> list[Value]:
        """The results of a graph in its scope, or those of the rest that goes on with them."""
        if len(graph.inputs) != len(operands):
            found = f"its graph should have {len(operands)} inputs, got {len(graph.inputs)}"
            self.node.invalid(found, "export the model again")
        scope.values.update(zip(graph.inputs, operands, strict=True))
        made = self.importer.walk(scope, graph.nodes, graph.outputs)
        if self.rest is None or scope.outer is None:
            return made
        scope.outer.values.update(zip(self.rest.made, made, strict=False))
        return self.importer.walk(scope.outer, self.rest.nodes, self.rest.outputs)

    def is_appended(self, number: int) -> bool:
        """As `graphs.Graphs.is_appended`."""
        return is_appended(self._proto("body"), number)

    def size(self, attribute: str) -> int:
        """As `graphs.Graphs.size`."""
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


def _has_any(value: Value, sizes: Sizes) -> bool:
    """Whether a tensor has a dim of these, or is made of such numbers."""
    if value.exprs is not None:
        return any(dims.as_expr(element) in sizes for element in value.exprs.reshape(-1))
    return value.ssa is not None and any(extent in sizes for extent in nn.shape_of(value.ssa))


def _sized(value: Value, sizes: Sizes, net: Network) -> Value:
    """The tensor where dims are one number: a slice that is all of it, as the condition says; numbers are replaced."""
    if value.exprs is not None:
        known = [sizes.get(dims.as_expr(element), element) for element in value.exprs.reshape(-1)]
        return Value(value.name, exprs=elements(known, value.exprs.shape), dtype=value.dtype)
    assert value.ssa is not None
    shape = nn.shape_of(value.ssa)
    extents = [sizes.get(extent, extent) for extent in shape]
    return Value(value.name, ssa=net.add_slice(value.ssa, [0] * len(shape), extents))


def captured_value(value: Value, name: str, function: Scope) -> Value:
    """A value of an outer network inside a function: a number or shape again, anything else as an argument, the tensors of
    a sequence each by itself."""
    inner = Value(name, value.array, value.exprs, value.dtype, None, value.poisoned)
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
