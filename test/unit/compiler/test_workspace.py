"""A group of two launches with a workspace between them, from the layer API to an engine that runs: in the simulator and on a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trtc

LENGTH = 200_000


def network() -> trtc.Network:
    """The root mean square of each row of `x`: float32[n, 200000]."""
    network = trtc.Network()
    x = network.add_input("x", "f32", ("n", LENGTH))
    mean = network.add_reduce("mean", network.add_binary("mul", x, x), [1])
    network.mark_output(network.add_unary("sqrt", mean), "rms")
    network.symbols(n=(1, 2, 4))
    return network


@pytest.fixture(scope="module")
def engine() -> trtc.Engine:
    return trtc.build(network())


def check(engine: trtc.Engine, device: str | int) -> None:
    context = engine.create_context(device, poison=True)
    for n in (3, 1, 4, 3):
        x = np.random.default_rng(n).standard_normal((n, LENGTH)).astype(np.float32)
        want = np.sqrt((x.astype(np.float64) ** 2).mean(axis=1))
        got = context.run({"x": x})["rms"]
        assert np.linalg.norm(got - want) <= 2e-6 * np.linalg.norm(want)


def test_in_the_simulator(engine: trtc.Engine) -> None:
    check(engine, "simulator")


@pytest.mark.gpu
def test_on_a_gpu(engine: trtc.Engine) -> None:
    check(engine, 0)


def test_kernels_of_an_earlier_build_access_the_same(tmp_path: Path) -> None:
    """Whose bodies are not there any more."""
    cache = tmp_path / "cache"
    first, again = (
        trtc.build(network(), trtc.BuildOptions(memory_limit=limit), cache=cache) for limit in (None, 1 << 30)
    )
    assert first.stats.arena_bytes == again.stats.arena_bytes
    check(again, "simulator")


def test_the_group_is_two_launches_over_one_workspace(engine: trtc.Engine) -> None:
    assert engine.stats.launches_per_run == 2
    (variant,) = engine.inspect()["variants"].values()
    assert sorted(variant["choices"]) == ["mul_reduce_sqrt", "mul_reduce_sqrt_stage1"]
    assert engine.stats.arena_bytes >= 4 * 4 * 32
