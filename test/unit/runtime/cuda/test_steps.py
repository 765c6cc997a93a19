"""The GPU context on a stand-in (test/stand_in_gpu.py) with programs that decide while they run: when it copies, waits and captures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc import HostValueError
from trtc.runtime.driver import Driver

sys.path.insert(0, str(Path(__file__).parents[3]))

from host_programs import PROGRAMS, host_engine
from stand_in_gpu import Device, Stream, World

Operation = Callable[..., np.ndarray]


def _kernel(operation: Operation, *types: str, rows: int | None = None) -> tuple[str, Callable[..., None]]:
    """A kernel over arrays of four elements, one for scalars, or of `rows` of four: of a parameter where that is 0."""

    def run(device: Device, *values: int) -> None:
        pointers, parameters = values[: len(types)], values[len(types) :]
        count = 4 * (rows or parameters[0]) if rows is not None else 1 if len(set(types)) > 1 or types[0] == "1" else 4
        kinds = [np.dtype({"1": "float32"}.get(kind, kind)) for kind in types]
        arrays = [device.view(p, count * k.itemsize).view(k) for p, k in zip(pointers, kinds, strict=True)]
        arrays[-1][...] = operation(*arrays[:-1])

    return "P" * len(types) + ("i" if rows == 0 else ""), run


F = "float32"
KERNELS = {
    "neg": _kernel(np.negative, F, F),
    "relu": _kernel(lambda a: np.maximum(a, 0), F, F),
    "add": _kernel(np.add, F, F, F),
    "relu_rows": _kernel(lambda a: np.maximum(a, 0), F, F, rows=16),
    "neg_some": _kernel(np.negative, F, F, rows=0),
    "increment": ("PPP", lambda device, a, b, c: _increment(device, a, b, c)),
    "double_one": _kernel(np.add, "1", "1", "1"),
    "abs_one": _kernel(np.abs, "1", "1"),
    "less": _kernel(np.less, "1", "1", "bool"),
}


def _increment(device: Device, a: int, b: int, c: int) -> None:
    x, y, z = (device.view(pointer, 8).view(np.int64) for pointer in (a, b, c))
    z[...] = x + y


@dataclass
class Run:
    world: World
    engine: Any
    name: str

    def context(self, **options: Any) -> Any:
        return self.engine.create_context(0, poison=True, **options)

    def check(self, context: Any, seed: int) -> None:
        inputs = PROGRAMS[self.name].inputs(seed)
        found, expected = context.run(inputs), PROGRAMS[self.name].reference(**inputs)
        for output, array in expected.items():
            reached = slice(int(inputs["n"][0])) if output == "rows" else ...
            np.testing.assert_allclose(found[output][reached], array[reached], rtol=1e-6)

    def kinds(self) -> list[str]:
        return [entry[0] for entry in self.world.log if entry[0] not in ("alloc", "fill", "upload")]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Run]:
    """An engine of a program, and the world that it runs in."""

    def make(name: str) -> Run:
        engine = host_engine(name, "sm_80")
        engine.loaded.clear()
        units = engine.variant("sm_80").units.values()
        world = World({unit.entry: KERNELS[unit.info.name] for unit in units})
        monkeypatch.setitem(sys.modules, "cupy", world.cupy)
        monkeypatch.setattr("trtc.runtime.contexts.cuda.get_driver", lambda: Driver(world.library))
        return Run(world, engine, name)

    return make


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("graphs", [False, True])
def test_it_computes_what_numpy_does(start: Callable[[str], Run], name: str, graphs: bool) -> None:
    run = start(name)
    context = run.context(graphs=graphs)
    for seed in (*range(5), *range(5), *range(5)):
        run.check(context, seed)
    assert bool(run.world.counts("graph")) == graphs


def test_a_read_waits_for_what_was_launched_before_it_and_for_nothing_else(start: Callable[[str], Run]) -> None:
    run = start("read")
    context = run.context(graphs=False)
    del run.world.log[:]
    run.check(context, 2)
    copies = ["wait", "to device", "to device", "to device"]
    decided = ["launch", "launch", "to host", "synchronize", "launch", "launch", "launch"]
    assert run.kinds() == [*copies, *decided, "to host", "record", "synchronize"]
    assert {entry[1] for entry in run.world.log if entry[0] != "alloc"} == {context.stream.name}
    assert [entry[2] for entry in run.world.counts("to host")] == [8, 16 * 4 * 4]
    grids = [(entry[2], entry[6][-1]) for entry in run.world.counts("launch")][2:]
    assert {count for _, count in grids} == {7} and len(grids) == 3, "bound to what was read"


def test_a_size_of_none_launches_nothing(start: Callable[[str], Run]) -> None:
    run = start("read")
    context = run.context()
    before = run.engine.stats.launches
    run.check(context, 1)
    assert len(run.world.counts("launch")) == 2 == run.engine.stats.launches - before


def test_arrays_on_the_device_are_waited_for_at_reads_alone(start: Callable[[str], Run]) -> None:
    run = start("branch")
    context = run.engine.create_context(0)
    mine = Stream(run.world, "mine")
    for seed in (0, 1):
        inputs = PROGRAMS["branch"].inputs(seed)
        arrays = {name: run.world.array(array) for name, array in inputs.items()}
        y = run.world.array(np.zeros(4, np.float32))
        del run.world.log[:]
        context.run(arrays, {"y": y}, stream=mine)
        assert run.kinds() == ["wait", "to host", "synchronize", "launch", "launch", "record"]
        assert {entry[1] for entry in run.world.log} == {"mine"}
        mine.synchronize()
        np.testing.assert_array_equal(y.numpy(), PROGRAMS["branch"].reference(**inputs)["y"])


def test_each_segment_is_captured_by_itself_when_it_comes_again(start: Callable[[str], Run]) -> None:
    run = start("branch")
    context = run.context()
    stats = run.engine.stats
    before = stats.graph_captures, stats.graph_replays

    def counted(seed: int) -> tuple[int, int]:
        run.check(context, seed)
        return stats.graph_captures - before[0], stats.graph_replays - before[1]

    assert counted(0) == (0, 0), "the first time, launches"
    assert counted(1) == (1, 1), "what follows the branches came a second time"
    assert counted(0) == (2, 3), "and so did this branch"
    assert counted(1) == (3, 5)
    assert counted(0) == (3, 7)


def test_a_loop_of_two_slots_is_two_graphs(start: Callable[[str], Run]) -> None:
    run = start("while")
    context = run.context()
    before = run.engine.stats.graph_captures
    run.check(context, 0)  # six turns
    assert run.engine.stats.graph_captures - before == 2, "one for each parity, from the third turn on"
    run.check(context, 0)
    assert run.engine.stats.graph_captures - before == 4, "the segments before and after the loop"
    del run.world.log[:]
    run.check(context, 0)
    turn = ["to host", "synchronize", "graph"]
    expected = ["wait", "to device", "to device", "graph", *(7 * turn), "to host", "record", "synchronize"]
    assert run.kinds() == expected, "six turns, and what follows them"


def test_segments_for_values_that_came_are_bounded(start: Callable[[str], Run]) -> None:
    run = start("counted")
    context = run.context(graph_limit=3)
    for _ in range(2):
        for seed in range(4):
            run.check(context, seed)
    (prepared,) = context._prepared.values()
    numbers = [key[0] for key in prepared.segments]
    assert len(numbers) > len(set(numbers)) and max(map(numbers.count, numbers)) == 3
    assert len(prepared.plan._late) == 8 + 2, "iterations, and the parities of the end"


@contextmanager
def refused(message: str) -> Iterator[None]:
    with pytest.raises(HostValueError, match=message):
        yield


@pytest.mark.parametrize("device", [0, "simulator"])
def test_values_beyond_their_bounds_are_refused_and_the_context_goes_on(
    start: Callable[[str], Run], device: int | str
) -> None:
    run = start("read")
    context = run.engine.create_context(device)
    inputs = PROGRAMS["read"].inputs(0)
    for k, said in ((16, 17), (-2, -1), (1 << 40, (1 << 40) + 1)):
        with refused(rf"value read for 'K': expected a value within \[0, 16\], got {said}; rebuild with a wider range"):
            context.run({**inputs, "k": np.array([k])})
    run.check(context, 0)
    run = start("while")
    context = run.engine.create_context(device)
    with refused(r"iterations of a loop 'turns': expected a value within \[0, 12\], got 13"):
        context.run({"x": np.float32([1]), "limit": np.float32([np.inf])})
    run.check(context, 0)
    run = start("counted")
    context = run.engine.create_context(device)
    with refused(r"value read for 'T': expected a value within \[0, 8\], got 9"):
        context.run({"x": np.ones(4, np.float32), "n": np.array([9])})
    run.check(context, 0)
