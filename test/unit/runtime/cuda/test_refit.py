"""Contexts on a stand-in for a GPU take the weights of a refit, all of them and at once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

from handmade import W, close, inputs
from stand_in_gpu import World


@pytest.mark.parametrize("graphs", [False, True])
def test_every_context_takes_the_weights_of_a_refit(
    handmade_engine: Callable[..., Any], handmade_network: Any, world: World, graphs: bool
) -> None:
    compute, _ = handmade_network
    engine = handmade_engine(W, ("sm_80",), refit=True)
    engine.verify()
    contexts = [engine.create_context(0, graphs=graphs) for _ in range(2)]
    x = inputs(3)
    for context in contexts:
        for _ in range(3):  # the third replays a graph
            close(context.run({"x": x})["y"], compute(x, W))
    allocated = len(world.counts("alloc"))
    new = W * 2 + 1
    engine.refit({"w": new})
    for context in contexts:
        close(context.run({"x": x})["y"], compute(x, new))
    assert len(world.counts("alloc")) == allocated, "addresses stay, and with them graphs"
    close(engine.create_context(0).run({"x": x})["y"], compute(x, new))


def test_a_refit_waits_for_what_is_queued(
    handmade_engine: Callable[..., Any], handmade_network: Any, world: World
) -> None:
    compute, _ = handmade_network
    engine = handmade_engine(W, ("sm_80",), refit=True)
    context = engine.create_context(0)
    x, y = world.array(inputs(3)), world.array(np.zeros(3, np.float32))
    context.run({"x": x}, {"y": y})  # queued, and not waited for
    engine.refit({"w": W + 1})
    close(y.numpy(), compute(inputs(3), W))
    context.run({"x": x}, {"y": y})
    world.finish()
    close(y.numpy(), compute(inputs(3), W + 1))


def test_weights_that_no_context_holds_are_loaded_anew(
    handmade_engine: Callable[..., Any], handmade_network: Any, world: World
) -> None:
    compute, _ = handmade_network
    engine = handmade_engine(W, ("sm_80",), refit=True)
    context = engine.create_context(0)
    del context
    gc.collect()
    engine.refit({"w": W - 1})
    close(engine.create_context(0).run({"x": inputs(2)})["y"], compute(inputs(2), W - 1))
