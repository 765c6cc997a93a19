"""The five models on a GPU against ONNX Runtime, at the outputs and at every group's result that has an ONNX name."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import zoo
from acceptance import CEILING, LAUNCHES, check_groups, check_outputs, model

pytestmark = pytest.mark.gpu
CASES = [(name, precision) for name in zoo.ALL for precision in ("fp32", "fp16")]


@cache
def engine(name: str, precision: str) -> Any:
    made = model(name)
    return trtc.build(made.proto, trtc.BuildOptions(precision=precision, profiles=made.profiles))


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_outputs_match_onnxruntime(name: str, precision: str) -> None:
    """The logits where a model has them. The third run is a graph's replay."""
    check_outputs(name, precision, engine(name, precision).create_context(poison=True), repeats=3)


@pytest.mark.parametrize(("name", "precision"), [case for case in CASES if case != ("qdq_convnet", "fp16")])
def test_every_group_matches(name: str, precision: str) -> None:
    check_groups(name, precision, engine(name, precision).create_context(poison=True))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", LAUNCHES)
def test_launches(name: str, precision: str) -> None:
    assert engine(name, precision).stats.as_dict()["launches_per_run"] <= LAUNCHES[name]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_one_minilm_engine_runs_three_shapes(precision: str) -> None:
    made, built = model("minilm"), engine("minilm", precision)
    context = built.create_context(poison=True)
    compiles = built.stats.compiles
    for seed, (batch, sequence) in enumerate(((1, 7), (3, 33), (8, 128))):
        given = made.inputs(seed, batch=batch, sequence=sequence)
        want = zoo.run_onnxruntime(made.proto, given)
        for key, array in context.run(given).items():
            assert zoo.relative_error(array, want[key]) <= CEILING[precision]
    assert built.stats.compiles == compiles


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_convnet_with_dynamic_batch_height_and_width(precision: str) -> None:
    """PP-OCR cls once more, with N, H and W left open, at odd sizes."""
    made = model("ppocr_cls")
    profiles = {"x_d0": (1, 1, 4), "x_d2": (32, 48, 64), "x_d3": (32, 192, 224)}
    context = trtc.build(made.proto, trtc.BuildOptions(precision=precision, profiles=profiles)).create_context(
        poison=True
    )
    rng = np.random.default_rng(5)
    for n, h, w in ((1, 48, 192), (3, 37, 101), (2, 61, 223)):
        given = {"x": zoo.images(rng, n, 3, h, w)}
        want = zoo.run_onnxruntime(made.proto, given)
        for key, array in context.run(given).items():
            assert zoo.relative_error(array, want[key]) <= CEILING[precision]
