"""docs/tutorials/levels: the committed files are what the compiler writes, parse back, and compute the same at each level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.interpret.module import execute, random_inputs
from trtc.compiler.pipeline import verify_module
from trtc.compiler.tools.reference import levels as gen_levels
from trtc.compiler.universe import make_context

FILES = sorted(gen_levels.FOLDER.glob("*.mlir"))


def parse(path: Path) -> ModuleOp:
    return Parser(make_context(), path.read_text(), str(path)).parse_module()


def test_the_files_are_what_the_compiler_writes() -> None:
    assert gen_levels.stale() == []


def test_there_is_one_file_per_phase() -> None:
    names = [path.stem for path in FILES]
    assert names == ["1-graph", "2-quantize", "3-fuse", "4-kernels", "5-memory", "6-threads", "model"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_level_parses_back_and_verifies(path: Path) -> None:
    verify_module(parse(path), path.name)


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "model"], ids=lambda path: path.stem)
@pytest.mark.parametrize("batch", [1, 5])
def test_each_level_computes_the_same(path: Path, batch: int) -> None:
    model = parse(gen_levels.FOLDER / "model.mlir")
    inputs = random_inputs(model, seed=4, symbols={"N": batch})
    expected = execute(model, inputs)["scores"]
    got = execute(parse(path), inputs)["scores"]
    assert expected.shape == (batch, 2)
    assert np.linalg.norm(got - expected) <= 1e-5 * np.linalg.norm(expected)
    other = execute(model, random_inputs(model, seed=5, symbols={"N": batch}))["scores"]
    assert np.linalg.norm(other - expected) > 1e-2 * np.linalg.norm(expected), "the scores depend on the input"
