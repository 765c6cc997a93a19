"""`bench_tuning` but for the timing itself: its groups, what it asks to be measured, and what it records."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import bench_tuning
import records

import trtc
from trtc.dialects.meaning import run_module


def model() -> ModuleOp:
    """Two equal layers of conv and relu, a mean over the image, a softmax; a symbolic batch."""
    rng, net = np.random.default_rng(0), trtc.Network()
    x: Any = net.add_input("x", "float16", ["N", 8, 8, 64])
    for _ in range(2):
        weights = rng.standard_normal((64, 3, 3, 64)).astype(np.float16)
        x = net.add_unary("relu", net.add_convolution(x, weights, pads=(1, 1, 1, 1), layout="NHWC"))
    net.mark_output(net.add_softmax(net.add_reduce("mean", x, [1, 2])), "y")
    return net.module({"N": (1, 2, 4)})


@pytest.fixture(scope="module")
def groups() -> list[bench_tuning.Group]:
    return list(bench_tuning.groups_of("net", model(), "sm_90a", "fp16"))


def by_price(module: ModuleOp, inputs: dict[str, np.ndarray], candidate: Any) -> float:
    return candidate.price * 2


def test_equal_groups_are_measured_once_and_small_choices_not_at_all(groups: list[bench_tuning.Group]) -> None:
    anchors = [g.name.split("_")[0] for g in groups]
    assert anchors.count("conv") == 1 and "reduce" in anchors
    for group in groups:
        assert len(group.competition.candidates) >= bench_tuning.LEAST
        assert all(x.shape[0] == 2 or x.shape[0] == 64 for x in group.inputs.values()), "the batch is the usual one"
    conv = next(g for g in groups if g.name.startswith("conv"))
    assert {c.schedule for c in conv.competition.candidates} == {"gemm_sm90", "gemm_mma"}


def test_a_group_alone_computes_what_it_did(groups: list[bench_tuning.Group]) -> None:
    conv = next(g for g in groups if g.name.startswith("conv"))
    x, w = conv.inputs.values()
    (y,) = run_module(conv.module, [x, w])
    centre = np.einsum("hwc,ohwc->o", x[0, 0:3, 0:3].astype(np.float64), w.astype(np.float64))
    assert np.allclose(y[0, 1, 1], np.maximum(centre, 0), rtol=2e-2, atol=2e-2) and centre.max() > 0


def test_every_candidate_of_every_group_is_measured(groups: list[bench_tuning.Group]) -> None:
    asked: list[tuple[int, str]] = []

    def measure(module: ModuleOp, inputs: dict[str, np.ndarray], candidate: Any) -> float:
        asked.append((id(module), str(candidate)))
        return float(len(asked))

    tuned = list(bench_tuning.tune(groups, 1.6, measure, 1e9))
    assert len(tuned) == len(groups) and len(set(asked)) == sum(len(g.competition.candidates) for g in groups)
    assert [m for t in tuned for m in t.measured] == [float(i + 1) for i in range(len(asked))]
    assert not list(bench_tuning.tune(groups, 1.6, measure, -1.0)), "no group is begun when the time is over"


def test_a_forced_candidate_is_what_is_built(groups: list[bench_tuning.Group]) -> None:
    conv = next(g for g in groups if g.name.startswith("conv"))
    candidate = conv.competition.candidates[-1]
    options = trtc.BuildOptions(target="sm_90a")
    engine = trtc.build(conv.module.clone(), options, observers=[bench_tuning.Only(candidate.choice)])
    (variant,) = engine.inspect()["variants"].values()
    assert candidate.schedule == "gemm_mma" and any("gemm_mma" in c for c in variant["choices"].values())


def test_models_take_turns() -> None:
    assert "".join(bench_tuning.in_turns([iter("aaa"), iter("b"), iter("cc")])) == "abcaca"  # type: ignore[arg-type]


def test_what_is_recorded(groups: list[bench_tuning.Group], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_gpu", lambda: {"gpu": "test", "driver": 0})
    monkeypatch.setattr(records, "_versions", lambda **_: {})
    tuned = list(bench_tuning.tune(groups, 0.0, by_price, 1e9))
    recorder = records.Recorder("tuning", tmp_path)
    bench_tuning.record(recorder, tuned, "fp16")
    run, *cases = (json.loads(line) for line in recorder.path.read_text().splitlines())
    assert run["suite"] == "tuning" and len(cases) == len(groups) + 2
    for case, t in zip(cases, tuned, strict=False):
        assert case["ours"] == 2 * t.group.competition.winner.price
        assert case["peers"]["fastest"] == min(t.measured) and case["peers"]["first"] == t.measured[0]
    overall, changed = cases[-2:]
    assert overall["ours"] == pytest.approx(1.0), "measurements in the order of prices"
    assert changed["ours"] == sum(t.chosen for t in tuned if t.changed)

    worse = [bench_tuning.Tuned(t.group, 0.0, tuple(-p for p in t.prices)) for t in tuned]
    bench_tuning.record(recorder, worse, "fp16")
    assert json.loads(recorder.path.read_text().splitlines()[-2])["ours"] == pytest.approx(-1.0)
