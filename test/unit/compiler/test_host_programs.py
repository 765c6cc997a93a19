"""Host programs that read, branch and loop: at every level against NumPy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from host_programs import PROGRAMS, host_engine, lowered

from trtc.compiler.interpret.module import execute
from trtc.passes.buffers.plan_arena import PlanArenaPass
from trtc.passes.kernels.expand_rings import ExpandRingsPass
from trtc.passes.kernels.lower_fragments import LowerFragmentsPass
from trtc.passes.kernels.lower_groups import LowerGroupsPass
from trtc.passes.kernels.place_shared_memory import PlaceSharedMemoryPass
from trtc.passes.kernels.select_schedule import SelectSchedulePass

SEEDS = range(5)
PASSES = (
    PlanArenaPass, SelectSchedulePass, LowerGroupsPass, PlaceSharedMemoryPass, ExpandRingsPass, LowerFragmentsPass,
)  # fmt: skip


@pytest.fixture(params=PROGRAMS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("count", range(len(PASSES) + 1))
def test_a_program_means_the_same_after_each_pass(name: str, count: int) -> None:
    """Buffers alone and in the arena, functions of tensors, tiles and threads."""
    module = lowered(name, "sm_80", *(make() for make in PASSES[:count]))
    for seed in SEEDS:
        inputs = PROGRAMS[name].inputs(seed)
        found, expected = execute(module, inputs), PROGRAMS[name].reference(**inputs)
        for output, array in expected.items():
            reached = slice(int(inputs["n"][0])) if output == "rows" else ...
            np.testing.assert_allclose(found[output][reached], array[reached], rtol=1e-6)


def test_an_engine_computes_it_on_the_simulator(name: str) -> None:
    context = host_engine(name, "sm_80").create_context("simulator")
    for seed in SEEDS:
        inputs = PROGRAMS[name].inputs(seed)
        found, expected = context.run(inputs), PROGRAMS[name].reference(**inputs)
        for output, array in expected.items():
            reached = slice(int(inputs["n"][0])) if output == "rows" else ...
            np.testing.assert_allclose(found[output][reached], array[reached], rtol=1e-6)
