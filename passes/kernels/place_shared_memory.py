"""
`place-shared-memory`: every shared tile and every ring of mbarriers of a `kernel.func` gets its byte offset, and the func its size.

    %ring = kernel.ring -> !kernel.ring<4, "mbarrier", 1>
    %a = kernel.alloc -> !kernel.shared<4x128x64xf16, swizzle 128>
  becomes
    %ring = kernel.ring at 0 -> !kernel.ring<4, "mbarrier", 1>
    %a = kernel.alloc {offset = 1024 : i64} -> !kernel.shared<4x128x64xf16, swizzle 128>

mbarriers lie first, then the tiles in program order; `over` takes the bytes of another. A tile that TMA or wgmma touches is aligned to 1024
bytes, any other to 16. A kernel that needs more than the target has is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import kernel
from ...dialects.errors import PassError
from ...dialects.kernel.base import int_attr
from .threads.placed import is_lowered, root_of

MBARRIER_BYTES = 8
ALIGN_PLAIN, ALIGN_TMA = 16, 1024


def place(func: kernel.FuncOp) -> int:
    """Gives offsets to everything that the kernel allocates; the bytes of all of it."""
    allocs: list[kernel.AllocOp] = []
    through_tma: set[SSAValue] = set()
    offset = 0
    for op in func.walk():
        if isinstance(op, kernel.RingOp):
            type_ = op.result.type
            assert isinstance(type_, kernel.RingType)
            if type_.kind.data == "mbarrier":
                op.offset = int_attr(offset)
                offset += 2 * type_.stages.data * MBARRIER_BYTES
        elif isinstance(op, kernel.AllocOp):
            allocs.append(op)
        else:
            through_tma.update(root_of(tile) for tile in _tma_tiles(op))
    owners: dict[SSAValue, SSAValue] = {}
    sizes: dict[SSAValue, int] = {}
    aligns: dict[SSAValue, int] = {}
    for op in allocs:
        type_ = op.result.type
        assert isinstance(type_, kernel.SharedType)
        owner = op.result if op.over is None else owners[root_of(op.over)]
        owners[op.result] = owner
        align = ALIGN_TMA if type_.swizzle.data or op.result in through_tma else ALIGN_PLAIN
        sizes[owner] = max(sizes.get(owner, 0), type_.bytes)
        aligns[owner] = max(aligns.get(owner, 0), align)
    starts: dict[SSAValue, int] = {}
    for owner, size in sizes.items():
        offset = -(-offset // aligns[owner]) * aligns[owner]
        starts[owner] = offset
        offset += size
    for op in allocs:
        op.offset = int_attr(starts[owners[op.result]])
    return offset


def _tma_tiles(op: Operation) -> list[SSAValue]:
    if isinstance(op, kernel.LoadTmaOp):
        return [op.target]
    if isinstance(op, kernel.StoreTmaOp):
        return [op.source]
    if isinstance(op, kernel.MmaOp):
        return [v for v in (op.a, op.b) if isinstance(v.type, kernel.SharedType)]
    return []


@dataclass(frozen=True)
class PlaceSharedMemoryPass(ModulePass):
    """Place the shared tiles and mbarriers of every kernel in the block's shared memory."""

    name = "place-shared-memory"
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get("kernel.target")
        capacity = target.smem.data if isinstance(target, kernel.Target) else None
        for func in op.body.block.ops:
            if not isinstance(func, kernel.FuncOp) or is_lowered(func):
                continue
            bytes_ = place(func)
            if capacity is not None and bytes_ > capacity:
                raise PassError(
                    f"place-shared-memory: @{func.sym_name.data}: expected at most {capacity} bytes of shared memory on this target, got "
                    f"{bytes_}; choose smaller tiles or fewer stages"
                )
            func.smem = int_attr(bytes_)
