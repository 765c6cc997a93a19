"""Every page of docs/how-to/ is executed as it is written: its files, its Python and its commands, in order, in a fresh folder."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import trtc

sys.path.insert(0, str(Path(__file__).parent))
import pages

HOW_TO = pages.DOCS / "how-to"
Prepare = Callable[[Path], dict[str, str] | None]
"""Puts what a page takes for granted into a folder; returns the environment of its commands where it is not the usual one."""


def matmul_model(folder: Path) -> None:
    """`model.onnx`, `input [batch, 64] -> output [batch, 16]`, and the inputs that the page reads."""
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
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx"
    )
    np.savez(folder / "inputs.npz", input=np.ones((2, 64), np.float32))


def conv_model(folder: Path) -> None:
    """`model.onnx` with the node `conv1` on an input `x`, and the tensors of a failure as --check-numerics saves them."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "height", "width"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    w = np.random.default_rng(0).standard_normal((8, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu1"),
        helper.make_node("GlobalAveragePool", ["r"], ["y"], "pool1"),
    ]
    graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(w, "w")])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx"
    )
    (folder / "numerics-failure").mkdir()
    arrays = {"before": np.zeros((2, 3)), "after": np.eye(2, 3)}
    np.savez(folder / "numerics-failure" / "06-eliminate-transposes-conv1.npz", **arrays)


def environment_with_pip(folder: Path) -> dict[str, str]:
    """A virtual environment over the one of the tests, with trtc's tools and pip, which builds without a network."""
    shutil.copytree(pages.DOCS / "examples" / "plugin", folder / "docs" / "examples" / "plugin")
    import venv

    import xdsl

    venv.create(folder / "venv", with_pip=False, symlinks=True)
    tools = folder / "venv" / "bin"
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    outer = Path(xdsl.__file__).parents[1]
    (site / "outer.pth").write_text(f"import site; site.addsitedir({str(outer)!r})\n")
    for tool, module in (("trtc-opt", "trtc.compiler.tools.trtc_opt"), ("pip", "pip._internal.cli.main")):
        (tools / tool).write_text(f"#!{tools / 'python'}\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        (tools / tool).chmod(0o755)
    path = os.pathsep.join([str(tools), str(pages.TOOLS), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}


def matmul_model_and_stub(folder: Path) -> dict[str, str]:
    """`model.onnx`, and a `trtc` that times on the simulator, as if a GPU of sm_80 were there: the second candidate is the fastest."""
    matmul_model(folder)
    tools = folder / "tools"
    tools.mkdir()
    (tools / "trtc").write_text(f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from stub_timer import StubTimer
from trtc.compiler.tools.trtc import main
from trtc.compiler.tune import cuda
cuda.timer_for = lambda arch, workers=1: StubTimer(lambda c: 100 / c.price)
sys.exit(main())
""")
    (tools / "trtc").chmod(0o755)
    path = os.pathsep.join([str(tools), str(pages.TOOLS), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "TRTC_VERIFY_EACH": "0"}


PREPARED: dict[str, Prepare] = {
    "build-and-run": matmul_model,
    "debug-a-wrong-number": conv_model,
    "out-of-tree": environment_with_pip,
    "refit": matmul_model,
    "tune": matmul_model_and_stub,
    "work-with-trtc-opt": matmul_model,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRTC_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", sorted(path.stem for path in HOW_TO.glob("*.md")))
def test_a_page_runs_as_written(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name in ("build-and-run", "refit", "tune"):
        pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    environment = PREPARED[name](folder) if name in PREPARED else None
    printed, names = pages.run_page(HOW_TO / f"{name}.md", folder, environment)
    printed += capsys.readouterr().out
    CHECKS.get(name, lambda *_: None)(folder, printed, names)


def check_build(folder: Path, printed: str, names: dict[str, object]) -> None:
    assert "<Engine input: float32[batch, 64] -> output: " in printed
    assert "(3, 16) on " in printed
    assert {"model.engine", "outputs.npz", "times.json"} <= {path.name for path in folder.iterdir()}
    np.testing.assert_allclose(names["y"], names["outputs"]["output"])  # type: ignore[index, arg-type]


def check_debugging(folder: Path, printed: str, names: dict[str, object]) -> None:
    assert "(np.int64(0), np.int64(0)) 1.0" in printed, "where the saved tensors differ most"
    assert "values compared" in printed
    assert (folder / "outputs.npz").exists()


def check_package(folder: Path, printed: str, names: dict[str, object]) -> None:
    assert "nn.sigmoid" in printed
    assert "check-numerics: 1 passes, 1 values compared, largest relative error 0 (after 1-expand-swish)" in printed
    assert "y: float32[1x4] min " in printed


def check_refit(folder: Path, printed: str, names: dict[str, object]) -> None:
    assert "new.engine: 1 tensors given, 0 as they were" in printed and "refittable: 1 tensors" in printed
    names["engine"].save("again.engine")  # type: ignore[attr-defined]
    assert (
        (folder / "again.engine").read_bytes()
        == (folder / "new.engine").read_bytes()
        != (folder / "model.engine").read_bytes()
    )


def check_tuning(folder: Path, printed: str, names: dict[str, object]) -> None:
    assert "timings.jsonl: 1 groups, 8 candidates known, 0 of them out" in printed
    assert " us measured, " in printed and "by price alone" in printed, "--choices says why"
    assert "timings.jsonl: 8 timings taken over" in printed
    assert sorted((folder / "model.jsonl").read_text().splitlines()) == sorted(
        (folder / "timings.jsonl").read_text().splitlines()
    )
    names["engine"].save(folder / "python.engine")  # type: ignore[attr-defined]
    assert (folder / "python.engine").read_bytes() == (folder / "locked.engine").read_bytes()


CHECKS: dict[str, Callable[[Path, str, dict[str, object]], None]] = {
    "build-and-run": check_build,
    "debug-a-wrong-number": check_debugging,
    "out-of-tree": check_package,
    "refit": check_refit,
    "tune": check_tuning,
}


@pytest.mark.parametrize(
    "text",
    [
        "1. Indented:\n\n   ```sh\n   trtc-opt nowhere.mlir\n   ```\n",
        "```python\nraise AssertionError\n```\n",
        "```sh\nunclosed\n",
    ],
)
def test_a_page_that_does_not_run_is_noticed(folder: Path, text: str) -> None:
    page = folder / "page.md"
    page.write_text(text)
    with pytest.raises(AssertionError):
        pages.run_page(page, folder)


def test_the_entry_point_on_the_page_is_the_one_of_the_example() -> None:
    (shown,) = (block.text for block in pages.blocks(HOW_TO / "out-of-tree.md") if block.language == "toml")
    project = tomllib.loads((pages.DOCS / "examples" / "plugin" / "pyproject.toml").read_text())["project"]
    assert tomllib.loads(shown)["project"]["entry-points"].items() <= project["entry-points"].items()


def test_the_page_on_building_names_every_error_and_option() -> None:

    page = (HOW_TO / "build-and-run.md").read_text()
    errors = {name for name in trtc.__all__ if name.endswith("Error")} - {"TrtcError"}
    assert [name for name in sorted(errors) if f"`{name}`" not in page] == []
    shown = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    for_compilers = {"check_boundaries", "verify_each"}
    assert trtc.BuildOptions.__dataclass_fields__.keys() - for_compilers <= shown


def test_a_cache_that_cannot_be_written_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    from trtc.compiler.tools.trtc import main

    matmul_model(folder)
    (folder / "file").write_text("not a folder")
    monkeypatch.setenv("TRTC_CACHE", str(folder / "file" / "cache"))
    command = ["build", "model.onnx", "--profile", "batch=1,2,4", "--quiet"]
    assert main(command) == 0
    assert "file/cache' cannot be written; set TRTC_CACHE to another folder" in capsys.readouterr().err
    assert main([*command, "--no-cache"]) == 0
    assert capsys.readouterr().err == ""
