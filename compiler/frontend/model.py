"""Reading an ONNX model: bytes to a checked `Graph` whose nodes are in topological order and whose weights are arrays.

Nothing here knows an operator. Every defect of the file itself (not parseable, no opset, a value that no node makes, a
cycle, data of the wrong length, external data outside the model's folder) is an `InvalidModelError`.
"""

from __future__ import annotations

import heapq
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...dialects import limits
from ...dialects.errors import InvalidModelError, UnsupportedOpError
from .digest import model_digest
from .embedded_data import Embedded, embedded_data, read_past_protobuf, with_data
from .external_data import ExternalData
from .local_functions import Inliner, key_of
from .old_opsets import converted
from .opsets import model_opsets
from .subgraphs import check_depth, reads
from .texts import check_texts

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto


Declared: TypeAlias = "tuple[int | None, ...]"


def node_label(name: str, index: int, first_output: str) -> str:
    """The label of a node in messages: its name, or `#index:first_output` where it has none."""
    return name or f"#{index}:{first_output}"


@dataclass(frozen=True)
class GraphNode:
    """A node with its position in the file, which identifies it also where the file is not sorted."""

    proto: NodeProto
    index: int
    opsets: Mapping[str, int]

    @property
    def label(self) -> str:
        outputs = self.proto.output
        return node_label(self.proto.name, self.index, outputs[0] if outputs else "")


@dataclass(frozen=True)
class Subgraph:
    """A graph in an attribute of a node, its nodes in dependency order; it may read values of the graphs around it."""

    nodes: list[GraphNode]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: dict[str, TensorProto]
    used: frozenset[str]
    declared: Mapping[str, Declared]


@dataclass
class Graph:
    """A model read and checked: what the importer walks over."""

    source: str
    proto: ModelProto
    opsets: Mapping[str, int]
    nodes: list[GraphNode]
    inputs: list[ValueInfoProto]
    outputs: list[ValueInfoProto]
    weights: dict[str, TensorProto]
    external: ExternalData
    used: frozenset[str]
    """The values that some node or graph output reads."""
    inliner: Inliner
    """Expands calls of the model's functions, in subgraphs too."""
    declared: Mapping[str, Declared]
    """The shapes that the model declares for values and outputs."""
    dead: list[GraphNode]
    """The nodes that no output needs: whatever they are, they are not imported."""

    def subgraph(self, graph: GraphProto, opsets: Mapping[str, int], given: Iterable[str], label: str) -> Subgraph:
        """The graph of an attribute, as this one: `given` are the names of outer values that it may read, `label` its path. Raises
        InvalidModelError for a graph that is not well-formed."""
        source = f"{self.source}: graph {label}"
        weights = _weights(graph, source)
        inputs = tuple(value.name for value in graph.input)
        expanded = enumerate(self.inliner.expand(graph.node, opsets))
        nodes = [GraphNode(proto, index, versions) for index, (proto, versions) in expanded]
        nodes, _ = _live(_sorted_nodes(nodes, graph, {*inputs, *weights}, source, frozenset(given)), graph)
        outputs = tuple(value.name for value in graph.output)
        return Subgraph(nodes, inputs, outputs, weights, _used(nodes, graph), declared_shapes(graph))

    def digest(self) -> str:
        """The SHA-256 of the model and of what was read of the data beside it."""
        return model_digest(self.proto, self.external.embedded, self.external.digest())

    def is_function(self, node: NodeProto) -> bool:
        """Whether a node calls a function of the model."""
        return any(key_of(each, each.name) == key_of(node, node.op_type) for each in self.proto.functions)

    def weight(self, name: str) -> np.ndarray[Any, Any]:
        """An initializer of the graph itself."""
        return self.array(self.weights[name])

    def array(self, tensor: TensorProto) -> np.ndarray[Any, Any]:
        """An initializer of the graph, or of one in it."""
        return tensor_to_array(tensor, self.external, f"initializer {tensor.name!r}")


def load(model: str | Path | bytes | ModelProto) -> Graph:
    """Read a model from a path (`.onnx`, or the textual `.onnxtxt`), from bytes, or from a ModelProto."""
    if isinstance(model, str | Path):
        path = Path(model)
        return _check(*_read(path), path.name, Path(os.path.realpath(path.parent)))
    if isinstance(model, bytes | bytearray | memoryview):
        return _check(*_parse(BytesIO(model), len(model), "the model"), "the model", None)
    return _check(model, {}, model.graph.name or "the model", None)


def _read(path: Path) -> tuple[ModelProto, Embedded]:
    """The model in a file. Raises InvalidModelError for one that is not there, is no plain file or is too large."""
    try:
        if not path.is_file():
            raise InvalidModelError(f"there is no model file {str(path)!r}; check the path")
        size = path.stat().st_size
        if size > limits.MAX_MODEL_BYTES:
            raise InvalidModelError(
                f"{path.name} has {size} bytes, and protobuf reads {limits.MAX_MODEL_BYTES} at most; save the model with its weights "
                "as external data"
            )
        with path.open("rb") as stream:
            if path.suffix == ".onnxtxt":
                return _parse_text(stream.read(), path.name), {}
            return _parse(stream, size, path.name)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidModelError(f"the model file {str(path)!r} cannot be read: {reason}; check the path") from None


def _parse_text(data: bytes, source: str) -> ModelProto:
    import onnx.parser

    if (depth := _depth(data)) > 4 * limits.MAX_SUBGRAPH_DEPTH:  # the parser recurses, and its stack would overflow
        raise InvalidModelError(
            f"{source} nests brackets {depth} deep, which no ONNX text needs; export the model again"
        )
    try:
        return onnx.parser.parse_model(data.decode())
    except (onnx.parser.ParseError, UnicodeDecodeError) as error:
        raise InvalidModelError(f"{source} is not ONNX text: {_one_line(error)}") from None


def _depth(text: bytes) -> int:
    """The nesting depth of brackets in a text, without those in strings."""
    plain = np.frombuffer(re.sub(rb'"(?:[^"\\]|\\.)*"', b"", text, flags=re.DOTALL), np.uint8)
    steps = np.isin(plain, list(b"{([")).astype(np.int64) - np.isin(plain, list(b"})]"))
    return int(np.cumsum(steps).max(initial=0))


def _parse(stream: IO[bytes], size: int, source: str) -> tuple[ModelProto, Embedded]:
    import onnx
    from google.protobuf.message import DecodeError

    if not size:
        raise InvalidModelError(f"{source} is empty; expected an ONNX model")
    data, embedded = read_past_protobuf(stream, size)
    if data.startswith(b"version https://git-lfs"):
        raise InvalidModelError(f"{source} is a pointer of Git LFS, not the model; fetch it with: git lfs pull")
    try:
        return onnx.ModelProto.FromString(data), embedded
    except DecodeError:
        raise InvalidModelError(
            f"{source} is not an ONNX file: its {size} bytes do not parse as a ModelProto; it may be cut off, another format, "
            "or hold subgraphs that nest too deep (protobuf reads 100 levels); export it again"
        ) from None


def _check(model: ModelProto, embedded: Embedded, source: str, folder: Path | None) -> Graph:
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise InvalidModelError(f"{source} holds no graph; it may be cut off or not be an ONNX model; export it again")
    check_texts(model, source)
    model = converted(model, embedded, source)
    opsets = model_opsets(model, source)
    graph = model.graph
    check_depth(graph, source)
    weights = _weights(graph, source)
    inputs = [value for value in graph.input if value.name not in weights]
    if not graph.output:
        raise InvalidModelError(f"{source} declares no output; mark at least one graph output")
    inliner = Inliner.of(model, source)
    nodes = [
        GraphNode(proto, index, versions) for index, (proto, versions) in enumerate(inliner.expand(graph.node, opsets))
    ]
    nodes, dead = _live(_sorted_nodes(nodes, graph, {value.name for value in inputs} | weights.keys(), source), graph)
    external = ExternalData(folder, embedded)
    return Graph(
        source,
        model,
        opsets,
        nodes,
        inputs,
        list({value.name: value for value in graph.output}.values()),  # they go by their names: one listed twice is one
        weights,
        external,
        _used(nodes, graph),
        inliner,
        declared_shapes(graph),
        dead,
    )


def declared_shapes(graph: GraphProto) -> dict[str, Declared]:
    """The shapes that a graph declares for its values and outputs, None for a dim without a size. They are often stale: good for a guess,
    not for a fact."""
    found: dict[str, Declared] = {}
    for value in (*graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            found[value.name] = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    return found


def _weights(graph: GraphProto, source: str) -> dict[str, TensorProto]:
    """The initializers of a graph by name."""
    if graph.sparse_initializer:
        raise UnsupportedOpError(f"{source} has sparse initializers, which trtc does not read; store them dense")
    weights = {tensor.name: tensor for tensor in graph.initializer}
    if len(weights) < len(graph.initializer):
        counts = Counter(tensor.name for tensor in graph.initializer)
        twice = sorted(name for name, count in counts.items() if count > 1)
        raise InvalidModelError(_listing(f"{source} has several initializers of one name; export it again", twice))
    return weights


def _used(nodes: Iterable[GraphNode], graph: GraphProto) -> frozenset[str]:
    """The values that some node, a subgraph of one, or an output of the graph reads."""
    return frozenset({name for node in nodes for name in reads(node.proto)} | {value.name for value in graph.output})


def _live(nodes: list[GraphNode], graph: GraphProto) -> tuple[list[GraphNode], list[GraphNode]]:
    """Sorted nodes parted into those that the outputs of their graph need and the rest."""
    needed = {value.name for value in graph.output}
    live: list[GraphNode] = []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.proto.output):
            needed.update(reads(node.proto))
            live.append(node)
    kept = {node.index for node in live}
    return live[::-1], [node for node in nodes if node.index not in kept]


def _sorted_nodes(
    nodes: list[GraphNode], graph: GraphProto, given: set[str], source: str, outer: frozenset[str] = frozenset()
) -> list[GraphNode]:
    """The nodes in dependency order, otherwise in the file's; reports every missing value and cycle at once. `outer` are values of the
    graphs around this one, which its own hide."""
    producer: dict[str, int] = {}
    problems: list[str] = []
    for node in nodes:
        for output in filter(None, node.proto.output):
            if output in producer or output in given:
                problems.append(f"{node.label} ({node.proto.op_type}) makes {output!r}, which already has a producer")
            producer[output] = node.index
    users: dict[int, list[int]] = {}
    waiting = [0] * len(nodes)
    for node in nodes:
        for name in reads(node.proto):
            made_by = producer.get(name)
            if made_by is not None:
                users.setdefault(made_by, []).append(node.index)
                waiting[node.index] += 1
            elif name not in given and name not in outer:
                problems.append(f"{node.label} ({node.proto.op_type}) reads {name!r}, which nothing in the graph makes")
    problems += [
        f"graph output {value.name!r} is made by no node"
        for value in graph.output
        if value.name not in producer and value.name not in given and value.name not in outer
    ]
    if problems:
        raise InvalidModelError(_listing(f"{source} is not a well-formed graph", problems))
    order = _topological_order(waiting, users)
    if len(order) < len(nodes):
        stuck = [nodes[i] for i in sorted(set(range(len(nodes))) - set(order))]
        cycle = [f"{node.label} ({node.proto.op_type})" for node in stuck]
        raise InvalidModelError(_listing(f"{source} has a cycle; it runs through or feeds", cycle))
    return [nodes[index] for index in order]


def _topological_order(waiting: list[int], users: dict[int, list[int]]) -> list[int]:
    ready = [index for index, count in enumerate(waiting) if count == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for user in users.get(index, ()):
            waiting[user] -= 1
            if waiting[user] == 0:
                heapq.heappush(ready, user)
    return order


def _listing(head: str, items: list[str], limit: int = 20) -> str:
    shown = [f"  - {item}" for item in items[:limit]]
    if len(items) > limit:
        shown.append(f"  - and {len(items) - limit} more")
    return "\n".join([f"{head}:", *shown])


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def tensor_to_array(tensor: TensorProto, external: ExternalData, what: str) -> np.ndarray[Any, Any]:
    """A tensor's data as an array, copied at most once; external data is read into it."""
    import onnx
    from onnx import numpy_helper

    kinds = onnx.TensorProto
    if tensor.data_type not in kinds.DataType.values():
        raise InvalidModelError(f"{what} has the data type {tensor.data_type}, which ONNX does not know")
    if tensor.data_type in (kinds.STRING, kinds.UNDEFINED):
        raise UnsupportedOpError(f"{what} holds strings or no type at all; trtc computes on numbers and booleans")
    if any(extent < 0 for extent in tensor.dims):
        raise InvalidModelError(f"{what} has the dims {list(tensor.dims)[:8]}; expected 0 or more each")
    if len(tensor.dims) > limits.MAX_RANK:
        raise UnsupportedOpError(f"{what} has rank {len(tensor.dims)}; expected at most {limits.MAX_RANK}")
    data = embedded_data(tensor, external.embedded)
    if data is None and tensor.data_location == kinds.EXTERNAL:
        if tensor.data_type in _PACKED:
            raise UnsupportedOpError(f"{what} packs several elements into a byte; store it as int8 or float")
        return external.array(tensor, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)), what)
    try:
        if data is None or tensor.data_type in _PACKED:
            return numpy_helper.to_array(tensor if data is None else with_data(tensor, data))
        return np.frombuffer(data, onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)).reshape(tensor.dims)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise InvalidModelError(f"{what} is damaged: {_one_line(error)}; export the model again") from None


_PACKED = frozenset((21, 22, 23, 25, 26))
"""ONNX data types of less than a byte: UINT4, INT4, FLOAT4E2M1, UINT2, INT2."""
