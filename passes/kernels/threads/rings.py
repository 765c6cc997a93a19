"""Lowers rings: groups of cp.async with block barriers, or pairs of mbarriers a slot (see docs/reference/kernel-semantics.md)."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, Region, SSAValue

from ....dialects.kernel import (
    AcquireOp,
    ClusterSyncOp,
    CommitOp,
    CpAsyncCommitOp,
    CpAsyncOp,
    CpAsyncWaitOp,
    FuncOp,
    LoadSharedOp,
    LoadTmaOp,
    MbarArriveOp,
    MbarExpectOp,
    MbarInitFenceOp,
    MbarInitOp,
    MbarWaitOp,
    ReleaseOp,
    RingOp,
    RingType,
    RolesOp,
    WaitOp,
)
from .context import Context
from .emitter import Ix
from .placement import MBARRIER_BYTES, root_of


@dataclass(eq=False)
class Ring:
    """A ring while it is lowered."""

    context: Context
    type: RingType
    offset: int
    releasing_warps: int = 0
    multicast: bool = False
    read_by_threads: set[Region | None] = field(default_factory=set["Region | None"])
    """Roles that read slots by ordinary loads."""
    unordered: list[Ix | None] = field(default_factory=list["Ix | None"])
    """cp_async: releases since the last barrier (None: of an unknown fill)."""

    @property
    def is_cp_async(self) -> bool:
        return self.type.kind.data == "cp_async"

    @property
    def stages(self) -> int:
        return self.type.stages.data

    def full(self, position: Ix) -> Ix:
        """Byte offset of the slot's full barrier."""
        return position % self.stages * MBARRIER_BYTES + self.offset

    def empty(self, position: Ix) -> Ix:
        """Byte offset of the slot's empty barrier."""
        return self.full(position) + self.stages * MBARRIER_BYTES

    def parity(self, position: Ix, ahead: int) -> SSAValue:
        """The parity of the phase that fill `position` (plus `ahead` turns) ends."""
        return self.context.em.value((position // self.stages + ahead) % 2)


def ring_of(context: Context, value: SSAValue) -> Ring:
    ring = context.cache.get(("ring", value))
    if not isinstance(ring, Ring):
        raise context.em.error(f"expected a ring made by kernel.ring, got {value.owner}")
    return ring


def role_region(op: Operation) -> Region | None:
    """The region of `kernel.roles` that an op is in, None outside roles."""
    region = op.parent_region()
    while region is not None:
        holder = region.parent
        if isinstance(holder, RolesOp):
            return region
        region = holder.parent_region() if holder is not None else None
    return None


def collect_rings(context: Context, func: FuncOp, offsets: dict[SSAValue, int]) -> None:
    """Learn who uses each ring: its barriers' arrival counts depend on it."""
    rings: dict[SSAValue, Ring] = {}
    releasing: dict[SSAValue, set[Region | None]] = {}
    filled: dict[SSAValue, Ring] = {}
    loads: list[LoadSharedOp] = []
    for op in func.walk():
        if isinstance(op, RingOp):
            assert isinstance(op.result.type, RingType)
            rings[op.result] = Ring(context, op.result.type, offsets.get(op.result, 0))
            context.cache["ring", op.result] = rings[op.result]
        elif isinstance(op, ReleaseOp):
            releasing.setdefault(op.ring, set()).add(role_region(op))
        elif isinstance(op, LoadTmaOp) and op.ring in rings:
            rings[op.ring].multicast |= op.multicast is not None
            filled[root_of(op.target)] = rings[op.ring]
        elif isinstance(op, LoadSharedOp):
            loads.append(op)
    for op in loads:
        if ring := filled.get(root_of(op.source)):
            ring.read_by_threads.add(role_region(op))
    for value, regions in releasing.items():
        ring = rings[value]
        if not ring.is_cp_async and len(regions) != ring.type.consumers.data:
            raise context.em.error(
                f"expected {ring.type.consumers.data} roles that release {ring.type}, got {len(regions)}"
            )
        ring.releasing_warps = sum(_warps(func, region) for region in regions)


def _warps(func: FuncOp, region: Region | None) -> int:
    if region is None:
        return func.warps.value.data
    roles = region.parent
    assert isinstance(roles, RolesOp)
    return list(roles.warps.iter_values())[list(roles.roles).index(region)]


def lower_ring(context: Context, op: RingOp) -> None:
    """The first mbarrier ring initialises the barriers of all of them, and the block (the cluster) meets."""
    rings = [r for r in context.cache.values() if isinstance(r, Ring) and not r.is_cp_async]
    if ring_of(context, op.result).is_cp_async or ("initialised",) in context.cache:
        return
    context.cache["initialised",] = True
    em, cluster = context.em, context.func.cluster.value.data
    with context.elect():
        for ring in rings:
            arrivals = ring.releasing_warps * (cluster if ring.multicast else 1)
            with em.loop(ring.stages, "s") as s:
                em.emit(MbarInitOp(em.value(ring.full(s)), 1))
                if arrivals:
                    em.emit(MbarInitOp(em.value(ring.empty(s)), arrivals))
        em.emit(MbarInitFenceOp())
    if cluster > 1:
        em.emit(ClusterSyncOp())
    else:
        context.barrier()


def lower_acquire(context: Context, op: AcquireOp) -> None:
    ring, position = ring_of(context, op.ring), context.ix(op.position)
    if ring.is_cp_async:
        if any(_may_free(release, position, ring.stages) for release in ring.unordered):
            context.barrier()
            ring.unordered.clear()
        return
    if not position.terms and position.const < ring.stages:
        return  # a slot's first fill
    if not ring.releasing_warps:
        raise context.em.error(f"expected fills below {ring.stages} of {ring.type}, whose slots no role releases")
    with context.elect():
        barrier = context.em.value(ring.empty(position))
        context.em.emit(MbarWaitOp(barrier, ring.parity(position, 1)))


def _may_free(release: Ix | None, position: Ix, stages: int) -> bool:
    """Whether this release, or one that may have come with it, is what `acquire position` needs."""
    if release is None:
        return True
    gap = position - stages - release
    return bool(gap.terms) or gap.const >= 0


def lower_commit(context: Context, op: CommitOp) -> None:
    ring = ring_of(context, op.ring)
    if ring.is_cp_async:
        context.em.emit(CpAsyncCommitOp())
        return
    with context.elect():
        context.em.emit(MbarExpectOp(context.em.value(ring.full(context.ix(op.position))), op.bytes.value.data))


def lower_wait(context: Context, op: WaitOp) -> None:
    ring, position = ring_of(context, op.ring), context.ix(op.position)
    if ring.is_cp_async:
        context.em.emit(CpAsyncWaitOp(op.later.value.data))
        context.barrier()
        ring.unordered.clear()
        return
    context.em.emit(MbarWaitOp(context.em.value(ring.full(position)), ring.parity(position, 0)))


def lower_release(context: Context, op: ReleaseOp) -> None:
    """mbarrier: one lane of each warp arrives, after a barrier of the role where threads have read the slot themselves."""
    ring, em, position = ring_of(context, op.ring), context.em, context.ix(op.position)
    if ring.is_cp_async:
        ring.unordered.append(position)
        return
    if role_region(op) in ring.read_by_threads:
        context.barrier()
    barrier = ring.empty(position)
    with em.when(em.below(context.role.thread % 32, 1)):
        if not ring.multicast:
            em.emit(MbarArriveOp(em.value(barrier)))
            return
        with em.loop(context.func.cluster.value.data, "rank") as rank:
            em.emit(MbarArriveOp(em.value(barrier), em.value(rank)))


def drop_idle_groups(block: Block) -> None:
    """Where all copies went through registers there is nothing for cp.async groups to count; the barriers stay."""
    ops = list(block.walk())
    if any(isinstance(op, CpAsyncOp) for op in ops):
        return
    for op in ops:
        if isinstance(op, CpAsyncCommitOp | CpAsyncWaitOp):
            op.detach()
            op.erase()


def open_loop(context: Context, body: Block) -> None:
    """Before a loop body: releases of the previous turn that no wait has followed are unordered."""
    steps: dict[SSAValue, Operation] = {}
    for op in body.walk():
        if isinstance(op, WaitOp | ReleaseOp):
            steps[op.ring] = op
    for value, last in steps.items():
        ring = ring_of(context, value)
        if ring.is_cp_async and isinstance(last, ReleaseOp):
            ring.unordered.append(None)
