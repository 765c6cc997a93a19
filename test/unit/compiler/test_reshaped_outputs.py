"""Models that end in a reshape (Flatten, Squeeze, a pooled mean): the producer writes the output, and a copy is made only where
two outputs want the same elements or no strides describe the reshape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.dialects.meaning import run_module

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

Net = trtc.Network
WEIGHTS = np.random.default_rng(0).standard_normal((8, 3, 3, 3), np.float32) / 5


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(Path(tmp_path_factory.mktemp("cubins")))


def conv(net: Net, x: Any) -> Any:
    return net.add_unary("relu", net.add_convolution(x, WEIGHTS, pads=(1, 1, 1, 1)))


def flat(net: Net, x: Any) -> Any:
    """N,3,6,6 as N,108."""
    return net.add_reshape(x, ("N", 108))


def twice(value: Any) -> tuple[Any, Any]:
    return value, value


def relu(net: Net, x: Any) -> Any:
    return net.add_unary("relu", x)


def both(net: Net, x: Any) -> Any:
    return net.add_concat([net.add_unary("relu", x), net.add_unary("neg", x)], 1)


@pytest.mark.parametrize(
    ("layers", "launches"),
    [
        (lambda net, x: net.add_reduce("mean", conv(net, x), [2, 3]), 2),
        (lambda net, x: net.add_reshape(conv(net, x), ("N", 288)), 1),
        (lambda net, x: flat(net, relu(net, x)), 1),
        (lambda net, x: flat(net, x), 1),
        (lambda net, x: net.add_reshape(both(net, x), ("N", 216)), 1),
        (lambda net, x: net.add_reshape(net.add_matmul(x, np.ones((6, 5), np.float32)), ("N", 90)), 1),
        (lambda net, x: twice(flat(net, relu(net, x))), 2),
        (lambda net, x: (lambda y: (flat(net, y), y))(relu(net, x)), 2),
        (lambda net, x: (lambda y: (flat(net, y), net.add_reshape(y, ("N", 3, 36))))(relu(net, x)), 2),
        (lambda net, x: (lambda y: (flat(net, y), net.add_softmax(y)))(relu(net, x)), 2),
        (lambda net, x: (lambda y: (y, net.add_concat([y, y], 1)))(flat(net, relu(net, x))), 2),
    ],
)
def test_outputs_that_are_reshaped(cache: CubinCache, layers: Callable[[Net, Any], Any], launches: int) -> None:
    net = Net()
    made = layers(net, net.add_input("x", "f32", ("N", 3, 6, 6)))
    for index, value in enumerate(made if isinstance(made, tuple) else (made,)):
        net.mark_output(value, f"y{index}")
    net.symbols(N=(1, 2, 4))
    engine = trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=cache)
    assert engine.stats.launches_per_run == launches
    context = engine.create_context("simulator")
    for n, seed in ((2, 0), (3, 1)):
        x = np.random.default_rng(seed).standard_normal((n, 3, 6, 6), np.float32)
        for got, expected in zip(context.run({"x": x}).values(), run_module(net.module(), [x]), strict=True):
            assert np.linalg.norm(got - expected) <= 1e-5 * np.linalg.norm(expected)
