"""
Each schedule's small groups on the GPU against their meaning: the kernels that the thread-level simulator accepts, with rings that wrap
and blocks that run several tiles.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trtc.compiler.targets import detect_arch

sys.path.insert(0, str(Path(__file__).parents[1]))
from gpu_kernel import run_on_gpu
from schedule_cases import CASES, Case, lowered

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_on_the_gpu(case: Case) -> None:
    if case.schedule.endswith("_sm90") and detect_arch() != "sm_90a":
        pytest.skip(f"{case.schedule} needs sm_90a, this GPU is {detect_arch()}")
    made = lowered(case)
    made.check(made.launch(lambda func, arrays: run_on_gpu(func, arrays, {})))
