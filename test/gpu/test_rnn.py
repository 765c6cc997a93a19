"""Recurrences on a GPU against their meaning: each schedule, each way that blocks meet, sizes of the benchmark and odd ones; the same
bits in every run, alone and in a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import trtc
from trtc.dialects.meaning import run_module

pytestmark = pytest.mark.gpu
CEILING = {"fp32": 1e-4, "tf32": 5e-3, "fp16": 1e-2}
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
POINTWISE = ("gemm_mma", "gemm_sm90", "pointwise", "gather", "row")


def network(
    kind: str, hidden: int, batch: int, steps: int, *, both: bool = False, lengths: bool = False, **flags: Any
) -> Any:
    """A layer with an initial state; weights scaled so that states neither vanish nor saturate."""
    rng, d, gates = np.random.default_rng(hidden), 2 if both else 1, GATES[kind]
    net = trtc.Network()
    x = net.add_input("x", "float32", [steps, batch, 24])
    given = {"hidden": net.add_input("h", "float32", [d, batch, hidden])}
    if lengths:
        given["lengths"] = net.add_input("n", "int32", [batch])
    shapes = ((d, gates * hidden, 24), (d, gates * hidden, hidden), (d, 2 * gates * hidden))
    w, r, b = (
        (rng.standard_normal(shape) / np.sqrt(shape[-1] if len(shape) > 2 else 4)).astype(np.float32)
        for shape in shapes
    )
    direction = "bidirectional" if both else "forward"
    states = net.add_rnn(kind, x, w, r, b, direction=direction, **given, **flags)
    net.mark_output(states.hidden, "y")
    net.mark_output(states.last_hidden, "last")
    if states.last_cell is not None:
        net.mark_output(states.last_cell, "cell")
    return net


def check(net: Any, precision: str, *, schedules: tuple[str, ...] | None = None, repeats: int = 4) -> None:
    module = net.module()
    options = trtc.BuildOptions(precision=precision, schedules=schedules)
    engine = trtc.build(module, options)
    rng = np.random.default_rng(7)
    context = engine.create_context(poison=True)
    shapes = {spec.name: (spec.dtype, tuple(e.as_int() for e in spec.dims)) for spec in context.variant.program.inputs}
    feed = {
        name: rng.integers(0, 12, shape).astype(dtype)
        if dtype.kind == "i"
        else rng.standard_normal(shape).astype(dtype)
        for name, (dtype, shape) in shapes.items()
    }
    want = run_module(module, list(feed.values()))
    first: dict[str, Any] = {}
    for run in range(repeats):
        outputs = {name: np.array(array) for name, array in context.run(feed).items()}
        first = first or outputs
        for (name, got), reference in zip(outputs.items(), want, strict=True):
            error = np.linalg.norm(got.astype(np.float64) - reference) / np.linalg.norm(reference.astype(np.float64))
            assert error <= CEILING[precision], f"{name}, run {run}: {error}"
            np.testing.assert_array_equal(got, first[name], err_msg=f"run {run} differs from the first")


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16"])
@pytest.mark.parametrize("batch", [1, 32])
@pytest.mark.parametrize("hidden", [128, 256, 512, 1024])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_benchmark_sizes(kind: str, hidden: int, batch: int, precision: str) -> None:
    flags = {"reset_after": True} if kind == "gru" else {}
    check(network(kind, hidden, batch, 100, **flags), precision)


@pytest.mark.parametrize("schedule", ["rnn_lanes", "rnn_resident", "rnn_streamed"])
@pytest.mark.parametrize("kind", GATES)
def test_schedules(kind: str, schedule: str) -> None:
    """Both directions, lengths, a GRU that resets before its product and so meets twice in a step."""
    check(network(kind, 64, 5, 9, both=True, lengths=True), "fp32", schedules=(schedule, *POINTWISE))


@pytest.mark.parametrize(("hidden", "batch"), [(1, 1), (3, 33), (65, 2), (130, 7), (1000, 3)])
def test_odd_sizes(hidden: int, batch: int) -> None:
    check(network("lstm", hidden, batch, 11, lengths=True), "fp32")


def test_many_steps_meet_as_often(steps: int = 5000) -> None:
    check(network("gru", 512, 1, steps, reset_after=True), "fp32", repeats=2)


def test_both_directions_of_a_large_layer() -> None:
    check(network("lstm", 1024, 2, 40, both=True), "fp16")
