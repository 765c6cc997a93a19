"""Observers of a pipeline: printing, dumping and timing. `check_numerics.py` has the one that checks numbers."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TextIO

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ...dialects.ir_text import IRPrinter
from ..blobs import blobs_of, save_blobs
from ..pipeline import Observer


def print_module(module: ModuleOp, stream: TextIO, *, locations: bool = False) -> None:
    """Print a module in custom syntax, ending in a newline."""
    IRPrinter(stream=stream, print_debuginfo=locations).print_op(module)
    stream.write("\n")


class PrintObserver(Observer):
    """Prints the module before and after passes: an empty collection is every pass, None is none."""

    def __init__(self, stream: TextIO, before: Collection[str] | None, after: Collection[str] | None) -> None:
        self.stream, self.before, self.after = stream, before, after

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        self._print("before", self.before, step, module)

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        self._print("after", self.after, step, module)

    def _print(self, when: str, wanted: Collection[str] | None, step: ModulePass, module: ModuleOp) -> None:
        if wanted is None or (wanted and step.name not in wanted):
            return
        self.stream.write(f"// ----- IR {when} {step.name} ----- //\n")
        print_module(module, self.stream)


class DumpObserver(Observer):
    """Writes `00-input.mlir` and then one numbered file per pass, with locations, into a directory; `finish` adds `blobs.npz`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._started = False
        self._blobs: dict[str, np.ndarray] = {}

    def finish(self, stream: TextIO) -> None:
        """Write the weights that the files refer to, if any, so that each file can be executed."""
        if self._blobs:
            save_blobs(self.directory / "blobs.npz", self._blobs)

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        self._start(module)

    def after_phase(self, phase: str, module: ModuleOp, seconds: float) -> None:
        self._start(module)  # a phase may have no pass, as `import` has none

    def _start(self, module: ModuleOp) -> None:
        if not self._started:
            self._started = True
            self._write("00-input.mlir", module)

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        self._write(f"{index:02d}-{step.name}.mlir", module)

    def _write(self, name: str, module: ModuleOp) -> None:
        self._blobs |= blobs_of(module)
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / name).open("w") as stream:
            print_module(module, stream, locations=True)


class TimingObserver(Observer):
    """Keeps the seconds and the number of ops after each pass; `report` prints them as a table."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, int]] = []

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        self.rows.append((step.name, seconds, sum(1 for _ in module.walk())))

    def report(self, stream: TextIO) -> None:
        """One line per pass: milliseconds, ops after it, name; then the total."""
        for name, seconds, ops in [*self.rows, ("total", sum(row[1] for row in self.rows), 0)]:
            stream.write(f"{seconds * 1e3:10.2f} ms  {f'{ops:8d} ops' if ops else ' ' * 12}  {name}\n")
