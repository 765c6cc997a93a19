"""A copy of the tree in which a mutation is tried; the checkout is never touched and nothing is installed.

The copy lies in a folder named `trtc` on PYTHONPATH, which Python searches before the editable install: tests, the processes
that they start and lit's tools all import the copy.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutants import ROOT, Mutant

_FOLDERS = ("compiler", "dialects", "passes", "runtime", "test", "docs", "scripts", ".ci")
_FIRST_MTIME = 1_000_000_000


@dataclass(frozen=True)
class Outcome:
    """Whether the tests passed, how long they took in seconds, and the first that failed (or that they hung)."""

    passed: bool
    seconds: float
    first: str = ""


class Sandbox:
    """One copy of the tree under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "trtc"
        self._cache = folder / "cache"
        self._edits = 0
        self.root.mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__", ".lit_test_times.txt")
        for name in _FOLDERS:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.root / name, ignore=ignored)
        for path in ROOT.iterdir():
            if path.is_file():
                shutil.copy2(path, self.root)
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(folder),
            "TRTC_CACHE": str(self._cache),
            "OMP_NUM_THREADS": "1",
        }
        self._check_import()

    def _check_import(self) -> None:
        """Raises unless `import trtc` finds the copy."""
        command = [sys.executable, "-c", "import trtc; print(trtc.__file__)"]
        found = subprocess.run(
            command, env=self._environment, cwd=self.root, capture_output=True, text=True, check=True
        ).stdout.strip()
        if Path(found).parent != self.root:
            raise RuntimeError(f"mutants: expected `import trtc` to find the copy {self.root}, got {found}.")

    @contextmanager
    def mutated(self, mutant: Mutant) -> Generator[None]:
        """The copy with one mistake in it."""
        path = self.root / mutant.file
        plain = path.read_bytes()
        path.write_text(mutant.mutated(plain.decode()))
        self._stamp(path)
        try:
            yield
        finally:
            path.write_bytes(plain)
            self._stamp(path)
            shutil.rmtree(self._cache, ignore_errors=True)  # a mistake may have spoilt what it holds

    def _stamp(self, path: Path) -> None:
        """A time of its own for each edit: Python takes compiled code for current by seconds and size alone."""
        self._edits += 1
        os.utime(path, (_FIRST_MTIME + self._edits,) * 2)

    def run(self, tests: Sequence[str], timeout: float | None = None) -> Outcome:
        """Runs lit files, then pytest files and nodes, until the first failure."""
        start = time.monotonic()
        for command in commands(tests):
            left = None if timeout is None else timeout - (time.monotonic() - start)
            first = self._first_failure(command, left)
            if first:
                return Outcome(False, time.monotonic() - start, first)
        return Outcome(True, time.monotonic() - start)

    def _first_failure(self, command: Sequence[str], timeout: float | None) -> str:
        """What failed first, or "" where nothing did."""
        process = subprocess.Popen(
            command, env=self._environment, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"hung after {timeout:.0f} s"
        if process.returncode == 0:
            return ""
        found = re.search(r"^(?:FAILED|ERROR|FAIL:|TIMEOUT:) *(?:trtc :: )?(\S+)", output, re.MULTILINE)
        return found[1] if found else f"exit code {process.returncode}: {' '.join(output.split())[-300:]}"


def commands(tests: Sequence[str]) -> list[list[str]]:
    """One command for the lit files and one for the pytest files and nodes among `tests`."""
    lit = [test for test in tests if test.endswith(".mlir")]
    nodes = [test for test in tests if not test.endswith(".mlir")]
    found: list[list[str]] = []
    if lit:
        found.append([str(Path(sys.executable).parent / "lit"), "-q", "-j1", "--max-failures=1", *lit])
    if nodes:
        found.append([sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *nodes])
    return found
