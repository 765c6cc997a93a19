"""Lowers what `expand-rings` leaves: ops of one elected thread, mbarriers, named by a ring and a fill, and instructions as they are."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.ir import Block, Operation, SSAValue

from ....dialects.kernel import (
    BarSyncOp,
    BulkWaitOp,
    ClusterSyncOp,
    CpAsyncCommitOp,
    CpAsyncOp,
    CpAsyncWaitOp,
    ElectOp,
    FenceProxyAsyncOp,
    GridBarrierOp,
    GridSignalOp,
    GridSyncOp,
    GridWaitOp,
    MbarArriveOp,
    MbarExpectOp,
    MbarInitFenceOp,
    MbarInitOp,
    MbarWaitOp,
    RingOp,
    RingType,
    SlotBarrierOp,
    SlotParityOp,
)
from .context import Context
from .emitter import Ix
from .placed import offset_of

MBARRIER_BYTES = 8

KEPT: tuple[type[Operation], ...] = (
    BarSyncOp, ClusterSyncOp, FenceProxyAsyncOp, MbarInitFenceOp, CpAsyncCommitOp, CpAsyncWaitOp, BulkWaitOp, GridWaitOp, GridSignalOp,
)  # fmt: skip
"""Instructions without operands."""


def lower_elect(context: Context, op: ElectOp, lower_block: Callable[[Context, Block], None]) -> None:
    """A branch of the role's first thread, or of the first of each of its warps."""
    if op.per_warp is None:
        with context.elect():
            lower_block(context, op.body.block)
        return
    with context.em.when(context.em.below(context.role.thread % 32, 1)):
        lower_block(context, op.body.block)


def full_barrier(context: Context, ring: SSAValue, position: Ix) -> Ix:
    """Byte offset of the mbarrier that a fill of the ring completes."""
    owner = ring.owner
    if not isinstance(owner, RingOp):
        raise context.em.error(f"expected a ring made by kernel.ring, got {owner}")
    return position % _stages(ring) * MBARRIER_BYTES + offset_of(owner, owner.offset)


def _stages(ring: SSAValue) -> int:
    assert isinstance(ring.type, RingType)
    return ring.type.stages.data


def _barrier(context: Context, value: SSAValue) -> SSAValue:
    """The byte offset of a slot's barrier, computed where it is used."""
    op = value.owner
    if not isinstance(op, SlotBarrierOp):
        raise context.em.error(f"expected a barrier named by kernel.slot_barrier, got {op}")
    full = full_barrier(context, op.ring, context.ix(op.position))
    return context.em.value(full if op.empty is None else full + _stages(op.ring) * MBARRIER_BYTES)


def lower_mbar_init(context: Context, op: MbarInitOp) -> None:
    context.em.emit(MbarInitOp(_barrier(context, op.barrier), op.count.value.data))


def lower_mbar_arrive(context: Context, op: MbarArriveOp) -> None:
    barrier = _barrier(context, op.barrier)
    context.em.emit(MbarArriveOp(barrier, None if op.rank is None else context.operand(op.rank)))


def lower_mbar_expect(context: Context, op: MbarExpectOp) -> None:
    context.em.emit(MbarExpectOp(_barrier(context, op.barrier), op.bytes.value.data))


def lower_mbar_wait(context: Context, op: MbarWaitOp) -> None:
    barrier, parity = _barrier(context, op.barrier), op.parity.owner
    if not isinstance(parity, SlotParityOp):
        raise context.em.error(f"expected a parity named by kernel.slot_parity, got {parity}")
    turn = context.ix(parity.position) // _stages(parity.ring)
    context.em.emit(MbarWaitOp(barrier, context.em.value((turn + parity.ahead.value.data) % 2)))


def lower_grid_barrier(context: Context, op: GridBarrierOp) -> None:
    """Each meeting takes one arrival of each block."""
    place, turn = context.ix(op.place), context.ix(op.turn)
    target = (turn + 1) * op.blocks.value.data
    context.em.emit(GridSyncOp(context.operand(op.counters), context.em.value(place), context.em.value(target)))


def drop_idle_groups(block: Block) -> None:
    """Where all copies went through registers there is nothing for cp.async groups to count; the barriers stay."""
    ops = list(block.walk())
    if any(isinstance(op, CpAsyncOp) for op in ops):
        return
    for op in ops:
        if isinstance(op, CpAsyncCommitOp | CpAsyncWaitOp):
            op.detach()
            op.erase()
