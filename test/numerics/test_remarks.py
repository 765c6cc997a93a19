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
import launches
import zoo
from models.random.graphs import random_graph
from unfused import Unexplained

RANDOM = range(24)


def unexplained(model: ModelProto, profiles: Mapping[str, Any], precision: str, target: str) -> Unexplained:
    module = import_onnx(model, profiles=profiles)
    set_target(module, target)
    found = Unexplained()
    options = trtc.BuildOptions(precision=precision, target=target, profiles=profiles, verify_each=False)  # type: ignore[arg-type]
    run_pipeline(module, options, stop_after="fuse", observers=[found])
    return found


@pytest.mark.network
@pytest.mark.parametrize(("precision", "target"), [("fp32", "sm_80"), ("fp16", "sm_90a")])
def test_the_demo(precision: str, target: str) -> None:
    model = zoo.open_nsfw()
    found = unexplained(model.proto, model.profiles, precision, target)
    assert found.silent == []
    assert found.edges > 50


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inception_v1", "shufflenet", "bert_base", "vit_b16", "gpt2_small", "bart_small"])
def test_networks(name: str) -> None:
    """The others are in test_full_size.py."""
    subject = launches.SUBJECTS[name]
    found = unexplained(launches.fixed(subject.make(), subject.sizes), {}, "fp16", "sm_90a")
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
