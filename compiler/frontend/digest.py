"""What identifies a model: one SHA-256 over all its fields, equal for a file, its bytes and its proto.

The proto is walked, not serialised: protobuf makes no message of 2 GB, and a model in memory may be larger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dialects.blob import digest_of
from .embedded_data import DATA, LARGE, RAW_DATA, Embedded, embedded_data

if TYPE_CHECKING:
    from onnx import ModelProto

_WALKED = frozenset(("ModelProto", "GraphProto", "FunctionProto", "NodeProto", "AttributeProto", "TensorProto"))
"""The messages that may contain tensors; all others are small."""
_TENSORS = frozenset((4, 5, 9, 10, 11, 12))
"""Attribute types that hold tensors or graphs: TENSOR, GRAPH, TENSORS, GRAPHS, SPARSE_TENSOR, SPARSE_TENSORS."""


def model_digest(model: ModelProto, embedded: Embedded | None = None, external: str = "") -> str:
    """The SHA-256 of a model, in hex; `embedded` is its data that was read past protobuf, `external` the digest of the data beside it."""
    digest = hashlib.sha256()
    pending: list[Any] = [external.encode(), model]
    while pending:
        part = pending.pop()
        if isinstance(part, bytes):
            digest.update(part)
        elif _is_small(part):
            _update(digest, part.SerializeToString(deterministic=True))
        else:
            pending.append(b"end;")
            pending += reversed(list(_fields(part, embedded or {})))
    return digest.hexdigest()


def _is_small(message: Any) -> bool:
    kind = message.DESCRIPTOR.name
    if kind == "NodeProto":
        return all(attribute.type not in _TENSORS for attribute in message.attribute)
    return kind not in _WALKED


def _fields(message: Any, embedded: Embedded) -> Iterable[Any]:
    """A message's fields as bytes and further messages, each after its number and count; of large data, its digest."""
    fields = message.ListFields()
    if message.DESCRIPTOR.name == "TensorProto":
        data = embedded_data(message, embedded)
        if data is not None:
            fields = [each for each in fields if each[0].number not in DATA]
        elif len(message.raw_data) >= LARGE:
            data = message.raw_data
            fields = [each for each in fields if each[0].number != RAW_DATA]
        if data is not None:
            yield f"{RAW_DATA}:{len(data)};{digest_of(np.frombuffer(data, np.uint8))};".encode()
    for field, value in fields:
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
        values = value if repeated else [value]
        yield f"{field.number}:{len(values)};".encode()
        if field.message_type is not None:
            yield from values
        elif field.type in (field.TYPE_BYTES, field.TYPE_STRING):
            for each in values:
                data = each.encode() if isinstance(each, str) else each
                yield f"{len(data)};".encode()
                yield data
        else:
            yield np.array(values).tobytes()


def _update(digest: Any, data: bytes) -> None:
    digest.update(f"{len(data)};".encode())
    digest.update(data)
