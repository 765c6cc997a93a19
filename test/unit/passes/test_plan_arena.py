"""Properties of the arena planner on random launch orders: it never lets two buffers that are needed at once share a byte."""

from __future__ import annotations

import random
from contextlib import nullcontext
from pathlib import Path

import pytest
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.dialects.buffer import SlotOp
from trtc.dialects.errors import OptionError
from trtc.dialects.provenance import onnx_names
from trtc.passes.buffers.plan_arena import Lifetime, PlanArenaPass, lower_bound, plan_offsets
from trtc.passes.remarks import collecting

ALIGNMENT = 256
CHAIN = (Path(__file__).parents[2] / "filecheck" / "buffer" / "plan_arena.mlir").read_text().split("// -----")[0]
"""Three buffers of 256 bytes, of which two are needed at once."""


def random_lifetimes(seed: int) -> list[Lifetime]:
    """Buffers of a random DAG of launches: each launch writes one buffer and reads up to three earlier ones."""
    choose = random.Random(seed)
    count = choose.randrange(1, 60)
    last = list(range(count))
    for launch in range(1, count):
        for read in choose.sample(range(launch), min(launch, choose.randrange(1, 4))):
            last[read] = launch
    return [
        Lifetime(choose.choice([1, 4, 256, 1000, 4096, choose.randrange(1, 1 << 20)]), i, last[i]) for i in range(count)
    ]


def clashes(lifetimes: list[Lifetime], offsets: tuple[int, ...]) -> list[tuple[int, int]]:
    """Pairs needed by the same launch that share bytes, found launch by launch."""
    found: list[tuple[int, int]] = []
    for launch in range(max(t.last for t in lifetimes) + 1):
        live = [i for i, t in enumerate(lifetimes) if t.first <= launch <= t.last]
        for a in live:
            for b in live:
                if (
                    a < b
                    and offsets[a] < offsets[b] + lifetimes[b].size
                    and offsets[b] < offsets[a] + lifetimes[a].size
                ):
                    found.append((a, b))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_no_two_live_buffers_overlap(seed: int) -> None:
    lifetimes = random_lifetimes(seed)
    plan = plan_offsets(lifetimes)
    assert clashes(lifetimes, plan.offsets) == []
    assert all(offset % ALIGNMENT == 0 for offset in plan.offsets)
    assert all(offset + t.size <= plan.peak for offset, t in zip(plan.offsets, lifetimes, strict=True))
    padded = sum(-(-t.size // ALIGNMENT) * ALIGNMENT for t in lifetimes)
    assert lower_bound(lifetimes) <= plan.peak <= padded


def test_the_check_above_finds_a_clash() -> None:
    lifetimes = [Lifetime(512, 0, 2), Lifetime(256, 1, 1)]
    assert clashes(lifetimes, (0, 256)) == [(0, 1)]
    assert clashes(lifetimes, (0, 512)) == []


def test_plans_reuse_memory() -> None:
    """A chain of equal buffers needs two of them; the planner is close to the bound on random DAGs."""
    assert plan_offsets([Lifetime(1024, i, i + 1) for i in range(50)]).peak == 2048
    ratios = [plan_offsets(t).peak / lower_bound(t) for t in map(random_lifetimes, range(60))]
    assert sum(ratios) / len(ratios) < 1.1


def test_plans_are_deterministic() -> None:
    lifetimes = random_lifetimes(7)
    assert plan_offsets(lifetimes) == plan_offsets(list(lifetimes))


def test_nothing_to_plan() -> None:
    assert plan_offsets([]).peak == 0
    assert lower_bound([]) == 0


def test_a_limit_that_the_plan_just_meets_is_met() -> None:
    context = make_context()
    for limit, fits in ((512, True), (511, False)):
        module = Parser(context, CHAIN).parse_module()
        with nullcontext() if fits else pytest.raises(OptionError, match="needs 512 bytes, more than the limit of 511"):
            PlanArenaPass(memory_limit=limit).apply(context, module)


def test_slots_come_from_what_their_buffers_come_from() -> None:
    context = make_context()
    alloc = "%a = buffer.alloc #nn.dims<64> : memref<64xf32>"
    text = CHAIN.replace(alloc, f'{alloc} loc("conv1")')
    module = Parser(context, text).parse_module()
    PlanArenaPass().apply(context, module)
    assert [onnx_names(op.location) for op in module.walk() if isinstance(op, SlotOp)] == [["conv1"], [], []]


def test_the_plan_is_explained_in_a_remark() -> None:
    context = make_context()
    module = Parser(context, CHAIN).parse_module()
    with collecting() as remarks:
        PlanArenaPass().apply(context, module)
    assert [str(r.message) for r in remarks] == ["arena of 512 bytes for 3 buffers: 768 without sharing, at least 512"]
