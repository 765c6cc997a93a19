"""
The cache of timings: a text file of JSON lines, one for each candidate that was tried.

    {"signature": "4f..", "gpu": "NVIDIA H200", "driver": "13000", "toolchain": "..", "schedule": "gemm_mma", "tunables": {..}, "us": 3.2}

A trial counts where group, GPU, driver and toolchain are the same; of two lines for one candidate the later counts. So files are merged by
writing one after the other, and what is added is appended. A candidate that is out has `why` in the place of `us`. A line that cannot be
read, such as the last one of a run that was interrupted, is left out, and `problems` says which and why.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from ...dialects.errors import OptionError
from ...runtime.files import as_path, check_readable, shown
from .timer import Place
from .trial import Trial

_KEYS = ("signature", "gpu", "driver", "toolchain")
Key: TypeAlias = "tuple[str, Place]"


class TimingCache:
    """Trials by signature and place, in memory, and in a file if there is one."""

    def __init__(self, path: str | os.PathLike[str] | None = None):
        """Reads the file, which need not exist yet. Raises OptionError for a path that cannot be read or written."""
        self.path = None if path is None else as_path(path, "timing cache")
        self.problems: list[str] = []
        """The lines that were left out: file, number and reason."""
        self._known: dict[Key, dict[str, Trial]] = {}
        if self.path is not None and self.path.exists():
            self._read(self.path)
        elif self.path is not None and not self.path.parent.is_dir():
            raise OptionError(
                f"timing cache {shown(self.path)}: the directory '{self.path.parent}' does not exist; create it first."
            )

    def trials(self, signature: str, place: Place) -> list[Trial]:
        """What is known of a group at a place."""
        return list(self._known.get((signature, place), {}).values())

    def add(self, signature: str, place: Place, trials: Sequence[Trial]) -> None:
        """Keeps trials, in the file too."""
        self._keep(signature, place, trials)
        if self.path is not None:
            _append(self.path, [_line(signature, place, trial) for trial in trials])

    def take(self, path: str | os.PathLike[str]) -> int:
        """Takes over the trials of another cache's file; returns how many lines there were. Raises OptionError for a file that cannot be
        read."""
        other = TimingCache(check_readable(path, "timing cache"))
        self.problems += other.problems
        lines = 0
        for (signature, place), trials in other._known.items():
            self.add(signature, place, list(trials.values()))
            lines += len(trials)
        return lines

    def lines(self, signatures: Iterable[str]) -> str:
        """The text of a cache of these groups alone, at all places, in one order."""
        wanted = set(signatures)
        found = [_line(s, p, t) for (s, p), trials in self._known.items() if s in wanted for t in trials.values()]
        return "".join(f"{line}\n" for line in sorted(found))

    def _keep(self, signature: str, place: Place, trials: Iterable[Trial]) -> None:
        known = self._known.setdefault((signature, place), {})
        known.update((f"{t.schedule} {json.dumps(dict(t.tunables), sort_keys=True)}", t) for t in trials)

    def _read(self, path: Path) -> None:
        check_readable(path, "timing cache")
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                given = json.loads(line)
                if not isinstance(given, Mapping) or not all(isinstance(given.get(key), str) for key in _KEYS):
                    raise ValueError(f"expected an object with {', '.join(_KEYS)}")
                trial = Trial.from_json(given)
            except (ValueError, RecursionError) as error:
                self.problems.append(f"{shown(path)} line {number} is left out: {' '.join(str(error).split())[:200]}")
                continue
            signature, *place = (given[key] for key in _KEYS)
            self._keep(signature, Place(*place), [trial])


def _line(signature: str, place: Place, trial: Trial) -> str:
    said: dict[str, Any] = {"signature": signature, **asdict(place), **trial.to_json()}
    return json.dumps(said, sort_keys=True)


def _append(path: Path, lines: Sequence[str]) -> None:
    """Adds whole lines, one writer at a time; a line that an interrupted writer left unfinished is ended first."""
    try:
        with path.open("ab+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, end - 1))
            unfinished = stream.read(1) not in (b"", b"\n")
            stream.write(("\n" * unfinished + "".join(f"{line}\n" for line in lines)).encode())
    except OSError as error:
        raise OptionError(f"timing cache {shown(path)}: {error.strerror or error}; choose another place.") from error
