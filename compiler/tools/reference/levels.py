"""Writes docs/tutorials/levels/: one small model as it is after each phase, and its CUDA C.

python -m trtc.compiler.tools.reference.levels            # write the files
python -m trtc.compiler.tools.reference.levels --check    # exit 1 if a file is not what would be written
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from ....dialects.ir_text import read_module
from ...debug.observers import print_module
from ...options import BuildOptions
from ...pipeline import Observer, run_pipeline
from ...targets import set_target
from ...universe import make_context

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "tutorials" / "levels"
ARCH = "sm_80"


class _Snapshots(Observer):
    """The module as text after each phase."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def after_phase(self, phase: str, module: ModuleOp, seconds: float) -> None:
        if phase != "import":
            text = StringIO()
            print_module(module, text)
            self.files[f"{len(self.files) + 1}-{phase}.mlir"] = text.getvalue()


def levels() -> dict[str, str]:
    """The text of every file by name: the module after each phase, then the CUDA C."""
    from ...codegen.cuda.printer import print_module as print_cuda

    module = read_module(make_context(), (FOLDER / "model.mlir").read_text(), "model.mlir")
    set_target(module, ARCH)
    snapshots = _Snapshots()
    run_pipeline(module, BuildOptions(target=ARCH), observers=[snapshots])
    return {**snapshots.files, f"{len(snapshots.files) + 1}-kernels.cu": print_cuda(module)}


def stale() -> list[str]:
    """The names of files that are not what would be written, and of those that should not be there."""
    expected = levels()
    present = {path.name: path.read_text() for path in FOLDER.iterdir() if path.name != "model.mlir"}
    return sorted(name for name in expected.keys() | present.keys() if expected.get(name) != present.get(name))


def main(args: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m trtc.compiler.tools.reference.levels", description="Write docs/tutorials/levels/."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    if parser.parse_args(args).check:
        for name in stale():
            print(
                f"{FOLDER / name} is out of date; run python -m trtc.compiler.tools.reference.levels", file=sys.stderr
            )
        return 1 if stale() else 0
    for path in FOLDER.iterdir():
        if path.name != "model.mlir":
            path.unlink()
    for name, text in levels().items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
