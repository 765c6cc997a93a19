"""
What a launch does, counted: the answer of a schedule's `work`. It holds no time; `passes/kernels/cost/` prices it for a GPU.

A block works in serial steps: it fetches, waits, computes. What stands behind the last step is its epilogue. A persistent block takes
one tile after another; such a launch counts a block for each tile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil

from xdsl.ir import Operation

from ....dialects import nn
from ....dialects.dims import product
from ....dialects.errors import PassError
from ....dialects.kernel.types import bitwidth
from .group import GroupView

ISSUE = "issue"
"""The pipe of all instructions that have none of their own, counted for single threads."""


@dataclass(frozen=True)
class Work:
    """One launch at the usual sizes of its dims."""

    blocks: int
    threads: int
    """Of a block."""
    registers: int
    """Of a thread, a guess."""
    dram_bytes: float
    """Of the launch: what it reads and writes, each tensor once."""
    l2_bytes: float
    """That a block moves between L2 and its SM in one step."""
    smem: int = 0
    """Bytes of a block."""
    steps: int = 1
    """Serial steps of a block."""
    ahead: float = 1.0
    """Steps whose waits overlap, as a ring or several loads of a thread make them: one of this many is waited for in full."""
    operations: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of a block in one step, by pipe: multiply-adds of a matrix or FMA pipe, instructions of `ISSUE`."""
    tma: bool = False
    """Whether TMA moves the bytes."""
    epilogue: float = 0.0
    """Instructions of single threads behind the last step of a block."""
    refill: float = 0.0
    """Waits between one block and the next in its place: the last stores, then the first loads. None where blocks are persistent
    or so short that others fill the gap."""
    start: float = 0.0
    """Waits of the launch before its first step: barriers, tensor maps and roles that are set up."""
    whole_waves: bool = False
    """Whether blocks are so long that a wave of few takes as long as one of many."""

    def __post_init__(self) -> None:
        if min(self.blocks, self.threads, self.registers, self.steps) < 1 or self.ahead <= 0:
            raise PassError(f"work of a launch: expected at least one block, thread, register and step, got {self}")


def usual_bytes(group: GroupView) -> list[int]:
    """The bytes of each tensor in launch order, at the usual sizes."""
    return [
        ceil(group.usual(product(group.dims(i))) * bitwidth(nn.element_of(v)) / 8) for i, v in enumerate(group.tensors)
    ]


def cut(size: int, tile: int) -> int:
    """Tiles that cover a size; one where it is 0."""
    return max(1, -(-size // tile))


ACCESS_INSTRUCTIONS = 12.0
"""Of one thread for one load or store of a vector: address, bounds, the access, and conversions."""
_INSTRUCTIONS: Mapping[type[Operation], float] = {
    nn.ExpOp: 6, nn.LogOp: 8, nn.SqrtOp: 8, nn.RsqrtOp: 4, nn.SigmoidOp: 16, nn.TanhOp: 20, nn.ErfOp: 20, nn.DivOp: 10,
    nn.PowOp: 30, nn.ModOp: 30, nn.ReciprocalOp: 8, nn.SinOp: 20, nn.CosOp: 20,
}  # fmt: skip
"""For one element, where it is more than one: exact divisions branch, functions are polynomials."""


def arithmetic(ops: Iterable[Operation]) -> float:
    """Instructions for one element of the pointwise ops among `ops`."""
    return sum(_INSTRUCTIONS.get(type(op), 1.0) for op in ops if nn.is_pointwise(op))
