"""The demonstration's parts: what it says of a module, its inputs, and that a wrong result fails it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.pipeline import PHASES
from trtc.compiler.tools import demo
from trtc.compiler.tools.opt.tool import TrtcOptMain
from trtc.compiler.tools.trtc import _parser as trtc_parser
from trtc.compiler.universe import make_context
from trtc.dialects.errors import TrtcError


def parse(text: str) -> ModuleOp:
    return Parser(make_context(), text).parse_module()


def test_a_module_is_described_by_what_matters_at_its_level() -> None:
    relu = "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %0 = nn.relu %x : tensor<4xf32>\n  func.return %0 : tensor<4xf32>\n}\n"
    assert demo.describe_module(parse(relu)) == "1 nn ops"
    launches = """
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) {
  buffer.launch @f ins(%x : memref<4xf32>) outs(%y : memref<4xf32>)
  func.return
}
"""
    assert demo.describe_module(parse(launches)) == "1 launches"


def test_inputs_are_seeded_smooth_and_in_range() -> None:
    first, again, other = demo.example_input(1), demo.example_input(1), demo.example_input(2)
    assert first.shape == (1, 3, 48, 192)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.3
    assert np.abs(np.diff(first, axis=3)).mean() < np.abs(first - other).mean()


class FakeEngine:
    device = "simulator"

    def __init__(self, results: list[Any]) -> None:
        self.results = results

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return {"y": self.results.pop(0)}


A, B = np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]])
C = np.concatenate([A, B, A, B])
"""What the three runs give: two single images and a batch of four."""


@pytest.mark.parametrize(
    ("results", "ok"),
    [
        ([A, B, C], True),
        ([A, B * 1.01, C], False),
        ([A, B, C[[0, 0, 0, 0]]], False),
        ([A, A, C], False),
        ([np.full((1, 2), np.nan), B, C], False),
    ],
    ids=["right", "off", "batch", "constant", "nan"],
)
def test_only_a_right_result_succeeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: list[Any], ok: bool
) -> None:
    references = [A, B, C]
    monkeypatch.setattr(demo, "reference", lambda model, inputs: references.pop(0))
    assert demo._run(FakeEngine(list(results)), Path("model.onnx"), 1e-4) is ok
    assert ("correct" in capsys.readouterr().out) is ok


def test_a_constant_engine_fails_even_if_the_reference_is_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "reference", lambda model, inputs: A)
    assert demo._run(FakeEngine([A, A, A]), Path("model.onnx"), 1e-4) is False


def test_every_phase_says_what_it_does() -> None:
    assert tuple(demo.WORK) == PHASES


@pytest.mark.parametrize("command", [command for command, _ in demo.NEXT])
def test_the_commands_to_go_on_with_are_accepted(command: str) -> None:
    tool, *args = shlex.split(command.replace("$model", "model.onnx"))
    if tool == "trtc-opt":
        TrtcOptMain(args)
    else:
        assert tool == "trtc"
        trtc_parser().parse_args(args)


def test_an_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(precision: str) -> bool:
        raise TrtcError("no network")

    monkeypatch.setattr(demo, "demo", fail)
    assert demo.main([]) == 1
    assert capsys.readouterr().err == "demo: error: no network\n"


@pytest.mark.network
def test_it_runs_and_shows_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line}
    assert {*PHASES, "level", "CUDA", "arena", "engine", "Result:"} <= rows.keys()
    assert "launches" in rows["memory"] and "kernels" in rows["threads"] and "groups" in rows["fuse"]
    assert rows["Result:"].startswith("Result: correct.")
    assert len([line for line in lines if "ONNX Runtime" in line]) == len(demo.RUNS)
