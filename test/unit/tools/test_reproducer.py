"""A pass that fails leaves its input and a command that fails in the same way; the passes come from a package outside the tree."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import phase_steps
from trtc.compiler.resume import passes_until

TOOLS = Path(sys.executable).parent
PACKAGE = '''
from dataclasses import dataclass

from xdsl.passes import ModulePass
from xdsl.universe import Universe

runs = 0


@dataclass(frozen=True)
class FailPass(ModulePass):
    """Fails if the module has an op of this name, or hides its result's type from the function."""

    name = "fail-on-purpose"
    op: str = "nn.add"
    quietly: bool = False

    def apply(self, ctx, op):
        for found in op.walk():
            if found.name == self.op and self.quietly:
                found.detach()
                found.erase(safe_erase=False)
            elif found.name == self.op:
                raise ZeroDivisionError(f"on {self.op}")


@dataclass(frozen=True)
class OncePass(ModulePass):
    """Works the first time only."""

    name = "works-once"

    def apply(self, ctx, op):
        global runs
        runs += 1
        if runs > 1:
            raise ZeroDivisionError("the second time")


UNIVERSE = Universe(all_passes={"fail-on-purpose": lambda: FailPass, "works-once": lambda: OncePass})
'''


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where the package is installed: a folder with its module and its entry point."""
    site = tmp_path / "site"
    information = site / "failing-1.dist-info"
    information.mkdir(parents=True)
    (site / "failing.py").write_text(PACKAGE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: failing\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[xdsl.universe]\nfailing = failing:UNIVERSE\n")
    return {**os.environ, "PYTHONPATH": str(site)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """`y = x + w`, with w of 64 numbers: large enough to be a blob."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 64]) for name in ("x", "y"))
    w = numpy_helper.from_array(np.arange(64, dtype=np.float32), "w")
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"], "add1")], "g", [x], [y], [w])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def opt(environment: dict[str, str], *args: object) -> subprocess.CompletedProcess[str]:
    command = [str(TOOLS / "trtc-opt"), *map(str, args)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


PROFILE = "--profile=N=1,2,8"


def test_the_file_fails_by_the_command_in_its_first_line(
    environment: dict[str, str], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = opt(environment, model.name, PROFILE, "--stop-after=graph", "-p", "fail-on-purpose,cse")
    assert done.returncode == 1
    number = passes_until("graph", phase_steps(BuildOptions())) + 1
    path = Path(f"pass-failure/{number:02}-fail-on-purpose.mlir")
    failure = (
        "error: pass 'fail-on-purpose' failed: ZeroDivisionError: on nn.add; the module before it, and the command that"
    )
    assert done.stderr == f"{failure} reproduces this, are in {path}\n"
    first, text = path.read_text().split("\n", 1)
    blobs = path.with_suffix(".npz")
    assert first == f"// trtc-opt {path} --blobs={blobs} -p fail-on-purpose,cse"
    assert "nn.add" in text and 'loc("add1"' in text and "N = array<i64: 1, 2, 8>" in text
    again = opt(environment, *shlex.split(first)[2:], "--failures=other")
    assert again.returncode == 1
    assert again.stderr == done.stderr.replace(str(path), "other/01-fail-on-purpose.mlir")
    assert opt(environment, path, "--blobs", blobs, "-p", "cse").returncode == 0, "the input is good"


def test_the_whole_pipeline_is_in_the_command(environment: dict[str, str], model: Path, tmp_path: Path) -> None:
    """Options of passes included; and a pass that leaves a module that is not valid has failed."""
    failures = tmp_path / "failures"
    done = opt(
        environment, model, PROFILE, "--stop-after=import", "-p",
        "canonicalize-nn,fail-on-purpose{quietly=true},plan-arena{memory_limit=7}", f"--failures={failures}",
    )  # fmt: skip
    assert done.returncode == 1 and "the result of pass 'fail-on-purpose' is not valid" in done.stderr, done.stderr
    first = (failures / "02-fail-on-purpose.mlir").read_text().splitlines()[0]
    assert shlex.split(first)[-1] == "fail-on-purpose{quietly=true},plan-arena{memory_limit=7}"
    again = opt(environment, *shlex.split(first)[2:], f"--failures={failures}")
    assert "the result of pass 'fail-on-purpose' is not valid" in again.stderr


def test_a_case_of_many_has_its_own_file(environment: dict[str, str], tmp_path: Path) -> None:
    cases = tmp_path / "cases.mlir"
    case = "func.func @{0}(%x: tensor<2xf32>) -> tensor<2xf32> {{\n  %0 = nn.{0} %x : tensor<2xf32>\n  func.return %0 : tensor<2xf32>\n}}\n"
    cases.write_text("// -----\n".join(case.format(op) for op in ("neg", "relu")))
    failures = tmp_path / "failures"
    done = opt(
        environment, cases, "--split-input-file", "-p", 'fail-on-purpose{op="nn.relu"}', f"--failures={failures}"
    )
    path = failures / "2" / "01-fail-on-purpose.mlir"
    assert done.returncode == 1 and f"are in {path}\n" in done.stderr, done.stderr
    assert "@relu" in path.read_text() and "@neg" not in path.read_text()


def test_what_cannot_be_reproduced_or_saved_is_said(environment: dict[str, str], model: Path, tmp_path: Path) -> None:
    both = "works-once,fail-on-purpose"
    done = opt(environment, model, PROFILE, "-p", both, f"--failures={tmp_path / 'failures'}")
    assert "on nn.add; the passes before it failed when they were run again: pass 'works-once' failed" in done.stderr
    (tmp_path / "file").write_text("")
    done = opt(environment, model, PROFILE, "-p", "fail-on-purpose", f"--failures={tmp_path / 'file' / 'failures'}")
    assert "on nn.add; the module before it cannot be saved: " in done.stderr


def test_an_expected_failure_leaves_nothing(environment: dict[str, str], model: Path, tmp_path: Path) -> None:
    failures = tmp_path / "failures"
    done = opt(environment, model, PROFILE, "-p", "fail-on-purpose", "--verify-diagnostics", f"--failures={failures}")
    assert done.returncode == 0 and "on nn.add\n" in done.stdout
    assert not failures.exists()
