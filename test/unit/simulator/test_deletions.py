"""
Every wait, fence and barrier that a schedule's kernel has is needed: without it the thread-level simulator reports a broken rule or a
deadlock, whatever the seed. Each op of the kernel is deleted in turn, also where a prologue or an epilogue repeats one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from xdsl.ir import Operation

from trtc.dialects import kernel
from trtc.dialects.errors import SimulationError
from trtc.dialects.kernel.base import int_attr
from trtc.passes.kernels.schedules.registry import SCHEDULES

sys.path.insert(0, str(Path(__file__).parents[2]))
from schedule_cases import CASES, Case, Lowered, candidates, lowered
from thread_ops import SYNCHRONISING, WORKING, synchronising

SEEDS = (0, 1, 2)
DELETIONS = [
    pytest.param(case, kind, id=f"{case}-{kind}") for case in CASES if not case.repeats for kind in case.kinds.split()
]
LIMITED = (kernel.CpAsyncWaitOp, kernel.WgmmaWaitOp, kernel.BulkWaitOp)
"""Waits that leave some groups under way."""
LOOSENED = [p for p in DELETIONS if p.values[1] in {c.name.removeprefix("kernel.") for c in LIMITED}]
NEEDS_NONE = {"window", "lrn", "moments", "gather", "pointwise", "sort", "scan", "scatter"}
"""Schedules whose threads share nothing but a warp's shuffles."""


def kind_of(op: Operation) -> str:
    return op.name.removeprefix("kernel.")


def delete(op: Operation) -> None:
    op.detach()
    op.erase()


def loosen(op: Operation) -> None:
    """One more group may be under way."""
    assert isinstance(op, LIMITED)
    op.pending = int_attr(op.pending.value.data + 1)


def uncaught(
    made: Lowered, kernels: Sequence[kernel.FuncOp], number: int, change: Callable[[Operation], None] = delete
) -> list[int]:
    """The seeds for which kernels run without a broken rule although their synchronising op of this number is changed."""
    variant = [func.clone() for func in kernels]
    change(synchronising(variant)[number])
    silent: list[int] = []
    for seed in SEEDS:
        try:
            made.run(variant, seed)
        except SimulationError:
            continue
        silent.append(seed)
    return silent


def assert_all_are_missed(case: Case, kind: str, change: Callable[[Operation], None]) -> None:
    """Changes each op of a kind in turn and expects an error every time."""
    made = lowered(case)
    ops = synchronising(made.kernels)
    numbers = [i for i, op in enumerate(ops) if kind_of(op) == kind]
    assert numbers, f"{case} has no kernel.{kind}: take it out of the case's kinds"
    for number in numbers:
        silent = uncaught(made, made.kernels, number, change)
        text = str(ops[number]).partition("\n")[0]
        assert not silent, (
            f"{case}: {change.__name__} {text} (synchronising op {number}) is not caught with seeds {silent}"
        )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_intact_kernel_passes_thread_by_thread(case: Case) -> None:
    made = lowered(case)
    for seed in SEEDS:
        made.check(made.run(made.kernels, seed))


@pytest.mark.parametrize(("case", "kind"), DELETIONS)
def test_deletion_is_caught(case: Case, kind: str) -> None:
    assert_all_are_missed(case, kind, delete)


@pytest.mark.parametrize(("case", "kind"), LOOSENED)
def test_looser_wait_is_caught(case: Case, kind: str) -> None:
    """A wait that leaves groups under way leaves as many as it may: one more would be too many."""
    assert_all_are_missed(case, kind, loosen)


def test_an_op_that_is_not_needed_is_found() -> None:
    """The check can fail: nothing misses a second barrier right after the first."""
    made = lowered(next(case for case in CASES if "bar_sync" in case.kinds))
    kernels = [func.clone() for func in made.kernels]
    number, barrier = next((i, op) for i, op in enumerate(synchronising(kernels)) if isinstance(op, kernel.BarSyncOp))
    block = barrier.parent_block()
    assert block is not None
    block.insert_op_after(barrier.clone(), barrier)
    assert uncaught(made, kernels, number) == uncaught(made, kernels, number + 1) == list(SEEDS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_names_the_kinds_that_its_kernel_has(case: Case) -> None:
    assert {kind_of(op) for op in synchronising(lowered(case).kernels)} == set(case.kinds.split())


@pytest.mark.parametrize("case", [case for case in CASES if case.repeats], ids=str)
def test_case_repeats_one_whose_ops_are_deleted(case: Case) -> None:
    (other,) = (c for c in CASES if (c.schedule, c.name) == (case.schedule, case.repeats))
    assert not other.repeats
    assert set(case.kinds.split()) <= set(other.kinds.split())


def test_every_schedule_has_cases() -> None:
    """With something to delete, unless it is listed as one that needs no synchronisation."""
    assert {case.schedule for case in CASES} == set(SCHEDULES)
    assert {case.schedule for case in CASES if case.kinds} == set(SCHEDULES) - NEEDS_NONE


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_candidate_runs_thread_by_thread(schedule: str) -> None:
    """And has no kind of op that the cases leave out; a schedule that needs none has none in any."""
    cases = [case for case in CASES if case.schedule == schedule]
    covered = {kind for case in cases for kind in case.kinds.split()}
    for case in cases:
        for choice in candidates(case):
            made = lowered(case, choice)
            assert {kind_of(op) for op in synchronising(made.kernels)} <= covered, f"{case} with {choice}"
            made.check(made.run(made.kernels, seed=0))


def test_every_thread_op_either_synchronises_or_works() -> None:
    classes = {*kernel.THREAD_OPS, kernel.GridWaitOp, kernel.GridSignalOp}
    assert {*SYNCHRONISING, *WORKING} == classes
    assert not {*SYNCHRONISING} & {*WORKING}
