"""Executes docs/tutorials/first-pass.md: its files are written, its pass is registered, its commands run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options

import trtc.passes.graph
from trtc.compiler import universe
from trtc.compiler.tools import trtc_opt

sys.path.insert(0, str(Path(__file__).parent))
import pages

TUTORIAL = pages.DOCS / "tutorials" / "first-pass.md"
PAGE = TUTORIAL.read_text()
FILES = pages.files(TUTORIAL)
COMMANDS = pages.commands(TUTORIAL)


@pytest.fixture
def tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page, and trtc with its pass, as if it were in passes/graph."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(trtc.passes.graph, "__path__", [*trtc.passes.graph.__path__, str(tmp_path)])
    monkeypatch.setitem(
        universe.PASSES, "graph", (*universe.PASSES["graph"], FILES["universe-line"].strip().strip('",'))
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        trtc_opt.main(args)
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


def filecheck(checks: Path, output: str) -> int:
    """The exit code of filecheck on a text."""
    given = checks.with_suffix(".out")
    given.write_text(output)
    return Matcher.from_opts(parse_argv_options(["filecheck", str(checks), f"--input-file={given}"])).run()


def test_without_the_pass_the_lit_file_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "two-clips.mlir").write_text(FILES["two-clips.mlir"])
    assert run(str(tmp_path / "two-clips.mlir"), "-p", "merge-clips") == 2
    assert "there is no pass 'merge-clips'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [line for line in COMMANDS if "model.onnx" not in line])
def test_each_command_runs(tutorial: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert run(*shlex.split(command)[1:]) == 0, capsys.readouterr().err


def test_the_pass_merges_and_says_so(tutorial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("two-clips.mlir", "-p", "merge-clips", "--remarks", "--print-debuginfo") == 0
    captured = capsys.readouterr()
    assert captured.out.count("nn.clip") == 1
    assert "bound" in captured.out, "the location is kept"
    (remark,) = [line for line in PAGE.splitlines() if line.startswith("applied: ")]
    assert remark in captured.err.splitlines()


def test_the_result_is_the_same_with_the_pass(tutorial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = []
    for more in ([], ["-p", "merge-clips"]):
        assert run("two-clips.mlir", "--run", "--seed", "1", *more) == 0
        results.append(capsys.readouterr().out)
    assert results[0] == results[1]
    assert results[0].startswith("y: float32[4] min "), "as the page says"


def test_its_lit_file_passes(tutorial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = re.search(r"RUN: trtc-opt %s (.*) \| filecheck", FILES["merge-clips.mlir"])
    assert args is not None
    assert run("merge-clips.mlir", *shlex.split(args.group(1))) == 0
    output = capsys.readouterr().out
    assert filecheck(tutorial / "merge-clips.mlir", output) == 0
    assert filecheck(tutorial / "merge-clips.mlir", output.replace("nn.clip", "nn.relu")) != 0


def test_breaking_the_pass_is_noticed(tutorial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the page says about `--check-numerics`."""
    path = tutorial / "broken_clips.py"
    path.write_text(
        FILES["merge_clips.py"]
        .replace("low = max(", "low = min(")
        .replace('name = "merge-clips"', 'name = "broken-clips"')
    )
    universe.PASSES["graph"] = (*universe.PASSES["graph"], "broken-clips")
    assert run("two-clips.mlir", "-p", "broken-clips", "--check-numerics") == 1
    err = capsys.readouterr().err
    assert "pass 'broken-clips' (exact) changed value 'y', computed by nn.clip (from bound, relu6)" in err
    assert "reproduce with: trtc-opt two-clips.mlir -p broken-clips --check-numerics --seed 0" in err
