"""`bench_attention` but for the timing: its networks compute attention, in one launch."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import trtc

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import bench_attention


@pytest.mark.parametrize("case", ["2x4/2x70x32:causal", "2x2x50x24:mask", "1x4/2x1/90x64"])
def test_network(case: str) -> None:
    shape = bench_attention.parse(case)
    rng = np.random.default_rng(0)
    dims = {"q": (shape.queries, shape.heads), "k": (shape.keys, shape.key_heads), "v": (shape.keys, shape.key_heads)}
    inputs = {n: rng.standard_normal((shape.batch, *d, shape.head)).astype(np.float16) for n, d in dims.items()}
    if shape.kind == "mask":
        hidden = np.arange(shape.keys) > rng.integers(20, shape.keys, (shape.batch, 1, 1, 1))
        inputs["mask"] = np.where(hidden, -1e4, 0).astype(np.float16)
    q, k, v = (inputs[n].astype(np.float64).transpose(0, 2, 1, 3) for n in "qkv")
    k, v = (np.repeat(x, shape.heads // shape.key_heads, 1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * shape.head**-0.5 + inputs.get("mask", 0)
    if shape.kind == "causal":
        scores = np.where(np.arange(shape.keys) <= np.arange(shape.queries)[:, None], scores, -np.inf)
    probs = np.exp(scores - scores.max(-1, keepdims=True))
    wanted = (probs / probs.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3)
    engine = trtc.build(bench_attention.network(shape, "float16"))
    got = np.asarray(engine.run(inputs)["y"]).astype(np.float64)
    assert np.linalg.norm(got - wanted) <= 1e-3 * np.linalg.norm(wanted)
    assert engine.stats.as_dict()["launches_per_run"] == 1


def test_parse() -> None:
    shape = bench_attention.parse("1x32/8x1/2048x128:causal")
    assert shape == bench_attention.Shape(1, 32, 8, 1, 2048, 128, "causal")
    assert bench_attention.parse("8x12x128x64").flops == 4.0 * 8 * 12 * 128 * 128 * 64
