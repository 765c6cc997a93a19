"""Reading an ONNX model: bytes to a checked `Graph` whose nodes are in topological order and whose weights are arrays.

Nothing here knows an operator. Every defect of the file itself (not parseable, no opset, a value that nobody makes, a
cycle, data of the wrong length, external data outside the model's folder) is an `InvalidModelError`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dialects.errors import InvalidModelError, UnsupportedOpError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

OLDEST_OPSET = 7
"""Before opset 7 broadcasting and several attributes meant something else; such models are refused."""


def node_label(name: str, index: int, first_output: str) -> str:
    """What a node is called in messages: its name, or `#index:first_output` where it has none."""
    return name or f"#{index}:{first_output}"


@dataclass(frozen=True)
class GraphNode:
    """A node with its position in the file (which stays its identity when the file is not sorted)."""

    proto: NodeProto
    index: int

    @property
    def label(self) -> str:
        outputs = self.proto.output
        return node_label(self.proto.name, self.index, outputs[0] if outputs else "")


@dataclass
class Graph:
    """A model read and checked: what the importer walks over."""

    source: str
    opsets: dict[str, int]
    nodes: list[GraphNode]
    inputs: list[ValueInfoProto]
    outputs: list[ValueInfoProto]
    weights: dict[str, TensorProto]
    folder: Path | None
    used: frozenset[str]
    """The values that some node or graph output reads."""

    def weight(self, name: str) -> np.ndarray[Any, Any]:
        return tensor_to_array(self.weights[name], self.folder, f"initializer {name!r}")


def load(model: str | Path | bytes | ModelProto) -> Graph:
    """Read a model from a path (`.onnx`, or the textual `.onnxtxt`), from bytes, or as it is."""
    if isinstance(model, str | Path):
        path = Path(model)
        return _check(_parse_file(path), str(path.name), path.resolve().parent)
    if isinstance(model, bytes | bytearray | memoryview):
        return _check(_parse_bytes(bytes(model), "the model"), "the model", None)
    return _check(model, model.graph.name or "the model", None)


def _parse_file(path: Path) -> ModelProto:
    if not path.is_file():
        raise InvalidModelError(f"there is no model file {str(path)!r}; check the path")
    data = path.read_bytes()
    if path.suffix == ".onnxtxt":
        return _parse_text(data, path.name)
    return _parse_bytes(data, path.name)


def _parse_text(data: bytes, source: str) -> ModelProto:
    import onnx.parser

    try:
        return onnx.parser.parse_model(data.decode())
    except (onnx.parser.ParseError, UnicodeDecodeError) as error:
        raise InvalidModelError(f"{source} is not ONNX text: {_one_line(error)}") from None


def _parse_bytes(data: bytes, source: str) -> ModelProto:
    import onnx
    from google.protobuf.message import DecodeError

    if not data:
        raise InvalidModelError(f"{source} is empty; expected an ONNX model")
    if data.startswith(b"version https://git-lfs"):
        raise InvalidModelError(f"{source} is a pointer of Git LFS, not the model; fetch it with: git lfs pull")
    try:
        return onnx.ModelProto.FromString(data)
    except DecodeError:
        raise InvalidModelError(
            f"{source} is not an ONNX file: its {len(data)} bytes do not parse as a ModelProto; it may be cut off, or "
            "another format; export it again"
        ) from None


def _check(model: ModelProto, source: str, folder: Path | None) -> Graph:
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise InvalidModelError(f"{source} holds no graph; it may be cut off or not be an ONNX model; export it again")
    if model.functions:
        import onnx.inliner

        model = onnx.inliner.inline_local_functions(model)
    opsets = _opsets(model, source)
    graph = model.graph
    if graph.sparse_initializer:
        raise InvalidModelError(f"{source} has sparse initializers, which trtc does not read; store them dense")
    weights = {tensor.name: tensor for tensor in graph.initializer}
    if len(weights) < len(graph.initializer):
        names = [tensor.name for tensor in graph.initializer]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InvalidModelError(_listing(f"{source} has several initializers of one name; export it again", twice))
    inputs = [value for value in graph.input if value.name not in weights]
    if not graph.output:
        raise InvalidModelError(f"{source} declares no output; mark at least one graph output")
    nodes = _sorted_nodes(graph, {value.name for value in inputs} | weights.keys(), source)
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    return Graph(source, opsets, nodes, inputs, list(graph.output), weights, folder, frozenset(used))


def _opsets(model: ModelProto, source: str) -> dict[str, int]:
    import onnx.defs

    opsets = {entry.domain if entry.domain != "ai.onnx" else "": entry.version for entry in model.opset_import}
    newest = onnx.defs.onnx_opset_version()
    version = opsets.get("")
    if version is None:
        if not any(node.domain in ("", "ai.onnx") for node in model.graph.node):
            return {**opsets, "": newest}
        raise InvalidModelError(f"{source} imports no opset of the default domain; export it with an opset_import")
    if not OLDEST_OPSET <= version <= newest:
        raise InvalidModelError(
            f"{source} uses opset {version}; trtc reads {OLDEST_OPSET} to {newest} (the newest that the installed onnx "
            "package knows); convert it with onnx.version_converter, or update onnx"
        )
    return opsets


def _sorted_nodes(graph: GraphProto, given: set[str], source: str) -> list[GraphNode]:
    """The nodes in dependency order, stable against the file's; reports every missing value and cycle at once."""
    nodes = [GraphNode(proto, index) for index, proto in enumerate(graph.node)]
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
        for name in set(_reads(node.proto)):
            made_by = producer.get(name)
            if made_by is not None:
                users.setdefault(made_by, []).append(node.index)
                waiting[node.index] += 1
            elif name not in given:
                problems.append(f"{node.label} ({node.proto.op_type}) reads {name!r}, which nothing in the graph makes")
    problems += [
        f"graph output {value.name!r} is made by no node"
        for value in graph.output
        if value.name not in producer and value.name not in given
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


def _reads(node: NodeProto) -> Iterable[str]:
    """The values that a node reads: its operands. Names captured by subgraphs need no order here, since nodes with
    subgraphs are refused by the driver."""
    return filter(None, node.input)


def _listing(head: str, items: list[str], limit: int = 20) -> str:
    shown = [f"  - {item}" for item in items[:limit]]
    if len(items) > limit:
        shown.append(f"  - and {len(items) - limit} more")
    return "\n".join([f"{head}:", *shown])


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def tensor_to_array(tensor: TensorProto, folder: Path | None, what: str) -> np.ndarray[Any, Any]:
    """A tensor's data as an array, copied at most once; external data is mapped, not read."""
    import onnx
    from onnx import numpy_helper

    if tensor.data_type in (onnx.TensorProto.STRING, onnx.TensorProto.UNDEFINED):
        raise UnsupportedOpError(f"{what} holds strings or no type at all; trtc computes on numbers and booleans")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _mapped(tensor, folder, what)
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidModelError(f"{what} is damaged: {_one_line(error)}; export the model again") from None


_PACKED = frozenset((21, 22, 23, 25, 26))
"""ONNX data types of less than a byte: UINT4, INT4, FLOAT4E2M1, UINT2, INT2."""


def _mapped(tensor: TensorProto, folder: Path | None, what: str) -> np.ndarray[Any, Any]:
    import onnx.helper

    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if folder is None:
        raise InvalidModelError(
            f"{what} lies in the file {location!r}, but the model came without a folder; pass its path"
        )
    path = (folder / location).resolve()
    if not location or not path.is_relative_to(folder):
        raise InvalidModelError(
            f"{what} points to {location!r}, outside the model's folder; keep the data beside the model"
        )
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
    if tensor.data_type in _PACKED:
        raise UnsupportedOpError(f"{what} packs several elements into a byte; store it as int8 or float")
    shape = tuple(tensor.dims)
    offset = int(entries.get("offset", 0))
    needed = offset + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    if not path.is_file():
        raise InvalidModelError(f"{what} lies in {location!r}, and there is no such file; put it beside the model")
    have = path.stat().st_size
    if have < needed:
        raise InvalidModelError(f"{what} needs {needed} bytes of {location!r}, which has {have}; fetch the whole file")
    if 0 in shape:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r", offset, shape)
