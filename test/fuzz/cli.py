"""The command lines `trtc` and `trtc-opt`: seeded arguments, files and environments, in this process.

Whatever is given: exit code 0, 1, 2 or 130, one sentence and no traceback on stderr, files that are read stay as they are, nothing
in a file is executed.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import random
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from xdsl.ir import Attribute
from xdsl.utils.diagnostic import Diagnostic

from trtc import OptionError
from trtc.compiler.tools import trtc, trtc_opt

ADD = """func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = nn.relu %x : tensor<2x3xf32>
  %1 = nn.add %0, %0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %1 : tensor<2x3xf32>
}
"""
ODD = [
    "", "²", "１", "-1", "0", "1", "3", "nan", "1e3", "9" * 5000, "\udcff", "a\nb", "N=3", "N=²", "N=1,2,8", "N=8,2,1", "N=", "=", "N=-1",
    "N=99999999999999999999", "x=1x4,2x4,3x4", "x=1x4", "x=0x4", "/dev/null", "/dev/full", ".", "/", "x" * 300, "\x1b[31m", "--", "-",
    "simulator", "sm_90a", "sm_8０", "fp16", "out/new", "missing/new", "relu", "cse", "cse{", "graph", "%", "{}", "~nobody/x", "'", '"',
]  # fmt: skip
ENGINES = [
    "net.engine",
    "cut.engine",
    "flipped.engine",
    "text",
    "empty",
    "missing",
    ".",
    "/dev/null",
    "model.onnx",
    "pipe",
]
MODELS = [
    "cut.onnx",
    "flipped.onnx",
    "text",
    "empty",
    "missing",
    ".",
    "/dev/null",
    "empty.onnx",
    "net.engine",
    "add.mlir",
    "pipe",
]
TEXTS = [
    "add.mlir",
    "cut.mlir",
    "binary.mlir",
    "empty.mlir",
    "model.onnx",
    "cut.onnx",
    "text",
    "missing.mlir",
    "-",
    "pipe.mlir",
]
ARRAYS = [
    "x.npz",
    "pickle.npz",
    "lying.npz",
    "traversal.npz",
    "twice.npz",
    "cut.npz",
    "text",
    "empty",
    "missing",
    ".",
    "/dev/zero",
    "pipe",
]
OUTPUTS = [
    "out/new",
    "out/new",
    "missing/new",
    ".",
    "/dev/full",
    "model.onnx",
    "net.engine",
    "x.npz",
    "text",
    "x" * 300,
    "",
    "\udcff",
]
FLAGS: dict[str, list[tuple[str, list[str] | None]]] = {
    "run": [("--inputs", ARRAYS), ("--save", OUTPUTS)],
    "bench": [("--inputs", ARRAYS), ("--export", OUTPUTS), ("--profile-launches", None)],
    "inspect": [("--json", None), ("--ir", None), ("--cuda", ["relu", *ODD]), ("--arch", ["sm_80", *ODD])],
    "build": [("-o", OUTPUTS)],
    "opt": [
        ("-p", ["cse", "cse,fold-constants", *ODD]), ("--run", None), ("--inputs", ARRAYS), ("--blobs", ARRAYS), ("-o", OUTPUTS),
        ("--save-outputs", OUTPUTS), ("--save-blobs", OUTPUTS), ("--stop-after", ["graph", *ODD]), ("--seed", ODD), ("--shape", ODD),
        ("--profile", ODD), ("--precision", ["fp16", *ODD]), ("--arch", ODD), ("--memory-limit", ODD), ("--check-numerics", None),
        ("--timing", None), ("--remarks", None), ("--split-input-file", None), ("--verify-diagnostics", None), 
        ("-t", ["mlir", "cuda", *ODD]),
        ("--print-ir-after", ["cse", *ODD]), ("--dump-dir", ["out/dump", *OUTPUTS]), ("-f", ["mlir", "onnx", *ODD]), ("--shrink", None),
        ("--print-op-generic", None), ("--disable-verify", None), ("--allow-unregistered-dialect", None), ("--print-debuginfo", None),
    ],
}  # fmt: skip
BUILDING: list[tuple[str, list[str] | None]] = [
    ("--precision", ["fp16", "tf32", *ODD]), ("--target", ["sm_80", *ODD]), ("--profile", ["N=1,2,8", *ODD]), ("--memory-limit", ODD),
    ("--no-cache", None), ("--quiet", None),
]  # fmt: skip
RUNNING: list[tuple[str, list[str] | None]] = [
    ("--device", ["simulator", "simulator", "0", "99", *ODD]), ("--shape", ["N=1", "N=8", "N=9", *ODD]), ("--seed", ["1", *ODD]),
]  # fmt: skip


class Refused(OptionError):
    """The command said no; `place` is its sentence without what was given."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.fuzz_place = re.sub(r"'.*'|\d+|/\S+", "_", message)[:60]


class Defect(AssertionError):
    """A traceback, or a defect that the tool itself names: `place` tells kinds apart."""

    def __init__(self, what: str, err: str) -> None:
        super().__init__(what)
        self.fuzz_place = (
            "".join(re.findall(r"a defect of trtc: \w+ at \S+|^\w+Error", err, re.MULTILINE)[:1]) or "no sentence"
        )


class Broken(io.StringIO):
    """A stdout that takes nothing."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


class Bomb:
    """What a pickle would execute."""

    def __reduce__(self) -> Any:
        return os.mkdir, (str(HOME / "EXECUTED"),)


HOME = Path(tempfile.mkdtemp(dir="."))
"""Below the folder of the process, which the harness removes."""


def _write_files() -> dict[str, bytes]:
    """The files that commands are given, good and bad."""
    rng = random.Random(0)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), "model.onnx")
    assert trtc.main(["build", "model.onnx", "--profile=N=1,2,8", "--target=sm_80", "-o", "net.engine", "--quiet"]) == 0
    array = np.ones((3, 4), np.float32)
    np.savez("x.npz", x=array)
    np.savez("pickle.npz", x=np.array([Bomb()], dtype=object))
    header, data = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 100)})
    np.save(data, array)
    for name, members in {
        "lying": [("x.npy", header.getvalue() + bytes(1000))], "traversal": [("../../x.npy", data.getvalue())],
        "twice": [("x.npy", data.getvalue())] * 2,
    }.items():  # fmt: skip
        with zipfile.ZipFile(f"{name}.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            for member in members:
                archive.writestr(*member)
    for good, ending in (("model.onnx", "onnx"), ("net.engine", "engine"), ("x.npz", "npz")):
        content = bytearray(Path(good).read_bytes())
        Path(f"cut.{ending}").write_bytes(content[: len(content) // 2])
        content[rng.randrange(len(content))] ^= 255
        Path(f"flipped.{ending}").write_bytes(content)
    for name, text in {"add": ADD, "cut": ADD[:200], "empty": "", "binary": "\udcff"}.items():
        Path(f"{name}.mlir").write_bytes(text.encode(errors="surrogateescape"))
    Path("text").write_text("hello " * 50)
    Path("empty").write_bytes(b"")
    Path("empty.onnx").write_bytes(b"")
    os.mkfifo("pipe")
    os.mkfifo("pipe.mlir")
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


os.chdir(HOME)
HOME = Path.cwd()
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    FILES = _write_files()


def arguments(rng: random.Random) -> tuple[str, list[str]]:
    """The command and its arguments: mostly sensible, with something odd among them."""
    command = rng.choices(["run", "inspect", "bench", "build", "opt"], [6, 5, 2, 3, 4])[0]
    given: list[str] = []
    flags = list(FLAGS[command])
    if command in ("run", "bench"):
        flags += RUNNING + (BUILDING if rng.random() < 0.2 else [])
        given += [rng.choice(ENGINES) if rng.random() < 0.4 else "net.engine", "--device", "simulator"]
    elif command == "inspect":
        given += [rng.choice(ENGINES) if rng.random() < 0.4 else "net.engine"]
    elif command == "build":  # a whole build takes longer than all else
        flags += BUILDING
        given += ["model.onnx", "--profile=N=1,2,8"] if rng.random() < 0.1 else [rng.choice(MODELS)]
    else:
        given += [rng.choice(TEXTS) if rng.random() < 0.5 else "add.mlir"]
    if command == "bench":
        given += ["--warmup", rng.choice(["0", "1", "x"]), "--iterations", rng.choice(["1", "2", "0", "²"])]
    for flag, values in rng.sample(flags, rng.choice([0, 1, 1, 1, 2, 2, 3, 5]) % (len(flags) + 1)):
        value = None if values is None else rng.choice(values)
        given += [flag] if value is None else [f"{flag}={value}"] if flag.startswith("--") else [flag, value]
    if rng.random() < 0.05:
        given.insert(rng.randrange(len(given) + 1), rng.choice(ODD))
    return command, given


def run(seed: int) -> None:
    rng = random.Random(seed)
    command, given = arguments(rng)
    Path("out").mkdir()
    environment = dict(os.environ)
    if rng.random() < 0.05:
        os.environ["TRTC_CACHE"] = rng.choice(["/dev/null/x", "~nobody/x", "text", "x" * 300, "\udcff", "out/cache"])
    stdout = rng.choice([OSError(errno.ENOSPC, "full"), BrokenPipeError()]) if rng.random() < 0.05 else None
    out = io.StringIO() if stdout is None else Broken(stdout)
    try:
        code, err = _exit_code(command, given, out)
    finally:
        os.environ.clear()
        os.environ.update(environment)
        changed = _restore()
    what = f"{command} {given}: exit code {code}, {err[-2000:]}"
    named = [word for flag, word in zip(["", *given], given, strict=False) if flag != "-o" and not word.startswith("-")]
    read = {*named, *(w.partition("=")[2] for w in given if w.startswith(("--inputs=", "--blobs=")))}
    rewritten = {name for name in read if command == "opt" and name.endswith(".mlir")}  # -o may name the input
    assert not changed & (read - rewritten), f"changed {changed}: {what}"
    assert not (HOME / "EXECUTED").exists(), f"executed what a file holds: {what}"
    assert code in (0, 1, 2, 130), what
    if "Traceback" in err or "a defect of trtc" in err:
        raise Defect(what, err)
    if "not enough memory" in err:
        raise MemoryError(what)
    if code:
        sentences = [line for line in err.splitlines() if "error: " in line]
        assert len(sentences) == 1 or command == "opt", what
        raise Refused(sentences[0] if sentences else f"{command}: no error")


def _exit_code(command: str, given: list[str], out: io.StringIO) -> tuple[Any, str]:
    main: Callable[[list[str]], Any] = trtc_opt.main if command == "opt" else trtc.main
    post_init, coloured = Attribute.__post_init__, Diagnostic.colored
    err, stdin = io.StringIO(), io.TextIOWrapper(io.BytesIO(ADD.encode()))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        sys.stdin, before = stdin, sys.stdin
        try:
            code = main(given if command == "opt" else [command, *given])
        except SystemExit as error:
            code = error.code
        finally:
            sys.stdin = before
            Attribute.__post_init__, Diagnostic.colored = post_init, coloured
    return code, err.getvalue()


def _restore() -> set[str]:
    """Puts the folder back as it was; the names of the files that were changed."""
    changed = {
        name for name, content in FILES.items() if not Path(name).is_file() or Path(name).read_bytes() != content
    }
    for name in changed:
        Path(name).write_bytes(FILES[name])
    for path in HOME.iterdir():
        if path.name not in FILES and path.name not in ("pipe", "pipe.mlir", "EXECUTED"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return changed
