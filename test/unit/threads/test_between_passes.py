"""Kernels between the passes of phase `threads` still run on the tile simulator, and mean the same: rings as mbarriers, elected threads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp

from trtc import BuildOptions
from trtc.compiler.pipeline import phase_steps, run_passes
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.passes.kernels.building.schedule import choice_of
from trtc.passes.kernels.lower_groups import lower
from trtc.passes.kernels.schedules.registry import schedule
from trtc.passes.kernels.select_schedule import CHOICE
from trtc.runtime.simulator import run_kernel

sys.path.insert(0, str(Path(__file__).parents[2]))
from schedule_cases import CASES, Case, _outline, _problem, candidates, lowered

RINGS = [
    case for case in CASES if case.schedule in ("gemm_sm90", "attention_sm90") or str(case) == "gemm_mma:f16-staged"
]


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("case", RINGS, ids=str)
def test_a_kernel_means_the_same_between_the_passes(case: Case, passes: int) -> None:
    outline, target = _outline(case)
    problem = _problem(case, outline, target)
    tunables = {**candidates(case)[0].values, **case.tunables}
    outline.attributes[CHOICE] = choice_of(schedule(case.schedule), problem, tunables)
    module = outline.parent_op()
    assert isinstance(module, ModuleOp)
    holder = ModuleOp(lower(outline, target), dict(module.attributes))
    steps = phase_steps(BuildOptions())["threads"][:passes]
    run_passes(holder, [step.make() for step in steps], make_context())
    kernels = [op for op in holder.body.block.ops if isinstance(op, kernel.FuncOp)]
    made = lowered(case)
    made.check(made.launch(lambda func, arrays: run_kernel(func, arrays, {}, mode="tile"), kernels))


@pytest.mark.parametrize("name", ["row:embedding", "gemm_sm90:matmul", "attention_mma:two-stages"])
def test_nothing_is_computed_that_nothing_reads(name: str) -> None:
    (case,) = (case for case in CASES if str(case) == name)
    for func in lowered(case).kernels:
        ops = [op for op in func.walk() if op.name.startswith("arith.")]
        assert ops and all(op.results[0].uses for op in ops)
