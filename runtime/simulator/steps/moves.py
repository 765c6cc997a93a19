"""Register arrays, global and shared memory, and cp.async."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects import memref
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Operation, SSAValue

from ....dialects import kernel
from ....dialects.errors import SimulationError
from ....dialects.provenance import describe
from ..clocks import RuleBroken
from ..memory import CP_ASYNC
from ..scalars import dtype_of
from ..strands import Local, LocalRef, Strand, varying
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


def _width(op: Operation, type_: Any) -> tuple[int, int]:
    """(count, bytes) of a move."""
    count = op.properties["count"].value.data  # pyright: ignore[reportAttributeAccessIssue]
    width = count * dtype_of(type_.element_type).itemsize
    if width not in (1, 2, 4, 8, 16):
        raise SimulationError(f"{describe(op)}: expected an access of 1, 2, 4, 8 or 16 bytes, got {width}")
    return count, width


def _mask(s: Strand, predicate: SSAValue | None) -> np.ndarray | None:
    """The threads that move something, or None for all."""
    if predicate is None:
        return None
    found = s[predicate]
    mask = found if varying(found) else np.full(s.n, bool(found))
    return None if mask.all() else mask


def _selected(mask: np.ndarray | None, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return arrays if mask is None else tuple(a[mask] for a in arrays)


# Global and shared memory.


@decodes(kernel.LdGlobalOp)
def _(op: kernel.LdGlobalOp) -> Step:
    source, offset, target, position, predicate = op.source, op.offset, op.target, op.position, op.predicate
    count, _ = _width(op, source.type)

    def step(s: Strand) -> None:
        mask = _mask(s, predicate)
        (at,) = _selected(mask, s.each(offset))
        ref: LocalRef = s[target]
        loaded = s.block.cluster.tensors[source].load(at, count, s.block.number)
        ref.write(s[position], _spread(loaded, mask, s.n), mask, s.block.cluster.count)

    return step


def _spread(values: np.ndarray, mask: np.ndarray | None, n: int) -> np.ndarray:
    """Values of the selected threads at their rows."""
    if mask is None:
        return values
    full = np.zeros((n, values.shape[1]), values.dtype)
    full[mask] = values
    return full


@decodes(kernel.StGlobalOp)
def _(op: kernel.StGlobalOp) -> Step:
    source, position, target, offset, predicate = op.source, op.position, op.target, op.offset, op.predicate
    count, _ = _width(op, target.type)

    def step(s: Strand) -> None:
        mask = _mask(s, predicate)
        values = s[source].read(s[position], count)
        at, values, warps = _selected(mask, s.each(offset), values, s.warps)
        s.block.cluster.tensors[target].store(at, values, s.block.number, warps, s.block.cluster.clocks)

    return step


@decodes(kernel.SmemOp)
def _(op: kernel.SmemOp) -> Step:
    """Its value is its byte offset; accesses read the element type from its type."""
    result, offset = op.result, np.int64(op.offset.value.data)

    def step(s: Strand) -> None:
        s.env[result] = offset

    return step


def shared_address(s: Strand, array: SSAValue, offset: SSAValue, count: int) -> np.ndarray:
    """Byte addresses [threads] of `count` elements; checked against the array."""
    type_ = array.type
    assert isinstance(type_, MemRefType)
    at = s.each(offset)
    length = type_.get_shape()[0]
    if at.min() < 0 or at.max() + count > length:
        raise RuleBroken(f"shared array access out of bounds: elements {at.min()} to {at.max() + count} of {length}")
    return s[array] + at * dtype_of(type_.element_type).itemsize


def _select_address(s: Strand, array: SSAValue, offset: SSAValue, count: int, mask: np.ndarray | None) -> np.ndarray:
    """As above, for the selected threads only: the others' offsets may lie anywhere."""
    if mask is None:
        return shared_address(s, array, offset, count)
    rows = np.flatnonzero(mask)
    return shared_address(s.child(rows), array, offset, count) if rows.size else np.zeros(0, np.int64)


@decodes(kernel.LdSharedOp)
def _(op: kernel.LdSharedOp) -> Step:
    source, offset, target, position, predicate = op.source, op.offset, op.target, op.position, op.predicate
    count, width = _width(op, source.type)
    dtype = dtype_of(source.type.element_type)  # pyright: ignore[reportAttributeAccessIssue]

    def step(s: Strand) -> None:
        mask, shared = _mask(s, predicate), s.block.shared
        address = _select_address(s, source, offset, count, mask)
        (warps,) = _selected(mask, s.warps[:, None])
        granules = shared.granules(address, width)
        shared.check_read(granules, warps)
        shared.record_read(granules, warps)
        values = shared.load(address, width).view(dtype)
        s[target].write(s[position], _spread(values, mask, s.n), mask, s.block.cluster.count)

    return step


@decodes(kernel.StSharedOp)
def _(op: kernel.StSharedOp) -> Step:
    source, position, target, offset, predicate = op.source, op.position, op.target, op.offset, op.predicate
    count, width = _width(op, target.type)

    def step(s: Strand) -> None:
        mask, shared = _mask(s, predicate), s.block.shared
        address = _select_address(s, target, offset, count, mask)
        values = np.ascontiguousarray(s[source].read(s[position], count)).view(np.uint8)
        values, warps, threads = _selected(mask, values, s.warps[:, None], s.threads[:, None])
        granules = shared.granules(address, width)
        shared.check_write(granules, warps)
        shared.store(address, values)
        if shared.record_write(granules, warps, threads) and (shared.load(address, width) != values).any():
            raise RuleBroken("race: two warps write the same bytes of shared memory at once")

    return step


# cp.async.


@decodes(kernel.CpAsyncOp)
def _(op: kernel.CpAsyncOp) -> Step:
    source, source_offset, target, target_offset, predicate = (
        op.source, op.source_offset, op.target, op.target_offset, op.predicate,
    )  # fmt: skip
    count, width = _width(op, source.type)
    if width < 4:
        raise SimulationError(f"{describe(op)}: expected a copy of 4, 8 or 16 bytes, got {width}")

    def step(s: Strand) -> None:
        mask, block = _mask(s, predicate), s.block
        address = shared_address(s, target, target_offset, count)
        granules = block.shared.granules(address, width)
        block.shared.check_write(granules, s.warps[:, None])
        (at,) = _selected(mask, s.each(source_offset))
        values = block.cluster.tensors[source].load(at, count, block.number)
        block.shared.landing[granules] = CP_ASYNC
        filled = np.ascontiguousarray(_spread(values, mask, s.n)).view(np.uint8)
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
