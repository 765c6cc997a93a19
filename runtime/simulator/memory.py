"""
Memory of the thread-level simulator, with shadow state that checks every access.

Shared memory keeps for each granule (the smallest element of the kernel): whether it is defined, its last writer and that write's step,
the step of each warp's last read, whether an asynchronous copy is in progress there, how many asynchronous reads are in progress, and
from which step of its writer on a write is visible to the async proxy (TMA, wgmma). Global tensors keep the writer of each element in this
launch.
"""

from __future__ import annotations

import numpy as np

from ...dialects.meaning.arithmetic import combine_at
from .clocks import Barrier, Clocks, RuleBroken

CP_ASYNC, TMA, MBARRIER = 1, 2, 3
_LANDING = {
    CP_ASYNC: "a cp.async to these bytes has not been waited for",
    TMA: "a TMA load is landing in these bytes",
    MBARRIER: "these bytes hold an mbarrier",
}


class SharedMemory:
    """`size` bytes of one block; `first_warp` is the number of the block's first warp in the cluster's clocks."""

    def __init__(self, size: int, granule: int, warps: int, first_warp: int, clocks: Clocks, rng: np.random.Generator):
        count = -(-size // granule)
        self.granule, self.size, self.first_warp, self.clocks = granule, size, first_warp, clocks
        self.data = rng.integers(0, 256, -(-size // 16) * 16, dtype=np.uint8)
        self.defined = np.zeros(count, np.bool_)
        self.writer = np.full(count, -1, np.int32)
        self.written = np.zeros(count, np.int32)
        self.thread = np.full(count, -1, np.int32)
        self.proxied = np.zeros(count, np.int32)  # 0: not fenced; -1: written by the async proxy itself
        self.reads = np.zeros((warps, count), np.int32)
        self.landing = np.zeros(count, np.uint8)
        self.reading = np.zeros(count, np.int16)

    # Addresses.

    def granules(self, address: np.ndarray, width: int) -> np.ndarray:
        """Granules [n, width / granule] of accesses of `width` bytes at these byte addresses; checks range and alignment."""
        if address.size and (address.min() < 0 or address.max() + width > self.size):
            raise RuleBroken(
                f"shared memory access out of bounds: byte {address.min()} to {address.max() + width} of {self.size}"
            )
        if (address % width).any():
            raise RuleBroken(
                f"misaligned shared memory access: {width} bytes at byte {address[address % width != 0][0]}"
            )
        return address[:, None] // self.granule + np.arange(max(1, width // self.granule))

    def load(self, address: np.ndarray, width: int) -> np.ndarray:
        """Bytes [n, width]."""
        return self.data.view(f"V{width}")[address // width].view(np.uint8).reshape(len(address), width)

    def store(self, address: np.ndarray, values: np.ndarray) -> None:
        """Writes bytes [n, width]."""
        width = values.shape[1]
        self.data.view(f"V{width}")[address // width] = np.ascontiguousarray(values).view(f"V{width}")[:, 0]

    # Rules.

    def _check_landing(self, granules: np.ndarray) -> None:
        if (state := self.landing[granules]).any():
            raise RuleBroken(f"access while {_LANDING[int(state.max())]}")

    def _check_ordered_after_writer(self, granules: np.ndarray, warps: np.ndarray, what: str) -> None:
        """`warps` broadcasts against `granules`."""
        writer = self.writer[granules]
        late = self.clocks.vc[warps, writer] < self.written[granules]
        if late.any():
            place = np.unravel_index(int(late.argmax()), late.shape)
            granule = np.broadcast_to(granules, late.shape)[place]
            raise RuleBroken(
                f"race: {what} of byte {int(granule) * self.granule} by warp {self._warp(warps, late)} is not ordered after the write by "
                f"{self._agent(int(self.writer[granule]))}; a barrier (or an mbarrier wait) is missing"
            )

    def _warp(self, warps: np.ndarray, late: np.ndarray) -> int:
        place = np.unravel_index(int(late.argmax()), late.shape)
        return int(np.broadcast_to(warps, late.shape)[place]) - self.first_warp

    def _agent(self, agent: int) -> str:
        return f"warp {agent - self.first_warp}" if agent < self.clocks.warps else "an asynchronous copy"

    def check_read(self, granules: np.ndarray, warps: np.ndarray) -> None:
        """Ordinary reads: defined, landed, and ordered after the last write."""
        self._check_defined(granules)
        self._check_ordered_after_writer(granules, warps, "read")

    def _check_defined(self, granules: np.ndarray) -> None:
        self._check_landing(granules)
        if not self.defined[granules].all():
            place = granules[~self.defined[granules]][0]
            raise RuleBroken(f"read of undefined shared memory at byte {place * self.granule}")

    def check_read_async(self, granules: np.ndarray, warps: np.ndarray) -> None:
        """Reads of granules [m] by TMA or wgmma, started by these warps: also fenced by the writer, before the barrier that orders them."""
        self._check_defined(granules)
        seen = self.clocks.vc[warps].min(axis=0)
        if (seen[self.writer[granules]] < self.written[granules]).any():
            self._check_ordered_after_writer(granules[None, :], warps[:, None], "read")
        fenced = self.proxied[granules]
        if (fenced == 0).any():
            place = granules[fenced == 0][0]
            raise RuleBroken(
                f"byte {place * self.granule} was written by ordinary stores without fence_proxy_async before TMA or wgmma reads it"
            )
        if ((fenced > 0) & (seen[self.writer[granules]] < fenced)).any():
            raise RuleBroken(
                "fence_proxy_async comes after the barrier: the fence itself must be ordered before TMA or wgmma reads"
            )

    def check_write(self, granules: np.ndarray, warps: np.ndarray) -> None:
        """Writes: no read, write or asynchronous copy of these bytes may be pending."""
        self._check_landing(granules)
        if self.reading[granules].any():
            raise RuleBroken("race: write to bytes that wgmma or a TMA store may still read; its wait is missing")
        self._check_ordered_after_writer(granules, warps, "write")
        count = self.reads.shape[0]
        seen = self.clocks.vc[warps, self.first_warp : self.first_warp + count] if warps.ndim == 0 else None
        if seen is not None:
            late = self.reads[:, granules] > seen.reshape(count, *([1] * granules.ndim))
        else:
            per_thread = self.clocks.vc[warps[:, 0], self.first_warp : self.first_warp + count].T
            late = self.reads[:, granules] > per_thread[:, :, None]
        if late.any():
            reader, *_ = np.unravel_index(int(late.argmax()), late.shape)
            raise RuleBroken(
                f"race: write is not ordered after the last read by warp {reader}; a barrier (or an mbarrier wait) is missing"
            )

    # Records.

    def record_read(self, granules: np.ndarray, warps: np.ndarray) -> None:
        """`warps` broadcasts against `granules`; numbered over the cluster."""
        self.reads[warps - self.first_warp, granules] = self.clocks.vc[warps, warps]

    def record_write(self, granules: np.ndarray, warps: np.ndarray, threads: np.ndarray) -> bool:
        """Ordinary writes; returns whether two warps wrote one granule at once."""
        self.writer[granules] = warps
        self.written[granules] = self.clocks.vc[warps, warps]
        self.thread[granules] = threads
        self.proxied[granules] = 0
        self.defined[granules] = True
        return bool((self.writer[granules] != warps).any())

    def record_landed(self, granules: np.ndarray, agent: int, step: int) -> None:
        """Writes by the async proxy, visible to those ordered after `step` of `agent`."""
        self.writer[granules] = agent
        self.written[granules] = step
        self.thread[granules] = -1
        self.proxied[granules] = -1
        self.defined[granules] = True
        self.landing[granules] = 0

    def fence(self, threads: np.ndarray) -> None:
        """fence.proxy.async by these threads: their earlier ordinary writes count as fenced from this step of their warp."""
        known = np.zeros(self.reads.shape[0] * 32 + 1, np.bool_)
        known[threads] = True
        mine = np.flatnonzero(known[self.thread] & (self.proxied == 0))
        self.proxied[mine] = self.clocks.vc[self.writer[mine], self.writer[mine]]


class ShadowedTensor:
    """
    A tensor's flat array; `align` bytes divide its address. `updated`: the kernel reads it and writes it, so that reads are recorded too.
    Blocks that run together share `clocks`, by which their accesses must be ordered.
    """

    def __init__(self, array: np.ndarray, align: int, name: str, *, updated: bool = False):
        self.array, self.align, self.name, self.updated = array, align, name, updated
        self.block = np.zeros(0, np.int32)  # 1 + the block that wrote an element, made at the first store
        self.warp = self.step = self.block
        self.combined = np.zeros(0, np.bool_)  # what atomics changed, made at the first one
        self.clocks: Clocks | None = None
        self.reads = np.zeros((0, 0), np.int32)  # the step of each warp's last read of an element
        self.met: dict[int, Meetings] = {}

    def together(self, clocks: Clocks) -> None:
        """The blocks of these clocks run now: what earlier ones read is of no more interest."""
        if self.clocks is clocks:
            return
        self.clocks = clocks
        self.written_before = self.block.copy()
        self.met = {}
        if self.updated:
            self.reads = np.zeros((clocks.warps, self.array.size), np.int32)

    def _others(self, elements: np.ndarray, block: int) -> np.ndarray:
        """The elements that blocks have written which do not run together with this one."""
        if not self.written_before.size:
            return np.zeros(elements.shape, np.bool_)
        return (self.written_before[elements] != 0) & (self.written_before[elements] == self.block[elements])

    def check(self, offset: np.ndarray, count: int) -> None:
        """Range and alignment of accesses of `count` elements."""
        if offset.size == 0:
            return
        low, high = int(offset.min()), int(offset.max()) + count
        if low < 0 or high > self.array.size:
            raise RuleBroken(
                f"global access out of bounds: elements {low} to {high} of tensor {self.name} with {self.array.size}"
            )
        width = count * self.array.itemsize
        if (offset * self.array.itemsize % width).any() or self.align % width:
            raise RuleBroken(f"misaligned global access: {width} bytes of tensor {self.name}, aligned to {self.align}")

    def load(self, offset: np.ndarray, count: int, block: int, warps: np.ndarray, clocks: Clocks) -> np.ndarray:
        """Elements [n, count], read by these warps, one per row."""
        self.check(offset, count)
        elements = offset[:, None] + np.arange(count)
        self.together(clocks)
        self._check_combined(elements, "read")
        if self.block.size and (owner := self.block[elements]).any():
            if self._others(elements, block).any():
                raise RuleBroken(f"read of an element of tensor {self.name} that another block of the launch writes")
            late = (owner != 0) & (clocks.vc[warps[:, None], self.warp[elements]] < self.step[elements])
            if late.any():
                raise RuleBroken(
                    f"race: read of an element of tensor {self.name} is not ordered after its write; a barrier is missing"
                )
        if self.updated:
            self.reads[warps[:, None], elements] = clocks.now(warps)[:, None]
        return self.array[elements]

    def store(self, offset: np.ndarray, values: np.ndarray, block: int, warps: np.ndarray, clocks: Clocks) -> None:
        """Writes elements [n, count]; two writes to one element must be of one block, and ordered (or the same value)."""
        self.check(offset, values.shape[1])
        self.store_elements(offset[:, None] + np.arange(values.shape[1]), values, block, warps[:, None], clocks)

    def combine(self, offset: np.ndarray, values: np.ndarray, kind: str) -> None:
        """Atomics on elements [n], of which no block of the launch writes any otherwise."""
        self.check(offset, 1)
        if self.block.size and self.block[offset].any():
            raise RuleBroken(f"race: an atomic on an element of tensor {self.name} that a block of the launch writes")
        if not self.combined.size:
            self.combined = np.zeros(self.array.size, np.bool_)
        self.combined[offset] = True
        combine_at(self.array, offset, values, kind)

    def _check_combined(self, elements: np.ndarray, what: str) -> None:
        """What atomics have changed is for later launches: in this one more of them may come."""
        if self.combined.size and self.combined[elements].any():
            raise RuleBroken(f"race: {what} of an element of tensor {self.name} that atomics of the launch change")

    def store_elements(
        self, elements: np.ndarray, values: np.ndarray, block: int, warps: np.ndarray, clocks: Clocks
    ) -> None:
        """As `store`, for any elements inside the tensor."""
        if not self.block.size:
            self.block, self.warp, self.step = (np.zeros(self.array.size, np.int32) for _ in range(3))
        self.together(clocks)
        self._check_combined(elements, "write")
        if self.updated:
            self._check_reads(elements, warps, clocks)
        owner = self.block[elements]
        if (self._others(elements, block) | ((owner != 0) & (owner != block + 1))).any():
            raise RuleBroken(f"race: two blocks write one element of tensor {self.name}")
        if owner.any():
            late = (owner != 0) & (clocks.vc[warps, self.warp[elements]] < self.step[elements])
            if late.any() and not _same(self.array[elements], values):
                raise RuleBroken(f"race: two warps write one element of tensor {self.name} in no order")
        self.array[elements] = values
        self.block[elements] = block + 1
        self.warp[elements] = warps
        self.step[elements] = clocks.vc[warps, warps]
        if (self.warp[elements] != warps).any() and not _same(self.array[elements], values):
            raise RuleBroken(f"race: two warps write one element of tensor {self.name} at once")

    def _check_reads(self, elements: np.ndarray, warps: np.ndarray, clocks: Clocks) -> None:
        """A write follows all reads of what it replaces."""
        seen = clocks.vc[np.broadcast_to(warps, elements.shape)][..., : clocks.warps]
        if (np.moveaxis(self.reads[:, elements], 0, -1) > seen).any():
            raise RuleBroken(
                f"race: write to an element of tensor {self.name} is not ordered after a read of it; a barrier is missing"
            )


class Meetings:
    """A counter in global memory at which blocks meet: who has arrived, and what is ordered before each arrival."""

    def __init__(self) -> None:
        self.arrived: dict[int, Barrier] = {}
        self.seen: dict[int, np.ndarray] = {}
        """For each value of the counter what has happened before it was reached."""


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()
