"""What `KernelBuilder.pipelined` builds: who acquires, waits and releases which fill; the uses of a ring that it refuses."""

from __future__ import annotations

import pytest
from xdsl.dialects.builtin import UNKNOWN_LOC, f32
from xdsl.ir import Operation

from trtc.dialects import kernel
from trtc.dialects.dims import symbol
from trtc.dialects.errors import PassError
from trtc.dialects.kernel.layouts import WgmmaAcc
from trtc.dialects.kernel.types import FragType
from trtc.passes.kernels.building.builder import KernelBuilder
from trtc.passes.kernels.building.control import Entry

ACC = FragType.of((64, 64), f32, WgmmaAcc.of(1))


def empty_kernel() -> KernelBuilder:
    func = kernel.FuncOp("k", [], [1, 1, 1], 4)
    return KernelBuilder(func, func.body.block, Entry(func.body.block), UNKNOWN_LOC)


def short(ops: list[Operation]) -> list[str]:
    """Ring steps and what a callback leaves, by name."""
    named = {op: op.name.removeprefix("kernel.") for op in ops}
    return [name for name in named.values() if not name.startswith(("arith.", "scf."))]


def test_on_a_cp_async_ring_copies_run_ahead_of_what_is_computed() -> None:
    b = empty_kernel()
    fetched, computed = [], []
    b.pipelined(
        b.ring(3, "cp_async"),
        8,
        lambda at, step, fill: fetched.append(step) or 0,
        lambda at, step, fill, values: computed.append(step) or [],
    )
    loop = b.block.last_op
    assert loop is not None and fetched[:2] == [0, 1] and len(fetched) == 3 and len(computed) == 1
    assert short(list(b.block.ops))[1:] == ["acquire", "commit"] * 2
    assert short(list(loop.regions[0].block.ops)) == ["wait", "acquire", "commit", "release"]


def test_an_overlapped_loop_ends_with_a_step_that_waits_for_everything() -> None:
    """ptxas moves reads of the accumulators above a second wait after their product."""
    b = empty_kernel()
    ring = b.ring(2, "mbarrier")
    (acc,) = b.pipelined(ring, 8, None, lambda at, step, fill, values: values, [b.fill(0.0, ACC)], overlapped=True)
    waits = [op for op in b.func.walk() if isinstance(op, kernel.MmaWaitOp)]
    assert [op.pending.value.data for op in waits] == [1, 0]
    assert waits[0].parent_op() is not b.func and waits[1].parent_op() is b.func and acc is waits[1].result
    releases = [op for op in b.func.walk() if isinstance(op, kernel.ReleaseOp)]
    assert [op.parent_op() is b.func for op in releases] == [False, True, True]


@pytest.mark.parametrize(("steps", "expected"), [("S", [False, False, True]), (1, [False, True])])
def test_an_overlapped_loop_releases_the_fill_before_its_last_step_if_there_is_one(
    steps: str | int, expected: list[bool]
) -> None:
    """The loop's own release, that before the last step, in a branch where only a run knows of it, and the last."""
    b = empty_kernel()
    count = b.expr(symbol(steps)) if isinstance(steps, str) else steps
    b.pipelined(
        b.ring(2, "mbarrier"), count, None, lambda at, step, fill, values: values, [b.fill(0.0, ACC)], overlapped=True
    )
    releases = [op for op in b.func.walk() if isinstance(op, kernel.ReleaseOp)]
    assert [op.parent_op() is b.func for op in releases] == expected


@pytest.mark.parametrize(
    ("kind", "halves", "options", "message"),
    [
        ("cp_async", (True, False), {}, "expected fetch and compute from fill 0 on"),
        ("cp_async", (True, True), {"start": 4}, "expected fetch and compute from fill 0 on"),
        ("cp_async", (True, True), {"overlapped": True}, "expected fetch and compute from fill 0 on"),
        ("mbarrier", (True, True), {}, "expected fetch or compute on an mbarrier ring"),
        ("mbarrier", (False, False), {}, "expected fetch or compute on an mbarrier ring"),
    ],
)
def test_other_uses_of_a_ring_are_errors(kind: str, halves: tuple[bool, bool], options: dict, message: str) -> None:
    b = empty_kernel()
    fetch = (lambda at, step, fill: 0) if halves[0] else None
    compute = (lambda at, step, fill, values: values) if halves[1] else None
    with pytest.raises(PassError, match=message):
        b.pipelined(b.ring(2, kind), 4, fetch, compute, **options)
