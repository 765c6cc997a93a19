"""A cache of compiled kernels on disk, of the texts that lowering makes of groups (`compiler/caches/kernels.py`), and of whole engines
(`compiler/caches/engines.py`).

An entry is keyed by everything that decides the bytes of a cubin (source, architecture, options, file name, NVRTC version) and
holds key, compiler log and cubin under one digest: a hit reports the same spills and warnings as the compile did, and an entry
under another's name is a miss. Entries are written to a temporary file and renamed: readers never see half of one, and several
processes may share a cache.

Cached code runs on the GPU, so only files and folders that belong to this user and that no one else can write to are used; others are
misses, with one warning. A damaged entry is a miss. Past `limit` bytes the least recently used entries are removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

from ....runtime.cubin import read_cubin
from ....runtime.files import write_parts

_MAGIC = b"TRTCCUB3"
_TEXT_MAGIC = b"TRTCTXT1"
_DIGEST = hashlib.sha256().digest_size
_LARGEST = 1 << 30
_TEMPORARY = ".writing-"
_ABANDONED = 3600.0
"""Seconds after which a temporary file is that of a writer that was killed."""
_TRIMMED = 0.9
"""The share of the limit that a trim leaves, so that not every write trims."""
DEFAULT_LIMIT = 1 << 30

_held: dict[Path, int] = {}
"""Bytes in each cache, as this process last saw and added to it."""
_warned: set[Path] = set()
"""Caches for which this process has warned that something in them is not used."""
_lock = Lock()


def cubin_key(
    source: str, arch: str, options: Sequence[str], nvrtc_version: tuple[int, int], name: str = "kernel.cu"
) -> str:
    """The hex SHA-256 that names the cubin of this source, architecture, options, compiler and file name (which is in its line info)."""
    described = json.dumps([arch, list(options), list(nvrtc_version), name], separators=(",", ":"))
    return hashlib.sha256(described.encode() + b"\0" + source.encode()).hexdigest()


@dataclass(frozen=True)
class CubinCache:
    """Cubins under `directory`, which is created on the first write; at most `limit` bytes of them."""

    directory: Path
    limit: int = DEFAULT_LIMIT

    def get(self, key: str) -> tuple[bytes, str] | None:
        """The (cubin, compiler log) stored under `key`, or None when absent, damaged, stored for another key, or open to other users."""
        stored = self._read(key)
        return None if stored is None else _unpack(key, stored)

    def put(self, key: str, cubin: bytes, log: str) -> None:
        """Stores a cubin atomically. Where the directory cannot be written, nothing is stored."""
        self._write(key, _pack(key, cubin, log))

    def get_text(self, key: str) -> str | None:
        """The text stored under `key` by `put_text`, or None likewise. `caches/kernels.py` stores the results of lowering groups so."""
        stored = self._read(key)
        start = len(_TEXT_MAGIC) + _DIGEST
        if stored is None or stored[:start] != _TEXT_MAGIC + _digest(key, stored[start:]):
            return None
        return stored[start:].decode(errors="replace")

    def put_text(self, key: str, text: str) -> None:
        """Stores a text, as `put` does a cubin."""
        body = text.encode()
        self._write(key, _TEXT_MAGIC + _digest(key, body) + body)

    @contextmanager
    def open(self, key: str) -> Generator[IO[bytes]]:
        """An entry to read, whose file and folders are this user's alone. The caller checks its content. Raises OSError."""
        path = self._path(key)
        if not self._is_ours(path.parent) or not self._is_private(os.lstat(path), stat.S_ISREG, path):
            raise FileNotFoundError(path)
        # The file may have been replaced by now: a pipe would wait for its writer, and a link may lead anywhere.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not self._is_private(status, stat.S_ISREG, path) or status.st_size > _LARGEST:
                raise FileNotFoundError(path)
            yield file
            with suppress(OSError):
                os.utime(file.fileno())  # used now: what was used least recently goes first

    def _read(self, key: str) -> bytes | None:
        """The bytes of an entry; None where there is none to use."""
        try:
            with self.open(key) as file:
                return file.read()
        except OSError:
            return None

    def _write(self, key: str, content: bytes) -> None:
        self.write(key, [content], len(content))

    def write(self, key: str, parts: Iterable[bytes | memoryview], size: int) -> None:
        """Stores `size` bytes, given in parts, atomically. Where the directory cannot be written, nothing is stored."""
        path = self._path(key)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            for folder in (path.parent.parent, path.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            if not self._is_ours(path.parent):
                return
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as file:
                write_parts(file, parts)
            os.replace(temporary, path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            return
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._bound(size)

    def _path(self, key: str) -> Path:
        return self.directory / "cubin" / key[:2] / key

    def _is_ours(self, folder: Path) -> bool:
        """Whether the folders above an entry are this user's alone. Raises OSError where there are none."""
        return all(self._is_private(os.lstat(path), stat.S_ISDIR, path) for path in (folder.parent, folder))

    def _is_private(self, status: os.stat_result, is_kind: Callable[[int], bool], path: Path) -> bool:
        """Whether a path is of a kind, this user's, and closed to writes of others. Warns once per cache where it is not."""
        if is_kind(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022:
            return True
        if self.directory not in _warned:
            _warned.add(self.directory)
            warnings.warn(
                f"kernel cache: '{path}' is not used: expected a {'file' if is_kind is stat.S_ISREG else 'folder'} of your own that "
                f"others cannot write to, and no link; remove it, or set TRTC_CACHE to another folder.",
                stacklevel=2,
            )
        return False

    def _bound(self, added: int) -> None:
        """Keeps the cache within its limit, and clears what killed writers left when this process writes to it first."""
        with _lock:
            known = _held.get(self.directory)
            _held[self.directory] = total = self._trim() if known is None else known + added
            if total > self.limit:
                _held[self.directory] = self._trim()

    def _trim(self) -> int:
        """Removes the least recently used entries, if all of them exceed the limit; returns the bytes that are left."""
        entries: list[tuple[float, int, Path]] = []
        for path, status in _files(self.directory / "cubin"):
            if not path.name.startswith(_TEMPORARY):
                entries.append((status.st_mtime, status.st_size, path))
            elif time.time() - status.st_mtime > _ABANDONED:
                with suppress(OSError):
                    path.unlink()
        total = sum(size for _, size, _ in entries)
        if total > self.limit:
            for _, size, path in sorted(entries):
                if total <= _TRIMMED * self.limit:
                    break
                with suppress(OSError):
                    path.unlink()
                total -= size
        return total


def _pack(key: str, cubin: bytes, log: str) -> bytes:
    encoded = log.encode()
    body = len(encoded).to_bytes(8, "little") + encoded + cubin
    return _MAGIC + _digest(key, body) + body


def _unpack(key: str, stored: bytes) -> tuple[bytes, str] | None:
    start = len(_MAGIC) + _DIGEST
    body = stored[start:]
    if stored[:start] != _MAGIC + _digest(key, body):
        return None
    end = 8 + int.from_bytes(body[:8], "little")
    try:
        read_cubin(body[end:])
        return body[end:], body[8:end].decode()
    except ValueError:  # no cubin, or a log that is no text
        return None


def _digest(key: str, body: bytes) -> bytes:
    """Of key and content together: an entry is good under its own name only."""
    return hashlib.sha256(len(key).to_bytes(8, "little") + key.encode() + body).digest()


def _files(root: Path) -> Generator[tuple[Path, os.stat_result]]:
    """The files one folder below `root`."""
    for folder in root.iterdir() if root.is_dir() else ():
        with suppress(OSError):
            for entry in os.scandir(folder):
                if entry.is_file(follow_symlinks=False):
                    yield Path(entry.path), entry.stat(follow_symlinks=False)
