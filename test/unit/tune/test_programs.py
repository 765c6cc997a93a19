"""What the timer of a GPU gets: cubins of every candidate, the same from this process and from others."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from xdsl.dialects.func import FuncOp

from trtc.compiler.tune.cuda import timer_for, toolchain
from trtc.compiler.tune.programs import Builder, Program, from_text
from trtc.compiler.tune.task import TARGET, Task
from trtc.compiler.tune.tuner import finalists
from trtc.dialects.errors import PassError, TargetError
from trtc.dialects.kernel.types import Choice
from trtc.passes.kernels.schedules.competition import Candidate
from trtc.passes.kernels.select_schedule import outlined
from trtc.runtime.driver import DeviceInfo

sys.path[:0] = [str(Path(__file__).parent)]
import tuned_networks as cases  # noqa: E402

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")


def task() -> Task:
    module = cases.grouped(cases.network().module())
    (func,) = outlined(module)
    contest = cases.contest_of(func, module)
    return Task.of(contest, module.attributes[TARGET], finalists(contest.competition, 3))  # type: ignore[arg-type]


def test_every_candidate_is_compiled_in_order() -> None:
    made = task()
    bad = Candidate(Choice.of("window", {}), 1.0)
    built = list(Builder().build(made, [*made.candidates, bad]))
    assert len({program.cubin for programs in built[:3] for program in programs}) == 3  # type: ignore[union-attr]
    assert all(p.cubin.startswith(b"\x7fELF") and p.info.blocks(made.symbols)[0] for p in built[0])  # type: ignore[union-attr]
    assert isinstance(built[3], PassError) and "window" in str(built[3])
    (func,) = made.func.parent_op().body.block.ops  # type: ignore[union-attr]
    assert isinstance(func, FuncOp) and "kernel.choice" not in func.attributes, "the task is as it was"


@pytest.mark.slow
def test_another_process_builds_the_same() -> None:
    made = task()
    builder = Builder(2)
    try:
        others = list(builder.build(made, made.candidates[:2]))
    finally:
        builder.close()
    here = list(Builder().build(made, made.candidates[:2]))
    assert [nameless(built) for built in others] == [nameless(built) for built in here]


def nameless(built: object) -> list[Program]:
    """Programs without the ONNX nodes that they compute, which the text of a group does not say."""
    assert isinstance(built, list)
    return [replace(program, info=replace(program.info, nodes=())) for program in built]


def test_what_a_process_cannot_build_is_an_error_that_it_can_hand_over() -> None:
    module = task().chosen(Choice.of("window", {}))
    assert isinstance(from_text(str(module)), PassError)


def test_times_hold_for_one_toolchain() -> None:
    assert toolchain() == toolchain() and "NVRTC" in toolchain() and toolchain().startswith("trtc ")


def test_another_gpu_than_the_target_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    info = DeviceInfo(0, "A GPU", (8, 0), 108, 166912, 40 << 20)
    monkeypatch.setattr("trtc.compiler.tune.cuda.find_device", lambda: info)
    monkeypatch.setattr("trtc.compiler.tune.cuda.detect_arch", lambda: "sm_80")
    with pytest.raises(TargetError, match="candidates for sm_90a are timed on such a GPU, not on A GPU"):
        timer_for("sm_90a")
