"""Tile ops of the `kernel` dialect that order others: rings, barriers, fences, and dependent launches."""

from __future__ import annotations

from xdsl.dialects.builtin import IndexType, UnitAttr, i32
from xdsl.ir import Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.traits import NoTerminator, Pure

from ..base import I64Attr, PlainOp, expect, int_attr, unit
from ..types import GlobalType, RingType


@irdl_op_definition
class RingOp(IRDLOperation):
    """
    A ring of slots, all free. Made once, before `kernel.roles`. `offset`, in bytes of shared memory, is where its mbarriers lie, once
    `place-shared-memory` has placed them: the full ones, then the empty ones.
    """

    name = "kernel.ring"
    offset = opt_prop_def(I64Attr)
    result = result_def(RingType)
    assembly_format = "(`at` $offset^)? attr-dict `->` type($result)"

    def __init__(self, result: RingType):
        super().__init__(result_types=[result])


class _RingStep(IRDLOperation):
    ring = operand_def(RingType)
    position = operand_def(IndexType())

    def __init__(self, ring: SSAValue, position: SSAValue):
        super().__init__(operands=[ring, position])


@irdl_op_definition
class AcquireOp(_RingStep):
    """Producer: waits until the slot of fill number `position` is free, that is, released by every consumer of fill `position - stages`."""

    name = "kernel.acquire"
    assembly_format = "$ring `[` $position `]` attr-dict `:` type($ring)"


@irdl_op_definition
class CommitOp(_RingStep):
    """Producer: all copies for fill `position` have been started; `bytes` is what TMA will deliver (mbarrier rings)."""

    name = "kernel.commit"
    bytes = prop_def(I64Attr)
    assembly_format = "$ring `[` $position `]` `bytes` $bytes attr-dict `:` type($ring)"

    def __init__(self, ring: SSAValue, position: SSAValue, bytes: int = 0):
        IRDLOperation.__init__(self, operands=[ring, position], properties={"bytes": int_attr(bytes)})


@irdl_op_definition
class WaitOp(_RingStep):
    """Consumer: waits until fill `position` has landed and is visible to the role. `later` fills may have been committed after it."""

    name = "kernel.wait"
    later = prop_def(I64Attr)
    assembly_format = "$ring `[` $position `]` `later` $later attr-dict `:` type($ring)"

    def __init__(self, ring: SSAValue, position: SSAValue, later: int = 0):
        IRDLOperation.__init__(self, operands=[ring, position], properties={"later": int_attr(later)})


@irdl_op_definition
class ReleaseOp(_RingStep):
    """Consumer: is done with fill `position`."""

    name = "kernel.release"
    assembly_format = "$ring `[` $position `]` attr-dict `:` type($ring)"


@irdl_op_definition
class BarrierOp(PlainOp):
    """Synchronizes all threads of the role (outside roles: of the block); shared memory written before is visible after."""

    name = "kernel.barrier"


@irdl_op_definition
class FenceAsyncOp(PlainOp):
    """Makes this thread's ordinary writes to shared memory visible to TMA and wgmma (fence.proxy.async)."""

    name = "kernel.fence_async"


@irdl_op_definition
class ClusterBarrierOp(PlainOp):
    """Synchronizes all threads of the cluster."""

    name = "kernel.cluster_barrier"


@irdl_op_definition
class GridBarrierOp(IRDLOperation):
    """
    Synchronizes all threads of `blocks` blocks of the grid, those that name the same element of `counters` (i32, 0 before the launch);
    global memory written before is visible after. `turn` counts the meetings, from 0. All blocks of the launch run at once.
    """

    name = "kernel.grid_barrier"
    counters = operand_def(GlobalType)
    place = operand_def(IndexType())
    turn = operand_def(IndexType())
    blocks = prop_def(I64Attr)
    assembly_format = "$counters `[` $place `]` `turn` $turn `blocks` $blocks attr-dict `:` type($counters)"

    def __init__(self, counters: SSAValue, place: SSAValue, turn: SSAValue, blocks: int):
        super().__init__(operands=[counters, place, turn], properties={"blocks": int_attr(blocks)})

    def verify_(self) -> None:
        assert isinstance(self.counters.type, GlobalType)
        expect(self.counters.type.element_type == i32, self.name, "counters of i32", self.counters.type)
        expect(self.blocks.value.data >= 1, self.name, "1 block or more", self.blocks.value.data)


@irdl_op_definition
class GridWaitOp(PlainOp):
    """Waits until the previous launch has ended and its writes are visible; does nothing in a launch that is not dependent."""

    name = "kernel.grid_wait"


@irdl_op_definition
class GridSignalOp(PlainOp):
    """Lets the next launch start its prologue."""

    name = "kernel.grid_signal"


# What `expand-rings` makes, for `lower-fragments`.


@irdl_op_definition
class ElectOp(IRDLOperation):
    """One thread executes the body: the role's first, or with `per_warp` the first of each of its warps."""

    name = "kernel.elect"
    per_warp = opt_prop_def(UnitAttr)
    body = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = "(`per_warp` $per_warp^)? $body attr-dict"

    def __init__(self, body: Region, *, per_warp: bool = False):
        super().__init__(regions=[body], properties={"per_warp": unit(per_warp)})


@irdl_op_definition
class SlotBarrierOp(_RingStep):
    """Byte offset of an mbarrier of the slot of fill `position`: the one that the fill completes, or with `empty` the one that its releases
    complete."""

    name = "kernel.slot_barrier"
    empty = opt_prop_def(UnitAttr)
    result = result_def(IndexType())
    traits = traits_def(Pure())
    assembly_format = "$ring `[` $position `]` (`empty` $empty^)? attr-dict `:` type($ring)"

    def __init__(self, ring: SSAValue, position: SSAValue, *, empty: bool = False):
        IRDLOperation.__init__(
            self, operands=[ring, position], properties={"empty": unit(empty)}, result_types=[IndexType()]
        )

    def verify_(self) -> None:
        _expect_mbarriers(self.ring)


@irdl_op_definition
class SlotParityOp(_RingStep):
    """Parity of the mbarrier phase that ends with fill `position + ahead * stages` of the slot."""

    name = "kernel.slot_parity"
    ahead = prop_def(I64Attr)
    result = result_def(IndexType())
    traits = traits_def(Pure())
    assembly_format = "$ring `[` $position `]` `ahead` $ahead attr-dict `:` type($ring)"

    def __init__(self, ring: SSAValue, position: SSAValue, ahead: int):
        IRDLOperation.__init__(
            self, operands=[ring, position], properties={"ahead": int_attr(ahead)}, result_types=[IndexType()]
        )

    def verify_(self) -> None:
        _expect_mbarriers(self.ring)


def _expect_mbarriers(ring: SSAValue) -> None:
    assert isinstance(ring.type, RingType)
    expect(ring.type.kind.data == "mbarrier", "ring", "one of mbarriers", ring.type)


SYNC: tuple[type[Operation], ...] = (
    RingOp, AcquireOp, CommitOp, WaitOp, ReleaseOp, BarrierOp, FenceAsyncOp, ClusterBarrierOp, GridBarrierOp, GridWaitOp,
    GridSignalOp,
    ElectOp, SlotBarrierOp, SlotParityOp,
)  # fmt: skip
