"""Programs that decide while they run, on a GPU against NumPy: launched one by one, and as graphs of their segments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc import HostValueError
from trtc.runtime.profiler import measure, profile

sys.path.insert(0, str(Path(__file__).parents[1]))

from host_programs import PROGRAMS, host_engine

pytestmark = pytest.mark.gpu


@pytest.fixture(params=PROGRAMS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def engine(name: str) -> Any:
    from trtc.compiler.targets import detect_arch

    return host_engine(name, detect_arch())


def check(name: str, inputs: dict[str, np.ndarray], found: dict[str, Any]) -> None:
    for output, array in PROGRAMS[name].reference(**inputs).items():
        reached = slice(int(inputs["n"][0])) if output == "rows" else ...
        np.testing.assert_allclose(found[output][reached], array[reached], rtol=1e-6)


@pytest.mark.parametrize("graphs", [False, True])
def test_it_computes_what_numpy_does(name: str, graphs: bool) -> None:
    context = engine(name).create_context(graphs=graphs, poison=True)
    assert "simulator" not in context.device
    for seed in (*range(5), *range(5), *range(5)):
        inputs = PROGRAMS[name].inputs(seed)
        check(name, inputs, context.run(inputs))


def test_arrays_on_the_gpu_and_a_stream_of_the_callers(name: str) -> None:
    import cupy

    context = engine(name).create_context()
    stream = cupy.cuda.Stream(non_blocking=True)
    for seed in (*range(5), *range(5)):
        inputs = PROGRAMS[name].inputs(seed)
        with stream:
            found = context.run({key: cupy.asarray(array) for key, array in inputs.items()}, stream=stream)
        stream.synchronize()
        check(name, inputs, {key: array.get() for key, array in found.items()})


def test_segments_are_captured_once(name: str) -> None:
    whole = engine(name)
    context = whole.create_context()
    inputs = PROGRAMS[name].inputs(0)
    for _ in range(3):
        context.run(inputs)
    captures, replays = whole.stats.graph_captures, whole.stats.graph_replays
    assert captures > 0
    context.run(inputs)
    assert whole.stats.graph_captures == captures and whole.stats.graph_replays > replays


def test_values_beyond_their_bounds_are_refused_and_the_context_goes_on() -> None:
    context = engine("read").create_context()
    inputs = PROGRAMS["read"].inputs(0)
    with pytest.raises(HostValueError, match=r"value read for 'K': expected a value within \[0, 16\], got 17"):
        context.run({**inputs, "k": np.array([16])})
    check("read", inputs, context.run(inputs))


def test_times_are_measured(name: str) -> None:
    context = engine(name).create_context()
    inputs = PROGRAMS[name].inputs(0)
    times = profile(context, inputs, repeats=3)
    assert {time.kernel for time in times} <= set(context.variant.units) and all(
        time.microseconds > 0 for time in times
    )
    assert measure(context, inputs, warmup=2, iterations=5).mean > 0
