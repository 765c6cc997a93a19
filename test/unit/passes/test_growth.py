"""The passes are linear in ops: calls of functions are counted, which no other work on the machine changes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from trtc import BuildOptions
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import scale_graphs

FEW, MANY = 60, 480
MOST = 1.1
"""Calls of functions, of Python and of C, per op at `MANY` ops, over those at `FEW`."""


def calls(shape: str, ops: int, precision: str) -> int:
    """How many functions are called from the layer API to the memory plan; the schedules of groups come after, or are asked once."""
    counted = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        module = scale_graphs.module(shape, ops)
        set_target(module, "sm_80")
        run_pipeline(module, BuildOptions(precision=precision, target="sm_80", verify_each=False), stop_after="memory")
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("shape", scale_graphs.SHAPES)
def test_calls_grow_with_the_number_of_ops(shape: str, precision: str) -> None:
    calls(shape, 20, precision)  # fills what is remembered of expressions and attributes
    few, many = calls(shape, FEW, precision), calls(shape, MANY, precision)
    assert many / MANY <= MOST * few / FEW, f"{few} calls for {FEW} ops, {many} for {MANY}"
