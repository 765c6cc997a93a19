"""TMA loads and stores, and the bulk groups of stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.ir import BlockArgument, SSAValue

from ....dialects import kernel
from ....dialects.errors import SimulationError
from ....dialects.kernel.scalars.numerics import dtype_of
from ....dialects.kernel.types import GlobalType
from ....dialects.provenance import describe
from ..clocks import Mbarrier, RuleBroken
from ..memory import TMA
from ..operands import box_addresses
from ..strands import BlockState, Strand
from ..tma import Box
from .barriers import mbarrier_at
from .table import Step, decodes


def _box(op: kernel.TmaLoadOp | kernel.TmaStoreOp) -> tuple[Callable[[Strand], Box], np.dtype]:
    made = op.map.owner
    if not isinstance(made, kernel.TensorMapOp):
        raise SimulationError(f"{describe(op)}: expected a tensor map made by kernel.tensor_map, got {made}")
    element = op.map.type.element_type  # pyright: ignore[reportAttributeAccessIssue]
    dtype = dtype_of(element)

    def box(s: Strand) -> Box:
        return Box.of(made, s.block.cluster.symbols, dtype.itemsize)

    return box, dtype


def _tile_addresses(s: Strand, start: int, bytes_: int, swizzle: int) -> tuple[np.ndarray, np.ndarray]:
    """Byte addresses of a box in shared memory, in its order, and their granules."""
    if start % 128:
        raise RuleBroken(f"TMA tile at byte {start} of shared memory: expected a multiple of 128")
    if start < 0 or start + bytes_ > s.block.shared.size:
        raise RuleBroken(f"TMA tile out of bounds: bytes {start} to {start + bytes_} of {s.block.shared.size}")
    return box_addresses(start, bytes_, swizzle, s.block.shared.granule)


@decodes(kernel.TmaLoadOp)
def _(op: kernel.TmaLoadOp) -> Step:
    box_of, dtype = _box(op)
    coords, window, target, place = tuple(op.coords), tuple(op.window), op.target, op.barrier
    multicast = None if op.multicast is None else op.multicast.value.data

    def step(s: Strand) -> None:
        s.single()
        cluster, box = s.block.cluster, box_of(s)
        elements, exists = box.elements([s.uniform(c) for c in coords], [s.uniform(w) for w in window])
        tensor = _tensor(s, op.map, box)
        source = np.where(exists, elements, 0)
        if source.min() < 0 or source.max() >= tensor.array.size:
            raise RuleBroken(f"TMA load out of bounds of tensor {tensor.name} with {tensor.array.size} elements")
        values = np.where(exists, tensor.array[source], np.zeros(1, dtype)).astype(dtype).view(np.uint8)
        start, barrier_offset = s.uniform(target), s.uniform(place)
        address, granules = _tile_addresses(s, start, values.size, box.spec.swizzle)
        if box.spec.swizzle and box.row_bytes > box.spec.swizzle:
            raise RuleBroken(f"TMA box rows of {box.row_bytes} bytes exceed the swizzle of {box.spec.swizzle}")
        ranks = [s.block.rank] if multicast is None else [r for r in range(len(cluster.blocks)) if multicast >> r & 1]
        for rank in ranks:
            block = cluster.blocks[rank]
            barrier = mbarrier_at(s, block, barrier_offset, remote=True)
            block.shared.check_write(granules, np.asarray(s.warps[0]))
            _check_proxy_write(block, granules)
            block.shared.landing[granules] = TMA
            cluster.landings.append(_landing(block, barrier, address, granules, values))

    return step


def _check_proxy_write(block: BlockState, granules: np.ndarray) -> None:
    """An asynchronous write over ordinary writes needs their fence."""
    shared = block.shared
    if ((shared.proxied[granules] == 0) & (shared.writer[granules] >= 0)).any():
        raise RuleBroken("a TMA load overwrites ordinary stores without fence_proxy_async in between")


def _landing(
    block: BlockState, barrier: Mbarrier, address: np.ndarray, granules: np.ndarray, values: np.ndarray
) -> Callable[[], None]:
    def land() -> None:
        block.shared.data[address] = values
        block.shared.record_landed(granules, barrier.agent, barrier.phase + 1)
        barrier.landed(values.size)

    return land


def _tensor(s: Strand, map_: SSAValue, box: Box) -> Any:
    argument = map_.owner.view.owner.source  # pyright: ignore[reportAttributeAccessIssue]
    assert isinstance(argument, BlockArgument) and isinstance(argument.type, GlobalType)
    return s.block.cluster.tensors[argument]


@decodes(kernel.TmaStoreOp)
def _(op: kernel.TmaStoreOp) -> Step:
    box_of, dtype = _box(op)
    coords, source = tuple(op.coords), op.source

    def step(s: Strand) -> None:
        s.single()
        cluster, shared, box = s.block.cluster, s.block.shared, box_of(s)
        elements, exists = box.elements([s.uniform(c) for c in coords], [])
        address, granules = _tile_addresses(s, s.uniform(source), elements.size * dtype.itemsize, box.spec.swizzle)
        shared.check_read_async(granules, s.own_warps)
        shared.reading[granules] += 1
        values = shared.data[address].view(dtype)
        tensor = _tensor(s, op.map, box)
        inside = elements[exists]
        if inside.size and (inside.min() < 0 or inside.max() >= tensor.array.size):
            raise RuleBroken(f"TMA store out of bounds of tensor {tensor.name} with {tensor.array.size} elements")
        tensor.store_elements(inside, values[exists], s.block.number, np.full(inside.shape, s.warps[0]), cluster.clocks)
        s.block.bulk_open.setdefault(int(s.threads[0]), []).append(granules)

    return step


@decodes(kernel.BulkCommitOp)
def _(op: kernel.BulkCommitOp) -> Step:
    def step(s: Strand) -> None:
        for thread in s.threads.tolist():
            s.block.bulk_groups.setdefault(thread, []).append(s.block.bulk_open.pop(thread, []))

    return step


@decodes(kernel.BulkWaitOp)
def _(op: kernel.BulkWaitOp) -> Step:
    pending = op.pending.value.data

    def step(s: Strand) -> None:
        shared = s.block.shared
        for thread, warp in zip(s.threads.tolist(), s.warps, strict=True):
            groups = s.block.bulk_groups.get(thread, [])
            while len(groups) > pending:
                for granules in groups.pop(0):
                    shared.reading[granules] -= 1
                    shared.record_read(granules, warp)

    return step
