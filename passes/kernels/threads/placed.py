"""What the passes of phase `threads` ask of a kernel: whether it is lowered, the roles of its ops, the allocations of its tiles."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import Operation, Region, SSAValue

from ....dialects.errors import PassError
from ....dialects.kernel import FuncOp, RolesOp, SlotOp, ThreadIdOp
from ....dialects.kernel.base import I64Attr
from ....dialects.kernel.marks import LOWERED
from ....dialects.provenance import describe


def is_lowered(func: FuncOp) -> bool:
    """Whether a kernel consists of thread ops already, or did in an earlier build, whose result a cache has."""
    return LOWERED in func.attributes or any(isinstance(op, ThreadIdOp) for op in func.body.block.ops)


def root_of(tile: SSAValue) -> SSAValue:
    """The allocation that a shared tile is a slot of."""
    while isinstance(tile.owner, SlotOp):
        tile = tile.owner.source
    return tile


def role_region(op: Operation) -> Region | None:
    """The region of `kernel.roles` that an op is in, None outside roles."""
    region = op.parent_region()
    while region is not None:
        holder = region.parent
        if isinstance(holder, RolesOp):
            return region
        region = holder.parent_region() if holder is not None else None
    return None


def offset_of(op: Operation, offset: I64Attr | None) -> int:
    """The byte offset that `place-shared-memory` gave. Raises PassError without one."""
    if offset is None:
        raise PassError(
            f"{describe(op)}: expected a byte offset in shared memory, got none; run place-shared-memory first"
        )
    return offset.value.data


def warps_of(func: FuncOp, regions: Iterable[Region | None]) -> int:
    """The warps of these roles together; None stands for the whole block."""
    return sum(func.warps.value.data if region is None else _warps(region) for region in regions)


def _warps(region: Region) -> int:
    roles = region.parent
    assert isinstance(roles, RolesOp)
    return list(roles.warps.iter_values())[list(roles.roles).index(region)]
