"""Executes docs/how-to/build-and-run.md: its Python as one program, and its `trtc` commands, on a model of the page's names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler.tools.trtc import main

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "build-and-run.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `model.onnx`, `input [batch, 64] -> output [batch, 16]`, and the inputs that the page reads."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
        for name, size in (("input", 64), ("output", 16))
    ]
    weights = numpy_helper.from_array(np.ones((64, 16), np.float32), "w")
    node = helper.make_node("MatMul", ["input", "w"], ["output"])
    graph = helper.make_graph([node], "g", [ends[0]], [ends[1]], [weights])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx"
    )
    np.savez(tmp_path / "inputs.npz", input=np.ones((2, 64), np.float32))
    monkeypatch.setenv("TRTC_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_of_the_page_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for snippet in PYTHON:
        exec(compile(snippet, "build-and-run.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "<Engine input: float32[batch, 64] -> output: " in printed
    assert "(3, 16) on " in printed
    assert len(PYTHON) == 5
    np.testing.assert_allclose(names["y"], names["outputs"]["output"])


def test_the_commands_of_the_page_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert main(shlex.split(command)[1:]) == 0, f"{command}\n{capsys.readouterr().err}"
    assert {"model.engine", "outputs.npz", "times.json"} <= {path.name for path in folder.iterdir()}


def test_the_page_names_every_error_and_option() -> None:
    errors = {name for name in trtc.__all__ if name.endswith("Error")} - {"TrtcError"}
    assert [name for name in sorted(errors) if f"`{name}`" not in PAGE] == []
    shown = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    for_compilers = {"check_boundaries", "verify_each"}
    assert trtc.BuildOptions.__dataclass_fields__.keys() - for_compilers <= shown


def test_a_cache_that_cannot_be_written_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").write_text("not a folder")
    monkeypatch.setenv("TRTC_CACHE", str(folder / "file" / "cache"))
    command = ["build", "model.onnx", "--profile", "batch=1,2,4", "--quiet"]
    assert main(command) == 0
    assert "file/cache' cannot be written; set TRTC_CACHE to another folder" in capsys.readouterr().err
    assert main([*command, "--no-cache"]) == 0
    assert capsys.readouterr().err == ""
