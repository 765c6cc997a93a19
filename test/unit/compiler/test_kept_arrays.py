"""What an engine keeps of its weights: its own copy of a caller's array, and nothing once it is gone."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

X = np.zeros((4, 64), np.float32)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(tmp_path_factory.mktemp("cubins"))


def build(cache: CubinCache, layer: Callable[[trtc.Network, Any], Any]) -> trtc.Engine:
    net = trtc.Network()
    net.mark_output(layer(net, net.add_input("x", "f32", (4, 64))), "y")
    return trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=cache)


def added(array: np.ndarray) -> Callable[[trtc.Network, Any], Any]:
    return lambda net, x: net.add_binary("add", x, net.add_constant(array, "w"))


def result(engine: trtc.Engine) -> np.ndarray:
    return engine.create_context("simulator").run({"x": X})["y"]


def test_a_caller_may_use_its_array_again(cache: CubinCache) -> None:
    array = RNG.standard_normal(X.shape, np.float32)
    original = array.copy()
    first = build(cache, added(array))
    array[:] = 7
    np.testing.assert_array_equal(result(first), original)
    np.testing.assert_array_equal(result(build(cache, added(original.copy()))), original)
    np.testing.assert_array_equal(result(build(cache, added(array))), array)


def test_an_array_counts_as_it_is_at_each_call(cache: CubinCache) -> None:
    """Two layers of one network that are given the same array, with other values each time."""
    filters = np.zeros((2, 1, 1, 1), np.float32)

    def two(net: trtc.Network, x: Any) -> Any:
        image = net.add_reshape(x, (4, 1, 8, 8))
        parts: list[Any] = []
        for number in (1, 2):
            filters[...] = number
            parts.append(net.add_convolution(image, filters, weights_name="w"))
        return net.add_concat(parts, 1)

    net = trtc.Network()
    net.mark_output(two(net, net.add_input("x", "f32", (4, 64))), "y")
    engine = trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=cache)
    y = engine.create_context("simulator").run({"x": X + 1})["y"]
    assert [float(y[:, i].max()) for i in range(4)] == [1, 1, 2, 2]


def test_what_an_engine_shows_cannot_change_it(cache: CubinCache, tmp_path: Path) -> None:
    array = RNG.standard_normal(X.shape, np.float32)
    engine = build(cache, added(array))
    engine.save(tmp_path / "before")
    engine.inspect()["variants"]["sm_80"]["kernels"].clear()
    engine.inspect()["inputs"][0]["name"] = "z"
    weight = engine.variant().weight("w")
    assert not weight.flags.writeable
    with pytest.raises(ValueError, match="WRITEABLE"):
        weight.flags.writeable = True
    engine.save(tmp_path / "after")
    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_hundred_builds_take_the_memory_of_one(cache: CubinCache) -> None:
    """Each has a weight of a megabyte that no other has."""
    memory: list[int] = []
    for number in range(100):
        array = np.full((4096, 1, 64), number, np.float32)
        engine = build(cache, added(array))
        del array, engine
        if number % 10 == 9:
            gc.collect()
            memory.append(resident())
    assert max(memory[2:]) - memory[1] < 20 << 20, [size >> 20 for size in memory]
