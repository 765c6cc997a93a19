"""The CUDA graphs of a context on a stand-in for a GPU: when they are captured, replayed and dropped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

from handmade import close, inputs, launches
from stand_in_gpu import Stream, World


def test_graphs_are_for_shapes_and_addresses_that_come_again(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0)
    first, second = world.array(inputs(4, 1)), world.array(inputs(4, 2))
    outputs = [world.array(np.zeros(4, np.float32)) for _ in range(2)]
    stats = engine.stats
    before = (stats.graph_captures, stats.graph_replays)

    def counted() -> tuple[int, int]:
        return stats.graph_captures - before[0], stats.graph_replays - before[1]

    def run(x: Any, y: Any) -> tuple[int, int]:
        context.run({"x": x}, {"y": y})
        world.finish()
        close(y.numpy(), expected(x.numpy()))
        return counted()

    assert run(first, outputs[0]) == (0, 0), "the first time, launches"
    assert run(second, outputs[0]) == (0, 0), "another input is another graph"
    assert run(first, outputs[1]) == (0, 0), "and another output too"
    assert run(first, outputs[0]) == (1, 1)
    assert run(first, outputs[0]) == (1, 2)
    assert run(second, outputs[0]) == (2, 3)
    shorter = type(first)(first.data, (3, 4), np.float32)
    short_output = type(first)(outputs[0].data, (3,), np.float32)
    assert run(shorter, short_output) == (2, 3), "the same addresses with another shape are another graph"


def test_graphs_are_replayed_on_the_callers_stream(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0)
    mine = Stream(world, "mine")
    x, y = world.array(inputs(4)), world.array(np.zeros(4, np.float32))
    for _ in range(3):
        context.run({"x": x}, {"y": y}, stream=mine)
    assert world.counts("graph") == [("graph", "mine")] * 2
    mine.synchronize()
    close(y.numpy(), expected(inputs(4)))


def test_without_graphs_none_is_captured(engine: Any, world: World) -> None:
    context = engine.create_context(0, graphs=False)
    for _ in range(4):
        context.run({"x": inputs(2)})
    assert not world.counts("graph", "upload") and len(launches(world)) == 16


def test_caches_are_driven_past_their_limits(
    engine: Any, world: World, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of plans and of graphs: what was removed is made again, and what was used last stays."""
    monkeypatch.setattr("trtc.runtime.contexts.base._PLAN_LIMIT", 3)
    context = engine.create_context(0, graph_limit=2)
    for _ in range(3):
        for n in range(1, 9):
            close(context.run({"x": inputs(n)})["y"], expected(inputs(n)))
            assert len(context._plans) <= 3 and len(context._prepared) <= 2
    before = engine.stats.plans
    for n in (6, 5, 6):
        close(context.run({"x": inputs(n)})["y"], expected(inputs(n)))
    assert engine.stats.plans - before == 1, "6, the oldest, was used before 5 came"
    for n in (7, 8, 7, 6):
        context.run({"x": inputs(n)})
    assert [kept.plan.symbols["N"] for kept in context._prepared.values()] == [7, 6]


def test_the_sixty_fifth_shape_is_like_the_others(engine: Any, world: World) -> None:
    from trtc.runtime.contexts.base import _PLAN_LIMIT

    context = engine.create_context(0)
    program = context.variant.program
    bound = program.bind({"x": (2, 4)})
    for number in range(3 * _PLAN_LIMIT):  # more shapes than the profile of this engine has
        key = (("x", (number, 4)),)
        context._plans[key] = bound
        while len(context._plans) > _PLAN_LIMIT:
            context._plans.popitem(last=False)
    for n in range(1, 9):
        assert context.plan({"x": (n, 4)}).shapes["y"] == (n,)
    assert len(context._plans) == _PLAN_LIMIT
