"""Turns every failure of a command line into one message on stderr and an exit code.

| what | exit code |
|---|---|
| done; or the reader of stdout has seen enough (`trtc ... \\| head`) | 0 |
| any other TrtcError, no memory, a stream or file that cannot be read or written, a defect of trtc | 1 |
| OptionError, and what argparse refuses | 2 |
| Ctrl-C | 130 |
| SIGTERM, SIGHUP | 143, 129 |

Only the console script's process is changed: its standard streams and signals stay as they are where `main` is called by Python.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from typing import NoReturn

from ...dialects.errors import OptionError, TrtcError
from ...dialects.text import printable_lines
from ..environment import traceback_wanted

FAILURE, MISUSE, INTERRUPTED = 1, 2, 130


class _Ended(BaseException):
    """A signal that ends the process, raised so that temporary files are removed on the way."""


def guarded(tool: str, command: Callable[[], int], *, script: bool) -> int:
    """The exit code of a command. `script`: the process belongs to it. Lets SystemExit pass, which argparse raises."""
    if script:
        _prepare_process()
    try:
        try:
            code = command()
        finally:
            sys.stdout.flush()  # what cannot be written is found here, not when Python exits
        return code
    except SystemExit:
        raise
    except BaseException as error:
        return _report(tool, error, script)


def note(text: str, end: str = "\n") -> None:
    """Prints to stderr. A stderr that cannot be written is no failure."""
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        _discard(sys.stderr, 2)


def _prepare_process() -> None:
    """Opens /dev/null for a closed standard stream, before another file gets its number; unprintable names print with backslashes."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:
    raise _Ended(number)


def _report(tool: str, error: BaseException, script: bool) -> int:
    if script and isinstance(error, KeyboardInterrupt | _Ended):
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends what still runs, silently
    if isinstance(error, BrokenPipeError):
        _discard(sys.stdout, 1)
        return 0
    if traceback_wanted():
        note("".join(traceback.format_exception(error)), end="")
    if isinstance(error, KeyboardInterrupt):
        note(f"\n{tool}: interrupted")
        return INTERRUPTED
    if isinstance(error, _Ended):
        note(f"{tool}: ended by {signal.Signals(error.args[0]).name}")
        return 128 + error.args[0]
    if isinstance(error, OSError) and error.filename is None:
        _discard(sys.stdout, 1)
    note(f"{tool}: error: {printable_lines(_sentence(error))}")
    return MISUSE if isinstance(error, OptionError) else FAILURE


def _sentence(error: BaseException) -> str:
    """What went wrong, in words for a user who does not know trtc's code."""
    if isinstance(error, TrtcError):
        return str(error)
    if (
        isinstance(error, MemoryError)
        or "can't start new thread" in str(error)
        or "Cannot allocate memory" in str(error)
    ):
        detail = f" ({error})" if str(error) else ""
        return (
            f"there is not enough memory{detail}; free some, raise its limit (ulimit), or lower the max of a profile."
        )
    if isinstance(error, OSError):
        return f"{error.filename or 'standard output'}: {error.strerror or error}."
    if isinstance(error, ImportError):
        return f"a package cannot be loaded: {' '.join(str(error).split())}; install trtc again with its dependencies."
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    what = " ".join(str(error).split())[:200]
    return (
        f"a defect of trtc: {type(error).__name__}{where}: {what}. Please report it with the command and the traceback, "
        f"which TRTC_TRACEBACK=1 prints."
    )


def _discard(stream: object, number: int) -> None:
    """Sends the rest of a stream that cannot be written to /dev/null, also what Python flushes when it exits."""
    if isinstance(stream, TextIOWrapper):
        try:
            if stream.fileno() != number:
                return
        except (OSError, ValueError):
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
