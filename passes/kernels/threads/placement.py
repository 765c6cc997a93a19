"""Places a kernel's shared memory: mbarriers first, then the tiles in program order; `over` takes the bytes of another."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from ....dialects.kernel import AllocOp, FuncOp, LoadTmaOp, MmaOp, RingOp, RingType, SharedType, SlotOp, StoreTmaOp

MBARRIER_BYTES = 8
ALIGN_PLAIN, ALIGN_TMA = 16, 1024


@dataclass
class Placement:
    """Byte offsets of the tiles and of each ring's mbarriers, and the total."""

    tiles: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    rings: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    bytes: int = 0


def root_of(tile: SSAValue) -> SSAValue:
    """The allocation that a shared tile is a slot of."""
    while isinstance(tile.owner, SlotOp):
        tile = tile.owner.source
    return tile


def place(func: FuncOp) -> Placement:
    """Offsets for everything that the kernel allocates."""
    placement = Placement()
    allocs: list[AllocOp] = []
    through_tma: set[SSAValue] = set()
    offset = 0
    for op in func.walk():
        if isinstance(op, RingOp):
            type_ = op.result.type
            assert isinstance(type_, RingType)
            if type_.kind.data == "mbarrier":
                placement.rings[op.result] = offset
                offset += 2 * type_.stages.data * MBARRIER_BYTES
        elif isinstance(op, AllocOp):
            allocs.append(op)
        else:
            through_tma.update(root_of(tile) for tile in _tma_tiles(op))
    owners: dict[SSAValue, SSAValue] = {}
    sizes: dict[SSAValue, int] = {}
    aligns: dict[SSAValue, int] = {}
    for op in allocs:
        type_ = op.result.type
        assert isinstance(type_, SharedType)
        owner = op.result if op.over is None else owners[root_of(op.over)]
        owners[op.result] = owner
        align = ALIGN_TMA if type_.swizzle.data or op.result in through_tma else ALIGN_PLAIN
        sizes[owner] = max(sizes.get(owner, 0), type_.bytes)
        aligns[owner] = max(aligns.get(owner, 0), align)
    for owner, size in sizes.items():
        offset = -(-offset // aligns[owner]) * aligns[owner]
        placement.tiles[owner] = offset
        offset += size
    for tile, owner in owners.items():
        placement.tiles[tile] = placement.tiles[owner]
    placement.bytes = offset
    return placement


def _tma_tiles(op: Operation) -> list[SSAValue]:
    if isinstance(op, LoadTmaOp):
        return [op.target]
    if isinstance(op, StoreTmaOp):
        return [op.source]
    if isinstance(op, MmaOp):
        return [v for v in (op.a, op.b) if isinstance(v.type, SharedType)]
    return []
