"""wgmma, its fences and groups: products of warpgroups that complete later."""

from __future__ import annotations

import numpy as np

from ....dialects import kernel
from ....dialects.errors import SimulationError
from ....dialects.kernel.instruction import INSTRUCTIONS
from ....dialects.kernel.thread.products import KINDS, gather
from ....dialects.provenance import describe
from ..clocks import RuleBroken
from ..operands import operand_addresses
from ..strands import LocalRef, Strand
from .table import Step, decodes


def _warpgroups(s: Strand) -> list[int]:
    """The first thread of each warpgroup of a strand of whole warpgroups."""
    s.whole_warps()
    first = s.threads[::128]
    if s.n % 128 or (first % 128).any() or (s.threads.reshape(-1, 128)[:, -1] != first + 127).any():
        raise RuleBroken(f"wgmma is executed by {s.n} threads from thread {s.threads[0]}; expected whole warpgroups")
    return [int(t) for t in first]


@decodes(kernel.WgmmaFenceOp)
def _(op: kernel.WgmmaFenceOp) -> Step:
    def step(s: Strand) -> None:
        for group in _warpgroups(s):
            s.block.wgmma_fence[group] = s.block.cluster.count

    return step


@decodes(kernel.WgmmaOp)
def _(op: kernel.WgmmaOp) -> Step:
    kind, n, swizzle = op.kind.data, op.n.value.data, op.swizzle.value.data
    acc, at_acc, a_local, a, b = op.acc, op.acc_position, op.a_local, op.a, op.b
    transposed = op.b_transposed is not None
    if kind not in KINDS:
        raise SimulationError(f"{describe(op)}: expected a kind among {sorted(KINDS)}, got '{kind}'")
    e, dtype, _ = KINDS[kind]
    product = INSTRUCTIONS[kernel.WgmmaOp].numpy
    assert product is not None
    k, size = 8 * e, dtype.itemsize

    def operand(s: Strand, start: int, rows: int, bytes_: int, warps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Elements [rows, bytes / size] of a shared operand, and its granules, marked as being read."""
        shared = s.block.shared
        if start % 16:
            raise RuleBroken(f"wgmma operand at byte {start}: expected a multiple of 16")
        address, granules = operand_addresses(start, rows, bytes_, swizzle, shared.granule)
        if start < 0 or address.max() >= shared.size:
            raise RuleBroken(f"wgmma operand out of bounds: it ends at byte {address.max()} of {shared.size}")
        shared.check_read_async(granules, warps)
        shared.reading[granules] += 1
        return shared.data[address].view(dtype), granules

    def step(s: Strand) -> None:
        block = s.block
        ref: LocalRef = s[acc]
        at = s.uniform(at_acc)
        starts_a, starts_b = s.each(a), s.each(b)
        all_rows = np.arange(len(ref.local.data))[ref.rows]
        for index, group in enumerate(_warpgroups(s)):
            here = slice(128 * index, 128 * index + 128)
            for starts in (starts_a, starts_b):
                if (starts[here] != starts[128 * index]).any():
                    raise RuleBroken("wgmma: operand addresses differ within a warpgroup")
            fence = block.wgmma_fence.get(group, -1)
            if ref.local.changed > fence or (a_local is not None and s[a_local].local.changed > fence):
                raise RuleBroken("wgmma_fence is missing between an ordinary write of wgmma's registers and this wgmma")
            warps = np.unique(s.warps[here])
            read: list[np.ndarray] = []
            if a_local is None:
                left, granules = operand(s, int(starts_a[128 * index]), 64, k * size, warps)
                read.append(granules)
                register_reads = None
            else:
                source: LocalRef = s[a_local]
                position, count = int(starts_a[128 * index]), 16 // source.local.data.itemsize
                place = (np.arange(len(source.local.data))[source.rows][here, None], position + np.arange(count))
                values = np.ascontiguousarray(source.read(np.int64(position), count)[here]).view(dtype)
                left = gather("a", e, values, (16, k)).reshape(64, k)
                source.local.counts("reading")[place] += 1
                register_reads = (source.local, place)
            if transposed:
                right, granules = operand(s, int(starts_b[128 * index]), k, n * size, warps)
                right = right.T
            else:
                right, granules = operand(s, int(starts_b[128 * index]), n, k * size, warps)
            read.append(granules)
            place = (all_rows[here, None], at + np.arange(n // 2))
            ref.local.data[place] += product(op, left, right)
            ref.local.counts("pending")[place] += 1
            block.wgmma_open.setdefault(group, []).append((ref.local, place, register_reads, read, warps))

    return step


@decodes(kernel.WgmmaCommitOp)
def _(op: kernel.WgmmaCommitOp) -> Step:
    def step(s: Strand) -> None:
        for group in _warpgroups(s):
            s.block.wgmma_groups.setdefault(group, []).append(s.block.wgmma_open.pop(group, []))
            s.block.wgmma_fence.pop(group, None)  # each group has a fence of its own

    return step


@decodes(kernel.WgmmaWaitOp)
def _(op: kernel.WgmmaWaitOp) -> Step:
    pending = op.pending.value.data

    def step(s: Strand) -> None:
        shared = s.block.shared
        for group in _warpgroups(s):
            groups = s.block.wgmma_groups.get(group, [])
            while len(groups) > pending:
                for local, place, register_reads, read, warps in groups.pop(0):
                    local.counts("pending")[place] -= 1
                    if register_reads is not None:
                        register_reads[0].counts("reading")[register_reads[1]] -= 1
                    for granules in read:
                        shared.reading[granules] -= 1
                        shared.record_read(granules[None, :], warps[:, None])

    return step
