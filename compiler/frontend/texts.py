"""Checks that the texts of a model are Unicode: protobuf returns a string that is not as bytes, which no later code expects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ...dialects.errors import InvalidModelError

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from onnx import ModelProto

_Path: TypeAlias = "tuple[_Path, str, int] | None"
"""The path to the parent, a field, and a position in it (-1 for a field of one)."""
_UNUSED = frozenset(["doc_string", "metadata_props", "producer_name", "producer_version"])
_LARGE = frozenset(["raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"])
"""Fields of tensors that hold no text and are slow to read."""


def check_texts(model: ModelProto, source: str) -> None:
    """Raises InvalidModelError for a name, an operator or another text that trtc reads and that is not UTF-8."""
    waiting: list[tuple[Any, _Path]] = [(model, None)]  # no recursion: how deep subgraphs nest is checked elsewhere
    while waiting:
        message, path = waiting.pop()
        for field, value in _fields(message):
            kind = field.type
            if kind not in (field.TYPE_STRING, field.TYPE_MESSAGE) or field.name in _UNUSED:
                continue
            single = isinstance(value, str | bytes) or hasattr(value, "DESCRIPTOR")
            values: Any = (value,) if single else value
            if kind == field.TYPE_MESSAGE:
                waiting += [(each, (path, field.name, -1 if single else i)) for i, each in enumerate(values)]
                continue
            for i, text in enumerate(values):
                if not isinstance(text, str):
                    where = _written((path, field.name, -1 if single else i))
                    raise InvalidModelError(
                        f"{source}: expected texts in UTF-8, got {text!r:.80} as {where}; export the model again"
                    )


def _fields(message: Message) -> Sequence[tuple[Any, Any]]:
    descriptor = message.DESCRIPTOR
    if descriptor.name != "TensorProto":
        return message.ListFields()
    return [(field, getattr(message, field.name)) for field in descriptor.fields if field.name not in _LARGE]


def _written(path: _Path) -> str:
    """`model.graph.node[3].name`."""
    parts: list[str] = []
    while path is not None:
        path, name, index = path
        parts.append(f".{name}" if index < 0 else f".{name}[{index}]")
    return "model" + "".join(reversed(parts))
