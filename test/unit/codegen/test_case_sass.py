"""
No kernel of any schedule's cases keeps values in local memory: by NVRTC's report and in the SASS, for either architecture, but kernels of
clusters, which Ampere does not have.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.passes.kernels.schedules.registry import SCHEDULES

sys.path.insert(0, str(Path(__file__).parents[2]))
from sass import mnemonics
from schedule_cases import CASES, Case, lowered

LOCAL = {"LDL", "STL"}


def on_both(schedule: str) -> list[tuple[Case, str]]:
    """The cases of a schedule, for Ampere where it runs there, and for Hopper."""
    archs = ("sm_90a",) if schedule.endswith("_sm90") else ("sm_80", "sm_90a")
    return [(case, arch) for case in CASES if case.schedule == schedule for arch in archs]


def local_memory(pairs: list[tuple[Case, str]]) -> list[str]:
    """What NVRTC or the SASS says of local memory, case by case."""
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_all

    jobs = [
        (case, Job(print_kernel(func), arch))
        for case, arch in pairs
        for func in lowered(case).kernels
        if arch != "sm_80" or func.cluster.value.data == 1
    ]
    found: list[str] = []
    for (case, job), made in zip(jobs, compile_all([job for _, job in jobs]), strict=True):
        stack = sum(used.stack_bytes for used in made.resources.values())
        said = [
            *made.problems(),
            *([f"{stack} bytes of stack"] if stack else []),
            *sorted(LOCAL & mnemonics(made.cubin)),
        ]
        found += [f"{case} on {job.arch}: {each}" for each in said]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_case_has_values_in_local_memory(schedule: str) -> None:
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy's extras")
    assert local_memory(on_both(schedule)) == []


def test_local_memory_is_noticed() -> None:
    """The guard of this file: an array that is written and read where numbers of the launch say."""
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy's extras")
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin

    body = "volatile float a[64]; a[n] = x[0]; a[n + 1] = x[1]; x[2] = a[n / 2];"
    made = compile_cubin(Job(f'extern "C" __global__ void f(float* x, int n) {{ {body} }}', "sm_80"))
    assert sum(used.stack_bytes for used in made.resources.values()) >= 256
    assert mnemonics(made.cubin) >= LOCAL
