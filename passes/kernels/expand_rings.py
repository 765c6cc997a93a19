"""
`expand-rings`: the steps of rings, barriers and fences become instructions, and what one thread executes moves into `kernel.elect`.

    kernel.acquire %ring[%k] : !kernel.ring<4, "mbarrier", 1>
    kernel.load_tma ...
    kernel.commit %ring[%k] bytes 16384 : !kernel.ring<4, "mbarrier", 1>
  becomes
    kernel.elect {
      %b = kernel.slot_barrier %ring[%k] empty : !kernel.ring<4, "mbarrier", 1>
      %p = kernel.slot_parity %ring[%k] ahead 1 : !kernel.ring<4, "mbarrier", 1>
      kernel.mbar_wait %b parity %p
      kernel.load_tma ...
      %f = kernel.slot_barrier %ring[%k] : !kernel.ring<4, "mbarrier", 1>
      kernel.mbar_expect %f bytes 16384
    }

cp_async rings become groups of cp.async with barriers of the block; of mbarrier rings `kernel.ring` stays, as the name of its barriers.
Needs `place-shared-memory`. See docs/reference/kernel-semantics.md, Rings, for what the steps promise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IntegerAttr, LocationAttr, ModuleOp, UnitAttr
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from ...dialects import kernel
from ...dialects.errors import PassError
from ...dialects.kernel.base import index
from ...dialects.provenance import describe
from .threads.elect import elect_threads
from .threads.placed import is_lowered, offset_of, role_region, root_of, warps_of
from .threads.positions import Sum, sum_of


@dataclass(eq=False)
class Ring:
    """Who uses a ring: the arrival counts of its barriers depend on it."""

    op: kernel.RingOp
    releasing_warps: int = 0
    multicast: bool = False
    read_by_threads: set[Region | None] = field(default_factory=set["Region | None"])
    """Roles that read slots by ordinary loads."""
    unordered: list[Sum | None] = field(default_factory=list["Sum | None"])
    """cp_async: releases since the last barrier (None: of an unknown fill)."""

    @property
    def type(self) -> kernel.RingType:
        type_ = self.op.result.type
        assert isinstance(type_, kernel.RingType)
        return type_

    @property
    def is_cp_async(self) -> bool:
        return self.type.kind.data == "cp_async"

    @property
    def stages(self) -> int:
        return self.type.stages.data


def rings_of(func: kernel.FuncOp) -> dict[SSAValue, Ring]:
    """The rings of a kernel. Raises PassError where the roles that release one are not as many as its type says."""
    rings: dict[SSAValue, Ring] = {}
    releasing: dict[SSAValue, set[Region | None]] = {}
    filled: dict[SSAValue, Ring] = {}
    loads: list[kernel.LoadSharedOp] = []
    for op in func.walk():
        if isinstance(op, kernel.RingOp):
            rings[op.result] = Ring(op)
        elif isinstance(op, kernel.ReleaseOp):
            releasing.setdefault(op.ring, set()).add(role_region(op))
        elif isinstance(op, kernel.LoadTmaOp) and op.ring in rings:
            rings[op.ring].multicast |= op.multicast is not None
            filled[root_of(op.target)] = rings[op.ring]
        elif isinstance(op, kernel.LoadSharedOp):
            loads.append(op)
    for op in loads:
        if ring := filled.get(root_of(op.source)):
            ring.read_by_threads.add(role_region(op))
    for value, regions in releasing.items():
        ring = _ring(rings, value, "kernel.release")
        if not ring.is_cp_async and len(regions) != ring.type.consumers.data:
            raise PassError(
                f"expand-rings: {describe(ring.op)}: expected {ring.type.consumers.data} roles that release {ring.type}, got {len(regions)}"
            )
        ring.releasing_warps = warps_of(func, regions)
    return rings


def _ring(rings: dict[SSAValue, Ring], value: SSAValue, what: str) -> Ring:
    if value not in rings:
        raise PassError(f"expand-rings: {what}: expected a ring made by kernel.ring, got {value.owner}")
    return rings[value]


@dataclass(frozen=True)
class Role:
    """The threads that run a block: their number, and the number of their barrier."""

    threads: int
    barrier: int


_EXPANDED = (
    scf.ForOp, scf.IfOp, kernel.ElectOp, kernel.RolesOp, kernel.AcquireOp, kernel.CommitOp, kernel.WaitOp, kernel.ReleaseOp,
    kernel.StoreWaitOp, kernel.BarrierOp, kernel.FenceAsyncOp, kernel.ClusterBarrierOp, kernel.GridBarrierOp,
)  # fmt: skip
"""Ops that the pass changes, or whose blocks it walks."""


_MEETINGS = (kernel.BarrierOp, kernel.ClusterBarrierOp, kernel.GridBarrierOp)


class _Expansion:
    """Expands one kernel in place."""

    def __init__(self, func: kernel.FuncOp):
        self.func = func
        self.cluster = func.cluster.value.data
        self.rings = rings_of(func)
        self.role = Role(func.threads, 0)

    def run(self) -> None:
        block = self.func.body.block
        last = block.last_op
        assert last is not None
        meets_last = isinstance(last.prev_op, kernel.ClusterBarrierOp)
        self.initialise()
        self.block(block)
        if any(ring.multicast for ring in self.rings.values()) and not meets_last:
            self.insert(last, kernel.ClusterSyncOp())  # no block may leave while others still write to it
        for ring in self.rings.values():
            if ring.is_cp_async:
                self.erase(ring.op)

    # Ops.

    def insert(self, before: Operation, *ops: Operation, location: LocationAttr | None = None) -> None:
        """Puts ops before another, at its location unless another is given."""
        block = before.parent
        assert block is not None
        for op in ops:
            for inner in op.walk():
                inner.location = location or before.location
            block.insert_op_before(op, before)

    def erase(self, op: Operation) -> None:
        op.detach()
        op.erase()

    def barrier(self) -> kernel.BarSyncOp:
        return kernel.BarSyncOp(self.role.barrier, self.role.threads)

    def fail(self, op: Operation, message: str) -> PassError:
        return PassError(f"expand-rings: {describe(op)}: {message}")

    def block(self, block: Block) -> None:
        for op in [op for op in block.ops if isinstance(op, _EXPANDED)]:
            self.expand(op)

    def expand(self, op: Operation) -> None:
        match op:
            case scf.ForOp():
                self.open_loop(op.body.block)
                self.block(op.body.block)
            case scf.IfOp() | kernel.ElectOp():
                for region in op.regions:
                    for block in region.blocks:
                        self.block(block)
            case kernel.RolesOp():
                self.roles(op)
            case kernel.AcquireOp() | kernel.CommitOp() | kernel.WaitOp() | kernel.ReleaseOp():
                ring = _ring(self.rings, op.ring, describe(op))
                (self.cp_async if ring.is_cp_async else self.mbarrier)(op, ring)
                self.erase(op)
            case kernel.StoreWaitOp():
                self.store_wait(op)
            case kernel.BarrierOp():
                self.meet()
                self.replace(op, self.barrier())
            case kernel.FenceAsyncOp():
                self.replace(op, kernel.FenceProxyAsyncOp())
            case kernel.ClusterBarrierOp():
                self.meet()
                self.replace(op, kernel.ClusterSyncOp())
            case kernel.GridBarrierOp():
                self.meet()
            case _:
                pass

    def meet(self) -> None:
        """After a barrier of the block the releases of its rings of cp.async are ordered."""
        if self.role.barrier == 0:
            for ring in self.rings.values():
                ring.unordered.clear()

    def replace(self, op: Operation, new: Operation) -> None:
        self.insert(op, new)
        self.erase(op)

    def roles(self, op: kernel.RolesOp) -> None:
        """What follows the roles waits for all of them."""
        outer, following = self.role, op.next_op
        for number, (warps, region) in enumerate(zip(op.warps.iter_values(), op.roles, strict=True)):
            self.role = Role(32 * warps, number + 1)
            self.block(region.block)
        self.role = outer
        if following is not None and not isinstance(following, kernel.ReturnOp | kernel.ClusterBarrierOp):
            barrier = self.barrier()
            barrier.location = op.location
            assert op.parent is not None
            op.parent.insert_op_after(barrier, op)

    def store_wait(self, op: kernel.StoreWaitOp) -> None:
        """The thread that stored waits, then a barrier; the barrier is elided at the end of a role or kernel."""
        wait = kernel.BulkWaitOp(op.pending.value.data)
        last = op.next_op is None or isinstance(op.next_op, kernel.ReturnOp | scf.YieldOp)
        ends = last and isinstance(_holder(op), kernel.FuncOp | kernel.RolesOp)
        self.insert(op, wait if _is_elected(op) else kernel.ElectOp(Region(Block([wait]))))
        if not ends:
            self.insert(op, self.barrier())
        self.erase(op)

    # Rings of cp.async.

    def cp_async(self, op: kernel.AcquireOp | kernel.CommitOp | kernel.WaitOp | kernel.ReleaseOp, ring: Ring) -> None:
        """An acquire is a barrier, unless one stands between it and the releases that it needs."""
        match op:
            case kernel.AcquireOp():
                position = sum_of(op.position)
                if any(_may_free(release, position, ring.stages) for release in ring.unordered):
                    self.insert(op, self.barrier())
                    ring.unordered.clear()
            case kernel.CommitOp():
                self.insert(op, kernel.CpAsyncCommitOp())
            case kernel.WaitOp():
                self.insert(op, kernel.CpAsyncWaitOp(op.later.value.data), self.barrier())
                ring.unordered.clear()
            case kernel.ReleaseOp():
                ring.unordered.append(sum_of(op.position))

    def open_loop(self, body: Block) -> None:
        """Before a loop body: releases of the previous turn that no wait has followed are unordered."""
        steps: dict[SSAValue, Operation] = {}
        for op in body.walk():
            if isinstance(op, kernel.WaitOp | kernel.ReleaseOp):
                steps[op.ring] = op
            elif isinstance(op, _MEETINGS) and op.parent is body and self.role.barrier == 0:
                steps.clear()
        for value, last in steps.items():
            ring = _ring(self.rings, value, describe(last))
            if ring.is_cp_async and isinstance(last, kernel.ReleaseOp):
                ring.unordered.append(None)

    # Rings of mbarriers.

    def initialise(self) -> None:
        """After the last ring one thread initialises the barriers of all rings, then the block (or the cluster) synchronises."""
        rings = [ring for ring in self.rings.values() if not ring.is_cp_async]
        if not rings:
            return
        last = rings[-1].op
        following = last.next_op
        if following is None or any(ring.op.parent is not last.parent for ring in rings):
            raise self.fail(last, "expected all rings of mbarriers in one block, before they are used")
        ops = [op for ring in rings for op in self.initialised(ring)]
        meet = kernel.ClusterSyncOp() if self.cluster > 1 else self.barrier()
        elect = kernel.ElectOp(Region(Block([*ops, kernel.MbarInitFenceOp()])))
        self.insert(following, elect, meet, location=last.location)

    def initialised(self, ring: Ring) -> list[Operation]:
        offset_of(ring.op, ring.op.offset)
        arrivals = ring.releasing_warps * (self.cluster if ring.multicast else 1)

        def one(slot: SSAValue) -> list[Operation]:
            full = kernel.SlotBarrierOp(ring.op.result, slot)
            ops: list[Operation] = [full, kernel.MbarInitOp(full.result, 1)]
            if arrivals:
                empty = kernel.SlotBarrierOp(ring.op.result, slot, empty=True)
                ops += [empty, kernel.MbarInitOp(empty.result, arrivals)]
            return ops

        return _unrolled(ring.stages, "s", one)

    def mbarrier(self, op: kernel.AcquireOp | kernel.CommitOp | kernel.WaitOp | kernel.ReleaseOp, ring: Ring) -> None:
        match op:
            case kernel.AcquireOp():
                self.acquire(op, ring)
            case kernel.CommitOp():
                full = kernel.SlotBarrierOp(op.ring, op.position)
                self.insert(op, full, kernel.MbarExpectOp(full.result, op.bytes.value.data))
            case kernel.WaitOp():
                self.insert(op, *_wait(op, empty=False))
            case kernel.ReleaseOp():
                self.release(op, ring)

    def acquire(self, op: kernel.AcquireOp, ring: Ring) -> None:
        position = sum_of(op.position)
        if not position.terms and position.const < ring.stages:
            return  # a slot's first fill
        if not ring.releasing_warps:
            raise self.fail(op, f"expected fills below {ring.stages} of {ring.type}, whose slots no role releases")
        self.insert(op, *_wait(op, empty=True))

    def release(self, op: kernel.ReleaseOp, ring: Ring) -> None:
        """One lane of each warp arrives, after a barrier of the role where threads have read the slot themselves."""
        if role_region(op) in ring.read_by_threads:
            self.insert(op, self.barrier())
        empty = kernel.SlotBarrierOp(op.ring, op.position, empty=True)
        if ring.multicast:
            arrive = _unrolled(self.cluster, "rank", lambda rank: [kernel.MbarArriveOp(empty.result, rank)])
        else:
            arrive = [kernel.MbarArriveOp(empty.result)]
        self.insert(op, empty, kernel.ElectOp(Region(Block(arrive)), per_warp=True))


def _wait(op: kernel.AcquireOp | kernel.WaitOp, *, empty: bool) -> Sequence[Operation]:
    barrier = kernel.SlotBarrierOp(op.ring, op.position, empty=empty)
    parity = kernel.SlotParityOp(op.ring, op.position, 1 if empty else 0)
    return barrier, parity, kernel.MbarWaitOp(barrier.result, parity.result)


def _unrolled(count: int, name: str, body: Callable[[SSAValue], list[Operation]]) -> list[Operation]:
    """Ops for each number below `count`: a loop, unless there is one only."""
    zero = arith.ConstantOp(IntegerAttr(0, index))
    if count == 1:
        return [zero, *body(zero.result)]
    end, step = (arith.ConstantOp(IntegerAttr(value, index)) for value in (count, 1))
    block = Block(arg_types=[index])
    block.args[0].name_hint = name
    block.add_ops([*body(block.args[0]), scf.YieldOp()])
    loop = scf.ForOp(zero.result, end.result, step.result, [], Region(block))
    loop.attributes["unroll"] = UnitAttr()
    return [zero, end, step, loop]


def _may_free(release: Sum | None, position: Sum, stages: int) -> bool:
    """Whether this release, or one that may have come with it, is what `acquire position` needs."""
    if release is None:
        return True
    gap = position - release
    return bool(gap.terms) or gap.const >= stages


def _is_elected(op: Operation) -> bool:
    holder = op.parent_op()
    while holder is not None and not isinstance(holder, kernel.ElectOp):
        holder = holder.parent_op()
    return holder is not None


def _holder(op: Operation) -> Operation | None:
    """The op around an op, looking through `kernel.elect`."""
    holder = op.parent_op()
    while isinstance(holder, kernel.ElectOp):
        holder = holder.parent_op()
    return holder


@dataclass(frozen=True)
class ExpandRingsPass(ModulePass):
    """Expand rings and barriers into instructions, and say which ops one thread executes."""

    name = "expand-rings"
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for func in op.body.block.ops:
            if isinstance(func, kernel.FuncOp) and not is_lowered(func):
                elect_threads(func)
                _Expansion(func).run()
