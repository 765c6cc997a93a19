"""Writing files that users name: refused early where that cannot work, and never left half written."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..dialects.errors import OptionError

_MODE = 0o644


def check_writable(path: str | os.PathLike[str], what: str) -> Path:
    """The path, if a file may be written there; OptionError, naming it by `what` it would be, otherwise.

    To be asked before long work whose result goes there.
    """
    target = Path(path)
    if not os.fspath(path) or target.is_dir():
        raise OptionError(f"{what} '{path}': expected the name of a file, got a directory; name a file in it.")
    if not target.parent.is_dir():
        raise OptionError(f"{what} '{path}': the directory '{target.parent}' does not exist; create it first.")
    if not os.access(target if _is_special(target) else target.parent, os.W_OK):
        raise OptionError(f"{what} '{path}': no permission to write there; choose another place.")
    return target


@contextmanager
def replacing(path: str | os.PathLike[str], what: str) -> Generator[IO[bytes]]:
    """Opens a file to write. `path` holds the old file or the whole new one, never half of it, also after a failure.

    Links are followed; a device or pipe is written to. Raises OptionError, as `check_writable` does, for what cannot be written.
    """
    target = Path(os.path.realpath(check_writable(path, what)))
    try:
        if _is_special(target):
            with open(target, "wb") as stream:
                yield stream
            return
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
            os.chmod(temporary, _MODE)
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OptionError(
            f"{what} '{path}': cannot be written: {error.strerror or error}; choose another place."
        ) from error


def _is_special(path: Path) -> bool:
    """Whether a path names a device or a pipe, such as /dev/null, which must not be replaced by a file."""
    return path.exists() and not stat.S_ISREG(path.stat().st_mode)
