"""Files that users name: checked before they are read, refused early where they cannot be written, never left half written."""

from __future__ import annotations

import fcntl
import glob
import os
import stat
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ..dialects.errors import OptionError

_MODE = 0o644
_WRITING = ".writing"
_LONGEST = 4096
"""Characters of a path: PATH_MAX of Linux."""
_PIECE = 1 << 18
"""Bytes written at once: for a larger write, the kernel looks for larger pages, and frees them first where memory is fragmented."""


def as_path(path: Any, what: str) -> Path:
    """The path that a caller gave, called `what` in messages. Raises OptionError for anything else, such as the bytes of a file."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise OptionError(f"{what}: expected the path of a file, got {type(path).__name__}.")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise OptionError(
            f"{what} {shown(path)}: expected the path of a file, got text that is no name; check the path."
        ) from error
    if "\0" in os.fspath(path) or len(os.fspath(path)) > _LONGEST:
        problem = "a name with a NUL" if "\0" in os.fspath(path) else "a name that is too long"
        raise OptionError(f"{what} {shown(path)}: expected the path of a file, got {problem}; check the path.")
    return Path(path)


def shown(path: Any) -> str:
    """A path in a message: quoted, and cut where it is long."""
    text = os.fspath(path)
    return f"'{text}'" if len(text) <= 200 else f"'{text[:200]}...'"


def check_readable(path: Any, what: str) -> Path:
    """The path, if it names a file that can be read. Raises OptionError otherwise, also for devices and pipes, which have no end."""
    target = as_path(path, what)
    try:
        mode = target.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "a device or pipe"
            raise OptionError(f"{what} {shown(path)}: expected a file, got {kind}; check the path.")
        with target.open("rb"):
            return target
    except OSError as error:
        raise OptionError(f"{what} {shown(path)}: {error.strerror or error}; check the path.") from error


def check_writable(path: Any, what: str) -> Path:
    """The path, if a file can be written there, called `what` in messages. Raises OptionError otherwise.

    Call it before long work whose result is written there.
    """
    target = as_path(path, what)
    try:
        if not os.fspath(path) or target.is_dir():
            raise OptionError(f"{what} {shown(path)}: expected the name of a file, got a directory; name a file in it.")
        if not target.parent.is_dir():
            raise OptionError(f"{what} {shown(path)}: the directory '{target.parent}' does not exist; create it first.")
        if not os.access(target if _is_special(target) else target.parent, os.W_OK):
            raise OptionError(f"{what} {shown(path)}: no permission to write there; choose another place.")
    except OSError as error:
        raise OptionError(f"{what} {shown(path)}: {error.strerror or error}; choose another place.") from error
    return target


def check_apart(path: Path, what: str, others: Iterable[str | Path | None]) -> None:
    """Raises OptionError where a file to write is one of the `others`, under any of its names."""
    for other in others:
        if other is not None and path.exists() and os.path.exists(other) and path.samefile(other):
            raise OptionError(f"{what} {shown(path)}: it is read here too; choose another name.")


@contextmanager
def replacing(path: Any, what: str) -> Generator[IO[bytes]]:
    """Opens a file to write. `path` holds the old file or the complete new one, even after a failure.

    Links are followed; a device or pipe is written to. Raises OptionError, as `check_writable` does, for a path that cannot be written.
    """
    target = Path(os.path.realpath(check_writable(path, what)))
    try:
        if _is_special(target):
            with open(target, "wb") as stream:
                yield stream
            return
        prefix = f"{target.name[:40]}."
        _clear_abandoned(target.parent, prefix)
        handle, temporary = _temporary(target.parent, prefix)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())  # else a rename may survive a power cut that the file's bytes do not
                os.chmod(temporary, _MODE)
                os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OptionError(
            f"{what} {shown(path)}: cannot be written: {error.strerror or error}; choose another place."
        ) from error


def write_parts(file: IO[bytes], parts: Iterable[bytes | memoryview]) -> None:
    """Writes parts one after another, those of any size in pieces."""
    for part in parts:
        view = memoryview(part)
        file.writelines(view[start : start + _PIECE] for start in range(0, len(view), _PIECE))


def _temporary(folder: Path, prefix: str) -> tuple[int, str]:
    """A new file, locked by this process until it is closed."""
    while True:
        handle, path = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=_WRITING)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(path):  # else another process removed it as abandoned before it was locked
            return handle, path
        os.close(handle)


def _clear_abandoned(folder: Path, prefix: str) -> None:
    """Removes the temporary files of killed writers: those without a lock."""
    for path in folder.glob(f"{glob.escape(prefix)}????????{_WRITING}"):
        with suppress(OSError):
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(handle)


def _is_special(path: Path) -> bool:
    """Whether a path names a device or a pipe, such as /dev/null, which must not be replaced by a file."""
    return path.exists() and not stat.S_ISREG(path.stat().st_mode)
