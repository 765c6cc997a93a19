"""The handmade engine, on a stand-in for a GPU (test/stand_in_gpu.py)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc.runtime.driver import Driver

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

from handmade import KERNELS, W
from stand_in_gpu import World


@pytest.fixture(scope="module")
def whole(handmade_engine: Callable[..., Any]) -> Any:
    return handmade_engine(W, ("sm_80",))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(KERNELS)
    monkeypatch.setitem(sys.modules, "cupy", world.cupy)
    driver = Driver(world.library)
    monkeypatch.setattr("trtc.runtime.contexts.cuda.get_driver", lambda: driver)
    return world


@pytest.fixture
def engine(whole: Any, world: World) -> Any:
    whole.loaded.clear()
    return whole


@pytest.fixture
def expected(handmade_network: Any) -> Callable[[np.ndarray], np.ndarray]:
    compute, _ = handmade_network
    return lambda x: compute(x, W)
