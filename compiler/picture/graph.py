"""What a picture of a module shows: the ops of a function as nodes, what flows between them as edges, groups as clusters.

    %0 = nn.conv %x, %w                     x -> conv -> relu -> y
    %1 = nn.relu %0

Works at every level of tensors and at the level of memory, where the nodes are launches. Constants, weights and what only serves the host
(arenas, slots, views) are left out; a weight is a line in what the node says about itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, ShapedType, StringAttr, SymbolRefAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue

from ...dialects import buffer, fusion, kernel, nn
from ...dialects.errors import InvalidModelError
from ...dialects.kernel.types import CHOICE, Choice
from ...dialects.nn import shape_of
from ...dialects.provenance import join_names, origins

VIEW = "view"
"""The kind of an op that moves nothing: its result is its operand's memory, or part of it."""
END = "end"
"""The kind of an input or output of the function."""
_SOURCES = (*nn.SOURCES, nn.WeightOp)
_HIDDEN = (*_SOURCES, nn.ExportOp, ReturnOp, fusion.YieldOp, kernel.FuncOp)


@dataclass(frozen=True)
class Node:
    """An op, or an input or output."""

    number: int
    label: str
    kind: str
    detail: tuple[str, ...]
    """Lines about it: its op, its results, its weights, its ONNX nodes."""
    cluster: int | None = None
    """The number of the group that it is in."""


@dataclass(frozen=True)
class Cluster:
    """A group of ops."""

    number: int
    label: str
    kind: str


@dataclass
class Graph:
    """Nodes in the order in which they run; edges by number, with the shape of what flows."""

    nodes: list[Node] = field(default_factory=list[Node])
    clusters: list[Cluster] = field(default_factory=list[Cluster])
    edges: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])


def graph_of(module: ModuleOp) -> Graph:
    """The graph of `@main`, or of the only function. Raises InvalidModelError where there is none, or several and no `@main`."""
    functions = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, FuncOp) and op.body.blocks}
    drawn = [f for f in functions.values() if fusion.ANCHOR not in f.attributes and f.sym_name.data != "weights"]
    main = functions.get("main", drawn[0] if len(drawn) == 1 else None)
    if main is None:
        raise InvalidModelError(f"picture: expected a function @main, got {join_names(functions) or 'no function'}.")
    return _Builder(functions).build(main)


class _Builder:
    """One walk over a function."""

    def __init__(self, functions: dict[str, FuncOp]) -> None:
        self.functions = functions
        self.graph = Graph()
        self.makers: dict[SSAValue, tuple[int, ...]] = {}
        """The nodes that make a value; several write parts of one buffer."""
        self.launched = {
            name.string_value(): func
            for func in functions.values()
            for name in _listed(func.attributes.get("kernel.launches"))
            if isinstance(name, SymbolRefAttr)
        }

    def build(self, main: FuncOp) -> Graph:
        names, outputs = (_strings(main.attributes.get(f"nn.{kind}")) for kind in ("inputs", "outputs"))
        at_memory = any(isinstance(op, buffer.LaunchOp) for op in main.body.block.ops)
        arguments = list(main.body.block.args)
        for number, argument in enumerate(arguments[: len(names)] if at_memory else arguments):
            name = names[number] if number < len(names) else f"argument {number}"
            self.makers[argument] = (self._node(name, END, [f"input {name}", shape_text(argument)]),)
        self._ops(main.body.block.ops, None)
        returned: Sequence[SSAValue] = ()
        if at_memory:
            returned = arguments[len(names) : len(names) + len(outputs)]
        elif isinstance(last := main.body.block.last_op, ReturnOp):
            returned = list(last.arguments)
        for number, value in enumerate(returned):
            name = outputs[number] if number < len(outputs) else f"result {number}"
            self._read(self._node(name, END, [f"output {name}", shape_text(value)]), [value])
        return self.graph

    def _ops(self, ops: Iterable[Operation], cluster: int | None) -> None:
        for op in ops:
            match op:
                case fusion.GroupOp():
                    inside = self._cluster(op.anchor.data, op.anchor.data)
                    self._inline(op.block.args, op.operands, op.block.ops, inside)
                    for value, result in zip(op.yield_op.operands, op.results, strict=True):
                        self.makers[result] = self.makers.get(value, ())
                case fusion.CallOp():
                    self._call(op)
                case buffer.LaunchOp():
                    self._launch(op)
                case buffer.ViewOp():
                    # A view that is written to is written through: its makers are its root's.
                    continue
                case _ if isinstance(op, _HIDDEN) or op.name.startswith("buffer."):
                    continue
                case _:
                    self._op(op, cluster)

    def _call(self, op: fusion.CallOp) -> None:
        """A group that has become a function: its ops are drawn where it is called."""
        name = op.callee.string_value()
        func = self.functions.get(name) or self.functions.get(f"{name}_reference")
        if func is None:
            self._op(op, None)
            return
        anchor = func.attributes.get(fusion.ANCHOR)
        kind = anchor.data if isinstance(anchor, StringAttr) else "pointwise"
        inside = self._cluster(f"{name} ({kind})", kind)
        self._inline(func.body.block.args, op.operands, func.body.block.ops, inside)
        last = func.body.block.last_op
        for value, result in zip(last.operands if last is not None else (), op.results, strict=True):
            self.makers[result] = self.makers.get(value, ())

    def _inline(
        self,
        arguments: Iterable[BlockArgument],
        operands: Iterable[SSAValue],
        ops: Iterable[Operation],
        cluster: int,
    ) -> None:
        for argument, operand in zip(arguments, operands, strict=True):
            self.makers[argument] = self.makers.get(operand, ())
        self._ops(ops, cluster)
        if not any(node.cluster == cluster for node in self.graph.nodes[-1:]):  # a group of a yield alone
            copied = next(iter(operands), None)
            copy = self._node("copy", "pointwise", ["copy"], cluster)
            self._read(copy, [] if copied is None else [copied])
            for argument in arguments:
                self.makers[argument] = (copy,)

    def _op(self, op: Operation, cluster: int | None) -> None:
        kind = VIEW if fusion.alias_of(op) is not None else kind_of(op)
        number = self._node(op.name.rpartition(".")[2], kind, detail_of(op), cluster)
        self._read(number, op.operands)
        for result in op.results:
            self.makers[result] = (number,)
        for region in op.regions:  # of control flow
            for block in region.blocks:
                self._ops(block.ops, cluster)

    def _launch(self, op: buffer.LaunchOp) -> None:
        name = op.callee.string_value()
        func = self.launched.get(name)
        anchor = None if func is None else func.attributes.get(fusion.ANCHOR)
        choice = None if func is None else func.attributes.get(CHOICE)
        detail = [f"launch of {name}", *(f"writes {shape_text(value)}" for value in op.outs)]
        if isinstance(choice, Choice):
            detail.append(f"schedule {choice.schedule.data}")
        if func is not None:
            detail.append("ops " + ", ".join(o.name for o in func.body.block.ops if not isinstance(o, _HIDDEN)))
        kind = anchor.data if isinstance(anchor, StringAttr) else "pointwise"
        number = self._node(name, kind, [*detail, *_located(op)])
        read = [value for value, access in zip(op.memrefs, op.access_list, strict=True) if access.reads]
        self._read(number, map(_root, read))
        for value, access in zip(op.memrefs, op.access_list, strict=True):
            if access.writes:
                root = _root(value)
                self.makers[root] = (*self.makers.get(root, ()), number)

    def _read(self, number: int, values: Iterable[SSAValue]) -> None:
        for value in values:
            for maker in self.makers.get(value, ()):
                if maker != number:
                    self.graph.edges.setdefault((maker, number), shape_text(value))

    def _node(self, label: str, kind: str, detail: Sequence[str], cluster: int | None = None) -> int:
        number = len(self.graph.nodes)
        self.graph.nodes.append(Node(number, label, kind, tuple(line for line in detail if line), cluster))
        return number

    def _cluster(self, label: str, kind: str) -> int:
        self.graph.clusters.append(Cluster(len(self.graph.clusters), label, kind))
        return len(self.graph.clusters) - 1


def kind_of(op: Operation) -> str:
    """The kind of group that an op anchors; `pointwise` where it anchors none."""
    match op:
        case nn.ConvOp():
            return "conv"
        case nn.MatmulOp():
            return "matmul"
        case nn.SoftmaxOp() | nn.LayerNormOp() | nn.ReduceOp() | nn.LrnOp():
            return "row"
        case nn.MaxPoolOp() | nn.AvgPoolOp() | nn.ArgMaxPoolOp():
            return "window"
        case nn.GatherOp() | nn.GatherNdOp():
            return "gather"
        case nn.RnnOp():
            return "rnn"
        case _:
            return "attention" if op.name == "nn.attention" else "pointwise"


def detail_of(op: Operation) -> list[str]:
    """Lines about an op: name and results, weights that it reads, its ONNX nodes."""
    lines = [op.name, *(f"makes {shape_text(result)}" for result in op.results)]
    lines += [f"weight {shape_text(value)}" for value in op.operands if isinstance(value.owner, _SOURCES)]
    return [*lines, *_located(op)]


def shape_text(value: SSAValue) -> str:
    """`Nx56x56x64 f16`."""
    if isinstance(value.type, MemRefType):
        dims = ["?" if extent < 0 else str(extent) for extent in value.type.get_shape()]
        return f"{'x'.join(dims)} {value.type.element_type}".strip()
    if not isinstance(value.type, ShapedType):
        return str(value.type)
    return f"{'x'.join(map(str, shape_of(value)))} {nn.element_of(value)}".strip()


def collapsed(graph: Graph) -> tuple[Graph, dict[int, list[Node]]]:
    """The graph with one node for each cluster, and the ops that each such node stands for."""
    made, of = Graph(), dict[int, int]()
    boxes: dict[int, int] = {}
    inside: dict[int, list[Node]] = {}
    for node in graph.nodes:
        if node.cluster is not None and node.cluster in boxes:
            number = boxes[node.cluster]
        else:
            number = len(made.nodes)
            group = None if node.cluster is None else graph.clusters[node.cluster]
            label, kind = (node.label, node.kind) if group is None else (group.label, group.kind)
            made.nodes.append(replace(node, number=number, label=label, kind=kind, cluster=None))
            if node.cluster is not None:
                boxes[node.cluster] = number
        of[node.number] = number
        if node.cluster is not None:
            inside.setdefault(number, []).append(node)
    for (source, target), text in graph.edges.items():
        if of[source] != of[target]:
            made.edges.setdefault((of[source], of[target]), text)
    return made, inside


def _root(value: SSAValue) -> SSAValue:
    while isinstance(value.owner, buffer.ViewOp):
        value = value.owner.source
    return value


def _located(op: Operation) -> list[str]:
    nodes = origins(op.location)
    return [f"from {join_names(nodes)}"] if nodes else []


def _listed(attribute: Attribute | None) -> Iterable[Attribute]:
    return cast("Iterable[Attribute]", attribute) if isinstance(attribute, ArrayAttr) else ()


def _strings(attribute: Attribute | None) -> list[str]:
    return [each.data for each in _listed(attribute) if isinstance(each, StringAttr)]
