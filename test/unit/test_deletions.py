"""
Every wait, fence and barrier that a schedule's kernel has is needed: without it the thread-level simulator reports a broken rule or a
deadlock, whatever the seed. Each op of the kernel is deleted in turn, also where a prologue or an epilogue repeats one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from xdsl.ir import Operation

from trtc.dialects import kernel
from trtc.dialects.errors import SimulationError
from trtc.passes.kernels.schedules.registry import SCHEDULES

sys.path.insert(0, str(Path(__file__).parent))
from schedule_cases import CASES, SYNCHRONISING, WORKING, Case, Lowered, candidates, lowered, synchronising

SEEDS = (0, 1, 2)
DELETIONS = [pytest.param(case, kind, id=f"{case}-{kind}") for case in CASES for kind in case.kinds.split()]
NEEDS_NONE = {"window", "lrn", "gather", "pointwise"}
"""Schedules whose threads share nothing but a warp's shuffles."""


def kind_of(op: Operation) -> str:
    return op.name.removeprefix("kernel.")


def uncaught(made: Lowered, func: kernel.FuncOp, number: int) -> list[int]:
    """The seeds for which a kernel runs without a broken rule although its synchronising op of this number is deleted."""
    variant = func.clone()
    op = synchronising(variant)[number]
    op.detach()
    op.erase()
    silent: list[int] = []
    for seed in SEEDS:
        try:
            made.run(variant, seed)
        except SimulationError:
            continue
        silent.append(seed)
    return silent


@pytest.mark.parametrize("case", CASES, ids=str)
def test_intact_kernel_passes_thread_by_thread(case: Case) -> None:
    made = lowered(case)
    for seed in SEEDS:
        made.check(made.run(made.func, seed))


@pytest.mark.parametrize(("case", "kind"), DELETIONS)
def test_deletion_is_caught(case: Case, kind: str) -> None:
    made = lowered(case)
    numbers = [i for i, op in enumerate(synchronising(made.func)) if kind_of(op) == kind]
    assert numbers, f"{case} has no kernel.{kind}: take it out of the case's kinds"
    for number in numbers:
        silent = uncaught(made, made.func, number)
        op = str(synchronising(made.func)[number]).partition("\n")[0]
        assert not silent, f"{case}: nobody misses {op} (synchronising op {number}) with seeds {silent}"


def test_an_op_that_is_not_needed_is_found() -> None:
    """The check can fail: a second barrier behind the first is missed by nobody."""
    made = lowered(next(case for case in CASES if "bar_sync" in case.kinds))
    func = made.func.clone()
    number, barrier = next((i, op) for i, op in enumerate(synchronising(func)) if isinstance(op, kernel.BarSyncOp))
    block = barrier.parent_block()
    assert block is not None
    block.insert_op_after(barrier.clone(), barrier)
    assert uncaught(made, func, number) == uncaught(made, func, number + 1) == list(SEEDS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_names_the_kinds_that_its_kernel_has(case: Case) -> None:
    assert {kind_of(op) for op in synchronising(lowered(case).func)} == set(case.kinds.split())


def test_every_schedule_has_cases() -> None:
    """With something to delete, unless it is listed as one that needs no synchronisation."""
    assert {case.schedule for case in CASES} == set(SCHEDULES)
    assert {case.schedule for case in CASES if case.kinds} == set(SCHEDULES) - NEEDS_NONE


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_candidate_synchronises_otherwise(schedule: str) -> None:
    """The cases cover the kinds of all candidates for their groups; a schedule that needs none has none in any."""
    cases = [case for case in CASES if case.schedule == schedule]
    covered = {kind for case in cases for kind in case.kinds.split()}
    for case in cases:
        for choice in candidates(case):
            found = {kind_of(op) for op in synchronising(lowered(case, choice).func)}
            assert found <= covered, f"{case} with {choice}"


def test_every_thread_op_either_synchronises_or_works() -> None:
    classes = {*kernel.THREAD_OPS, kernel.GridWaitOp, kernel.GridSignalOp}
    assert {*SYNCHRONISING, *WORKING} == classes
    assert not {*SYNCHRONISING} & {*WORKING}
