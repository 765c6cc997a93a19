"""The engine file: one header, a JSON manifest, then sections of bytes aligned for mapping.

```
 0  8  magic             16  8  file length           64          manifest (UTF-8 JSON, sorted keys)
 8  4  version           24  8  manifest length       then zeros to a multiple of 4096: the data start
12  4  zero              32 32  SHA-256 of bytes 0-31 and the manifest
```

The manifest's "sections" lists name, offset (from the data start), length, SHA-256 and alignment. Sections follow in this order, each
at the first multiple of its alignment, with zeros between them, and the file ends with the last one. Every byte is accounted for:
reading checks lengths, digests and zeros before anything is used, and raises EngineFormatError for any other file. Equal contents
give equal bytes. A file is read, not mapped: later changes to it do not affect a running engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, cast

from ..dialects.errors import EngineFormatError, OptionError
from .files import replacing, write_parts
from .machine import memory_bytes

MAGIC = b"\x89TRTC\r\n\x1a"
VERSION = 1
PAGE = 4096
_HEADER = struct.Struct("<8sIIQQ32s")
_MAXIMUM_ALIGNMENT = PAGE
_MAXIMUM_MANIFEST = 32 << 20
"""Bytes; a network of ten thousand launches takes a third of them."""

Buffer = bytes | memoryview


@dataclass(frozen=True)
class Section:
    """Bytes of the file under a name; `align` is a power of two up to 4096."""

    data: Buffer
    align: int = 64

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, in hex, computed once."""
        return hashlib.sha256(self.data).hexdigest()


def write_container(path: str | os.PathLike[str], manifest: Mapping[str, Any], sections: Mapping[str, Section]) -> None:
    """Writes an engine file atomically: `path` holds the old file or the whole new one, never half of it.

    Raises OptionError where nothing can be written.
    """
    parts = encode_container(path, manifest, sections)
    with replacing(path, "engine file") as file:
        write_parts(file, parts)


def encode_container(
    path: str | os.PathLike[str], manifest: Mapping[str, Any], sections: Mapping[str, Section]
) -> Iterator[Buffer]:
    """The bytes of an engine file in parts, in order. Raises OptionError, which names `path`, for a manifest that is too large."""
    table, end = _layout(sections)
    encoded = encode_manifest({**manifest, "sections": table})
    if len(encoded) > _MAXIMUM_MANIFEST:
        raise OptionError(
            f"engine file '{path}': its manifest takes {len(encoded)} bytes, more than {_MAXIMUM_MANIFEST}; build a smaller part."
        )
    start = _round_up(_HEADER.size + len(encoded), PAGE)
    prefix = _HEADER.pack(MAGIC, VERSION, 0, start + end, len(encoded), b"")[:32]
    digest = hashlib.sha256(prefix + encoded).digest()

    def parts() -> Iterator[Buffer]:
        yield prefix + digest + encoded
        position = _HEADER.size + len(encoded)
        for entry in table:
            yield bytes(start + entry["offset"] - position)
            yield sections[entry["name"]].data
            position = start + entry["offset"] + entry["length"]
        yield bytes(start + end - position)

    return parts()


def read_container(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Section]]:
    """Reads an engine file and returns (manifest, sections), all of it verified.

    Raises EngineFormatError for a missing, truncated, altered or foreign file, before it allocates memory for wrong sizes in it.
    """
    try:
        # A pipe would wait for its writer.
        with open(os.open(os.fspath(path), os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return read_stream(path, file)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise EngineFormatError(f"engine file '{path}': {reason}; check the path.") from error


def read_stream(path: str | os.PathLike[str], file: IO[bytes]) -> tuple[dict[str, Any], dict[str, Section]]:
    """`read_container` for an open file; errors name it `path`. Also raises OSError."""
    size = 0
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise EngineFormatError(f"engine file '{path}': expected a file, got a device or pipe; check the path.")
        size = status.st_size
        if size > memory_bytes():
            raise MemoryError
        reader = _Reader(path, file, size)
        manifest = reader.manifest()
        return manifest, reader.sections(manifest)
    except MemoryError as error:
        raise EngineFormatError(
            f"engine file '{path}': its {size} bytes do not fit this machine's memory; use a machine with more."
        ) from error


@dataclass
class _Reader:
    """One pass over a file of `size` bytes, from beginning to end."""

    path: str | os.PathLike[str]
    file: IO[bytes]
    size: int
    position: int = 0

    def manifest(self) -> dict[str, Any]:
        if self.size < _HEADER.size:
            raise self.broken(f"{self.size} bytes are fewer than its header's {_HEADER.size}")
        header = self.read(_HEADER.size)
        magic, version, zero, file_length, manifest_length, digest = _HEADER.unpack(header)
        if magic != MAGIC:
            raise EngineFormatError(
                f"engine file '{self.path}': not a trtc engine; check the path, or build one from an ONNX model (trtc build)."
            )
        if version != VERSION or zero != 0:
            raise self.broken(f"expected format version {VERSION}, that of this trtc, got {version}")
        if file_length != self.size:
            raise self.broken(f"expected {file_length} bytes, got {self.size}")
        if manifest_length > min(self.size - _HEADER.size, _MAXIMUM_MANIFEST):
            raise self.broken(f"its manifest of {manifest_length} bytes does not fit the file")
        encoded = self.read(manifest_length)
        if hashlib.sha256(header[:32] + encoded).digest() != digest:
            raise self.broken("the SHA-256 of its manifest does not match")
        manifest = self._parse(encoded)
        self.skip(min(_round_up(self.position, PAGE), self.size))
        return manifest

    def _parse(self, encoded: bytes) -> dict[str, Any]:
        try:
            return decode_manifest(encoded)
        except ValueError as error:
            raise self.broken(f"its manifest {error}") from error

    def sections(self, manifest: dict[str, Any]) -> dict[str, Section]:
        """Takes the section table out of the manifest and reads what it lists."""
        table: Any = manifest.pop("sections", None)
        if not isinstance(table, list):
            raise self.broken("its manifest lists no sections")
        sections: dict[str, Section] = {}
        start = self.position
        for entry in cast(list[Any], table):
            match entry:
                case {"name": str(name), "sha256": str(digest), "offset": int(), "length": int(), "align": int()}:
                    offset, length, align = (entry[key] for key in ("offset", "length", "align"))
                case _:
                    raise self.broken("an entry of its section table is malformed")
            if len(entry) != 5 or any(type(value) is bool for value in (offset, length, align)):
                raise self.broken("an entry of its section table is malformed")
            if not 0 < align <= _MAXIMUM_ALIGNMENT or align & (align - 1):
                raise self.broken(
                    f"section '{name}' has the alignment {align}: expected a power of two up to {_MAXIMUM_ALIGNMENT}"
                )
            begin = start + offset
            if name in sections or begin != _round_up(self.position, align) or not 0 <= length <= self.size - begin:
                raise self.broken(f"section '{name}' is repeated or out of place")
            self.skip(begin)
            sections[name] = Section(self.read(length), align)
            if sections[name].sha256 != digest:
                raise self.broken(f"the SHA-256 of section '{name}' does not match")
        if self.position != self.size:
            raise self.broken(f"{self.size - self.position} bytes follow its last section")
        return sections

    def read(self, count: int) -> bytes:
        data = self.file.read(count)
        if len(data) != count:
            raise self.broken("it became shorter while it was read")
        self.position += count
        return data

    def skip(self, end: int) -> None:
        """Skips padding, which must be zeros, up to `end`."""
        begin = self.position
        if any(self.read(end - begin)):
            raise self.broken(f"the padding at byte {begin} is not zero")

    def broken(self, reason: str) -> EngineFormatError:
        return EngineFormatError(f"engine file '{self.path}' cannot be loaded: {reason}; copy it again or rebuild it.")


def encode_manifest(manifest: Mapping[str, Any]) -> bytes:
    """The manifest as a file holds it."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()


def decode_manifest(encoded: bytes) -> dict[str, Any]:
    """The inverse of `encode_manifest`. Raises ValueError, whose text continues "its manifest ..."."""
    try:
        manifest = json.loads(encoded, object_pairs_hook=_object, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON, names a field twice, or is nested too deeply") from error
    if not isinstance(manifest, dict):
        raise ValueError("is not an object")
    return cast(dict[str, Any], manifest)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError for a name that occurs twice, for which readers would choose differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _layout(sections: Mapping[str, Section]) -> tuple[list[dict[str, Any]], int]:
    table: list[dict[str, Any]] = []
    end = 0
    for name, section in sections.items():
        offset, length = _round_up(end, section.align), len(section.data)
        table.append(
            {"name": name, "offset": offset, "length": length, "sha256": section.sha256, "align": section.align}
        )
        end = offset + length
    return table, end


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
