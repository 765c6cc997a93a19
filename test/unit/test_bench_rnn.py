"""`bench_rnn` but for the timing: the ONNX model computes what torch's layer does, whose gates have another order."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import bench_rnn
from models.random import graphs

Array = np.ndarray[Any, Any]


def parameter(array: Array) -> Any:
    """As torch's: `.detach().numpy()`."""
    return SimpleNamespace(detach=lambda: SimpleNamespace(numpy=lambda: array))


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def torch_lstm(x: Array, w: Array, r: Array, bw: Array, br: Array) -> Array:
    """By the formulas of torch.nn.LSTM."""
    h = c = np.zeros((x.shape[1], r.shape[1]))
    steps: list[Array] = []
    for now in x:
        i, f, g, o = np.split(now @ w.T + bw + h @ r.T + br, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h)
    return np.stack(steps)


def torch_gru(x: Array, w: Array, r: Array, bw: Array, br: Array) -> Array:
    """By the formulas of torch.nn.GRU."""
    h = np.zeros((x.shape[1], r.shape[1]))
    steps: list[Array] = []
    for now in x:
        (xr, xz, xn), (hr, hz, hn) = (np.split(v, 3, axis=1) for v in (now @ w.T + bw, h @ r.T + br))
        n = np.tanh(xn + sigmoid(xr + hr) * hn)
        z = sigmoid(xz + hz)
        h = (1 - z) * n + z * h
        steps.append(h)
    return np.stack(steps)


@pytest.mark.parametrize(("kind", "formulas"), [("lstm", torch_lstm), ("gru", torch_gru)])
def test_the_model_is_torchs_layer(kind: str, formulas: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_rnn, "STEPS", 5)
    rng, gates = np.random.default_rng(0), len(bench_rnn.ORDER[kind])
    shapes = [(gates * 8, 8), (gates * 8, 8), (gates * 8,), (gates * 8,)]
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    net = SimpleNamespace(hidden_size=8, **dict(zip(names, map(parameter, arrays), strict=True)))
    x = rng.standard_normal((5, 3, 8)).astype(np.float32)
    (got,) = graphs.run_onnxruntime(bench_rnn.onnx_model(kind, net, 3), {"x": x})
    np.testing.assert_allclose(got[:, 0], formulas(x, *arrays), atol=1e-5)
