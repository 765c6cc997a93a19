"""Barriers of roles, blocks and clusters, mbarriers, and fences."""

from __future__ import annotations

import numpy as np

from ....dialects import kernel
from ..clocks import Barrier, Mbarrier, RuleBroken, joined
from ..memory import MBARRIER, Meetings
from ..strands import BlockState, Steps, Strand, Wait
from .table import Step, decodes


@decodes(kernel.BarSyncOp)
def _(op: kernel.BarSyncOp) -> Step:
    number, threads = op.id.value.data, op.threads.value.data

    def step(s: Strand) -> Steps:
        barrier = s.block.barriers.setdefault(number, Barrier())
        generation = barrier.generation
        barrier.arrive(s.block.cluster.clocks, s.own_warps, s.n, threads)
        yield Wait(lambda: barrier.generation > generation, f"barrier {number}")

    return step


@decodes(kernel.ClusterSyncOp)
def _(op: kernel.ClusterSyncOp) -> Step:
    def step(s: Strand) -> Steps:
        cluster = s.block.cluster
        barrier, generation = cluster.barrier, cluster.barrier.generation
        barrier.arrive(cluster.clocks, s.own_warps, s.n, sum(b.threads for b in cluster.blocks))
        yield Wait(lambda: barrier.generation > generation, "the cluster barrier")

    return step


@decodes(kernel.GridSyncOp)
def _(op: kernel.GridSyncOp) -> Step:
    counters, place_of, target_of = op.counters, op.place, op.target

    def step(s: Strand) -> Steps:
        cluster, block, place, target = s.block.cluster, s.block, s.uniform(place_of), s.uniform(target_of)
        tensor, clocks = cluster.tensors[counters], cluster.clocks
        tensor.check(np.array([place]), 1)
        tensor.together(clocks)
        meetings = tensor.met.setdefault(place, Meetings())
        barrier = meetings.arrived.setdefault(block.number, Barrier())
        barrier.arrive(clocks, s.own_warps, s.n, block.threads)
        if barrier.arrived == 0:  # the whole block is there
            count = int(tensor.array[place])
            warps = np.arange(block.first_warp, block.first_warp + block.threads // 32)
            meetings.seen[count + 1] = joined(meetings.seen.get(count), clocks.released(warps))
            tensor.array[place] = count + 1
        yield Wait(lambda: tensor.array[place] >= target, f"counter {place} to reach {target}")
        if target in meetings.seen:
            clocks.acquire(s.own_warps, meetings.seen[target])

    return step


@decodes(kernel.FenceProxyAsyncOp)
def _(op: kernel.FenceProxyAsyncOp) -> Step:
    def step(s: Strand) -> None:
        s.block.shared.fence(s.threads)

    return step


@decodes(kernel.MbarInitOp)
def _(op: kernel.MbarInitOp) -> Step:
    place, count = op.barrier, op.count.value.data

    def step(s: Strand) -> None:
        s.single()
        block, offset = s.block, s.uniform(place)
        granules = block.shared.granules(np.array([offset]), 8)
        block.shared.check_write(granules, s.warps[:, None])
        block.shared.landing[granules] = MBARRIER
        clocks, warp = block.cluster.clocks, int(s.warps[0])
        block.mbarriers[offset] = Mbarrier(clocks.new_agent(), count, warp, int(clocks.vc[warp, warp]))

    return step


@decodes(kernel.MbarInitFenceOp)
def _(op: kernel.MbarInitFenceOp) -> Step:
    def step(s: Strand) -> None:
        for barrier in s.block.mbarriers.values():
            barrier.fenced = barrier.fenced or barrier.initialiser in s.own_warps

    return step


def mbarrier_at(s: Strand, block: BlockState, offset: int, *, remote: bool) -> Mbarrier:
    """The mbarrier at a byte offset of a block, initialised before this strand's warps use it."""
    barrier = block.mbarriers.get(offset)
    if barrier is None:
        raise RuleBroken(f"there is no mbarrier at byte {offset} of shared memory of block {block.coords}")
    if (s.block.cluster.clocks.vc[s.own_warps, barrier.initialiser] < barrier.since).any():
        raise RuleBroken(
            "the mbarrier is used before its initialisation is ordered (a barrier after mbar_init is missing)"
        )
    if remote and not barrier.fenced:
        raise RuleBroken(
            "the mbarrier is used by TMA or by another block without mbar_init_fence after its initialisation"
        )
    return barrier


@decodes(kernel.MbarArriveOp)
def _(op: kernel.MbarArriveOp) -> Step:
    place, rank = op.barrier, op.rank

    def step(s: Strand) -> None:
        cluster, block = s.block.cluster, s.block
        if rank is not None:
            target = s.uniform(rank)
            if not 0 <= target < len(cluster.blocks):
                raise RuleBroken(f"rank {target} is not in a cluster of {len(cluster.blocks)}")
            block = cluster.blocks[target]
        barrier = mbarrier_at(s, block, s.uniform(place), remote=block is not s.block)
        if block is not s.block:
            block.remote_accesses += [(int(w), int(cluster.clocks.vc[w, w])) for w in s.own_warps]
        barrier.arrive(cluster.clocks, s.own_warps, s.n)

    return step


@decodes(kernel.MbarExpectOp)
def _(op: kernel.MbarExpectOp) -> Step:
    place, bytes_ = op.barrier, op.bytes.value.data

    def step(s: Strand) -> None:
        s.single()
        barrier = mbarrier_at(s, s.block, s.uniform(place), remote=False)
        barrier.bytes += bytes_
        barrier.arrive(s.block.cluster.clocks, s.own_warps, s.n)

    return step


@decodes(kernel.MbarWaitOp)
def _(op: kernel.MbarWaitOp) -> Step:
    place, parity_of = op.barrier, op.parity

    def step(s: Strand) -> Steps:
        offset, parity = s.uniform(place), s.uniform(parity_of)
        barrier = mbarrier_at(s, s.block, offset, remote=False)
        if parity not in (0, 1):
            raise RuleBroken(f"expected a parity of 0 or 1, got {parity}")
        yield Wait(
            lambda: barrier.is_complete(parity),
            f"parity {parity} of the mbarrier at byte {offset} (in phase {barrier.phase})",
        )
        if barrier.complete is not None:
            s.block.cluster.clocks.acquire(s.own_warps, barrier.complete)

    return step
