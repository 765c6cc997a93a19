"""Weights that a model keeps in files beside it: found, checked and read; nothing outside the model's folder is opened.

A model gives `location`, `offset` and `length` as texts. They are checked against the tensor's type and dims and against the file
before a byte is read; each file is opened once, however many tensors lie in it, and each of its parts read once, into the memory
where the weight then lies: mapped pages would count beside it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from weakref import finalize

import numpy as np

from ...dialects.blob import digest_of
from ...dialects.errors import InvalidModelError
from .embedded_data import Embedded

if TYPE_CHECKING:
    from onnx import TensorProto

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class _Opened(NamedTuple):
    file: IO[bytes]
    size: int


@dataclass
class ExternalData:
    """The data that protobuf did not read: `embedded` in the model's own file, and in files beside it; `folder` is None for a model that
    came without one."""

    folder: Path | None
    embedded: Embedded = field(default_factory=dict[str, bytes])
    files: dict[str, _Opened] = field(default_factory=dict[str, _Opened])
    """The open files by location; they are closed with this object."""
    read: dict[tuple[str, int, int], Bytes] = field(default_factory=dict[tuple[str, int, int], Bytes])
    """What was read: location, offset and length with the bytes."""

    def array(self, tensor: TensorProto, dtype: np.dtype[Any], what: str) -> np.ndarray[Any, Any]:
        """A tensor's data, read-only. Its type and dims were checked before."""
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        shape = tuple(tensor.dims)
        offset = _number(entries, "offset", what) or 0
        needed = dtype.itemsize * _count(shape)
        length = _number(entries, "length", what)
        if length is not None and length != needed:
            raise InvalidModelError(
                f"{what} says that it has {length} bytes in {location!r}, and {dtype}{list(shape)} takes {needed}; "
                "export the model again"
            )
        opened = self._file(location, what)
        if opened.size < offset + needed:
            raise InvalidModelError(
                f"{what} needs {offset + needed} bytes of {location!r}, which has {opened.size}; fetch the whole file"
            )
        key = (location, offset, needed)
        if key not in self.read:
            self.read[key] = _read(opened.file, offset, needed, f"{what} lies in {location!r}")
        part = self.read[key]
        try:
            return part.view(dtype).reshape(shape)
        except ValueError:  # an extent of 0 beside others that no array can have
            raise InvalidModelError(f"{what} has the dims {list(shape)}, which no array can have") from None

    def digest(self) -> str:
        """One SHA-256, in hex, of the data that was read beside the model; empty for a model without external data."""
        if not self.read:
            return ""
        digest = hashlib.sha256()
        for key, data in sorted(self.read.items(), key=lambda item: item[0]):
            digest.update(f"{key!r} {digest_of(data)};".encode())
        return digest.hexdigest()

    def _file(self, location: str, what: str) -> _Opened:
        if location not in self.files:
            self.files[location] = opened = self._opened(location, what)
            finalize(self, opened.file.close)
        return self.files[location]

    def _opened(self, location: str, what: str) -> _Opened:
        shown = repr(location if len(location) <= 80 else location[:77] + "...")
        if self.folder is None:
            raise InvalidModelError(
                f"{what} lies in the file {shown}, but the model came without a folder; pass its path"
            )
        try:
            path = _inside(self.folder, location)
            if path is None:
                raise InvalidModelError(
                    f"{what} points to {shown}, outside the model's folder (links count as where they lead); keep the data beside "
                    "the model, under a relative path"
                )
            return _open(path)
        except FileNotFoundError:
            raise InvalidModelError(
                f"{what} lies in {shown}, and there is no such file; put it beside the model"
            ) from None
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise InvalidModelError(
                f"{what} lies in {shown}, which cannot be read: {reason}; put a plain file beside the model"
            ) from None


def _number(entries: dict[str, str], key: str, what: str) -> int | None:
    text = entries.get(key)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text):
        shown = repr(text if len(text) <= 40 else text[:37] + "...")
        raise InvalidModelError(
            f"{what} has the {key} {shown} in its external data; expected a number of bytes, 0 or more"
        )
    return int(text)


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for extent in shape:
        total *= extent
    return total


def _inside(folder: Path, location: str) -> Path | None:
    """The file that a location names, all links resolved; None where it does not lie in the folder."""
    if not location or os.path.isabs(location):
        return None
    path = Path(os.path.realpath(folder / location, strict=True))
    return path if path.is_relative_to(folder) else None


def _open(path: Path) -> _Opened:
    """A plain file. Neither links nor pipes are opened, not even where one has just replaced the file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        file.close()
        raise ValueError("it is not a plain file")
    return _Opened(file, facts.st_size)


def _read(file: IO[bytes], offset: int, count: int, where: str) -> Bytes:
    """Bytes of a file, which nobody can change from here on."""
    try:
        file.seek(offset)
        data = file.read(count)
    except OSError as error:
        raise InvalidModelError(f"{where}, which cannot be read: {error.strerror or error}") from None
    if len(data) != count:
        raise InvalidModelError(f"{where}, which became shorter while it was read; build again when it is written")
    return np.frombuffer(data, np.uint8)
