"""Large initializers of a model file, read past protobuf, which copies a tensor's data as it parses a model and each time it is asked for.

A model is read field by field (protobuf.dev/programming-guides/encoding). The raw data of large initializers goes where the weights then
lie, and protobuf parses the rest, in which such a tensor has external data in the model file itself: an empty location, and the offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from onnx import TensorProto

LARGE = 1 << 16
"""Bytes of raw data that are read past protobuf."""
RAW_DATA, _EXTERNAL_DATA = 9, 13
DATA = (RAW_DATA, _EXTERNAL_DATA, 14)
"""Numbers of the fields of TensorProto that have data or say where it lies."""
_GRAPH, _INITIALIZER = 7, 5
"""Numbers of the fields of ModelProto and GraphProto that lead to tensors."""
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
"""The wire types: a number of a variable length, bytes after their length, and so many bytes."""

Embedded = Mapping[str, bytes]
"""The data that was read past protobuf, by its offset in the model file, as a text."""


def read_past_protobuf(stream: IO[bytes], size: int) -> tuple[bytes, Embedded]:
    """A model of `size` bytes: what protobuf is to parse, and the data of large initializers. What is not encoded as a model is left to
    protobuf, which reports it."""
    reader = _Reader(stream)
    try:
        return reader.model(size), reader.embedded
    except ValueError:
        stream.seek(0)
        return stream.read(), {}


def embedded_data(tensor: TensorProto, embedded: Embedded) -> bytes | None:
    """The data of a tensor that was read past protobuf; None for any other tensor."""
    if not embedded or not tensor.external_data:
        return None
    entries = {entry.key: entry.value for entry in tensor.external_data}
    return embedded.get(entries.get("offset", "")) if entries.get("location") == "" else None


def with_data(tensor: TensorProto, data: bytes) -> TensorProto:
    """A tensor with its data, as it was before."""
    whole = type(tensor)()
    whole.CopyFrom(tensor)
    whole.ClearField("external_data")
    whole.ClearField("data_location")
    whole.raw_data = data
    return whole


class _Field(NamedTuple):
    number: int
    encoded: bytes
    """Its tag and length, or the tag and value of a number."""
    content: bytes = b""
    offset: int = 0
    """Where its content begins."""


@dataclass
class _Reader:
    """Reads a model from beginning to end. Raises ValueError for what is not encoded as one."""

    stream: IO[bytes]
    position: int = 0
    embedded: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def model(self, end: int) -> bytes:
        return _joined(self.fields(end, _GRAPH, self.graph))

    def graph(self, end: int) -> bytes:
        return _joined(self.fields(end, _INITIALIZER, self.tensor))

    def tensor(self, end: int) -> bytes:
        """A tensor, without its data where that is large and in one place."""
        if end - self.position < LARGE:
            return self.take(end - self.position)
        fields = list(self.fields(end))
        data = [each for each in fields if each.number in DATA]
        if len(data) == 1 and data[0].number == RAW_DATA and len(data[0].content) >= LARGE:
            fields.remove(data[0])
            self.embedded[str(data[0].offset)] = data[0].content
            fields.append(_Field(_EXTERNAL_DATA, _mark(data[0].offset)))
        return _joined(fields)

    def fields(self, end: int, nested: int = 0, read: Callable[[int], bytes] | None = None) -> Iterator[_Field]:
        """The fields of a message that ends at `end`; the content of field `nested` is what `read` makes of it, given where it ends."""
        while self.position < end:
            tag = self.varint()
            number, kind = divmod(tag, 8)
            if kind == _VARINT:
                yield _Field(number, _varint(tag) + _varint(self.varint()))
                continue
            length = self.varint() if kind == _BYTES else _FIXED.get(kind, -1)
            offset = self.position
            if not 0 <= length <= end - offset:
                raise ValueError
            content = read(offset + length) if read is not None and number == nested else self.take(length)
            yield _Field(number, _varint(tag) + (_varint(len(content)) if kind == _BYTES else b""), content, offset)
        if self.position != end:
            raise ValueError

    def take(self, count: int) -> bytes:
        data = self.stream.read(count)
        self.position += len(data)
        if len(data) != count:
            raise ValueError
        return data

    def varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError


def _joined(fields: Iterable[_Field]) -> bytes:
    return b"".join(part for each in fields for part in (each.encoded, each.content))


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*encoded, value))


def _mark(offset: int) -> bytes:
    """The fields that say where the data lies."""
    import onnx

    mark = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL)
    mark.external_data.add(key="location", value="")
    mark.external_data.add(key="offset", value=str(offset))
    return mark.SerializeToString()
