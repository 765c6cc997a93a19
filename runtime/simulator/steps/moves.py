"""Register and shared arrays, and cp.async."""

from __future__ import annotations

import numpy as np
from xdsl.dialects import memref
from xdsl.dialects.builtin import MemRefType

from ....dialects import kernel
from ....dialects.errors import SimulationError
from ....dialects.kernel.scalars.numerics import dtype_of
from ....dialects.provenance import describe
from ..clocks import RuleBroken
from ..memory import CP_ASYNC
from ..strands import Local, LocalRef, Strand, varying
from .instructions import mask_of, selected, shared_address, spread, width_of
from .table import Step, decodes

# Register arrays.


@decodes(kernel.LocalOp)
def _(op: kernel.LocalOp) -> Step:
    result, type_ = op.result, op.result.type
    assert isinstance(type_, MemRefType)
    length, dtype = type_.get_shape()[0], dtype_of(type_.element_type)

    def step(s: Strand) -> None:
        s.env[result] = LocalRef(Local(s.n, length, dtype), slice(None))

    return step


@decodes(memref.LoadOp)
def _(op: memref.LoadOp) -> Step:
    array, position, result = op.memref, op.indices[0], op.res

    def step(s: Strand) -> None:
        s.env[result] = s[array].read(s[position], 1)[:, 0].copy()

    return step


@decodes(memref.StoreOp)
def _(op: memref.StoreOp) -> Step:
    array, position, value = op.memref, op.indices[0], op.value

    def step(s: Strand) -> None:
        values = s[value]
        column = values[:, None] if varying(values) else np.broadcast_to(np.asarray(values), (s.n, 1))
        s[array].write(s[position], column, None, s.block.cluster.count)

    return step


# Global memory.


@decodes(kernel.AtomicOp)
def _(op: kernel.AtomicOp) -> Step:
    source, position, target, offset, predicate, kind = (
        op.source, op.position, op.target, op.offset, op.predicate, op.kind.data,
    )  # fmt: skip

    def step(s: Strand) -> None:
        at, values = selected(mask_of(s, predicate), s.each(offset), s[source].read(s[position], 1))
        s.block.cluster.tensors[target].combine(at, values[:, 0], kind)

    return step


# Shared memory.


@decodes(kernel.SmemOp)
def _(op: kernel.SmemOp) -> Step:
    """Its value is its byte offset; accesses read the element type from its type."""
    result, offset = op.result, np.int64(op.offset.value.data)

    def step(s: Strand) -> None:
        s.env[result] = offset

    return step


@decodes(kernel.StClusterOp)
def _(op: kernel.StClusterOp) -> Step:
    source, position, target, offset, rank_of, predicate = (
        op.source, op.position, op.target, op.offset, op.rank, op.predicate,
    )  # fmt: skip
    count, width = width_of(op, source.type)

    def step(s: Strand) -> None:
        mask, ranks = mask_of(s, predicate), s.each(rank_of)
        for rank in np.unique(selected(mask, ranks)[0]):
            here = ranks == rank
            store(s, int(rank), here if mask is None else here & mask)

    def store(s: Strand, rank: int, mask: np.ndarray) -> None:
        cluster = s.block.cluster
        if not 0 <= rank < len(cluster.blocks):
            raise RuleBroken(f"rank {rank} is not in a cluster of {len(cluster.blocks)}")
        block = cluster.blocks[rank]
        # Every warp's first step is 1: one that has seen none of another block's may be before its beginning.
        if (cluster.clocks.vc[s.own_warps, block.first_warp] < 1).any():
            raise RuleBroken(
                f"block {rank} of the cluster may not have begun; a cluster barrier is missing before its first store"
            )
        values = np.ascontiguousarray(s[source].read(s[position], count)).view(np.uint8)
        address = shared_address(s, target, offset, count)
        local = s.threads if block is s.block else np.full(s.n, -1)
        address, values, warps, threads = selected(mask, address, values, s.warps[:, None], local[:, None])
        granules = block.shared.granules(address, width)
        block.shared.check_write(granules, warps)
        block.shared.store(address, values)
        if block.shared.record_write(granules, warps, threads) and (block.shared.load(address, width) != values).any():
            raise RuleBroken("race: two warps write the same bytes of shared memory at once")
        if block is not s.block:
            block.remote_accesses += [(int(w), int(cluster.clocks.vc[w, w])) for w in s.own_warps]

    return step


# cp.async.


@decodes(kernel.CpAsyncOp)
def _(op: kernel.CpAsyncOp) -> Step:
    source, source_offset, target, target_offset, predicate = (
        op.source, op.source_offset, op.target, op.target_offset, op.predicate,
    )  # fmt: skip
    count, width = width_of(op, source.type)
    if width < 4:
        raise SimulationError(f"{describe(op)}: expected a copy of 4, 8 or 16 bytes, got {width}")

    def step(s: Strand) -> None:
        mask, block = mask_of(s, predicate), s.block
        address = shared_address(s, target, target_offset, count)
        granules = block.shared.granules(address, width)
        block.shared.check_write(granules, s.warps[:, None])
        at, warps = selected(mask, s.each(source_offset), s.warps)
        values = block.cluster.tensors[source].load(at, count, block.number, warps, block.cluster.clocks)
        block.shared.landing[granules] = CP_ASYNC
        filled = np.ascontiguousarray(spread(values, mask, s.n)).view(np.uint8)
        block.cp_copies.append((s.threads, block.cp_groups[s.threads], address, filled))

    return step


@decodes(kernel.CpAsyncCommitOp)
def _(op: kernel.CpAsyncCommitOp) -> Step:
    def step(s: Strand) -> None:
        s.block.cp_groups[s.threads] += 1

    return step


@decodes(kernel.CpAsyncWaitOp)
def _(op: kernel.CpAsyncWaitOp) -> Step:
    pending = op.pending.value.data

    def step(s: Strand) -> None:
        block, left = s.block, []
        limit = np.full(block.threads, -1, np.int64)
        limit[s.threads] = block.cp_groups[s.threads] - pending
        for threads, groups, address, values in block.cp_copies:
            landed = groups < limit[threads]
            if landed.any():
                here = threads[landed]
                granules = block.shared.granules(address[landed], values.shape[1])
                block.shared.landing[granules] = 0
                block.shared.store(address[landed], values[landed])
                block.shared.record_write(granules, (here // 32 + block.first_warp)[:, None], here[:, None])
            if not landed.all():
                keep = ~landed
                left.append((threads[keep], groups[keep], address[keep], values[keep]))
        block.cp_copies = left

    return step
