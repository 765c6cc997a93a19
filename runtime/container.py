"""The engine file: one header, a JSON manifest, then sections of bytes aligned for mapping.

```
 0  8  magic             16  8  file length           64          manifest (UTF-8 JSON, sorted keys)
 8  4  version           24  8  manifest length       then zeros to a multiple of 4096: the data start
12  4  zero              32 32  SHA-256 of bytes 0-31 and the manifest
```

The manifest's "sections" lists name, offset (from the data start), length, SHA-256 and alignment. Sections stand in order,
with zeros between them, and the file ends with the last one. Every byte is accounted for: reading checks lengths, digests and
zeros before anything is used, and raises EngineFormatError on any other file. Equal contents give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..dialects.errors import EngineFormatError
from .files import replacing

MAGIC = b"\x89TRTC\r\n\x1a"
VERSION = 1
PAGE = 4096
_HEADER = struct.Struct("<8sIIQQ32s")
_MAXIMUM_ALIGNMENT = PAGE

Buffer = bytes | memoryview


@dataclass(frozen=True)
class Section:
    """Bytes of the file under a name; `align` is a power of two up to 4096."""

    data: Buffer
    align: int = 64


def write_container(path: str | os.PathLike[str], manifest: Mapping[str, Any], sections: Mapping[str, Section]) -> None:
    """Writes an engine file atomically: `path` holds the old file or the whole new one, never half of it.

    Raises OptionError where nothing can be written.
    """
    table, end = _layout(sections)
    encoded = json.dumps({**manifest, "sections": table}, sort_keys=True, separators=(",", ":")).encode()
    start = _round_up(_HEADER.size + len(encoded), PAGE)
    prefix = _HEADER.pack(MAGIC, VERSION, 0, start + end, len(encoded), b"")[:32]
    digest = hashlib.sha256(prefix + encoded).digest()
    with replacing(path, "engine file") as file:
        file.write(prefix + digest + encoded)
        position = _HEADER.size + len(encoded)
        for entry in table:
            file.write(bytes(start + entry["offset"] - position))
            file.write(sections[entry["name"]].data)
            position = start + entry["offset"] + entry["length"]
        file.write(bytes(start + end - position))


def read_container(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Section]]:
    """Maps an engine file and returns (manifest, sections), all of it verified.

    Section data are read-only views of the mapping. Raises EngineFormatError for a missing, truncated, altered or foreign file.
    """
    try:
        with open(os.fspath(path), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _HEADER.size:
                raise _broken(path, f"{size} bytes are fewer than its header's {_HEADER.size}")
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise EngineFormatError(f"engine file '{path}': {reason}; check the path.") from error
    manifest, start = _read_manifest(path, view)
    return manifest, _read_sections(path, view, manifest, start)


def _read_manifest(path: str | os.PathLike[str], view: memoryview) -> tuple[dict[str, Any], int]:
    magic, version, zero, file_length, manifest_length, digest = _HEADER.unpack_from(view)
    if magic != MAGIC:
        raise EngineFormatError(
            f"engine file '{path}': it is no trtc engine; check the path, or build one from an ONNX model (trtc build)."
        )
    if version != VERSION or zero != 0:
        raise _broken(path, f"expected format version {VERSION}, that of this trtc, got {version}")
    if file_length != len(view):
        raise _broken(path, f"expected {file_length} bytes, got {len(view)}")
    end = _HEADER.size + manifest_length
    if end > len(view):
        raise _broken(path, f"its manifest of {manifest_length} bytes does not fit the file")
    encoded = bytes(view[_HEADER.size : end])
    if hashlib.sha256(bytes(view[:32]) + encoded).digest() != digest:
        raise _broken(path, "the SHA-256 of its manifest does not match")
    try:
        manifest = json.loads(encoded)
    except ValueError as error:
        raise _broken(path, "its manifest is not JSON") from error
    if not isinstance(manifest, dict):
        raise _broken(path, "its manifest is not an object")
    start = _round_up(end, PAGE)
    _check_zeros(path, view, end, min(start, len(view)))
    return cast(dict[str, Any], manifest), start


def _read_sections(
    path: str | os.PathLike[str], view: memoryview, manifest: dict[str, Any], start: int
) -> dict[str, Section]:
    table: Any = manifest.pop("sections", None)
    if not isinstance(table, list):
        raise _broken(path, "its manifest lists no sections")
    sections: dict[str, Section] = {}
    position = start
    for entry in cast(list[Any], table):
        try:
            name, digest = str(entry["name"]), str(entry["sha256"])
            offset, length, align = int(entry["offset"]), int(entry["length"]), int(entry["align"])
        except (KeyError, TypeError, ValueError) as error:
            raise _broken(path, "an entry of its section table is malformed") from error
        begin = start + offset
        if name in sections or begin < position or length < 0 or begin + length > len(view):
            raise _broken(path, f"section '{name}' is repeated or out of place")
        if not 0 < align <= _MAXIMUM_ALIGNMENT or align & (align - 1) or begin % align:
            raise _broken(path, f"section '{name}' is not aligned to {align} bytes")
        _check_zeros(path, view, position, begin)
        data = view[begin : begin + length]
        if hashlib.sha256(data).hexdigest() != digest:
            raise _broken(path, f"the SHA-256 of section '{name}' does not match")
        sections[name] = Section(data, align)
        position = begin + length
    if max(position, start) != len(view):
        raise _broken(path, f"{len(view) - position} bytes follow its last section")
    return sections


def _layout(sections: Mapping[str, Section]) -> tuple[list[dict[str, Any]], int]:
    table: list[dict[str, Any]] = []
    end = 0
    for name, section in sections.items():
        offset, length = _round_up(end, section.align), len(section.data)
        digest = hashlib.sha256(section.data).hexdigest()
        table.append({"name": name, "offset": offset, "length": length, "sha256": digest, "align": section.align})
        end = offset + length
    return table, end


def _check_zeros(path: str | os.PathLike[str], view: memoryview, begin: int, end: int) -> None:
    if any(view[begin:end]):
        raise _broken(path, f"the padding at byte {begin} is not zero")


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _broken(path: str | os.PathLike[str], reason: str) -> EngineFormatError:
    return EngineFormatError(f"engine file '{path}' cannot be loaded: {reason}; copy it again or rebuild it.")
