"""A cache of compiled kernels on disk.

An entry is keyed by everything that decides the bytes of a cubin (source, architecture, options, NVRTC version) and holds the
cubin with the compiler's log, so that a hit reports the same spills and warnings as the compile did. Entries are written to a
temporary file and renamed: readers never see half of one, and several processes may share a cache. A damaged entry is a miss.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"TRTCCUB2"


def cubin_key(source: str, arch: str, options: Sequence[str], nvrtc_version: tuple[int, int]) -> str:
    """The hex SHA-256 that names the cubin of this source, architecture, options and compiler."""
    described = json.dumps([arch, list(options), list(nvrtc_version)], separators=(",", ":"))
    return hashlib.sha256(described.encode() + b"\0" + source.encode()).hexdigest()


@dataclass(frozen=True)
class CubinCache:
    """Cubins under `directory`, which is created on the first write."""

    directory: Path

    def _path(self, key: str) -> Path:
        return self.directory / "cubin" / key[:2] / key

    def get(self, key: str) -> tuple[bytes, str] | None:
        """The (cubin, compiler log) stored under `key`, or None when absent or damaged."""
        try:
            stored = self._path(key).read_bytes()
        except OSError:
            return None
        digest, body = stored[8:40], stored[40:]
        if stored[:8] != _MAGIC or len(body) < 8 or hashlib.sha256(body).digest() != digest:
            return None
        log_length = int.from_bytes(body[:8], "little")
        return body[8 + log_length :], body[8 : 8 + log_length].decode()

    def put(self, key: str, cubin: bytes, log: str) -> None:
        """Stores a cubin atomically. A directory that cannot be written only costs the next compile."""
        encoded = log.encode()
        body = len(encoded).to_bytes(8, "little") + encoded + cubin
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent)
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(body).digest() + body)
            os.replace(temporary, path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
