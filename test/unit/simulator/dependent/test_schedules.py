"""
Every schedule as a dependent launch: its kernel computes the same, each wait for the previous launch is needed, and nothing but weights is
touched before.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trtc.dialects import kernel
from trtc.dialects.errors import SimulationError
from trtc.dialects.kernel.dependent import breaks_dependence
from trtc.dialects.kernel.marks import early_of
from trtc.passes.kernels.building.schedule import ReadsAgain
from trtc.passes.kernels.building.waits import refuse_waits
from trtc.passes.kernels.schedules.registry import schedule

sys.path.insert(0, str(Path(__file__).parents[3]))
from schedule_cases import CASES, Case, lowered, tiles
from thread_ops import SYNCHRONISING, synchronising

WEIGHTS: dict[str, tuple[int, ...]] = {
    "gemm_mma:f16": (1, 2),
    "gemm_mma:f16-odd-rows": (1,),
    "gemm_mma:f16-one-odd-operand": (1,),
    "gemm_mma:conv-of-prologue": (1, 2, 4),
    "gemm_mma:two-products": (1, 2, 4, 5),
    "gemm_mma:batched-kn": (0,),
    "gemm_mma:normalised": (1, 3),
    "gemm_mma:gated": (1, 2, 3),
    "gemm_sm90:matmul": (1, 2),
    "gemm_sm90:two-products": (1, 2, 4, 5),
    "gemm_sm90:two-warpgroups": (1,),
    "gemm_sm90:two-results": (),
    "gemm_sm90:cluster": (1, 2),
    "gemm_sm90:conv": (1,),
    "gemm_sm90:narrow": (1, 2),
    "gemm_sm90:plain-store": (1, 2),
    "gemm_sm90:normalised": (1, 3),
    "gemm_sm90:gated": (1, 2, 3),
    "gemm_sm90:gated-cluster": (1, 2),
    "attention_sm90:ahead": (),
    "attention_sm90:one-tile": (1,),
    "attention_mma:two-stages": (),
    "row:softmax": (),
    "row:layer-norm": (1, 2),
    "row:layer-norm-in-chunks": (1, 2),
    "row:sum-and-norm": (2, 3),
    "reduce_split:columns": (),
    "gemv_chain:blocks": (1, 2, 3, 4),
    "gemv_chain:cluster": (1, 2, 3, 4),
    "gemv_chain:pool-and-product": (1, 2),
    "window:depthwise": (1,),
    "lrn:f32": (),
    "moments:of-rows": (),
    "moments:applied": (2,),
    "gather:axis-1": (0,),
    "gather:embedding": (0, 2),
    "pointwise:add": (1,),
    "pointwise:lookups": (0,),
    "rnn_resident:lstm-block": (1,),
    "rnn_resident:gru-cluster": (1,),
    "rnn_lanes:gru-cluster": (1,),
    "rnn_streamed:lstm": (1,),
    "sort:merges": (),
    "scan:three-launches": (),
    "scatter:add-f32": (),
}
"""The operands that are weights of the cases that run as dependent launches."""
DEPENDENT_CASES = tuple(
    replace(case, early=WEIGHTS[str(case)], kinds=f"{case.kinds} grid_wait") for case in CASES if str(case) in WEIGHTS
)
SEEDS = (0, 1, 2)
COPY_FIRST = [
    case
    for case in DEPENDENT_CASES
    if str(case)
    in ("gemm_mma:f16", "gemm_sm90:matmul", "gemm_sm90:two-products", "gemm_sm90:cluster", "gemm_sm90:gated")
]
"""Cases whose kernels fill slots of a ring before they wait, with all else that orders them."""


def test_every_schedule_has_a_dependent_case() -> None:
    assert {case.schedule for case in DEPENDENT_CASES} == {case.schedule for case in CASES}


@pytest.mark.parametrize("case", DEPENDENT_CASES, ids=str)
def test_a_dependent_kernel_computes_the_same(case: Case) -> None:
    made = lowered(case)
    assert {op.name.removeprefix("kernel.") for op in synchronising(made.kernels)} == set(case.kinds.split())
    lives_on_l1 = isinstance(schedule(case.schedule), ReadsAgain)
    for number, func in enumerate(made.kernels, 1):
        signals = any(isinstance(op, kernel.GridSignalOp) for op in func.walk())
        assert signals == (number == len(made.kernels) or not lives_on_l1)
    for seed in SEEDS:
        made.check(made.run(made.kernels, seed))


@pytest.mark.parametrize(
    ("case", "kinds"),
    [(case, (kernel.GridWaitOp,)) for case in DEPENDENT_CASES if case not in COPY_FIRST]
    + [(case, SYNCHRONISING) for case in COPY_FIRST],
    ids=str,
)
def test_a_wait_that_is_missing_is_caught(case: Case, kinds: tuple[type, ...]) -> None:
    made = lowered(case)
    for number, op in enumerate(synchronising(made.kernels)):
        if not isinstance(op, kinds):
            continue
        variant = [func.clone() for func in made.kernels]
        deleted = synchronising(variant)[number]
        deleted.detach()
        deleted.erase()
        for seed in SEEDS:
            with pytest.raises(SimulationError):
                made.run(variant, seed)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("early", [(), (0,), (1,)], ids=str)
def test_every_kernel_waits_on_every_path_whatever_its_weights_are(case: Case, early: tuple[int, ...]) -> None:
    """But those whose blocks wait for each other, which are no dependent launches."""
    for func in tiles(case, early):
        if refuse_waits(func) is None:
            assert breaks_dependence(func, early) is None
            assert early_of(func) == frozenset(early)
        else:
            assert not any(isinstance(op, kernel.GridWaitOp | kernel.GridSignalOp) for op in func.walk())
            assert early_of(func) is None
