"""What goes wrong around a command line, in a process of its own: streams that are closed or full, signals, limits of memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc import OptionError
from trtc.compiler.environment import cache_directory
from trtc.compiler.tools import failures

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5
TRTC = f"{sys.executable} -m trtc.compiler.tools.trtc"
ADD = """func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = nn.relu %x : tensor<2x3xf32>
  func.return %0 : tensor<2x3xf32>
}
"""
SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
import trtc.compiler.driver
from trtc.compiler.tools import trtc
from trtc.runtime.files import replacing

def build(model, *arguments, **options):
    with replacing("old.engine", "engine file") as stream:
        stream.write(b"half")
        stream.flush()
        print("started", file=sys.stderr, flush=True)
        time.sleep(60)

sys.modules["trtc.compiler.driver"].build = build
raise SystemExit(trtc.main())
"""


@pytest.fixture(scope="module")
def folder(handmade_engine: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("failures")
    handmade_engine(W).save(folder / "net.engine")
    (folder / "add.mlir").write_text(ADD)
    return folder


def shell(folder: Path, command: str, **environment: str) -> tuple[int, str]:
    """Exit code and stderr of a shell command."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (f"{TRTC} inspect net.engine --json >/dev/full", 1, "trtc: error: standard output: No space left on device.\n"),
        (f"{TRTC} inspect net.engine --json >&-", 0, ""),
        (f"{TRTC} inspect net.engine --json 2>&-", 0, ""),
        (f"{TRTC} inspect nothing 2>/dev/full", 1, ""),
        (f"{TRTC} inspect net.engine --ir | head -n 1; exit ${{PIPESTATUS[0]}}", 0, ""),
        (f"{TRTC}_opt add.mlir >/dev/full", 1, "trtc-opt: error: standard output: No space left on device.\n"),
        (f"{TRTC}_opt add.mlir >&-", 0, ""),
        (f"{TRTC}_opt add.mlir | head -n 1; exit ${{PIPESTATUS[0]}}", 0, ""),
        (f"{TRTC} inspect $'b\\xff.engine'", 1, "engine file 'b\\udcff.engine': No such file or directory"),
        (f"{TRTC} build model.onnx -o $'c\\xff/x'", 2, "does not exist"),
    ],
)
def test_streams_and_names(folder: Path, command: str, code: int, message: str) -> None:
    found, error = shell(folder, command)
    assert (found, message in error) == (code, True), (found, error)


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "trtc: interrupted"), (signal.SIGTERM, 143, "trtc: ended by SIGTERM")],
)
def test_a_signal_leaves_the_old_file_and_no_other(tmp_path: Path, number: int, code: int, said: str) -> None:
    (tmp_path / "old.engine").write_bytes(b"")
    command = [sys.executable, "-c", SLOW, "build", "model.onnx", "-o", "old.engine", "--quiet"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "started\n"
        assert len(os.listdir(tmp_path)) == 2, "the new file is being written"
        process.send_signal(number)
        error = process.stderr.read()
        process.wait(timeout=30)
    assert (process.returncode, error.strip()) == (code, said), error
    assert os.listdir(tmp_path) == ["old.engine"]


def _raise(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            MemoryError("Unable to allocate 9 TiB"),
            1,
            "there is not enough memory (Unable to allocate 9 TiB); free some",
        ),
        (RuntimeError("can't start new thread"), 1, "there is not enough memory"),
        (OSError(24, "Too many open files", "x"), 1, "x: Too many open files."),
        (ImportError("no cupy"), 1, "a package cannot be loaded: no cupy"),
        (
            RecursionError("maximum recursion depth exceeded"),
            1,
            "a defect of trtc: RecursionError at test_failures.py:",
        ),
        (KeyError("gone"), 1, "TRTC_TRACEBACK=1 prints"),
        (KeyboardInterrupt(), 130, "trtc: interrupted"),
    ],
)
def test_what_is_raised_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    monkeypatch.delenv("TRTC_TRACEBACK", raising=False)
    assert failures.guarded("trtc", lambda: _raise(error), script=False) == code
    printed = capsys.readouterr().err.strip()
    assert message in printed and "\n" not in printed
    monkeypatch.setenv("TRTC_TRACEBACK", "1")
    failures.guarded("trtc", lambda: _raise(error), script=False)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_home_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTC_CACHE", "~nobody-of-this-name/x")
    with pytest.raises(OptionError, match="TRTC_CACHE '~nobody-of-this-name/x': there is no such home folder"):
        cache_directory()
