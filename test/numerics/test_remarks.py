"""Every two groups that could have been one have a remark that says why they are two: on the demo's model, on other
networks and on random graphs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from onnx import ModelProto

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.passes.fusion.regions import Growth

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import attention_models
import convnets
import launches
import zoo
from models.random.graphs import random_graph
from unfused import Unexplained

RANDOM = range(24)
FULL_SIZE = (*convnets.NAMES, *attention_models.NAMES)
"""What test_full_size.py looks at, which imports them anyway."""
NETWORKS = [
    pytest.param(name, marks=pytest.mark.network) if name == "minilm" else name
    for name in launches.SUBJECTS
    if name not in FULL_SIZE
]


def unexplained(model: ModelProto, profiles: Mapping[str, Any], precision: str, target: str) -> Unexplained:
    module = import_onnx(model, profiles=profiles)
    set_target(module, target)
    found = Unexplained()
    options = trtc.BuildOptions(precision=precision, target=target, profiles=profiles, verify_each=False)  # type: ignore[arg-type]
    run_pipeline(module, options, stop_after="fuse", observers=[found])
    return found


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "precision", "target"),
    [("open_nsfw", "fp32", "sm_80"), *((name, "fp16", "sm_90a") for name in zoo.ALL if name != "inception_v1")],
)
def test_trained_models(name: str, precision: str, target: str) -> None:
    """The demo's for either architecture."""
    model = zoo.ALL[name]()
    found = unexplained(model.proto, model.profiles, precision, target)
    print(f"{name}: {found.edges} edges between groups")
    assert found.silent == []
    assert found.edges > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    subject = launches.SUBJECTS[name]
    found = unexplained(launches.fixed(subject.make(), subject.sizes), {}, "fp16", "sm_90a")
    print(f"{name}: {found.edges} edges between groups")
    assert found.silent == []
    assert found.edges > 20


def test_random_graphs() -> None:
    edges = 0
    for seed in RANDOM:
        case = random_graph(seed)
        try:
            found = unexplained(case.model, case.profiles, "fp32", "sm_80")
        except (trtc.UnsupportedOpError, trtc.InvalidModelError):
            continue
        assert found.silent == [], str(case)
        edges += found.edges
    assert edges > len(RANDOM)


def test_an_edge_without_a_remark_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Growth, "_leave_out_operands", lambda self, region: None)
    silent: list[str] = []
    for seed in RANDOM:
        case = random_graph(seed)
        try:
            silent += unexplained(case.model, case.profiles, "fp32", "sm_80").silent
        except (trtc.UnsupportedOpError, trtc.InvalidModelError):
            continue
    assert silent
