"""The importer: an ONNX model becomes a module of `nn`, one walk over its nodes.

Every node is first offered to the folds (shape arithmetic), then to its row in the operator tables. The results of a node that
cannot be imported are poisoned and the walk goes on, so that one error names every offending node. Ops carry the
location of their ONNX node; the op that makes an ONNX tensor carries its name in `nn.names`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import InvalidModelError, TrtcError, UnequalDimsError, UnsupportedOpError
from ...dialects.limits import MAX_FOLDED, MAX_FOLDED_FLOATS, MAX_REPEATED_NODES
from ...dialects.provenance import onnx_location
from ...passes.remarks import forget_remarks, remark, remark_count, remark_nodes
from ..garbage import garbage_frozen
from ..network import Network
from .bodies import NodeGraphs, Rest, captured_value
from .bounds import Bounds
from .deciding import unequal
from .element_types import onnx_element_type
from .evaluate import evaluated, hold_results
from .folding import Undecidable, holds
from .functions import bound_nodes, function_body, is_defined_by_others
from .inputs import Inputs, Profiles
from .model import Graph, GraphNode, load
from .node import Node
from .problems import BranchesDiffer, InvalidNode, UnsupportedNode
from .refused import refusal_of
from .registry import FOLDS, Result, load_tables
from .scope import Scope
from .signature import check_signature
from .subgraphs import graphs_of, reads
from .validity import is_valid
from .value import Value

if TYPE_CHECKING:
    from onnx import FunctionProto, ModelProto, NodeProto, ValueInfoProto


def import_onnx(
    model: str | Path | bytes | ModelProto,
    *,
    profiles: Profiles | None = None,
    static_shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Any] | None = None,
    bounds: Mapping[str, int] | None = None,
    require_profiles: bool = False,
    refit: bool = False,
) -> ModuleOp:
    """Read an ONNX model into a module with `func.func @main` of `nn` ops.

    - `model`: a path (`.onnx`, or ONNX text as `.onnxtxt`), the bytes of a file, or a `ModelProto`.
    - `profiles`: for a dim symbol its (min, opt, max), or for an input its (min, opt, max) shapes. Dims without a
      profile get `DEFAULT_RANGE` and a remark, or an `OptionError` with `require_profiles`. An unnamed dim is called
      `<input>_d<axis>`.
      A profile that leaves one size makes the dim static.
    - `static_shapes`: for an input the shape to fix it to.
    - `constants`: for an input the value to bind it to; it is no input of the module.
    - `bounds`: the most elements or iterations that data may decide, by node or by operator in lower case.
    - `refit`: weights are `nn.initializer`s, by their ONNX names: initializers and results of Constant nodes (those of one number
      excepted) that hold floats, or i8 matrices. Those whose numbers decide something are pinned (`nn.pins`). Else all are constants.

    Raises `UnsupportedOpError` naming every node that trtc cannot import, and `InvalidModelError` for a damaged model.
    """
    return import_graph(
        load(model),
        profiles=profiles,
        static_shapes=static_shapes,
        constants=constants,
        bounds=bounds,
        require_profiles=require_profiles,
        refit=refit,
    )


def import_graph(
    graph: Graph,
    *,
    profiles: Profiles | None = None,
    static_shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Any] | None = None,
    bounds: Mapping[str, int] | None = None,
    require_profiles: bool = False,
    refit: bool = False,
) -> ModuleOp:
    """As `import_onnx`, for a model that `load` has read. Once more where it turns out which dims must be equal: they become one symbol."""
    same: dict[str, str] = {}
    remarks = remark_count()
    while True:
        net = Network()
        inputs = Inputs(
            net, dict(profiles or {}), dict(static_shapes or {}), dict(constants or {}), require_profiles, same
        )
        with garbage_frozen():
            values = inputs.add(graph.inputs)
            problems = [_Problem("input", text, invalid=False) for text in inputs.refused]
            scope = Scope(net, values, graph.used, graph.weights, graph.declared)
            limits = Bounds(bounds or {})
            module = _Importer(graph, net, scope, limits, problems, refit).run()
            limits.check_used()
        known, same = same, inputs.united(nn.equal_dims(module))
        if same == known:
            break
        forget_remarks(remarks)
    inputs.remark_dims(module)
    return module


@dataclass(frozen=True)
class _Problem:
    """A part of the model that cannot be imported: a node, an input, an initializer or an output."""

    part: str
    text: str
    invalid: bool


_KNOWN = "known at import: a constant, or computed from constants and shapes"
_DEAD = "no output needs it"
_IDENTITY = "an identity: its result is what it reads"


@dataclass
class _Importer:
    graph: Graph
    net: Network
    scope: Scope
    bounds: Bounds
    problems: list[_Problem] = field(default_factory=list[_Problem])
    refit: bool = False
    without_op: dict[str, list[NameLoc]] = field(default_factory=dict[str, list[NameLoc]])
    """The nodes that became no op, by reason."""
    repeated: int = 0
    """The nodes that branches took in, and that are imported once for each."""

    def run(self) -> ModuleOp:
        self.walk(self.scope, self.graph.nodes, [output.name for output in self.graph.outputs])
        self._raise_problems()
        for output in self.graph.outputs:
            self._mark_output(output)
        self._raise_problems()
        if self.graph.dead:
            self.without_op[_DEAD] = [_location(node, self.scope) for node in self.graph.dead]
        for why, locations in self.without_op.items():
            labels = dict.fromkeys(location.desc.data for location in locations)  # a branch may be imported twice
            remark_nodes(labels, "applied", "import-onnx", why)
        module = self.net.module(last=True)
        for output in self.graph.outputs:
            self._remark_output_shape(module, output)
        return module

    def walk(self, scope: Scope, nodes: Sequence[GraphNode], outputs: Sequence[str]) -> list[Value]:
        """Imports the nodes of a graph into its scope. Returns its outputs."""
        scope.values.update((name, Value(name)) for name in scope.weights)
        for place, node in enumerate(nodes):
            following = len(nodes) - place - 1
            try:
                self._import_node(node, scope, last=not following or self.repeated + following > MAX_REPEATED_NODES)
            except BranchesDiffer:
                self.repeated += following
                rest = Rest.after(node, nodes[place + 1 :], outputs)
                self._import_node(rest.taken_into(node), scope, rest)
                break
        return [self.loaded(name, scope) for name in outputs]

    def _mark_output(self, output: ValueInfoProto) -> None:
        value = self.loaded(output.name, self.scope)
        if value.poisoned:
            return
        try:
            made = value.materialise(self.net)
        except UnsupportedNode as problem:
            self.problems.append(_Problem("output", f"output {output.name!r}: {problem.why}; {problem.fix}", False))
            return
        self._check_output_type(output, made)
        self.net.mark_output(made, output.name)

    def _check_output_type(self, output: ValueInfoProto, value: SSAValue) -> None:
        """Raises InvalidModelError where an output is not of its declared element type, on which readers of the output rely."""
        code = output.type.tensor_type.elem_type
        if not code:
            return
        computed = self.net.element(value)
        try:
            declared = str(onnx_element_type(code))
        except UnsupportedNode:
            declared = f"type {code} of ONNX"
        if declared != str(computed):
            raise InvalidModelError(
                f"{self.graph.source}: graph output {output.name!r} is declared as {declared}, and its node makes {computed}; "
                f"export the model again"
            )

    def _remark_output_shape(self, module: ModuleOp, output: ValueInfoProto) -> None:
        """Remarks a wrong declared shape. It is no error: declared shapes are often stale, and the computed one is used."""
        tensor = output.type.tensor_type
        shape = self.net.shape(self.scope.values[output.name].materialise(self.net))
        declared = [dim.dim_value for dim in tensor.shape.dim]
        if not tensor.HasField("shape") or (
            len(declared) == len(shape)
            and all(size <= 0 or extent.as_int() in (None, size) for size, extent in zip(declared, shape, strict=True))
        ):
            return
        said, is_ = (
            ", ".join(str(d.dim_value or d.dim_param or "?") for d in tensor.shape.dim),
            ", ".join(map(str, shape)),
        )
        remark(
            module, "analysis", "import-onnx", f"output {output.name} is declared as [{said}], and its shape is [{is_}]"
        )

    # Nodes.

    def _import_node(self, node: GraphNode, scope: Scope, rest: Rest | None = None, *, last: bool = True) -> None:
        """Imports a node, with the `rest` of its graph where it takes it in. Raises `BranchesDiffer` for one that should, unless it is the
        `last` that can be imported so."""
        proto = node.proto
        domain = _domain(proto)
        opset = node.opsets.get(domain, 1 if domain else self.graph.opsets[""])
        inputs = [self.loaded(name, scope) if name else None for name in proto.input]
        results: list[Value] = []
        try:
            check_signature(proto, domain, opset)
            location = _location(node, scope)
            with scope.net.at(location):
                results = self._results(self._node(node, inputs, opset, scope, rest), scope)
                if self.refit and not domain and proto.op_type == "Constant":
                    results[0].hold_back()
                if not _has_graphs(proto):
                    self._note_fate(location, results)
        except _Poisoned:
            pass
        except UnsupportedNode as problem:
            if isinstance(problem, BranchesDiffer) and not last:
                raise
            self._failed(node, scope, opset, problem.why, problem.fix, invalid=False)
        except InvalidNode as problem:
            self._failed(node, scope, opset, problem.why, problem.fix, invalid=True)
        except UnequalDimsError as error:
            self._failed(node, scope, opset, *unequal(scope.net, error), invalid=False)
        except TrtcError as error:
            supported = not isinstance(error, UnsupportedOpError)
            invalid = supported and not is_valid(proto, domain, opset, inputs)
            self._failed(node, scope, opset, str(error), "", invalid=invalid)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # NumPy and xDSL raise errors of their own for operands that break ONNX's rules.
            why = f"its operands or attributes do not fit: {error}"
            self._failed(node, scope, opset, why, "", invalid=not is_valid(proto, domain, opset, inputs))
        if not results and _has_graphs(proto):
            self._survey(node, scope, opset)
        for index, name in enumerate(proto.output):
            if name:
                value = results[index] if index < len(results) else Value(name, poisoned=True)
                scope.values[name] = self._named(value, name, scope)

    def _node(
        self, node: GraphNode, inputs: list[Value | None], opset: int, scope: Scope, rest: Rest | None = None
    ) -> Node:
        made = Node(node, inputs, opset, scope.net, self.graph.external, scope.used)
        made.bounds, made.declared = self.bounds, scope.declared
        if _has_graphs(node.proto):
            made.graphs = NodeGraphs(self, made, scope, rest)
        return made

    def _note_fate(self, location: NameLoc, results: list[Value]) -> None:
        """Notes a node that became no op, with the reason; all such nodes share one remark."""
        tensors = [tensor for value in results for tensor in (value.items or [value])]
        owners = [tensor.ssa.owner for tensor in tensors if tensor.ssa is not None]
        if not any(isinstance(owner, Operation) and owner.location == location for owner in owners):
            self.without_op.setdefault(_IDENTITY if owners else _KNOWN, []).append(location)

    def _survey(self, node: GraphNode, scope: Scope, opset: int) -> None:
        """Notes the nodes in the graphs of a node that failed, at any depth, that cannot be imported either."""
        pending = [(f"{scope.path}{node.label}", *each) for each in graphs_of(node.proto)]
        while pending:
            label, name, graph = pending.pop()
            for index, proto in enumerate(graph.node):
                inner = GraphNode(proto, index, node.opsets)
                path = f"{label}/{name}/{inner.label}"
                version = node.opsets.get(_domain(proto), opset)
                if not self.graph.is_function(proto):
                    try:
                        _check_known(proto, _domain(proto), version)
                    except (UnsupportedNode, InvalidNode) as problem:
                        self._note(path, proto, version, problem.why, problem.fix, isinstance(problem, InvalidNode))
                pending += [(path, *each) for each in graphs_of(proto)]

    def _results(self, node: Node, scope: Scope) -> list[Value]:
        """The results of a node: by its row, or else by the operators that ONNX defines it by."""
        proto, domain = node.graph_node.proto, _domain(node.graph_node.proto)
        entry = load_tables().get((domain, proto.op_type))
        poisoned = any(value is not None and value.poisoned for value in node.inputs)
        if poisoned:
            _check_known(proto, domain, node.opset)
            raise _Poisoned
        if entry is None:
            body = function_body(proto, domain, node.opset, node.inputs)
            if body is None:
                _refuse(proto, domain)
            return self._expanded(node, body, scope)
        if node.graphs is not None:
            return node.results(entry.row(node))
        constants = evaluated(node, entry.row)
        if constants is not None:
            return constants
        folded = self._folded(node, domain)
        result: Result = entry.row(node) if folded is None else folded
        values = node.results(result)
        if folded is None and self.refit:
            hold_results(node, entry.row, values)
        return values

    def _expanded(self, node: Node, body: FunctionProto, scope: Scope) -> list[Value]:
        """The results of a function body; its ops carry the location of `node`, and only its results get names."""
        nodes = bound_nodes(body, node.graph_node.proto, _domain(node.graph_node.proto), node.opset)
        wanted = {name for i, name in enumerate(body.output) if node.wants(i)}
        used = frozenset({name for inner in nodes for name in reads(inner)} | wanted)
        inner = Scope(scope.net, {}, used, path=f"{scope.path}{node.graph_node.label}/")
        given = dict(zip(body.input, node.inputs, strict=False))
        inner.values.update((name, value) for name in body.input if (value := given.get(name)) is not None)
        opsets = {_imported(entry.domain): entry.version for entry in body.opset_import}
        for proto in nodes:
            inputs = [inner.values.get(name) for name in proto.input]
            opset = opsets.get(_domain(proto), self.graph.opsets[""])
            try:
                made = self._node(GraphNode(proto, node.graph_node.index, opsets), inputs, opset, inner)
                results = self._results(made, inner)
            except UnsupportedNode as problem:
                raise UnsupportedNode(
                    f"ONNX defines it by {proto.op_type}, and there {problem.why}", problem.fix
                ) from None
            inner.values.update(zip(proto.output, results, strict=False))
        return [inner.values.get(name) or Value("", poisoned=True) for name in body.output]

    def _folded(self, node: Node, domain: str) -> list[Value] | None:
        """The results as integers and expressions over symbols, where all operands are such and the node's fold can decide; else None."""
        fold = FOLDS.get((domain, node.op_type))
        if fold is None or all(value is None or value.exprs is None for value in node.inputs):
            return None
        for value in node.inputs:
            if value is not None and value.held is not None and value.held.size <= MAX_FOLDED_FLOATS:
                value.value_of(
                    self.net, f"it takes part in the shape arithmetic of {node.op_type} {node.graph_node.label}"
                )
        operands = [value.known() for value in node.inputs if value is not None]
        known = [operand for operand in operands if operand is not None]
        if len(known) < len(operands) or sum(operand.size for operand in known) > MAX_FOLDED:
            return None
        try:
            folded = fold(node, known)
        except Undecidable:
            return None
        if folded is None:
            return None
        dtype = node.result_dtype or numpy_dtype(_folded_type(node))
        results = folded if isinstance(folded, list) else [folded]
        if not all(holds(dtype, element, self.net.ranges) for result in results for element in result.reshape(-1)):
            return None
        return [_known(result, dtype) for result in results]

    def _failed(self, node: GraphNode, scope: Scope, opset: int, why: str, fix: str, *, invalid: bool) -> None:
        self._note(f"{scope.path}{node.label}", node.proto, opset, why, fix, invalid)

    def _note(self, label: str, proto: NodeProto, opset: int, why: str, fix: str, invalid: bool) -> None:
        op = f"{proto.domain}.{proto.op_type}" if proto.domain else proto.op_type
        text = f"{label} ({op}, opset {opset}): {why}" + (f"; {fix}" if fix else "")
        self.problems.append(_Problem("node", text, invalid))

    def problem_count(self) -> int:
        """The number of problems that were found so far."""
        return len(self.problems)

    def are_invalid(self, count: int) -> bool:
        """Whether all that was found since there were `count` problems breaks the rules of ONNX."""
        return all(problem.invalid for problem in self.problems[count:])

    def forget_problems(self, count: int) -> None:
        """Forgets those found since there were `count`, of a body that is not used."""
        del self.problems[count:]

    def loaded(self, name: str, scope: Scope) -> Value:
        """A value by name, of this scope or one around it; an initializer is read when it is first asked for."""
        holder = scope.holder(name)
        if holder is None:
            top = scope.function
            assert top.outer is not None, name
            return captured_value(self.loaded(name, top.outer), name, top)
        value = holder.values[name]
        if value.is_empty:
            try:
                value.array = self.graph.array(holder.weights[name])
                if self.refit:
                    value.hold_back()
            except TrtcError as error:
                value.poisoned = True
                invalid = not isinstance(error, UnsupportedOpError)
                self.problems.append(_Problem("initializer", str(error), invalid))
        return value

    def _named(self, value: Value, name: str, scope: Scope) -> Value:
        """The value under an ONNX name: the op that makes it carries the name, and aliases share what is known."""
        if name and value.ssa is not None and not value.poisoned:
            scope.net.name(value.ssa, name)
        if not value.name:
            value.name = name
        return value

    def _raise_problems(self) -> None:
        if not self.problems:
            return
        problems = list(dict.fromkeys(self.problems))  # what both branches of an If took in is found twice
        count = len(problems)
        parts = sorted({problem.part for problem in problems})
        if count == 1:
            what = f"{'an' if parts[0][0] in 'aeiou' else 'a'} {parts[0]} is"
        elif parts == ["node"] and count <= len(self.graph.nodes):  # those in graphs of nodes come on top
            what = f"{count} of {len(self.graph.nodes)} nodes are"
        else:
            what = f"{count} {' and '.join(f'{part}s' for part in parts)} are"
        invalid = all(problem.invalid for problem in problems)
        lines = "\n".join(f"  - {problem.text}" for problem in problems)
        error = InvalidModelError if invalid else UnsupportedOpError
        raise error(f"{self.graph.source}: {what} {'not valid' if invalid else 'not supported'}:\n{lines}")


class _Poisoned(Exception):
    """An operand comes from a node that failed; its own message says why."""


def _check_known(proto: NodeProto, domain: str, opset: int) -> None:
    """Raise for an operator that trtc cannot import, whatever its operands are."""
    if (domain, proto.op_type) not in load_tables() and not is_defined_by_others(proto.op_type, domain, opset):
        _refuse(proto, domain)


def _refuse(proto: NodeProto, domain: str) -> NoReturn:
    """Raise for an operator that is neither in the tables nor defined by others."""
    import onnx.defs

    if _has_graphs(proto):
        raise UnsupportedNode("it runs a subgraph", "simplify the model so that control flow is resolved")
    if not domain and not onnx.defs.has(proto.op_type):
        raise InvalidNode("ONNX has no operator of this name", "check the exporter, or give the node its domain")
    refusal = refusal_of(proto.op_type, domain)
    instead = f"use {refusal.instead}, and " if refusal.instead else ""
    raise UnsupportedNode(
        f"trtc has no import of this operator ({refusal.why})",
        f"{instead}see docs/reference/supported-onnx-ops.md for what can replace it",
    )


def _location(node: GraphNode, scope: Scope) -> NameLoc:
    name = f"{scope.path}{node.label}" if scope.path else node.proto.name
    return onnx_location(name, node.proto.op_type, node.index, _first_output(node))


def _has_graphs(proto: NodeProto) -> bool:
    return any(True for _ in graphs_of(proto))


def _imported(domain: str) -> str:
    """`ai.onnx` is another spelling of the default domain."""
    return "" if domain == "ai.onnx" else domain


def _domain(proto: NodeProto) -> str:
    return _imported(proto.domain)


def _first_output(node: GraphNode) -> str:
    return node.proto.output[0] if node.proto.output else ""


def _known(elements: Any, dtype: Any) -> Value:
    """A folded result: a constant, or expressions over symbols."""
    if all(isinstance(element, int) for element in elements.reshape(-1)):
        return Value("", array=elements.astype(dtype))
    return Value("", exprs=elements, dtype=dtype)


def _folded_type(node: Node) -> Any:
    """Where takes its type from a branch, every other fold from its first operand."""
    return node.element_type(1 if node.op_type == "Where" else 0)
