"""Engines with dependent launches on a GPU: bit for bit what those without give, run after run, in CUDA graphs and without."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler.targets import detect_arch

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from acceptance import model
from independent import Independent

pytestmark = pytest.mark.gpu
NAMES = ("minilm", "inception_v1", "ppocr_cls", "open_nsfw")
RUNS = 50


@cache
def engine(name: str, dependent: bool) -> Any:
    if not detect_arch().startswith(("sm_9", "sm_1")):
        pytest.skip(f"dependent launches need sm_90 or newer, this GPU is {detect_arch()}")
    made = model(name)
    options = trtc.BuildOptions(precision="fp16", profiles=made.profiles)
    return trtc.build(made.proto, options, observers=[] if dependent else [Independent()])


def dependent_launches(built: Any) -> list[bool]:
    variant = built.variant(detect_arch())
    return [launch.dependent for launch in variant.program.launches]


@pytest.mark.parametrize("name", NAMES)
def test_all_launches_but_the_first_are_dependent(name: str) -> None:
    first, *others = dependent_launches(engine(name, True))
    assert not first and others and all(others)
    assert not any(dependent_launches(engine(name, False)))


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_without_dependence(name: str, graphs: bool) -> None:
    """Inputs change from run to run, and the arena is poisoned: what is read too early or overwritten too early shows."""
    contexts = [engine(name, dependent).create_context(poison=True, graphs=graphs) for dependent in (True, False)]
    given = [model(name).inputs(seed) for seed in range(4)]
    wanted = [contexts[1].run(each) for each in given]
    assert any((wanted[0][key] != wanted[1][key]).any() for key in wanted[0])
    for run in range(RUNS):
        got = contexts[0].run(given[run % 4])
        for key, want in wanted[run % 4].items():
            np.testing.assert_array_equal(got[key], want, err_msg=f"{name}, run {run}: {key}")


def test_launches_queued_without_a_host_wait_between() -> None:
    """Back to back, the first launch of a run begins when the last of the run before has ended."""
    import cupy

    context = engine("minilm", True).create_context()
    given = [model("minilm").inputs(seed) for seed in range(2)]
    wanted = [engine("minilm", False).create_context().run(each) for each in given]
    device = [{key: cupy.asarray(array) for key, array in each.items()} for each in given]
    results = [context.run(device[run % 2]) for run in range(RUNS)]
    for run, got in enumerate(results):
        for key, want in wanted[run % 2].items():
            np.testing.assert_array_equal(cupy.asnumpy(got[key]), want, err_msg=f"run {run}: {key}")
