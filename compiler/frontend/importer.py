"""The importer: an ONNX model becomes a module of `nn`, one walk over its nodes.

Every node is first offered to the folds (shape arithmetic), then to its row in the operator tables. A node that
cannot be imported poisons its results and the walk goes on, so that one error names every offending node. Ops carry the
location of their ONNX node; the op that makes an ONNX tensor carries its name in `nn.names`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import InvalidModelError, TrtcError, UnsupportedOpError
from ...dialects.provenance import onnx_location
from ...passes.remarks import remark
from ..garbage import garbage_frozen
from ..network import Network
from .evaluate import evaluated
from .folding import MAX_ELEMENTS, Undecidable, holds
from .functions import bound_nodes, function_body
from .inputs import Inputs, Profiles
from .model import Graph, GraphNode, load
from .node import InvalidNode, Node, UnsupportedNode, Value, onnx_element_type
from .registry import FOLDS, Result, load_tables
from .signature import check_signature

if TYPE_CHECKING:
    from onnx import FunctionProto, ModelProto, NodeProto, ValueInfoProto


def import_onnx(
    model: str | Path | bytes | ModelProto,
    *,
    profiles: Profiles | None = None,
    static_shapes: Mapping[str, Sequence[int]] | None = None,
    require_profiles: bool = False,
) -> ModuleOp:
    """Read an ONNX model into a module with `func.func @main` of `nn` ops.

    - `model`: a path (`.onnx`, or ONNX text as `.onnxtxt`), the bytes of a file, or a `ModelProto`.
    - `profiles`: for a dim symbol its (min, opt, max), or for an input its (min, opt, max) shapes. Dims without a
      profile get `DEFAULT_RANGE` and a remark, or an `OptionError` with `require_profiles`. An unnamed dim is called
      `<input>_d<axis>`.
      A profile that leaves one size makes the dim static.
    - `static_shapes`: for an input the shape to fix it to.

    Raises `UnsupportedOpError` naming every node that trtc cannot import, and `InvalidModelError` for a damaged model.
    """
    graph = load(model)
    net = Network()
    inputs = Inputs(net, dict(profiles or {}), dict(static_shapes or {}), require_profiles)
    with garbage_frozen():
        module = _Importer(graph, net, inputs.add(graph.inputs)).run()
    inputs.remark_defaults(module)
    return module


@dataclass(frozen=True)
class _Problem:
    """A node that cannot be imported."""

    node: GraphNode
    opset: int
    why: str
    fix: str
    invalid: bool

    def __str__(self) -> str:
        proto = self.node.proto
        op = f"{proto.domain}.{proto.op_type}" if proto.domain else proto.op_type
        return f"{self.node.label} ({op}, opset {self.opset}): {self.why}" + (f"; {self.fix}" if self.fix else "")


@dataclass
class _Importer:
    graph: Graph
    net: Network
    values: dict[str, Value]
    problems: list[_Problem] = field(default_factory=list[_Problem])

    def run(self) -> ModuleOp:
        for name in self.graph.weights:
            self.values[name] = Value(name)
        for node in self.graph.nodes:
            self._import_node(node)
        self._raise_problems()
        for output in self.graph.outputs:
            value = self._loaded(output.name).materialise(self.net)
            self._check_output_type(output, value)
            self.net.mark_output(value, output.name)
        module = self.net.module()
        for output in self.graph.outputs:
            self._remark_output_shape(module, output)
        return module

    def _check_output_type(self, output: ValueInfoProto, value: SSAValue) -> None:
        """Who reads a model's outputs relies on the element types that it declares."""
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
        """Shapes that models declare are often stale, so a wrong one is a remark: what counts is what is computed."""
        tensor = output.type.tensor_type
        shape = self.net.shape(self.values[output.name].materialise(self.net))
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

    def _import_node(self, node: GraphNode) -> None:
        proto = node.proto
        domain = _domain(proto)
        opset = self.graph.opsets.get(domain, 1 if domain else self.graph.opsets[""])
        inputs = [self._loaded(name) if name else None for name in proto.input]
        results: list[Value] = []
        try:
            check_signature(proto, domain, opset)
            with self.net.at(onnx_location(proto.name, proto.op_type, node.index, _first_output(node))):
                results = self._results(Node(node, inputs, opset, self.net, self.graph.folder, self.graph.used))
        except _Poisoned:
            pass
        except UnsupportedNode as problem:
            self._failed(node, opset, problem.why, problem.fix, invalid=False)
        except InvalidNode as problem:
            self._failed(node, opset, problem.why, problem.fix, invalid=True)
        except TrtcError as error:
            fix = "where dynamic dims do agree, pin them with static_shapes" if _any_dynamic(inputs) else ""
            self._failed(node, opset, str(error), fix, invalid=not isinstance(error, UnsupportedOpError))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # NumPy and xDSL refuse operands that break ONNX's rules in words of their own.
            self._failed(node, opset, f"its operands or attributes do not fit: {error}", "", invalid=True)
        for index, name in enumerate(proto.output):
            if name:
                value = results[index] if index < len(results) else Value(name, poisoned=True)
                self.values[name] = self._named(value, name)

    def _results(self, node: Node) -> list[Value]:
        """What a node makes: by its row, or else by the operators that ONNX defines it by."""
        proto, domain = node.graph_node.proto, _domain(node.graph_node.proto)
        entry = load_tables().get((domain, proto.op_type))
        poisoned = any(value is not None and value.poisoned for value in node.inputs)
        if entry is None:
            body = None if poisoned else function_body(proto, domain, node.opset, node.inputs)
            if body is None:
                _refuse(proto, domain)
            return self._expanded(node, body)
        if poisoned:
            raise _Poisoned
        constants = evaluated(node, entry.row)
        if constants is not None:
            return constants
        folded = self._folded(node, domain)
        result: Result = entry.row(node) if folded is None else folded
        made = [result] if isinstance(result, SSAValue | Value) else list(result)
        return [Value("", ssa=value) if isinstance(value, SSAValue) else value for value in made]

    def _expanded(self, node: Node, body: FunctionProto) -> list[Value]:
        """The results of a function body; its ops carry the location of `node`, and only its results get names."""
        values: dict[str, Value | None] = dict.fromkeys(body.input)
        values.update(zip(body.input, node.inputs, strict=False))
        opsets = {_imported(entry.domain): entry.version for entry in body.opset_import}
        nodes = bound_nodes(body, node.graph_node.proto, _domain(node.graph_node.proto), node.opset)
        wanted = {name for i, name in enumerate(body.output) if node.wants(i)}
        used = frozenset({name for inner in nodes for name in inner.input} | wanted)
        for proto in nodes:
            inputs = [values[name] if name else None for name in proto.input]
            opset = opsets.get(_domain(proto), self.graph.opsets[""])
            inner = Node(GraphNode(proto, node.graph_node.index), inputs, opset, self.net, self.graph.folder, used)
            try:
                results = self._results(inner)
            except UnsupportedNode as problem:
                raise UnsupportedNode(
                    f"ONNX defines it by {proto.op_type}, and there {problem.why}", problem.fix
                ) from None
            values.update(zip(proto.output, results, strict=False))
        return [values.get(name) or Value("", poisoned=True) for name in body.output]

    def _folded(self, node: Node, domain: str) -> Value | None:
        """The result as integers known but for the symbols of dynamic dims, where all operands are and the table can tell."""
        fold = FOLDS.get((domain, node.op_type))
        if fold is None or all(value is None or value.exprs is None for value in node.inputs):
            return None
        operands = [value.known() for value in node.inputs if value is not None]
        known = [operand for operand in operands if operand is not None]
        if len(known) < len(operands) or sum(operand.size for operand in known) > MAX_ELEMENTS:
            return None
        try:
            folded = fold(node, known)
        except Undecidable:
            return None
        if folded is None:
            return None
        dtype = node.result_dtype or numpy_dtype(_folded_type(node))
        if not all(holds(dtype, element, self.net.ranges) for element in folded.reshape(-1)):
            return None
        if all(isinstance(element, int) for element in folded.reshape(-1)):
            return Value("", array=folded.astype(dtype))
        return Value("", exprs=folded, dtype=dtype)

    def _failed(self, node: GraphNode, opset: int, why: str, fix: str, *, invalid: bool) -> None:
        self.problems.append(_Problem(node, opset, why, fix, invalid))

    def _loaded(self, name: str) -> Value:
        """A value by name; an initializer is read when it is first asked for."""
        value = self.values[name]
        if value.array is None and value.exprs is None and value.ssa is None and not value.poisoned:
            value.array = self.graph.weight(name)
        return value

    def _named(self, value: Value, name: str) -> Value:
        """The value under an ONNX name: the op that makes it carries the name, and aliases share what is known."""
        if value.ssa is not None and not value.poisoned:
            self.net.name(value.ssa, name)
        if not value.name:
            value.name = name
        return value

    def _raise_problems(self) -> None:
        if not self.problems:
            return
        count = len(self.problems)
        nodes = f"{count} of {len(self.graph.nodes)} nodes" if count > 1 else "a node"
        invalid = all(problem.invalid for problem in self.problems)
        verb = "not valid" if invalid else "not supported"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        error = InvalidModelError if invalid else UnsupportedOpError
        raise error(f"{self.graph.source}: {nodes} {'are' if count > 1 else 'is'} {verb}:\n{lines}")


class _Poisoned(Exception):
    """An operand comes from a node that failed; its own message says why."""


def _refuse(proto: NodeProto, domain: str) -> NoReturn:
    """Raise for an operator that is neither in the tables nor defined by others."""
    import onnx.defs

    if any(attribute.HasField("g") for attribute in proto.attribute):
        raise UnsupportedNode("it runs a subgraph", "simplify the model so that control flow is resolved")
    if not domain and not onnx.defs.has(proto.op_type):
        raise InvalidNode("ONNX has no operator of this name", "check the exporter, or give the node its domain")
    raise UnsupportedNode(
        "trtc has no import of this operator", "see docs/reference/supported-onnx-ops.md for what can replace it"
    )


def _imported(domain: str) -> str:
    """`ai.onnx` is another spelling of the default domain."""
    return "" if domain == "ai.onnx" else domain


def _domain(proto: NodeProto) -> str:
    return _imported(proto.domain)


def _any_dynamic(inputs: Sequence[Value | None]) -> bool:
    """Whether an operand has a dim that is not known at import."""
    return any(extent.as_int() is None for value in inputs if value is not None for extent in value.shape)


def _first_output(node: GraphNode) -> str:
    return node.proto.output[0] if node.proto.output else ""


def _folded_type(node: Node) -> Any:
    """Where takes its type from a branch, every other fold from its first operand."""
    return node.element_type(1 if node.op_type == "Where" else 0)
